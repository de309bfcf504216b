/* Frames of a container, hostile by nature. First byte: direction and settings. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "netns/slirp/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pm_slirp_filter f = {.gateway = {0x0202000a},
					   .gateway6 = {{{0xfd, [15] = 2}}},
					   .nameserver6 = {{{0xfd, [15] = 3}}}};
	if (size == 0)
		return 0;
	size_t len = size - 1;
	_cleanup_free_ uint8_t *frame = pm_malloc(len), *copy = pm_malloc(len);
	memcpy(frame, data + 1, len);
	f.allow_host = data[0] & 2;
	if (data[0] & 1) {
		const uint8_t *out = pm_slirp_filter_to_guest(&f, frame, len, 0, copy);
		if (out != frame && out != copy)
			abort();
		/* nothing from 127.0.0.0/8 by UDP reaches the container */
		if (len >= 34 && out[12] == 8 && out[13] == 0 && out[14] == 0x45 && out[23] == 17 &&
		    out[26] == 127)
			abort();
	} else if (pm_slirp_filter_from_guest(&f, frame, len, 0) && len >= 34 && frame[12] == 8 &&
		   frame[13] == 0 && frame[30] == 127) {
		abort();
	}
	return 0;
}
