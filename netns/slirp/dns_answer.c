#include "netns/slirp/dns_answer.h"

#include <string.h>

enum { HEADER = 12, TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1, LABEL_MAX = 63, NAME_MAX_TEXT = 253 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* The question's name, which stands first and so in full; returns where it ends, 0: malformed. */
static size_t read_name(const uint8_t *msg, size_t len, size_t at, char ret[256])
{
	size_t n = 0;
	while (at < len && msg[at]) {
		size_t label = msg[at++];
		if (label > LABEL_MAX || label > len - at || n + label + 1 > NAME_MAX_TEXT + 1)
			return 0;
		if (n)
			ret[n++] = '.';
		for (size_t i = 0; i < label; i++) {
			/* a dot or NUL within a label would make another name of it */
			if (msg[at + i] == '.' || !msg[at + i])
				return 0;
			ret[n++] = lower(msg[at + i]);
		}
		at += label;
	}
	ret[n] = '\0';
	return at < len ? at + 1 : 0;
}

/* Over a record's name: labels up to their end or a pointer. */
static size_t skip_name(const uint8_t *msg, size_t len, size_t at)
{
	while (at < len && msg[at]) {
		if (msg[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		if (msg[at] > LABEL_MAX)
			return 0;
		at += 1u + msg[at];
	}
	return at < len ? at + 1 : 0;
}

static void add(struct pm_dns_answer *a, const uint8_t *data, size_t len, uint32_t ttl)
{
	if (a->n_ips == PM_DNS_ANSWER_IPS)
		return;
	a->ttl = a->n_ips == 0 || ttl < a->ttl ? ttl : a->ttl;
	a->ips[a->n_ips++] = pm_ip_from_bytes(data, len);
}

bool pm_dns_answer_parse(const uint8_t *msg, size_t len, struct pm_dns_answer *ret)
{
	struct pm_dns_answer a = {.n_ips = 0};
	/* an answer (QR), to a query (opcode 0), that went well (rcode 0), with one question */
	if (len < HEADER || !(msg[2] & 0x80) || (msg[2] & 0x78) || (msg[3] & 0x0f) || get16(msg + 4) != 1)
		return false;
	size_t at = read_name(msg, len, HEADER, a.name);
	if (!at || len - at < 4)
		return false;
	at += 4;
	for (unsigned int left = get16(msg + 6); left; left--) {
		at = skip_name(msg, len, at);
		if (!at || len - at < 10)
			return false;
		const uint8_t *r = msg + at;
		const uint16_t type = get16(r), size = get16(r + 8);
		const uint32_t ttl = (uint32_t)get16(r + 4) << 16 | get16(r + 6);
		at += 10;
		if (size > len - at)
			return false;
		if (get16(r + 2) == CLASS_IN &&
		    ((type == TYPE_A && size == 4) || (type == TYPE_AAAA && size == 16)))
			add(&a, msg + at, size, ttl);
		at += size;
	}
	*ret = a;
	return true;
}
