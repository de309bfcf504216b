#include "cli/ctr_filter.h"

#include <string.h>

#include "base/json.h"
#include "cli/value.h"
#include "engine/container/health.h"
#include "engine/filter.h"
#include "engine/image/resolve.h"
#include "engine/labels.h"
#include "storage/pod.h"

/* What a container is held against. */
struct subject {
	struct pm_engine *e;
	const struct pm_ctr_row *row;
	const struct pm_ctr_state *st;
	struct pm_json *config; /* NULL: no filter asked for it */
};

static int filter_status(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	static const char *const words[] = {"created", "initialized", "running", "stopped", "paused",
					    "exited", "removing", "stopping", "configured", "unknown", NULL};
	const char *is = pm_ctr_status_name(s->st->status);
	int r = pm_filter_word(value, words, "status", err);
	if (r < 0)
		return r;
	if (strcmp(value, "stopped") == 0)
		value = "exited";
	return strcmp(is, value) == 0;
}

static int filter_name(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	return pm_filter_regex(s->row->name, value, err);
}

static int filter_id(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	if (strspn(value, "0123456789abcdef") == strlen(value))
		return pm_startswith(s->row->id, value);
	return pm_filter_regex(s->row->id, value, err);
}

static int filter_label(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	return pm_labels_match(pm_labels_parse(pool, s->row->labels), value);
}

static int filter_no_label(const void *subject, const char *value, struct pm_err *err)
{
	return !filter_label(subject, value, err);
}

static int filter_command(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *words = NULL;
	const char *text = s->row->command ? s->row->command : "[]";
	if (pm_json_parse(pool, text, strlen(text), &words, NULL) < 0 ||
	    !pm_json_is(pm_json_at(words, 0), PM_JSON_STRING))
		return 0;
	return pm_filter_regex(pm_json_at(words, 0)->string, value, err);
}

/* NAME, SOURCE or DESTINATION, or NAME:DESTINATION. */
static int filter_volume(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
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

static int filter_network(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
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

static int filter_pod(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
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

static int filter_restart_policy(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	static const char *const words[] = {"no", "on-failure", "always", "unless-stopped", NULL};
	int r = pm_filter_word(value, words, "restart policy", err);
	if (r < 0)
		return r;
	const char *is = pm_json_get_str(s->config, "restart_policy");
	return strcmp(is && *is ? is : "no", value) == 0;
}

static int filter_health(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	static const char *const words[] = {"healthy", "unhealthy", "starting", "none", NULL};
	int r = pm_filter_word(value, words, "health status", err);
	if (r < 0)
		return r;
	/* without a check there is nothing to be healthy; one that has not spoken yet is starting */
	const char *check = pm_json_get_str(s->config, "healthcheck");
	const char *is = !check ? "none" : s->st->health ? pm_health_name(s->st->health) : "starting";
	return strcmp(is, value) == 0;
}

/* What a boot is to start: always, and unless-stopped but for what the user stopped. */
static int filter_boot(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	bool wanted = strcmp(value, "true") == 0;
	if (!wanted && strcmp(value, "false") != 0)
		return pm_fail(err, PM_E_USAGE, "filter should-start-on-boot: %s is neither true nor false",
			       value);
	const char *policy = pm_json_get_str(s->config, "restart_policy");
	bool boot = pm_streq(policy, "always") || (pm_streq(policy, "unless-stopped") && !s->row->stopped);
	return boot == wanted;
}

static int filter_exited(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	int64_t code;
	int r = pm_parse_int(value, &code, err);
	if (r < 0)
		return pm_wrap(err, "filter exited");
	return s->st->status == PM_STATUS_EXITED && s->st->exit_code == code;
}

static int filter_ancestor(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
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

static int filter_before(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	int64_t t = 0;
	int r = other_created(s, value, &t, err);
	return r < 0 ? r : s->row->created < t;
}

static int filter_since(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	int64_t t = 0;
	int r = other_created(s, value, &t, err);
	return r < 0 ? r : s->row->created > t;
}

static int filter_until(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	return pm_filter_until(s->row->created, value, err);
}

static const struct pm_filter_key keys[] = {
	{"ancestor", filter_ancestor},
	{"before", filter_before},
	{"command", filter_command},
	{"exited", filter_exited},
	{"health", filter_health, .needs = PM_CTR_CONFIG},
	{"id", filter_id},
	{"label", filter_label, .all = true},
	{"label!", filter_no_label, .all = true},
	{"name", filter_name},
	{"network", filter_network, .needs = PM_CTR_CONFIG},
	{"pod", filter_pod},
	{"restart-policy", filter_restart_policy, .needs = PM_CTR_CONFIG},
	{"should-start-on-boot", filter_boot, .needs = PM_CTR_CONFIG},
	{"since", filter_since},
	{"status", filter_status},
	{"until", filter_until},
	{"volume", filter_volume, .needs = PM_CTR_CONFIG},
	{0},
};
static const struct pm_filter_table table = {keys, "", " is an invalid filter"};

unsigned int pm_ctr_filter_needs(const struct pm_strv *filters)
{
	return pm_filter_needs(&table, filters);
}

int pm_ctr_filter(struct pm_engine *e, const struct pm_strv *filters, const struct pm_ctr_row *row,
		  const struct pm_ctr_state *st, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct subject s = {.e = e, .row = row, .st = st};
	if (row->config && pm_ctr_filter_needs(filters))
		pm_json_parse(pool, row->config, row->config_len, &s.config, NULL);
	return pm_filter_pass(&table, filters, &s, err);
}

int pm_ctr_filter_check(struct pm_engine *e, const struct pm_strv *filters, struct pm_err *err)
{
	if (!e)
		return pm_filter_check(&table, filters, err);
	/* no container is like this one, but its filters are looked at */
	char none[] = "";
	const struct pm_ctr_row row = {.id = none, .name = none};
	const struct pm_ctr_state st = {0};
	const struct subject s = {.e = e, .row = &row, .st = &st};
	int r = 0;
	for (size_t i = 0; i < filters->n && r >= 0; i++) {
		const char *value;
		const struct pm_filter_key *k = pm_filter_find(&table, filters->v[i], &value, err);
		r = k ? k->match(&s, value, err) : -PM_E_USAGE;
	}
	return r < 0 ? r : 0;
}
