#include "engine/container/specgen.h"

#include <string.h>

#include "engine/container/inspect.h"

struct gen {
	struct pm_json_pool *pool;
	const struct pm_ctr_config *k;
	struct pm_json *o;
};

/* What is not given is left out, as Go's omitempty does. */
static void str(struct gen *g, struct pm_json *o, const char *name, const char *value)
{
	if (value && *value)
		pm_json_set_str(g->pool, o, name, value);
}

static void num(struct gen *g, struct pm_json *o, const char *name, int64_t n)
{
	if (n != PM_UNSET && n != 0)
		pm_json_set_int(g->pool, o, name, n);
}

static void flag(struct gen *g, const char *name, bool b)
{
	if (b)
		pm_json_set_bool(g->pool, g->o, name, b);
}

static void list(struct gen *g, const char *name, const struct pm_strv *l)
{
	if (l->n)
		pm_json_set(g->pool, g->o, name, pm_json_strv(g->pool, l));
}

static void map(struct gen *g, const char *name, const struct pm_strv *l)
{
	if (l->n)
		pm_json_set(g->pool, g->o, name, pm_inspect_map(g->pool, l));
}

static void namespace(struct gen *g, const char *name, const char *mode)
{
	struct pm_json *o = pm_json_set(g->pool, g->o, name, pm_json_object(g->pool));
	const char *colon = mode ? strchr(mode, ':') : NULL;
	if (!mode || !*mode) {
		pm_json_set_str(g->pool, o, "nsmode", "default");
		return;
	}
	_cleanup_free_ char *word = pm_strndup(mode, colon ? (size_t)(colon - mode) : strlen(mode));
	pm_json_set_str(g->pool, o, "nsmode", strcmp(word, "ns") == 0 ? "path" : word);
	if (colon)
		pm_json_set_str(g->pool, o, "value", colon + 1);
}

static void mounts(struct gen *g)
{
	struct pm_json *binds = pm_json_array(g->pool), *volumes = pm_json_array(g->pool);
	for (size_t i = 0; i < g->k->n_mounts; i++) {
		const struct pm_ctr_mount *m = &g->k->mounts[i];
		struct pm_json *o = pm_json_object(g->pool);
		if (strcmp(m->type, "volume") == 0) {
			pm_json_set_str(g->pool, o, "Name", m->name);
			pm_json_set_str(g->pool, o, "Dest", m->dest);
			pm_json_set(g->pool, o, "Options", pm_json_strv(g->pool, &m->options));
			pm_json_set_bool(g->pool, o, "IsAnonymous", m->anonymous);
			pm_json_add(g->pool, volumes, o);
			continue;
		}
		pm_json_set_str(g->pool, o, "destination", m->dest);
		pm_json_set_str(g->pool, o, "type", m->type);
		str(g, o, "source", m->source);
		pm_json_set(g->pool, o, "options", pm_json_strv(g->pool, &m->options));
		pm_json_add(g->pool, binds, o);
	}
	if (pm_json_len(binds))
		pm_json_set(g->pool, g->o, "mounts", binds);
	if (pm_json_len(volumes))
		pm_json_set(g->pool, g->o, "volumes", volumes);
}

static void ports(struct gen *g)
{
	struct pm_json *l = pm_json_array(g->pool);
	for (size_t i = 0; i < g->k->n_ports; i++) {
		const struct pm_ctr_port *p = &g->k->ports[i];
		struct pm_json *o = pm_json_add(g->pool, l, pm_json_object(g->pool));
		pm_json_set_str(g->pool, o, "host_ip", p->host_ip ? p->host_ip : "");
		pm_json_set_int(g->pool, o, "container_port", p->container_port);
		pm_json_set_int(g->pool, o, "host_port", p->host_port);
		pm_json_set_int(g->pool, o, "range", p->range);
		pm_json_set_str(g->pool, o, "protocol", p->protocol ? p->protocol : "tcp");
	}
	if (pm_json_len(l))
		pm_json_set(g->pool, g->o, "portmappings", l);
}

static void rlimits(struct gen *g)
{
	struct pm_json *l = pm_json_array(g->pool);
	for (size_t i = 0; i < g->k->n_ulimits; i++) {
		const struct pm_ctr_ulimit *u = &g->k->ulimits[i];
		struct pm_json *o = pm_json_add(g->pool, l, pm_json_object(g->pool));
		pm_json_set_str(g->pool, o, "type", u->name);
		pm_json_set_int(g->pool, o, "hard", u->hard);
		pm_json_set_int(g->pool, o, "soft", u->soft);
	}
	if (pm_json_len(l))
		pm_json_set(g->pool, g->o, "r_limits", l);
}

static struct pm_json *group(struct gen *g, struct pm_json *res, const char *name)
{
	struct pm_json *v = pm_json_get(res, name);
	return v ? v : pm_json_set(g->pool, res, name, pm_json_object(g->pool));
}

