#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/host_info.h"
#include "cli/version.h"
#include "cli/yaml.h"
#include "engine/container/bundle.h"
#include "engine/volume/volume.h"
#include "registry/registries_conf.h"
#include "storage/image.h"

struct info_opts {
	const char *format;
};

static const struct pm_opt info_table[] = {
	{"format", 'f', PM_STRING(struct info_opts, format),
	 "Change the output format to JSON or a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Host.|.Host.Arch|.Host.CPUs|.Host.CgroupControllers|.Host.CgroupManager|"
		    ".Host.Distribution.|.Host.Distribution.Distribution|.Host.Distribution.Version|"
		    ".Host.EventLogger|.Host.Hostname|.Host.Kernel|.Host.LogDriver|.Host.MemFree|"
		    ".Host.MemTotal|.Host.OCIRuntime.|.Host.OCIRuntime.Name|.Host.OCIRuntime.Path|"
		    ".Host.OCIRuntime.Version|.Host.OS|.Host.Security.|.Host.Security.Rootless|"
		    ".Host.SwapFree|.Host.SwapTotal|.Host.Uptime|.Plugins|.Registries|.Store.|"
		    ".Store.ConfigFile|.Store.ContainerStore.|.Store.ContainerStore.Number|"
		    ".Store.GraphDriverName|.Store.GraphRoot|.Store.GraphRootAllocated|"
		    ".Store.GraphRootUsed|.Store.ImageStore.|.Store.ImageStore.Number|.Store.RunRoot|"
		    ".Store.VolumePath|.Version.|.Version.APIVersion|.Version.Built|"
		    ".Version.GitCommit|.Version.OsArch|.Version.Version"},
	{0},
};

static int container_counts(struct pm_engine *e, struct pm_json_pool *pool, struct pm_json *store,
			    struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list list = {0};
	int64_t running = 0, paused = 0;
	int r = pm_ctr_list(e->store, 0, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		struct pm_ctr_state st;
		pm_container_state(e, &list.v[i], &st);
		running += st.status == PM_STATUS_RUNNING;
		paused += st.status == PM_STATUS_PAUSED;
	}
	struct pm_json *v = pm_json_set(pool, store, "containerStore", pm_json_object(pool));
	pm_json_set_int(pool, v, "number", (int64_t)list.n);
	pm_json_set_int(pool, v, "paused", paused);
	pm_json_set_int(pool, v, "running", running);
	pm_json_set_int(pool, v, "stopped", (int64_t)list.n - running - paused);
	return 0;
}

/* The file system that path is on, by containers/storage's names. */
static const char *backing_fs(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {{EXT4_SUPER_MAGIC, "extfs"},   {XFS_SUPER_MAGIC, "xfs"},	  {BTRFS_SUPER_MAGIC, "btrfs"},
		     {TMPFS_MAGIC, "tmpfs"},	    {0x2fc12fc1, "zfs"},	  {F2FS_SUPER_MAGIC, "f2fs"},
		     {OVERLAYFS_SUPER_MAGIC, "overlayfs"}, {NFS_SUPER_MAGIC, "nfs"}, {FUSE_SUPER_MAGIC, "fuse"},
		     {ECRYPTFS_SUPER_MAGIC, "ecryptfs"}};
	struct statfs s;
	if (statfs(path, &s) == 0)
		for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++)
			if ((unsigned long)s.f_type == known[i].magic)
				return known[i].name;
	return "<unknown>";
}

