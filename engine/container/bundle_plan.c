#include "engine/container/bundle_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/journal.h"
#include "engine/container/health.h"
#include "engine/container/logtag.h"
#include "engine/container/service.h"
#include "engine/events/events.h"
#include "engine/network/place.h"

/* The program and what it is told; lines of the hosts file that wait for it. */
static int plan_pasta(struct pm_engine *e, const struct pm_ctr_config *k, const struct pm_spec_plan *spec,
		      const struct pm_pasta *p, struct pm_launch_plan *plan, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports ports = PM_PORTS_INIT;
	_cleanup_listen_ struct pm_listen probe = {0};
	plan->netns = PM_LAUNCH_NET_PASTA;
	int r = pm_pasta_find(&e->conf, &plan->pasta_path, err);
	if (r >= 0)
		r = pm_place_ports(k, &ports, err);
	/* pasta goes on without a port of several that is in use */
	if (r >= 0)
		r = pm_listen_open(&ports, &probe, err);
	if (r < 0)
		return r;
	pm_strv_add_all(&plan->pasta_args, p->args.v);
	plan->pasta_guest_addr = pm_strdup_null(p->guest_addr);
	plan->pasta_host_addr = pm_strdup_null(p->host_addr);
	plan->hosts_own = pm_strdup_null(spec->hosts_own);
	pm_strv_add_all(&plan->hosts_gateway, spec->hosts_gateway.v);
	plan->hosts_needed = spec->hosts_needed;
	return 0;
}

static int plan_network(struct pm_engine *e, const struct pm_container *c,
			const struct pm_spec_plan *spec, const struct pm_bundle_env *b,
			struct pm_launch_plan *plan, struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	if (pm_network_is_pasta(k->network))
		return plan_pasta(e, k, spec, &b->pasta, plan, err);
	if (!pm_network_is_slirp(k->network)) {
		plan->netns = pm_network_is_bridge(k->network) ? PM_LAUNCH_NET_BRIDGE
							       : PM_LAUNCH_NET_CONFIG;
		return 0;
	}
	plan->netns = PM_LAUNCH_NET_SLIRP;
	_cleanup_free_ char *general = pm_strv_join(&e->conf.network_cmd_options, ",");
	_cleanup_free_ char *options = pm_strv_join(&k->network_options, ",");
	int r = pm_slirp_config_parse(&plan->slirp, general, err);
	r = r < 0 ? pm_wrap(err, "containers.conf: network_cmd_options")
		  : pm_slirp_config_parse(&plan->slirp, options, err);
	pm_strv_add_all(&plan->slirp.egress, k->egress.v);
	if (r >= 0)
		r = pm_place_ports(k, &plan->slirp.ports, err);
	return r;
}

static int plan_log(struct pm_engine *e, const struct pm_container *c, struct pm_launch_plan *plan,
		    struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	int r = pm_log_driver_parse(k->log_driver, &plan->log_driver, err);
	if (r < 0)
		return r;
	plan->log_tag = pm_log_tag(c);
	if (plan->log_driver == PM_LOG_DRIVER_JOURNALD) {
		plan->log_fields = pm_log_fields(c, plan->log_tag);
		if (access(PM_JOURNAL_SOCKET, F_OK) < 0)
			return pm_fail(
				err, PM_E_UNSUPPORTED,
				"log driver journald: no journal runs here (%s is not there)",
				PM_JOURNAL_SOCKET);
		return 0;
	}
	if (plan->log_driver == PM_LOG_DRIVER_PASSTHROUGH)
		return 0;
	plan->log_path = pm_container_log_path(e, c);
	plan->log_max_size = e->conf.log_size_max;
	const char *v = pm_env_get(&k->log_opts, "max-size");
	if (v && (r = pm_conf_parse_size(v, &plan->log_max_size, err)) < 0)
		return r;
	v = pm_env_get(&k->log_opts, "max-file");
	if (v)
		plan->log_max_files = strtol(v, NULL, 10) - 1;
	return 0;
}

static enum pm_restart_policy restart_policy(const char *word)
{
	return pm_streq(word, "on-failure")       ? PM_RESTART_ON_FAILURE
	       : pm_streq(word, "always")         ? PM_RESTART_ALWAYS
	       : pm_streq(word, "unless-stopped") ? PM_RESTART_UNLESS_STOPPED
						  : PM_RESTART_NO;
}

static void plan_life(struct pm_engine *e, const struct pm_ctr_config *k,
		      struct pm_launch_plan *plan)
{
	plan->restart = restart_policy(k->restart_policy);
	plan->restart_retries = k->restart_retries == PM_UNSET ? 0 : k->restart_retries;
	plan->stop_signal = k->stop_signal == PM_UNSET ? SIGTERM : k->stop_signal;
	plan->stop_timeout = k->stop_timeout == PM_UNSET ? e->conf.stop_timeout : k->stop_timeout;
}

