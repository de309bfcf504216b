#include "netns/netd_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool pm_netd_device_ok(const char *name)
{
	return *name && strlen(name) < 16 && !strpbrk(name, "/\" \t\n\\:*") && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static void net_free(struct pm_netd_net *n)
{
	pm_strv_free(&n->names);
	pm_strv_free(&n->dns_servers);
	pm_strv_free(&n->egress);
}

void pm_netd_config_free(struct pm_netd_config *c)
{
	for (size_t i = 0; i < c->n_nets; i++)
		net_free(&c->nets[i]);
	free(c->nets);
	pm_strv_free(&c->egress);
	pm_strv_free(&c->dns_servers);
	*c = (struct pm_netd_config){0};
}

struct pm_netd_net *pm_netd_config_add(struct pm_netd_config *c)
{
	c->nets = pm_reallocarray(c->nets, c->n_nets + 1, sizeof(*c->nets));
	struct pm_netd_net *n = &c->nets[c->n_nets++];
	*n = (struct pm_netd_net){0};
	return n;
}

/* --- writing --------------------------------------------------------------------------------- */

static void add_words(struct pm_wire *w, const char *name, const char *a, const char *b,
		      const char *c)
{
	_cleanup_free_ char *text = pm_asprintf("%s %s %s", *a ? a : "-", *b ? b : "-", *c ? c : "-");
	pm_wire_add(w, name, text);
}

static void encode_net(const struct pm_netd_net *n, struct pm_wire *w)
{
	char a[PM_IPNET_TEXT], b[PM_IPNET_TEXT], c[PM_IPNET_TEXT], mac[PM_MAC_TEXT];
	pm_wire_add(w, "net", n->name); /* what follows is of this one */
	pm_wire_add_int(w, "driver", n->driver);
	pm_wire_add(w, "mode", n->mode);
	pm_wire_add(w, "bridge", n->bridge);
	pm_wire_add(w, "device", n->device);
	pm_wire_add(w, "host_device", n->host_device);
	pm_wire_add(w, "mac", pm_mac_format(n->mac, mac));
	pm_wire_add_int(w, "mtu", n->mtu);
	pm_wire_add_int(w, "vlan", n->vlan);
	pm_wire_add_int(w, "metric", n->metric);
	pm_wire_add_int(w, "internal", n->internal);
	pm_wire_add_int(w, "dns", n->dns);
	pm_wire_add_int(w, "ipv6", n->ipv6);
	pm_wire_add_int(w, "no_default_route", n->no_default_route);
	pm_wire_add_int(w, "any_source", n->any_source);
	pm_wire_add_int(w, "isolate", n->isolate);
	for (size_t i = 0; i < n->n_subnets; i++)
		add_words(w, "subnet", pm_ipnet_format(&n->subnets[i].net, a),
			  pm_ip_format(&n->subnets[i].gateway, b),
			  pm_ip_format(&n->subnets[i].address, c));
	for (size_t i = 0; i < n->n_routes; i++) {
		snprintf(c, sizeof(c), "%u", n->routes[i].metric);
		add_words(w, "route", pm_ipnet_format(&n->routes[i].dest, a),
			  pm_ip_format(&n->routes[i].gateway, b), c);
	}
	pm_wire_add_list(w, "name", &n->names);
	pm_wire_add_list(w, "dns_server", &n->dns_servers);
	pm_wire_add_list(w, "net_egress", &n->egress);
}

void pm_netd_config_encode(const struct pm_netd_config *c, struct pm_wire *w)
{
	pm_wire_add(w, "id", c->id);
	pm_wire_add_list(w, "egress", &c->egress);
	pm_wire_add_list(w, "ctr_dns", &c->dns_servers);
	for (size_t i = 0; i < c->n_nets; i++)
		encode_net(&c->nets[i], w);
}

/* --- reading --------------------------------------------------------------------------------- */

static int bad(const char *name, struct pm_err *err)
{
	return pm_fail(err, PM_E_FORMAT, "pm-netd: '%s' is malformed", name);
}

static int get_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || v > max)
		return -1;
	*ret = v;
	return 0;
}

static int get_ip(const char *text, struct pm_ip *ret)
{
	*ret = (struct pm_ip){0};
	return strcmp(text, "-") == 0 ? 0 : pm_ip_parse(text, ret, NULL);
}

static int decode_subnet(struct pm_netd_net *n, const struct pm_strv *w)
{
	struct pm_netd_subnet s = {0};
	if (n->n_subnets == PM_NETD_SUBNETS || w->n != 3 ||
	    pm_ipnet_parse(w->v[0], &s.net, NULL) < 0 || get_ip(w->v[1], &s.gateway) < 0 ||
	    get_ip(w->v[2], &s.address) < 0)
		return -1;
	if ((s.gateway.family && !pm_ipnet_contains(&s.net, &s.gateway)) ||
	    (s.address.family && !pm_ipnet_contains(&s.net, &s.address)))
		return -1;
	n->subnets[n->n_subnets++] = s;
	return 0;
}

