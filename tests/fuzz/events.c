/* A line of the events file: any user's program may have appended to it. */
#include <stdlib.h>

#include "base/json.h"
#include "engine/events/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv filters = PM_STRV_INIT;
	struct pm_json *ev;
	int64_t when;
	pm_strv_split(&filters, "container=a,event=died,label=a=b,image=x,type=container,network=n", ',');
	if (pm_event_parse(pool, (const char *)data, size, &ev, &when, NULL) >= 0)
		pm_event_matches(ev, &filters);
	return 0;
}
