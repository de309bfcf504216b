#include "engine/spec/etcfiles.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/log.h"

#define MAX_HOST_FILE (1 << 20)
/* The domain that the networks' name servers answer for (netns/netd/zone.h). */
#define NETWORK_DOMAIN "dns.podman"

#define SLIRP_DNS "10.0.2.3"
#define SLIRP_ADDRESS "10.0.2.100"

static void add_file(struct pm_gen *g, const char *name, struct pm_buf *text)
{
	struct pm_spec_plan *p = g->plan;
	p->files = pm_reallocarray(p->files, p->n_files + 1, sizeof(*p->files));
	struct pm_spec_file *f = &p->files[p->n_files++];
	size_t len = text->len;
	*f = (struct pm_spec_file){.path = pm_asprintf("%s/%s", g->env->run_dir, name),
				   .text = pm_buf_take(text),
				   .len = len,
				   .mode = 0644};
}

const char *pm_gen_file(const struct pm_gen *g, const char *name)
{
	for (size_t i = 0; i < g->plan->n_files; i++) {
		const char *base = strrchr(g->plan->files[i].path, '/');
		if (base && pm_streq(base + 1, name))
			return g->plan->files[i].path;
	}
	return NULL;
}

/* Words of one line, a comment cut. */
static void words(const char *line, size_t len, const char *comment, struct pm_strv *ret)
{
	size_t i = 0;
	for (size_t k = 0; k < len; k++) {
		if (strchr(comment, line[k]) || !line[k]) {
			len = k;
			break;
		}
	}
	while (i < len) {
		while (i < len && strchr(" \t\r", line[i]))
			i++;
		size_t start = i;
		while (i < len && !strchr(" \t\r", line[i]))
			i++;
		if (i > start)
			pm_strv_take(ret, pm_strndup(line + start, i - start));
	}
}

