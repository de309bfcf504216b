#include "engine/pod/pod.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "engine/container/limits.h"
#include "engine/container/stop.h"
#include "engine/pod/service.h"
#include "engine/pod/inherit.h"

/* --- the config ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned int bit;
} shares[] = {
	{"cgroup", PM_POD_SHARE_CGROUP}, {"ipc", PM_POD_SHARE_IPC}, {"net", PM_POD_SHARE_NET},
	{"pid", PM_POD_SHARE_PID},	 {"uts", PM_POD_SHARE_UTS},
};

void pm_pod_config_free(struct pm_pod_config *c)
{
	free(c->hostname);
	free(c->cgroup_parent);
	free(c->restart_policy);
	free(c->service);
	free(c->service_exit);
	pm_strv_free(&c->create_command);
	if (c->limits)
		pm_ctr_config_free(c->limits);
	free(c->limits);
	*c = (struct pm_pod_config){0};
}

void pm_pod_share_names(unsigned int share, struct pm_strv *ret)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(shares); i++)
		if (share & shares[i].bit)
			pm_strv_add(ret, shares[i].name);
}

static int share_bit(const char *name, unsigned int *ret, struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(shares); i++) {
		if (strcmp(name, shares[i].name) == 0) {
			*ret |= shares[i].bit;
			return 0;
		}
	}
	if (strcmp(name, "user") == 0 || strcmp(name, "mnt") == 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "sharing the %s namespace in a pod is not supported", name);
	return pm_fail(err, PM_E_USAGE, "invalid kernel namespace to share: %s. Options are: "
					"cgroup, ipc, net, pid, uts or none", name);
}

int pm_pod_share_parse(const char *list, unsigned int *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	unsigned int share = *list == '+' ? PM_POD_SHARE_DEFAULT : 0;
	pm_strv_split(&words, *list == '+' ? list + 1 : list, ',');
	for (size_t i = 0; i < words.n; i++) {
		if (!words.v[i][0] || strcmp(words.v[i], "none") == 0)
			continue;
		int r = share_bit(words.v[i], &share, err);
		if (r < 0)
			return r;
	}
	*ret = share;
	return 0;
}

struct pm_json *pm_pod_config_to_json(struct pm_json_pool *pool, const struct pm_pod_config *c)
{
	struct pm_json *v = pm_json_object(pool);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	pm_pod_share_names(c->share, &names);
	pm_json_set_int(pool, v, "version", 1);
	pm_json_set(pool, v, "share", pm_json_strv(pool, &names));
	pm_json_set_bool(pool, v, "share_parent", c->share_parent);
	pm_json_set_bool(pool, v, "infra", c->infra);
	pm_json_set_bool(pool, v, "stop_with_last", c->stop_with_last);
	if (c->hostname)
		pm_json_set_str(pool, v, "hostname", c->hostname);
	if (c->cgroup_parent)
		pm_json_set_str(pool, v, "cgroup_parent", c->cgroup_parent);
	if (c->restart_policy)
		pm_json_set_str(pool, v, "restart_policy", c->restart_policy);
	if (c->service)
		pm_json_set_str(pool, v, "service", c->service);
	if (c->service_exit)
		pm_json_set_str(pool, v, "service_exit", c->service_exit);
	pm_json_set(pool, v, "create_command", pm_json_strv(pool, &c->create_command));
	if (c->limits)
		pm_json_set(pool, v, "limits", pm_ctr_config_to_json(pool, c->limits));
	return v;
}

int pm_pod_config_from_json(const struct pm_json *v, struct pm_pod_config *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	*ret = (struct pm_pod_config){
		.share_parent = pm_json_get_bool(v, "share_parent", false),
		.infra = pm_json_get_bool(v, "infra", false),
		.stop_with_last = pm_json_get_bool(v, "stop_with_last", false),
		.hostname = pm_strdup_null(pm_json_get_str(v, "hostname")),
		.cgroup_parent = pm_strdup_null(pm_json_get_str(v, "cgroup_parent")),
		.restart_policy = pm_strdup_null(pm_json_get_str(v, "restart_policy")),
		.service = pm_strdup_null(pm_json_get_str(v, "service")),
		.service_exit = pm_strdup_null(pm_json_get_str(v, "service_exit")),
	};
	const struct pm_json *share = pm_json_get(v, "share");
	const struct pm_json *command = pm_json_get(v, "create_command");
	int r = share ? pm_json_to_strv(share, &names, err) : 0;
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = share_bit(names.v[i], &ret->share, err);
	if (r >= 0 && command)
		r = pm_json_to_strv(command, &ret->create_command, err);
	const struct pm_json *limits = pm_json_get(v, "limits");
	if (r >= 0 && limits) {
		ret->limits = pm_calloc(1, sizeof(*ret->limits));
		pm_ctr_config_init(ret->limits);
		r = pm_ctr_config_from_json(limits, ret->limits, err);
	}
	if (r < 0)
		pm_pod_config_free(ret);
	return r;
}

/* --- loading --------------------------------------------------------------------------------------- */

