#include "engine/network/inspect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/network/place.h"
#include "netns/netd_client.h"
#include "storage/network.h"

/* --- of a container -------------------------------------------------------------------------- */

struct leases {
	struct pm_json_pool *pool;
	struct pm_json *to;
	const struct pm_network *n;
};

static int add_lease(const struct pm_lease *l, void *arg)
{
	const struct leases *x = arg;
	struct pm_ip ip = pm_ip_from_bytes(l->address, l->len);
	bool v4 = ip.family == AF_INET;
	char text[PM_IP_TEXT];
	for (size_t i = 0; i < x->n->n_subnets; i++) {
		const struct pm_subnet *s = &x->n->subnets[i];
		if (!pm_ipnet_contains(&s->net, &ip) ||
		    pm_json_get_int(x->to, v4 ? "IPPrefixLen" : "GlobalIPv6PrefixLen", 0))
			continue;
		pm_json_set_str(x->pool, x->to, v4 ? "IPAddress" : "GlobalIPv6Address",
				pm_ip_format(&ip, text));
		pm_json_set_int(x->pool, x->to, v4 ? "IPPrefixLen" : "GlobalIPv6PrefixLen",
				s->net.prefix);
		pm_json_set_str(x->pool, x->to, v4 ? "Gateway" : "IPv6Gateway",
				x->n->internal ? "" : pm_ip_format(&s->gateway, text));
	}
	return 0;
}

static void inspect_one(struct pm_engine *e, const struct pm_container *c, const struct pm_place *p,
			struct pm_json *o, struct pm_json_pool *pool)
{
	static const char *const texts[] = {"EndpointID", "Gateway", "IPAddress", "IPv6Gateway",
					    "GlobalIPv6Address", "MacAddress"};
	static const char *const nulls[] = {"DriverOpts", "IPAMConfig", "Links"};
	_cleanup_network_ struct pm_network n = {0};
	for (size_t i = 0; i < PM_ARRAY_SIZE(texts); i++)
		pm_json_set_str(pool, o, texts[i], "");
	pm_json_set_int(pool, o, "IPPrefixLen", 0);
	pm_json_set_int(pool, o, "GlobalIPv6PrefixLen", 0);
	pm_json_set_str(pool, o, "NetworkID", p->network);
	for (size_t i = 0; i < PM_ARRAY_SIZE(nulls); i++)
		pm_json_set(pool, o, nulls[i], pm_json_null(pool));
	_cleanup_strv_ struct pm_strv aliases = PM_STRV_INIT;
	if (p->aliases.n)
		pm_strv_add_all(&aliases, p->aliases.v);
	pm_strv_addf(&aliases, "%.*s", PM_SHORT_ID, c->row.id);
	pm_json_set(pool, o, "Aliases", pm_json_strv(pool, &aliases));
	if (!pm_ctr_is_up(&c->state) || pm_network_find(e, p->network, &n, NULL) < 0)
		return;
	uint8_t mac[6];
	char text[PM_MAC_TEXT];
	pm_place_mac(c->row.id, n.name, mac);
	pm_json_set_str(pool, o, "MacAddress", pm_mac_format(p->has_mac ? p->mac : mac, text));
	struct leases x = {pool, o, &n};
	pm_lease_each(e->store, c->row.id, n.name, add_lease, &x, NULL);
}

struct pm_json *pm_network_inspect(struct pm_engine *e, const struct pm_container *c,
				   struct pm_json_pool *pool)
{
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	for (size_t i = 0; i < c->config.networks.n; i++) {
		_cleanup_place_ struct pm_place p = {0};
		if (pm_place_parse(c->config.networks.v[i], &p, NULL) < 0)
			continue;
		struct pm_json *o = pm_json_set(pool, map, p.network, pm_json_object(pool));
		inspect_one(e, c, &p, o, pool);
	}
	return map;
}

/* --- of a network ---------------------------------------------------------------------------- */

