#include "netns/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

/* How often a run of consecutive free ports is looked for before giving up. */
#define CHOOSE_TRIES 64

static const char *const proto_names[] = {"tcp", "udp", "sctp"};

void pm_ports_free(struct pm_ports *l)
{
	free(l->v);
	*l = (struct pm_ports)PM_PORTS_INIT;
}

void pm_ports_add(struct pm_ports *l, const struct pm_port *p)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4;
		l->v = pm_reallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = *p;
}

const char *pm_proto_name(enum pm_proto proto)
{
	return proto_names[proto];
}

int pm_proto_parse(const char *name, enum pm_proto *ret, struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(proto_names); i++) {
		if (strcasecmp(name, proto_names[i]) == 0) {
			*ret = (enum pm_proto)i;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE, "unknown protocol '%.40s': tcp, udp or sctp", name);
}

/* --- parsing --------------------------------------------------------------------------------- */

/* Decimal digits at s; *end is after them. */
static int parse_port(const char *s, const char **end, uint16_t *ret, struct pm_err *err)
{
	unsigned long n = 0;
	const char *c = s;
	for (; *c >= '0' && *c <= '9' && n <= UINT16_MAX; c++)
		n = n * 10 + (unsigned long)(*c - '0');
	if (c == s)
		return pm_fail(err, PM_E_USAGE, "'%.40s' is no port number", s);
	if (n < 1 || n > UINT16_MAX)
		return pm_fail(err, PM_E_USAGE,
			       "port numbers are between 1 and 65535, not '%.40s'", s);
	*ret = (uint16_t)n;
	*end = c;
	return 0;
}

/* "N" or "N-M". */
static int parse_range(const char *s, uint16_t *ret_first, uint16_t *ret_count, struct pm_err *err)
{
	uint16_t first, last;
	const char *end;
	int r = parse_port(s, &end, &first, err);
	if (r < 0)
		return r;
	last = first;
	if (*end == '-') {
		r = parse_port(end + 1, &end, &last, err);
		if (r < 0)
			return r;
	}
	if (*end)
		return pm_fail(err, PM_E_USAGE, "'%.40s' is no port or range of ports", s);
	if (last < first)
		return pm_fail(err, PM_E_USAGE, "the range %u-%u ends before it starts", first,
			       last);
	/* 1-65535 is 65535 ports: fits */
	*ret_first = first;
	*ret_count = (uint16_t)(last - first + 1);
	return 0;
}

static int parse_ip(const char *s, struct pm_port *p, struct pm_err *err)
{
	struct in_addr a4;
	struct in6_addr a6;
	if (inet_pton(AF_INET, s, &a4) == 1) {
		/* 0.0.0.0 is v4 only: said by the user, kept */
		inet_ntop(AF_INET, &a4, p->host_ip, sizeof(p->host_ip));
		return 0;
	}
	if (inet_pton(AF_INET6, s, &a6) == 1) {
		inet_ntop(AF_INET6, &a6, p->host_ip, sizeof(p->host_ip));
		return 0;
	}
	return pm_fail(err, PM_E_USAGE, "'%.60s' is no IP address", s);
}

