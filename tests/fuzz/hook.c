/* A hook's JSON file: parsed and compared, never executed. */
#include <stddef.h>
#include <stdint.h>

#include "engine/spec/hooks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *annotations = pm_json_object(pool), *hook;
	const struct pm_json *stages;
	pm_json_set_str(pool, annotations, "a", "b");
	struct pm_hook_facts facts = {.annotations = annotations, .command = "/bin/true"};
	pm_hook_match(pool, (const char *)data, size, &facts, &hook, &stages, NULL);
	return 0;
}
