#include "cli/ctr_pod.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/pod_common.h"
#include "engine/pod/create.h"

/* What the user said about namespaces that a pod may share; "pod" leaves it to the pod. */
static unsigned int chosen(const struct pm_cli *cli, const struct pm_ctr_opts *o)
{
	const struct {
		const char *value;
		unsigned int bit;
	} options[] = {
		{o->ipc, PM_POD_SHARE_IPC},
		{o->uts, PM_POD_SHARE_UTS},
		{o->pid, PM_POD_SHARE_PID},
		{o->cgroupns, PM_POD_SHARE_CGROUP},
	};
	unsigned int bits = pm_cli_given(cli, "network") || pm_cli_given(cli, "net") ? PM_POD_SHARE_NET : 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(options); i++)
		if (options[i].value && strcmp(options[i].value, "pod") != 0)
			bits |= options[i].bit;
	return bits;
}

static int no_pod(const struct pm_ctr_opts *o, struct pm_err *err)
{
	const char *const modes[] = {o->ipc, o->uts, o->pid, o->cgroupns, o->userns};
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes); i++)
		if (pm_streq(modes[i], "pod"))
			return pm_fail(err, PM_E_USAGE, "cannot use pod namespace as container is not joining a pod");
	return 0;
}

/* What the pod's infra container has instead of c. */
static void drop_network(struct pm_ctr_config *c)
{
	for (size_t i = 0; i < c->n_ports; i++) {
		free(c->ports[i].host_ip);
		free(c->ports[i].protocol);
	}
	free(c->ports);
	c->ports = NULL;
	c->n_ports = 0;
	c->publish_all = false;
	free(pm_steal(&c->hostname));
	pm_strv_free(&c->dns);
	pm_strv_free(&c->dns_search);
	pm_strv_free(&c->dns_options);
	pm_strv_free(&c->add_hosts);
	c->no_hosts = false;
	free(pm_steal(&c->hosts_file));
}

/* The new pod's infra container takes over what c was given of the network, and its host name. */
static int make_pod(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		    const char *name, struct pm_ctr_config *c, char ret_made[65], struct pm_err *err)
{
	static char *const no_args[] = {NULL};
	_cleanup_pod_ struct pm_pod pod = {0};
	_cleanup_(pm_pod_config_free) struct pm_pod_config config = {
		.share = PM_POD_SHARE_DEFAULT, .share_parent = true, .infra = true};
	_cleanup_(pm_ctr_config_free) struct pm_ctr_config infra;
	struct pm_ctr_opts io = {0};

	if (!*name)
		return pm_fail(err, PM_E_USAGE, "new pod name must be at least one character");
	pm_ctr_config_init(&infra);
	pm_strv_add_all(&config.create_command, cli->argv);
	int r = pm_ctr_opts_defaults(&io, true, err);
	io.network = o->network;
	io.publish = o->publish;
	io.publish_all = o->publish_all;
	io.expose = o->expose;
	io.add_host = o->add_host;
	io.dns = o->dns;
	io.dns_option = o->dns_option;
	io.dns_search = o->dns_search;
	io.no_hosts = o->no_hosts;
	io.no_hostname = o->no_hostname;
	io.hosts_file = o->hosts_file;
	io.hostname = o->hostname;
	if (r >= 0)
		r = pm_ctr_options_apply(cli, e, &io, "", no_args, &infra, err);
	struct pm_pod_create pc = {.name = name, .config = &config, .infra = &infra};
	if (r >= 0)
		r = pm_pod_create(e, &pc, &pod, err);
	if (r < 0)
		return r;
	snprintf(ret_made, 65, "%s", pod.row.id);
	drop_network(c);
	return 0;
}

static int join(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		struct pm_ctr_config *c, char ret_made[65], struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv file = PM_STRV_INIT;
	const char *name = o->pod;
	if (o->pod_id_file) {
		int r = pm_pod_read_id_file(o->pod_id_file, &file, err);
		if (r < 0)
			return r;
		name = file.v[0];
	}
	if (!pm_startswith(name, "new:"))
		return pm_pod_join(e, name, chosen(cli, o), c, err);
	int r = make_pod(cli, e, o, name + 4, c, ret_made, err);
	if (r < 0)
		return r;
	/* the network that was chosen is the pod's */
	r = pm_pod_join(e, ret_made, chosen(cli, o) & ~(unsigned int)PM_POD_SHARE_NET, c, err);
	if (r < 0)
		pm_pod_remove(e, ret_made, true, 0, NULL, NULL);
	return r;
}

int pm_ctr_join_pod(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		    struct pm_ctr_config *c, char ret_made[65], struct pm_err *err)
{
	ret_made[0] = '\0';
	if (o->init_ctr && !o->pod && !o->pod_id_file)
		return pm_fail(err, PM_E_USAGE, "must specify pod value with init containers: --init-ctr "
						"is for containers of a pod");
	if (o->pod && o->pod_id_file)
		return pm_fail(err, PM_E_USAGE, "cannot specify both --pod and --pod-id-file");
	c->init_ctr = pm_strdup_null(o->init_ctr);
	return o->pod || o->pod_id_file ? join(cli, e, o, c, ret_made, err) : no_pod(o, err);
}