/* Cut "/proto" off the end of text. */
static int split_proto(char *text, struct pm_port *p, struct pm_err *err)
{
	p->proto = PM_PROTO_TCP;
	char *slash = strchr(text, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	if (strchr(slash + 1, '/'))
		return pm_fail(err, PM_E_USAGE, "the protocol can be given once");
	return pm_proto_parse(slash + 1, &p->proto, err);
}

/* text is "[[ip:][hostPort]:]containerPort", cut up in place. */
static int parse_parts(char *text, struct pm_port *p, struct pm_err *err)
{
	char *container = strrchr(text, ':'), *host = NULL, *ip = NULL;
	if (*text == '[') {
		char *close = strchr(text, ']');
		if (!close || close[1] != ':')
			return pm_fail(err, PM_E_USAGE, "an IPv6 address is written as "
				       "[address]:hostPort:containerPort");
		ip = text + 1;
		*close = '\0';
		if (!strchr(ip, ':'))
			return pm_fail(err, PM_E_USAGE, "'%.60s' is no IPv6 address", ip);
		host = close + 2;
		container = strchr(host, ':');
		if (!container)
			return pm_fail(err, PM_E_USAGE, "an IP address needs a host port (which may "
				       "be empty) before the container's port");
		*container++ = '\0';
	} else if (container) {
		*container++ = '\0';
		host = strrchr(text, ':');
		if (host) {
			*host++ = '\0';
			ip = text;
		} else {
			host = text;
		}
	} else {
		container = text;
	}

	int r = parse_range(container, &p->container, &p->range, err);
	if (r < 0)
		return r;
	if (ip && !*ip)
		return pm_fail(err, PM_E_USAGE, "the host IP address is empty");
	if (ip && strchr(ip, ':') && ip == text)
		return pm_fail(err, PM_E_USAGE, "too many colons; an IPv6 address stands in "
			       "brackets");
	if (ip) {
		r = parse_ip(ip, p, err);
		if (r < 0)
			return r;
	}
	if (host && *host) {
		uint16_t count;
		r = parse_range(host, &p->host, &count, err);
		if (r < 0)
			return r;
		if (count != p->range)
			return pm_fail(err, PM_E_USAGE, "the host's range has %u ports, the "
				       "container's %u", count, p->range);
	}
	return 0;
}

int pm_publish_parse(const char *spec, struct pm_ports *l, struct pm_err *err)
{
	_cleanup_free_ char *text = pm_strdup(spec);
	struct pm_port p = {0};
	int r = split_proto(text, &p, err);
	if (r >= 0)
		r = parse_parts(text, &p, err);
	if (r < 0)
		return pm_wrap(err, "publish '%.200s'", spec);
	pm_ports_add(l, &p);
	return 0;
}

int pm_expose_parse(const char *spec, struct pm_ports *l, struct pm_err *err)
{
	_cleanup_free_ char *text = pm_strdup(spec);
	struct pm_port p = {0};
	int r = split_proto(text, &p, err);
	if (r >= 0)
		r = parse_range(text, &p.container, &p.range, err);
	if (r < 0)
		return pm_wrap(err, "expose '%.200s'", spec);
	pm_ports_add(l, &p);
	return 0;
}

int pm_publish_failed(enum pm_proto proto, const char *ip, unsigned int port, int errnum,
		      struct pm_err *err)
{
	bool v6 = strchr(ip, ':');
	const char *open = v6 ? "[" : "", *close = v6 ? "]" : "", *name = proto_names[proto];
	if (errnum == EACCES || errnum == EPERM)
		return pm_fail(err, errnum, "publish %s %s%s%s:%u: %s: choose a port from 1024 on, or as "
			       "root: sysctl net.ipv4.ip_unprivileged_port_start=%u",
			       name, open, ip, close, port, strerrordesc_np(errnum), port);
	return pm_fail_errno(err, errnum, "publish %s %s%s%s:%u", name, open, ip, close, port);
}

char *pm_port_format(const struct pm_port *p)
{
	bool v6 = strchr(p->host_ip, ':');
	struct pm_buf b = PM_BUF_INIT;
	if (*p->host_ip)
		pm_buf_printf(&b, v6 ? "[%s]:" : "%s:", p->host_ip);
	if (p->host && p->range > 1)
		pm_buf_printf(&b, "%u-%u", p->host, p->host + p->range - 1);
	else if (p->host)
		pm_buf_printf(&b, "%u", p->host);
	if (p->host || *p->host_ip)
		pm_buf_add_char(&b, ':');
	pm_buf_printf(&b, "%u", p->container);
	if (p->range > 1)
		pm_buf_printf(&b, "-%u", p->container + p->range - 1);
	pm_buf_printf(&b, "/%s", proto_names[p->proto]);
	return pm_buf_take(&b);
}

/* --- resolving ------------------------------------------------------------------------------- */

/* Do two host addresses meet? "" is every address, 0.0.0.0 and :: all of their family. */
static bool addresses_meet(const char *a, const char *b)
{
	if (!*a || !*b || strcmp(a, b) == 0)
		return true;
	bool a6 = strchr(a, ':'), b6 = strchr(b, ':');
	if (a6 != b6)
		return false;
	const char *any = a6 ? "::" : "0.0.0.0";
	return strcmp(a, any) == 0 || strcmp(b, any) == 0;
}

static bool hosts_meet(const struct pm_port *a, const struct pm_port *b)
{
	return a->proto == b->proto && a->host && b->host &&
	       a->host < (unsigned int)b->host + b->range &&
	       b->host < (unsigned int)a->host + a->range &&
	       addresses_meet(a->host_ip, b->host_ip);
}

/* Bind a socket to the address; port 0 lets the kernel choose. Returns the port, or -errno. */
static int try_bind(const struct pm_port *p, uint16_t port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool v6 = strchr(p->host_ip, ':');
	if (v6)
		inet_pton(AF_INET6, p->host_ip, &a6.sin6_addr);
	else if (*p->host_ip)
		inet_pton(AF_INET, p->host_ip, &a4.sin_addr);

	/* A kernel without SCTP sockets: any free TCP port will do as a choice. */
	int type = p->proto == PM_PROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	_cleanup_close_ int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct sockaddr *a = v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t len = v6 ? sizeof(a6) : sizeof(a4);
	if (bind(fd, a, len) < 0 || getsockname(fd, a, &len) < 0)
		return -errno;
	return ntohs(v6 ? a6.sin6_port : a4.sin_port);
}

/* Find p->range consecutive ports that are free and not in l. */
static int choose(struct pm_port *p, const struct pm_ports *l, struct pm_err *err)
{
	int last_error = EADDRINUSE;
	for (int try = 0; try < CHOOSE_TRIES; try++) {
		int first = try_bind(p, 0);
		if (first < 0) {
			last_error = -first;
			break;
		}
		if (first + p->range - 1 > UINT16_MAX)
			continue;
		struct pm_port c = *p;
		c.host = (uint16_t)first;
		bool taken = false;
		for (size_t i = 0; i < l->n && !taken; i++)
			taken = hosts_meet(&c, &l->v[i]);
		for (int k = 1; k < p->range && !taken; k++)
			taken = try_bind(p, (uint16_t)(first + k)) < 0;
		if (!taken) {
			p->host = c.host;
			return 0;
		}
	}
	_cleanup_free_ char *text = pm_port_format(p);
	return pm_fail_errno(err, last_error, "publish '%s': find a free port on the host", text);
}

static int compare(const void *va, const void *vb)
{
	const struct pm_port *a = va, *b = vb;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	int r = strcmp(a->host_ip, b->host_ip);
	if (r != 0)
		return r;
	return (a->host > b->host) - (a->host < b->host);
}

/* Both map to the same container ports wherever they meet, from one address. */
static bool agree(const struct pm_port *a, const struct pm_port *b)
{
	return strcmp(a->host_ip, b->host_ip) == 0 &&
	       a->host - a->container == b->host - b->container;
}

int pm_publish_resolve(struct pm_ports *l, struct pm_err *err)
{
	/* Asked-for ports first: a chosen one must not take their place. */
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = i + 1; k < l->n; k++)
			if (hosts_meet(&l->v[i], &l->v[k]) && !agree(&l->v[i], &l->v[k])) {
				_cleanup_free_ char *a = pm_port_format(&l->v[i]);
				_cleanup_free_ char *b = pm_port_format(&l->v[k]);
				return pm_fail(err, PM_E_USAGE, "the published ports '%s' and '%s' "
					       "want the same port of the host", a, b);
			}
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].host)
			continue;
		int r = choose(&l->v[i], l, err);
		if (r < 0)
			return r;
	}

	/* merge: sorted, two that agree and overlap or touch become one */
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	size_t out = 0;
	for (size_t i = 1; i < l->n; i++) {
		struct pm_port *a = &l->v[out], *b = &l->v[i];
		unsigned int a_end = (unsigned int)a->host + a->range;
		unsigned int b_end = (unsigned int)b->host + b->range;
		if (a->proto == b->proto && agree(a, b) && b->host <= a_end) {
			if (b_end > a_end)
				a->range = (uint16_t)(b_end - a->host);
		} else {
			l->v[++out] = *b;
		}
	}
	if (l->n > 0)
		l->n = out + 1;
	return 0;
}
