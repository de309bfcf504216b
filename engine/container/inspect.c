#include "engine/container/inspect.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/container/bundle.h"
#include "engine/container/create.h"
#include "engine/container/exec.h"
#include "engine/container/inspect_parts.h"
#include "engine/container/limits.h"
#include "engine/spec/spec.h"
#include "netns/userns.h"

#define MAX_CONFIG (64 << 20)

/* What config.json would be at a start now. */
static int generate(struct insp *i, const struct pm_container *c, struct pm_err *err)
{
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	_cleanup_bundle_env_ struct pm_bundle_env env = {0};
	_cleanup_spec_plan_ struct pm_spec_plan plan = {0};
	const bool userns = pm_userns_needed();
	int r = userns ? pm_userns_default_map(&map, err) : 0;
	if (r >= 0)
		r = pm_bundle_env(i->e, c, userns ? &map : NULL, &env, err);
	if (r < 0)
		return r;
	if (!env.env.rootfs)
		env.env.rootfs = i->dir;
	r = pm_spec_generate(&c->config, &env.env, &plan, err);
	return r < 0 ? r : pm_json_parse(i->pool, plan.json, plan.json_len, &i->oci, err);
}

/* k is a copy that borrows its strings. */
static void leave_limits(struct pm_ctr_config *k)
{
	int64_t *const numbers[] = {&k->memory,	   &k->memory_reservation, &k->memory_swap, &k->cpu_shares,
				    &k->cpu_quota, &k->cpu_period,	   &k->pids_limit,  &k->blkio_weight};
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++)
		*numbers[i] = PM_UNSET;
	k->cpuset_cpus = k->cpuset_mems = NULL;
	k->n_throttles = 0;
	k->cgroup_conf = (struct pm_strv)PM_STRV_INIT;
}

/* k is a copy that borrows its strings. */
static void leave_joined(struct pm_ctr_config *k)
{
	static char none[] = "none";
	char **const modes[] = {&k->pidns, &k->ipcns, &k->utsns, &k->cgroupns, &k->userns};
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes); i++)
		if (*modes[i] && pm_startswith(*modes[i], "container:"))
			*modes[i] = NULL;
	if (k->network && pm_startswith(k->network, "container:"))
		k->network = none;
}

/* config.json of the last start, else what a start would write now. */
static void load_oci(struct insp *i)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/config.json", i->dir);
	if (pm_fs_read_file(AT_FDCWD, path, MAX_CONFIG, &b, NULL) >= 0 &&
	    pm_json_parse(i->pool, pm_buf_str(&b), b.len, &i->oci, &err) >= 0)
		return;
	struct pm_container less = *i->c;
	int r = generate(i, &less, &err);
	if (r == -PM_E_UNSUPPORTED && pm_limits_any(&less.config)) {
		/* limits that this host cannot apply, which a start refuses: HostConfig has them from the config */
		leave_limits(&less.config);
		pm_err_clear(&err);
		r = generate(i, &less, &err);
	}
	if (r == -PM_E_STATE && pm_container_joins(i->c)) {
		/* those whose namespaces it joins do not run: nothing else of it depends on them */
		leave_joined(&less.config);
		pm_err_clear(&err);
		r = generate(i, &less, &err);
	}
	if (r >= 0)
		return;
	/* It could not be started now; what it is made of can be told all the same. */
	pm_debug("inspect %s: %s", i->c->row.name, err.text);
	i->oci = pm_json_object(i->pool);
}

static void run_path(struct insp *i, struct pm_json *o, const char *name, const char *file)
{
	_cleanup_free_ char *path = pm_asprintf("%s/%s", i->run, file);
	bool there = access(path, F_OK) == 0;
	insp_str(i, o, name, there ? path : "");
}

