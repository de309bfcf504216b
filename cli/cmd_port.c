#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/start.h"

struct port_opts {
	bool all, latest;
};

static const struct pm_opt port_table[] = {
	{"all", 'a', PM_BOOL(struct port_opts, all), "Display port information for all containers"},
	{"latest", 'l', PM_BOOL(struct port_opts, latest), "Act on the container created last"},
	{0},
};

/* The port asked for. */
struct wanted {
	const char *text; /* as given; NULL: all ports */
	int64_t port;
	const char *protocol;
};

static int parse_wanted(const char *text, struct wanted *ret, struct pm_err *err)
{
	*ret = (struct wanted){.text = text, .protocol = "tcp"};
	if (!text)
		return 0;
	const char *slash = strchr(text, '/');
	_cleanup_free_ char *number =
		pm_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
	if (slash)
		ret->protocol = slash + 1;
	if (strcmp(ret->protocol, "tcp") && strcmp(ret->protocol, "udp") &&
	    strcmp(ret->protocol, "sctp"))
		return pm_fail(err, PM_E_USAGE, "port %s: the protocol is tcp, udp or sctp", text);
	int r = pm_parse_int(number, &ret->port, NULL);
	if (r < 0 || ret->port < 1 || ret->port > 65535)
		return pm_fail(err, PM_E_USAGE, "%s is not a port", text);
	return 0;
}

static void show_one(const struct pm_ctr_port *p, int64_t n, const char *prefix,
		     const struct wanted *w)
{
	const char *ip = p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0";
	if (w->text)
		printf("%s%s:%lld\n", prefix, ip, (long long)(p->host_port + n));
	else
		printf("%s%lld/%s -> %s:%lld\n", prefix, (long long)(p->container_port + n),
		       p->protocol ? p->protocol : "tcp", ip, (long long)(p->host_port + n));
}

static int show(struct pm_engine *e, const struct pm_container *c, bool with_id, const struct wanted *w,
		struct pm_err *err)
{
	_cleanup_container_ struct pm_container other;
	pm_container_init(&other);
	const int joins = pm_container_network_of(e, c, &other, err);
	if (joins < 0)
		return joins;
	const struct pm_ctr_config *k = joins ? &other.config : &c->config;
	char prefix[PM_SHORT_ID + 2] = "";
	bool found = false;
	if (with_id)
		snprintf(prefix, sizeof(prefix), "%.*s\t", PM_SHORT_ID, c->row.id);
	for (size_t i = 0; i < k->n_ports; i++) {
		const struct pm_ctr_port *p = &k->ports[i];
		for (int64_t n = 0; n < p->range; n++) {
			if (w->text &&
			    (p->container_port + n != w->port ||
			     strcmp(p->protocol ? p->protocol : "tcp", w->protocol) != 0))
				continue;
			show_one(p, n, prefix, w);
			found = true;
		}
	}
	if (w->text && !found && !with_id)
		return pm_fail(err, PM_E_NOSUCH, "failed to find published port \"%s\"", w->text);
	return 0;
}

static int port_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct port_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct wanted w;
	int named = !o->all && !o->latest;

	if (o->all && o->latest)
		return pm_fail(err, PM_E_USAGE, "all and latest cannot be used together");
	if (cli->n_args < named)
		return pm_fail(err, PM_E_USAGE, "you must supply a running container name or id");
	if (cli->n_args > named + 1)
		return pm_fail(err, PM_E_USAGE, "%s takes no more than a container and a port",
			       cli->path);
	int r = parse_wanted(cli->n_args > named ? cli->args[named] : NULL, &w, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && named) {
		pm_strv_add(&names, cli->args[0]);
	} else if (r >= 0 && o->latest) {
		char id[65];
		r = pm_container_latest(&e, id, err);
		if (r >= 0)
			pm_strv_add(&names, id);
	} else if (r >= 0) {
		_cleanup_ctr_list_ struct pm_ctr_list l = {0};
		r = pm_ctr_list(e.store, 0, &l, err);
		for (size_t i = 0; r >= 0 && i < l.n; i++)
			pm_strv_add(&names, l.v[i].id);
	}
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_container_ struct pm_container c;
		pm_container_init(&c);
		r = pm_container_load(&e, names.v[i], &c, err);
		if (r == -PM_E_NOSUCH && o->all)
			r = 0;
		else if (r >= 0 &&
			 pm_ctr_is_up(&c.state)) /* as Podman: only those that run have ports */
			r = show(&e, &c, o->all, &w, err);
	}
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_port = {
	.path = "port|container port",
	.summary = "List port mappings or a specific mapping for the container",
	.synopsis = "[options] CONTAINER [PORT]",
	.text = "List port mappings for the CONTAINER, or look up the public-facing port that is "
		"NAT-ed to the "
		"PRIVATE_PORT",
	.examples = "%p --all\n%p ctrID 80/tcp\n%p --latest 80",
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct port_opts),
	.tables = {{port_table, 0}, {0}},
	.run = port_run,
};
