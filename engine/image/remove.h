/*
 * remove - `rmi` and the removing half of prune: names untagged, the image deleted with the parents that
 * nothing needs any more, containers of it removed when forced.
 *
 * Runs in pm. Each image is one transaction (storage/image.h); what is said in the report has happened.
 * Files are in trash/ afterwards: the caller sweeps once (pm_engine_sweep).
 */
#ifndef PM_ENGINE_IMAGE_REMOVE_H
#define PM_ENGINE_IMAGE_REMOVE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

struct pm_rmi_options {
	bool force;    /* remove its containers; by id: also an image of several names */
	bool no_prune; /* leave the parents that become dangling */
};

struct pm_rmi_report {
	struct pm_strv untagged; /* names */
	struct pm_strv deleted;  /* image ids */
};
void pm_rmi_report_free(struct pm_rmi_report *r);
#define _cleanup_rmi_report_ _cleanup_(pm_rmi_report_free)

/* What a user's word names. A name of several is untagged; an image with one is deleted. ret is appended
 * to, also before a failure. PM_E_NOSUCH, PM_E_AMBIGUOUS, PM_E_INUSE: a container has it and force is
 * not set; EROFS: it is in a read-only store. */
int pm_rmi(struct pm_engine *e, const char *word, const struct pm_rmi_options *o,
	   struct pm_rmi_report *ret, struct pm_err *err);

/* The image with this whole id and all of its names. */
int pm_rmi_image(struct pm_engine *e, const char *id, const struct pm_rmi_options *o,
		 struct pm_rmi_report *ret, struct pm_err *err);

#endif
