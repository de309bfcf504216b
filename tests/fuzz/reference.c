/* reference: whatever parses can be written and parsed again to the same, and is safe in a URL. */
#include <stdint.h>
#include <string.h>

#include "registry/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = pm_strndup((const char *)data, size);
	struct pm_reference r = PM_REFERENCE_INIT, again = PM_REFERENCE_INIT;
	if (pm_reference_parse(s, &r, NULL) >= 0) {
		char *text = pm_reference_str(&r);
		if (strcmp(text, s) != 0 || strstr(text, "..") || strpbrk(text, " %?#\\\r\n\t") ||
		    pm_reference_parse(text, &again, NULL) < 0)
			abort();
		pm_reference_normalize(&r);
		pm_reference_default_tag(&r);
		char *full = pm_reference_str(&r);
		free(full);
		free(text);
	}
	pm_reference_free(&again);
	pm_reference_free(&r);
	free(s);
	return 0;
}
