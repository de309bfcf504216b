#include "engine/network/create.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "engine/container/name.h"
#include "engine/events/events.h"
#include "netns/egress.h"
#include "netns/netd_client.h"

/* What the rootless namespace uses for its own way out (netns/slirp_client.h). */
static const char *const slirp_nets[] = {"10.0.2.0/24", "fd00::/64"};

static const char *const modes[] = {"none", "host", "bridge", "private", "slirp4netns", "slirp",
				    "pasta", "container", "ns", "default"};

/* --- subnets --------------------------------------------------------------------------------- */

/* Everything that a new subnet must keep clear of. */
struct taken {
	struct pm_ipnet *v;
	size_t n;
};

static void taken_add(struct taken *t, const struct pm_ipnet *net)
{
	t->v = pm_reallocarray(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n++] = *net;
}

static void taken_free(struct taken *t)
{
	free(t->v);
}

static unsigned int mask_bits(const struct sockaddr *mask)
{
	struct pm_ip m = pm_ip_from_sockaddr(mask);
	size_t len;
	const uint8_t *b = pm_ip_bytes(&m, &len);
	unsigned int bits = 0;
	for (size_t i = 0; i < len; i++)
		bits += (unsigned int)__builtin_popcount(b[i]);
	return bits;
}

static void taken_by_host(struct taken *t)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || !i->ifa_netmask ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		struct pm_ip ip = pm_ip_from_sockaddr(i->ifa_addr);
		struct pm_ipnet net = pm_ipnet_of(&ip, mask_bits(i->ifa_netmask));
		if (net.prefix)
			taken_add(t, &net);
	}
	freeifaddrs(all);
}

static bool is_taken(const struct taken *t, const struct pm_ipnet *net)
{
	for (size_t i = 0; i < t->n; i++)
		if (pm_ipnet_overlaps(&t->v[i], net))
			return true;
	return false;
}

/* The first free network of the pools "BASE/BITS,SIZE". */
static int free_v4(struct pm_engine *e, const struct taken *t, struct pm_ipnet *ret,
		   struct pm_err *err)
{
	static const char *const built_in[] = {"10.89.0.0/16,24", "10.90.0.0/15,24",
					       "10.92.0.0/14,24", "10.96.0.0/11,24",
					       "10.128.0.0/9,24"};
	const struct pm_strv *conf = &e->conf.default_subnet_pools;
	size_t n = conf->n ? conf->n : PM_ARRAY_SIZE(built_in);

	for (size_t i = 0; i < n; i++) {
		_cleanup_strv_ struct pm_strv w = PM_STRV_INIT;
		struct pm_ipnet pool;
		pm_strv_split(&w, conf->n ? conf->v[i] : built_in[i], ',');
		int r = pm_ipnet_parse(w.v[0], &pool, err);
		unsigned int size = w.n > 1 ? (unsigned int)strtoul(w.v[1], NULL, 10) : 24;
		if (r >= 0 && (pool.ip.family != AF_INET || size < pool.prefix || size > 30))
			r = pm_fail(err, PM_E_FORMAT, "a pool of IPv4 networks with size %u cannot be "
				    "cut from %s", size, w.v[0]);
		if (r < 0)
			return pm_wrap(err, "containers.conf: default_subnet_pools");
		struct pm_ipnet net = {pool.ip, size};
		do {
			if (!is_taken(t, &net)) {
				*ret = net;
				return 0;
			}
		} while (pm_ipnet_next(&net) && pm_ipnet_contains(&pool, &net.ip));
	}
	return pm_fail(err, PM_E_USAGE, "could not find free subnet from subnet pools: give --subnet");
}

/* RFC 4193: fd, 40 random bits, and a random subnet number. */
static int free_v6(const struct taken *t, struct pm_ipnet *ret, struct pm_err *err)
{
	for (int i = 0; i < 10; i++) {
		struct pm_ip ip = {.family = AF_INET6};
		if (getrandom(ip.b, 8, 0) != 8)
			return pm_fail_sys(err, "get random bytes");
		ip.b[0] = 0xfd;
		*ret = pm_ipnet_of(&ip, 64);
		if (!is_taken(t, ret))
			return 0;
	}
	return pm_fail(err, PM_E_INTERNAL, "no free IPv6 subnet");
}

