#include "engine/pod/list.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "engine/container/create.h"
#include "engine/network/place.h"

static struct pm_json *labels(struct pm_json_pool *pool, const struct pm_pod *p)
{
	struct pm_json *v = NULL;
	if (!p->row.labels ||
	    pm_json_parse(pool, p->row.labels, strlen(p->row.labels), &v, NULL) < 0)
		v = pm_json_object(pool);
	v->hint = PM_JSON_MAP;
	return v;
}

/* Names of the pod's bridge networks. */
static struct pm_json *networks(struct pm_json_pool *pool, const struct pm_pod *p)
{
	const struct pm_container *infra = pm_pod_infra(p);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	for (size_t i = 0; infra && i < infra->config.networks.n; i++) {
		const char *place = infra->config.networks.v[i]; /* NAME[:OPTIONS] */
		pm_strv_addf(&names, "%.*s", (int)strcspn(place, ":"), place);
	}
	return pm_json_strv(pool, &names);
}

static struct pm_json *containers(struct pm_json_pool *pool, const struct pm_pod *p,
				  const char *name, const char *state)
{
	struct pm_json *list = pm_json_array(pool);
	for (size_t i = 0; i < p->n_members; i++) {
		const struct pm_container *c = &p->members[i];
		struct pm_json *o = pm_json_add(pool, list, pm_json_object(pool));
		pm_json_set_str(pool, o, "Id", c->row.id);
		pm_json_set_str(pool, o, name, c->row.name);
		pm_json_set_str(pool, o, state, pm_ctr_status_name(c->state.status));
	}
	return list;
}

struct pm_json *pm_pod_tree(struct pm_json_pool *pool, const struct pm_pod *p)
{
	struct pm_json *o = pm_json_object(pool);
	char created[PM_TIME_SIZE];
	pm_json_set_str(pool, o, "Cgroup", p->config.cgroup_parent ? p->config.cgroup_parent : "");
	pm_json_set(pool, o, "Containers", containers(pool, p, "Names", "Status"));
	pm_json_set_str(pool, o, "Created", pm_time_rfc3339(p->row.created, 0, created));
	pm_json_set_str(pool, o, "Id", p->row.id);
	pm_json_set_str(pool, o, "InfraId", p->row.infra ? p->row.infra : "");
	pm_json_set_str(pool, o, "Name", p->row.name);
	pm_json_set_str(pool, o, "Namespace", "");
	pm_json_set(pool, o, "Networks", networks(pool, p));
	pm_json_set_str(pool, o, "Status", pm_pod_status(p));
	pm_json_set(pool, o, "Labels", labels(pool, p));
	return o;
}

enum what { IDS, NAMES, STATES };

/* "a,b,c" of all containers. */
static char *joined(const struct pm_pod *p, enum what what, int shown)
{
	struct pm_buf b = PM_BUF_INIT;
	for (size_t i = 0; i < p->n_members; i++) {
		const struct pm_container *c = &p->members[i];
		if (i)
			pm_buf_add_char(&b, ',');
		if (what == IDS)
			pm_buf_printf(&b, "%.*s", shown, c->row.id);
		else
			pm_buf_add_str(&b, what == NAMES ? c->row.name
							 : pm_ctr_status_name(c->state.status));
	}
	return pm_buf_take(&b);
}

static void set_own(struct pm_json_pool *pool, struct pm_json *o, const char *name, char *text)
{
	pm_json_set_str(pool, o, name, text);
	free(text);
}

