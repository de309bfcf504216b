/* manifest: manifests, indexes and configs of hostile registries; every digest let through is valid. */
#include <stdlib.h>

#include "registry/digest.h"
#include "registry/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_manifest(const struct pm_json *root)
{
	enum pm_manifest_kind kind;
	const char *type;
	struct pm_manifest m = {0};
	struct pm_descriptor d;
	struct pm_platform p = {"linux", "amd64", ""};
	if (pm_manifest_kind(root, NULL, &kind, &type, NULL) < 0)
		return;
	if (kind == PM_MANIFEST_INDEX) {
		if (pm_index_choose(root, &p, &d, NULL) >= 0 && !pm_digest_valid(d.digest))
			abort();
		return;
	}
	if (pm_manifest_parse(root, type, &m, NULL) < 0)
		return;
	for (size_t i = 0; i < m.n_layers; i++) {
		if (!pm_digest_valid(m.layers[i].digest) || m.layers[i].size < 0)
			abort();
	}
	pm_manifest_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	if (pm_json_parse(pool, (const char *)data, size, &root, NULL) >= 0) {
		struct pm_config c = {0};
		as_manifest(root);
		if (pm_config_parse(root, -1, &c, NULL) >= 0) {
			for (size_t i = 0; i < c.n_diff_ids; i++) {
				if (!pm_digest_valid(c.diff_ids[i]))
					abort();
			}
			pm_config_free(&c);
		}
	}
	pm_json_pool_free(pool);
	return 0;
}