static int parse_range(const char *text, struct pm_subnet *s, struct pm_err *err)
{
	struct pm_ipnet net;
	const char *dash = strchr(text, '-');
	int r;
	if (dash) {
		_cleanup_free_ char *first = pm_strndup(text, (size_t)(dash - text));
		r = pm_ip_parse(first, &s->lease_start, err);
		if (r >= 0)
			r = pm_ip_parse(dash + 1, &s->lease_end, err);
	} else {
		r = pm_ipnet_parse(text, &net, err);
		s->lease_start = net.ip;
		pm_ip_next(&s->lease_start);
		s->lease_end = pm_ipnet_last(&net);
	}
	if (r < 0)
		return r;
	char sub[PM_IPNET_TEXT];
	if (!pm_ipnet_contains(&s->net, &s->lease_start) || !pm_ipnet_contains(&s->net, &s->lease_end) ||
	    pm_ip_compare(&s->lease_start, &s->lease_end) > 0)
		return pm_fail(err, PM_E_USAGE, "ip range %s not in subnet %s", text,
			       pm_ipnet_format(&s->net, sub));
	return 0;
}

static int given_subnet(const struct pm_network_options *o, size_t i, const struct taken *t,
			struct pm_network *n, struct pm_err *err)
{
	struct pm_subnet *s = &n->subnets[n->n_subnets++];
	char text[PM_IPNET_TEXT];
	int r = pm_ipnet_parse(o->subnets.v[i], &s->net, err);
	if (r < 0)
		return r;
	pm_ipnet_format(&s->net, text);
	for (size_t k = 0; o->rootless && k < PM_ARRAY_SIZE(slirp_nets); k++) {
		struct pm_ipnet way_out;
		if (pm_ipnet_parse(slirp_nets[k], &way_out, NULL) >= 0 &&
		    pm_ipnet_overlaps(&way_out, &s->net))
			return pm_fail(err, PM_E_USAGE, "subnet %s overlaps %s, which rootless networks "
				       "use for their way out", text, slirp_nets[k]);
	}
	if (is_taken(t, &s->net))
		return pm_fail(err, PM_E_USAGE,
			       "subnet %s is already used on the host or by another config", text);
	if (i < o->gateways.n && *o->gateways.v[i]) {
		r = pm_ip_parse(o->gateways.v[i], &s->gateway, err);
		if (r >= 0 && !pm_ipnet_contains(&s->net, &s->gateway))
			r = pm_fail(err, PM_E_USAGE, "gateway %s not in subnet %s", o->gateways.v[i], text);
	}
	if (r >= 0 && i < o->ranges.n && *o->ranges.v[i])
		r = parse_range(o->ranges.v[i], s, err);
	return r;
}

static int make_subnets(struct pm_engine *e, const struct pm_network_options *o, struct taken *t,
			struct pm_network *n, struct pm_err *err)
{
	bool v4 = false, v6 = false;
	int r = 0;
	if (!o->subnets.n && (o->gateways.n || o->ranges.n))
		return pm_fail(err, PM_E_USAGE, "cannot set gateway or range without subnet");
	if (o->gateways.n > o->subnets.n || o->ranges.n > o->subnets.n)
		return pm_fail(err, PM_E_USAGE, "cannot set more gateways or ranges than subnets");
	n->subnets = pm_calloc(o->subnets.n + 2, sizeof(*n->subnets));
	for (size_t i = 0; i < o->subnets.n; i++) {
		r = given_subnet(o, i, t, n, err);
		if (r < 0)
			return r;
		taken_add(t, &n->subnets[i].net);
		v4 |= n->subnets[i].net.ip.family == AF_INET;
		v6 |= n->subnets[i].net.ip.family == AF_INET6;
	}
	bool own = strcmp(n->ipam_driver, "host-local") == 0;
	if (own && !v4 && !v6)
		r = free_v4(e, t, &n->subnets[n->n_subnets++].net, err);
	if (r >= 0 && own && o->ipv6 && !v6) {
		r = free_v6(t, &n->subnets[n->n_subnets++].net, err);
		v6 = true;
	}
	n->ipv6 = v6 || o->ipv6;
	/* containers of a network without gateway still have its name server at that address */
	for (size_t i = 0; i < n->n_subnets && (!n->internal || n->dns); i++) {
		struct pm_subnet *s = &n->subnets[i];
		if (s->gateway.family)
			continue;
		s->gateway = s->net.ip;
		pm_ip_next(&s->gateway);
	}
	return r;
}

/* --- the rest -------------------------------------------------------------------------------- */

static int parse_number(const char *what, const char *text, long max, struct pm_err *err)
{
	char *end;
	long v = strtol(text, &end, 10);
	if (!*text || *end)
		return pm_fail(err, PM_E_USAGE, "%s \"%s\" is no number", what, text);
	if (v < 0 || v > max)
		return pm_fail(err, PM_E_USAGE, "%s %s must be between 0 and %ld", what, text, max);
	return 0;
}

