/* engine/build/run_mount: what a Containerfile says of the mounts of a RUN. */
#include <stdint.h>
#include <string.h>

#include "engine/build/run_mount.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = pm_strndup((const char *)data, size);
	struct pm_run_mount m = {0};
	if (pm_run_mount_parse(text, &m, NULL) < 0)
		return 0;
	/* no option comes by another's value */
	for (size_t i = 0; i < m.options.n; i++)
		if (strpbrk(m.options.v[i], ",: ") || strcmp(m.options.v[i], "O") == 0)
			__builtin_trap();
	pm_run_mount_free(&m);
	return 0;
}
