#include "netns/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static size_t first_byte(int family)
{
	return family == AF_INET ? 12 : 0;
}

static unsigned int bits_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

int pm_ip_parse(const char *text, struct pm_ip *ret, struct pm_err *err)
{
	struct pm_ip ip = {0};
	if (inet_pton(AF_INET, text, ip.b + 12) == 1)
		ip.family = AF_INET;
	else if (inet_pton(AF_INET6, text, ip.b) == 1)
		ip.family = AF_INET6;
	else
		return pm_fail(err, PM_E_USAGE, "\"%.60s\" is no IP address", text);
	*ret = ip;
	return 0;
}

const char *pm_ip_format(const struct pm_ip *ip, char *buf)
{
	buf[0] = '\0';
	if (ip->family)
		inet_ntop(ip->family, ip->b + first_byte(ip->family), buf, PM_IP_TEXT);
	return buf;
}

bool pm_ip_equal(const struct pm_ip *a, const struct pm_ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int pm_ip_compare(const struct pm_ip *a, const struct pm_ip *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

const uint8_t *pm_ip_bytes(const struct pm_ip *ip, size_t *ret_len)
{
	size_t from = first_byte(ip->family);
	*ret_len = sizeof(ip->b) - from;
	return ip->b + from;
}

struct pm_ip pm_ip_from_bytes(const void *bytes, size_t len)
{
	struct pm_ip ip = {0};
	if (len == 4 || len == 16) {
		ip.family = len == 4 ? AF_INET : AF_INET6;
		memcpy(ip.b + sizeof(ip.b) - len, bytes, len);
	}
	return ip;
}

struct pm_ip pm_ip_from_sockaddr(const void *sa)
{
	const struct sockaddr *a = sa;
	if (a->sa_family == AF_INET)
		return pm_ip_from_bytes(&((const struct sockaddr_in *)sa)->sin_addr, 4);
	const struct in6_addr *a6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (a->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(a6))
		return pm_ip_from_bytes(a6->s6_addr + 12, 4);
	return pm_ip_from_bytes(a6, a->sa_family == AF_INET6 ? 16 : 0);
}

socklen_t pm_ip_to_sockaddr(const struct pm_ip *ip, uint16_t port, void *sa)
{
	if (ip->family == AF_INET) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&a.sin_addr, ip->b + 12, 4);
		memcpy(sa, &a, sizeof(a));
		return sizeof(a);
	}
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&a.sin6_addr, ip->b, 16);
	memcpy(sa, &a, sizeof(a));
	return sizeof(a);
}

bool pm_ip_next(struct pm_ip *ip)
{
	size_t from = first_byte(ip->family);
	for (size_t i = sizeof(ip->b); i > from; i--)
		if (++ip->b[i - 1] != 0)
			return true;
	return false;
}

bool pm_ip_is_loopback(const struct pm_ip *ip)
{
	if (ip->family == AF_INET)
		return ip->b[12] == 127;
	return ip->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)ip->b);
}

/* --- networks -------------------------------------------------------------------------------- */

/* Set (or clear) all bits after the first prefix ones of the family. */
static void fill_host(struct pm_ip *ip, unsigned int prefix, bool ones)
{
	size_t from = first_byte(ip->family);
	for (unsigned int i = prefix; i < bits_of(ip->family); i++) {
		uint8_t bit = (uint8_t)(0x80 >> (i % 8));
		uint8_t *byte = &ip->b[from + i / 8];
		*byte = ones ? *byte | bit : *byte & (uint8_t)~bit;
	}
}

struct pm_ipnet pm_ipnet_of(const struct pm_ip *ip, unsigned int prefix)
{
	struct pm_ipnet n = {*ip, prefix};
	fill_host(&n.ip, prefix, false);
	return n;
}

int pm_ipnet_parse(const char *text, struct pm_ipnet *ret, struct pm_err *err)
{
	const char *slash = strchr(text, '/');
	char ip_text[PM_IP_TEXT];
	struct pm_ip ip;
	if (!slash || (size_t)(slash - text) >= sizeof(ip_text))
		goto bad;
	memcpy(ip_text, text, (size_t)(slash - text));
	ip_text[slash - text] = '\0';
	if (pm_ip_parse(ip_text, &ip, NULL) < 0)
		goto bad;
	const char *digits = slash + 1;
	size_t n = strspn(digits, "0123456789");
	if (n < 1 || n > 3 || digits[n] || strtoul(digits, NULL, 10) > bits_of(ip.family))
		goto bad;
	*ret = pm_ipnet_of(&ip, (unsigned int)strtoul(digits, NULL, 10));
	return 0;
bad:
	return pm_fail(err, PM_E_USAGE, "invalid CIDR address: %.80s", text);
}

const char *pm_ipnet_format(const struct pm_ipnet *n, char *buf)
{
	pm_ip_format(&n->ip, buf);
	size_t len = strlen(buf);
	snprintf(buf + len, PM_IPNET_TEXT - len, "/%u", n->prefix);
	return buf;
}

bool pm_ipnet_contains(const struct pm_ipnet *n, const struct pm_ip *ip)
{
	if (n->ip.family != ip->family)
		return false;
	struct pm_ipnet other = pm_ipnet_of(ip, n->prefix);
	return pm_ip_equal(&other.ip, &n->ip);
}

bool pm_ipnet_overlaps(const struct pm_ipnet *a, const struct pm_ipnet *b)
{
	return a->prefix <= b->prefix ? pm_ipnet_contains(a, &b->ip) : pm_ipnet_contains(b, &a->ip);
}

struct pm_ip pm_ipnet_last(const struct pm_ipnet *n)
{
	struct pm_ip ip = n->ip;
	fill_host(&ip, n->prefix, true);
	return ip;
}

bool pm_ipnet_next(struct pm_ipnet *n)
{
	n->ip = pm_ipnet_last(n);
	return pm_ip_next(&n->ip);
}

/* --- link addresses -------------------------------------------------------------------------- */

int pm_mac_parse(const char *text, uint8_t ret[6], struct pm_err *err)
{
	uint8_t mac[6];
	char end;
	if ((sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		    &mac[4], &mac[5], &end) != 6 &&
	     sscanf(text, "%2hhx-%2hhx-%2hhx-%2hhx-%2hhx-%2hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		    &mac[4], &mac[5], &end) != 6) ||
	    strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:-") != 17)
		return pm_fail(err, PM_E_USAGE, "\"%.60s\" is no MAC address", text);
	if (mac[0] & 1)
		return pm_fail(err, PM_E_USAGE, "MAC address %s is a group's, not one device's", text);
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

const char *pm_mac_format(const uint8_t mac[6], char *buf)
{
	snprintf(buf, PM_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

void pm_mac_random(uint8_t ret[6])
{
	if (getrandom(ret, 6, 0) != 6)
		abort(); /* the kernel's pool is ready long before users are */
	ret[0] = (uint8_t)((ret[0] & 0xfe) | 0x02);
}
