#include "engine/network/place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "engine/container/bundle.h"
#include "engine/container/name.h"
#include "engine/network/ipam.h"
#include "netns/egress.h"
#include "storage/network.h"

/* The tap's, where frames cross no wire. */
#define ROOTLESS_MTU 65520

/* The name server of the user-mode network that is the way out (netns/slirp_client.h). */
#define WAY_OUT_DNS "10.0.2.3"

void pm_place_free(struct pm_place *p)
{
	free(p->network);
	pm_strv_free(&p->aliases);
	*p = (struct pm_place){0};
}

bool pm_network_is_bridge(const char *mode)
{
	return pm_streq(mode, "bridge");
}

/* --- texts ----------------------------------------------------------------------------------- */

static int set_device(char to[16], const char *value, struct pm_err *err)
{
	if (!pm_netd_device_ok(value) || pm_streq(value, "lo"))
		return pm_fail(err, PM_E_USAGE, "\"%s\" is no name of a network interface", value);
	snprintf(to, 16, "%s", value);
	return 0;
}

static int set_ip(struct pm_place *p, const char *value, struct pm_err *err)
{
	struct pm_ip ip;
	int r = pm_ip_parse(value, &ip, err);
	if (r < 0)
		return r;
	*(ip.family == AF_INET ? &p->ip4 : &p->ip6) = ip;
	return 0;
}

static int set_option(struct pm_place *p, const char *name, const char *value, struct pm_err *err)
{
	if (pm_streq(name, "ip") || pm_streq(name, "ip6"))
		return set_ip(p, value, err);
	if (pm_streq(name, "mac")) {
		p->has_mac = true;
		return pm_mac_parse(value, p->mac, err);
	}
	if (pm_streq(name, "alias")) {
		int r = pm_name_check(value, err);
		if (r >= 0)
			pm_strv_add(&p->aliases, value);
		return r < 0 ? pm_wrap(err, "alias \"%s\"", value) : 0;
	}
	if (pm_streq(name, "interface_name"))
		return set_device(p->device, value, err);
	if (pm_streq(name, "host_interface_name"))
		return set_device(p->host_device, value, err);
	return pm_fail(err, PM_E_USAGE, "unknown option \"%s\"", name);
}

int pm_place_parse(const char *text, struct pm_place *ret, struct pm_err *err)
{
	const char *colon = strchr(text, ':');
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	struct pm_place p = {.network = colon ? pm_strndup(text, (size_t)(colon - text))
					      : pm_strdup(text)};
	int r = *p.network ? 0 : pm_fail(err, PM_E_USAGE, "the name is empty");
	if (colon)
		pm_strv_split(&options, colon + 1, ',');
	for (size_t i = 0; i < options.n && r >= 0; i++) {
		char *eq = strchr(options.v[i], '=');
		if (!eq) {
			r = pm_fail(err, PM_E_USAGE, "\"%s\" is not of the form OPTION=VALUE", options.v[i]);
			break;
		}
		*eq = '\0';
		r = set_option(&p, options.v[i], eq + 1, err);
	}
	if (r < 0) {
		pm_place_free(&p);
		return pm_wrap(err, "network \"%s\"", text);
	}
	*ret = p;
	return 0;
}

char *pm_place_format(const struct pm_place *p)
{
	char text[PM_IP_TEXT], mac[PM_MAC_TEXT];
	struct pm_buf b = PM_BUF_INIT;
	pm_buf_add_str(&b, p->network);
	const size_t bare = b.len;
	if (p->ip4.family)
		pm_buf_printf(&b, ",ip=%s", pm_ip_format(&p->ip4, text));
	if (p->ip6.family)
		pm_buf_printf(&b, ",ip=%s", pm_ip_format(&p->ip6, text));
	if (p->has_mac)
		pm_buf_printf(&b, ",mac=%s", pm_mac_format(p->mac, mac));
	for (size_t i = 0; i < p->aliases.n; i++)
		pm_buf_printf(&b, ",alias=%s", p->aliases.v[i]);
	if (*p->device)
		pm_buf_printf(&b, ",interface_name=%s", p->device);
	if (*p->host_device)
		pm_buf_printf(&b, ",host_interface_name=%s", p->host_device);
	if (b.len > bare)
		b.data[bare] = ':';
	return pm_buf_take(&b);
}

/* --- what the user asked for ----------------------------------------------------------------- */

