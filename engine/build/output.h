/*
 * output - `build --output`: the files of the image that was made, in a directory or as a tar archive.
 *
 * A directory is filled by pm-transfer's extractor (engine/unpack.h), confined to it, as this user: owners are his, but for root, who
 * keeps those of the image.
 */
#ifndef PM_ENGINE_BUILD_OUTPUT_H
#define PM_ENGINE_BUILD_OUTPUT_H

#include "base/err.h"
#include "engine/engine.h"

struct pm_build_output {
	bool tar;
	char *dest; /* a directory, a file, or "-": standard output (a tar) */
};

void pm_build_output_free(struct pm_build_output *o);
/* "DIR", "-", "type=local,dest=DIR", "type=tar,dest=FILE". PM_E_USAGE. */
int pm_build_output_parse(const char *text, struct pm_build_output *ret, struct pm_err *err);
int pm_build_output_write(struct pm_engine *e, const char *image_id, const struct pm_build_output *o,
			  struct pm_err *err);

#endif
