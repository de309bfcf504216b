/*
 * filter - which frames of the container libslirp gets to see: none that would reach the host itself.
 *
 * libslirp connects to what a packet names. Root in a container can name 127.0.0.0/8, 0.0.0.0, ::1 and
 * ::, which on the host mean the host: those frames are dropped always. The gateway's address stands
 * for the host's loopback; libslirp's own switch for that (disable_host_loopback) also kills the
 * UDP answers to clients on the host's loopback, so it stays off and the choice is made here:
 * without allow_host a TCP connection to the gateway is reset, a UDP datagram passes only
 * as the answer to one that came from there on a published port.
 */
#ifndef PM_NETNS_SLIRP_FILTER_H
#define PM_NETNS_SLIRP_FILTER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/slirp/egress.h"

#define PM_SLIRP_FLOWS 512

struct pm_slirp_filter {
	struct in_addr gateway;
	struct in6_addr gateway6; /* its first 64 bits are the network */
	struct in6_addr nameserver6;
	bool allow_host;
	struct pm_slirp_egress *egress; /* NULL: no rules */
	/* UDP clients on the host's loopback, by hash; an old one gives way */
	struct {
		uint16_t client, guest; /* ports, network order; client 0: unused */
		bool v6;
		int64_t seen_ms;
	} flows[PM_SLIRP_FLOWS];
};

/* A frame of the container: may it go to libslirp? A refused TCP connection is changed in place so that
 * libslirp answers it with a reset. */
bool pm_slirp_filter_from_guest(struct pm_slirp_filter *f, uint8_t *frame, size_t len,
				int64_t now_ms);

/* A frame on its way to the container: remembers UDP clients behind the gateway. After a remote client
 * libslirp passes one on the loopback with that very address, which nobody can answer: it gets the
 * gateway's in copy (room for len bytes). Returns what to send: frame or copy. */
const uint8_t *pm_slirp_filter_to_guest(struct pm_slirp_filter *f, const uint8_t *frame, size_t len,
					int64_t now_ms, uint8_t *copy);

#endif