static void resources(struct gen *g)
{
	const struct pm_ctr_config *k = g->k;
	struct pm_json *res = pm_json_object(g->pool);
	const struct {
		const char *group, *name;
		int64_t n;
	} numbers[] = {
		{"memory", "limit", k->memory},
		{"memory", "reservation", k->memory_reservation},
		{"memory", "swap", k->memory_swap},
		{"cpu", "shares", k->cpu_shares},
		{"cpu", "quota", k->cpu_quota},
		{"cpu", "period", k->cpu_period},
		{"pids", "limit", k->pids_limit},
		{"blockIO", "weight", k->blkio_weight},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++)
		if (numbers[i].n != PM_UNSET)
			pm_json_set_int(g->pool, group(g, res, numbers[i].group), numbers[i].name,
					numbers[i].n);
	if (k->cpuset_cpus)
		pm_json_set_str(g->pool, group(g, res, "cpu"), "cpus", k->cpuset_cpus);
	if (k->cpuset_mems)
		pm_json_set_str(g->pool, group(g, res, "cpu"), "mems", k->cpuset_mems);
	if (pm_json_len(res))
		pm_json_set(g->pool, g->o, "resource_limits", res);
}

static void process(struct gen *g)
{
	const struct pm_ctr_config *k = g->k;
	list(g, "entrypoint", &k->entrypoint);
	list(g, "command", &k->command);
	map(g, "env", &k->env);
	flag(g, "terminal", k->terminal);
	flag(g, "stdin", k->stdin_open);
	map(g, "labels", &k->labels);
	map(g, "annotations", &k->annotations);
	num(g, g->o, "stop_signal", k->stop_signal);
	num(g, g->o, "stop_timeout", k->stop_timeout);
	num(g, g->o, "timeout", k->timeout);
	str(g, g->o, "restart_policy", k->restart_policy);
	num(g, g->o, "restart_tries", k->restart_retries);
	num(g, g->o, "oom_score_adj", k->oom_score_adj);
	str(g, g->o, "systemd", k->systemd);
	str(g, g->o, "sdnotifyMode", k->sdnotify ? k->sdnotify : "container");
	str(g, g->o, "hostname", k->hostname);
	str(g, g->o, "timezone", k->timezone);
	flag(g, "remove", k->rm);
	flag(g, "init", k->init);
	str(g, g->o, "init_path", k->init_path);
	str(g, g->o, "user", k->user);
	list(g, "groups", &k->groups);
	str(g, g->o, "work_dir", k->workdir);
	str(g, g->o, "umask", k->umask ? k->umask : "0022");
	list(g, "containerCreateCommand", &k->create_command);
}

static void security(struct gen *g)
{
	const struct pm_ctr_config *k = g->k;
	flag(g, "privileged", k->privileged);
	list(g, "cap_add", &k->cap_add);
	list(g, "cap_drop", &k->cap_drop);
	map(g, "sysctl", &k->sysctls);
	flag(g, "read_only_filesystem", k->read_only);
	for (size_t i = 0; i < k->security_opt.n; i++) {
		const char *o = k->security_opt.v[i];
		if (strcmp(o, "no-new-privileges") == 0)
			flag(g, "no_new_privileges", true);
		else if (pm_startswith(o, "seccomp="))
			str(g, g->o, "seccomp_profile_path", o + strlen("seccomp="));
		else if (pm_startswith(o, "apparmor="))
			str(g, g->o, "apparmor_profile", o + strlen("apparmor="));
	}
}

static void network(struct gen *g)
{
	const struct pm_ctr_config *k = g->k;
	namespace(g, "netns", k->network);
	ports(g);
	list(g, "dns_server", &k->dns);
	list(g, "dns_search", &k->dns_search);
	list(g, "dns_option", &k->dns_options);
	list(g, "hostadd", &k->add_hosts);
	flag(g, "publish_image_ports", k->publish_all);
	str(g, g->o, "base_hosts_file", k->hosts_file);
	pm_json_set_bool(g->pool, g->o, "use_image_hosts", k->no_hosts);
	flag(g, "use_image_hostname", k->no_hostname);
}

static void logging(struct gen *g)
{
	const struct pm_ctr_config *k = g->k;
	struct pm_json *o = pm_json_object(g->pool);
	str(g, o, "driver", k->log_driver);
	str(g, o, "path", k->log_path);
	if (k->log_opts.n)
		pm_json_set(g->pool, o, "options", pm_inspect_map(g->pool, &k->log_opts));
	if (pm_json_len(o))
		pm_json_set(g->pool, g->o, "log_configuration", o);
}

struct pm_json *pm_specgen(const struct pm_container *c, const char *name,
			   struct pm_json_pool *pool)
{
	struct gen g = {.pool = pool, .k = &c->config, .o = pm_json_object(pool)};
	const struct pm_ctr_config *k = g.k;
	struct pm_json *health = NULL;

	str(&g, g.o, "name", name);
	str(&g, g.o, "pod", k->pod);
	process(&g);
	namespace(&g, "pidns", k->pidns);
	namespace(&g, "utsns", k->utsns);
	namespace(&g, "ipcns", k->ipcns);
	namespace(&g, "userns", k->userns);
	namespace(&g, "cgroupns", k->cgroupns);
	str(&g, g.o, "image", k->image_id);
	str(&g, g.o, "raw_image_name", k->raw_image_name);
	str(&g, g.o, "rootfs", k->rootfs);
	mounts(&g);
	num(&g, g.o, "shm_size", k->shm_size);
	security(&g);
	str(&g, g.o, "cgroup_parent", k->cgroup_parent);
	str(&g, g.o, "cgroups_mode", k->cgroups);
	network(&g);
	logging(&g);
	rlimits(&g);
	resources(&g);
	if (k->healthcheck &&
	    pm_json_parse(pool, k->healthcheck, strlen(k->healthcheck), &health, NULL) >= 0)
		pm_json_set(pool, g.o, "healthconfig", health);
	return g.o;
}
