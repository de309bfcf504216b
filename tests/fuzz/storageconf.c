/* storage.conf of any content gives absolute directories or nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "storage/storage_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_storage_conf_ struct pm_storage_conf c = {0};
	struct pm_err err = PM_ERR_INIT;
	if (pm_storage_conf_parse((const char *)data, size, size & 1, &c, &err) >= 0 &&
	    ((c.root && c.root[0] != '/') || (c.runroot && c.runroot[0] != '/')))
		abort();
	return 0;
}
