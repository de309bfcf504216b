/*
 * layer_recipe - a directory that becomes a layer as it is: its diff id and its recipe (storage/recipe.h), as if its
 * canonical tar (storage/layer_tar.h) had been extracted to it. Nothing is copied.
 *
 * The directory has what overlayfs makes of changes (whiteouts, opaque directories), as layers have. Runs inside the
 * user namespace.
 */
#ifndef PM_STORAGE_LAYER_RECIPE_H
#define PM_STORAGE_LAYER_RECIPE_H

#include <stdint.h>

#include "base/err.h"

/* dir: the directory; recipe: an empty file to write to. ret_hex: SHA-256 of the stream; ret_size: its bytes.
 * PM_E_UNSUPPORTED: there is something that a layer cannot have (a socket). */
int pm_layer_recipe(int dir, int recipe, char ret_hex[65], int64_t *ret_size, struct pm_err *err);

#endif
