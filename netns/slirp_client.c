#include "netns/slirp_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "netns/answer.h"
#include "netns/mark.h"

#define MTU_MIN 1280 /* IPv6's */
#define MTU_MAX 65521

void pm_slirp_config_init(struct pm_slirp_config *c)
{
	*c = (struct pm_slirp_config){.prefix_len = 24, .ipv6 = true, .mtu = 65520};
	inet_pton(AF_INET, "10.0.2.0", &c->net);
	inet_pton(AF_INET6, "fd00::", &c->net6);
}

void pm_slirp_config_free(struct pm_slirp_config *c)
{
	pm_ports_free(&c->ports);
	pm_strv_free(&c->egress);
}

/* --- options --------------------------------------------------------------------------------- */

static int parse_bool(const char *name, const char *value, bool *ret, struct pm_err *err)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*ret = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE, "%s is true or false, not '%.40s'", name, value);
}

static int parse_uint(const char *name, const char *value, unsigned int min, unsigned int max,
		      unsigned int *ret, struct pm_err *err)
{
	unsigned int n = 0;
	const char *c = value;
	for (; *c >= '0' && *c <= '9' && n <= max; c++)
		n = n * 10 + (unsigned int)(*c - '0');
	if (c == value || *c || n < min || n > max)
		return pm_fail(err, PM_E_USAGE, "%s is a number from %u to %u, not '%.40s'", name,
			       min, max, value);
	*ret = n;
	return 0;
}

static int parse_cidr(const char *value, struct pm_slirp_config *c, struct pm_err *err)
{
	char addr[INET_ADDRSTRLEN];
	const char *slash = strchr(value, '/');
	struct in_addr a;
	unsigned int bits;
	if (!slash || (size_t)(slash - value) >= sizeof(addr))
		return pm_fail(err, PM_E_USAGE, "cidr is ADDRESS/BITS, not '%.40s'", value);
	snprintf(addr, sizeof(addr), "%.*s", (int)(slash - value), value);
	if (inet_pton(AF_INET, addr, &a) != 1)
		return pm_fail(err, PM_E_USAGE, "cidr is an IPv4 network, not '%.40s'", value);
	/* the guest is number 100 in it */
	int r = parse_uint("the number of bits of cidr", slash + 1, 8, 25, &bits, err);
	if (r < 0)
		return r;
	if ((a.s_addr & htonl(~0u << (32 - bits))) != a.s_addr)
		return pm_fail(err, PM_E_USAGE, "cidr '%.40s' has bits set beyond its %u", value,
			       bits);
	c->net = a;
	c->prefix_len = bits;
	return 0;
}

/* The first IPv4 address of interface name. */
static int interface_addr(const char *name, struct in_addr *ret, struct pm_err *err)
{
	struct ifreq ifr = {0};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pm_fail_sys(err, "socket");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (strlen(name) >= sizeof(ifr.ifr_name) || ioctl(fd, SIOCGIFADDR, &ifr) < 0)
		return pm_fail(err, PM_E_USAGE, "outbound_addr '%.60s' is no IPv4 address and no "
			       "network interface that has one", name);
	struct sockaddr_in a;
	memcpy(&a, &ifr.ifr_addr, sizeof(a));
	*ret = a.sin_addr;
	return 0;
}

