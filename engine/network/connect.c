#include "engine/network/connect.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/events/events.h"
#include "engine/network/netfiles.h"
#include "netns/slirp_client.h"
#include "storage/network.h"

/* The container's text for the network, or its number of networks. */
static size_t find_place(const struct pm_ctr_config *k, const char *network)
{
	size_t i = 0;
	for (; i < k->networks.n; i++) {
		size_t len = strcspn(k->networks.v[i], ":");
		if (strlen(network) == len && memcmp(k->networks.v[i], network, len) == 0)
			break;
	}
	return i;
}

/* c is init'ed. */
static int load(struct pm_engine *e, const char *name, struct pm_container *c, int *ret_lock,
		struct pm_err *err)
{
	int r = pm_container_load(e, name, c, err);
	if (r >= 0)
		r = *ret_lock = pm_container_lock(e, c->row.id, true, err);
	if (r < 0)
		return r;
	pm_container_state(e, &c->row, &c->state);
	if (!pm_network_is_bridge(c->config.network))
		return pm_fail(err, PM_E_STATE, "\"%s\" is not supported: invalid network mode",
			       c->config.network);
	return 0;
}

/* Ask the pm-netd that has the container; without one nothing is to be done there. */
static int ask(struct pm_engine *e, const char *type, const struct pm_netd_config *n,
	       struct pm_err *err)
{
	_cleanup_close_ int sock = -1;
	int r = pm_netd_connect_live(e->store->runroot_fd, &sock, err);
	return r <= 0 ? r : pm_netd_request(sock, type, n, err);
}

static int save(struct pm_engine *e, struct pm_container *c, const char *network, bool joins,
		struct pm_err *err)
{
	int r = pm_db_begin(e->store->db, !c->row.rm, err);
	if (r >= 0)
		r = pm_container_save_config(e, c, err);
	if (r >= 0)
		r = joins ? pm_net_join(e->store, c->row.id, network, err)
			  : pm_net_leave(e->store, c->row.id, network, err);
	if (r >= 0)
		r = pm_db_commit(e->store->db, err);
	pm_db_rollback(e->store->db);
	if (r >= 0)
		pm_event_network(e, joins ? "connect" : "disconnect", network, c);
	return r;
}

static int connect_live(struct pm_engine *e, struct pm_container *c, const char *text,
			struct pm_err *err)
{
	_cleanup_netd_config_ struct pm_netd_config n = {0};
	if (!pm_ctr_is_up(&c->state))
		return 0;
	int r = pm_place_plan_one(e, c, text, &n, err);
	if (r < 0)
		return r;
	if (!*n.nets[0].device)
		memcpy(n.nets[0].device, PM_NETD_ANY_DEVICE, sizeof(PM_NETD_ANY_DEVICE));
	return ask(e, "connect", &n, err);
}

int pm_network_connect(struct pm_engine *e, const char *container, const struct pm_place *p,
		       struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_close_ int lock = -1, networks = -1;
	pm_container_init(&c);
	int r = load(e, container, &c, &lock, err);
	if (r >= 0)
		r = pm_place_lock(e, &c.config, &networks, err);
	if (r < 0)
		return r;
	pm_strv_take(&c.config.networks, pm_place_format(p));
	r = pm_place_resolve(e, &c.config, err);
	if (r < 0)
		return r;
	const char *text = c.config.networks.v[c.config.networks.n - 1];
	_cleanup_free_ char *name = pm_strndup(text, strcspn(text, ":"));
	if (find_place(&c.config, name) < c.config.networks.n - 1)
		return pm_fail(err, PM_E_EXISTS, "container %s is already connected to network \"%s\": "
			       "network already exists", c.row.name, name);
	r = connect_live(e, &c, text, err);
	if (r < 0) {
		pm_lease_drop(e->store, c.row.id, name, NULL);
		return r;
	}
	r = save(e, &c, name, true, err);
	return r < 0 || !pm_ctr_is_up(&c.state) ? r : pm_netfiles_joined(e, &c, name, err);
}

