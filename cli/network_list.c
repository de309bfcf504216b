#include "cli/network_list.h"

#include <string.h>
#include <strings.h>

#include "base/timefmt.h"
#include "engine/filter.h"
#include "engine/labels.h"
#include "storage/network.h"

struct subject {
	struct pm_engine *e;
	const struct pm_network *n;
};

static int match_name(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	return pm_filter_regex(s->n->name, value, err);
}

static int match_id(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	return pm_startswith(s->n->id, value);
}

static int match_driver(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	return strcmp(s->n->driver, value) == 0;
}

static int match_label(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	(void)err;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	return pm_labels_match(pm_labels_tree(pool, &s->n->labels), value);
}

static int match_no_label(const void *subject, const char *value, struct pm_err *err)
{
	return !match_label(subject, value, err);
}

static int match_until(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	return pm_filter_until(s->n->created, value, err);
}

static int match_dangling(const void *subject, const char *value, struct pm_err *err)
{
	const struct subject *s = subject;
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	bool want = strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;
	if (!want && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return pm_fail(err, PM_E_USAGE, "invalid dangling filter value \"%s\"", value);
	int r = pm_net_users(s->e->store, s->n->name, &users, err);
	/* the default network is never up for removal */
	bool dangling = !users.n && !pm_network_is_default(s->e, s->n->name);
	return r < 0 ? r : dangling == want;
}

static const struct pm_filter_key keys[] = {
	{"name", match_name},
	{"id", match_id},
	{"driver", match_driver},
	{"dangling", match_dangling},
	{"label", match_label, .all = true},
	{"label!", match_no_label, .all = true},
	{"until", match_until, .all = true},
	{0},
};
static const struct pm_filter_key prune_keys[] = {
	{"label", match_label, .all = true},
	{"label!", match_no_label, .all = true},
	{"until", match_until, .all = true},
	{0},
};

int pm_network_filter(struct pm_engine *e, const struct pm_network *n,
		      const struct pm_strv *filters, bool prune, struct pm_err *err)
{
	const struct subject s = {e, n};
	const struct pm_filter_table table = {prune ? prune_keys : keys, "invalid filter \"", "\""};
	return pm_filter_pass(&table, filters, &s, err);
}

static struct pm_json *map_of(const struct pm_strv *l, struct pm_json_pool *pool)
{
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	for (size_t i = 0; i < l->n; i++) {
		const char *eq = strchr(l->v[i], '=');
		_cleanup_free_ char *name = pm_strndup(l->v[i], (size_t)(eq - l->v[i]));
		pm_json_set_str(pool, map, name, eq + 1);
	}
	return map;
}

static void set_ip(struct pm_json_pool *pool, struct pm_json *o, const char *name,
		   const struct pm_ip *ip)
{
	char text[PM_IP_TEXT];
	pm_json_set_str(pool, o, name, pm_ip_format(ip, text));
}

struct pm_json *pm_network_tree(const struct pm_network *n, bool no_trunc,
				struct pm_json_pool *pool)
{
	char text[PM_TIME_SIZE + PM_IPNET_TEXT];
	struct pm_json *o = pm_json_object(pool), *l;
	pm_json_set_str(pool, o, "Name", n->name);
	pm_json_set(pool, o, "ID", pm_json_strn(pool, n->id, no_trunc ? 64 : 12));
	pm_json_set_str(pool, o, "Driver", n->driver);
	pm_json_set_str(pool, o, "NetworkInterface", n->interface);
	pm_json_set_str(pool, o, "Created", pm_time_rfc3339(n->created, 0, text));
	pm_json_get(o, "Created")->hint = PM_JSON_TIME;
	l = pm_json_set(pool, o, "Subnets", pm_json_array(pool));
	for (size_t i = 0; i < n->n_subnets; i++) {
		const struct pm_subnet *s = &n->subnets[i];
		struct pm_json *sub = pm_json_add(pool, l, pm_json_object(pool)), *lease;
		pm_json_set_str(pool, sub, "Subnet", pm_ipnet_format(&s->net, text));
		set_ip(pool, sub, "Gateway", &s->gateway);
		lease = pm_json_set(pool, sub, "LeaseRange", pm_json_object(pool));
		set_ip(pool, lease, "StartIP", &s->lease_start);
		set_ip(pool, lease, "EndIP", &s->lease_end);
	}
	l = pm_json_set(pool, o, "Routes", pm_json_array(pool));
	for (size_t i = 0; i < n->n_routes; i++) {
		struct pm_json *t = pm_json_add(pool, l, pm_json_object(pool));
		pm_json_set_str(pool, t, "Destination", pm_ipnet_format(&n->routes[i].dest, text));
		set_ip(pool, t, "Gateway", &n->routes[i].gateway);
		pm_json_set_int(pool, t, "Metric", n->routes[i].metric);
	}
	pm_json_set_bool(pool, o, "IPv6Enabled", n->ipv6);
	pm_json_set_bool(pool, o, "Internal", n->internal);
	pm_json_set_bool(pool, o, "DNSEnabled", n->dns);
	pm_json_set(pool, o, "NetworkDNSServers", pm_json_strv(pool, &n->dns_servers));
	pm_json_set(pool, o, "Labels", map_of(&n->labels, pool));
	pm_json_set(pool, o, "Options", map_of(&n->options, pool));
	pm_json_set(pool, o, "Egress", pm_json_strv(pool, &n->egress));
	l = pm_json_set(pool, o, "IPAMOptions", pm_json_object(pool));
	l->hint = PM_JSON_MAP;
	pm_json_set_str(pool, l, "driver", n->ipam_driver);
	return o;
}
