#include "engine/container/inspect_parts.h"

#include <string.h>

#include "engine/container/bundle.h"
#include "engine/container/inspect.h"
#include "engine/container/start.h"
#include "engine/network/inspect.h"

struct pm_json *insp_ports(struct insp *i, const struct pm_ctr_config *k)
{
	struct pm_json *o = pm_json_object(i->pool);
	for (size_t m = 0; m < k->n_ports; m++) {
		const struct pm_ctr_port *p = &k->ports[m];
		for (int64_t n = 0; n < p->range; n++) {
			_cleanup_free_ char *name =
				pm_asprintf("%lld/%s", (long long)(p->container_port + n),
					    p->protocol ? p->protocol : "tcp");
			struct pm_json *l = pm_json_get(o, name), *b = pm_json_object(i->pool);
			if (!l)
				l = pm_json_set(i->pool, o, name, pm_json_array(i->pool));
			insp_str(i, b, "HostIp", p->host_ip);
			insp_strf(i, b, "HostPort", "%lld", (long long)(p->host_port + n));
			pm_json_add(i->pool, l, b);
		}
	}
	for (size_t m = 0; m < k->expose.n; m++)
		if (!pm_json_get(o, k->expose.v[m]))
			insp_set(i, o, k->expose.v[m], pm_json_null(i->pool));
	return pm_inspect_sorted(i->pool, o);
}

/* The ports that lead to the container: those of the one whose network namespace it joins. */
static struct pm_json *ports(struct insp *i)
{
	_cleanup_container_ struct pm_container other;
	pm_container_init(&other);
	const bool joins = pm_container_network_of(i->e, i->c, &other, NULL) > 0;
	return insp_ports(i, joins ? &other.config : i->k);
}

struct pm_json *insp_network(struct insp *i)
{
	static const struct {
		const char *name;
		char kind;
	} fields[] = {{"EndpointID", 's'},
		      {"Gateway", 's'},
		      {"IPAddress", 's'},
		      {"IPPrefixLen", 'n'},
		      {"IPv6Gateway", 's'},
		      {"GlobalIPv6Address", 's'},
		      {"GlobalIPv6PrefixLen", 'n'},
		      {"MacAddress", 's'},
		      {"Bridge", 's'},
		      {"SandboxID", 's'},
		      {"HairpinMode", 'b'},
		      {"LinkLocalIPv6Address", 's'},
		      {"LinkLocalIPv6PrefixLen", 'n'}};
	struct pm_json *o = pm_json_object(i->pool);
	for (size_t k = 0; k < PM_ARRAY_SIZE(fields); k++) {
		if (fields[k].kind == 's')
			insp_str(i, o, fields[k].name, "");
		else if (fields[k].kind == 'n')
			insp_num(i, o, fields[k].name, 0);
		else
			insp_flag(i, o, fields[k].name, false);
	}
	insp_set(i, o, "Ports", ports(i));
	struct pm_json *networks = pm_network_inspect(i->e, i->c, i->pool);
	if (networks->len)
		insp_set(i, o, "Networks", networks);
	else
		insp_omitted(i, o, "Networks", pm_json_null(i->pool));
	/* the only one's address is the container's */
	const struct pm_json *only = networks->len == 1 ? networks->members[0].value : NULL;
	for (size_t k = 0; only && k < PM_ARRAY_SIZE(fields); k++)
		if (pm_json_get(only, fields[k].name))
			insp_set(i, o, fields[k].name,
				 pm_json_copy(i->pool, pm_json_get(only, fields[k].name)));
	if (pm_ctr_is_up(&i->c->state) && !pm_streq(i->k->network, "host"))
		insp_strf(i, o, "SandboxKey", "/proc/%d/ns/net", (int)i->c->state.pid);
	else
		insp_str(i, o, "SandboxKey", "");
	return o;
}
