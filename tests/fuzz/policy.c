/* policy: policy.json, decided for a few names; never accepted what says reject. Then signatures' payloads. */
#include <stdint.h>
#include <stdlib.h>

#include "registry/policy.h"
#include "registry/signature_payload.h"
#include "registry/signature_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"docker.io/library/a:1", "h.example/a/b@sha256:00", "/path"};
	static const char digest[] = "sha256:0123456789012345678901234567890123456789012345678901234567890123";
	struct pm_reference ref = PM_REFERENCE_INIT;
	if (pm_reference_parse_docker("h.example/a/b:1", &ref, NULL) < 0)
		abort();
	for (size_t i = 0; i < 3; i++) {
		struct pm_json_pool *pool = pm_json_pool_new();
		const struct pm_json *list = NULL;
		int r = pm_policy_decide((const char *)data, size, "fuzz", i == 2 ? "dir" : "docker", names[i],
					 pool, &list, NULL);
		if (r == 1 && (!list || !list->len))
			abort();
		struct pm_signatures none = {0};
		if (r == 1 && pm_signatures_verify(list, &none, &ref, digest, "fuzz", NULL) >= 0)
			abort(); /* no signature meets a requirement */
		pm_json_pool_free(pool);
	}
	pm_payload_check((const char *)data, size, PM_PAYLOAD_SIGSTORE, NULL, &ref, digest, NULL);
	pm_reference_free(&ref);
	return 0;
}
