#include "engine/image/decrypted.h"

#include "base/json.h"
#include "registry/manifest_make.h"

int pm_decrypted_manifest(const struct pm_buf *manifest, const char *media_type,
			  const struct pm_layer_row *layers, size_t n, struct pm_buf *out,
			  struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_manifest_ struct pm_manifest m = {0};
	struct pm_json *root;
	int r = pm_json_parse(pool, pm_buf_str(manifest), manifest->len, &root, err);
	if (r >= 0)
		r = pm_manifest_parse_any(root, media_type, PM_MANIFEST_ENCRYPTED, &m, err);
	if (r >= 0 && m.n_layers != n)
		r = pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	if (r < 0)
		return r;
	struct pm_made_layer *made = pm_calloc(n, sizeof(*made));
	for (size_t i = 0; i < n; i++) {
		bool plain = layers[i].blob != NULL;
		made[i] = (struct pm_made_layer){
			.digest = plain ? m.layers[i].digest : layers[i].diff_id,
			.size = plain ? m.layers[i].size : layers[i].size,
			.form = plain ? pm_layer_form_of(m.layers[i].media_type) : PM_LAYER_PLAIN,
		};
	}
	r = pm_manifest_make(pool, root, &m, made, media_type, out, err);
	free(made);
	return r;
}
