/* A profile that parses can be resolved for any capabilities and written as JSON. */
#include <stdint.h>

#include "engine/spec/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_seccomp_profile_ struct pm_seccomp_profile p = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_err err = PM_ERR_INIT;

	if (pm_seccomp_parse((const char *)data, size, &p, &err) < 0)
		return 0;
	pm_seccomp_json(&p, 0, pool);
	pm_seccomp_json(&p, UINT64_MAX, pool);
	return 0;
}
