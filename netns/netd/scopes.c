#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "netns/netd/manager.h"

/* DNS answers may live for a second; connections begin a little later, and last. */
#define TTL_MIN 60
#define TTL_MAX 86400
/* Some 700 are the most that libnftables can send. */
#define PORTS_AT_ONCE 100

#define TTL_SLACK (TTL_MIN / 4)

static int64_t now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void scope_free(struct netd_scope *s)
{
	free((void *)s->rules.rules);
	free(s->open);
	free(s);
}

static void rule_pattern(const struct pm_egress_rule *e, char ret[PM_EGRESS_NAME + 2])
{
	snprintf(ret, PM_EGRESS_NAME + 2, "%s%s", e->subdomains ? "*." : "", e->name);
}

static int watch(struct netd *d, const struct netd_scope *s, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	bool any = false;
	pm_wire_add(&w, "type", "watch");
	pm_wire_add_int(&w, "watch", s->rules.number);
	pm_wire_add(&w, "net", s->bridge->net.name);
	for (size_t i = 0; s->rules.from && i < s->rules.from->n_subnets; i++) {
		char text[PM_IP_TEXT];
		if (s->rules.from->subnets[i].address.family)
			pm_wire_add(&w, "address",
				    pm_ip_format(&s->rules.from->subnets[i].address, text));
	}
	for (size_t i = 0; i < s->rules.n_rules; i++) {
		char pattern[PM_EGRESS_NAME + 2];
		if (s->rules.rules[i].kind != PM_EGRESS_DNS)
			continue;
		rule_pattern(&s->rules.rules[i], pattern);
		pm_wire_add(&w, "name", pattern);
		any = true;
	}
	return any ? netd_tell(d->dns, "the name server", &w, NULL, 0, err) : 0;
}

int netd_scopes_add(struct netd *d, const struct netd_ctr *c, const struct netd_bridge *b,
		    const struct pm_netd_net *net, const struct pm_strv *egress,
		    struct pm_err *err)
{
	struct pm_egress_rule *rules = pm_calloc(egress->n, sizeof(*rules));
	for (size_t i = 0; i < egress->n; i++) {
		int r = pm_egress_parse(egress->v[i], &rules[i], err);
		if (r >= 0 && rules[i].kind == PM_EGRESS_DNS && !b->net.dns)
			r = pm_fail(err, PM_E_UNSUPPORTED, "--egress %s: network %s has no name server that "
				    "would tell its addresses", egress->v[i], b->net.name);
		if (r < 0) {
			free(rules);
			return r;
		}
	}
	struct netd_scope *s = PM_NEW(struct netd_scope);
	s->ctr = c;
	s->bridge = b;
	s->rules = (struct pm_rules_scope){
		.bridge = b->net.bridge,
		.from = c ? net : NULL,
		.rules = rules,
		.n_rules = egress->n,
		.number = d->next_scope++,
	};
	d->scopes = pm_reallocarray(d->scopes, d->n_scopes + 1, sizeof(struct netd_scope *));
	d->scopes[d->n_scopes++] = s;
	d->rules_due = true;
	return watch(d, s, err);
}

bool netd_scopes_drop(struct netd *d, const struct netd_ctr *c, const struct netd_bridge *b,
		      const struct pm_netd_net *net)
{
	bool any = false;
	for (size_t i = 0; i < d->n_scopes;) {
		struct netd_scope *s = d->scopes[i];
		bool it = c ? s->ctr == c && s->rules.from == net : s->bridge == b;
		if (!it) {
			i++;
			continue;
		}
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		pm_wire_add(&w, "type", "nowatch");
		pm_wire_add_int(&w, "watch", s->rules.number);
		(void)netd_tell(d->dns, "the name server", &w, NULL, 0, NULL);
		scope_free(s);
		d->scopes[i] = d->scopes[--d->n_scopes];
		any = true;
	}
	return any;
}

