#include "cli/ctr_filter.h"

#include <regex.h>
#include <string.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "cli/value.h"
#include "engine/container/health.h"
#include "engine/image/resolve.h"
#include "storage/pod.h"

/* What a container is held against. */
struct subject {
	struct pm_engine *e;
	const struct pm_ctr_row *row;
	const struct pm_ctr_state *st;
	struct pm_json *config; /* NULL: no filter asked for it */
};

static int filter_status(const struct subject *s, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"created", "initialized", "running", "stopped", "paused",
					    "exited", "removing", "stopping", "configured", "unknown"};
	const char *is = pm_ctr_status_name(s->st->status);
	bool known = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		known |= strcmp(words[i], value) == 0;
	if (!known)
		return pm_fail(err, PM_E_USAGE, "%s is not a valid status", value);
	if (strcmp(value, "stopped") == 0)
		value = "exited";
	return strcmp(is, value) == 0;
}

static int matches(const char *text, const char *regex, struct pm_err *err)
{
	regex_t re;
	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return pm_fail(err, PM_E_USAGE, "filter %s: not a regular expression", regex);
	int found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static int filter_name(const struct subject *s, const char *value, struct pm_err *err)
{
	return matches(s->row->name, value, err);
}

static int filter_id(const struct subject *s, const char *value, struct pm_err *err)
{
	if (strspn(value, "0123456789abcdef") == strlen(value))
		return pm_startswith(s->row->id, value);
	return matches(s->row->id, value, err);
}

static int filter_label(const struct subject *s, const char *value, struct pm_err *err)
{
	(void)err;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *labels = NULL;
	const char *text = s->row->labels ? s->row->labels : "{}";
	if (pm_json_parse(pool, text, strlen(text), &labels, NULL) < 0)
		return 0;
	const char *eq = strchr(value, '=');
	_cleanup_free_ char *name = eq ? pm_strndup(value, (size_t)(eq - value)) : pm_strdup(value);
	const char *has = pm_json_get_str(labels, name);
	return has && (!eq || strcmp(has, eq + 1) == 0);
}

static int filter_no_label(const struct subject *s, const char *value, struct pm_err *err)
{
	return !filter_label(s, value, err);
}

static int filter_command(const struct subject *s, const char *value, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *words = NULL;
	const char *text = s->row->command ? s->row->command : "[]";
	if (pm_json_parse(pool, text, strlen(text), &words, NULL) < 0 ||
	    !pm_json_is(pm_json_at(words, 0), PM_JSON_STRING))
		return 0;
	return matches(pm_json_at(words, 0)->string, value, err);
}

/* NAME, SOURCE or DESTINATION, or NAME:DESTINATION. */
static int filter_volume(const struct subject *s, const char *value, struct pm_err *err)
{
	(void)err;
	const char *colon = strchr(value, ':');
	_cleanup_free_ char *from = pm_strndup(value, colon ? (size_t)(colon - value) : strlen(value));
	const struct pm_json *mounts = pm_json_get(s->config, "mounts");
	for (size_t i = 0; i < pm_json_len(mounts); i++) {
		const struct pm_json *m = pm_json_at(mounts, i);
		const char *dest = pm_json_get_str(m, "dest");
		bool source = pm_streq(pm_json_get_str(m, "name"), from) ||
			      pm_streq(pm_json_get_str(m, "source"), from);
		if (colon ? source && pm_streq(dest, colon + 1) : source || pm_streq(dest, from))
			return 1;
	}
	return 0;
}

static int filter_network(const struct subject *s, const char *value, struct pm_err *err)
{
	const char *mode = pm_json_get_str(s->config, "network");
	const struct pm_json *nets = pm_json_get(s->config, "networks");
	for (size_t i = 0; i < pm_json_len(nets); i++) {
		/* NAME[:OPTIONS] */
		const struct pm_json *n = pm_json_at(nets, i);
		const char *place = pm_json_is(n, PM_JSON_STRING) ? n->string : "";
		size_t len = strcspn(place, ":");
		if (strlen(value) == len && memcmp(place, value, len) == 0)
			return 1;
	}
	if (mode && pm_startswith(mode, "container:") && pm_startswith(value, "container:")) {
		_cleanup_ctr_row_ struct pm_ctr_row other = {0};
		const char *name = value + strlen("container:");
		int r = pm_ctr_find(s->e->store, name, 0, &other, err);
		return r < 0 ? r : strcmp(other.id, mode + strlen("container:")) == 0;
	}
	return pm_streq(mode, value);
}

static int filter_pod(const struct subject *s, const char *value, struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row pod = {0};
	if (!s->row->pod)
		return 0;
	int r = pm_pod_find(s->e->store, value, &pod, err);
	if (r == -PM_E_NOSUCH) {
		pm_err_clear(err);
		return 0;
	}
	return r < 0 ? r : strcmp(pod.id, s->row->pod) == 0;
}

static int filter_restart_policy(const struct subject *s, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"no", "on-failure", "always", "unless-stopped"};
	bool known = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		known |= strcmp(words[i], value) == 0;
	if (!known)
		return pm_fail(err, PM_E_USAGE, "%s is not a valid restart policy", value);
	const char *is = pm_json_get_str(s->config, "restart_policy");
	return strcmp(is && *is ? is : "no", value) == 0;
}

