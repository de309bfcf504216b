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

static int name_servers(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	const bool none = pm_streq(c->network, "none");
	const size_t given = o->dns.n + o->dns_search.n + o->dns_option.n;
	if (given && (none || (c->network && pm_startswith(c->network, "container:"))))
		return pm_fail(err, PM_E_USAGE, "conflicting options: dns and the network mode: %s",
			       none ? "none" : "container");
	for (size_t i = 0; i < o->dns.n; i++) {
		struct pm_ip ip;
		bool image = strcmp(o->dns.v[i], "none") == 0; /* the image's resolv.conf stays */
		if (image && given > 1)
			return pm_fail(err, PM_E_USAGE, "--dns none is not allowed with other --dns, "
							"--dns-search or --dns-option");
		if (!image && pm_ip_parse(o->dns.v[i], &ip, NULL) < 0)
			return pm_fail(err, PM_E_USAGE, "%s is not an ip address", o->dns.v[i]);
		pm_strv_add(&c->dns, o->dns.v[i]);
	}
	pm_strv_add_all(&c->dns_search, o->dns_search.v);
	pm_strv_add_all(&c->dns_options, o->dns_option.v);
	return 0;
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
	if ((r = name_servers(o, c, err)) < 0)
		return r;
	if (o->add_host.n && c->network && pm_startswith(c->network, "container:"))
		return pm_fail(err, PM_E_USAGE, "cannot set extra host entries when the container is joined to "
						"another containers network namespace");
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
