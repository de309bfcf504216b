/* registries: registries.conf, then what it makes of a name: always a reference that parses. */
#include <stdint.h>
#include <stdlib.h>

#include "registry/registries_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"app", "reg.example/team/app:1", "a.wild.example/x/y"};
	struct pm_registries c = PM_REGISTRIES_INIT;
	if (pm_registries_parse(&c, (const char *)data, size, "fuzz", NULL) >= 0) {
		for (size_t i = 0; i < 3; i++) {
			struct pm_reference r = PM_REFERENCE_INIT, check = PM_REFERENCE_INIT;
			struct pm_strv l = PM_STRV_INIT;
			struct pm_endpoints e = {0};
			if (pm_reference_parse(names[i], &r, NULL) < 0)
				abort();
			pm_registries_candidates(&c, &r, true, &l, NULL);
			for (size_t k = 0; k < l.n; k++) {
				if (pm_reference_parse(l.v[k], &check, NULL) < 0)
					abort();
				pm_reference_free(&check);
			}
			if (r.domain)
				pm_registries_endpoints(&c, &r, &e, NULL);
			pm_endpoints_free(&e);
			pm_strv_free(&l);
			pm_reference_free(&r);
		}
	}
	pm_registries_free(&c);
	return 0;
}
