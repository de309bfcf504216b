#include "engine/network/network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/container/remove.h"
#include "engine/events/events.h"
#include "storage/network.h"

#define DEFAULT_ID "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
#define DEFINITION_MAX (1 << 20)

void pm_network_free(struct pm_network *n)
{
	free(n->name);
	free(n->driver);
	free(n->interface);
	free(n->subnets);
	free(n->routes);
	free(n->ipam_driver);
	pm_strv_free(&n->dns_servers);
	pm_strv_free(&n->labels);
	pm_strv_free(&n->options);
	pm_strv_free(&n->egress);
	*n = (struct pm_network){0};
}

void pm_network_list_free(struct pm_network_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_network_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_network_list){0};
}

const char *pm_network_option(const struct pm_network *n, const char *name)
{
	return pm_env_get(&n->options, name);
}

bool pm_network_is_default(const struct pm_engine *e, const char *name)
{
	return pm_streq(e->conf.default_network, name);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static int get_ip(const struct pm_json *o, const char *name, struct pm_ip *ret, struct pm_err *err)
{
	const char *text = pm_json_get_str(o, name);
	return text && *text ? pm_ip_parse(text, ret, err) : 0;
}

static int parse_subnets(const struct pm_json *list, struct pm_network *n, struct pm_err *err)
{
	size_t len = pm_json_len(list);
	n->subnets = pm_calloc(len, sizeof(*n->subnets));
	for (size_t i = 0; i < len; i++) {
		const struct pm_json *o = pm_json_at(list, i);
		const struct pm_json *lease = pm_json_get(o, "lease_range");
		const char *subnet = pm_json_get_str(o, "subnet");
		struct pm_subnet *s = &n->subnets[n->n_subnets++];
		int r = pm_ipnet_parse(subnet ? subnet : "", &s->net, err);
		if (r >= 0)
			r = get_ip(o, "gateway", &s->gateway, err);
		if (r >= 0)
			r = get_ip(lease, "start_ip", &s->lease_start, err);
		if (r >= 0)
			r = get_ip(lease, "end_ip", &s->lease_end, err);
		if (r < 0)
			return r;
		const struct pm_ip *inside[] = {&s->gateway, &s->lease_start, &s->lease_end};
		for (size_t k = 0; k < PM_ARRAY_SIZE(inside); k++)
			if (inside[k]->family && !pm_ipnet_contains(&s->net, inside[k]))
				return pm_fail(err, PM_E_FORMAT,
					       "an address of subnet %s is not within it", subnet);
	}
	return 0;
}

static int parse_routes(const struct pm_json *list, struct pm_network *n, struct pm_err *err)
{
	size_t len = pm_json_len(list);
	n->routes = pm_calloc(len, sizeof(*n->routes));
	for (size_t i = 0; i < len; i++) {
		const struct pm_json *o = pm_json_at(list, i);
		const char *dest = pm_json_get_str(o, "destination");
		struct pm_net_route *t = &n->routes[n->n_routes++];
		int r = pm_ipnet_parse(dest ? dest : "", &t->dest, err);
		if (r >= 0)
			r = get_ip(o, "gateway", &t->gateway, err);
		if (r < 0)
			return r;
		if (t->gateway.family != t->dest.ip.family)
			return pm_fail(err, PM_E_FORMAT, "route to %s: its gateway is missing or of the "
							 "other family", dest);
		t->metric = pm_json_get_int(o, "metric", 0);
	}
	return 0;
}

static int parse_map(const struct pm_json *map, const char *name, struct pm_strv *ret,
		     struct pm_err *err)
{
	for (size_t i = 0; i < pm_json_len(map); i++) {
		const struct pm_json_member *m = &map->members[i];
		if (!pm_json_is(map, PM_JSON_OBJECT) || !pm_json_is(m->value, PM_JSON_STRING))
			return pm_fail(err, PM_E_FORMAT, "%s is no map of strings", name);
		pm_strv_addf(ret, "%s=%s", m->name, m->value->string);
	}
	return 0;
}

static int parse_list(const struct pm_json *o, const char *name, struct pm_strv *ret,
		      struct pm_err *err)
{
	const struct pm_json *list = pm_json_get(o, name);
	return list ? pm_json_to_strv(list, ret, err) : 0;
}

static int parse_tree(const struct pm_json *o, struct pm_network *n, struct pm_err *err)
{
	const char *id = pm_json_get_str(o, "id"), *name = pm_json_get_str(o, "name");
	const char *driver = pm_json_get_str(o, "driver"), *time = pm_json_get_str(o, "created");
	const char *interface = pm_json_get_str(o, "network_interface");
	const char *ipam = pm_json_get_str(pm_json_get(o, "ipam_options"), "driver");
	int r;

	if (!name || !*name || !driver || !id || strlen(id) != 64 ||
	    strspn(id, "0123456789abcdef") != 64)
		return pm_fail(err, PM_E_FORMAT, "name, driver or id is missing or malformed");
	if (interface && (strlen(interface) > 15 || strpbrk(interface, "/ \t\n")))
		return pm_fail(err, PM_E_FORMAT, "network_interface is no name of a device");
	n->name = pm_strdup(name);
	memcpy(n->id, id, sizeof(n->id));
	n->driver = pm_strdup(driver);
	n->interface = pm_strdup(interface ? interface : "");
	n->ipam_driver = pm_strdup(ipam ? ipam : "host-local");
	if (time && pm_time_parse_rfc3339(time, &n->created, NULL, NULL) < 0)
		n->created = 0;
	n->ipv6 = pm_json_get_bool(o, "ipv6_enabled", false);
	n->internal = pm_json_get_bool(o, "internal", false);
	n->dns = pm_json_get_bool(o, "dns_enabled", false);
	if ((r = parse_subnets(pm_json_get(o, "subnets"), n, err)) < 0 ||
	    (r = parse_routes(pm_json_get(o, "routes"), n, err)) < 0 ||
	    (r = parse_map(pm_json_get(o, "labels"), "labels", &n->labels, err)) < 0 ||
	    (r = parse_map(pm_json_get(o, "options"), "options", &n->options, err)) < 0 ||
	    (r = parse_list(o, "network_dns_servers", &n->dns_servers, err)) < 0 ||
	    (r = parse_list(o, "egress", &n->egress, err)) < 0)
		return r;
	return 0;
}

int pm_network_parse(const char *text, size_t len, struct pm_network *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	struct pm_network n = {0};
	int r = pm_json_parse(pool, text, len, &root, err);
	if (r >= 0)
		r = parse_tree(root, &n, err);
	if (r < 0) {
		pm_network_free(&n);
		return err ? pm_fail(err, PM_E_FORMAT, "%s", err->text) : -PM_E_FORMAT;
	}
	*ret = n;
	return 0;
}

static struct pm_json *map_of(struct pm_json_pool *pool, const struct pm_strv *l)
{
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	for (size_t i = 0; i < l->n; i++) {
		const char *eq = strchr(l->v[i], '=');
		_cleanup_free_ char *name =
			eq ? pm_strndup(l->v[i], (size_t)(eq - l->v[i])) : pm_strdup(l->v[i]);
		pm_json_set_str(pool, map, name, eq ? eq + 1 : "");
	}
	return map;
}

static struct pm_json *subnet_json(const struct pm_subnet *s, struct pm_json_pool *pool)
{
	char text[PM_IPNET_TEXT];
	struct pm_json *o = pm_json_object(pool);
	pm_json_set_str(pool, o, "subnet", pm_ipnet_format(&s->net, text));
	if (s->gateway.family)
		pm_json_set_str(pool, o, "gateway", pm_ip_format(&s->gateway, text));
	if (s->lease_start.family || s->lease_end.family) {
		struct pm_json *lease = pm_json_set(pool, o, "lease_range", pm_json_object(pool));
		if (s->lease_start.family)
			pm_json_set_str(pool, lease, "start_ip", pm_ip_format(&s->lease_start, text));
		if (s->lease_end.family)
			pm_json_set_str(pool, lease, "end_ip", pm_ip_format(&s->lease_end, text));
	}
	return o;
}

static struct pm_json *route_json(const struct pm_net_route *t, struct pm_json_pool *pool)
{
	char text[PM_IPNET_TEXT];
	struct pm_json *o = pm_json_object(pool);
	pm_json_set_str(pool, o, "destination", pm_ipnet_format(&t->dest, text));
	pm_json_set_str(pool, o, "gateway", pm_ip_format(&t->gateway, text));
	if (t->metric)
		pm_json_set_int(pool, o, "metric", t->metric);
	return o;
}

struct pm_json *pm_network_to_json(const struct pm_network *n, struct pm_json_pool *pool)
{
	struct pm_json *o = pm_json_object(pool);
	char time[PM_TIME_SIZE];
	pm_json_set_str(pool, o, "name", n->name);
	pm_json_set_str(pool, o, "id", n->id);
	pm_json_set_str(pool, o, "driver", n->driver);
	if (*n->interface)
		pm_json_set_str(pool, o, "network_interface", n->interface);
	pm_json_set_str(pool, o, "created", pm_time_rfc3339(n->created, 0, time));
	if (n->n_subnets) {
		struct pm_json *l = pm_json_set(pool, o, "subnets", pm_json_array(pool));
		for (size_t i = 0; i < n->n_subnets; i++)
			pm_json_add(pool, l, subnet_json(&n->subnets[i], pool));
	}
	if (n->n_routes) {
		struct pm_json *l = pm_json_set(pool, o, "routes", pm_json_array(pool));
		for (size_t i = 0; i < n->n_routes; i++)
			pm_json_add(pool, l, route_json(&n->routes[i], pool));
	}
	pm_json_set_bool(pool, o, "ipv6_enabled", n->ipv6);
	pm_json_set_bool(pool, o, "internal", n->internal);
	pm_json_set_bool(pool, o, "dns_enabled", n->dns);
	if (n->dns_servers.n)
		pm_json_set(pool, o, "network_dns_servers", pm_json_strv(pool, &n->dns_servers));
	if (n->labels.n)
		pm_json_set(pool, o, "labels", map_of(pool, &n->labels));
	if (n->options.n)
		pm_json_set(pool, o, "options", map_of(pool, &n->options));
	if (n->egress.n)
		pm_json_set(pool, o, "egress", pm_json_strv(pool, &n->egress));
	struct pm_json *ipam = pm_json_set(pool, o, "ipam_options", pm_json_object(pool));
	ipam->hint = PM_JSON_MAP;
	pm_json_set_str(pool, ipam, "driver", n->ipam_driver);
	return o;
}

/* --- files ----------------------------------------------------------------------------------- */

/* The directory of the definitions; -ENOENT when there is none and make is false. */
static int open_dir(struct pm_engine *e, bool make, struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;
	const char *path = e->network_config_dir ? e->network_config_dir : e->conf.network_config_dir;
	_cleanup_free_ char *own = pm_store_path(e->store, "networks");
	if (!path || !*path)
		path = geteuid() == 0 && pm_streq(e->store->root, "/var/lib/pm")
			       ? "/etc/containers/networks"
			       : own;
	if (make) {
		r = pm_fs_mkdirs(AT_FDCWD, path, 0755, err);
		if (r < 0)
			return r;
	}
	return pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
}

static int default_network(struct pm_engine *e, struct pm_network *n, struct pm_err *err)
{
	struct pm_subnet s = {0};
	int r = pm_ipnet_parse(e->conf.default_subnet, &s.net, err);
	if (r < 0)
		return pm_wrap(err, "containers.conf: default_subnet");
	s.gateway = s.net.ip;
	pm_ip_next(&s.gateway);
	*n = (struct pm_network){
		.name = pm_strdup(e->conf.default_network),
		.driver = pm_strdup("bridge"),
		.interface = pm_strdup("podman0"),
		.ipam_driver = pm_strdup("host-local"),
		.created = pm_time_now(),
		.ipv6 = s.net.ip.family == AF_INET6,
		.n_subnets = 1,
	};
	memcpy(n->id, DEFAULT_ID, sizeof(n->id));
	n->subnets = PM_NEW(struct pm_subnet);
	*n->subnets = s;
	return 0;
}

static int read_file(int dir, const char *file, struct pm_network *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_in(dir, file, DEFINITION_MAX, &text, err);
	if (r >= 0)
		r = pm_network_parse(pm_buf_str(&text), text.len, ret, err);
	if (r < 0)
		return r;
	size_t len = strlen(ret->name);
	if (strncmp(file, ret->name, len) == 0 && strcmp(file + len, ".json") == 0)
		return 0;
	r = pm_fail(err, PM_E_FORMAT, "it defines the network \"%s\", which is not the file's name",
		    ret->name);
	pm_network_free(ret);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pm_network *)a)->name, ((const struct pm_network *)b)->name);
}

