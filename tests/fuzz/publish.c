/* -p and --expose arguments: parsed, formatted, and parsed to the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netns/publish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *spec = pm_strndup((const char *)data, size);
	_cleanup_ports_ struct pm_ports a = PM_PORTS_INIT, b = PM_PORTS_INIT;
	struct pm_err err = PM_ERR_INIT;
	(void)pm_expose_parse(spec, &b, &err);
	pm_ports_free(&b);
	if (pm_publish_parse(spec, &a, &err) < 0)
		return err.code == PM_E_USAGE && *err.text ? 0 : (abort(), 0);
	_cleanup_free_ char *text = pm_port_format(&a.v[0]);
	if (pm_publish_parse(text, &b, &err) < 0)
		abort();
	if (memcmp(&a.v[0], &b.v[0], sizeof(a.v[0])) != 0)
		abort();
	return 0;
}