static void top(struct insp *i, struct pm_json *o, const char *driver, const char *runtime,
		const char *manager, const struct pm_strv *lowers)
{
	const struct pm_ctr_config *k = i->k;
	_cleanup_image_row_ struct pm_image_row image = {0};
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	struct pm_json *args = pm_json_array(i->pool);
	const struct pm_json *caps = pm_json_get(insp_process(i), "capabilities");

	pm_strv_add_all(&argv, pm_strv_argv(&k->entrypoint));
	pm_strv_add_all(&argv, pm_strv_argv(&k->command));
	for (size_t n = 1; n < argv.n; n++)
		pm_json_add(i->pool, args, pm_json_str(i->pool, argv.v[n]));
	insp_str(i, o, "Id", k->id);
	insp_when(i, o, "Created", k->created);
	insp_str(i, o, "Path", argv.n ? argv.v[0] : "");
	insp_set(i, o, "Args", args);
	insp_set(i, o, "State", insp_state(i));
	insp_str(i, o, "Image", k->image_id);
	if (k->image_id)
		pm_image_by_id(i->e->store, k->image_id, 0, &image, NULL);
	insp_str(i, o, "ImageDigest", image.digest);
	insp_str(i, o, "ImageName", k->image);
	insp_str(i, o, "Rootfs", k->rootfs);
	insp_str(i, o, "Pod", k->pod);
	run_path(i, o, "ResolvConfPath", "resolv.conf");
	run_path(i, o, "HostnamePath", "hostname");
	run_path(i, o, "HostsPath", "hosts");
	insp_str(i, o, "StaticDir", i->dir);
	insp_strf(i, o, "OCIConfigPath", "%s/config.json", i->dir);
	insp_str(i, o, "OCIRuntime", runtime);
	insp_str(i, o, "ConmonPidFile", k->conmon_pid_file);
	if (k->pid_file)
		insp_str(i, o, "PidFile", k->pid_file);
	else
		insp_strf(i, o, "PidFile", "%s/pidfile", i->run);
	insp_str(i, o, "Name", i->c->row.name);
	insp_num(i, o, "RestartCount", i->c->state.restarts);
	insp_str(i, o, "Driver", driver);
	insp_str(i, o, "MountLabel", "");
	insp_str(i, o, "ProcessLabel", "");
	insp_str(i, o, "AppArmorProfile", pm_json_get_str(insp_process(i), "apparmorProfile"));
	const char *const sets[][2] = {{"EffectiveCaps", "effective"}, {"BoundingCaps", "bounding"}};
	for (size_t n = 0; n < 2; n++) {
		const struct pm_json *v = pm_json_get(caps, sets[n][1]);
		insp_set(i, o, sets[n][0], v ? pm_json_copy(i->pool, v) : pm_json_null(i->pool));
	}
	insp_list(i, o, "ExecIDs", i->sessions);
	_cleanup_free_ char *upper = pm_asprintf("%s/upper", i->dir);
	insp_set(i, o, "GraphDriver",
	    pm_inspect_graph_driver(i->pool, driver, i->dir, upper, lowers));
	insp_set(i, o, "Mounts", insp_mounts(i));
	insp_list(i, o, "Dependencies", &i->c->row.deps);
	insp_set(i, o, "NetworkSettings", insp_network(i));
	insp_str(i, o, "Namespace", "");
	insp_flag(i, o, "IsInfra", k->is_infra);
	insp_flag(i, o, "IsService", false);
	insp_set(i, o, "Config", insp_config(i));
	insp_set(i, o, "HostConfig", insp_host_config(i, manager));
}

int pm_inspect_container(struct pm_engine *e, const struct pm_container *c, int64_t size_rw,
			 int64_t size_root, struct pm_json_pool *pool, struct pm_json **ret,
			 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv bottom = PM_STRV_INIT, lowers = PM_STRV_INIT;
	_cleanup_strv_ struct pm_strv sessions = PM_STRV_INIT;
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	struct insp i = {.pool = pool, .e = e, .c = c, .k = &c->config, .sessions = &sessions};
	struct pm_json *o = pm_json_object(pool);

	int r = pm_engine_conf(e, err);
	if (r < 0 || (r = pm_engine_cgroup(e, c->config.cgroups, &cg, err)) < 0)
		return r;
	if (!c->config.rootfs && (r = pm_container_lowers(e, c, &bottom, err)) < 0)
		return r;
	if ((r = pm_exec_sessions(e, c, &sessions, err)) < 0)
		return r;
	for (size_t n = bottom.n; n > 0; n--)
		pm_strv_add(&lowers, bottom.v[n - 1]);
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	_cleanup_free_ char *rel = pm_asprintf("ctr/%s", c->row.id);
	_cleanup_free_ char *run = pm_store_run_path(e->store, rel);
	i.dir = dir;
	i.run = run;
	load_oci(&i);
	const char *runtime = c->config.runtime ? c->config.runtime
			      : e->runtime	? e->runtime
						: e->conf.runtime;
	top(&i, o, e->store->driver == PM_STORE_VFS ? "vfs" : "overlay", runtime,
	    pm_cgroup_manager_name(cg.manager), &lowers);
	if (size_rw >= 0)
		pm_json_set_int(pool, o, "SizeRw", size_rw);
	else
		insp_omitted(&i, o, "SizeRw", pm_json_null(pool));
	if (size_root >= 0)
		pm_json_set_int(pool, o, "SizeRootFs", size_root);
	else
		insp_omitted(&i, o, "SizeRootFs", pm_json_int(pool, 0));
	*ret = o;
	return 0;
}
