/* containers.conf: nothing but values or an error, whatever the text. */
#include <stdint.h>

#include "engine/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_conf_ struct pm_conf c;
	struct pm_err err = PM_ERR_INIT;

	pm_conf_init(&c);
	pm_conf_parse(&c, "fuzz", (const char *)data, size, &err);
	return 0;
}
