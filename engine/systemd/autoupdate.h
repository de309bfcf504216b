/*
 * autoupdate - newer images for containers that are services: found by the label io.containers.autoupdate, and put to
 * work by restarting the container's unit, which makes the container anew (labels of engine/container/service.h).
 *
 * A unit that does not come up with the new image gets the old one back: its name means it again and the unit is
 * restarted once more. The image that was replaced stays in the store. Killed in between, the next run goes on: a
 * container that runs something else than its name means is restarted. Runs in pm.
 */
#ifndef PM_ENGINE_SYSTEMD_AUTOUPDATE_H
#define PM_ENGINE_SYSTEMD_AUTOUPDATE_H

#include <stdbool.h>

#include "engine/engine.h"
#include "engine/image/pull.h"

#define PM_AUTOUPDATE_LABEL "io.containers.autoupdate"

struct pm_autoupdate_options {
	struct pm_pull_options pull; /* authfile: where a container's label names none */
	bool dry_run;                /* look only */
	bool rollback;
	const struct pm_pull_progress *progress; /* NULL: none */
	/* Something failed, and the next unit is looked at. */
	void (*failed)(void *arg, struct pm_err *err);
	void *arg;
};

enum pm_autoupdate_policy {
	PM_AUTOUPDATE_REGISTRY,
	PM_AUTOUPDATE_LOCAL,
};

/* A container with a policy. Strings are owned. */
struct pm_autoupdate {
	char *unit, *id, *name;
	char *image;   /* as the user named it */
	char *full;    /* the name in the store */
	char *old_id;  /* the image that it runs */
	char *authfile; /* of its label, or NULL */
	enum pm_autoupdate_policy policy;
	const char *updated; /* "true", "false", "failed", "pending", "rolled back" */
};

struct pm_autoupdate_list {
	struct pm_autoupdate *v;
	size_t n;
};

void pm_autoupdate_list_free(struct pm_autoupdate_list *l);
#define _cleanup_autoupdate_list_ _cleanup_(pm_autoupdate_list_free)

/* Look at all running containers with a policy, unit by unit. PM_E_CANCELLED. */
int pm_autoupdate_run(struct pm_engine *e, const struct pm_autoupdate_options *o, struct pm_autoupdate_list *ret,
		      struct pm_err *err);

/* 1: the label's word says which policy, 0: none; PM_E_USAGE. */
int pm_autoupdate_policy_parse(const char *word, enum pm_autoupdate_policy *ret, struct pm_err *err);
const char *pm_autoupdate_policy_name(enum pm_autoupdate_policy policy);

#endif
