#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/system/check.h"

struct check_opts {
	bool force, quick, repair;
	int64_t max;
};

static const struct pm_opt check_table[] = {
	{"force", 'f', PM_BOOL(struct check_opts, force),
	 "With --repair, remove containers as well: damaged ones and those of damaged images"},
	{"max", 'm', PM_DURATION(struct check_opts, max),
	 "Maximum allowed age of layers that no image has", .def = "24h"},
	{"quick", 'q', PM_BOOL(struct check_opts, quick),
	 "Only check that all is there, not the content of layers"},
	{"repair", 'r', PM_BOOL(struct check_opts, repair), "Remove what is damaged"},
	{0},
};

static int summary(const struct check_opts *o, const struct pm_check_counts *n, size_t damaged,
		   size_t left, struct pm_err *err)
{
	if (n->unproved)
		printf("%u of %u layers cannot be compared with what was pulled: they were stored without "
		       "a recipe\n",
		       n->unproved, n->layers);
	if (!damaged)
		puts("No damage detected");
	else if (!o->repair)
		return pm_fail(err, PM_E_STATE, "damage detected in local storage: --repair removes what "
						"is damaged");
	else if (left)
		return pm_fail(err, PM_E_STATE, "damage in local storage could not be repaired entirely");
	return 0;
}

static int check_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct check_opts *o = opts;
	const struct pm_check_options co = {.quick = o->quick, .unused_ns = o->max};
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_damages_ struct pm_damages d = {0};
	_cleanup_strv_ struct pm_strv done = PM_STRV_INIT, left = PM_STRV_INIT;
	struct pm_check_counts counts = {0};
	if (o->force && !o->repair)
		return pm_fail(err, PM_E_USAGE, "--force is for --repair");
	if (o->max < 0)
		return pm_fail(err, PM_E_USAGE, "--max must not be negative");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_system_check(&e, &co, &d, &counts, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d.n; i++)
		printf("Damage detected in %s %s: %s\n", pm_damage_word(d.v[i].kind), d.v[i].id,
		       d.v[i].text);
	if (o->repair && d.n)
		r = pm_system_repair(&e, &d, o->force, &done, &left, err);
	else if (!d.n)
		pm_engine_sweep(&e); /* what dead processes left is no damage */
	for (size_t i = 0; i < done.n; i++)
		puts(done.v[i]);
	for (size_t i = 0; i < left.n; i++)
		printf("Not repaired: %s\n", left.v[i]);
	return r < 0 ? r : summary(o, &counts, d.n, left.n, err);
}

const struct pm_command pm_cmd_system_check = {
	.path = "system check",
	.summary = "Check storage consistency",
	.synopsis = "[options]",
	.text = "Checks that images, layers, containers and volumes are as the database says, and that the "
		"files of each layer are still those that were pulled: its archive is made again and "
		"compared by digest.\n\n"
		"With --repair damaged images are removed with their layers, and can be pulled again.",
	.examples = "%p\n%p --quick\n%p --repair\n%p --repair --force",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct check_opts),
	.tables = {{check_table, 0}, {0}},
	.run = check_run,
};
