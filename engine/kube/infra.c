#include "engine/kube/infra.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/container/logopts.h"
#include "engine/container/userns.h"
#include "engine/kube/annotation.h"
#include "engine/kube/security.h"
#include "engine/container/bundle.h"
#include "engine/network/create.h"
#include "engine/network/place.h"
#include "engine/pod/create.h"
#include "netns/addr.h"
#include "netns/publish.h"

/* --- network ------------------------------------------------------------------------------------- */

static const char *nth(const struct pm_strv *l, size_t i)
{
	return l && i < l->n ? l->v[i] : NULL;
}

static int default_network(struct pm_kube_pod *p, struct pm_err *err)
{
	struct pm_network_options o = {.name = PM_KUBE_NETWORK, .ignore = true, .rootless = pm_userns_needed()};
	_cleanup_free_ char *name = NULL;
	int r = pm_network_create(p->e, &o, &name, err);
	return r < 0 ? pm_wrap(err, "network " PM_KUBE_NETWORK) : 0;
}

/* Others on its networks find the pod by its name. */
static int alias(const struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	for (size_t i = 0; i < k->networks.n; i++) {
		_cleanup_place_ struct pm_place place = {0};
		int r = pm_place_parse(k->networks.v[i], &place, err);
		if (r < 0)
			return r;
		pm_strv_add(&place.aliases, p->name);
		free(k->networks.v[i]);
		k->networks.v[i] = pm_place_format(&place);
	}
	return 0;
}

static int network(struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	_cleanup_strv_ struct pm_strv own = PM_STRV_INIT;
	struct pm_network_wish wish = {.networks = p->o->networks,
				       .aliases = &none,
				       .egress = &none,
				       .ip = nth(p->o->ips, p->index),
				       .mac = nth(p->o->macs, p->index)};
	int r = 0;
	if (pm_json_get_bool(p->spec, "hostNetwork", false)) {
		pm_strv_add(&own, "host");
		wish.networks = &own;
	} else if (!p->o->networks || !p->o->networks->n) {
		pm_strv_add(&own, PM_KUBE_NETWORK);
		wish.networks = &own;
		r = default_network(p, err);
	}
	if (r >= 0)
		r = pm_network_apply(p->e, &wish, k, err);
	return r < 0 ? r : alias(p, k, err);
}

static void add_port(struct pm_ctr_config *k, const char *ip, int64_t host, int64_t container,
		     const char *protocol)
{
	struct pm_ctr_port *to = pm_ctr_config_add_port(k);
	to->host_ip = ip && *ip ? pm_strdup(ip) : NULL;
	to->host_port = host;
	to->container_port = container;
	to->range = 1;
	to->protocol = pm_strdup(protocol);
}

static bool is_published(const struct pm_ports *l, int64_t port, const char *protocol)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(pm_proto_name(l->v[i].proto), protocol) == 0 && port >= l->v[i].container &&
		    port < l->v[i].container + l->v[i].range)
			return true;
	return false;
}

static int one_port(const struct pm_kube_pod *p, const struct pm_json *v, const struct pm_ports *published,
		    bool all, struct pm_ctr_config *k, struct pm_err *err)
{
	const char *word = pm_json_get_str(v, "protocol"), *ip = pm_json_get_str(v, "hostIP");
	enum pm_proto proto = PM_PROTO_TCP;
	struct pm_ip address;
	int64_t inside, outside;
	int r = pm_kube_int(v, "containerPort", 1, 65535, 0, &inside, err);
	(void)p;
	if (r >= 0)
		r = pm_kube_int(v, "hostPort", 1, 65535, 0, &outside, err);
	if (r >= 0 && word)
		r = pm_proto_parse(word, &proto, err);
	if (r >= 0 && ip && *ip)
		r = pm_ip_parse(ip, &address, err);
	if (r < 0)
		return r;
	if (!inside)
		inside = outside;
	if (!inside)
		return pm_fail(err, PM_E_FORMAT, "line %u: a port has a containerPort", v->line);
	if (!outside && all)
		outside = inside;
	/* what --publish says goes before */
	if (outside && !is_published(published, inside, pm_proto_name(proto)))
		add_port(k, ip, outside, inside, pm_proto_name(proto));
	return 0;
}

