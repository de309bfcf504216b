#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/pod_filter.h"
#include "engine/pod/list.h"

struct ps_opts {
	bool ctr_ids, ctr_names, ctr_status, latest, no_trunc, noheading, ns, quiet;
	const char *format, *sort;
	struct pm_strv filter;
};

static const struct pm_opt ps_table[] = {
	{"ctr-ids", 0, PM_BOOL(struct ps_opts, ctr_ids), "Display the container UUIDs"},
	{"ctr-names", 0, PM_BOOL(struct ps_opts, ctr_names), "Display the container names"},
	{"ctr-status", 0, PM_BOOL(struct ps_opts, ctr_status), "Display the container status"},
	{"filter", 'f', PM_LIST(struct ps_opts, filter), "Filter output based on conditions given",
	 .choices = "ctr-ids=|ctr-names=|ctr-number=|ctr-status=|id=|label=|name=|network=|status=|"
		    "until=|status=created|status=degraded|status=exited|status=paused|"
		    "status=running|status=stopped"},
	{"format", 0, PM_STRING(struct ps_opts, format), "Pretty-print pods to JSON or using a Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Cgroup|.ContainerIds|.ContainerNames|.ContainerStatuses|.Containers|.Created|.ID|"
		    ".Id|.InfraID|.InfraId|.Labels|.Name|.Namespace|.Networks|.NumberOfContainers|"
		    ".RestartPolicy|.Restarts|.Status"},
	{"latest", 'l', PM_BOOL(struct ps_opts, latest), "Act on the pod created last"},
	{"no-trunc", 0, PM_BOOL(struct ps_opts, no_trunc), "Do not truncate pod and container IDs"},
	{"noheading", 'n', PM_BOOL(struct ps_opts, noheading), "Do not print headers"},
	{"namespace", 0, PM_BOOL(struct ps_opts, ns), "Display namespace information", .hidden = true},
	{"ns", 0, PM_BOOL(struct ps_opts, ns), "Display namespace information of the pod"},
	{"quiet", 'q', PM_BOOL(struct ps_opts, quiet), "Print the numeric IDs of the pods only"},
	{"sort", 0, PM_CHOICE(struct ps_opts, sort), "Sort output by", .def = "created",
	 .choices = "created|id|name|number|status"},
	{0},
};

static const char *const headings[] = {"Id",
				       "POD ID",
				       "ID",
				       "POD ID",
				       "InfraId",
				       "INFRA ID",
				       "InfraID",
				       "INFRA ID",
				       "NumberOfContainers",
				       "# OF CONTAINERS",
				       "ContainerIds",
				       "IDS",
				       "ContainerNames",
				       "NAMES",
				       "ContainerStatuses",
				       "STATUS",
				       "Namespace",
				       "NAMESPACES",
				       NULL};

static void default_table(const struct ps_opts *o, struct pm_buf *out)
{
	pm_buf_add_str(out, "table {{.Id}}\t{{.Name}}\t{{.Status}}\t{{.Created}}");
	if (o->ns)
		pm_buf_add_str(out, "\t{{.Namespace}}");
	pm_buf_add_str(out, "\t{{.InfraId}}");
	if (o->ctr_ids)
		pm_buf_add_str(out, "\t{{.ContainerIds}}");
	if (o->ctr_names)
		pm_buf_add_str(out, "\t{{.ContainerNames}}");
	if (o->ctr_status)
		pm_buf_add_str(out, "\t{{.ContainerStatuses}}");
	if (!o->ctr_ids && !o->ctr_names && !o->ctr_status)
		pm_buf_add_str(out, "\t{{.NumberOfContainers}}");
}

static int compare(const void *va, const void *vb, void *arg)
{
	const struct pm_pod *a = va, *b = vb;
	const char *by = arg;
	int r = 0;
	if (strcmp(by, "id") == 0)
		r = strcmp(a->row.id, b->row.id);
	else if (strcmp(by, "name") == 0)
		r = strcmp(a->row.name, b->row.name);
	else if (strcmp(by, "number") == 0)
		r = (a->n_members > b->n_members) - (a->n_members < b->n_members);
	else if (strcmp(by, "status") == 0)
		r = strcmp(pm_pod_status(a), pm_pod_status(b));
	/* the newest first where nothing else decides, as Podman's */
	return r ? r : (a->row.created < b->row.created) - (a->row.created > b->row.created);
}

struct pods {
	struct pm_pod *v;
	size_t n;
};

static void pods_free(struct pods *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_pod_free(&l->v[i]);
	free(l->v);
}

/* Those that pass the filters, sorted. */
static int load(struct pm_engine *e, const struct ps_opts *o, struct pods *ret, struct pm_err *err)
{
	_cleanup_pod_list_ struct pm_pod_list rows = {0};
	int r = pm_pod_list(e->store, &rows, err);
	ret->v = pm_calloc(rows.n + 1, sizeof(*ret->v));
	for (size_t i = o->latest && rows.n ? rows.n - 1 : 0; r >= 0 && i < rows.n; i++) {
		struct pm_pod *p = &ret->v[ret->n];
		r = pm_pod_load(e, rows.v[i].id, p, err);
		if (r >= 0)
			r = pm_pod_filter(&o->filter, p, err);
		if (r > 0) {
			ret->n++;
			continue;
		}
		pm_pod_free(p);
		if (r == -PM_E_NOSUCH) { /* removed meanwhile */
			pm_err_clear(err);
			r = 0;
		}
	}
	if (r >= 0)
		qsort_r(ret->v, ret->n, sizeof(*ret->v), compare, (void *)(uintptr_t)o->sort);
	return r < 0 ? r : 0;
}

static int ps_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct ps_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_(pods_free) struct pods pods = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, table = PM_BUF_INIT;

	if (o->quiet && o->format && !pm_format_is_json(o->format))
		return pm_fail(err, PM_E_USAGE, "quiet and format cannot be used together");
	int r = pm_pod_filter_check(&o->filter, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = load(&e, o, &pods, err);
	if (r < 0)
		return r;

	bool json = o->format && pm_format_is_json(o->format) && !o->quiet;
	struct pm_json *rows = pm_json_array(pool);
	int64_t now = pm_time_now();
	for (size_t i = 0; i < pods.n; i++)
		pm_json_add(pool, rows, json ? pm_pod_tree(pool, &pods.v[i])
					     : pm_pod_row_tree(pool, &pods.v[i], o->no_trunc || o->quiet, now));
	default_table(o, &table);
	struct pm_format f = {.name = "pod ps",
			      .format = o->quiet ? "{{.Id}}" : o->format,
			      .table_default = pm_buf_str(&table),
			      .headings = headings,
			      .no_heading = o->noheading,
			      .terminal = isatty(STDOUT_FILENO) == 1,
			      .json_indent = 2,
			      .opts = {.type = "pods.ListPodReporter"}};
	r = pm_format_list(&f, rows, &out, err);
	if (r >= 0)
		fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return r;
}

const struct pm_command pm_cmd_pod_ps = {
	.path = "pod ps,ls,list",
	.summary = "List pods",
	.synopsis = "[options]",
	.text = "List all pods on system including their names, ids and current state.",
	.examples = "%p\n%p --ctr-names\n%p --format '{{.Name}} {{.Status}}' --filter status=running",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct ps_opts),
	.tables = {{ps_table, 0}, {0}},
	.run = ps_run,
};