static bool is_mode(const char *word)
{
	static const char *const modes[] = {"none", "host", "private", "slirp4netns", "slirp", "default",
					    "pasta"};
	size_t len = strcspn(word, ":");
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes); i++)
		if (strlen(modes[i]) == len && memcmp(modes[i], word, len) == 0)
			return true;
	return pm_startswith(word, "container:") || pm_startswith(word, "ns:") || !*word;
}

static bool asks_address(const struct pm_network_wish *w)
{
	return w->ip || w->ip6 || w->mac;
}

/* One --network NAME with the options that stand apart. */
static int add_place(struct pm_engine *e, const struct pm_network_wish *w, const char *word,
		     struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_place_ struct pm_place p = {0};
	_cleanup_free_ char *text = NULL;
	size_t len = strcspn(word, ":");
	if (len == 6 && memcmp(word, "bridge", 6) == 0)
		text = pm_asprintf("%s%s", e->conf.default_network, word + 6);
	int r = pm_place_parse(text ? text : word, &p, err);
	if (r >= 0 && w->ip)
		r = set_option(&p, "ip", w->ip, err);
	if (r >= 0 && w->ip6)
		r = set_option(&p, "ip6", w->ip6, err);
	if (r >= 0 && w->mac)
		r = set_option(&p, "mac", w->mac, err);
	for (size_t i = 0; r >= 0 && i < w->aliases->n; i++)
		r = set_option(&p, "alias", w->aliases->v[i], err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->networks.n; i++) {
		len = strcspn(c->networks.v[i], ":");
		if (strlen(p.network) == len && memcmp(c->networks.v[i], p.network, len) == 0)
			return pm_fail(err, PM_E_USAGE, "network %s was given twice", p.network);
	}
	pm_strv_take(&c->networks, pm_place_format(&p));
	return 0;
}

static int add_egress(const struct pm_network_wish *w, struct pm_ctr_config *c, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < w->egress->n && r >= 0; i++) {
		struct pm_egress_rule rule;
		r = pm_egress_parse(w->egress->v[i], &rule, err);
		pm_strv_add(&c->egress, w->egress->v[i]);
	}
	return r;
}

static int apply_mode(struct pm_engine *e, const struct pm_network_wish *w, const char *word,
		      struct pm_ctr_config *c, struct pm_err *err)
{
	const char *colon = word ? strchr(word, ':') : NULL;
	_cleanup_free_ char *mode = pm_strdup_null(word);
	if (asks_address(w) || w->aliases->n)
		return pm_fail(err, PM_E_USAGE, "--ip, --ip6, --mac-address and --network-alias go with "
						"bridge networks only: give --network NAME");
	if (colon && (pm_startswith(word, "slirp4netns:") || pm_startswith(word, "slirp:") ||
		      pm_startswith(word, "pasta:"))) {
		mode[colon - word] = '\0';
		pm_strv_split(&c->network_options, colon + 1, ',');
	}
	int r = pm_network_mode(&e->conf, mode, &c->network, err);
	if (r >= 0 && w->egress->n && !pm_network_is_slirp(c->network))
		r = pm_fail(err, PM_E_UNSUPPORTED, "--egress: nothing of pm's is on the way out of network %s: "
			    "give --network slirp4netns, bridge, or the name of a network", c->network);
	return r < 0 ? r : add_egress(w, c, err);
}

int pm_network_apply(struct pm_engine *e, const struct pm_network_wish *w, struct pm_ctr_config *c,
		     struct pm_err *err)
{
	const char *conf = e->conf.netns && *e->conf.netns ? e->conf.netns : NULL;
	const char *first = w->networks->n ? w->networks->v[0] : conf;
	/* root's own network is the default bridge, as Podman's */
	if (w->networks->n <= 1 && !pm_userns_needed() && !pm_userns_nested() &&
	    (!first || !*first || pm_streq(first, "private") || pm_streq(first, "default"))) {
		c->network = pm_strdup("bridge");
		int r = add_place(e, w, "bridge", c, err);
		return r < 0 ? r : add_egress(w, c, err);
	}
	if (!first || is_mode(first)) {
		if (w->networks->n > 1)
			return pm_fail(err, PM_E_USAGE,
				       "cannot set multiple networks without bridge network mode, "
				       "selected mode %s: invalid argument", first);
		return apply_mode(e, w, first, c, err);
	}
	if (w->networks->n > 1 && asks_address(w))
		return pm_fail(err, PM_E_USAGE, "--ip, --ip6 and --mac-address go with one network: "
						"write --network NAME:ip=ADDRESS,mac=ADDRESS");
	c->network = pm_strdup("bridge");
	int r = w->networks->n ? 0 : add_place(e, w, first, c, err);
	for (size_t i = 0; i < w->networks->n && r >= 0; i++) {
		if (is_mode(w->networks->v[i]))
			return pm_fail(err, PM_E_USAGE, "network mode %s does not go with networks",
				       w->networks->v[i]);
		r = add_place(e, w, w->networks->v[i], c, err);
	}
	return r < 0 ? r : add_egress(w, c, err);
}