int pm_network_list(struct pm_engine *e, struct pm_network_list *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv files = PM_STRV_INIT;
	struct pm_err missing = PM_ERR_INIT;
	_cleanup_close_ int dir = open_dir(e, false, &missing);
	if (dir < 0 && missing.code != ENOENT)
		return pm_fail(err, missing.code, "%s", missing.text);
	int r = dir < 0 ? 0 : pm_fs_list(dir, ".", &files, err);
	if (r < 0)
		return r;

	bool has_default = false;
	struct pm_network_list l = {.v = pm_calloc(files.n + 1, sizeof(*l.v))};
	for (size_t i = 0; i < files.n; i++) {
		struct pm_err why = PM_ERR_INIT;
		if (!pm_endswith(files.v[i], ".json") || files.v[i][0] == '.')
			continue;
		if (read_file(dir, files.v[i], &l.v[l.n], &why) < 0) {
			if (why.code != ENOENT) /* removed meanwhile */
				pm_warn("network file %s is passed over: %s", files.v[i], why.text);
			continue;
		}
		has_default |= pm_network_is_default(e, l.v[l.n].name);
		l.n++;
	}
	if (!has_default)
		r = default_network(e, &l.v[l.n++], err);
	if (r < 0) {
		l.n--;
		pm_network_list_free(&l);
		return r;
	}
	qsort(l.v, l.n, sizeof(*l.v), by_name);
	*ret = l;
	return 0;
}