/* The first global IPv6 address of interface name: lines "ADDRESS INDEX BITS SCOPE FLAGS NAME". */
static int interface_addr6(const char *name, struct in6_addr *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (pm_fs_read_file(AT_FDCWD, "/proc/net/if_inet6", 1 << 20, &b, NULL) >= 0) {
		_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
		pm_strv_split(&lines, pm_buf_str(&b), '\n');
		for (size_t i = 0; i < lines.n; i++) {
			char hex[33], dev[IFNAMSIZ], scope[3];
			if (sscanf(lines.v[i], "%32s %*s %*s %2s %*s %15s", hex, scope, dev) != 3 ||
			    strcmp(dev, name) != 0 || strcmp(scope, "00") != 0 || strlen(hex) != 32)
				continue;
			for (size_t k = 0; k < 16; k++) {
				char byte[3] = {hex[2 * k], hex[2 * k + 1], '\0'};
				ret->s6_addr[k] = (uint8_t)strtoul(byte, NULL, 16);
			}
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE, "outbound_addr6 '%.60s' is no IPv6 address and no network "
		       "interface that has a global one", name);
}

static int parse_option(struct pm_slirp_config *c, const char *name, const char *value,
			struct pm_err *err)
{
	if (strcmp(name, "allow_host_loopback") == 0)
		return parse_bool(name, value, &c->allow_host_loopback, err);
	if (strcmp(name, "enable_ipv6") == 0)
		return parse_bool(name, value, &c->ipv6, err);
	if (strcmp(name, "mtu") == 0)
		return parse_uint(name, value, MTU_MIN, MTU_MAX, &c->mtu, err);
	if (strcmp(name, "cidr") == 0)
		return parse_cidr(value, c, err);
	if (strcmp(name, "outbound_addr") == 0)
		return inet_pton(AF_INET, value, &c->outbound) == 1 ?
			       0 : interface_addr(value, &c->outbound, err);
	if (strcmp(name, "outbound_addr6") == 0)
		return inet_pton(AF_INET6, value, &c->outbound6) == 1 ?
			       0 : interface_addr6(value, &c->outbound6, err);
	if (strcmp(name, "port_handler") == 0) {
		/* There is one way here, which has what either of Podman's is chosen for. */
		if (strcmp(value, "rootlesskit") == 0 || strcmp(value, "slirp4netns") == 0)
			return 0;
		return pm_fail(err, PM_E_USAGE, "port_handler is rootlesskit or slirp4netns, not "
			       "'%.40s'", value);
	}
	return pm_fail(err, PM_E_USAGE, "unknown option '%.40s'", name);
}

int pm_slirp_config_parse(struct pm_slirp_config *c, const char *options, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv list = PM_STRV_INIT;
	pm_strv_split(&list, options, ',');
	for (size_t i = 0; i < list.n; i++) {
		char *name = list.v[i], *value = strchr(name, '=');
		if (!*name && list.n == 1)
			continue;
		if (!value)
			return pm_fail(err, PM_E_USAGE, "network slirp4netns: '%.60s' is not "
				       "NAME=VALUE", name);
		*value++ = '\0';
		int r = parse_option(c, name, value, err);
		if (r < 0)
			return pm_wrap(err, "network slirp4netns");
	}
	return 0;
}

int pm_slirp_config_check(const struct pm_slirp_config *c, struct pm_err *err)
{
	for (size_t i = 0; i < c->ports.n; i++) {
		const struct pm_port *p = &c->ports.v[i];
		_cleanup_free_ char *text = pm_port_format(p);
		if (p->proto == PM_PROTO_SCTP)
			return pm_fail(err, PM_E_UNSUPPORTED, "publish '%s': the user-mode network "
				       "(slirp) carries tcp and udp, not sctp", text);
		if (!c->ipv6 && strchr(p->host_ip, ':'))
			return pm_fail(err, PM_E_UNSUPPORTED, "publish '%s': IPv6 is off for this "
				       "network (enable_ipv6=false)", text);
	}
	return 0;
}

/* --- messages -------------------------------------------------------------------------------- */

static void add_addr(struct pm_wire *w, const char *name, int family, const void *addr)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(family, addr, text, sizeof(text));
	pm_wire_add(w, name, text);
}

void pm_slirp_config_encode(const struct pm_slirp_config *c, struct pm_wire *w)
{
	add_addr(w, "slirp.net", AF_INET, &c->net);
	pm_wire_add_int(w, "slirp.prefix_len", c->prefix_len);
	pm_wire_add_int(w, "slirp.ipv6", c->ipv6);
	add_addr(w, "slirp.net6", AF_INET6, &c->net6);
	pm_wire_add_int(w, "slirp.mtu", c->mtu);
	pm_wire_add_int(w, "slirp.allow_host_loopback", c->allow_host_loopback);
	add_addr(w, "slirp.outbound", AF_INET, &c->outbound);
	add_addr(w, "slirp.outbound6", AF_INET6, &c->outbound6);
	pm_wire_add_list(w, "slirp.egress", &c->egress);
	for (size_t i = 0; i < c->ports.n; i++) {
		const struct pm_port *p = &c->ports.v[i];
		_cleanup_free_ char *text =
			pm_asprintf("%s %s %u %u %u", pm_proto_name(p->proto),
				    *p->host_ip ? p->host_ip : "-", p->host, p->container, p->range);
		pm_wire_add(w, "slirp.port", text);
	}
}