/* --- creation -------------------------------------------------------------------------------- */

int pm_place_lock(struct pm_engine *e, const struct pm_ctr_config *c, int *ret_fd, struct pm_err *err)
{
	*ret_fd = -1;
	if (!pm_network_is_bridge(c->network))
		return 0;
	int r = pm_store_lock(e->store, "network", "config", PM_LOCK_SHARED, true, err);
	if (r >= 0)
		*ret_fd = r;
	return r < 0 ? r : 0;
}

/* An address asked for must be one of the network. */
static int check_addresses(const struct pm_place *p, const struct pm_network *n, struct pm_err *err)
{
	const struct pm_ip *asked[] = {&p->ip4, &p->ip6};
	for (size_t k = 0; k < 2; k++) {
		char text[PM_IP_TEXT];
		bool inside = !asked[k]->family;
		for (size_t i = 0; i < n->n_subnets; i++)
			inside |= pm_ipnet_contains(&n->subnets[i].net, asked[k]);
		if (!inside)
			return pm_fail(err, PM_E_USAGE,
				       "requested static ip %s not in any subnet on network %s",
				       pm_ip_format(asked[k], text), n->name);
	}
	return 0;
}

int pm_place_resolve(struct pm_engine *e, struct pm_ctr_config *c, struct pm_err *err)
{
	for (size_t i = 0; i < c->networks.n; i++) {
		_cleanup_place_ struct pm_place p = {0};
		_cleanup_network_ struct pm_network n = {0};
		int r = pm_place_parse(c->networks.v[i], &p, err);
		if (r >= 0)
			r = pm_network_find(e, p.network, &n, err);
		if (r >= 0)
			r = check_addresses(&p, &n, err);
		if (r < 0)
			return r;
		free(p.network);
		p.network = pm_strdup(n.name);
		free(c->networks.v[i]);
		c->networks.v[i] = pm_place_format(&p);
	}
	return 0;
}

int pm_place_join(struct pm_engine *e, const struct pm_ctr_config *c, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < c->networks.n && r >= 0; i++) {
		_cleanup_free_ char *name =
			pm_strndup(c->networks.v[i], strcspn(c->networks.v[i], ":"));
		r = pm_net_join(e->store, c->id, name, err);
	}
	return r;
}

/* --- a start --------------------------------------------------------------------------------- */

void pm_place_mac(const char *id, const char *network, uint8_t ret[6])
{
	_cleanup_free_ char *text = pm_asprintf("%s %s", id, network);
	uint64_t h = 14695981039346656037u;
	for (const char *c = text; *c; c++)
		h = (h ^ (uint8_t)*c) * 1099511628211u;
	for (size_t i = 0; i < 6; i++)
		ret[i] = (uint8_t)(h >> (8 * i));
	ret[0] = (uint8_t)((ret[0] & 0xfe) | 0x02); /* one device's, locally administered */
}

static enum pm_netd_isolate isolate_of(const char *value)
{
	if (!value || pm_streq(value, "0") || pm_streq(value, "f") || strcasecmp(value, "false") == 0)
		return PM_NETD_ISOLATE_NO;
	return pm_streq(value, "strict") ? PM_NETD_ISOLATE_STRICT : PM_NETD_ISOLATE_YES;
}

static unsigned int number_option(const struct pm_network *n, const char *name, unsigned int missing)
{
	const char *v = pm_network_option(n, name);
	return v ? (unsigned int)strtoul(v, NULL, 10) : missing;
}