struct pm_json *pm_pod_row_tree(struct pm_json_pool *pool, const struct pm_pod *p, bool no_trunc,
				int64_t now)
{
	struct pm_json *o = pm_json_object(pool);
	_cleanup_strv_ struct pm_strv shared = PM_STRV_INIT;
	int shown = no_trunc ? 64 : PM_SHORT_ID;
	char age[PM_TIME_SIZE];
	int64_t restarts = 0;
	for (size_t i = 0; i < p->n_members; i++)
		restarts += p->members[i].row.restarts;
	pm_pod_share_names(p->config.share, &shared);

	set_own(pool, o, "Id", pm_asprintf("%.*s", shown, p->row.id));
	set_own(pool, o, "ID", pm_asprintf("%.*s", shown, p->row.id));
	pm_json_set_str(pool, o, "Name", p->row.name);
	pm_json_set_str(pool, o, "Status", pm_pod_status(p));
	set_own(pool, o, "Created",
		pm_asprintf("%s ago", pm_duration_human(now - p->row.created, age)));
	set_own(pool, o, "InfraId", pm_asprintf("%.*s", shown, p->row.infra ? p->row.infra : ""));
	set_own(pool, o, "InfraID", pm_asprintf("%.*s", shown, p->row.infra ? p->row.infra : ""));
	pm_json_set_int(pool, o, "NumberOfContainers", (int64_t)p->n_members);
	set_own(pool, o, "ContainerIds", joined(p, IDS, shown));
	set_own(pool, o, "ContainerNames", joined(p, NAMES, 0));
	set_own(pool, o, "ContainerStatuses", joined(p, STATES, 0));
	pm_json_set(pool, o, "Containers", containers(pool, p, "Names", "Status"));
	pm_json_set_str(pool, o, "Cgroup", p->config.cgroup_parent ? p->config.cgroup_parent : "");
	set_own(pool, o, "Namespace", pm_strv_join(&shared, ","));
	pm_json_set(pool, o, "Networks", networks(pool, p));
	pm_json_set(pool, o, "Labels", labels(pool, p));
	pm_json_set_int(pool, o, "Restarts", restarts);
	pm_json_set_str(pool, o, "RestartPolicy",
			p->config.restart_policy ? p->config.restart_policy : "no");
	return o;
}

/* --- inspect ---------------------------------------------------------------------------------------- */

static struct pm_json *list_or_null(struct pm_json_pool *pool, const struct pm_strv *l)
{
	if (l->n)
		return pm_json_strv(pool, l);
	struct pm_json *nil = pm_json_null(pool);
	nil->hint = PM_JSON_LIST;
	return nil;
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}: a member a port. */
static struct pm_json *bindings(struct pm_json_pool *pool, const struct pm_ctr_config *k)
{
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	for (size_t i = 0; i < k->n_ports; i++) {
		const struct pm_ctr_port *port = &k->ports[i];
		for (int64_t j = 0; j < port->range; j++) {
			char name[32], host[16];
			snprintf(name, sizeof(name), "%d/%s", (int)(port->container_port + j),
				 port->protocol);
			snprintf(host, sizeof(host), "%d", (int)(port->host_port + j));
			struct pm_json *l = pm_json_get(map, name);
			if (!l)
				l = pm_json_set(pool, map, name, pm_json_array(pool));
			struct pm_json *b = pm_json_add(pool, l, pm_json_object(pool));
			pm_json_set_str(pool, b, "HostIp", port->host_ip ? port->host_ip : "");
			pm_json_set_str(pool, b, "HostPort", host);
		}
	}
	return map;
}

/* The addresses that were asked for on the first network. */
static void static_addresses(struct pm_json_pool *pool, struct pm_json *o, const struct pm_ctr_config *k)
{
	_cleanup_place_ struct pm_place place = {0};
	char ip[PM_IP_TEXT] = "", mac[PM_MAC_TEXT] = "";
	if (k->networks.n && pm_place_parse(k->networks.v[0], &place, NULL) >= 0) {
		if (place.ip4.family)
			pm_ip_format(&place.ip4, ip);
		if (place.has_mac)
			pm_mac_format(place.mac, mac);
	}
	pm_json_set_str(pool, o, "StaticIP", ip);
	pm_json_set_str(pool, o, "StaticMAC", mac);
}

