/*
 * layer_compare - are a layer's files those of its tar stream? The digest of a stream that was made again from a
 * recipe proves the content that it took from files; this finds the rest: files that became longer, or that
 * are of another type, directories, symlinks and empty files that are gone.
 *
 * Fed the stream as it is made; names are hostile, files are looked at as if the layer's directory were "/". What a
 * later entry replaces does not count. Devices, owners, modes and times are not compared: what was
 * extracted depends on who did.
 */
#ifndef PM_STORAGE_LAYER_COMPARE_H
#define PM_STORAGE_LAYER_COMPARE_H

#include <stddef.h>

#include "base/err.h"

struct pm_layer_compare;

struct pm_layer_compare *pm_layer_compare_new(void);
void pm_layer_compare_free(struct pm_layer_compare *c); /* NULL is fine */

/* The next bytes of the stream. */
int pm_layer_compare_push(struct pm_layer_compare *c, const void *data, size_t len,
			  struct pm_err *err);
/* The stream has ended: compare with the directory diff. PM_E_DIGEST names the first difference. */
int pm_layer_compare_finish(struct pm_layer_compare *c, int diff, struct pm_err *err);

#endif
