/*
 * generate - the units of `generate systemd`: for a container (generate_container.c), for a pod and its containers
 * (generate_pod.c). The command itself prints them. Runs in pm.
 */
#ifndef PM_CLI_GENERATE_H
#define PM_CLI_GENERATE_H

#include "cli/command.h"
#include "engine/pod/pod.h"
#include "engine/systemd/unit.h"

struct pm_generate_opts {
	bool files, name, new_, no_header, template_;
	const char *format, *container_prefix, *pod_prefix, *separator, *restart_policy;
	uint64_t restart_sec, start_timeout, stop_timeout;
	struct pm_strv after, requires, wants, env;
};

/* What all units of one command have in common, and the units. */
struct pm_generate {
	struct pm_cli *cli;
	struct pm_engine *e;
	const struct pm_generate_opts *o;
	bool new_;
	char *self;
	char date[64];
	struct pm_strv env;
	struct pm_strv names, texts;
};

void pm_generate_free(struct pm_generate *m);

/* What a container's unit says of its pod. */
struct pm_unit_in_pod {
	const struct pm_strv *bound; /* units */
	const char *id_file;         /* --new; with specifiers */
};

/* The unit of one container; in: NULL for one by itself. */
int pm_generate_container(struct pm_generate *m, const struct pm_container *c, const char *name,
			  const struct pm_unit_in_pod *in, struct pm_err *err);
/* Those of a pod and of its containers. PM_E_STATE: it has no infra container. */
int pm_generate_pod(struct pm_generate *m, const struct pm_pod *p, struct pm_err *err);

/* --- what both are made with; the caller frees strings ---------------------------------------------- */

/* PREFIX-NAME, or with the id, as the options say. */
char *pm_generate_name(const struct pm_generate_opts *o, const char *prefix, const char *name,
		       const char *id);
char *pm_generate_container_name(const struct pm_generate_opts *o, const struct pm_container *c);
/* Where the pid of c's monitor is. */
char *pm_generate_pid_file(const struct pm_engine *e, const struct pm_container *c);
/* What units of containers and pods say alike. c: the container itself, or the pod's infra container. */
struct pm_unit pm_generate_common(const struct pm_generate *m, const struct pm_container *c,
				  const char *name);
/* "pm start ID" of what is there. */
void pm_generate_start_old(const struct pm_generate *m, const char *id, struct pm_strv *start,
			   struct pm_strv *prefix);
/* words as a unit's command line has them. */
void pm_generate_escaped(struct pm_strv *to, const struct pm_strv *words);
void pm_generate_add(struct pm_generate *m, const struct pm_unit *u);

#endif
