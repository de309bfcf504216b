/*
 * addr - IP addresses and networks as values: text, order, arithmetic, containment.
 *
 * An address is 16 bytes; IPv4 lies in the last four with the rest zero, so that both families count
 * and compare alike. Pure; libc-only.
 */
#ifndef PM_NETNS_ADDR_H
#define PM_NETNS_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct pm_ip {
	int family; /* AF_INET, AF_INET6; 0: none */
	uint8_t b[16];
};

/* Host bits of ip are zero. */
struct pm_ipnet {
	struct pm_ip ip;
	unsigned int prefix; /* bits: at most 32 or 128 */
};

#define PM_IP_TEXT INET6_ADDRSTRLEN
#define PM_IPNET_TEXT (INET6_ADDRSTRLEN + 4)

/* Dotted or colon form only. PM_E_USAGE: `"x" is no IP address`. */
int pm_ip_parse(const char *text, struct pm_ip *ret, struct pm_err *err);
/* "" for none. buf holds PM_IP_TEXT bytes and is returned. */
const char *pm_ip_format(const struct pm_ip *ip, char *buf);
bool pm_ip_equal(const struct pm_ip *a, const struct pm_ip *b);
int pm_ip_compare(const struct pm_ip *a, const struct pm_ip *b); /* of one family */
/* The bytes of the family, and how many: 4 or 16. */
const uint8_t *pm_ip_bytes(const struct pm_ip *ip, size_t *ret_len);
struct pm_ip pm_ip_from_bytes(const void *bytes, size_t len); /* 4 or 16; else none */
struct pm_ip pm_ip_from_sockaddr(const void *sa);             /* v4-mapped becomes v4 */
/* Fills sa (a sockaddr_storage); returns its length. */
socklen_t pm_ip_to_sockaddr(const struct pm_ip *ip, uint16_t port, void *sa);
/* ip + 1; false at the end of the number space. */
bool pm_ip_next(struct pm_ip *ip);
bool pm_ip_is_loopback(const struct pm_ip *ip);

/* "ADDRESS/BITS"; host bits are cleared. In Podman's words: "invalid CIDR address: x". */
int pm_ipnet_parse(const char *text, struct pm_ipnet *ret, struct pm_err *err);
/* buf holds PM_IPNET_TEXT bytes and is returned. */
const char *pm_ipnet_format(const struct pm_ipnet *n, char *buf);
bool pm_ipnet_contains(const struct pm_ipnet *n, const struct pm_ip *ip);
bool pm_ipnet_overlaps(const struct pm_ipnet *a, const struct pm_ipnet *b);
/* The last address of the network (IPv4: the broadcast one). */
struct pm_ip pm_ipnet_last(const struct pm_ipnet *n);
/* The network of the same size right after; false when there is none. */
bool pm_ipnet_next(struct pm_ipnet *n);
/* Of ip with this many bits. */
struct pm_ipnet pm_ipnet_of(const struct pm_ip *ip, unsigned int prefix);

/* "xx:xx:xx:xx:xx:xx", also with '-'; unicast only. PM_E_USAGE. */
int pm_mac_parse(const char *text, uint8_t ret[6], struct pm_err *err);
#define PM_MAC_TEXT 18
const char *pm_mac_format(const uint8_t mac[6], char *buf);
/* A random locally administered unicast address. */
void pm_mac_random(uint8_t ret[6]);

#endif
