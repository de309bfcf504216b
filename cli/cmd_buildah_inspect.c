#include <stdio.h>
#include <string.h>

#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "engine/container/mount.h"
#include "engine/spec/caps.h"
#include "engine/image/resolve.h"
#include "netns/idmap.h"
#include "netns/userns.h"
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

/* --- Docker's form of the document ------------------------------------------------------------------- */

/* What Docker's configuration of a container has always, in its order; the rest as the document has it. */
static struct pm_json *docker_config(struct pm_json_pool *p, const struct pm_json *config)
{
	static const char *const off[] = {"AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"};
	static const char *const lists[] = {"Env", "Cmd"};
	static const char *const later[] = {"ExposedPorts", "Healthcheck", "StopSignal", "Shell"};
	struct pm_json *v = pm_json_object(p);
	const char *user = pm_json_get_str(config, "User"), *dir = pm_json_get_str(config, "WorkingDir");
	pm_json_set_str(p, v, "Hostname", pm_json_get_str(config, "Hostname") ? pm_json_get_str(config, "Hostname") : "");
	pm_json_set_str(p, v, "Domainname", pm_json_get_str(config, "Domainname") ? pm_json_get_str(config, "Domainname") : "");
	pm_json_set_str(p, v, "User", user ? user : "");
	for (size_t i = 0; i < PM_ARRAY_SIZE(off); i++)
		pm_json_set_bool(p, v, off[i], false);
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++) {
		const struct pm_json *l = pm_json_get(config, lists[i]);
		pm_json_set(p, v, lists[i], l ? pm_json_copy(p, l) : pm_json_array(p));
	}
	pm_json_set_str(p, v, "Image", "");
	const struct pm_json *volumes = pm_json_get(config, "Volumes"), *entry = pm_json_get(config, "Entrypoint"),
			     *on = pm_json_get(config, "OnBuild"), *labels = pm_json_get(config, "Labels");
	pm_json_set(p, v, "Volumes", volumes ? pm_json_copy(p, volumes) : pm_json_null(p));
	pm_json_set_str(p, v, "WorkingDir", dir ? dir : "");
	pm_json_set(p, v, "Entrypoint", entry ? pm_json_copy(p, entry) : pm_json_null(p));
	pm_json_set(p, v, "OnBuild", on ? pm_json_copy(p, on) : pm_json_array(p));
	pm_json_set(p, v, "Labels", labels ? pm_json_copy(p, labels) : pm_json_null(p));
	for (size_t i = 0; i < PM_ARRAY_SIZE(later); i++)
		if (pm_json_get(config, later[i]))
			pm_json_set(p, v, later[i], pm_json_copy(p, pm_json_get(config, later[i])));
	return v;
}

static struct pm_json *docker_document(struct pm_json_pool *p, const struct pm_json *document)
{
	static const char *const same[] = {"created", "author", "architecture", "variant", "os", "rootfs", "history"};
	struct pm_json *v = pm_json_object(p);
	for (size_t i = 0; i < PM_ARRAY_SIZE(same); i++) {
		const struct pm_json *m = pm_json_get(document, same[i]);
		if (i == 2) { /* where Docker has them */
			pm_json_set(p, v, "container_config", docker_config(p, pm_json_get(document, "config")));
			pm_json_set(p, v, "config", docker_config(p, pm_json_get(document, "config")));
		}
		if (m)
			pm_json_set(p, v, same[i], pm_json_copy(p, m));
	}
	return v;
}

/* --- the working container --------------------------------------------------------------------------- */

static bool is_host(const char *mode, bool otherwise)
{
	return mode && *mode ? strcmp(mode, "host") == 0 : otherwise;
}

static struct pm_json *namespaces(struct pm_json_pool *p, const struct pm_ctr_config *k)
{
	const struct {
		const char *name, *mode;
		bool host;
	} all[] = {{"cgroup", k->cgroupns, is_host(k->cgroupns, false)},
		   {"ipc", k->ipcns, is_host(k->ipcns, false)},
		   {"mount", NULL, false},
		   {"network", k->network, is_host(k->network, false)},
		   {"pid", k->pidns, is_host(k->pidns, false)},
		   {"user", k->userns, !k->id_uids.n},
		   {"uts", k->utsns, is_host(k->utsns, false)}};
	struct pm_json *l = pm_json_array(p);
	for (size_t i = 0; i < PM_ARRAY_SIZE(all); i++) {
		struct pm_json *v = pm_json_add(p, l, pm_json_object(p));
		bool path = all[i].mode && pm_startswith(all[i].mode, "ns:");
		pm_json_set_str(p, v, "Name", all[i].name);
		pm_json_set_bool(p, v, "Host", all[i].host);
		pm_json_set_str(p, v, "Path", path ? all[i].mode + strlen("ns:") : "");
	}
	return l;
}