static struct pm_json *infra_tree(struct pm_json_pool *pool, const struct pm_pod *p,
				  const struct pm_ctr_config *k)
{
	struct pm_json *o = pm_json_object(pool);
	pm_json_set(pool, o, "PortBindings", bindings(pool, k));
	pm_json_set_bool(pool, o, "HostNetwork", pm_streq(k->network, "host"));
	static_addresses(pool, o, k);
	pm_json_set_bool(pool, o, "NoManageResolvConf", k->dns.n == 1 && pm_streq(k->dns.v[0], "none"));
	pm_json_set(pool, o, "DNSServer", list_or_null(pool, &k->dns));
	pm_json_set(pool, o, "DNSSearch", list_or_null(pool, &k->dns_search));
	pm_json_set(pool, o, "DNSOption", list_or_null(pool, &k->dns_options));
	pm_json_set_bool(pool, o, "NoManageHosts", k->no_hosts);
	pm_json_set(pool, o, "HostAdd", list_or_null(pool, &k->add_hosts));
	pm_json_set(pool, o, "Networks", k->networks.n ? networks(pool, p) : pm_json_null(pool));
	pm_json_set(pool, o, "NetworkOptions", list_or_null(pool, &k->network_options));
	pm_json_set_str(pool, o, "pid_ns", k->pidns && *k->pidns ? k->pidns : "private");
	pm_json_set_str(pool, o, "userns", k->userns && *k->userns ? k->userns : "host");
	pm_json_set_str(pool, o, "uts_ns", k->utsns && *k->utsns ? k->utsns : "private");
	return o;
}

static void set_number(struct pm_json_pool *pool, struct pm_json *o, const char *name, int64_t n)
{
	if (n != PM_UNSET && n != 0)
		pm_json_set_int(pool, o, name, n);
}

/* [{"Path", "Rate" or "Weight"}] of one kind; nothing when there is none. */
static void set_throttles(struct pm_json_pool *pool, struct pm_json *o, const char *name,
			  const struct pm_ctr_config *k, const char *kind)
{
	bool weight = strcmp(kind, "weight") == 0;
	struct pm_json *list = NULL;
	for (size_t i = 0; i < k->n_throttles; i++) {
		if (strcmp(k->throttles[i].kind, kind) != 0)
			continue;
		if (!list)
			list = pm_json_set(pool, o, name, pm_json_array(pool));
		struct pm_json *t = pm_json_add(pool, list, pm_json_object(pool));
		pm_json_set_str(pool, t, "Path", k->throttles[i].path);
		pm_json_set_int(pool, t, weight ? "Weight" : "Rate", k->throttles[i].rate);
	}
}

/* Of the pod's control group; what is not limited is left out. */
static void set_limits(struct pm_json_pool *pool, struct pm_json *o, const struct pm_ctr_config *k)
{
	set_number(pool, o, "cpu_period", k->cpu_period);
	set_number(pool, o, "cpu_quota", k->cpu_quota);
	set_number(pool, o, "cpu_shares", k->cpu_shares);
	if (k->cpuset_cpus)
		pm_json_set_str(pool, o, "cpuset_cpus", k->cpuset_cpus);
	if (k->cpuset_mems)
		pm_json_set_str(pool, o, "cpuset_mems", k->cpuset_mems);
	set_number(pool, o, "memory_limit", k->memory);
	set_number(pool, o, "memory_swap", k->memory_swap);
	set_number(pool, o, "blkio_weight", k->blkio_weight);
	set_throttles(pool, o, "blkio_weight_device", k, "weight");
	set_throttles(pool, o, "device_read_bps", k, "read_bps");
	set_throttles(pool, o, "device_write_bps", k, "write_bps");
	if (k->cgroup_conf.n)
		pm_json_set(pool, o, "cgroup_conf", pm_json_strv(pool, &k->cgroup_conf));
}

