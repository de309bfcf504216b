#include "netns/netd/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void host_free(struct pm_zone_host *h)
{
	pm_strv_free(&h->names);
}

static void net_free(struct pm_zone_net *n)
{
	for (size_t i = 0; i < n->n_hosts; i++)
		host_free(&n->hosts[i]);
	free(n->hosts);
	free(n);
}

void pm_zone_free(struct pm_zone *z)
{
	for (size_t i = 0; i < z->n_nets; i++)
		net_free(z->nets[i]);
	free(z->nets);
	*z = (struct pm_zone){0};
}

struct pm_zone_net *pm_zone_net(struct pm_zone *z, const char *name, bool make)
{
	for (size_t i = 0; i < z->n_nets; i++)
		if (strcmp(z->nets[i]->name, name) == 0)
			return z->nets[i];
	if (!make)
		return NULL;
	struct pm_zone_net *n = PM_NEW(struct pm_zone_net);
	snprintf(n->name, sizeof(n->name), "%s", name);
	z->nets = pm_reallocarray(z->nets, z->n_nets + 1, sizeof(struct pm_zone_net *));
	z->nets[z->n_nets++] = n;
	return n;
}

void pm_zone_drop_net(struct pm_zone *z, const char *name)
{
	for (size_t i = 0; i < z->n_nets; i++) {
		if (strcmp(z->nets[i]->name, name) != 0)
			continue;
		net_free(z->nets[i]);
		z->nets[i] = z->nets[--z->n_nets];
		return;
	}
}

static struct pm_zone_host *find_host(const struct pm_zone_net *net, const char *id)
{
	for (size_t i = 0; i < net->n_hosts; i++)
		if (strcmp(net->hosts[i].id, id) == 0)
			return &net->hosts[i];
	return NULL;
}

struct pm_zone_host *pm_zone_set_host(struct pm_zone_net *net, const char *id,
				      const struct pm_strv *names, const struct pm_ip *addrs,
				      size_t n_addrs)
{
	struct pm_zone_host *h = find_host(net, id);
	if (h) {
		host_free(h);
	} else {
		net->hosts = pm_reallocarray(net->hosts, net->n_hosts + 1, sizeof(*net->hosts));
		h = &net->hosts[net->n_hosts++];
	}
	*h = (struct pm_zone_host){0};
	snprintf(h->id, sizeof(h->id), "%s", id);
	for (size_t i = 0; i < names->n; i++) {
		char *name = pm_strdup(names->v[i]);
		for (char *c = name; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		pm_strv_take(&h->names, name);
	}
	for (size_t i = 0; i < n_addrs && i < PM_ZONE_ADDRESSES; i++)
		h->addrs[h->n_addrs++] = addrs[i];
	return h;
}

void pm_zone_drop_host(struct pm_zone_net *net, const char *id)
{
	struct pm_zone_host *h = find_host(net, id);
	if (!h)
		return;
	host_free(h);
	*h = net->hosts[--net->n_hosts];
}

const struct pm_zone_host *pm_zone_host_at(const struct pm_zone_net *net, const struct pm_ip *ip)
{
	for (size_t i = 0; i < net->n_hosts; i++)
		for (size_t k = 0; k < net->hosts[i].n_addrs; k++)
			if (pm_ip_equal(&net->hosts[i].addrs[k], ip))
				return &net->hosts[i];
	return NULL;
}

struct pm_zone_view pm_zone_view(const struct pm_zone *z, const struct pm_zone_net *by,
				 const struct pm_ip *client)
{
	const struct pm_zone_host *h = pm_zone_host_at(by, client);
	return (struct pm_zone_view){z, by, h ? h->id : NULL};
}

static bool sees(const struct pm_zone_view *v, const struct pm_zone_net *net)
{
	return net == v->by || (v->id && find_host(net, v->id));
}

enum pm_zone_found pm_zone_by_name(const struct pm_zone_view *v, const char *name, int family,
				   struct pm_ip *ret, size_t max, size_t *ret_n)
{
	static const char suffix[] = "." PM_ZONE_DOMAIN;
	char bare[256];
	size_t len = strlen(name);
	bool ours = len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
	bool found = false;

	snprintf(bare, sizeof(bare), "%.*s", (int)(ours ? len - strlen(suffix) : len), name);
	*ret_n = 0;
	for (size_t i = 0; i < v->z->n_nets; i++) {
		const struct pm_zone_net *net = v->z->nets[i];
		if (!sees(v, net))
			continue;
		for (size_t k = 0; k < net->n_hosts; k++) {
			const struct pm_zone_host *h = &net->hosts[k];
			if (!pm_strv_has(&h->names, bare))
				continue;
			found = true;
			for (size_t a = 0; a < h->n_addrs && *ret_n < max; a++)
				if (h->addrs[a].family == family)
					ret[(*ret_n)++] = h->addrs[a];
		}
	}
	return found ? PM_ZONE_FOUND : ours || strcmp(name, PM_ZONE_DOMAIN) == 0 ? PM_ZONE_NONE
										  : PM_ZONE_UNKNOWN;
}

const struct pm_strv *pm_zone_by_addr(const struct pm_zone_view *v, const struct pm_ip *ip)
{
	for (size_t i = 0; i < v->z->n_nets; i++) {
		const struct pm_zone_host *h =
			sees(v, v->z->nets[i]) ? pm_zone_host_at(v->z->nets[i], ip) : NULL;
		if (h)
			return &h->names;
	}
	return NULL;
}

bool pm_zone_may_forward(const struct pm_zone_view *v)
{
	for (size_t i = 0; i < v->z->n_nets; i++)
		if (sees(v, v->z->nets[i]) && !v->z->nets[i]->internal)
			return true;
	return false;
}