/* By its own name: one file is read, not all. */
static int find_by_name(struct pm_engine *e, const char *name, struct pm_network *ret,
			struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	if (strchr(name, '/') || name[0] == '.' || strlen(name) > 200)
		return 0;
	_cleanup_free_ char *file = pm_asprintf("%s.json", name);
	_cleanup_close_ int dir = open_dir(e, false, &why);
	int r = dir < 0 ? dir : read_file(dir, file, ret, &why);
	if (r >= 0)
		return 1;
	if (why.code != ENOENT)
		return pm_fail(err, why.code, "network %s: %s", name, why.text);
	if (!pm_network_is_default(e, name))
		return 0;
	r = default_network(e, ret, err);
	return r < 0 ? r : 1;
}

int pm_network_find(struct pm_engine *e, const char *name_or_id, struct pm_network *ret,
		    struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = find_by_name(e, name_or_id, ret, err);
	if (r != 0)
		return r < 0 ? r : 0;

	_cleanup_network_list_ struct pm_network_list l = {0};
	r = pm_network_list(e, &l, err);
	if (r < 0)
		return r;
	struct pm_network *found = NULL;
	for (size_t i = 0; i < l.n && *name_or_id; i++) {
		if (!pm_startswith(l.v[i].id, name_or_id))
			continue;
		if (found)
			return pm_fail(err, PM_E_AMBIGUOUS,
				       "more than one result for network ID %s: %s and %s", name_or_id,
				       found->name, l.v[i].name);
		found = &l.v[i];
	}
	if (!found)
		return pm_fail(err, PM_E_NOSUCH,
			       "unable to find network with name or ID %s: network not found",
			       name_or_id);
	*ret = *found;
	*found = (struct pm_network){0};
	return 0;
}

