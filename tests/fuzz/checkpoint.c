/*
 * What an archived checkpoint says of its container: the first line is config.dump, the second spec.dump; what is taken
 * of them has ids and a name, and survives being written down. Input that begins with a byte of CRIU's
 * magic number is its statistics.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container/checkpoint_config.h"
#include "engine/container/criu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv caps = PM_STRV_INIT;
	struct pm_json *config, *spec;
	struct pm_criu_stats stats;
	if (size && data[0] == 0x40) {
		pm_criu_stats_parse(data, size, &stats, NULL);
		return 0;
	}
	const char *text = (const char *)data, *end = memchr(text, '\n', size);
	if (!end || pm_json_parse(pool, text, (size_t)(end - text), &config, NULL) < 0 ||
	    pm_json_parse(pool, end + 1, size - (size_t)(end - text) - 1, &spec, NULL) < 0)
		return 0;
	struct pm_ctr_config k, back;
	pm_ctr_config_init(&k);
	pm_ctr_config_init(&back);
	pm_strv_add(&caps, "CAP_CHOWN");
	if (pm_checkpoint_config(config, spec, &caps, &k, NULL) >= 0) {
		if (strlen(k.id) != 64 || !k.image_id || !k.name || strchr(k.name, '/') || k.privileged || k.n_devices)
			abort();
		if (pm_ctr_config_from_json(pm_ctr_config_to_json(pool, &k), &back, NULL) < 0)
			abort();
	}
	pm_ctr_config_free(&k);
	pm_ctr_config_free(&back);
	return 0;
}
