/* engine/build/ignore: the first line is a path, what follows an ignore file. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "engine/build/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	_cleanup_ignore_ struct pm_ignore *ig = pm_ignore_new();
	if (!nl)
		return 0;
	_cleanup_free_ char *path = pm_strndup((const char *)data, (size_t)(nl - data));
	if (pm_ignore_add_file(ig, "x", (const char *)nl + 1, size - (size_t)(nl + 1 - data), NULL) >= 0)
		pm_ignore_match(ig, path);
	return 0;
}