static int map_of(struct pm_json_pool *p, const struct pm_strv *l, struct pm_json *to, const char *name, struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap map = PM_IDMAP_INIT;
	struct pm_json *list = pm_json_array(p);
	int r = pm_idmap_decode(l, &map, err);
	for (size_t i = 0; r >= 0 && i < map.n; i++) {
		struct pm_json *v = pm_json_add(p, list, pm_json_object(p));
		pm_json_set_int(p, v, "container_id", map.v[i].container);
		pm_json_set_int(p, v, "host_id", map.v[i].host);
		pm_json_set_int(p, v, "size", map.v[i].length);
	}
	pm_json_set(p, to, name, list);
	return r;
}

/* What containers of its runs are. */
static int add_run(struct item *t, struct pm_engine *e, const struct pm_ctr_config *k, struct pm_err *err)
{
	struct pm_json *maps = pm_json_object(t->pool);
	uint64_t base = 0, caps = 0;
	pm_json_set_str(t->pool, t->v, "DefaultMountsFilePath", "");
	pm_json_set_str(t->pool, t->v, "Isolation", pm_userns_needed() ? "rootless" : "oci");
	pm_json_set(t->pool, t->v, "NamespaceOptions", namespaces(t->pool, k));
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = pm_caps_merge(0, pm_caps_all(), &e->conf.default_capabilities, NULL, &base, err);
	if (r >= 0)
		r = pm_caps_merge(base, pm_caps_all(), &k->cap_add, &k->cap_drop, &caps, err);
	pm_json_set(t->pool, t->v, "Capabilities", pm_caps_json(t->pool, caps));
	pm_json_set_str(t->pool, t->v, "ConfigureNetwork",
			pm_streq(k->network, "none") ? "NetworkDisabled" : "NetworkDefault");
	pm_json_set_str(t->pool, t->v, "CNIPluginPath", "");
	pm_json_set_str(t->pool, t->v, "CNIConfigDir", "");
	pm_json_set_bool(t->pool, maps, "HostUIDMapping", !k->id_uids.n);
	pm_json_set_bool(t->pool, maps, "HostGIDMapping", !k->id_gids.n);
	if (r >= 0)
		r = map_of(t->pool, &k->id_uids, maps, "UIDMap", err);
	if (r >= 0)
		r = map_of(t->pool, &k->id_gids, maps, "GIDMap", err);
	pm_json_set_bool(t->pool, maps, "AutoUserNs", k->userns && pm_startswith(k->userns, "auto"));
	pm_json_set(t->pool, t->v, "IDMappingOptions", maps);
	return r;
}

static void add_document(struct item *t, struct pm_json *document)
{
	pm_json_set_str(t->pool, t->v, "ImageCreatedBy", "");
	pm_json_set(t->pool, t->v, "OCIv1", document);
	pm_json_set(t->pool, t->v, "Docker", docker_document(t->pool, document));
	const struct pm_json *history = pm_json_get(document, "history");
	pm_json_set(t->pool, t->v, "History", history ? pm_json_copy(t->pool, history) : pm_json_null(t->pool));
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
	pm_json_set_str(t->pool, t->v, "ProcessLabel", "");
	pm_json_set_str(t->pool, t->v, "MountLabel", "");
	struct pm_json *notes = pm_json_set(t->pool, t->v, "ImageAnnotations", pm_json_object(t->pool));
	const char *digest = pm_json_get_str(t->v, "FromImageDigest");
	if (digest) {
		pm_json_set_str(t->pool, notes, "org.opencontainers.image.base.digest", digest);
		pm_json_set_str(t->pool, notes, "org.opencontainers.image.base.name", w.c.config.image);
	}
	add_document(t, pm_json_copy(t->pool, w.document));
	pm_json_set(t->pool, t->v, "Devices", pm_json_array(t->pool));
	return add_run(t, &e, &w.c.config, err);
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
		add_document(t, config);
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
