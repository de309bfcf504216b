#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/table.h"
#include "engine/container/diff.h"

struct diff_opts {
	bool latest;
	const char *format;
};

#define FORMAT_OPTION                                                                              \
	{"format", 0, PM_STRING(struct diff_opts, format), "Change the output format (json)",      \
	 .choices = "json"}

static const struct pm_opt diff_table[] = {
	FORMAT_OPTION,
	{"latest", 'l', PM_BOOL(struct diff_opts, latest),
	 "Act on the latest container podman is aware of"},
	{0},
};

static const struct pm_opt image_diff_table[] = {FORMAT_OPTION, {0}};

static void print_json(const struct pm_strv *changes)
{
	static const struct {
		char letter;
		const char *name;
	} kinds[] = {{'C', "changed"}, {'A', "added"}, {'D', "deleted"}};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *root = pm_json_object(pool);
	for (size_t k = 0; k < PM_ARRAY_SIZE(kinds); k++) {
		struct pm_json *list = pm_json_array(pool);
		for (size_t i = 0; i < changes->n; i++) {
			if (changes->v[i][0] == kinds[k].letter)
				pm_json_add(pool, list, pm_json_str(pool, changes->v[i] + 1));
		}
		if (pm_json_len(list))
			pm_json_set(pool, root, kinds[k].name, list);
	}
	pm_json_write(root, 5, &out);
	puts(pm_buf_str(&out));
}

static void print_lines(const struct pm_strv *changes)
{
	bool terminal = isatty(1);
	for (size_t i = 0; i < changes->n; i++) {
		const char *path = changes->v[i] + 1;
		_cleanup_buf_ struct pm_buf safe = PM_BUF_INIT;
		if (terminal)
			pm_table_safe(path, strlen(path), &safe);
		printf("%c %s\n", changes->v[i][0], terminal ? pm_buf_str(&safe) : path);
	}
}

static int run(struct pm_cli *cli, enum pm_diff_kind kind, const struct diff_opts *o,
	       struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv changes = PM_STRV_INIT;
	char id[65];
	const char *name = cli->args[0], *base = cli->args[0] ? cli->args[1] : NULL;
	if (o->format && *o->format && strcmp(o->format, "json") != 0)
		return pm_fail(err, PM_E_USAGE, "only supported value for '--format' is 'json'");
	if (o->latest && cli->n_args > 0)
		return pm_fail(err, PM_E_USAGE, "--latest and containers cannot be used together");
	if (!o->latest && cli->n_args == 0)
		return pm_fail(err, PM_E_USAGE, "you must name a container or image");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->latest) {
		r = pm_container_latest(&e, id, err);
		name = id;
	}
	if (r >= 0)
		r = pm_diff(&e, kind, name, base, &changes, err);
	if (r < 0)
		return r;
	if (o->format && *o->format)
		print_json(&changes);
	else
		print_lines(&changes);
	return 0;
}

static int diff_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return run(cli, PM_DIFF_ANY, opts, err);
}

static int container_diff_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return run(cli, PM_DIFF_CONTAINER, opts, err);
}

static int image_diff_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return run(cli, PM_DIFF_IMAGE, opts, err);
}

const struct pm_command pm_cmd_diff = {
	.path = "diff",
	.summary = "Display the changes to the object's file system",
	.synopsis = "[options] {CONTAINER|IMAGE} [{CONTAINER|IMAGE}]",
	.text = "Displays changes to the container or image filesystem. It is compared to what it lies on "
		"(the image of a container, the parent layer of an image), or to the second argument when "
		"one is given.\n"
		"Each line begins with C for what was changed, A for what was added, D for what was deleted.",
	.examples = "%p imageID\n%p ctrID\n%p --format json ctrID\n%p ctrID imageID",
	.min_args = 0,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NAME,
	.opts_size = sizeof(struct diff_opts),
	.tables = {{diff_table, 0}, {0}},
	.run = diff_run,
};

const struct pm_command pm_cmd_container_diff = {
	.path = "container diff",
	.summary = "Inspect changes to the container's file systems",
	.synopsis = "[options] CONTAINER [{CONTAINER|IMAGE}]",
	.text = "Displays changes to the container filesystem. The container will be compared to its image, "
		"or to the second argument when one is given.",
	.examples = "%p myCtr\n%p -l --format json",
	.min_args = 0,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct diff_opts),
	.tables = {{diff_table, 0}, {0}},
	.run = container_diff_run,
};

const struct pm_command pm_cmd_image_diff = {
	.path = "image diff",
	.summary = "Inspect changes to the image's file systems",
	.synopsis = "[options] IMAGE [{CONTAINER|IMAGE}]",
	.text = "Displays changes to the image filesystem. The image will be compared to its parent layer, "
		"or to the second argument when one is given.",
	.examples = "%p myImage\n%p --format json redis:alpine",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct diff_opts),
	.tables = {{image_diff_table, 0}, {0}},
	.run = image_diff_run,
};
