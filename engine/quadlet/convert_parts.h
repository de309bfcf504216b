/*
 * convert_parts - what the converters of the kinds share. For engine/quadlet alone. Words of a command are texts in
 * which % and $ are systemd's (the user's own); what comes from elsewhere goes through pm_unit_literal first. Nothing
 * returns an error: pm_conv_fail notes it, the rest of the file is looked at all the same.
 */
#ifndef PM_ENGINE_QUADLET_CONVERT_PARTS_H
#define PM_ENGINE_QUADLET_CONVERT_PARTS_H

#include "engine/quadlet/quadlet.h"

struct pm_conv {
	struct pm_quadlet_set *set;
	struct pm_quadlet *q;
};

/* The kinds: they fill q->out. In convert_*.c. */
void pm_conv_build(struct pm_conv *c);
void pm_conv_container(struct pm_conv *c);
void pm_conv_image(struct pm_conv *c);
void pm_conv_kube(struct pm_conv *c);
void pm_conv_network(struct pm_conv *c);
void pm_conv_pod(struct pm_conv *c);
void pm_conv_volume(struct pm_conv *c);

/* line: NULL: the file as a whole. */
void pm_conv_fail(struct pm_conv *c, const struct pm_unitline *line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- values of the kind's own group */

const struct pm_unitline *pm_conv_line(const struct pm_conv *c, const char *key);
/* The last value without quotes around it, or NULL. The caller frees. */
char *pm_conv_text(const struct pm_conv *c, const char *key);
bool pm_conv_bool(struct pm_conv *c, const char *key, bool otherwise);
/* Each word of each value. */
void pm_conv_words(struct pm_conv *c, const char *key, struct pm_strv *ret);
/* A path of the file: relative ones, but for those that begin with a specifier, are below its directory. */
char *pm_conv_path(const struct pm_conv *c, const char *path);

/* --- commands */

/* "PM --module=... GLOBAL ARGS" and the words of verb ("network create"). */
void pm_conv_command(struct pm_conv *c, const char *verb, struct pm_strv *cmd);
/* All options that the table says how to make. */
void pm_conv_options(struct pm_conv *c, struct pm_strv *cmd);
/* Network= and Volume=. */
void pm_conv_networks(struct pm_conv *c, struct pm_strv *cmd);
void pm_conv_volumes(struct pm_conv *c, struct pm_strv *cmd);
/* Key of [Service] with the command, which it empties; prefix: systemd's "-", or "". */
void pm_conv_exec(struct pm_conv *c, const char *key, const char *prefix, struct pm_strv *cmd);

/* --- the service */

/* [Service] KEY= where the file does not say it itself. */
void pm_conv_default(struct pm_conv *c, const char *key, const char *value);
/* The start of a service that only sees to it that something is there. */
void pm_conv_oneshot(struct pm_conv *c);
/* Type=, KillMode= and what goes with them for a service whose main process is a monitor; false: Type=oneshot. */
bool pm_conv_notify(struct pm_conv *c);
/* Wait for a mount on the host below which path is. */
void pm_conv_needs_path(struct pm_conv *c, const char *path);
/* The file that name (with a Quadlet ending) stands for; the service then comes after that one's and needs it. NULL, noted:
 * there is none. */
const struct pm_quadlet *pm_conv_needs(struct pm_conv *c, const struct pm_unitline *line, const char *name);
/* An image's name; of NAME.image and NAME.build what it makes. NULL: failed. The caller frees. */
char *pm_conv_image_name(struct pm_conv *c, const struct pm_unitline *line, const char *image);

#endif