#define FOR_LINES(text, p, n)                                                                      \
	for (const char *p = (text), *p##_nl; *p && ((n) = strcspn(p, "\n"), p##_nl = p + (n), 1); \
	     p = *p##_nl ? p##_nl + 1 : p##_nl)

/* --- resolv.conf ------------------------------------------------------------------------------ */

void pm_resolv_free(struct pm_resolv *r)
{
	pm_strv_free(&r->servers);
	pm_strv_free(&r->search);
	pm_strv_free(&r->options);
}

void pm_resolv_parse(const char *text, struct pm_resolv *ret)
{
	size_t n;
	FOR_LINES(text, p, n) {
		_cleanup_strv_ struct pm_strv w = PM_STRV_INIT;
		words(p, n, "#;", &w);
		if (w.n < 2)
			continue;
		if (pm_streq(w.v[0], "nameserver")) {
			unsigned char a[16];
			_cleanup_free_ char *bare = pm_strdup(w.v[1]);
			bare[strcspn(bare, "%")] = 0; /* fe80::1%eth0 */
			if (inet_pton(AF_INET, bare, a) == 1 || inet_pton(AF_INET6, bare, a) == 1)
				pm_strv_add(&ret->servers, w.v[1]);
		} else if (pm_streq(w.v[0], "search") || pm_streq(w.v[0], "domain")) {
			pm_strv_free(&ret->search);
			pm_strv_add_all(&ret->search, w.v + 1);
		} else if (pm_streq(w.v[0], "options")) {
			pm_strv_add_all(&ret->options, w.v + 1);
		}
	}
}

bool pm_is_loopback(const char *address)
{
	unsigned char a[16];
	if (inet_pton(AF_INET, address, a) == 1)
		return a[0] == 127;
	if (inet_pton(AF_INET6, address, a) == 1)
		return IN6_IS_ADDR_LOOPBACK((struct in6_addr *)a);
	return false;
}

static void host_resolv(struct pm_resolv *ret)
{
	static const char *const paths[] = {"/etc/resolv.conf",
					    "/run/systemd/resolve/resolv.conf"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(paths); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		struct pm_resolv r = {0};
		if (pm_fs_read_file(AT_FDCWD, paths[i], MAX_HOST_FILE, &b, NULL) < 0)
			continue;
		pm_resolv_parse(pm_buf_str(&b), &r);
		/* systemd-resolved's stub on the host's loopback: its own servers are beside it. */
		bool stub = r.servers.n == 1 && pm_streq(r.servers.v[0], "127.0.0.53");
		pm_resolv_free(ret);
		*ret = r;
		if (!stub)
			return;
	}
}

static void write_list(struct pm_buf *b, const char *word, const struct pm_strv *l)
{
	if (l->n == 0)
		return;
	_cleanup_free_ char *s = pm_strv_join(l, " ");
	pm_buf_printf(b, "%s %s\n", word, s);
}

/* The name servers that resolv.conf names. Those the user gave count instead of all others; but where the
 * networks' own know names, these come, and ask the user's. */
static void name_servers(const struct pm_spec_env *e, const struct pm_strv *dns,
			 const struct pm_resolv *host, struct pm_strv *ret)
{
	if (dns->n && !e->network_dns) {
		pm_strv_add_all(ret, pm_strv_argv(dns));
		return;
	}
	bool theirs = e->host_servers || !e->name_servers || !e->name_servers->n;
	bool host_net = e->netns == PM_SPEC_NETNS_HOST;
	if (e->name_servers)
		pm_strv_add_all(ret, pm_strv_argv(e->name_servers));
	if (e->slirp)
		pm_strv_add(ret, SLIRP_DNS);
	for (size_t i = 0; theirs && i < host->servers.n; i++)
		if (host_net || !pm_is_loopback(host->servers.v[i]))
			pm_strv_add(ret, host->servers.v[i]);
	if (ret->n == 0 && !host_net) {
		pm_strv_add(ret, "8.8.8.8");
		pm_strv_add(ret, "8.8.4.4");
	}
}

bool pm_resolv_text(const struct pm_ctr_config *c, const struct pm_spec_env *e, struct pm_buf *out)
{
	const struct pm_conf *conf = e->conf;
	_cleanup_strv_ struct pm_strv servers = PM_STRV_INIT, domains = PM_STRV_INIT;
	struct pm_resolv host = {0};

	const struct pm_strv *dns = c->dns.n ? &c->dns : &conf->dns_servers;
	const struct pm_strv *search = c->dns_search.n ? &c->dns_search : &conf->dns_searches;
	const struct pm_strv *options = c->dns_options.n ? &c->dns_options : &conf->dns_options;
	if (e->resolv_from || pm_strv_has(dns, "none") || e->netns == PM_SPEC_NETNS_NEW)
		return false;
	host_resolv(&host);
	name_servers(e, dns, &host, &servers);
	if (!search->n && e->network_dns)
		pm_strv_add(&domains, NETWORK_DOMAIN);
	pm_strv_add_all(&domains, search->n ? search->v : host.search.v);
	bool no_search = search->n == 1 && pm_streq(search->v[0], ".");
	if (!no_search)
		write_list(out, "search", &domains);
	for (size_t i = 0; i < servers.n; i++)
		pm_buf_printf(out, "nameserver %s\n", servers.v[i]);
	write_list(out, "options", options->n ? options : &host.options);
	pm_resolv_free(&host);
	return true;
}

/* --- hosts ------------------------------------------------------------------------------------- */

void pm_hosts_copy(const char *text, const struct pm_strv *skip, struct pm_buf *out)
{
	size_t n;
	FOR_LINES(text, p, n) {
		_cleanup_strv_ struct pm_strv w = PM_STRV_INIT;
		bool any = false;
		words(p, n, "#", &w);
		for (size_t i = 1; i < w.n; i++) {
			if (pm_strv_has(skip, w.v[i]))
				continue;
			if (!any)
				pm_buf_printf(out, "%s\t%s", w.v[0], w.v[i]);
			else
				pm_buf_printf(out, " %s", w.v[i]);
			any = true;
		}
		if (any)
			pm_buf_add_char(out, '\n');
	}
}

char *pm_host_address(void)
{
	struct ifaddrs *all, *i;
	char text[INET_ADDRSTRLEN];
	char *ret = NULL;
	if (getifaddrs(&all) < 0)
		return NULL;
	for (i = all; i && !ret; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    (i->ifa_flags & IFF_LOOPBACK) || !(i->ifa_flags & IFF_UP))
			continue;
		if (inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text,
			      sizeof(text)))
			ret = pm_strdup(text);
	}
	freeifaddrs(all);
	return ret;
}

