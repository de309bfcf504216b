/* What a container writes to its notification socket. */
#include <stdlib.h>
#include <string.h>

#include "engine/monitor/notify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	if (notify_filter(text, size) > size)
		abort();
	free(text);
	return 0;
}