/* What DNS has opened, again: the table was written anew. */
static void add_open(const struct netd *d, struct netd_scope *s, struct pm_buf *text)
{
	int64_t now = now_s();
	for (size_t i = 0; i < s->n_open;) {
		if (s->open[i].until <= now) {
			s->open[i] = s->open[--s->n_open];
			continue;
		}
		pm_rules_add_address(d->table, &s->rules, s->open[i].rule, &s->open[i].ip,
				     (unsigned int)(s->open[i].until - now), text);
		i++;
	}
}

static bool is_guarded(const struct netd_place *p)
{
	return p->bridge && !p->retired && pm_guard_wanted(&p->net);
}

static void port_due(struct netd *d, const struct pm_guard_port *port, bool add)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_guard_port(d->table, port, add, &text);
	pm_strv_add(&d->ports_due, pm_buf_str(&text));
}

void netd_guard(struct netd *d, const struct netd_place *p, bool add)
{
	const struct pm_guard_port port = {.device = p->host_device, .net = &p->net};
	d->rules_due |= p->routed;
	if (is_guarded(p))
		port_due(d, &port, add);
}

/* The caller frees. */
static struct pm_guard_port *all_ports(const struct netd *d, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n_ctrs; i++)
		n += d->ctrs[i]->n_places;
	struct pm_guard_port *ports = pm_calloc(n, sizeof(*ports));
	*ret_n = 0;
	for (size_t i = 0; i < d->n_ctrs; i++)
		for (size_t k = 0; k < d->ctrs[i]->n_places; k++) {
			const struct netd_place *p = d->ctrs[i]->places[k];
			if (is_guarded(p))
				ports[(*ret_n)++] = (struct pm_guard_port){p->host_device, &p->net,
									   p->routed ? p->bridge->mac : NULL};
		}
	return ports;
}

/* The tables anew, as far as they have to be; ports of the guard's are then due. */
static void tables_text(struct netd *d, struct pm_buf *text)
{
	size_t n_ports;
	struct pm_guard_port *ports = all_ports(d, &n_ports);
	if (d->guard_due || !d->n_bridges) {
		pm_strv_free(&d->ports_due);
		pm_guard_table(d->table, d->n_bridges, text);
		for (size_t i = 0; i < n_ports && d->n_bridges; i++)
			port_due(d, &ports[i], true);
	}
	const struct pm_netd_net **nets = pm_calloc(d->n_bridges, sizeof(*nets));
	struct pm_rules_scope *scopes = pm_calloc(d->n_scopes, sizeof(*scopes));
	for (size_t i = 0; i < d->n_bridges; i++)
		nets[i] = &d->bridges[i]->net;
	for (size_t i = 0; i < d->n_scopes; i++)
		scopes[i] = d->scopes[i]->rules;
	const struct pm_rules r = {.table = d->table, .mark = d->mark, .nets = nets, .n_nets = d->n_bridges,
				   .scopes = scopes, .n_scopes = d->n_scopes, .ports = ports, .n_ports = n_ports};
	pm_rules_text(&r, text);
	for (size_t i = 0; i < d->n_scopes && d->n_bridges; i++)
		add_open(d, d->scopes[i], text);
	free(nets);
	free(scopes);
	free(ports);
}

/* The next ports that are due, so many as go into a transaction. */
static void take_ports(struct netd *d, struct pm_buf *text)
{
	size_t n = d->ports_due.n < PORTS_AT_ONCE ? d->ports_due.n : PORTS_AT_ONCE;
	struct pm_strv rest = PM_STRV_INIT;
	for (size_t i = 0; i < n; i++)
		pm_buf_add_str(text, d->ports_due.v[i]);
	if (n < d->ports_due.n)
		pm_strv_add_all(&rest, d->ports_due.v + n);
	pm_strv_free(&d->ports_due);
	d->ports_due = rest;
}

int netd_rules_begin(struct netd *d, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = 0;
	if (!d->rules_due && !d->ports_due.n)
		return 0;
	if (d->rules_due)
		tables_text(d, &text);
	take_ports(d, &text);
	while (d->ports_due.n && r >= 0) {
		r = pm_rules_apply(pm_buf_str(&text), err);
		pm_buf_free(&text);
		take_ports(d, &text);
	}
	if (r >= 0)
		r = pm_rules_begin(pm_buf_str(&text), err);
	d->rules_due = d->guard_due = r < 0;
	return r;
}

