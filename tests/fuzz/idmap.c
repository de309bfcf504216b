/*
 * --uidmap and --gidmap options, one a line, over a base of two ranges: what is accepted overlaps nowhere, survives being
 * written down, and stays so cut to the base. A line "auto SIZE" asks for so many free ids around the others.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netns/idmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct pm_idmap *m)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	_cleanup_idmap_ struct pm_idmap back = PM_IDMAP_INIT;
	pm_idmap_encode(m, &words);
	if (pm_idmap_decode(&words, &back, NULL) < 0 || back.n != m->n)
		abort();
	for (size_t i = 0; i < m->n; i++) {
		uint32_t host, id;
		if (!pm_idmap_to_host(&back, m->v[i].container, &host) || host != m->v[i].host ||
		    !pm_idmap_to_container(&back, host, &id) || id != m->v[i].container)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT, options = PM_STRV_INIT;
	_cleanup_idmap_ struct pm_idmap base = PM_IDMAP_INIT, map = PM_IDMAP_INIT, more = PM_IDMAP_INIT;
	_cleanup_free_ char *text = pm_strndup((const char *)data, size);
	uint32_t wanted = 0;

	pm_idmap_add(&base, 0, 1000, 1);
	pm_idmap_add(&base, 1, 100000, 65536);
	pm_strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		if (pm_startswith(lines.v[i], "auto "))
			wanted = (uint32_t)strtoul(lines.v[i] + 5, NULL, 10);
		else if (pm_idmap_option_is(lines.v[i], 'u', true))
			pm_strv_add(&options, lines.v[i]);
	}
	if (pm_idmap_from_options(&options, &base, &map, NULL) < 0)
		return 0;
	if (pm_idmap_check(&map, NULL) >= 0)
		round_trip(&map);
	struct pm_idmap none = PM_IDMAP_INIT;
	if (wanted && pm_idmap_auto(wanted, &map, &base, &none, &more, NULL) >= 0 &&
	    pm_idmap_check(&more, NULL) >= 0)
		round_trip(&more);
	pm_idmap_split(&map, &base);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_idmap_lines(&map, &b);
	return 0;
}