/* The network's part, as its definition says. */
static void describe(const struct pm_network *n, struct pm_netd_net *to)
{
	const char *mode = pm_network_option(n, "mode"), *no = pm_network_option(n, "no_default_route"),
		   *guard = pm_network_option(n, "antispoof");
	snprintf(to->name, sizeof(to->name), "%s", n->name);
	to->driver = pm_streq(n->driver, "macvlan")  ? PM_NETD_MACVLAN
		     : pm_streq(n->driver, "ipvlan") ? PM_NETD_IPVLAN
						     : PM_NETD_BRIDGE;
	snprintf(to->mode, sizeof(to->mode), "%s", mode ? mode : "");
	snprintf(to->bridge, sizeof(to->bridge), "%s", n->interface);
	to->mtu = number_option(n, "mtu", pm_userns_needed() ? ROOTLESS_MTU : 0);
	to->vlan = number_option(n, "vlan", 0);
	to->metric = number_option(n, "metric", 0);
	to->internal = n->internal;
	to->dns = n->dns;
	to->ipv6 = n->ipv6;
	to->isolate = isolate_of(pm_network_option(n, "isolate"));
	to->no_default_route = isolate_of(no) != PM_NETD_ISOLATE_NO;
	to->any_source = guard && isolate_of(guard) == PM_NETD_ISOLATE_NO;
	for (size_t i = 0; i < n->n_subnets && i < PM_NETD_SUBNETS; i++) {
		to->subnets[to->n_subnets].net = n->subnets[i].net;
		to->subnets[to->n_subnets++].gateway = n->subnets[i].gateway;
	}
	for (size_t i = 0; i < n->n_routes && i < PM_NETD_ROUTES; i++)
		to->routes[to->n_routes++] = (struct pm_netd_route){
			n->routes[i].dest, n->routes[i].gateway, (uint32_t)n->routes[i].metric};
	pm_strv_add_all(&to->dns_servers, n->dns_servers.v);
	pm_strv_add_all(&to->egress, n->egress.v);
}

static void add_name(struct pm_strv *l, const char *name)
{
	if (name && *name && !pm_strv_has(l, name))
		pm_strv_add(l, name);
}

static int plan_place(struct pm_engine *e, const struct pm_container *c, const char *text,
		      struct pm_netd_config *ret, struct pm_err *err)
{
	_cleanup_place_ struct pm_place p = {0};
	_cleanup_network_ struct pm_network n = {0};
	int r = pm_place_parse(text, &p, err);
	if (r >= 0)
		r = pm_network_find(e, p.network, &n, err);
	if (r < 0)
		return r;
	if (n.n_subnets > PM_NETD_SUBNETS || n.n_routes > PM_NETD_ROUTES)
		return pm_fail(err, PM_E_UNSUPPORTED, "network %s has more than %d subnets or %d routes",
			       n.name, PM_NETD_SUBNETS, PM_NETD_ROUTES);
	struct pm_ip ips[PM_NETD_SUBNETS] = {{0}};
	r = pm_ipam_take(e, &n, c->row.id, &p.ip4, &p.ip6, ips, err);
	if (r < 0)
		return r;

	struct pm_netd_net *to = pm_netd_config_add(ret);
	describe(&n, to);
	for (size_t i = 0; i < to->n_subnets; i++)
		to->subnets[i].address = ips[i];
	snprintf(to->device, sizeof(to->device), "%s", p.device);
	snprintf(to->host_device, sizeof(to->host_device), "%s", p.host_device);
	if (p.has_mac)
		memcpy(to->mac, p.mac, sizeof(to->mac));
	else
		pm_place_mac(c->row.id, n.name, to->mac);
	add_name(&to->names, c->row.name);
	for (size_t i = 0; i < p.aliases.n; i++)
		add_name(&to->names, p.aliases.v[i]);
	_cleanup_free_ char *short_id = pm_strndup(c->row.id, PM_SHORT_ID);
	add_name(&to->names, short_id);
	add_name(&to->names, c->config.hostname);
	return 0;
}

/* eth0, eth1 ... for those without a name of their own. */
static void name_devices(struct pm_netd_config *n)
{
	unsigned int next = 0;
	for (size_t i = 0; i < n->n_nets; i++) {
		while (!*n->nets[i].device) {
			char name[16];
			bool taken = false;
			snprintf(name, sizeof(name), "eth%u", next++);
			for (size_t k = 0; k < n->n_nets; k++)
				taken |= strcmp(n->nets[k].device, name) == 0;
			if (!taken)
				memcpy(n->nets[i].device, name, sizeof(name));
		}
	}
}

