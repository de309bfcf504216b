/* An image's config becomes a container's, which survives its row. */
#include <stdint.h>

#include "engine/container/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_ctr_config_ struct pm_ctr_config c, back;
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *v;

	pm_ctr_config_init(&c);
	pm_ctr_config_init(&back);
	c.http_proxy_off = true;
	if (pm_json_parse(pool, (const char *)data, size, &v, &err) < 0 ||
	    pm_ctr_config_apply_image(&c, v, false, &err) < 0)
		return 0;
	struct pm_json *row = pm_ctr_config_to_json(pool, &c);
	if (pm_ctr_config_from_json(row, &back, &err) < 0 ||
	    !pm_json_equal(row, pm_ctr_config_to_json(pool, &back)))
		abort();
	return 0;
}