/* What the monitor executes last when nobody waits for the container. */
static int plan_cleanup(struct pm_engine *e, const struct pm_container *c,
			struct pm_launch_plan *plan, struct pm_err *err)
{
	char *self = NULL;
	int r = pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &self, err);
	if (r < 0)
		return r;
	pm_strv_take(&plan->cleanup, self);
	pm_strv_addf(&plan->cleanup, "--root=%s", e->store->root);
	pm_strv_addf(&plan->cleanup, "--runroot=%s", e->store->runroot);
	if (e->log_level)
		pm_strv_addf(&plan->cleanup, "--log-level=%s", e->log_level);
	pm_strv_add(&plan->cleanup, "container");
	pm_strv_add(&plan->cleanup, "cleanup");
	if (c->config.rm)
		pm_strv_add(&plan->cleanup, "--rm");
	pm_strv_add(&plan->cleanup, c->row.id);
	return 0;
}

int pm_bundle_plan(struct pm_start *s, const struct pm_container *c,
		   const struct pm_spec_plan *spec, struct pm_bundle_env *b,
		   struct pm_launch_plan *plan, struct pm_err *err)
{
	struct pm_engine *e = s->engine;
	const struct pm_ctr_config *k = &c->config;

	plan->kind = PM_LAUNCH_RUN;
	plan->id = pm_strdup(c->row.id);
	plan->name = pm_strdup(c->row.name);
	plan->bundle = pm_store_ctr_path(e->store, c->row.id);
	plan->runtime = pm_strdup(b->runtime);
	plan->runtime_name = pm_strdup(pm_conf_runtime_name(b->runtime));
	plan->runtime_root = pm_store_run_path(e->store, plan->runtime_name);
	plan->cgroup_manager = b->cgroup.manager;
	plan->cgroup_private_mount = b->cgroup.private_mount;
	if (b->cgroup.manager == PM_CGROUP_CGROUPFS)
		plan->cgroup_dir = pm_asprintf("/sys/fs/cgroup%s", b->cgroup_path);

	for (size_t i = 0; i < spec->mkdirs.n; i++)
		pm_launch_plan_add_dir(plan, spec->mkdirs.v[i], 0755, 0, 0);
	for (size_t i = 0; i < spec->n_copyups; i++)
		pm_launch_plan_add_copyup(plan, spec->copyups[i].dest, spec->copyups[i].volume,
					  pm_bundle_parent_id(b, false, spec->copyups[i].uid),
					  pm_bundle_parent_id(b, true, spec->copyups[i].gid));
	for (size_t i = 0; i < spec->n_chowns; i++)
		pm_launch_plan_add_chown(plan, spec->chowns[i].path,
					 pm_bundle_parent_id(b, false, spec->chowns[i].uid),
					 pm_bundle_parent_id(b, true, spec->chowns[i].gid));
	for (size_t i = 0; i < spec->n_appends; i++)
		pm_launch_plan_add_append(plan, spec->appends[i].path, spec->appends[i].text);
	pm_strv_add_all(&plan->net_sysctls, spec->net_sysctls.v);
	plan->shm_dir = pm_strdup_null(b->shm);
	plan->shm_pid = b->shm_pid;
	plan->shm_pid_start = b->shm_pid_start;
	plan->shm_from = pm_strdup_null(b->shm_from);
	plan->shm_size = b->shm_size;
	for (size_t i = 0; e->runtime_flags && i < e->runtime_flags->n; i++)
		pm_strv_addf(&plan->runtime_args, "--%s", e->runtime_flags->v[i]);
	plan->no_pivot = e->conf.no_pivot_root;
	plan->no_keyring = !e->conf.keyring;
	plan->timeout = k->timeout != PM_UNSET ? k->timeout : 0;
	plan->preserve_fds = k->preserve_fds + pm_service_listen_fds();

	plan->terminal = k->terminal;
	plan->stdin_open = k->stdin_open;
	plan->stdin_once = k->stdin_open;
	plan->pidfile = pm_strdup_null(k->pid_file);
	plan->conmon_pidfile = pm_strdup_null(k->conmon_pid_file);
	if (s->fresh && !s->netd_due)
		plan->userns_hint_dir = pm_strdup(e->store->runroot);
	if (k->rm) {
		pm_strv_add(&plan->remove_dirs, plan->bundle);
		plan->trash = pm_store_path(e->store, "trash");
	}

	int r = pm_bundle_plan_userns(s, c, b, spec, plan, err);
	if (r >= 0)
		r = pm_bundle_plan_pod_group(e, c, b, plan, err);
	if (r >= 0)
		r = plan_network(e, c, spec, b, plan, err);
	if (r >= 0)
		r = plan_log(e, c, plan, err);
	plan_life(e, k, plan);
	r = r < 0 ? r : pm_service_plan(k, plan, err);
	if (r >= 0)
		r = pm_health_plan(e, c, &b->env, plan, err);
	if (r >= 0)
		r = pm_events_plan(e, c, plan, err);
	if (r >= 0)
		r = plan_cleanup(e, c, plan, err);
	return r;
}
