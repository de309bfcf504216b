/* Whatever parses must be a tree that JSON can write and read back. */
#include <stdint.h>

#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	struct pm_json *v, *back;

	if (pm_toml_parse(pool, (const char *)data, size, &v, &err) < 0)
		return 0;
	pm_json_write(v, 0, &b);
	if (pm_json_parse(pool, pm_buf_str(&b), b.len, &back, &err) < 0 || !pm_json_equal(v, back))
		abort();
	return 0;
}
