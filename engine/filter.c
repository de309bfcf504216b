#include "engine/filter.h"

#include <regex.h>
#include <string.h>

#include "base/timefmt.h"

const struct pm_filter_key *pm_filter_find(const struct pm_filter_table *table, const char *filter,
					   const char **ret_value, struct pm_err *err)
{
	const char *eq = strchr(filter, '=');
	if (!eq) {
		pm_fail(err, PM_E_USAGE, "invalid filter \"%s\": must be key=value", filter);
		return NULL;
	}
	size_t len = (size_t)(eq - filter);
	for (const struct pm_filter_key *k = table->keys; k->key; k++) {
		if (strlen(k->key) == len && memcmp(k->key, filter, len) == 0) {
			*ret_value = eq + 1;
			return k;
		}
	}
	pm_fail(err, PM_E_USAGE, "%s%.*s%s", table->before, (int)len, filter, table->after);
	return NULL;
}

int pm_filter_check(const struct pm_filter_table *table, const struct pm_strv *filters,
		    struct pm_err *err)
{
	const char *value;
	for (size_t i = 0; i < filters->n; i++) {
		if (!pm_filter_find(table, filters->v[i], &value, err))
			return -PM_E_USAGE;
	}
	return 0;
}

unsigned int pm_filter_needs(const struct pm_filter_table *table, const struct pm_strv *filters)
{
	unsigned int needs = 0;
	for (size_t i = 0; i < filters->n; i++) {
		const char *value;
		const struct pm_filter_key *k = pm_filter_find(table, filters->v[i], &value, NULL);
		needs |= k ? k->needs : 0;
	}
	return needs;
}

int pm_filter_pass(const struct pm_filter_table *table, const struct pm_strv *filters,
		   const void *subject, struct pm_err *err)
{
	uint64_t wanted = 0, matched = 0; /* a bit a key of which one value is enough */
	for (size_t i = 0; i < filters->n; i++) {
		const char *value;
		const struct pm_filter_key *k = pm_filter_find(table, filters->v[i], &value, err);
		if (!k)
			return -PM_E_USAGE;
		int r = k->match(subject, value, err);
		if (r < 0 || (k->all && !r))
			return r;
		uint64_t bit = UINT64_C(1) << (k - table->keys);
		wanted |= bit;
		matched |= r ? bit : 0;
	}
	return wanted == matched;
}

int pm_filter_regex(const char *text, const char *regex, struct pm_err *err)
{
	regex_t re;
	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return pm_fail(err, PM_E_USAGE, "filter %s: not a regular expression", regex);
	int found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

int pm_filter_until(int64_t created, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = pm_time_parse_user(value, pm_time_now(), true, &t, err);
	return r < 0 ? pm_wrap(err, "filter until") : created < t;
}

int pm_filter_word(const char *value, const char *const *words, const char *what, struct pm_err *err)
{
	for (; *words; words++) {
		if (strcmp(*words, value) == 0)
			return 1;
	}
	return pm_fail(err, PM_E_USAGE, "%s is not a valid %s", value, what);
}
