/*
 * layout_delete - an image taken out of an OCI layout: its entry of index.json first, in one step, then the blobs that no
 * other image of the layout has. What it cannot know for certain to be unused stays: when the manifest of another image
 * cannot be read, nothing is changed. Runs in pm-transfer.
 */
#ifndef PM_ENGINE_TRANSFER_LAYOUT_DELETE_H
#define PM_ENGINE_TRANSFER_LAYOUT_DELETE_H

#include "base/err.h"

/* name: "PATH[:REFERENCE]" or "PATH:@INDEX"; the reference may be missing where there is one image. shared: where blobs are
 * besides the layout, or NULL; what is there stays, others may use it. PM_E_NOSUCH, PM_E_USAGE. */
int pm_layout_delete(const char *name, const char *shared, struct pm_err *err);

#endif