struct subnets {
	struct pm_json_pool *pool;
	struct pm_json *to;
	const struct pm_network *n;
	bool capital;
};

static int add_subnet(const struct pm_lease *l, void *arg)
{
	const struct subnets *x = arg;
	struct pm_ip ip = pm_ip_from_bytes(l->address, l->len);
	char text[PM_IPNET_TEXT];
	for (size_t i = 0; i < x->n->n_subnets; i++) {
		const struct pm_subnet *s = &x->n->subnets[i];
		if (!pm_ipnet_contains(&s->net, &ip))
			continue;
		struct pm_json *o = pm_json_add(x->pool, x->to, pm_json_object(x->pool));
		struct pm_ipnet own = {.ip = ip, .prefix = s->net.prefix};
		pm_json_set_str(x->pool, o, x->capital ? "IPNet" : "ipnet", pm_ipnet_format(&own, text));
		if (s->gateway.family)
			pm_json_set_str(x->pool, o, x->capital ? "Gateway" : "gateway",
					pm_ip_format(&s->gateway, text));
		break;
	}
	return 0;
}

/* device: what its device on the network is called; NULL: it has none. */
static struct pm_json *describe(struct pm_engine *e, const struct pm_container *c, const struct pm_place *p,
				const char *device, const struct pm_network *n, bool capital,
				struct pm_json_pool *pool)
{
	struct pm_json *o = pm_json_object(pool), *devices, *d;
	char text[PM_MAC_TEXT];
	uint8_t mac[6];
	pm_json_set_str(pool, o, capital ? "Name" : "name", c->row.name);
	devices = pm_json_set(pool, o, capital ? "Interfaces" : "interfaces", pm_json_object(pool));
	devices->hint = PM_JSON_MAP;
	if (!device)
		return o;
	d = pm_json_set(pool, devices, device, pm_json_object(pool));
	struct subnets x = {pool, pm_json_set(pool, d, capital ? "Subnets" : "subnets", pm_json_array(pool)), n,
			    capital};
	pm_lease_each(e->store, c->row.id, n->name, add_subnet, &x, NULL);
	pm_place_mac(c->row.id, n->name, mac);
	pm_json_set_str(pool, d, capital ? "MacAddress" : "mac_address",
			pm_mac_format(p->has_mac ? p->mac : mac, text));
	return o;
}

/* What the container's device on the network is called now, as pm-netd sees it; false when it has none there. Without an
 * answer - the pm-netd was killed - what it was called at the start holds. */
static bool ask_device(int netd, const char *id, const char *network, char device[16])
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (netd < 0 || pm_netd_devices(netd, id, &names, NULL) < 0)
		return true;
	for (size_t i = 0; i + 1 < names.n; i += 2) {
		if (strcmp(names.v[i], network) != 0)
			continue;
		snprintf(device, 16, "%s", names.v[i + 1]);
		return true;
	}
	return false;
}

int pm_network_containers(struct pm_engine *e, const struct pm_network *n, bool capital,
			  struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	_cleanup_close_ int netd = -1;
	int r = pm_net_users(e->store, n->name, &users, err);
	if (r >= 0 && users.n)
		(void)pm_netd_connect_live(e->store->runroot_fd, &netd, NULL);
	for (size_t i = 0; r >= 0 && i < users.n; i++) {
		_cleanup_container_ struct pm_container c;
		_cleanup_place_ struct pm_place p = {0};
		char device[16];
		pm_container_init(&c);
		/* one that is being removed is on no network any more */
		if (pm_container_load(e, users.v[i], &c, NULL) < 0 || !pm_ctr_is_up(&c.state) ||
		    !pm_place_find(&c.config.networks, n->name, &p, device))
			continue;
		bool there = ask_device(netd, c.row.id, n->name, device);
		pm_json_set(pool, map, c.row.id, describe(e, &c, &p, there ? device : NULL, n, capital, pool));
	}
	*ret = map;
	return r < 0 ? r : 0;
}