static int filter_health(const struct subject *s, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"healthy", "unhealthy", "starting", "none"};
	bool known = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		known |= strcmp(words[i], value) == 0;
	if (!known)
		return pm_fail(err, PM_E_USAGE, "%s is not a valid health status", value);
	/* without a check there is nothing to be healthy; one that has not spoken yet is starting */
	const char *check = pm_json_get_str(s->config, "healthcheck");
	const char *is = !check ? "none" : s->st->health ? pm_health_name(s->st->health) : "starting";
	return strcmp(is, value) == 0;
}

/* What a boot is to start: always, and unless-stopped but for what the user stopped. */
static int filter_boot(const struct subject *s, const char *value, struct pm_err *err)
{
	bool wanted = strcmp(value, "true") == 0;
	if (!wanted && strcmp(value, "false") != 0)
		return pm_fail(err, PM_E_USAGE, "filter should-start-on-boot: %s is neither true nor false",
			       value);
	const char *policy = pm_json_get_str(s->config, "restart_policy");
	bool boot = pm_streq(policy, "always") || (pm_streq(policy, "unless-stopped") && !s->row->stopped);
	return boot == wanted;
}

static int filter_exited(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t code;
	int r = pm_parse_int(value, &code, err);
	if (r < 0)
		return pm_wrap(err, "filter exited");
	return s->st->status == PM_STATUS_EXITED && s->st->exit_code == code;
}

static int filter_ancestor(const struct subject *s, const char *value, struct pm_err *err)
{
	(void)err;
	char id[65];
	if (!s->row->image_id)
		return 0;
	if (pm_startswith(s->row->image_id, value) || pm_streq(s->row->image_name, value))
		return 1;
	return pm_image_resolve(s->e->store, value, id, NULL, NULL) >= 0 &&
	       strcmp(id, s->row->image_id) == 0;
}

static int other_created(const struct subject *s, const char *name, int64_t *ret,
			 struct pm_err *err)
{
	_cleanup_ctr_row_ struct pm_ctr_row other = {0};
	int r = pm_ctr_find(s->e->store, name, 0, &other, err);
	*ret = other.created;
	return r;
}

static int filter_before(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = other_created(s, value, &t, err);
	return r < 0 ? r : s->row->created < t;
}

static int filter_since(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = other_created(s, value, &t, err);
	return r < 0 ? r : s->row->created > t;
}

