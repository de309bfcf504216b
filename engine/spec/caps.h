/*
 * caps - capability names and the set a container gets (capabilities(7)), as bit masks: bit n is
 * capability number n.
 */
#ifndef PM_ENGINE_SPEC_CAPS_H
#define PM_ENGINE_SPEC_CAPS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* "CAP_CHOWN", or NULL for a number that has no name here. */
const char *pm_cap_name(unsigned int n);
/* "chown", "CAP_CHOWN" -> number; -1 when unknown. */
int pm_cap_number(const char *name);
/* All that this kernel has (/proc/sys/kernel/cap_last_cap), and that this header can name. */
uint64_t pm_caps_all(void);

/* base with add and drop applied; "all" in either stands for all (of limit). PM_E_USAGE for unknown
 * names and for a name both added and dropped. */
int pm_caps_merge(uint64_t base, uint64_t limit, const struct pm_strv *add,
		  const struct pm_strv *drop, uint64_t *ret, struct pm_err *err);

/* Names in alphabetical order, as an array of strings. */
struct pm_json *pm_caps_json(struct pm_json_pool *pool, uint64_t mask);
void pm_caps_names(uint64_t mask, struct pm_strv *out);

#endif
