#include "cli/commands.h"
#include "cli/remote_options.h"
#include "engine/image/query.h"

struct delete_opts {
	int64_t retry_times;
	struct pm_remote_opts remote;
};

static const struct pm_opt delete_table[] = {
	{"daemon-host", 0, PM_REFUSED, "only images of registries are deleted so"},
	{"retry-times", 0, PM_INT(struct delete_opts, retry_times),
	 "The number of times to possibly retry", .def = "3"},
	{"shared-blob-dir", 0, PM_REFUSED, "only images of registries are deleted so"},
	{0},
};

static int delete_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct delete_opts *o = opts;
	_cleanup_secret_ char *secret = NULL;
	struct pm_query_options q = {0};
	int r = pm_remote_from(cli, &o->remote, "", NULL, &q.remote, &secret, err);
	if (r < 0)
		return r;
	q.remote.retries = o->retry_times;
	r = pm_query_delete(cli->args[0], &q, err);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_delete = {
	.path = "delete",
	.summary = "Delete an image from a registry",
	.synopsis = "[options] IMAGE",
	.text = "Marks the image for deletion at its registry: the manifest that the name means goes "
		"away, and with it every tag of it. Layers go at the registry's garbage collection.",
	.examples = "%p docker://registry.example/app:old",
	.min_args = 1,
	.max_args = 1,
	.opts_size = sizeof(struct delete_opts),
	.tables = {{delete_table, 0},
		   {pm_remote_table, offsetof(struct delete_opts, remote)},
		   {0}},
	.run = delete_run,
};
