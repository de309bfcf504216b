#include "engine/container/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/container/attach.h"
#include "engine/container/bundle_parts.h"
#include "engine/container/limits.h"
#include "engine/container/mounts.h"
#include "engine/container/ociruntime.h"
#include "engine/container/service.h"
#include "engine/network/place.h"

int pm_network_mode(const struct pm_conf *conf, const char *asked, char **ret, struct pm_err *err)
{
	const char *mode = asked && *asked ? asked : conf->netns;
	if (!mode || strcmp(mode, "private") == 0 || strcmp(mode, "default") == 0)
		mode = conf->default_rootless_network_cmd;
	if (strcmp(mode, "slirp") == 0)
		mode = "slirp4netns";

	if (pm_network_is_slirp(mode) || pm_network_is_pasta(mode) || strcmp(mode, "none") == 0 ||
	    strcmp(mode, "host") == 0 || pm_startswith(mode, "container:") ||
	    pm_startswith(mode, "ns:/")) {
		*ret = pm_strdup(mode);
		return 0;
	}
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "network \"%s\" is not supported: choose none, host, slirp4netns[:OPTIONS], "
		       "pasta[:OPTIONS], container:NAME or ns:PATH", mode);
}

bool pm_network_is_slirp(const char *mode)
{
	return mode && strcmp(mode, "slirp4netns") == 0;
}

/* Where hooks and CDI specifications are: the command line's, containers.conf's, the usual places. Hooks of the
 * usual places are for root: others name theirs. */
static void spec_dirs(struct pm_engine *e, struct pm_bundle_env *b)
{
	static const char *const hooks[] = {"/usr/share/containers/oci/hooks.d",
					    "/etc/containers/oci/hooks.d"};
	static const char *const cdi[] = {"/etc/cdi", "/var/run/cdi"};
	pm_strv_add_all(&b->hooks_dirs, e->hooks_dirs && e->hooks_dirs->n ? e->hooks_dirs->v
								      : e->conf.hooks_dir.v);
	for (size_t i = 0; !b->hooks_dirs.n && !b->env.rootless && i < PM_ARRAY_SIZE(hooks); i++)
		pm_strv_add(&b->hooks_dirs, hooks[i]);
	pm_strv_add_all(&b->cdi_dirs, e->cdi_spec_dirs && e->cdi_spec_dirs->n ? e->cdi_spec_dirs->v
									  : e->conf.cdi_spec_dirs.v);
	for (size_t i = 0; !b->cdi_dirs.n && i < PM_ARRAY_SIZE(cdi); i++)
		pm_strv_add(&b->cdi_dirs, cdi[i]);
	b->env.hooks_dirs = &b->hooks_dirs;
	b->env.cdi_dirs = &b->cdi_dirs;
}

int pm_bundle_env(struct pm_engine *e, const struct pm_container *c,
		  const struct pm_userns_map *map, struct pm_bundle_env *b, struct pm_err *err)
{
	struct pm_spec_env *env = &b->env;
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = pm_engine_cgroup(e, c->config.cgroups, &b->cgroup, err);
	if (r >= 0)
		r = pm_limits_check(&c->config, &b->cgroup, err);
	if (r >= 0)
		r = pm_ociruntime_path(e, &c->config, &b->runtime, err);
	if (r >= 0)
		r = pm_bundle_view(e, c, b, err);
	b->run_dir = pm_asprintf("%s/ctr/%s", e->store->runroot, c->row.id);
	if (r >= 0)
		r = pm_bundle_namespaces(e, c, b, err);
	if (r < 0)
		return r;

	env->conf = &e->conf;
	spec_dirs(e, b);
	if (map) {
		env->rootless = true;
		b->uids = pm_bundle_idmap(map->uids, map->n_uids);
		b->gids = pm_bundle_idmap(map->gids, map->n_gids);
		env->uids = b->uids;
		env->gids = b->gids;
		env->n_uids = map->n_uids;
		env->n_gids = map->n_gids;
	} else {
		env->rootless = pm_userns_nested();
	}
	r = pm_bundle_own_userns(&c->config, b, err);
	if (r < 0)
		return r;
	env->view = &b->view;
	env->runtime = b->runtime;
	env->run_dir = b->run_dir;
	pm_attach_size(&env->console_rows, &env->console_cols);
	b->seccomp_cache = pm_store_run_path(e->store, "seccomp");
	env->seccomp_cache = b->seccomp_cache;
	if (c->config.init) {
		b->init_path = c->config.init_path ? pm_strdup(c->config.init_path)
						   : pm_proc_helper("pm-init");
		env->init_path = b->init_path;
	}
	return pm_bundle_cgroup(c, b, err);
}

