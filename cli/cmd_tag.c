#include <errno.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"
#include "storage/image.h"

/* The image that the first argument means, whose names can be changed. ret must be zeroed. */
static int begin(struct pm_cli *cli, struct pm_engine *e, struct pm_image_row *ret, struct pm_err *err)
{
	const char *word = cli->args[0];
	char id[65];
	int r = pm_cli_engine(cli, e, err);
	if (r >= 0)
		r = pm_image_resolve_any(e->store, word, id, NULL, err);
	if (r >= 0)
		r = pm_image_by_id(e->store, id, 0, ret, err);
	if (r >= 0 && ret->readonly)
		return pm_fail(err, EROFS, "image %s is in a read-only store: its names cannot be changed",
			       word);
	return r;
}

/* The names given from the second argument on, in full. */
static int full_names(const struct pm_cli *cli, struct pm_strv *ret, struct pm_err *err)
{
	for (int i = 1; i < cli->n_args; i++) {
		char *name = NULL;
		int r = pm_image_new_name(cli->args[i], &name, err);
		if (r < 0)
			return r;
		pm_strv_take(ret, name);
	}
	return 0;
}

static int tag_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	(void)opts;
	int r = begin(cli, &e, &row, err);
	if (r >= 0)
		r = full_names(cli, &names, err);
	if (r >= 0)
		r = pm_image_tag_all(e.store, row.id, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		pm_event_image(&e, "tag", row.id, names.v[i]);
	return r < 0 ? r : 0;
}

/* The name of image id that word means; what is none of its names stays as it would be given. */
static int known_name(struct pm_store *store, const char *id, const char *word, char **ret,
		      struct pm_err *err)
{
	_cleanup_free_ char *name = NULL;
	char other[65];
	if (pm_image_resolve_any(store, word, other, &name, NULL) >= 0 && name && strcmp(id, other) == 0) {
		*ret = pm_steal(&name);
		return 0;
	}
	return pm_image_new_name(word, ret, err);
}

static int untag_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	(void)opts;
	int r = begin(cli, &e, &row, err);
	for (int i = 1; r >= 0 && i < cli->n_args; i++) {
		char *name = NULL;
		r = known_name(e.store, row.id, cli->args[i], &name, err);
		if (r >= 0)
			pm_strv_take(&names, name);
	}
	for (size_t i = 0; r >= 0 && cli->n_args == 1 && i < row.n_names; i++)
		pm_strv_add(&names, row.names[i].name);
	if (r >= 0)
		r = pm_image_untag_all(e.store, row.id, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		pm_event_image(&e, "untag", row.id, names.v[i]);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_tag = {
	.path = "tag|image tag",
	.summary = "Add an additional name to a local image",
	.synopsis = "IMAGE TARGET_NAME [TARGET_NAME...]",
	.text = "Adds one or more additional names to locally-stored image.",
	.examples = "%p 0e3bbc2 fedora:latest\n%p imageID:latest myNewImage:newTag\n"
		    "%p httpd myregistryhost:5000/fedora/httpd:v2",
	.min_args = 2,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.run = tag_run,
};

const struct pm_command pm_cmd_untag = {
	.path = "untag|image untag",
	.summary = "Remove a name from a local image",
	.synopsis = "IMAGE [NAME...]",
	.text = "Removes one or more names from a locally-stored image; all of them when none is "
		"given. The image stays.",
	.examples = "%p 0e3bbc2\n%p imageID:latest otherImageName:latest\n"
		    "%p httpd myregistryhost:5000/fedora/httpd:v2",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.run = untag_run,
};
