#include <stdio.h>
#include <string.h>

#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "engine/container/mount.h"
#include "engine/image/resolve.h"
#include "storage/image.h"

struct inspect_opts {
	const char *format, *type;
};

static const struct pm_opt inspect_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format),
	 "Use this Go template to format the output"},
	{"type", 't', PM_CHOICE(struct inspect_opts, type), "Look at the item of this type",
	 .def = "container", .choices = "container|image"},
	{0},
};

struct item {
	struct pm_json_pool *pool;
	struct pm_json *v;
};

/* Of the image that it is, or that a working container is based on. */
static int add_image(struct item *t, struct pm_engine *e, const char *id, const char *name,
		     struct pm_json **ret_config, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	int r = pm_image_by_id(e->store, id, PM_IMAGE_CONFIG | PM_IMAGE_MANIFEST, &image, err);
	if (r < 0)
		return r;
	pm_json_set_str(t->pool, t->v, "FromImage", name ? name : "");
	pm_json_set_str(t->pool, t->v, "FromImageID", id);
	pm_json_set_str(t->pool, t->v, "FromImageDigest", image.digest);
	pm_json_set(t->pool, t->v, "Config", pm_json_strn(t->pool, image.config, image.config_len));
	pm_json_set(t->pool, t->v, "Manifest",
		    pm_json_strn(t->pool, image.manifest, image.manifest_len));
	return ret_config ? pm_json_parse(t->pool, image.config, image.config_len, ret_config, err)
			  : 0;
}

static int of_container(struct pm_cli *cli, struct item *t, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	int r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	if (r >= 0 && pm_worker_image(&w))
		r = add_image(t, &e, pm_worker_image(&w), w.c.config.image, NULL, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *path = pm_container_mount_path(&e, &w.c);
	pm_json_set_str(t->pool, t->v, "Container", w.c.row.name);
	pm_json_set_str(t->pool, t->v, "ContainerID", w.c.row.id);
	pm_json_set_str(t->pool, t->v, "MountPoint", pm_container_is_mounted(&e, &w.c) ? path : "");
	pm_json_set(t->pool, t->v, "OCIv1", pm_json_copy(t->pool, w.document));
	return 0;
}

static int of_image(struct pm_cli *cli, struct item *t, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_free_ char *name = NULL;
	struct pm_json *config;
	char id[65];
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_image_resolve(e.store, cli->args[0], id, &name, err);
	if (r >= 0)
		r = add_image(t, &e, id, name, &config, err);
	if (r >= 0)
		pm_json_set(t->pool, t->v, "OCIv1", config);
	return r;
}

/* A template names fields as Go's structs do, not as JSON does: .OCIv1.Config.Env. */
static void go_names(struct pm_json *ociv1)
{
	static const char *const names[][2] = {
		{"created", "Created"}, {"author", "Author"},  {"architecture", "Architecture"},
		{"variant", "Variant"}, {"os", "OS"},          {"config", "Config"},
		{"rootfs", "RootFS"},   {"history", "History"}};
	for (size_t i = 0; i < pm_json_len(ociv1); i++)
		for (size_t k = 0; k < PM_ARRAY_SIZE(names); k++)
			if (strcmp(ociv1->members[i].name, names[k][0]) == 0)
				ociv1->members[i].name = names[k][1];
}

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct inspect_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct item t = {.pool = pool, .v = pm_json_object(pool)};
	bool image = strcmp(o->type, "image") == 0;
	pm_json_set_str(pool, t.v, "Type", "buildah 0.0.1");
	int r = image ? of_image(cli, &t, err) : of_container(cli, &t, err);
	if (r == -PM_E_NOSUCH && !image &&
	    !pm_cli_given(cli, "type")) { /* as buildah: a name may be an image's */
		pm_err_clear(err);
		r = of_image(cli, &t, err);
	}
	if (r < 0)
		return r;
	if (o->format && *o->format && !pm_format_is_json(o->format))
		go_names(pm_json_get(t.v, "OCIv1"));
	struct pm_format f = {
		.name = "inspect", .format = o->format, .opts = {.type = "buildah.BuilderInfo"}};
	r = pm_format_one(&f, t.v, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_buildah_inspect = {
	.path = "buildah inspect",
	.summary = "Show what a working container or an image says",
	.synopsis = "[options] CONTAINER|IMAGE",
	.text = "Prints the working container and the configuration of the image to be (OCIv1) as "
		"JSON, or the same of an image.",
	.examples = "%p alpine-working-container\n%p --type image --format '{{.OCIv1.Config.Env}}' "
		    "alpine",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};