static int filter_until(const struct subject *s, const char *value, struct pm_err *err)
{
	int64_t t = 0;
	int r = pm_time_parse_user(value, pm_time_now(), true, &t, err);
	return r < 0 ? pm_wrap(err, "filter until") : s->row->created < t;
}

static const struct {
	const char *key;
	int (*match)(const struct subject *s, const char *value, struct pm_err *err);
	bool config; /* needs the row's config */
	bool all;    /* all values must hold; else one is enough */
} filters_known[] = {
	{"ancestor", filter_ancestor, false, false},
	{"before", filter_before, false, false},
	{"command", filter_command, false, false},
	{"exited", filter_exited, false, false},
	{"health", filter_health, true, false},
	{"id", filter_id, false, false},
	{"label", filter_label, false, true},
	{"label!", filter_no_label, false, true},
	{"name", filter_name, false, false},
	{"network", filter_network, true, false},
	{"pod", filter_pod, false, false},
	{"restart-policy", filter_restart_policy, true, false},
	{"should-start-on-boot", filter_boot, true, false},
	{"since", filter_since, false, false},
	{"status", filter_status, false, false},
	{"until", filter_until, false, false},
	{"volume", filter_volume, true, false},
};

/* The index of a filter's key in filters_known. */
static int filter_key(const char *filter, struct pm_err *err)
{
	const char *eq = strchr(filter, '=');
	size_t len = eq ? (size_t)(eq - filter) : 0;
	if (!eq)
		return pm_fail(err, PM_E_USAGE, "invalid filter \"%s\": must be key=value", filter);
	for (size_t k = 0; k < PM_ARRAY_SIZE(filters_known); k++)
		if (strlen(filters_known[k].key) == len &&
		    memcmp(filters_known[k].key, filter, len) == 0)
			return (int)k;
	return pm_fail(err, PM_E_USAGE, "%.*s is an invalid filter", (int)len, filter);
}

unsigned int pm_ctr_filter_needs(const struct pm_strv *filters)
{
	unsigned int what = 0;
	for (size_t i = 0; i < filters->n; i++) {
		int k = filter_key(filters->v[i], NULL);
		if (k >= 0 && filters_known[k].config)
			what |= PM_CTR_CONFIG;
	}
	return what;
}

int pm_ctr_filter(struct pm_engine *e, const struct pm_strv *filters, const struct pm_ctr_row *row,
		  const struct pm_ctr_state *st, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct subject s = {.e = e, .row = row, .st = st};
	if (row->config && pm_ctr_filter_needs(filters))
		pm_json_parse(pool, row->config, row->config_len, &s.config, NULL);
	int wanted[PM_ARRAY_SIZE(filters_known)] = {0}, matched[PM_ARRAY_SIZE(filters_known)] = {0};

	for (size_t i = 0; i < filters->n; i++) {
		int k = filter_key(filters->v[i], err);
		if (k < 0)
			return k;
		int r = filters_known[k].match(&s, strchr(filters->v[i], '=') + 1, err);
		if (r < 0)
			return r;
		wanted[k] = 1;
		if (filters_known[k].all && !r)
			return 0;
		matched[k] |= r;
	}
	for (size_t k = 0; k < PM_ARRAY_SIZE(filters_known); k++)
		if (wanted[k] && !matched[k])
			return 0;
	return 1;
}

int pm_ctr_filter_check(struct pm_engine *e, const struct pm_strv *filters, struct pm_err *err)
{
	/* no container is like this one, but its filters are looked at */
	char none[] = "";
	const struct pm_ctr_row row = {.id = none, .name = none};
	const struct pm_ctr_state st = {0};
	const struct subject s = {.e = e, .row = &row, .st = &st};
	int r = 0;
	for (size_t i = 0; i < filters->n && r >= 0; i++) {
		int k = filter_key(filters->v[i], err);
		r = k < 0 ? k : e ? filters_known[k].match(&s, strchr(filters->v[i], '=') + 1, err) : 0;
	}
	return r < 0 ? r : 0;
}
