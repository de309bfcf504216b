/*
 * unit - texts of systemd's unit files for containers and pods (systemd.service(5)), in the shape that
 * Podman gives them. Pure: nothing is read or written. Runs in pm.
 */
#ifndef PM_ENGINE_SYSTEMD_UNIT_H
#define PM_ENGINE_SYSTEMD_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Strings and lists are borrowed; NULL and empty: not given. */
struct pm_unit {
	const char *name;        /* without ".service" and "@": "container-web" */
	bool template_;          /* NAME@.service */
	bool new_;               /* the container is made and removed by the unit */
	const char *header;      /* "pm 0.1.0" and the date go in front; NULL: no header */
	const char *date;
	const char *mounts_for;  /* RequiresMountsFor: already with specifiers */
	const struct pm_strv *wants, *after, *requires;
	const struct pm_strv *env; /* NAME=VALUE */
	const char *restart;
	int64_t restart_sec, start_timeout; /* < 0: not given */
	int64_t stop_timeout;    /* of the container, seconds */
	const struct pm_strv *start; /* argv, each word escaped already (specifiers are the unit's own) */
	const struct pm_strv *stop_prefix; /* argv[0] and global options for stop and rm, escaped */
	const char *id;          /* !new_: what start, stop name */
	const char *pid_file;    /* !new_, and pods: already with specifiers */
	const struct pm_strv *create; /* a pod's with new_: argv that makes it, escaped; NULL: a container's */
	const char *pod_id_file; /* create: already with specifiers */
	const struct pm_strv *members; /* a pod's: its containers' units */
	const struct pm_strv *bound;   /* a container's: its pod's unit, and those of what it depends on */
};

void pm_unit_write(const struct pm_unit *u, struct pm_buf *out);

/* A word of a command line for ExecStart=: $ and % doubled, quoted where needed. The caller frees. */
char *pm_unit_escape(const char *word);
/* The same for Environment=: % doubled, quoted where needed. */
char *pm_unit_escape_env(const char *assignment);
/* The same for a word in which % and $ are the user's own specifiers and variables: quoted only. */
char *pm_unit_quote(const char *word);
/* A text that is put among such: % doubled, and $ where systemd would expand variables; not quoted. */
char *pm_unit_literal(const char *text, bool dollars);

/* Is it one of systemd's words for Restart=? PM_E_USAGE. */
int pm_unit_check_restart(const char *policy, struct pm_err *err);

#endif
