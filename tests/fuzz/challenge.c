/* challenge: WWW-Authenticate headers of hostile registries; no value holds a line break. */
#include <string.h>

#include "registry/challenge.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *s = pm_strndup((const char *)data, size);
	struct pm_challenges c = PM_CHALLENGES_INIT;
	pm_challenges_parse(s, &c, NULL);
	for (size_t i = 0; i < c.n; i++) {
		if (c.v[i].realm && strpbrk(c.v[i].realm, "\r\n"))
			abort();
	}
	pm_challenges_free(&c);
	free(s);
	return 0;
}
