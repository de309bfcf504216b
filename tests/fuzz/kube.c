/* kube: documents that are taken can be walked, and their data read. */
#include <stdint.h>

#include "engine/kube/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_kube_set set = {0};
	if (pm_kube_set_parse(&set, "input", (const char *)data, size, true, NULL) >= 0) {
		for (size_t i = 0; i < set.n; i++) {
			struct pm_kube_data values = {0};
			bool map = pm_streq(set.v[i].kind, "ConfigMap") || pm_streq(set.v[i].kind, "Secret");
			if (map)
				pm_kube_object_data(&set.v[i], &values, NULL);
			pm_kube_data_free(&values);
		}
	}
	pm_kube_set_free(&set);
	return 0;
}