void pm_pod_free(struct pm_pod *p)
{
	pm_pod_row_free(&p->row);
	pm_pod_config_free(&p->config);
	for (size_t i = 0; i < p->n_members; i++)
		pm_container_free(&p->members[i]);
	free(p->members);
	*p = (struct pm_pod){0};
}

static int load_members(struct pm_engine *e, struct pm_pod *p, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	int r = pm_pod_members(e->store, p->row.id, &ids, err);
	p->members = pm_calloc(ids.n + 1, sizeof(*p->members));
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		struct pm_container *c = &p->members[p->n_members];
		pm_container_init(c);
		r = pm_container_load(e, ids.v[i], c, err);
		if (r >= 0) {
			p->n_members++;
			continue;
		}
		pm_container_free(c);
		if (r == -PM_E_NOSUCH) {
			pm_err_clear(err);
			r = 0;
		}
	}
	return r;
}

static int load_config(const struct pm_pod_row *row, struct pm_pod_config *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = NULL;
	int r = pm_json_parse(pool, row->config, strlen(row->config), &v, err);
	if (r >= 0)
		r = pm_pod_config_from_json(v, ret, err);
	return r < 0 ? pm_wrap(err, "configuration of pod %s", row->name) : 0;
}

int pm_pod_load(struct pm_engine *e, const char *name_or_id, struct pm_pod *p, struct pm_err *err)
{
	int r = pm_pod_find(e->store, name_or_id, &p->row, err);
	if (r >= 0)
		r = load_config(&p->row, &p->config, err);
	return r < 0 ? r : load_members(e, p, err);
}

int pm_pod_limits(struct pm_engine *e, const char *id, struct pm_ctr_config *ret,
		  struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	_cleanup_(pm_pod_config_free) struct pm_pod_config config = {0};
	int r = pm_pod_find(e->store, id, &row, err);
	if (r >= 0)
		r = load_config(&row, &config, err);
	if (r < 0 || !config.limits)
		return r;
	pm_limits_merge(ret, config.limits);
	return 1;
}

int pm_pod_latest(struct pm_engine *e, char ret_id[65], struct pm_err *err)
{
	_cleanup_pod_list_ struct pm_pod_list l = {0};
	int r = pm_pod_list(e->store, &l, err);
	if (r < 0)
		return r;
	if (l.n == 0)
		return pm_fail(err, PM_E_NOSUCH, "no pods were found: no such pod");
	snprintf(ret_id, 65, "%s", l.v[l.n - 1].id);
	return 0;
}

int pm_pod_lock(struct pm_engine *e, const char *id, struct pm_err *err)
{
	return pm_store_lock(e->store, "pod", id, PM_LOCK_EXCLUSIVE, true, err);
}

bool pm_pod_is_infra(const struct pm_pod *p, const struct pm_container *c)
{
	return p->row.infra && strcmp(p->row.infra, c->row.id) == 0;
}

const struct pm_container *pm_pod_infra(const struct pm_pod *p)
{
	for (size_t i = 0; i < p->n_members; i++)
		if (pm_pod_is_infra(p, &p->members[i]))
			return &p->members[i];
	return NULL;
}

const char *pm_pod_status(const struct pm_pod *p)
{
	size_t running = 0, paused = 0, ended = 0;
	for (size_t i = 0; i < p->n_members; i++) {
		switch (p->members[i].state.status) {
		case PM_STATUS_RUNNING:
		case PM_STATUS_STARTING:
			running++;
			break;
		case PM_STATUS_PAUSED:
			paused++;
			break;
		case PM_STATUS_STOPPING:
		case PM_STATUS_EXITED:
			ended++;
			break;
		case PM_STATUS_CREATED:
		case PM_STATUS_INITIALIZED:
			break;
		}
	}
	size_t n = p->n_members;
	if (n == 0)
		return "Created";
	if (running == n)
		return "Running";
	if (running > 0)
		return "Degraded";
	if (paused == n)
		return "Paused";
	if (ended == n)
		return "Exited";
	return ended > 0 ? "Stopped" : "Created";
}

/* --- joining --------------------------------------------------------------------------------------- */

/* its: what the infra container has. The host's namespace is nobody's to be joined: it is had by the same word. */
static void share_namespace(const struct pm_pod *p, unsigned int shared, unsigned int bit, const char *its,
			    char **mode)
{
	if (!(shared & bit))
		return;
	free(*mode);
	*mode = pm_streq(its, "host") ? pm_strdup(its) : pm_asprintf("container:%s", p->row.infra);
}

/* An address or a name on a network, without the choice of a network. */
static bool has_place(const struct pm_ctr_config *k)
{
	for (size_t i = 0; i < k->networks.n; i++)
		if (strchr(k->networks.v[i], ':'))
			return true;
	return false;
}