static int store_tree(struct pm_engine *e, struct pm_json_pool *pool, struct pm_json **ret,
		      struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	struct pm_json *v = *ret = pm_json_object(pool);
	struct statvfs fs = {0};
	enum pm_store_driver driver;

	pm_json_set_str(pool, v, "configFile", "");
	int r = container_counts(e, pool, v, err);
	if (r >= 0)
		r = pm_image_list(e->store, 0, &images, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r < 0)
		return r;
	statvfs(e->store->root, &fs);
	pm_json_set_str(pool, v, "graphDriverName", pm_store_driver_name(driver));
	pm_json_set(pool, v, "graphOptions", pm_json_object(pool));
	pm_json_set_str(pool, v, "graphRoot", e->store->root);
	pm_json_set_int(pool, v, "graphRootAllocated", (int64_t)(fs.f_blocks * fs.f_frsize));
	pm_json_set_int(pool, v, "graphRootUsed",
			(int64_t)((fs.f_blocks - fs.f_bfree) * fs.f_frsize));
	struct pm_json *status = pm_json_set(pool, v, "graphStatus", pm_json_object(pool));
	status->hint = PM_JSON_MAP;
	if (driver != PM_STORE_VFS) {
		pm_json_set_str(pool, status, "Backing Filesystem", backing_fs(e->store->root));
		pm_json_set_str(pool, status, "Native Overlay Diff", "true");
		pm_json_set_str(pool, status, "Supports d_type", "true");
		pm_json_set_str(pool, status, "Using metacopy", "false");
	}
	_cleanup_free_ char *staging = pm_store_path(e->store, "staging");
	_cleanup_free_ char *volumes = pm_store_path(e->store, "volumes");
	const char *place = pm_volume_new_place(e, err);
	if (!place)
		return -err->code;
	pm_json_set_str(pool, v, "imageCopyTmpDir", staging);
	struct pm_json *count = pm_json_set(pool, v, "imageStore", pm_json_object(pool));
	pm_json_set_int(pool, count, "number", (int64_t)images.n);
	pm_json_set_str(pool, v, "runRoot", e->store->runroot);
	pm_json_set_str(pool, v, "volumePath", *place ? place : volumes);
	return 0;
}

static int registries_tree(struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_registries_ struct pm_registries conf = PM_REGISTRIES_INIT;
	struct pm_json *v = *ret = pm_json_object(pool);
	int r = pm_registries_load(&conf, err);
	if (r < 0)
		return r;
	if (conf.search.n)
		pm_json_set(pool, v, "search", pm_json_strv(pool, &conf.search));
	v->hint = PM_JSON_MAP;
	return 0;
}

static struct pm_json *plugins_tree(struct pm_json_pool *pool)
{
	struct pm_json *v = pm_json_object(pool);
	static const char *const volume[] = {"local", NULL};
	static const char *const network[] = {"bridge", "macvlan", "ipvlan", NULL};
	static const char *const log[] = {"k8s-file", "json-file", "none", "passthrough", "journald", NULL};
	static const struct {
		const char *name;
		const char *const *list;
	} kinds[] = {{"volume", volume}, {"network", network}, {"log", log}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++) {
		struct pm_json *list = pm_json_set(pool, v, kinds[i].name, pm_json_array(pool));
		for (const char *const *s = kinds[i].list; *s; s++)
			pm_json_add(pool, list, pm_json_str(pool, *s));
	}
	pm_json_set(pool, v, "authorization", pm_json_null(pool));
	return v;
}

static int info_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct info_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *host, *store, *registries, *info = pm_json_object(pool);

	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_host_info(&e, pool, &host, err);
	if (r >= 0)
		r = store_tree(&e, pool, &store, err);
	if (r >= 0)
		r = registries_tree(pool, &registries, err);
	if (r < 0)
		return r;
	pm_json_set(pool, info, "host", host);
	pm_json_set(pool, info, "store", store);
	pm_json_set(pool, info, "registries", registries);
	pm_json_set(pool, info, "plugins", plugins_tree(pool));
	pm_json_set(pool, info, "version", pm_version_tree(pool));

	if (!o->format || !*o->format) {
		pm_yaml_write(info, &out);
		pm_buf_add_char(&out, '\n');
	} else {
		static const char *const aliases[] = {"CgroupsVersion", "cgroupVersion", "DefaultCapabilities",
						      "capabilities", NULL};
		struct pm_format f = {
			.name = "info",
			.format = o->format,
			.terminal = isatty(1),
			.json_indent = 2,
			.opts = {.type = "*define.Info", .fold_case = true, .aliases = aliases},
		};
		r = pm_format_one(&f, info, &out, err);
	}
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_info = {
	.path = "info|system info",
	.summary = "Display pm system information",
	.synopsis = "[options]",
	.text = "Display information pertaining to the host, current storage stats, and build of pm.\n\n"
		"Useful for the user and when reporting issues.",
	.examples = "%p\n%p --format '{{.Host.OCIRuntime.Path}}'",
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct info_opts),
	.tables = {{info_table, 0}, {0}},
	.run = info_run,
};
