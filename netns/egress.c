#include "netns/egress.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *const pm_egress_metadata[] = {
	"169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32",
	"192.0.0.192/32", NULL,
};

bool pm_egress_is_metadata(const struct pm_ip *ip)
{
	for (const char *const *m = pm_egress_metadata; *m; m++) {
		struct pm_ipnet n;
		if (pm_ipnet_parse(*m, &n, NULL) >= 0 && pm_ipnet_contains(&n, ip))
			return true;
	}
	return false;
}

bool pm_egress_names_metadata(const struct pm_egress_rule *r)
{
	return r->kind == PM_EGRESS_NET && pm_egress_is_metadata(&r->net.ip) &&
	       r->net.prefix >= (r->net.ip.family == AF_INET ? 16 : 10);
}

bool pm_egress_matches_name(const struct pm_egress_rule *r, const char *name)
{
	if (!r->subdomains)
		return strcmp(r->name, name) == 0;
	size_t len = strlen(name), tail = strlen(r->name);
	return len > tail + 1 && name[len - tail - 1] == '.' && strcmp(name + len - tail, r->name) == 0;
}

static int parse_port(const char **p, uint16_t *ret)
{
	char *end;
	if (!isdigit((unsigned char)**p))
		return -1;
	unsigned long n = strtoul(*p, &end, 10);
	if (n < 1 || n > UINT16_MAX)
		return -1;
	*p = end;
	*ret = (uint16_t)n;
	return 0;
}

static int parse_ports(const char *text, struct pm_egress_rule *ret, struct pm_err *err)
{
	for (const char *p = text;; p++) {
		if (ret->n_ports == PM_EGRESS_PORTS)
			return pm_fail(err, PM_E_USAGE, "more than %d ports", PM_EGRESS_PORTS);
		uint16_t first, last;
		if (parse_port(&p, &first) < 0)
			break;
		last = first;
		if (*p == '-') {
			p++;
			if (parse_port(&p, &last) < 0 || last < first)
				break;
		}
		ret->ports[ret->n_ports].first = first;
		ret->ports[ret->n_ports++].last = last;
		if (!*p)
			return 0;
		if (*p != ',')
			break;
	}
	return pm_fail(err, PM_E_USAGE, "\"%.60s\" is no list of ports", text);
}

static int parse_name(const char *text, struct pm_egress_rule *ret, struct pm_err *err)
{
	const char *name = text;
	ret->kind = PM_EGRESS_DNS;
	if (strncmp(name, "*.", 2) == 0) {
		ret->subdomains = true;
		name += 2;
	}
	size_t len = strlen(name);
	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(ret->name) || name[0] == '.' || name[0] == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") < len)
		return pm_fail(err, PM_E_USAGE, "\"%.60s\" is no address, network or host name", text);
	for (size_t i = 0; i < len; i++)
		ret->name[i] = (char)tolower((unsigned char)name[i]);
	ret->name[len] = '\0';
	return 0;
}

static int parse_target(const char *text, struct pm_egress_rule *ret, struct pm_err *err)
{
	struct pm_ip ip;
	if (strchr(text, '/')) {
		ret->kind = PM_EGRESS_NET;
		return pm_ipnet_parse(text, &ret->net, err);
	}
	if (pm_ip_parse(text, &ip, NULL) >= 0) {
		ret->kind = PM_EGRESS_NET;
		ret->net = pm_ipnet_of(&ip, ip.family == AF_INET ? 32 : 128);
		return 0;
	}
	return parse_name(text, ret, err);
}

static int parse(const char *text, struct pm_egress_rule *ret, struct pm_err *err)
{
	char target[300];
	const char *ports = NULL;
	size_t len = strlen(text);
	if (len >= sizeof(target))
		return pm_fail(err, PM_E_USAGE, "it is too long");
	memcpy(target, text, len + 1);
	if (target[0] == '[') {
		char *close = strchr(target, ']');
		if (!close || (close[1] && close[1] != ':'))
			return pm_fail(err, PM_E_USAGE, "an IPv6 address with ports is [ADDRESS]:PORTS");
		ports = close[1] ? close + 2 : NULL;
		*close = '\0';
		memmove(target, target + 1, (size_t)(close - target));
	} else {
		char *colon = strchr(target, ':');
		/* more than one colon: an IPv6 address without ports */
		if (colon && !strchr(colon + 1, ':')) {
			*colon = '\0';
			ports = colon + 1;
		}
	}
	int r = parse_target(target, ret, err);
	return r < 0 || !ports ? r : parse_ports(text + (ports - target), ret, err);
}

int pm_egress_parse(const char *text, struct pm_egress_rule *ret, struct pm_err *err)
{
	struct pm_egress_rule rule = {.kind = PM_EGRESS_NONE};
	int r = strcmp(text, "none") == 0 ? 0 : parse(text, &rule, err);
	if (r < 0)
		return pm_wrap(err, "--egress \"%.80s\"", text);
	*ret = rule;
	return 0;
}