static int get_addr(const struct pm_wire *w, const char *name, int family, void *ret,
		    struct pm_err *err)
{
	const char *v = pm_wire_get(w, name);
	if (!v || inet_pton(family, v, ret) != 1)
		return pm_fail(err, PM_E_FORMAT, "network settings: bad %s", name);
	return 0;
}

static int get_uint(const struct pm_wire *w, const char *name, int64_t min, int64_t max,
		    unsigned int *ret, struct pm_err *err)
{
	int64_t n = 0;
	int r = pm_wire_get_int(w, name, -1, &n, err);
	if (r < 0)
		return r;
	if (n < min || n > max)
		return pm_fail(err, PM_E_FORMAT, "network settings: bad %s", name);
	*ret = (unsigned int)n;
	return 0;
}

static int decode_port(const char *text, struct pm_ports *l, struct pm_err *err)
{
	struct pm_port p = {0};
	char proto[8], end;
	unsigned int host, container, range;
	struct in6_addr any;
	int n = sscanf(text, "%7s %45s %5u %5u %5u%c", proto, p.host_ip, &host, &container, &range,
		       &end);
	if (n != 5 || host < 1 || container < 1 || range < 1 || host + range > 65536 ||
	    container + range > 65536)
		return pm_fail(err, PM_E_FORMAT, "network settings: bad port '%.80s'", text);
	if (strcmp(p.host_ip, "-") == 0)
		p.host_ip[0] = '\0';
	else if (inet_pton(AF_INET, p.host_ip, &any) != 1 && inet_pton(AF_INET6, p.host_ip, &any) != 1)
		return pm_fail(err, PM_E_FORMAT, "network settings: bad port '%.80s'", text);
	int r = pm_proto_parse(proto, &p.proto, err);
	if (r < 0)
		return r;
	p.host = (uint16_t)host;
	p.container = (uint16_t)container;
	p.range = (uint16_t)range;
	pm_ports_add(l, &p);
	return 0;
}

int pm_slirp_config_decode(const struct pm_wire *w, struct pm_slirp_config *ret, struct pm_err *err)
{
	struct pm_slirp_config c = {0};
	unsigned int ipv6 = 0, loopback = 0;
	int r = get_addr(w, "slirp.net", AF_INET, &c.net, err);
	if (r >= 0)
		r = get_uint(w, "slirp.prefix_len", 8, 25, &c.prefix_len, err);
	if (r >= 0)
		r = get_uint(w, "slirp.ipv6", 0, 1, &ipv6, err);
	if (r >= 0)
		r = get_addr(w, "slirp.net6", AF_INET6, &c.net6, err);
	if (r >= 0)
		r = get_uint(w, "slirp.mtu", MTU_MIN, MTU_MAX, &c.mtu, err);
	if (r >= 0)
		r = get_uint(w, "slirp.allow_host_loopback", 0, 1, &loopback, err);
	if (r >= 0)
		r = get_addr(w, "slirp.outbound", AF_INET, &c.outbound, err);
	if (r >= 0)
		r = get_addr(w, "slirp.outbound6", AF_INET6, &c.outbound6, err);
	_cleanup_strv_ struct pm_strv ports = PM_STRV_INIT;
	pm_wire_get_list(w, "slirp.port", &ports);
	for (size_t i = 0; i < ports.n && r >= 0; i++)
		r = decode_port(ports.v[i], &c.ports, err);
	if (r < 0) {
		pm_ports_free(&c.ports);
		return r;
	}
	pm_wire_get_list(w, "slirp.egress", &c.egress);
	c.ipv6 = ipv6;
	c.allow_host_loopback = loopback;
	*ret = c;
	return 0;
}

/* --- addresses of the network ---------------------------------------------------------------- */

struct in_addr pm_slirp_addr(const struct pm_slirp_config *c, uint32_t number)
{
	return (struct in_addr){c->net.s_addr | htonl(number)};
}

struct in6_addr pm_slirp_addr6(const struct pm_slirp_config *c, uint16_t number)
{
	struct in6_addr a = c->net6;
	a.s6_addr[14] = (uint8_t)(number >> 8);
	a.s6_addr[15] = (uint8_t)number;
	return a;
}