static int base_hosts(const struct pm_gen *g, struct pm_buf *text, struct pm_err *err)
{
	const char *base = g->c->hosts_file ? g->c->hosts_file : g->env->conf->base_hosts_file;
	int r = 0;
	if (!base || !*base)
		r = pm_fs_read_file(AT_FDCWD, "/etc/hosts", MAX_HOST_FILE, text, err);
	else if (pm_streq(base, "image"))
		r = pm_rootfs_read(g->env->view, "/etc/hosts", MAX_HOST_FILE, text, err);
	else if (!pm_streq(base, "none"))
		r = pm_fs_read_file(AT_FDCWD, base, MAX_HOST_FILE, text, err);
	if (r == -ENOENT && (!base || base[0] != '/')) {
		pm_err_clear(err);
		r = 0;
	}
	return r < 0 ? pm_wrap(err, "base of /etc/hosts") : 0;
}

char *pm_hosts_names(const char *hostname, const char *name)
{
	return name ? pm_asprintf("%s %s", hostname, name) : pm_strdup(hostname);
}

/* Is the line "ADDRESS\tNAMES", of one of the addresses? */
static bool is_line_of(const char *line, size_t len, const struct pm_strv *addresses, const char *names)
{
	for (size_t i = 0; i < addresses->n; i++) {
		_cleanup_free_ char *text = pm_asprintf("%s\t%s", addresses->v[i], names);
		if (strlen(text) == len && memcmp(text, line, len) == 0)
			return true;
	}
	return false;
}

void pm_hosts_change(const char *text, const struct pm_strv *drop, const struct pm_strv *add,
		     const char *names, struct pm_buf *out)
{
	size_t n;
	FOR_LINES(text, p, n) {
		if (is_line_of(p, n, drop, names) || is_line_of(p, n, add, names))
			continue;
		pm_buf_add(out, p, n);
		pm_buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < add->n; i++)
		pm_buf_printf(out, "%s\t%s\n", add->v[i], names);
}

/* --add-host: the lines, and the names so that no other line tells of them. host: NULL: none, "": known later. */
static int add_given_hosts(struct pm_gen *g, const char *host, struct pm_strv *names, struct pm_buf *out,
			   struct pm_err *err)
{
	for (size_t i = 0; i < g->c->add_hosts.n; i++) {
		const char *s = g->c->add_hosts.v[i], *colon = strchr(s, ':');
		_cleanup_free_ char *name = NULL;
		unsigned char a[16];
		if (!colon || colon == s)
			goto bad;
		const char *ip = colon + 1;
		bool gateway = pm_streq(ip, "host-gateway");
		if (gateway)
			ip = host;
		else if (inet_pton(AF_INET, ip, a) != 1 && inet_pton(AF_INET6, ip, a) != 1)
			goto bad;
		if (!ip)
			return pm_fail(err, PM_E_UNSUPPORTED, "--add-host %s: the host has no address", s);
		name = pm_strndup(s, (size_t)(colon - s));
		if (strpbrk(name, " \t\r\n#"))
			goto bad;
		pm_strv_add(names, name);
		if (*ip) {
			pm_buf_printf(out, "%s\t%s\n", ip, name);
			continue;
		}
		pm_strv_add(&g->plan->hosts_gateway, name);
		g->plan->hosts_needed = true;
		continue;
	bad:
		return pm_fail(err, PM_E_USAGE, "invalid --add-host \"%s\": it must be NAME:ADDRESS", s);
	}
	return 0;
}

/* The host by the names that it has in every container. */
static void add_host_names(struct pm_gen *g, const char *host, const struct pm_strv *names,
			   struct pm_buf *out)
{
	static const char *const known[] = {"host.containers.internal", "host.docker.internal"};
	for (size_t i = 0; host && i < PM_ARRAY_SIZE(known); i++) {
		if (pm_strv_has(names, known[i]))
			continue;
		if (*host)
			pm_buf_printf(out, "%s\t%s\n", host, known[i]);
		else
			pm_strv_add(&g->plan->hosts_gateway, known[i]);
	}
}