int pm_network_disconnect(struct pm_engine *e, const char *container, const char *network,
			  struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_network_ struct pm_network n = {0};
	_cleanup_close_ int lock = -1;
	pm_container_init(&c);
	int r = load(e, container, &c, &lock, err);
	if (r >= 0)
		r = pm_network_find(e, network, &n, err);
	if (r < 0)
		return r;
	struct pm_strv *l = &c.config.networks;
	size_t i = find_place(&c.config, n.name);
	if (i == l->n)
		return pm_fail(err, PM_E_NOSUCH, "container %s is not connected to network %s", c.row.name,
			       n.name);
	if (pm_ctr_is_up(&c.state)) {
		_cleanup_netd_config_ struct pm_netd_config which = {0};
		struct pm_netd_net *net = pm_netd_config_add(&which);
		snprintf(which.id, sizeof(which.id), "%s", c.row.id);
		snprintf(net->name, sizeof(net->name), "%s", n.name);
		r = ask(e, "disconnect", &which, err);
		if (r >= 0)
			r = pm_netfiles_left(e, &c, n.name, err);
		if (r < 0)
			return r;
	}
	free(l->v[i]);
	memmove(&l->v[i], &l->v[i + 1], (l->n - i) * sizeof(l->v[0])); /* and the NULL at the end */
	l->n--;
	return save(e, &c, n.name, false, err);
}

/* --- reload ---------------------------------------------------------------------------------- */

/* Connect a running container anew, as its monitor did at the start. Nobody holds the connection
 * afterwards: the container's process does. */
static int reattach(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_netd_config_ struct pm_netd_config n = {0};
	_cleanup_ports_ struct pm_ports ports = PM_PORTS_INIT;
	_cleanup_listen_ struct pm_listen listen = {0};
	_cleanup_close_ int sock = -1, its_userns = -1, netns = -1, pidfd = -1;
	char path[64];
	bool rootless = pm_userns_needed();
	int r;
	pidfd = pm_proc_pidfd(c->state.pid, c->state.pid_start, err);
	if (pidfd < 0)
		return pidfd;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)c->state.pid);
	netns = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	if (netns < 0)
		return netns;
	/* a new pm-netd must be where the old one was, or it has no power over the container */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c->state.monitor);
	its_userns = rootless ? pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err) : -1;
	if (rootless && its_userns < 0)
		return its_userns;
	if ((r = pm_place_ports(&c->config, &ports, err)) < 0 ||
	    (r = pm_listen_open(&ports, &listen, err)) < 0 ||
	    (r = pm_place_plan_again(e, c, &n, err)) < 0 ||
	    (r = pm_netd_connect(e->store->runroot_fd, its_userns, &sock, err)) < 0 ||
	    (r = pm_netd_send_attach(sock, &n, &listen, err)) < 0 ||
	    (r = pm_netd_send_netns_of(sock, netns, err)) < 0 ||
	    (r = pm_netd_wait_ready(sock, err)) < 0)
		return r;
	return pm_slirp_send_container(sock, pidfd, err);
}

int pm_network_reload(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_netd_config_ struct pm_netd_config n = {0};
	_cleanup_close_ int sock = -1;
	if (!pm_ctr_is_up(&c->state))
		return pm_fail(err, PM_E_STATE, "container %s is not running: cannot reload its networks",
			       c->row.name);
	if (!pm_network_is_bridge(c->config.network))
		return pm_fail(err, PM_E_STATE, "container %s has no bridge networks to reload",
			       c->row.name);
	snprintf(n.id, sizeof(n.id), "%s", c->row.id);
	int r = pm_netd_connect_live(e->store->runroot_fd, &sock, err);
	if (r > 0) {
		r = pm_netd_request(sock, "reload", &n, err);
		if (r >= 0 || r != -PM_E_STATE)
			return r;
		pm_err_clear(err); /* it does not know the container */
	}
	return r < 0 && r != -PM_E_STATE ? r : reattach(e, c, err);
}
