#include "cli/pod_filter.h"

#include <regex.h>
#include <string.h>
#include <strings.h>

#include "base/timefmt.h"
#include "cli/value.h"

static int matches(const char *text, const char *regex, struct pm_err *err)
{
	regex_t re;
	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return pm_fail(err, PM_E_USAGE, "filter %s: not a regular expression", regex);
	int found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static int ctr_ids(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < p->n_members && r == 0; i++)
		r = matches(p->members[i].row.id, value, err);
	return r;
}

static int ctr_names(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < p->n_members && r == 0; i++)
		r = matches(p->members[i].row.name, value, err);
	return r;
}

static int ctr_number(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	int64_t n = 0;
	int r = pm_parse_int(value, &n, err);
	return r < 0 ? pm_wrap(err, "filter ctr-number") : n == (int64_t)p->n_members;
}

static int ctr_status(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"created", "running", "paused", "stopped", "exited",
					    "unknown"};
	bool known = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		known |= strcmp(words[i], value) == 0;
	if (!known)
		return pm_fail(err, PM_E_USAGE, "%s is not a valid status", value);
	if (strcmp(value, "stopped") == 0)
		value = "exited";
	for (size_t i = 0; i < p->n_members; i++)
		if (strcmp(pm_ctr_status_name(p->members[i].state.status), value) == 0)
			return 1;
	return 0;
}

static int id(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	return matches(p->row.id, value, err);
}

static int label(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *labels = NULL;
	const char *eq = strchr(value, '=');
	_cleanup_free_ char *name = pm_strndup(value, eq ? (size_t)(eq - value) : strlen(value));
	(void)err;
	if (!p->row.labels ||
	    pm_json_parse(pool, p->row.labels, strlen(p->row.labels), &labels, NULL) < 0)
		return 0;
	const char *is = pm_json_get_str(labels, name);
	return is && (!eq || strcmp(is, eq + 1) == 0);
}

static int no_label(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	return !label(p, value, err);
}

static int name(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	return matches(p->row.name, value, err);
}

static int network(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	(void)err;
	for (size_t i = 0; i < p->n_members; i++)
		if (pm_pod_is_infra(p, &p->members[i]) &&
		    pm_strv_has(&p->members[i].config.networks, value))
			return 1;
	return 0;
}

static int status(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"stopped", "running", "paused", "exited", "dead", "created",
					    "degraded"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i], value) == 0)
			return strcasecmp(pm_pod_status(p), value) == 0;
	return pm_fail(err, PM_E_USAGE, "%s is not a valid pod status", value);
}

static int until(const struct pm_pod *p, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = pm_time_parse_user(value, pm_time_now(), true, &t, err);
	return r < 0 ? pm_wrap(err, "filter until") : p->row.created < t;
}

static const struct {
	const char *key;
	int (*match)(const struct pm_pod *p, const char *value, struct pm_err *err);
	bool all; /* all values must hold; else one is enough */
} known[] = {
	{"ctr-ids", ctr_ids, false},   {"ctr-names", ctr_names, false},
	{"ctr-number", ctr_number, false}, {"ctr-status", ctr_status, false},
	{"id", id, false},	       {"label", label, true},
	{"label!", no_label, true},    {"name", name, false},
	{"network", network, false},   {"status", status, false},
	{"until", until, false},
};

static int key_of(const char *filter, struct pm_err *err)
{
	const char *eq = strchr(filter, '=');
	size_t len = eq ? (size_t)(eq - filter) : 0;
	if (!eq)
		return pm_fail(err, PM_E_USAGE, "invalid filter \"%s\": must be key=value", filter);
	for (size_t k = 0; k < PM_ARRAY_SIZE(known); k++)
		if (strlen(known[k].key) == len && memcmp(known[k].key, filter, len) == 0)
			return (int)k;
	return pm_fail(err, PM_E_USAGE, "%.*s is an invalid filter", (int)len, filter);
}

int pm_pod_filter_check(const struct pm_strv *filters, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < filters->n && r >= 0; i++)
		r = key_of(filters->v[i], err);
	return r < 0 ? r : 0;
}

int pm_pod_filter(const struct pm_strv *filters, const struct pm_pod *p, struct pm_err *err)
{
	bool wanted[PM_ARRAY_SIZE(known)] = {0}, matched[PM_ARRAY_SIZE(known)] = {0};
	for (size_t i = 0; i < filters->n; i++) {
		int k = key_of(filters->v[i], err);
		int r = k < 0 ? k : known[k].match(p, strchr(filters->v[i], '=') + 1, err);
		if (r < 0)
			return r;
		if (known[k].all && !r)
			return 0;
		wanted[k] = true;
		matched[k] |= r > 0;
	}
	for (size_t k = 0; k < PM_ARRAY_SIZE(known); k++)
		if (wanted[k] && !matched[k])
			return 0;
	return 1;
}
