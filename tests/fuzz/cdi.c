/* A CDI specification, JSON or YAML (by the first byte): the edits of its device "dev" make a configuration. */
#include <stdint.h>
#include <string.h>

#include "engine/spec/cdi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int device(void *arg, const char *host, const char *dest, const char *perm, struct pm_err *err)
{
	(void)arg;
	return strlen(host) + strlen(dest) + strlen(perm) > 4096
		       ? pm_fail(err, PM_E_FORMAT, "too long")
		       : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root = pm_json_object(pool), *process = pm_json_object(pool), *spec;
	struct pm_gen g = {.pool = pool, .root = root, .process = process};
	struct pm_cdi_sink sink = {.mounts = pm_json_array(pool), .device = device};
	struct pm_err err = PM_ERR_INIT;

	pm_json_set(pool, process, "env", pm_json_array(pool));
	pm_json_set(pool, process, "user", pm_json_object(pool));
	if (pm_cdi_parse(pool, (const char *)data, size, size && data[0] == '{', &spec, &err) < 0)
		return 0;
	const struct pm_json *d = pm_cdi_device(spec, "vendor.com/class", "dev");
	if (d)
		pm_cdi_edit(&g, spec, d, &sink, &err);
	return 0;
}