int netd_rules_end(struct netd *d, int job, struct pm_err *err)
{
	int r = job > 0 ? pm_rules_end(job, err) : 0;
	if (r < 0) /* whatever the kernel has now */
		d->rules_due = d->guard_due = true;
	return r;
}

int netd_rules(struct netd *d, struct pm_err *err)
{
	d->rules_due = true;
	int job = netd_rules_begin(d, err);
	return job < 0 ? job : netd_rules_end(d, job, err);
}

/* false: it is open for long enough already, and who asks again and again costs no transaction each time. */
static bool open_address(struct netd_scope *s, size_t rule, const struct pm_ip *ip, int64_t until)
{
	for (size_t i = 0; i < s->n_open; i++) {
		if (s->open[i].rule != rule || !pm_ip_equal(&s->open[i].ip, ip))
			continue;
		if (s->open[i].until >= until - TTL_SLACK)
			return false;
		s->open[i].until = until;
		return true;
	}
	if (s->n_open >= 4096)
		return true;
	s->open = pm_reallocarray(s->open, s->n_open + 1, sizeof(*s->open));
	s->open[s->n_open].rule = rule;
	s->open[s->n_open].ip = *ip;
	s->open[s->n_open++].until = until;
	return true;
}

static bool scope_covers(const struct netd_scope *s, const char *net, const struct pm_ip *client)
{
	if (strcmp(s->bridge->net.name, net) != 0)
		return false;
	for (size_t i = 0; s->rules.from && i < s->rules.from->n_subnets; i++)
		if (pm_ip_equal(&s->rules.from->subnets[i].address, client))
			return true;
	return !s->rules.from;
}

static void learn(struct netd *d, struct netd_scope *s, const char *name, const struct pm_strv *ips,
		  int64_t ttl, struct pm_buf *text)
{
	for (size_t k = 0; k < s->rules.n_rules; k++) {
		if (s->rules.rules[k].kind != PM_EGRESS_DNS ||
		    !pm_egress_matches_name(&s->rules.rules[k], name))
			continue;
		for (size_t i = 0; i < ips->n; i++) {
			struct pm_ip ip;
			/* a name that says the metadata service's address does not open it */
			if (pm_ip_parse(ips->v[i], &ip, NULL) < 0 || pm_egress_is_metadata(&ip))
				continue;
			if (!open_address(s, k, &ip, now_s() + ttl))
				continue;
			pm_rules_add_address(d->table, &s->rules, k, &ip, (unsigned int)ttl, text);
		}
	}
}

void netd_learned(struct netd *d)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, answer = PM_WIRE_INIT;
	_cleanup_strv_ struct pm_strv ips = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_ip client;
	int64_t seq, ttl;
	if (pm_wire_recv(d->learned, &w, NULL, NULL, NULL) <= 0)
		return;
	const char *net = pm_wire_get(&w, "net"), *name = pm_wire_get(&w, "name");
	const char *from = pm_wire_get(&w, "client");
	pm_wire_get_list(&w, "address", &ips);
	if (!net || !name || !from || pm_ip_parse(from, &client, NULL) < 0 ||
	    pm_wire_get_int(&w, "seq", 0, &seq, NULL) < 0 ||
	    pm_wire_get_int(&w, "ttl", 0, &ttl, NULL) < 0)
		return;
	ttl = ttl < TTL_MIN ? TTL_MIN : ttl > TTL_MAX ? TTL_MAX : ttl;
	for (size_t i = 0; i < d->n_scopes; i++)
		if (scope_covers(d->scopes[i], net, &client))
			learn(d, d->scopes[i], name, &ips, ttl, &text);
	if (text.len && pm_rules_apply(pm_buf_str(&text), NULL) < 0)
		(void)netd_rules(d, NULL); /* all that is open is in it */
	pm_wire_add_int(&answer, "seq", seq);
	(void)pm_wire_send(d->learned, &answer, NULL, 0, NULL);
}