/* What its containers have of the infra container. */
static void set_inherited(struct pm_json_pool *pool, struct pm_json *o,
			  const struct pm_ctr_config *k)
{
	struct pm_json *list = NULL;
	for (size_t i = 0; i < k->n_mounts; i++) {
		const struct pm_ctr_mount *m = &k->mounts[i];
		if (!list)
			list = pm_json_set(pool, o, "mounts", pm_json_array(pool));
		struct pm_json *v = pm_json_add(pool, list, pm_json_object(pool));
		pm_json_set_str(pool, v, "Type", m->type);
		if (m->name)
			pm_json_set_str(pool, v, "Name", m->name);
		pm_json_set_str(pool, v, "Source", m->source ? m->source : "");
		pm_json_set_str(pool, v, "Destination", m->dest);
		pm_json_set(pool, v, "Options", pm_json_strv(pool, &m->options));
		pm_json_set_bool(pool, v, "RW", !pm_strv_has(&m->options, "ro"));
	}
	list = NULL;
	for (size_t i = 0; i < k->n_devices; i++) {
		const struct pm_ctr_device *d = &k->devices[i];
		if (!list)
			list = pm_json_set(pool, o, "devices", pm_json_array(pool));
		struct pm_json *v = pm_json_add(pool, list, pm_json_object(pool));
		pm_json_set_str(pool, v, "PathOnHost", d->host);
		pm_json_set_str(pool, v, "PathInContainer", d->container ? d->container : d->host);
		pm_json_set_str(pool, v, "CgroupPermissions", d->perm ? d->perm : "");
	}
	if (k->security_opt.n)
		pm_json_set(pool, o, "security_opt", pm_json_strv(pool, &k->security_opt));
}

struct pm_json *pm_pod_inspect_tree(struct pm_json_pool *pool, const struct pm_pod *p)
{
	struct pm_json *o = pm_json_object(pool);
	_cleanup_strv_ struct pm_strv shared = PM_STRV_INIT;
	const struct pm_container *infra = pm_pod_infra(p);
	char created[PM_TIME_SIZE];
	pm_pod_share_names(p->config.share, &shared);

	pm_json_set_str(pool, o, "Id", p->row.id);
	pm_json_set_str(pool, o, "Name", p->row.name);
	struct pm_json *t = pm_json_str(pool, pm_time_rfc3339(p->row.created, 0, created));
	t->hint = PM_JSON_TIME;
	pm_json_set(pool, o, "Created", t);
	pm_json_set(pool, o, "CreateCommand", pm_json_strv(pool, &p->config.create_command));
	pm_json_set_str(pool, o, "ExitPolicy", p->config.stop_with_last ? "stop" : "continue");
	pm_json_set_str(pool, o, "State", pm_pod_status(p));
	pm_json_set_str(pool, o, "Hostname", p->config.hostname ? p->config.hostname : "");
	pm_json_set(pool, o, "Labels", labels(pool, p));
	pm_json_set_bool(pool, o, "CreateCgroup", p->config.share_parent);
	pm_json_set_str(pool, o, "CgroupParent",
			p->config.cgroup_parent ? p->config.cgroup_parent : "");
	pm_json_set_str(pool, o, "CgroupPath", "");
	pm_json_set_bool(pool, o, "CreateInfra", p->config.infra);
	pm_json_set_str(pool, o, "InfraContainerID", p->row.infra ? p->row.infra : "");
	pm_json_set(pool, o, "InfraConfig",
		    infra ? infra_tree(pool, p, &infra->config) : pm_json_null(pool));
	pm_json_set(pool, o, "SharedNamespaces", pm_json_strv(pool, &shared));
	pm_json_set_int(pool, o, "NumContainers", (int64_t)p->n_members);
	pm_json_set(pool, o, "Containers", containers(pool, p, "Name", "State"));
	if (p->config.limits)
		set_limits(pool, o, p->config.limits);
	if (infra)
		set_inherited(pool, o, &infra->config);
	pm_json_set_str(pool, o, "RestartPolicy",
			p->config.restart_policy ? p->config.restart_policy : "no");
	pm_json_set_omitted(pool, o, (const char *const[]){
		"Namespace s", "cpu_period n", "cpu_quota n", "cpu_shares n", "cpuset_cpus s", "cpuset_mems s",
		"memory_limit n", "memory_swap n", "blkio_weight n", "blkio_weight_device l", "device_read_bps l",
		"device_write_bps l", "cgroup_conf l", "mounts l", "devices l", "security_opt l", "volumes_from l", NULL});
	return o;
}
