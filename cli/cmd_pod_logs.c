#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/log_print.h"
#include "cli/pod_common.h"

struct logs_opts {
	bool latest;
	const char *container;
	struct pm_log_print print;
};

static const struct pm_opt logs_table[] = {
	{"color", 0, PM_BOOL(struct logs_opts, print.color),
	 "Output the containers within a pod with different colors in the log"},
	{"container", 'c', PM_STRING(struct logs_opts, container),
	 "Filter logs by container name or id which belongs to pod", .complete = PM_COMPLETE_CONTAINER},
	{"follow", 'f', PM_BOOL(struct logs_opts, print.follow), "Follow log output"},
	{"latest", 'l', PM_BOOL(struct logs_opts, latest), "Act on the pod created last"},
	{"names", 'n', PM_BOOL(struct logs_opts, print.names),
	 "Output container names instead of container IDs in the log"},
	{"since", 0, PM_STRING(struct logs_opts, print.since), "Show logs since TIMESTAMP"},
	{"tail", 0, PM_INT(struct logs_opts, print.tail),
	 "Output the specified number of LINES at the end of the logs; -1 prints all lines", .def = "-1"},
	{"timestamps", 't', PM_BOOL(struct logs_opts, print.timestamps),
	 "Output the timestamps in the log"},
	{"until", 0, PM_STRING(struct logs_opts, print.until), "Show logs until TIMESTAMP"},
	{0},
};

/* The pod's containers whose logs are wanted; the infra container says nothing. */
static int choose(struct pm_engine *e, const struct logs_opts *o, const char *pod, struct pm_strv *ids,
		  struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	_cleanup_ctr_row_ struct pm_ctr_row only = {0};
	int r = pm_pod_load(e, pod, &p, err);
	if (r >= 0 && o->container)
		r = pm_ctr_find(e->store, o->container, 0, &only, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p.n_members; i++) {
		const char *id = p.members[i].row.id;
		if (o->container ? strcmp(id, only.id) == 0 : !pm_pod_is_infra(&p, &p.members[i]))
			pm_strv_add(ids, id);
	}
	if (o->container && ids->n == 0)
		return pm_fail(err, PM_E_NOSUCH, "container %s is not in pod %s: no such container",
			       o->container, pod);
	return 0;
}

static int logs_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct logs_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv pods = PM_STRV_INIT, ids = PM_STRV_INIT;
	struct pm_pod_choice ch = {.latest = o->latest};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_pod_choose(cli, &e, &ch, &pods, err);
	if (r >= 0)
		r = choose(&e, o, pods.v[0], &ids, err);
	return r < 0 ? r : pm_log_print(&e, &o->print, &ids, err);
}

const struct pm_command pm_cmd_pod_logs = {
	.path = "pod logs",
	.summary = "Fetch logs for pod with one or more containers",
	.synopsis = "[options] POD",
	.text = "Displays logs for pod with one or more containers, merged by their times.",
	.examples = "%p podID\n%p -c ctrname podName\n%p --tail 2 mywebserver\n%p --follow=true --since 10m podID",
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct logs_opts),
	.tables = {{logs_table, 0}, {0}},
	.run = logs_run,
};
