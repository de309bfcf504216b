#include "netns/netd/rules.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/answer.h"
#include "netns/mark.h"

static const char *family_word(int family)
{
	return family == AF_INET ? "ip" : "ip6";
}

/* "{ 10.89.0.0/24, 10.89.1.0/24 }" of one family; false when there is none. */
static bool add_subnets(const struct pm_rules *r, int family, struct pm_buf *out)
{
	char text[PM_IPNET_TEXT];
	bool any = false;
	for (size_t i = 0; i < r->n_nets; i++)
		for (size_t k = 0; k < r->nets[i]->n_subnets; k++) {
			const struct pm_ipnet *n = &r->nets[i]->subnets[k].net;
			if (n->ip.family != family)
				continue;
			pm_buf_printf(out, "%s%s", any ? ", " : "{ ", pm_ipnet_format(n, text));
			any = true;
		}
	if (any)
		pm_buf_add_str(out, " }");
	return any;
}

/* --- egress ---------------------------------------------------------------------------------- */

static void add_ports(const struct pm_egress_rule *e, struct pm_buf *out)
{
	for (size_t i = 0; i < e->n_ports; i++)
		pm_buf_printf(out, "%s%u-%u", i ? ", " : "", e->ports[i].first, e->ports[i].last);
}

static void set_name(const struct pm_rules_scope *s, size_t rule, int family, char ret[32])
{
	snprintf(ret, 32, "e%u_%zu_%c", s->number, rule, family == AF_INET ? '4' : '6');
}

static void add_sets(const struct pm_rules_scope *s, struct pm_buf *out)
{
	static const int families[] = {AF_INET, AF_INET6};
	char name[32];
	for (size_t i = 0; i < s->n_rules; i++) {
		if (s->rules[i].kind != PM_EGRESS_DNS)
			continue;
		for (size_t k = 0; k < 2; k++) {
			set_name(s, i, families[k], name);
			pm_buf_printf(out, "\tset %s { type %s; flags timeout; size 65535; }\n", name,
				      families[k] == AF_INET ? "ipv4_addr" : "ipv6_addr");
		}
	}
}

static void add_match(const struct pm_egress_rule *e, const char *family, const char *target,
		      struct pm_buf *out)
{
	pm_buf_printf(out, "\t\t%s daddr %s", family, target);
	if (e->n_ports) {
		pm_buf_add_str(out, " meta l4proto { tcp, udp } th dport { ");
		add_ports(e, out);
		pm_buf_add_str(out, " }");
	}
	pm_buf_add_str(out, " return\n");
}

/* The chain returns for what is allowed, and rejects the rest: a packet passes all scopes it is in. */
static void add_scope_chain(const struct pm_rules_scope *s, struct pm_buf *out)
{
	char text[PM_IPNET_TEXT], name[32];
	pm_buf_printf(out, "\tchain e%u {\n", s->number);
	for (size_t i = 0; i < s->n_rules; i++)
		if (pm_egress_names_metadata(&s->rules[i]))
			add_match(&s->rules[i], family_word(s->rules[i].net.ip.family),
				  pm_ipnet_format(&s->rules[i].net, text), out);
	for (const char *const *m = pm_egress_metadata; *m; m++)
		pm_buf_printf(out, "\t\t%s daddr %s reject with icmpx admin-prohibited\n",
			      strchr(*m, ':') ? "ip6" : "ip", *m);
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct pm_egress_rule *e = &s->rules[i];
		if (e->kind == PM_EGRESS_NET && !pm_egress_names_metadata(e))
			add_match(e, family_word(e->net.ip.family), pm_ipnet_format(&e->net, text), out);
		if (e->kind != PM_EGRESS_DNS)
			continue;
		char target[40];
		set_name(s, i, AF_INET, name);
		snprintf(target, sizeof(target), "@%s", name);
		add_match(e, "ip", target, out);
		set_name(s, i, AF_INET6, name);
		snprintf(target, sizeof(target), "@%s", name);
		add_match(e, "ip6", target, out);
	}
	pm_buf_add_str(out, "\t\treject with icmpx admin-prohibited\n\t}\n");
}

static void add_scope_jump(const struct pm_rules_scope *s, struct pm_buf *out)
{
	char text[PM_IP_TEXT];
	if (!s->from) {
		pm_buf_printf(out, "\t\tiifname \"%s\" jump e%u\n", s->bridge, s->number);
		return;
	}
	for (size_t i = 0; i < s->from->n_subnets; i++) {
		const struct pm_ip *ip = &s->from->subnets[i].address;
		if (ip->family)
			pm_buf_printf(out, "\t\tiifname \"%s\" %s saddr %s jump e%u\n", s->bridge,
				      family_word(ip->family), pm_ip_format(ip, text), s->number);
	}
}

/* --- the table ------------------------------------------------------------------------------- */

static void add_isolation(const struct pm_rules *r, struct pm_buf *out)
{
	for (size_t i = 0; i < r->n_nets; i++) {
		const struct pm_netd_net *a = r->nets[i];
		if (a->internal)
			pm_buf_printf(out,
				      "\t\tiifname \"%s\" oifname != \"%s\" drop\n"
				      "\t\toifname \"%s\" iifname != \"%s\" drop\n",
				      a->bridge, a->bridge, a->bridge, a->bridge);
		for (size_t k = 0; k < r->n_nets; k++) {
			const struct pm_netd_net *b = r->nets[k];
			if (i == k || a->isolate == PM_NETD_ISOLATE_NO ||
			    (a->isolate == PM_NETD_ISOLATE_YES && b->isolate == PM_NETD_ISOLATE_NO))
				continue;
			pm_buf_printf(out, "\t\tiifname \"%s\" oifname \"%s\" drop\n", a->bridge,
				      b->bridge);
			if (a->isolate == PM_NETD_ISOLATE_STRICT)
				pm_buf_printf(out, "\t\tiifname \"%s\" oifname \"%s\" drop\n", b->bridge,
					      a->bridge);
		}
	}
}