static int check_bool(const char *name, const char *value, struct pm_err *err)
{
	static const char *const words[] = {"true", "false", "1", "0", "t", "f"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i], value) == 0)
			return 0;
	return pm_fail(err, PM_E_USAGE, "network option %s=%s: it must be true or false", name, value);
}

static int check_option(const char *driver, const char *name, const char *value,
			struct pm_err *err)
{
	bool bridge = strcmp(driver, "bridge") == 0;
	if (strcmp(name, "mtu") == 0)
		return parse_number("mtu", value, 65535, err);
	if (strcmp(name, "metric") == 0)
		return parse_number("metric", value, INT32_MAX, err);
	if (strcmp(name, "no_default_route") == 0)
		return check_bool(name, value, err);
	if (bridge && strcmp(name, "vlan") == 0)
		return parse_number("vlan ID", value, 4094, err);
	if (bridge && strcmp(name, "antispoof") == 0)
		return check_bool(name, value, err);
	if (bridge && strcmp(name, "isolate") == 0)
		return strcmp(value, "strict") == 0 ? 0 : check_bool(name, value, err);
	if (!bridge && strcmp(name, "mode") == 0) {
		static const char macvlan[] = "|bridge|private|vepa|passthru|",
				  ipvlan[] = "|l2|l3|l3s|";
		_cleanup_free_ char *word = pm_asprintf("|%s|", value);
		if (strstr(driver[0] == 'm' ? macvlan : ipvlan, word))
			return 0;
		return pm_fail(err, PM_E_USAGE, "unknown %s mode \"%s\"", driver, value);
	}
	if (bridge && (strcmp(name, "mode") == 0 || strcmp(name, "vrf") == 0))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "network option %s is not supported: pm makes the bridge itself", name);
	return pm_fail(err, PM_E_USAGE, "unsupported %s network option %s", driver, name);
}

static int make_options(const struct pm_network_options *o, struct pm_network *n,
			const char **interface, struct pm_err *err)
{
	for (size_t i = 0; i < o->options.n; i++) {
		const char *eq = strchr(o->options.v[i], '='), *value = eq ? eq + 1 : "";
		_cleanup_free_ char *name = eq ? pm_strndup(o->options.v[i],
							    (size_t)(eq - o->options.v[i]))
					       : pm_strdup(o->options.v[i]);
		if (strcmp(name, "com.docker.network.driver.mtu") == 0)
			memcpy(name, "mtu", 4);
		if (strcmp(name, "com.docker.network.bridge.name") == 0 ||
		    (strcmp(name, "parent") == 0 && strcmp(n->driver, "bridge") != 0)) {
			*interface = value;
			continue;
		}
		int r = check_option(n->driver, name, value, err);
		if (r < 0)
			return r;
		pm_env_set(&n->options, name, value);
	}
	return 0;
}

static int make_routes(const struct pm_network_options *o, struct pm_network *n,
		       struct pm_err *err)
{
	n->routes = pm_calloc(o->routes.n, sizeof(*n->routes));
	for (size_t i = 0; i < o->routes.n; i++) {
		_cleanup_strv_ struct pm_strv w = PM_STRV_INIT;
		struct pm_net_route *t = &n->routes[n->n_routes++];
		pm_strv_split(&w, o->routes.v[i], ',');
		int r = 0;
		if (w.n < 2 || w.n > 3)
			r = pm_fail(err, PM_E_USAGE, "it must be DESTINATION,GATEWAY[,METRIC]");
		if (r >= 0)
			r = pm_ipnet_parse(w.v[0], &t->dest, err);
		if (r >= 0)
			r = pm_ip_parse(w.v[1], &t->gateway, err);
		if (r >= 0 && t->gateway.family != t->dest.ip.family)
			r = pm_fail(err, PM_E_USAGE, "destination and gateway are of different families");
		if (r >= 0 && w.n == 3)
			r = parse_number("metric", w.v[2], INT32_MAX, err);
		if (r < 0)
			return pm_wrap(err, "route \"%s\"", o->routes.v[i]);
		t->metric = w.n == 3 ? strtol(w.v[2], NULL, 10) : 0;
	}
	return 0;
}

static bool interface_used(const struct pm_network_list *all, const char *name, bool host)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].interface, name) == 0)
			return true;
	return host && if_nametoindex(name) != 0;
}

