#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options.h"
#include "engine/container/remove.h"
#include "engine/pod/verbs.h"

static int create_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct pm_ctr_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	struct pm_create_options co;
	char image_id[65], new_pod[65];

	pm_container_init(&c);
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_options_words(cli, &e, o, &c.config, &co, err);
	if (r >= 0)
		r = pm_ctr_options_resolve(cli, &e, o, &c.config, &co, image_id, new_pod, err);
	if (r >= 0) {
		r = pm_container_create(&e, &c, &co, err);
		if (r < 0 && new_pod[0])
			pm_pod_remove(&e, new_pod, true, 0, NULL, NULL);
	}
	if (r < 0)
		return r;
	if (c.config.cidfile) {
		r = pm_ctr_write_cidfile(c.config.cidfile, c.row.id, err);
		if (r < 0) {
			pm_container_remove_ended(&e, &c, true, NULL);
			return r;
		}
	}
	printf("%s\n", c.row.id);
	return 0;
}

const struct pm_command pm_cmd_create = {
	.path = "create|container create",
	.summary = "Create but do not start a container",
	.synopsis = "[options] IMAGE [COMMAND [ARG...]]",
	.text = "Creates a new container from the given image and prepares it for running the command. "
		"The container ID is printed.",
	.examples = "%p alpine ls\n%p --annotation HELLO=WORLD alpine ls\n%p -t -i --name myctr alpine ls",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_IMAGE,
	.complete_next = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct pm_ctr_opts),
	.tables = {{pm_ctr_pod_table, 0}, {pm_ctr_pod_network_table, 0},
		   {pm_ctr_pod_limits_table, 0}, {pm_ctr_table, 0},
		   {pm_ctr_limits_table, 0}, {0}},
	.run = create_run,
};
