/* yaml: what is taken can be written as JSON that parses. */
#include <stdint.h>
#include <stdlib.h>

#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_buf out = PM_BUF_INIT;
	struct pm_json *v, *again;
	if (pm_yaml_parse_all(pool, (const char *)data, size, &v, NULL) >= 0) {
		pm_json_write(v, 0, &out);
		if (pm_json_parse(pool, pm_buf_str(&out), out.len, &again, NULL) < 0)
			abort();
	}
	pm_buf_free(&out);
	pm_json_pool_free(pool);
	return 0;
}
