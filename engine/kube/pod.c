#include "engine/kube/pod.h"

#include <string.h>

int pm_kube_int(const struct pm_json *v, const char *name, int64_t min, int64_t max, int64_t missing,
		int64_t *ret, struct pm_err *err)
{
	const struct pm_json *n = pm_json_get(v, name);
	*ret = missing;
	if (!n)
		return 0;
	bool o = n->string[0] == '0' && n->string[1] == 'o';
	*ret = strtoll(n->string + (o ? 2 : 0), NULL, n->kind == PM_JSON_STRING ? 8 : 10);
	if (*ret < min || *ret > max)
		return pm_fail(err, PM_E_USAGE, "line %u: %s must be from %lld to %lld", n->line, name,
			       (long long)min, (long long)max);
	return 0;
}