static int ports(struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports published = PM_PORTS_INIT;
	const char *word = pm_kube_annotation(p, PM_KUBE_ANNOTATION "publish-all", NULL);
	bool all = p->o->publish_all || pm_streq(word, "TRUE") || pm_streq(word, "true");
	int r = 0;
	for (size_t i = 0; r >= 0 && p->o->publish && i < p->o->publish->n; i++)
		r = pm_publish_parse(p->o->publish->v[i], &published, err);
	for (size_t i = 0; r >= 0 && i < published.n; i++) {
		const struct pm_port *one = &published.v[i];
		add_port(k, one->host_ip, one->host, one->container, pm_proto_name(one->proto));
		k->ports[k->n_ports - 1].range = one->range;
	}
	if (r < 0)
		return r;
	PM_KUBE_EACH(pm_json_get(p->spec, "containers"), c) {
		PM_KUBE_EACH(pm_json_get(c, "ports"), v) {
			r = one_port(p, v, &published, all, k, err);
			if (r < 0)
				return pm_wrap(err, "container %s", pm_json_get_str(c, "name"));
		}
	}
	bool own = pm_network_is_slirp(k->network) || pm_network_is_bridge(k->network);
	if (own || !k->n_ports)
		return 0;
	if (pm_streq(k->network, "host")) { /* they are the host's already */
		for (size_t i = 0; i < k->n_ports; i++)
			if (k->ports[i].host_port != k->ports[i].container_port)
				return pm_fail(err, PM_E_USAGE, "hostNetwork: hostPort must be containerPort");
	} else {
		pm_warn("pod %s: its ports are not published: its network is %s", p->name, k->network);
	}
	for (size_t i = 0; i < k->n_ports; i++) {
		free(k->ports[i].host_ip);
		free(k->ports[i].protocol);
	}
	k->n_ports = 0;
	return 0;
}

static int dns(const struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(p->spec, "dnsConfig");
	const struct pm_json *servers = pm_json_get(v, "nameservers"), *searches = pm_json_get(v, "searches");
	struct pm_ip ip;
	bool none = pm_streq(pm_json_get_str(p->spec, "dnsPolicy"), "None");
	if (none && !pm_json_len(servers))
		return pm_fail(err, PM_E_USAGE, "dnsPolicy None: dnsConfig must name name servers");
	int r = servers ? pm_json_to_strv(servers, &k->dns, err) : 0;
	for (size_t i = 0; r >= 0 && i < k->dns.n; i++)
		r = pm_ip_parse(k->dns.v[i], &ip, err);
	if (r >= 0 && searches)
		r = pm_json_to_strv(searches, &k->dns_search, err);
	if (r < 0)
		return pm_wrap(err, "dnsConfig");
	PM_KUBE_EACH(pm_json_get(v, "options"), option) {
		const char *name = pm_json_get_str(option, "name"), *value = pm_json_get_str(option, "value");
		if (!name)
			return pm_fail(err, PM_E_FORMAT, "line %u: an option has a name", option->line);
		pm_strv_addf(&k->dns_options, "%s%s%s", name, value ? ":" : "", value ? value : "");
	}
	return 0;
}

static int hosts(const struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	struct pm_ip ip;
	PM_KUBE_EACH(pm_json_get(p->spec, "hostAliases"), v) {
		const char *address = pm_json_get_str(v, "ip");
		const struct pm_json *names = pm_json_get(v, "hostnames");
		if (!address || pm_ip_parse(address, &ip, err) < 0)
			return pm_fail(err, PM_E_FORMAT, "line %u: hostAliases: an entry has an ip address",
				       v->line);
		for (size_t i = 0; i < pm_json_len(names); i++)
			pm_strv_addf(&k->add_hosts, "%s:%s", names->items[i]->string, address);
	}
	if (k->add_hosts.n && p->o->no_hosts)
		return pm_fail(err, PM_E_USAGE, "--no-hosts and hostAliases contradict");
	k->no_hosts = p->o->no_hosts;
	return 0;
}

