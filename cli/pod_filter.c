#include "cli/pod_filter.h"

#include <string.h>
#include <strings.h>

#include "cli/value.h"
#include "engine/filter.h"
#include "engine/labels.h"

static int ctr_ids(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	int r = 0;
	for (size_t i = 0; i < p->n_members && r == 0; i++)
		r = pm_filter_regex(p->members[i].row.id, value, err);
	return r;
}

static int ctr_names(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	int r = 0;
	for (size_t i = 0; i < p->n_members && r == 0; i++)
		r = pm_filter_regex(p->members[i].row.name, value, err);
	return r;
}

static int ctr_number(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	int64_t n = 0;
	int r = pm_parse_int(value, &n, err);
	return r < 0 ? pm_wrap(err, "filter ctr-number") : n == (int64_t)p->n_members;
}

static int ctr_status(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	static const char *const words[] = {"created", "running", "paused", "stopped", "exited",
					    "unknown", NULL};
	int r = pm_filter_word(value, words, "status", err);
	if (r < 0)
		return r;
	if (strcmp(value, "stopped") == 0)
		value = "exited";
	for (size_t i = 0; i < p->n_members; i++)
		if (strcmp(pm_ctr_status_name(p->members[i].state.status), value) == 0)
			return 1;
	return 0;
}

static int id(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	return pm_filter_regex(p->row.id, value, err);
}

static int label(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	(void)err;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	return pm_labels_match(pm_labels_parse(pool, p->row.labels), value);
}

static int no_label(const void *subject, const char *value, struct pm_err *err)
{
	return !label(subject, value, err);
}

static int name(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	return pm_filter_regex(p->row.name, value, err);
}

static int network(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	(void)err;
	for (size_t i = 0; i < p->n_members; i++)
		if (pm_pod_is_infra(p, &p->members[i]) &&
		    pm_strv_has(&p->members[i].config.networks, value))
			return 1;
	return 0;
}

static int status(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	static const char *const words[] = {"stopped", "running", "paused", "exited", "dead", "created",
					    "degraded"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i], value) == 0)
			return strcasecmp(pm_pod_status(p), value) == 0;
	return pm_fail(err, PM_E_USAGE, "%s is not a valid pod status", value);
}

static int until(const void *subject, const char *value, struct pm_err *err)
{
	const struct pm_pod *p = subject;
	return pm_filter_until(p->row.created, value, err);
}

static const struct pm_filter_key keys[] = {
	{"ctr-ids", ctr_ids},
	{"ctr-names", ctr_names},
	{"ctr-number", ctr_number},
	{"ctr-status", ctr_status},
	{"id", id},
	{"label", label, .all = true},
	{"label!", no_label, .all = true},
	{"name", name},
	{"network", network},
	{"status", status},
	{"until", until},
	{0},
};
static const struct pm_filter_table table = {keys, "", " is an invalid filter"};

int pm_pod_filter_check(const struct pm_strv *filters, struct pm_err *err)
{
	return pm_filter_check(&table, filters, err);
}

int pm_pod_filter(const struct pm_strv *filters, const struct pm_pod *p, struct pm_err *err)
{
	return pm_filter_pass(&table, filters, p, err);
}
