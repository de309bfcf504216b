#include "cli/ctr_options_parts.h"

#include <string.h>

#include "base/log.h"
#include "engine/container/bundle.h"
#include "engine/network/pasta.h"
#include "engine/network/place.h"
#include "netns/addr.h"
#include "netns/publish.h"

/* discard: they are checked, but there is nothing to publish them to. */
static int ports(const struct pm_ctr_opts *o, bool discard, struct pm_ctr_config *c,
		 struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	for (size_t i = 0; i < o->publish.n; i++) {
		int r = pm_publish_parse(o->publish.v[i], &l, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < o->expose.n; i++) {
		_cleanup_ports_ struct pm_ports one = PM_PORTS_INIT;
		int r = pm_expose_parse(o->expose.v[i], &one, err);
		if (r < 0)
			return r;
		pm_strv_add(&c->expose, o->expose.v[i]);
	}
	int r = pm_publish_resolve(&l, err);
	if (r >= 0 && discard) {
		if (l.n)
			pm_warn("Port mappings have been discarded as one of the Host, Container, Pod, and "
				"None network modes are in use");
		return 0;
	}
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct pm_ctr_port *p = pm_ctr_config_add_port(c);
		p->host_ip = l.v[i].host_ip[0] ? pm_strdup(l.v[i].host_ip) : NULL;
		p->host_port = l.v[i].host;
		p->container_port = l.v[i].container;
		p->range = l.v[i].range;
		p->protocol = pm_strdup(pm_proto_name(l.v[i].proto));
	}
	c->publish_all = o->publish_all;
	return r;
}

int pm_ctr_apply_network(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			 struct pm_err *err)
{
	const struct pm_network_wish wish = {.networks = &o->network,
					     .ip = o->ip,
					     .ip6 = o->ip6,
					     .mac = o->mac_address,
					     .aliases = &o->network_alias,
					     .egress = &o->egress};
	int r = pm_network_apply(e, &wish, c, err);
	if (r < 0)
		return r;

	bool own = pm_network_is_slirp(c->network) || pm_network_is_pasta(c->network) ||
		   pm_network_is_bridge(c->network);
	if ((o->publish.n || o->publish_all) && !own && o->pod && *o->pod)
		return pm_fail(err, PM_E_USAGE,
			       "published or exposed ports must be defined where the network namespace is "
			       "made: --publish does not go with --pod");
	for (size_t i = 0; i < o->dns.n; i++) {
		struct pm_ip ip;
		if (strcmp(o->dns.v[i], "none") != 0 && pm_ip_parse(o->dns.v[i], &ip, NULL) < 0)
			return pm_fail(err, PM_E_USAGE, "%s is not an ip address", o->dns.v[i]);
		pm_strv_add(&c->dns, o->dns.v[i]);
	}
	pm_strv_add_all(&c->dns_search, o->dns_search.v);
	pm_strv_add_all(&c->dns_options, o->dns_option.v);
	for (size_t i = 0; i < o->add_host.n; i++) {
		if (!strchr(o->add_host.v[i], ':'))
			return pm_fail(err, PM_E_USAGE, "invalid --add-host \"%s\": must be host:ip",
				       o->add_host.v[i]);
		pm_strv_add(&c->add_hosts, o->add_host.v[i]);
	}
	if (o->no_hosts && o->add_host.n)
		return pm_fail(err, PM_E_USAGE, "--no-hosts and --add-host cannot be set together");
	static const char *const bases[] = {"none", "image", NULL};
	const char *base = o->hosts_file && *o->hosts_file ? o->hosts_file : NULL;
	if (o->no_hosts && base)
		return pm_fail(err, PM_E_USAGE, "--no-hosts and --hosts-file cannot be set together");
	if (base && base[0] != '/' && !pm_str_in(base, bases))
		return pm_fail(err, PM_E_USAGE, "--hosts-file %s: must be an absolute path, none or image",
			       base);
	c->hosts_file = pm_strdup_null(base);
	c->no_hostname = o->no_hostname;
	c->no_hosts = o->no_hosts;
	return ports(o, !own, c, err);
}