/* --- the pod ------------------------------------------------------------------------------------- */

static int userns(struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	const char *mode = p->o->userns;
	if (!mode)
		mode = pm_kube_annotation(p, PM_KUBE_ANNOTATION "userns", NULL);
	if (!pm_json_get_bool(p->spec, "hostUsers", true)) {
		if (mode && !pm_startswith(mode, "auto"))
			return pm_fail(err, PM_E_USAGE, "hostUsers: false contradicts --userns %s", mode);
		mode = mode ? mode : "auto";
	}
	if (!mode)
		mode = p->e->conf.userns;
	int r = pm_ctr_userns_check(mode, err);
	k->userns = pm_strdup_null(mode);
	return r;
}

static int fill_infra(struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	const char *hostname = pm_json_get_str(p->spec, "hostname");
	const char *name = pm_kube_annotation(p, PM_KUBE_ANNOTATION "infra.name", NULL);
	int r;
	k->name = pm_strdup_null(name);
	k->hostname = pm_strdup(hostname && *hostname ? hostname : p->name);
	k->runtime = pm_strdup_null(p->e->runtime);
	k->sdnotify = p->service ? pm_strdup("ignore") : NULL; /* the service container speaks */
	k->cgroups = pm_strdup_null(p->e->conf.cgroups);
	if (pm_json_get_bool(p->spec, "hostIPC", false))
		k->ipcns = pm_strdup("host");
	if ((r = pm_engine_conf(p->e, err)) < 0 || (r = network(p, k, err)) < 0 ||
	    (r = ports(p, k, err)) < 0 || (r = dns(p, k, err)) < 0 || (r = hosts(p, k, err)) < 0 ||
	    (r = userns(p, k, err)) < 0 || (r = pm_kube_sysctls(p, k, err)) < 0)
		return r;
	return pm_log_options_apply(p->e, NULL, &none, k, err);
}

int pm_kube_pod_create(struct pm_kube_pod *p, char **ret_userns, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod made = {0};
	_cleanup_ctr_config_ struct pm_ctr_config infra;
	_cleanup_strv_ struct pm_strv labels = PM_STRV_INIT;
	const struct pm_json *all = pm_json_get(p->meta, "labels");
	_cleanup_(pm_pod_config_free) struct pm_pod_config config = {
		.share = PM_POD_SHARE_DEFAULT, .share_parent = true, .infra = true, .stop_with_last = true};
	pm_ctr_config_init(&infra);
	if (pm_json_get_bool(p->spec, "shareProcessNamespace", false)) {
		if (pm_json_get_bool(p->spec, "hostPID", false))
			return pm_fail(err, PM_E_USAGE, "hostPID contradicts shareProcessNamespace");
		config.share |= PM_POD_SHARE_PID;
	}
	if (p->o->create_command)
		pm_strv_add_all(&config.create_command, pm_strv_argv(p->o->create_command));
	for (size_t i = 0; i < pm_json_len(all); i++)
		pm_strv_addf(&labels, "%s=%s", all->members[i].name, all->members[i].value->string);
	int r = fill_infra(p, &infra, err);
	bool own = r >= 0 && infra.userns && *infra.userns && strcmp(infra.userns, "host") != 0;
	config.hostname = pm_strdup_null(infra.hostname);
	config.service = pm_strdup_null(p->service);
	config.service_exit = p->service ? pm_strdup_null(p->o->service_exit) : NULL;
	struct pm_pod_create pc = {.name = p->name, .labels = &labels, .config = &config, .infra = &infra};
	if (r >= 0)
		r = pm_pod_create(p->e, &pc, &made, err);
	if (r < 0)
		return r;
	snprintf(p->id, sizeof(p->id), "%s", made.row.id);
	if (own)
		*ret_userns = pm_asprintf("container:%s", made.row.infra);
	return 0;
}
