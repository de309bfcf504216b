/*
 * publish - the grammar of -p/--publish and --expose, and the list of published ports.
 *
 *	[[ip:][hostPort]:]containerPort[/proto]
 *
 * Ports are N or N-M (both ranges of one length); an IPv6 address stands in brackets; proto is tcp
 * (default), udp or sctp. A missing host port is chosen by pm_publish_resolve. Pure parsing but for
 * that. Libc-only.
 */
#ifndef PM_NETNS_PUBLISH_H
#define PM_NETNS_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum pm_proto {
	PM_PROTO_TCP,
	PM_PROTO_UDP,
	PM_PROTO_SCTP,
};

/* Ports host ... host+range-1 go to container ... container+range-1. */
struct pm_port {
	char host_ip[46]; /* canonical text; "" means all addresses, v4 and v6 */
	uint16_t host;    /* 0 until pm_publish_resolve: to be chosen */
	uint16_t container;
	uint16_t range; /* >= 1 */
	enum pm_proto proto;
};

struct pm_ports {
	struct pm_port *v; /* owned */
	size_t n, cap;
};

#define PM_PORTS_INIT {0}
#define _cleanup_ports_ _cleanup_(pm_ports_free)

void pm_ports_free(struct pm_ports *l);
void pm_ports_add(struct pm_ports *l, const struct pm_port *p);

const char *pm_proto_name(enum pm_proto proto); /* "tcp" ... */
/* Accepts any case. PM_E_USAGE when unknown. */
int pm_proto_parse(const char *name, enum pm_proto *ret, struct pm_err *err);

/* Parse one -p argument and append it. PM_E_USAGE names the argument and what is wrong. */
int pm_publish_parse(const char *spec, struct pm_ports *l, struct pm_err *err);

/* Parse "PORT[-PORT][/PROTO]" as --expose and an image's ExposedPorts have it; appended with host 0. */
int pm_expose_parse(const char *spec, struct pm_ports *l, struct pm_err *err);

/* Choose the host ports that are left open (by binding a socket for a moment), refuse two specs for
 * one host address, port and protocol, drop exact duplicates, merge neighbours into ranges, and sort
 * (protocol, address, host port). After it no host is 0. PM_E_USAGE for a conflict. */
int pm_publish_resolve(struct pm_ports *l, struct pm_err *err);

/* errnum of a socket for ip:port as one clear error: what to do about it included. */
int pm_publish_failed(enum pm_proto proto, const char *ip, unsigned int port, int errnum,
		      struct pm_err *err);

/* Text form "IP:HOST[-LAST]:CONTAINER[-LAST]/proto", IPv6 in brackets; the inverse of parse. The
 * caller frees. */
char *pm_port_format(const struct pm_port *p);

#endif