void pm_slirp_tap_config(const struct pm_slirp_config *c, struct pm_tap_config *ret)
{
	*ret = (struct pm_tap_config){
		.name = "tap0",
		.mtu = c->mtu,
		.addr = pm_slirp_addr(c, PM_SLIRP_GUEST),
		.prefix_len = c->prefix_len,
		.gateway = pm_slirp_addr(c, PM_SLIRP_GATEWAY),
		.ipv6 = c->ipv6,
		.addr6 = pm_slirp_addr6(c, PM_SLIRP_GUEST6),
		.prefix_len6 = 64,
		.gateway6 = pm_slirp_addr6(c, PM_SLIRP_GATEWAY),
	};
}

void pm_slirp_ports(const struct pm_slirp_config *c, bool tcp, struct pm_ports *ret)
{
	*ret = (struct pm_ports)PM_PORTS_INIT;
	for (size_t i = 0; i < c->ports.n; i++)
		if ((c->ports.v[i].proto == PM_PROTO_TCP) == tcp)
			pm_ports_add(ret, &c->ports.v[i]);
}

void pm_slirp_nameservers(const struct pm_slirp_config *c, char *ret_v4, char *ret_v6)
{
	struct in_addr a = pm_slirp_addr(c, PM_SLIRP_DNS);
	struct in6_addr a6 = pm_slirp_addr6(c, PM_SLIRP_DNS);
	inet_ntop(AF_INET, &a, ret_v4, INET6_ADDRSTRLEN);
	ret_v6[0] = '\0';
	if (c->ipv6)
		inet_ntop(AF_INET6, &a6, ret_v6, INET6_ADDRSTRLEN);
}

/* --- the process ----------------------------------------------------------------------------- */

int pm_slirp_spawn(bool publish, pid_t *ret_pid, int *ret_sock, struct pm_err *err)
{
	int sv[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return pm_fail_sys(err, "make a socket for pm-slirp");
	_cleanup_close_ int ours = sv[0], theirs = sv[1];

	_cleanup_free_ char *path = pm_proc_helper("pm-slirp");
	char option[] = "--publish";
	char *const argv[] = {(char[]){"pm-slirp"}, publish ? option : NULL, NULL};
	char *const envp[] = {NULL};
	struct pm_proc_fd fds[] = {{theirs, 3}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.envp = envp;
	spec.cwd = "/";
	spec.fds = fds;
	spec.n_fds = 1;
	spec.new_session = true; /* ^C at pm's terminal is not for the network */
	int r = pm_proc_spawn(&spec, ret_pid, NULL, err);
	if (r < 0)
		return r;
	*ret_sock = pm_steal_fd(&ours);
	return 0;
}

static int send_message(int sock, const struct pm_wire *w, const int *fds, size_t n_fds,
			struct pm_err *err)
{
	return pm_answer_send(sock, "pm-slirp", w, fds, n_fds, err);
}

int pm_slirp_send_config(int sock, const struct pm_slirp_config *c, struct pm_err *err)
{
	int r = pm_slirp_config_check(c, err);
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "config");
	pm_slirp_config_encode(c, &w);
	return send_message(sock, &w, NULL, 0, err);
}

int pm_slirp_open_tap(const struct pm_slirp_config *c, struct pm_err *err)
{
	struct pm_tap_config config;
	pm_slirp_tap_config(c, &config);
	return pm_tap_open(&config, err);
}

int pm_slirp_send_tap(int sock, int tap, int netns, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "tap");
	return send_message(sock, &w, (const int[]){tap, netns}, netns < 0 ? 1 : 2, err);
}

int pm_slirp_connect(int sock, const struct pm_slirp_config *c, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports tcp = PM_PORTS_INIT;
	pm_slirp_ports(c, true, &tcp);
	_cleanup_close_ int tap = pm_slirp_open_tap(c, err), netns = -1;
	if (tap < 0)
		return tap;
	int forward = tcp.n ? pm_mark_own_netns(err) : 0;
	if (forward > 0)
		forward = netns = pm_fs_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0, err);
	if (forward < 0)
		return forward;
	return pm_slirp_send_tap(sock, tap, netns, err);
}

int pm_slirp_send_container(int sock, int pidfd, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "container");
	return send_message(sock, &w, &pidfd, 1, err);
}

int pm_slirp_wait_ready(int sock, struct pm_err *err)
{
	return pm_answer_wait(sock, "pm-slirp", err);
}