/* The host's own addresses are as far away as others'; but the name server and the neighbours are the network's. */
static void add_input(const struct pm_rules *r, struct pm_buf *out)
{
	char text[PM_IP_TEXT];
	if (!r->n_scopes)
		return;
	pm_buf_add_str(out, "\tchain input {\n"
			    "\t\ttype filter hook input priority filter; policy accept;\n"
			    "\t\tct state established,related accept\n"
			    "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n");
	for (size_t i = 0; i < r->n_nets; i++)
		for (size_t k = 0; k < r->nets[i]->n_subnets && r->nets[i]->dns; k++) {
			const struct pm_ip *ip = &r->nets[i]->subnets[k].gateway;
			if (ip->family)
				pm_buf_printf(out, "\t\t%s daddr %s meta l4proto { tcp, udp } th dport 53 accept\n",
					      family_word(ip->family), pm_ip_format(ip, text));
		}
	for (size_t i = 0; i < r->n_scopes; i++)
		add_scope_jump(&r->scopes[i], out);
	pm_buf_add_str(out, "\t}\n");
}

/* From a network to anywhere but the networks: with the address of the way out. */
static void add_masquerade(const struct pm_rules *r, struct pm_buf *out)
{
	static const int families[] = {AF_INET, AF_INET6};
	char text[PM_IPNET_TEXT];
	for (size_t f = 0; f < 2; f++) {
		_cleanup_buf_ struct pm_buf all = PM_BUF_INIT;
		if (!add_subnets(r, families[f], &all))
			continue;
		for (size_t i = 0; i < r->n_nets; i++)
			for (size_t k = 0; k < r->nets[i]->n_subnets; k++) {
				const struct pm_ipnet *n = &r->nets[i]->subnets[k].net;
				if (n->ip.family == families[f] && !r->nets[i]->internal)
					pm_buf_printf(out, "\t\t%s saddr %s %s daddr != %s masquerade\n",
						      family_word(families[f]), pm_ipnet_format(n, text),
						      family_word(families[f]), pm_buf_str(&all));
			}
	}
}

void pm_rules_text(const struct pm_rules *r, struct pm_buf *out)
{
	pm_buf_printf(out, "table inet %s { }\ndelete table inet %s\n", r->table, r->table);
	pm_guard_routes(r->table, r->ports, r->n_ports, out);
	if (!r->n_nets)
		return;
	pm_buf_printf(out, "table inet %s {\n", r->table);
	for (size_t i = 0; i < r->n_scopes; i++) {
		add_sets(&r->scopes[i], out);
		add_scope_chain(&r->scopes[i], out);
	}
	pm_buf_add_str(out, "\tchain forward {\n"
			    "\t\ttype filter hook forward priority filter; policy accept;\n"
			    "\t\tct state established,related accept\n");
	add_isolation(r, out);
	for (size_t i = 0; i < r->n_scopes; i++)
		add_scope_jump(&r->scopes[i], out);
	pm_buf_add_str(out, "\t}\n");
	add_input(r, out);
	pm_buf_add_str(out, "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
	add_masquerade(r, out);
	pm_buf_printf(out,
		      "\t}\n\tchain prerouting {\n"
		      "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
		      "\t\tmeta l4proto { tcp, udp } socket transparent 1 meta mark set 0x%x\n\t}\n}\n",
		      r->mark);
}

void pm_rules_add_address(const char *table, const struct pm_rules_scope *s, size_t rule,
			  const struct pm_ip *ip, unsigned int ttl, struct pm_buf *out)
{
	char name[32], text[PM_IP_TEXT];
	set_name(s, rule, ip->family, name);
	pm_ip_format(ip, text);
	/* an element that is there keeps its time: so it is taken out first */
	pm_buf_printf(out,
		      "add element inet %s %s { %s timeout %us }\n"
		      "delete element inet %s %s { %s }\n"
		      "add element inet %s %s { %s timeout %us }\n",
		      table, name, text, ttl, table, name, text, table, name, text, ttl);
}

/* --- applying -------------------------------------------------------------------------------- */

static int run(const char *text, struct pm_err *err)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return pm_fail(err, ENOMEM, "libnftables");
	nft_ctx_buffer_error(nft);
	nft_ctx_buffer_output(nft);
	if (nft_run_cmd_from_buffer(nft, text) == 0)
		return 0;
	_cleanup_free_ char *why = pm_strdup(nft_ctx_get_error_buffer(nft));
	why[strcspn(why, "\n")] = '\0';
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "the kernel's nftables refuse the rules of the networks: %.300s", why);
}

int pm_rules_begin(const char *text, struct pm_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket");
	pid_t pid = fork();
	if (pid < 0) {
		int r = pm_fail_sys(err, "fork");
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (pid == 0) {
		struct pm_err why = PM_ERR_INIT;
		/* clients wait for the end of sockets that are our parent's */
		const int answer = 3;
		dup2(pair[1], answer);
		close_range(answer + 1, ~0u, 0);
		if (run(text, &why) < 0)
			pm_answer_error(answer, &why);
		else
			(void)pm_answer_ready(answer, NULL);
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

int pm_rules_end(int job, struct pm_err *err)
{
	int r = pm_answer_wait(job, "the child that sets nftables rules", err);
	close(job);
	return r;
}

int pm_rules_apply(const char *text, struct pm_err *err)
{
	int job = pm_rules_begin(text, err);
	return job < 0 ? job : pm_rules_end(job, err);
}
