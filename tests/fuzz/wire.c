/* What decodes must encode to the same bytes. */
#include <stdint.h>

#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	int64_t n;

	if (pm_wire_decode(data, size, &w, &err) < 0)
		return 0;
	pm_wire_get_int(&w, "n", 0, &n, &err);
	pm_wire_encode(&w, &b);
	if (b.len != size || memcmp(b.data, data, size) != 0)
		abort();
	return 0;
}