int pm_network_config_lock(struct pm_engine *e, struct pm_err *err)
{
	return pm_store_lock(e->store, "network", "config", PM_LOCK_EXCLUSIVE, true, err);
}

int pm_network_save(struct pm_engine *e, const struct pm_network *n, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_close_ int dir = open_dir(e, true, err);
	if (dir < 0)
		return dir;
	_cleanup_free_ char *file = pm_asprintf("%s.json", n->name);
	pm_json_write(pm_network_to_json(n, pool), 5, &text);
	pm_buf_add_char(&text, '\n');
	int r = pm_fs_write_file(dir, file, pm_buf_str(&text), text.len, 0644, true, err);
	return r < 0 ? pm_wrap(err, "write the definition of network %s", n->name) : 0;
}

/* --- users and removal ----------------------------------------------------------------------- */

static int remove_users(struct pm_engine *e, const struct pm_strv *ids, int timeout,
			struct pm_err *err)
{
	const struct pm_remove_options ro = {.force = true, .depend = true, .timeout = timeout};
	int r = 0;
	for (size_t i = 0; i < ids->n && r >= 0; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(e, ids->v[i], &c, err);
		if (r >= 0)
			r = pm_container_remove(e, &c, &ro, err);
		if (r == -PM_E_NOSUCH) {
			pm_err_clear(err);
			r = 0;
		}
	}
	return r;
}

/* Config locked, so that nobody joins between the look and the removal (creating a container takes the same). */
static int remove_unused(struct pm_engine *e, const char *name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_net_users(e->store, name, &users, err);
	if (r < 0)
		return r;
	if (users.n)
		return pm_fail(err, PM_E_INUSE,
			       "\"%s\" has associated containers with it. Use -f to forcibly delete "
			       "containers and pods: network is being used",
			       name);
	_cleanup_close_ int dir = open_dir(e, false, err);
	if (dir < 0)
		return dir;
	_cleanup_free_ char *file = pm_asprintf("%s.json", name);
	if (unlinkat(dir, file, 0) < 0 && errno != ENOENT)
		return pm_fail_sys(err, "remove the definition of network %s", name);
	return pm_net_forget(e->store, name, err);
}

int pm_network_remove(struct pm_engine *e, const char *name_or_id, bool force, int timeout,
		      struct pm_err *err)
{
	_cleanup_network_ struct pm_network n = {0};
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_network_find(e, name_or_id, &n, err);
	if (r < 0)
		return r;
	if (pm_network_is_default(e, n.name))
		return pm_fail(err, PM_E_USAGE, "default network %s cannot be removed", n.name);
	if (force) {
		r = pm_net_users(e->store, n.name, &users, err);
		if (r >= 0)
			r = remove_users(e, &users, timeout, err);
		if (r < 0)
			return r;
	}
	_cleanup_close_ int lock = pm_network_config_lock(e, err);
	if (lock < 0)
		return lock;
	r = remove_unused(e, n.name, err);
	if (r >= 0)
		pm_event_named(e, "network", "remove", n.name);
	return r;
}