static const struct pm_network *named(const struct pm_network_list *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

/* podman1, podman2 ...: the first number whose name and interface are both free, as Podman counts. */
static int choose_names(const struct pm_network_options *o, const struct pm_network_list *all,
			const char *interface, struct pm_network *n, struct pm_err *err)
{
	char text[16];
	bool bridge = strcmp(n->driver, "bridge") == 0;
	if (interface && !pm_netd_device_ok(interface))
		return pm_fail(err, PM_E_USAGE, "\"%s\" is no name of a network interface", interface);
	if (bridge && interface && interface_used(all, interface, !o->rootless))
		return pm_fail(err, PM_E_EXISTS, "bridge name %s already in use", interface);
	for (unsigned int i = 1; !n->name || (bridge && !interface); i++) {
		snprintf(text, sizeof(text), "podman%u", i);
		if (interface_used(all, text, !o->rootless) || (!o->name && named(all, text)))
			continue;
		if (!n->name)
			n->name = pm_strdup(text);
		interface = interface ? interface : text;
		break;
	}
	n->interface = pm_strdup(interface ? interface : "");
	return 0;
}

static int check_driver(const struct pm_network_options *o, struct pm_network *n,
			struct pm_err *err)
{
	n->driver = pm_strdup(o->driver ? o->driver : "bridge");
	bool bridge = strcmp(n->driver, "bridge") == 0;
	if (!bridge && strcmp(n->driver, "macvlan") != 0 && strcmp(n->driver, "ipvlan") != 0)
		return pm_fail(err, PM_E_USAGE, "unsupported driver %s: invalid argument", n->driver);
	if (!bridge && o->rootless)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "driver %s needs root: a user's network namespace has no device of the "
			       "host to build on, use driver bridge", n->driver);
	const char *ipam = o->ipam_driver && *o->ipam_driver ? o->ipam_driver : "host-local";
	if (strcmp(ipam, "dhcp") == 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "ipam driver dhcp is not supported: give --subnet "
						      "and let pm choose the addresses");
	if (strcmp(ipam, "host-local") != 0 && strcmp(ipam, "none") != 0)
		return pm_fail(err, PM_E_USAGE, "unsupported ipam driver \"%s\"", ipam);
	if (strcmp(ipam, "none") == 0 && o->subnets.n)
		return pm_fail(err, PM_E_USAGE, "none ipam driver is set but subnets are given");
	if (!bridge && strcmp(ipam, "host-local") == 0 && !o->subnets.n)
		return pm_fail(err, PM_E_USAGE, "%s driver needs at least one subnet specified: DHCP is "
						"not supported", n->driver);
	n->ipam_driver = pm_strdup(ipam);
	return 0;
}

static int check_name(const char *name, struct pm_err *err)
{
	int r = pm_name_check(name, err);
	if (r < 0)
		return pm_wrap(err, "network name %s invalid", name);
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes); i++)
		if (strcmp(modes[i], name) == 0)
			return pm_fail(err, PM_E_USAGE, "cannot create network with name \"%s\" because "
				       "it conflicts with a valid network mode", name);
	return 0;
}

static int check_lists(const struct pm_network_options *o, struct pm_network *n,
		       struct pm_err *err)
{
	for (size_t i = 0; i < o->labels.n; i++) {
		const char *eq = strchr(o->labels.v[i], '=');
		_cleanup_free_ char *name = eq ? pm_strndup(o->labels.v[i],
							    (size_t)(eq - o->labels.v[i]))
					       : pm_strdup(o->labels.v[i]);
		pm_env_set(&n->labels, name, eq ? eq + 1 : "");
	}
	for (size_t i = 0; i < o->dns.n; i++) {
		struct pm_ip ip;
		int r = pm_ip_parse(o->dns.v[i], &ip, err);
		if (r < 0)
			return pm_wrap(err, "--dns");
		pm_strv_add(&n->dns_servers, o->dns.v[i]);
	}
	if (o->dns.n && !n->dns)
		return pm_fail(err, PM_E_USAGE, "cannot set --dns for a network without name server");
	for (size_t i = 0; i < o->egress.n; i++) {
		struct pm_egress_rule rule;
		int r = pm_egress_parse(o->egress.v[i], &rule, err);
		if (r < 0)
			return r;
		pm_strv_add(&n->egress, o->egress.v[i]);
	}
	return 0;
}