bool pm_place_find(const struct pm_strv *texts, const char *network, struct pm_place *ret,
		   char device[16])
{
	_cleanup_netd_config_ struct pm_netd_config names = {0};
	bool found = false;
	for (size_t i = 0; i < texts->n; i++) {
		_cleanup_place_ struct pm_place p = {0};
		struct pm_netd_net *n = pm_netd_config_add(&names);
		if (pm_place_parse(texts->v[i], &p, NULL) < 0)
			continue;
		snprintf(n->name, sizeof(n->name), "%s", p.network);
		memcpy(n->device, p.device, sizeof(n->device));
		if (found || strcmp(p.network, network) != 0)
			continue;
		*ret = p;
		p = (struct pm_place){0};
		found = true;
	}
	name_devices(&names);
	for (size_t i = 0; i < names.n_nets && found; i++)
		if (strcmp(names.nets[i].name, network) == 0)
			memcpy(device, names.nets[i].device, 16);
	return found;
}

static int plan_all(struct pm_engine *e, const struct pm_container *c, const struct pm_strv *texts,
		    struct pm_netd_config *ret, struct pm_err *err)
{
	snprintf(ret->id, sizeof(ret->id), "%s", c->row.id);
	pm_strv_add_all(&ret->egress, c->config.egress.v);
	const struct pm_strv *dns = c->config.dns.n ? &c->config.dns : &e->conf.dns_servers;
	pm_strv_add_all(&ret->dns_servers, pm_strv_has(dns, "none") ? NULL : dns->v);
	int r = pm_db_begin(e->store->db, false, err);
	for (size_t i = 0; i < texts->n && r >= 0; i++)
		r = plan_place(e, c, texts->v[i], ret, err);
	if (r >= 0)
		r = pm_db_commit(e->store->db, err);
	pm_db_rollback(e->store->db);
	return r;
}

int pm_place_plan(struct pm_engine *e, const struct pm_container *c, struct pm_netd_config *ret,
		  struct pm_err *err)
{
	int r = pm_lease_drop(e->store, c->row.id, NULL, err);
	if (r >= 0)
		r = plan_all(e, c, &c->config.networks, ret, err);
	name_devices(ret);
	return r;
}

int pm_place_plan_again(struct pm_engine *e, const struct pm_container *c,
			struct pm_netd_config *ret, struct pm_err *err)
{
	int r = plan_all(e, c, &c->config.networks, ret, err);
	name_devices(ret);
	return r;
}

int pm_place_plan_one(struct pm_engine *e, const struct pm_container *c, const char *text,
		      struct pm_netd_config *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv one = PM_STRV_INIT;
	pm_strv_add(&one, text);
	return plan_all(e, c, &one, ret, err);
}

int pm_place_ports(const struct pm_ctr_config *c, struct pm_ports *ret, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < c->n_ports; i++) {
		struct pm_port p = {.host = (uint16_t)c->ports[i].host_port,
				    .container = (uint16_t)c->ports[i].container_port,
				    .range = (uint16_t)c->ports[i].range};
		if (c->ports[i].host_ip)
			snprintf(p.host_ip, sizeof(p.host_ip), "%s", c->ports[i].host_ip);
		r = pm_proto_parse(c->ports[i].protocol, &p.proto, err);
		if (r >= 0)
			pm_ports_add(ret, &p);
	}
	return r;
}

void pm_place_files_free(struct pm_place_files *f)
{
	pm_strv_free(&f->servers);
	pm_strv_free(&f->addresses);
	*f = (struct pm_place_files){0};
}

void pm_place_files(const struct pm_netd_config *n, const char *without, struct pm_place_files *ret)
{
	char text[PM_IP_TEXT];
	bool outside = false;
	for (size_t i = 0; i < n->n_nets; i++) {
		if (pm_streq(n->nets[i].name, without))
			continue;
		outside |= !n->nets[i].internal;
		for (size_t k = 0; k < n->nets[i].n_subnets; k++) {
			const struct pm_netd_subnet *s = &n->nets[i].subnets[k];
			if (n->nets[i].dns && s->gateway.family)
				pm_strv_add(&ret->servers, pm_ip_format(&s->gateway, text));
			if (s->address.family)
				pm_strv_add(&ret->addresses, pm_ip_format(&s->address, text));
		}
	}
	ret->network_dns = ret->servers.n > 0;
	/* without one of the network's: the way out's, which asks the host's */
	if (!ret->servers.n && outside && pm_userns_needed())
		pm_strv_add(&ret->servers, WAY_OUT_DNS);
}
