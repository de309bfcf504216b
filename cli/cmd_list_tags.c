#include <stdio.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/remote_options.h"
#include "engine/image/query.h"

struct list_tags_opts {
	int64_t retry_times;
	struct pm_remote_opts remote;
};

static const struct pm_opt list_tags_table[] = {
	{"retry-times", 0, PM_INT(struct list_tags_opts, retry_times),
	 "The number of times to possibly retry", .def = "3"},
	{0},
};

static int list_tags_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct list_tags_opts *o = opts;
	_cleanup_secret_ char *secret = NULL;
	_cleanup_free_ char *name = NULL;
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	struct pm_query_options q = {0};
	int r = pm_remote_from(cli, &o->remote, "", NULL, &q.remote, &secret, err);
	if (r < 0)
		return r;
	q.remote.retries = o->retry_times;
	r = pm_query_tags(cli->args[0], &q, &name, &tags, err);
	if (r < 0)
		return r;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *v = pm_json_object(pool);
	if (name)
		pm_json_set_str(pool, v, "Repository", name);
	pm_json_set(pool, v, "Tags", pm_json_strv(pool, &tags));
	pm_json_write(v, 4, &out);
	puts(pm_buf_str(&out));
	return 0;
}

const struct pm_command pm_cmd_list_tags = {
	.path = "list-tags|image list-tags",
	.summary = "List tags in the transport/repository specified by the SOURCE-IMAGE",
	.synopsis = "[options] SOURCE-IMAGE",
	.text = "Prints the tags of a repository (docker://HOST/PATH), or the names in a "
		"docker-archive (docker-archive:PATH), as JSON.",
	.examples = "%p docker://docker.io/library/alpine\n%p docker-archive:/tmp/saved.tar",
	.min_args = 1,
	.max_args = 1,
	.opts_size = sizeof(struct list_tags_opts),
	.tables = {{list_tags_table, 0},
		   {pm_remote_table, offsetof(struct list_tags_opts, remote)},
		   {0}},
	.run = list_tags_run,
};