static int make(struct pm_engine *e, const struct pm_network_options *o,
		const struct pm_network_list *all, struct pm_network *n, struct pm_err *err)
{
	_cleanup_(taken_free) struct taken taken = {0};
	const char *interface = o->interface_name;
	int r = check_driver(o, n, err);
	if (r < 0)
		return r;
	n->name = pm_strdup_null(o->name);
	n->internal = o->internal;
	n->dns = !o->disable_dns && strcmp(n->driver, "bridge") == 0 &&
		 strcmp(n->ipam_driver, "none") != 0;
	n->created = pm_time_now();
	pm_random_hex(32, n->id);
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->v[i].n_subnets; k++)
			taken_add(&taken, &all->v[i].subnets[k].net);
	/* another's parent device has addresses in that very subnet */
	if (strcmp(n->driver, "bridge") == 0)
		taken_by_host(&taken);
	if ((r = make_options(o, n, &interface, err)) < 0 ||
	    (r = choose_names(o, all, interface, n, err)) < 0 ||
	    (r = make_subnets(e, o, &taken, n, err)) < 0 || (r = make_routes(o, n, err)) < 0 ||
	    (r = check_lists(o, n, err)) < 0)
		return r;
	return 0;
}

int pm_network_make(struct pm_engine *e, const struct pm_network_options *o,
		    const struct pm_network_list *all, struct pm_network *ret, struct pm_err *err)
{
	struct pm_network n = {0};
	int r = make(e, o, all, &n, err);
	if (r < 0) {
		pm_network_free(&n);
		return r;
	}
	*ret = n;
	return 0;
}

int pm_network_create(struct pm_engine *e, const struct pm_network_options *o, char **ret,
		      struct pm_err *err)
{
	_cleanup_network_list_ struct pm_network_list all = {0};
	_cleanup_network_ struct pm_network n = {0};
	int r = o->name ? check_name(o->name, err) : 0;
	if (r >= 0)
		r = pm_engine_conf(e, err);
	if (r < 0)
		return r;
	_cleanup_close_ int lock = pm_network_config_lock(e, err);
	if (lock < 0)
		return lock;
	r = pm_network_list(e, &all, err);
	if (r < 0)
		return r;
	if (o->name && named(&all, o->name)) {
		if (!o->ignore)
			return pm_fail(err, PM_E_EXISTS,
				       "network name %s already used: network already exists", o->name);
		*ret = pm_strdup(o->name);
		return 0;
	}
	r = pm_network_make(e, o, &all, &n, err);
	if (r >= 0)
		r = pm_network_save(e, &n, err);
	if (r >= 0) {
		pm_event_named(e, "network", "create", n.name);
		*ret = pm_strdup(n.name);
	}
	return r;
}

/* To the name server, where it runs. */
static int tell_resolvers(struct pm_engine *e, const struct pm_network *n, struct pm_err *err)
{
	_cleanup_close_ int sock = -1;
	_cleanup_netd_config_ struct pm_netd_config which = {0};
	int r = pm_netd_connect_live(e->store->runroot_fd, &sock, err);
	if (r <= 0)
		return r;
	struct pm_netd_net *net = pm_netd_config_add(&which);
	snprintf(net->name, sizeof(net->name), "%s", n->name);
	pm_strv_add_all(&net->dns_servers, n->dns_servers.v);
	return pm_netd_request(sock, "resolvers", &which, err);
}

int pm_network_update_dns(struct pm_engine *e, const char *name_or_id, const struct pm_strv *add,
			  const struct pm_strv *drop, struct pm_err *err)
{
	_cleanup_network_ struct pm_network n = {0};
	_cleanup_strv_ struct pm_strv servers = PM_STRV_INIT;
	_cleanup_close_ int lock = pm_network_config_lock(e, err);
	if (lock < 0)
		return lock;
	int r = pm_network_find(e, name_or_id, &n, err);
	if (r < 0)
		return r;
	if (!n.dns)
		return pm_fail(err, PM_E_USAGE, "network %s has no name server", n.name);
	for (size_t i = 0; i < drop->n; i++)
		if (!pm_strv_has(&n.dns_servers, drop->v[i]))
			return pm_fail(err, PM_E_NOSUCH, "network %s does not forward to %s", n.name,
				       drop->v[i]);
	for (size_t i = 0; i < n.dns_servers.n; i++)
		if (!pm_strv_has(drop, n.dns_servers.v[i]))
			pm_strv_add(&servers, n.dns_servers.v[i]);
	for (size_t i = 0; i < add->n; i++) {
		struct pm_ip ip;
		r = pm_ip_parse(add->v[i], &ip, err);
		if (r < 0)
			return r;
		if (!pm_strv_has(&servers, add->v[i]))
			pm_strv_add(&servers, add->v[i]);
	}
	pm_strv_free(&n.dns_servers);
	n.dns_servers = servers;
	servers = (struct pm_strv)PM_STRV_INIT;
	r = pm_network_save(e, &n, err);
	return r < 0 ? r : tell_resolvers(e, &n, err);
}