static int decode_route(struct pm_netd_net *n, const struct pm_strv *w)
{
	struct pm_netd_route t = {0};
	unsigned long metric;
	if (n->n_routes == PM_NETD_ROUTES || w->n != 3 || pm_ipnet_parse(w->v[0], &t.dest, NULL) < 0 ||
	    get_ip(w->v[1], &t.gateway) < 0 || t.gateway.family != t.dest.ip.family ||
	    get_number(w->v[2], UINT32_MAX, &metric) < 0)
		return -1;
	t.metric = (uint32_t)metric;
	n->routes[n->n_routes++] = t;
	return 0;
}

static int decode_number(struct pm_netd_net *n, const char *name, const char *value)
{
	unsigned long v;
	if (get_number(value, UINT32_MAX, &v) < 0)
		return -1;
	if (strcmp(name, "driver") == 0 && v <= PM_NETD_IPVLAN)
		n->driver = (enum pm_netd_driver)v;
	else if (strcmp(name, "isolate") == 0 && v <= PM_NETD_ISOLATE_STRICT)
		n->isolate = (enum pm_netd_isolate)v;
	else if (strcmp(name, "mtu") == 0 && v <= 65535)
		n->mtu = (unsigned int)v;
	else if (strcmp(name, "vlan") == 0 && v <= 4094)
		n->vlan = (unsigned int)v;
	else if (strcmp(name, "metric") == 0)
		n->metric = (uint32_t)v;
	else if (strcmp(name, "internal") == 0)
		n->internal = v;
	else if (strcmp(name, "dns") == 0)
		n->dns = v;
	else if (strcmp(name, "ipv6") == 0)
		n->ipv6 = v;
	else if (strcmp(name, "no_default_route") == 0)
		n->no_default_route = v;
	else if (strcmp(name, "any_source") == 0)
		n->any_source = v;
	else
		return -1;
	return 0;
}

static int decode_text(struct pm_netd_net *n, const char *name, const char *value)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} fields[] = {
		{"mode", n->mode, sizeof(n->mode)},
		{"bridge", n->bridge, sizeof(n->bridge)},
		{"device", n->device, sizeof(n->device)},
		{"host_device", n->host_device, sizeof(n->host_device)},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		if (*value && (strlen(value) >= fields[i].size || !pm_netd_device_ok(value)))
			return -1;
		snprintf(fields[i].to, fields[i].size, "%s", value);
		return 0;
	}
	return 1;
}

static int decode_entry(struct pm_netd_net *n, const char *name, const char *value)
{
	int r = decode_text(n, name, value);
	if (r <= 0)
		return r;
	if (strcmp(name, "mac") == 0)
		return pm_mac_parse(value, n->mac, NULL);
	if (strcmp(name, "name") == 0)
		return pm_strv_add(&n->names, value), 0;
	if (strcmp(name, "dns_server") == 0)
		return pm_strv_add(&n->dns_servers, value), 0;
	if (strcmp(name, "net_egress") == 0)
		return pm_strv_add(&n->egress, value), 0;
	if (strcmp(name, "subnet") == 0 || strcmp(name, "route") == 0) {
		_cleanup_strv_ struct pm_strv w = PM_STRV_INIT;
		pm_strv_split(&w, value, ' ');
		return name[0] == 's' ? decode_subnet(n, &w) : decode_route(n, &w);
	}
	return decode_number(n, name, value);
}

int pm_netd_config_decode(const struct pm_wire *w, struct pm_netd_config *ret,
			  struct pm_err *err)
{
	*ret = (struct pm_netd_config){0};
	const char *id = pm_wire_get(w, "id");
	if (!id || strlen(id) != 64 || strspn(id, "0123456789abcdef") != 64)
		return bad("id", err);
	memcpy(ret->id, id, sizeof(ret->id));

	struct pm_netd_net *n = NULL;
	for (size_t i = 0; i + 1 < w->kv.n; i += 2) {
		const char *name = w->kv.v[i], *value = w->kv.v[i + 1];
		if (strcmp(name, "net") == 0) {
			n = pm_netd_config_add(ret);
			if (!*value || strlen(value) >= sizeof(n->name))
				return bad(name, err);
			snprintf(n->name, sizeof(n->name), "%s", value);
		} else if (strcmp(name, "egress") == 0) {
			pm_strv_add(&ret->egress, value);
		} else if (strcmp(name, "ctr_dns") == 0) {
			pm_strv_add(&ret->dns_servers, value);
		} else if (n && decode_entry(n, name, value) < 0) {
			return bad(name, err);
		}
	}
	return 0;
}