static int check_shared(unsigned int shared, const struct pm_ctr_config *k, struct pm_err *err)
{
	bool net = shared & PM_POD_SHARE_NET;
	if (net && (k->n_ports || k->publish_all))
		return pm_fail(err, PM_E_USAGE,
			       "invalid config provided: published or exposed ports must be defined "
			       "when the pod is created: network cannot be configured when it is shared "
			       "with a pod");
	if (net && has_place(k))
		return pm_fail(err, PM_E_USAGE,
			       "invalid config provided: networks must be defined when the pod is "
			       "created: network cannot be configured when it is shared with a pod");
	if (net && k->add_hosts.n)
		return pm_fail(err, PM_E_USAGE,
			       "invalid config provided: extra host entries must be specified on the pod: "
			       "network cannot be configured when it is shared with a pod");
	if ((shared & PM_POD_SHARE_UTS) && k->hostname)
		return pm_fail(err, PM_E_USAGE,
			       "invalid config provided: cannot set hostname when joining the pod UTS "
			       "namespace");
	return 0;
}

int pm_pod_join(struct pm_engine *e, const char *name_or_id, unsigned int chosen,
		struct pm_ctr_config *k, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	int r = pm_pod_load(e, name_or_id, &p, err);
	unsigned int shared = p.row.infra ? p.config.share & ~chosen : 0;
	if (r >= 0)
		r = check_shared(shared, k, err);
	if (r < 0)
		return r;
	free(k->pod);
	k->pod = pm_strdup(p.row.id);
	k->pod_cgroup = p.config.share_parent;
	if (!k->restart_policy && p.config.restart_policy)
		k->restart_policy = pm_strdup(p.config.restart_policy);
	if (!k->cgroup_parent && p.config.cgroup_parent)
		k->cgroup_parent = pm_strdup(p.config.cgroup_parent);
	const struct pm_container *infra = pm_pod_infra(&p);
	static const struct pm_ctr_config none;
	const struct pm_ctr_config *its = infra ? &infra->config : &none;
	share_namespace(&p, shared, PM_POD_SHARE_NET, its->network, &k->network);
	share_namespace(&p, shared, PM_POD_SHARE_IPC, its->ipcns, &k->ipcns);
	share_namespace(&p, shared, PM_POD_SHARE_UTS, its->utsns, &k->utsns);
	share_namespace(&p, shared, PM_POD_SHARE_PID, its->pidns, &k->pidns);
	share_namespace(&p, shared, PM_POD_SHARE_CGROUP, its->cgroupns, &k->cgroupns);
	if (infra)
		pm_pod_inherit(infra, k);
	return 0;
}

int pm_pod_start_lock(struct pm_engine *e, const char *id, bool wait, struct pm_err *err)
{
	return pm_store_lock(e->store, "pod start", id, PM_LOCK_EXCLUSIVE, wait, err);
}

/* ended: whose end is known already; NULL: nobody's. */
static int stop_when_idle(struct pm_engine *e, struct pm_pod *p, const char *ended, struct pm_err *err)
{
	struct pm_container *infra = NULL;
	for (size_t i = 0; i < p->n_members; i++) {
		struct pm_container *m = &p->members[i];
		if (pm_pod_is_infra(p, m))
			infra = m;
		else if (!pm_streq(m->row.id, ended) && pm_ctr_is_up(&m->state))
			return 0;
	}
	return infra ? pm_container_stop(e, infra, -1, err) : 0;
}

int pm_pod_look(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	bool ended = false;
	int r = pm_pod_load(e, id, &p, err);
	for (size_t i = 0; r >= 0 && i < p.n_members; i++) {
		const struct pm_container *m = &p.members[i];
		ended |= m->state.status == PM_STATUS_EXITED && !m->config.init_ctr && !pm_pod_is_infra(&p, m);
	}
	/* a pod that waits for its containers, to be made or started one by one, is not idle */
	return r >= 0 && ended && p.config.stop_with_last ? stop_when_idle(e, &p, NULL, err) : r;
}

int pm_pod_member_ended(struct pm_engine *e, const struct pm_container *c, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	int r = pm_pod_load(e, c->config.pod, &p, err);
	if (r == -PM_E_NOSUCH) {
		pm_err_clear(err);
		return 0;
	}
	if (r >= 0 && c->config.is_infra && p.config.service)
		return pm_pod_service_look(e, p.config.service, err);
	if (r < 0 || !p.config.stop_with_last || c->config.is_infra)
		return r;
	/* while others are being started the last one has not been there yet: who starts them looks after it */
	_cleanup_close_ int lock = pm_pod_start_lock(e, p.row.id, false, NULL);
	return lock < 0 ? 0 : stop_when_idle(e, &p, c->row.id, err);
}
