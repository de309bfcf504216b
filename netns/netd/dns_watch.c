#include "netns/netd/dns_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pm_watches_drop(struct pm_watches *l, const struct pm_wire *w)
{
	int64_t number;
	if (pm_wire_get_int(w, "watch", 0, &number, NULL) < 0)
		return;
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].number != number)
			continue;
		pm_strv_free(&l->v[i].addresses);
		pm_strv_free(&l->v[i].names);
		l->v[i] = l->v[--l->n];
		return;
	}
}

void pm_watches_add(struct pm_watches *l, const struct pm_wire *w)
{
	const char *net = pm_wire_get(w, "net");
	pm_watches_drop(l, w);
	l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
	struct pm_watch *x = &l->v[l->n++];
	*x = (struct pm_watch){0};
	pm_wire_get_int(w, "watch", 0, &x->number, NULL);
	snprintf(x->net, sizeof(x->net), "%s", net ? net : "");
	pm_wire_get_list(w, "address", &x->addresses);
	pm_wire_get_list(w, "name", &x->names);
}

bool pm_watch_name(const char *pattern, const char *name)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, name) == 0;
	size_t len = strlen(name), tail = strlen(pattern) - 1;
	return len > tail && strcmp(name + len - tail, pattern + 1) == 0;
}

bool pm_watches_want(const struct pm_watches *l, const char *net, const struct pm_ip *client,
		     const char *name)
{
	char text[PM_IP_TEXT];
	pm_ip_format(client, text);
	for (size_t i = 0; i < l->n; i++) {
		const struct pm_watch *x = &l->v[i];
		if (strcmp(x->net, net) != 0 ||
		    (x->addresses.n && !pm_strv_has(&x->addresses, text)))
			continue;
		for (size_t k = 0; k < x->names.n; k++)
			if (pm_watch_name(x->names.v[k], name))
				return true;
	}
	return false;
}
