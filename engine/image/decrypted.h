/*
 * decrypted - the manifest that the store keeps of an image whose layers came encrypted: it names these by their diff ids,
 * not compressed, as an image does that was made here (engine/image/make.h). Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_DECRYPTED_H
#define PM_ENGINE_IMAGE_DECRYPTED_H

#include "base/buf.h"
#include "base/err.h"
#include "storage/image.h"

/* manifest (checked by pm-transfer, of media_type) as it is stored, appended to out. layers: its n layers, whose sizes are
 * known; those without a blob came encrypted. */
int pm_decrypted_manifest(const struct pm_buf *manifest, const char *media_type,
			  const struct pm_layer_row *layers, size_t n, struct pm_buf *out,
			  struct pm_err *err);

#endif