static int add_hosts(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	const struct pm_spec_env *e = g->env;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf base = PM_BUF_INIT, out = PM_BUF_INIT;
	_cleanup_free_ char *found = NULL;
	const char *host = e->host_address ? e->host_address : e->conf->host_containers_internal_ip;

	if (c->no_hosts || e->conf->no_hosts || e->hosts_from)
		return 0;
	if (!host)
		host = e->late_addresses ? "" : (found = pm_host_address());
	int r = add_given_hosts(g, host, &names, &out, err);
	if (r >= 0)
		r = base_hosts(g, &base, err);
	if (r < 0)
		return r;
	pm_hosts_copy(pm_buf_str(&base), &names, &out);
	if (!strstr(pm_buf_str(&out), "localhost"))
		pm_buf_add_str(&out, "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
	add_host_names(g, host, &names, &out);
	_cleanup_strv_ struct pm_strv own = PM_STRV_INIT;
	if (e->addresses)
		pm_strv_add_all(&own, e->addresses->v);
	if (!own.n && (e->slirp || e->netns == PM_SPEC_NETNS_NEW))
		pm_strv_add(&own, e->slirp ? SLIRP_ADDRESS : "127.0.0.1");
	_cleanup_free_ char *self = pm_hosts_names(g->hostname, c->name);
	for (size_t i = 0; i < own.n; i++)
		pm_buf_printf(&out, "%s\t%s\n", own.v[i], self);
	if (e->late_addresses)
		g->plan->hosts_own = pm_steal(&self);
	add_file(g, "hosts", &out);
	return 0;
}

/* --- the rest ------------------------------------------------------------------------------------ */

static void add_containerenv(struct pm_gen *g)
{
	const struct pm_ctr_config *c = g->c;
	struct pm_buf b = PM_BUF_INIT;
	if (c->privileged)
		pm_buf_printf(&b,
			      "engine=\"pm-%s\"\nname=\"%s\"\nid=\"%s\"\nimage=\"%s\"\n"
			      "imageid=\"%s\"\nrootless=%d\n",
			      PM_VERSION, c->name ? c->name : "", c->id ? c->id : "",
			      c->image ? c->image : "", c->image_id ? c->image_id : "",
			      g->env->rootless);
	add_file(g, ".containerenv", &b);
}

static int add_localtime(struct pm_gen *g, struct pm_err *err)
{
	const char *tz = g->c->timezone ? g->c->timezone : g->env->conf->tz;
	struct pm_buf b = PM_BUF_INIT;
	int r;
	if (!tz || !*tz)
		return 0;
	if (pm_streq(tz, "local")) {
		r = pm_fs_read_file(AT_FDCWD, "/etc/localtime", MAX_HOST_FILE, &b, err);
		if (r == -ENOENT) { /* such a host runs on UTC, as the container will */
			pm_err_clear(err);
			return 0;
		}
	} else {
		if (tz[0] == '/' || strstr(tz, ".."))
			return pm_fail(err, PM_E_USAGE, "invalid time zone \"%s\"", tz);
		_cleanup_free_ char *path = pm_asprintf("/usr/share/zoneinfo/%s", tz);
		r = pm_fs_read_file(AT_FDCWD, path, MAX_HOST_FILE, &b, err);
	}
	if (r < 0) {
		pm_buf_free(&b);
		return pm_wrap(err, "time zone \"%s\"", tz);
	}
	add_file(g, "localtime", &b);
	return 0;
}

int pm_gen_etcfiles(struct pm_gen *g, struct pm_err *err)
{
	struct pm_buf b = PM_BUF_INIT;
	int r = add_hosts(g, err);
	if (r < 0)
		return r;
	if (pm_resolv_text(g->c, g->env, &b))
		add_file(g, "resolv.conf", &b);
	if (!g->c->no_hostname) {
		pm_buf_printf(&b, "%s\n", g->hostname);
		add_file(g, "hostname", &b);
	}
	add_containerenv(g);
	return add_localtime(g, err);
}