void pm_bundle_env_free(struct pm_bundle_env *b)
{
	for (size_t i = 0; i < b->n_view_fds; i++)
		close(b->view_fds[i]);
	free(b->view_fds);
	pm_secret_binds_free(&b->secrets);
	pm_strv_free(&b->mount_sources);
	free(b->uids);
	free(b->gids);
	pm_cgroup_free(&b->cgroup);
	pm_strv_free(&b->hooks_dirs);
	pm_strv_free(&b->cdi_dirs);
	pm_place_files_free(&b->files);
	pm_pasta_free(&b->pasta);
	char *strings[] = {b->run_dir,	  b->rootfs,	   b->runtime,	  b->init_path,
			   b->seccomp_cache, b->cgroup_path, b->cgroup_parent, b->netns_path, b->pidns_path,
			   b->ipcns_path, b->utsns_path,   b->cgroupns_path, b->uts_hostname, b->hosts_from,
			   b->resolv_from, b->shm, b->shm_from, b->notify_dir,
			   b->userns_path};
	for (size_t i = 0; i < PM_ARRAY_SIZE(strings); i++)
		free(strings[i]);
	memset(b, 0, sizeof(*b));
}

static int plan_secrets(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
			struct pm_launch_plan *plan, struct pm_err *err)
{
	plan->ctr_dir = pm_strdup(b->run_dir);
	int r = pm_secret_plan(e, c, plan, &b->secrets, err);
	b->env.binds = b->secrets.v;
	b->env.n_binds = b->secrets.n;
	return r;
}

/*
 * Secrets as variables: the config.json that has them is the bundle's, in runroot; the one in the graph root, for
 * whoever wants to know how the container was started, is without.
 */
static int hide_env(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
		    const struct pm_spec_plan *spec, struct pm_launch_plan *plan, struct pm_err *err)
{
	_cleanup_(pm_secret_env_wipe) struct pm_strv env = PM_STRV_INIT;
	_cleanup_spec_plan_ struct pm_spec_plan with = {0};
	_cleanup_free_ char *name = pm_asprintf("ctr/%s/bundle", c->row.id);
	int r = pm_secret_env(e, c, &env, err);
	if (r < 0 || env.n == 0)
		return r;
	b->env.extra_env = &env;
	r = pm_spec_generate(&c->config, &b->env, &with, err);
	b->env.extra_env = NULL;
	if (r < 0)
		return r;
	_cleanup_close_ int dir = pm_store_run_dir(e->store, name, err);
	r = dir < 0 ? dir
		    : pm_fs_write_file(dir, "config.json", with.json, with.json_len, 0600, false, err);
	explicit_bzero(with.json, with.json_len);
	if (r >= 0)
		r = pm_fs_rewrite_file(AT_FDCWD, pm_bundle_config_path(plan), spec->json, spec->json_len,
				       0600, err);
	free(plan->bundle);
	plan->bundle = pm_store_run_path(e->store, name);
	plan->bundle_ready = true;
	return r;
}

int pm_bundle_make(struct pm_start *s, const struct pm_container *c, struct pm_spec_plan *spec,
		   struct pm_launch_plan *plan, struct pm_volume_locks *locks, struct pm_err *err)
{
	_cleanup_bundle_env_ struct pm_bundle_env b = {0};
	int r = pm_bundle_env(s->engine, c, s->in_userns ? &s->map : NULL, &b, err);
	if (r >= 0)
		r = pm_bundle_plan_rootfs(s->engine, c, plan, err);
	if (r >= 0)
		r = pm_volume_plan_container(s->engine, c, &plan->mounts, locks, err);
	if (r >= 0)
		r = pm_mounts_prepare(s->engine, c, &plan->mounts, &b.mount_sources, err);
	if (r < 0)
		return r;
	if (b.env.oci_userns) {
		pm_bundle_cover_rootfs(s->engine, c, plan);
		b.userns_path = pm_asprintf("/proc/%d/fd/%d", s->monitor.pid, PM_MONITOR_FD_USERNS);
		b.env.userns_path = b.userns_path;
	}
	b.env.rootfs = plan->rootfs;
	if (pm_streq(c->config.cgroups, "split")) {
		r = pm_cgroup_move_all(b.cgroup.own, "supervisor", err);
		if (r < 0)
			return r;
	}
	b.env.mount_sources = b.mount_sources.n ? &b.mount_sources : NULL;
	if (pm_network_is_bridge(c->config.network)) {
		pm_place_files(&s->netd, NULL, &b.files);
		b.env.name_servers = &b.files.servers;
		b.env.addresses = &b.files.addresses;
		b.env.network_dns = b.files.network_dns;
	}
	r = pm_service_env(&c->config, &b.env, &b.notify_dir, err);
	if (r >= 0)
		r = plan_secrets(s->engine, c, &b, plan, err);
	if (r >= 0)
		r = pm_spec_generate(&c->config, &b.env, spec, err);
	if (r >= 0)
		r = pm_bundle_plan(s, c, spec, &b, plan, err);
	s->own_group = pm_strdup_null(b.cgroup.own);
	if (plan->pod_group && b.cgroup.manager == PM_CGROUP_SYSTEMD)
		s->pod_slice = pm_strdup(b.cgroup_parent);
	if (r >= 0 && c->config.secrets.n)
		r = hide_env(s->engine, c, &b, spec, plan, err);
	return r;
}

const char *pm_bundle_config_path(const struct pm_launch_plan *plan)
{
	static char path[4200];
	snprintf(path, sizeof(path), "%s/config.json", plan->bundle);
	return path;
}
