#include "engine/network/ipam.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "engine/container/state.h"
#include "storage/network.h"

struct taker {
	struct pm_engine *e;
	const struct pm_network *n;
	const char *container;
	struct pm_lease mine; /* all but the address */
};

static bool is_live(const struct taker *t, const struct pm_lease *l)
{
	struct pm_ctr_state st;
	uint64_t start;
	if (strcmp(l->boot, t->mine.boot) != 0)
		return false;
	if (pm_ctr_state_read(t->e->store->runroot_fd, l->container, &st, NULL) > 0 &&
	    (st.monitored || (st.status != PM_STATUS_EXITED && st.status != PM_STATUS_CREATED)))
		return true;
	return pm_proc_start_time((pid_t)l->pid, &start, NULL) >= 0 &&
	       (int64_t)start == l->pid_start;
}

/* 1: taken by us now; 0: another's. */
static int try_take(struct taker *t, const struct pm_ip *ip, struct pm_lease *ret_other,
		    struct pm_err *err)
{
	size_t len;
	const uint8_t *bytes = pm_ip_bytes(ip, &len);
	int r = pm_lease_get(t->e->store, t->n->name, bytes, len, ret_other, err);
	if (r < 0)
		return r;
	if (r > 0 && strcmp(ret_other->container, t->container) != 0 && is_live(t, ret_other))
		return 0;
	struct pm_lease l = t->mine;
	memcpy(l.address, bytes, len);
	l.len = len;
	r = pm_lease_put(t->e->store, t->n->name, &l, err);
	return r < 0 ? r : 1;
}

/* The first and last address of a subnet that containers get. */
static void range(const struct pm_subnet *s, struct pm_ip *first, struct pm_ip *last)
{
	bool v4 = s->net.ip.family == AF_INET;
	struct pm_ip end = pm_ipnet_last(&s->net);
	*first = s->lease_start.family ? s->lease_start : s->net.ip;
	if (pm_ip_equal(first, &s->net.ip) && s->net.prefix < (v4 ? 31u : 127u))
		pm_ip_next(first);
	*last = s->lease_end.family ? s->lease_end : end;
	if (v4 && s->net.prefix < 31 && pm_ip_equal(last, &end))
		last->b[15]--; /* the broadcast address: its last bit is set */
}

struct own {
	const struct pm_ipnet *net;
	struct pm_ip found;
};

static int note_own(const struct pm_lease *l, void *arg)
{
	struct own *o = arg;
	struct pm_ip ip = pm_ip_from_bytes(l->address, l->len);
	if (pm_ipnet_contains(o->net, &ip))
		o->found = ip;
	return 0;
}

/* The container's own address in the subnet; family 0: none. */
static int own_address(struct taker *t, const struct pm_subnet *s, struct pm_ip *ret,
		       struct pm_err *err)
{
	struct own o = {.net = &s->net};
	int r = pm_lease_each(t->e->store, t->container, t->n->name, note_own, &o, err);
	*ret = o.found;
	return r;
}

static int take_next(struct taker *t, const struct pm_subnet *s, struct pm_ip *ret,
		     struct pm_err *err)
{
	char key[PM_IPNET_TEXT];
	uint8_t bytes[16];
	struct pm_ip first, last, ip;
	struct pm_lease other;
	pm_ipnet_format(&s->net, key);
	range(s, &first, &last);
	int len = pm_lease_last(t->e->store, t->n->name, key, bytes, err);
	if (len < 0)
		return len;
	ip = pm_ip_from_bytes(bytes, (size_t)len);
	if (!ip.family || pm_ip_compare(&ip, &first) < 0 || pm_ip_compare(&ip, &last) > 0)
		ip = last; /* so that the first is next */
	const struct pm_ip start = ip;
	do {
		if (pm_ip_equal(&ip, &last))
			ip = first;
		else
			pm_ip_next(&ip);
		if (pm_ip_equal(&ip, &s->gateway))
			continue;
		int r = try_take(t, &ip, &other, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		*ret = ip;
		size_t n;
		const uint8_t *b = pm_ip_bytes(&ip, &n);
		return pm_lease_set_last(t->e->store, t->n->name, key, b, n, err);
	} while (!pm_ip_equal(&ip, &start));
	return pm_fail(err, PM_E_USAGE, "no free address is left in subnet %s of network %s", key,
		       t->n->name);
}

static int take_static(struct taker *t, const struct pm_subnet *s, const struct pm_ip *ip,
		       struct pm_err *err)
{
	char text[PM_IP_TEXT];
	struct pm_lease other;
	pm_ip_format(ip, text);
	if (pm_ip_equal(ip, &s->gateway))
		return pm_fail(err, PM_E_INUSE, "requested ip address %s is the gateway of network %s", text,
			       t->n->name);
	int r = try_take(t, ip, &other, err);
	if (r == 0)
		return pm_fail(err, PM_E_INUSE,
			       "requested ip address %s is already allocated to container ID %.12s", text,
			       other.container);
	return r < 0 ? r : 0;
}

static int begin(struct pm_engine *e, const struct pm_network *n, const char *container,
		 struct taker *t, struct pm_err *err)
{
	uint64_t start;
	*t = (struct taker){.e = e, .n = n, .container = container};
	snprintf(t->mine.container, sizeof(t->mine.container), "%s", container);
	t->mine.pid = getpid();
	int r = pm_proc_boot_id(t->mine.boot, err);
	if (r >= 0)
		r = pm_proc_start_time(getpid(), &start, err);
	t->mine.pid_start = r < 0 ? 0 : (int64_t)start;
	return r;
}

int pm_ipam_take(struct pm_engine *e, const struct pm_network *n, const char *container,
		 const struct pm_ip *ip4, const struct pm_ip *ip6, struct pm_ip *ret,
		 struct pm_err *err)
{
	const struct pm_ip *asked[] = {ip4, ip6};
	bool used[] = {false, false};
	struct taker t;
	int r = begin(e, n, container, &t, err);
	for (size_t i = 0; i < n->n_subnets && r >= 0; i++) {
		const struct pm_subnet *s = &n->subnets[i];
		size_t f = s->net.ip.family == AF_INET6;
		ret[i] = (struct pm_ip){0};
		if (asked[f]->family && !used[f] && pm_ipnet_contains(&s->net, asked[f])) {
			r = take_static(&t, s, asked[f], err);
			ret[i] = *asked[f];
			used[f] = true;
		} else if (strcmp(n->ipam_driver, "host-local") == 0) {
			r = own_address(&t, s, &ret[i], err);
			if (r >= 0 && !ret[i].family)
				r = take_next(&t, s, &ret[i], err);
		}
	}
	for (size_t f = 0; f < 2 && r >= 0; f++) {
		char text[PM_IP_TEXT];
		if (asked[f]->family && !used[f])
			r = pm_fail(err, PM_E_USAGE,
				    "requested static ip %s not in any subnet on network %s",
				    pm_ip_format(asked[f], text), n->name);
	}
	return r < 0 ? r : 0;
}
