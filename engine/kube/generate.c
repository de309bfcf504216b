#include "engine/kube/generate.h"

#include <string.h>

#include "base/timefmt.h"
#include "engine/kube/annotation.h"
#include "engine/kube/generate_parts.h"
#include "engine/labels.h"
#include "engine/volume/options.h"
#include "storage/volume.h"

/* --- the pod ------------------------------------------------------------------------------------- */

struct members {
	const struct pm_container **v; /* without the infra container */
	size_t n;
	const struct pm_container *infra; /* NULL: none */
	const struct pm_pod *pod;         /* NULL: containers that are in none */
};

static void set_metadata(struct pm_kube_gen *g, const struct pm_json *labels, struct pm_json *o)
{
	char when[PM_TIME_SIZE];
	struct pm_json *meta = pm_kube_gen_at(g, o, "metadata"), *own = pm_json_object(g->pool);
	pm_time_rfc3339(pm_time_now() / PM_NS_PER_SEC * PM_NS_PER_SEC, 0, when);
	for (size_t i = 0; i < pm_json_len(labels); i++)
		pm_json_set(g->pool, own, labels->members[i].name,
			    pm_json_copy(g->pool, labels->members[i].value));
	if (!pm_json_get(own, "app"))
		pm_json_set_str(g->pool, own, "app", g->pod);
	if (g->annotations->len)
		pm_json_set(g->pool, meta, "annotations", g->annotations);
	pm_json_set_str(g->pool, meta, "creationTimestamp", when);
	pm_json_set(g->pool, meta, "labels", own);
	pm_json_set_str(g->pool, meta, "name", g->pod);
}

static const char *policy_of(const struct pm_container *c)
{
	const char *word = c->config.restart_policy;
	return !word || !*word || strcmp(word, "no") == 0 ? "Never"
	       : strcmp(word, "on-failure") == 0	   ? "OnFailure"
							   : "Always";
}

/* Members of the spec that containers of pm have each for itself. */
static void common(struct pm_kube_gen *g, const struct members *m, struct pm_json *spec)
{
	const struct pm_ctr_config *first = &m->v[0]->config;
	bool same_stop = true, same_groups = true, host_pid = true;
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_ctr_config *k = &m->v[i]->config;
		if (!k->init_ctr && strcmp(policy_of(m->v[i]), policy_of(m->v[0])) != 0)
			pm_strv_addf(g->warnings, "container %s: its restart policy is another one: a pod has one",
				     m->v[i]->row.name);
		same_stop &= k->stop_timeout == first->stop_timeout;
		host_pid &= pm_streq(k->pidns, "host");
		bool groups = k->groups.n == first->groups.n;
		for (size_t n = 0; groups && n < k->groups.n; n++)
			groups = strcmp(k->groups.v[n], first->groups.v[n]) == 0;
		same_groups &= groups;
	}
	pm_json_set_str(g->pool, spec, "restartPolicy", policy_of(m->v[0]));
	if (same_stop && first->stop_timeout != PM_UNSET)
		pm_json_set_int(g->pool, spec, "terminationGracePeriodSeconds", first->stop_timeout);
	else if (!same_stop)
		pm_strv_addf(g->warnings, "stop timeouts are left out: a pod has one");
	if (host_pid)
		pm_json_set_bool(g->pool, spec, "hostPID", true);
	for (size_t i = 0; i < first->groups.n; i++) {
		const char *id = first->groups.v[i];
		if (!same_groups || !*id || id[strspn(id, "0123456789")]) {
			pm_strv_addf(g->warnings, "supplementary groups are left out: a pod has one list of numbers");
			break;
		}
		struct pm_json *context = pm_kube_gen_at(g, spec, "securityContext");
		if (!pm_json_get(context, "supplementalGroups"))
			pm_json_set(g->pool, context, "supplementalGroups", pm_json_array(g->pool));
		pm_json_add(g->pool, pm_json_get(context, "supplementalGroups"),
			    pm_json_int(g->pool, strtoll(id, NULL, 10)));
	}
}

static void hosts(struct pm_kube_gen *g, const struct pm_ctr_config *k, struct pm_json *spec)
{
	struct pm_json *list = pm_json_array(g->pool);
	for (size_t i = 0; i < k->add_hosts.n; i++) {
		const char *colon = strchr(k->add_hosts.v[i], ':');
		_cleanup_free_ char *name = pm_strndup(k->add_hosts.v[i], (size_t)(colon - k->add_hosts.v[i]));
		if (strcmp(colon + 1, "host-gateway") == 0) {
			pm_strv_addf(g->warnings, "host %s: left out: its address is not known before", name);
			continue;
		}
		struct pm_json *v = pm_json_add(g->pool, list, pm_json_object(g->pool));
		struct pm_json *names = pm_json_set(g->pool, v, "hostnames", pm_json_array(g->pool));
		pm_json_add(g->pool, names, pm_json_str(g->pool, name));
		pm_json_set_str(g->pool, v, "ip", colon + 1);
	}
	if (list->len)
		pm_json_set(g->pool, spec, "hostAliases", list);
}

static void dns(struct pm_kube_gen *g, const struct pm_ctr_config *k, struct pm_json *spec)
{
	struct pm_json *v = pm_json_object(g->pool), *options = pm_json_array(g->pool);
	if (k->dns.n)
		pm_json_set(g->pool, v, "nameservers", pm_json_strv(g->pool, &k->dns));
	if (k->dns_search.n)
		pm_json_set(g->pool, v, "searches", pm_json_strv(g->pool, &k->dns_search));
	for (size_t i = 0; i < k->dns_options.n; i++) {
		const char *word = k->dns_options.v[i], *colon = strchr(word, ':');
		struct pm_json *o = pm_json_add(g->pool, options, pm_json_object(g->pool));
		_cleanup_free_ char *name = pm_strndup(word, colon ? (size_t)(colon - word) : strlen(word));
		pm_json_set_str(g->pool, o, "name", name);
		if (colon)
			pm_json_set_str(g->pool, o, "value", colon + 1);
	}
	if (options->len)
		pm_json_set(g->pool, v, "options", options);
	if (v->len)
		pm_json_set(g->pool, spec, "dnsConfig", v);
}

/* k: the infra container's, or that of the only container. */
static void network(struct pm_kube_gen *g, const struct pm_ctr_config *k, struct pm_json *spec)
{
	struct pm_json *sysctls = pm_json_array(g->pool);
	if (pm_streq(k->network, "host"))
		pm_json_set_bool(g->pool, spec, "hostNetwork", true);
	if (pm_streq(k->ipcns, "host"))
		pm_json_set_bool(g->pool, spec, "hostIPC", true);
	if (k->hostname && strcmp(k->hostname, g->pod) != 0)
		pm_json_set_str(g->pool, spec, "hostname", k->hostname);
	if (k->userns && *k->userns && strcmp(k->userns, "host") != 0)
		pm_kube_gen_annotate(g, "userns", NULL, k->userns);
	hosts(g, k, spec);
	dns(g, k, spec);
	for (size_t i = 0; i < k->sysctls.n; i++) {
		const char *word = k->sysctls.v[i], *eq = strchr(word, '=');
		struct pm_json *v = pm_json_add(g->pool, sysctls, pm_json_object(g->pool));
		_cleanup_free_ char *name = pm_strndup(word, (size_t)(eq - word));
		pm_json_set_str(g->pool, v, "name", name);
		pm_json_set_str(g->pool, v, "value", eq + 1);
	}
	if (sysctls->len)
		pm_json_set(g->pool, pm_kube_gen_at(g, spec, "securityContext"), "sysctls", sysctls);
}

static struct pm_json *ports(struct pm_kube_gen *g, const struct pm_ctr_config *k)
{
	struct pm_json *list = pm_json_array(g->pool);
	for (size_t i = 0; i < k->n_ports; i++) {
		const struct pm_ctr_port *p = &k->ports[i];
		for (int64_t n = 0; n < p->range; n++) {
			struct pm_json *v = pm_json_add(g->pool, list, pm_json_object(g->pool));
			pm_json_set_int(g->pool, v, "containerPort", p->container_port + n);
			pm_json_set_int(g->pool, v, "hostPort", p->host_port + n);
			if (p->host_ip)
				pm_json_set_str(g->pool, v, "hostIP", p->host_ip);
			if (strcmp(p->protocol, "tcp") != 0)
				pm_json_set_str(g->pool, v, "protocol",
						strcmp(p->protocol, "udp") == 0 ? "UDP" : "SCTP");
		}
	}
	return list;
}

static int spec_of(struct pm_kube_gen *g, const struct members *m, struct pm_json *spec,
		   struct pm_json **ret_ports, struct pm_err *err)
{
	const struct pm_ctr_config *shared = m->infra ? &m->infra->config : &m->v[0]->config;
	struct pm_json *lists[2] = {pm_json_array(g->pool), pm_json_array(g->pool)};
	pm_json_set_bool(g->pool, spec, "automountServiceAccountToken", false);
	pm_json_set_bool(g->pool, spec, "enableServiceLinks", false);
	for (size_t i = 0; i < m->n; i++) {
		struct pm_json *o;
		int r = pm_kube_gen_container(g, m->v[i], &o, err);
		if (r < 0)
			return r;
		pm_json_add(g->pool, lists[m->v[i]->config.init_ctr != NULL], o);
	}
	if (!lists[0]->len)
		return pm_fail(err, PM_E_USAGE, "pod %s has no containers but init containers", g->pod);
	common(g, m, spec);
	network(g, shared, spec);
	if (m->pod && (m->pod->config.share & PM_POD_SHARE_PID))
		pm_json_set_bool(g->pool, spec, "shareProcessNamespace", true);
	*ret_ports = ports(g, shared);
	if ((*ret_ports)->len)
		pm_json_set(g->pool, lists[0]->items[0], "ports", *ret_ports);
	pm_json_set(g->pool, spec, "containers", lists[0]);
	if (lists[1]->len)
		pm_json_set(g->pool, spec, "initContainers", lists[1]);
	if (g->volumes->len)
		pm_json_set(g->pool, spec, "volumes", g->volumes);
	return 0;
}

/* --- documents ----------------------------------------------------------------------------------- */

/* A controller with pod, a Pod document, as its template. Its pod will be called NAME-pod. */
static struct pm_json *controller(struct pm_kube_gen *g, struct pm_json *pod)
{
	bool job = strcmp(g->o->type, "job") == 0, deployment = strcmp(g->o->type, "deployment") == 0;
	struct pm_json *o = pm_json_object(g->pool), *spec, *template;
	const struct pm_json *meta = pm_json_get(pod, "metadata");
	size_t n = strlen(g->pod);
	bool suffix = pm_endswith(g->pod, "-pod") && n > 4;
	_cleanup_free_ char *name = pm_strndup(g->pod, suffix ? n - 4 : n);
	pm_json_set_str(g->pool, o, "apiVersion", job ? "batch/v1" : "apps/v1");
	pm_json_set_str(g->pool, o, "kind", job ? "Job" : deployment ? "Deployment" : "DaemonSet");
	struct pm_json *own = pm_kube_gen_at(g, o, "metadata");
	pm_json_set(g->pool, own, "creationTimestamp", pm_json_get(meta, "creationTimestamp"));
	pm_json_set(g->pool, own, "labels", pm_json_copy(g->pool, pm_json_get(meta, "labels")));
	pm_json_set_str(g->pool, own, "name", name);
	spec = pm_kube_gen_at(g, o, "spec");
	if (!job)
		pm_json_set(g->pool, pm_kube_gen_at(g, spec, "selector"), "matchLabels",
			    pm_json_copy(g->pool, pm_json_get(meta, "labels")));
	if (deployment)
		pm_json_set_int(g->pool, spec, "replicas", g->o->replicas);
	template = pm_kube_gen_at(g, spec, "template");
	pm_json_set(g->pool, template, "metadata", pm_json_get(pod, "metadata"));
	pm_json_set(g->pool, template, "spec", pm_json_get(pod, "spec"));
	return o;
}

/* As Podman's: a NodePort for each published port. */
static struct pm_json *service(struct pm_kube_gen *g, const struct pm_json *pod, const struct pm_json *published)
{
	struct pm_json *o = pm_json_object(g->pool), *spec, *list = pm_json_array(g->pool);
	const struct pm_json *meta = pm_json_get(pod, "metadata"), *labels = pm_json_get(meta, "labels");
	pm_json_set_str(g->pool, o, "apiVersion", "v1");
	pm_json_set_str(g->pool, o, "kind", "Service");
	struct pm_json *own = pm_kube_gen_at(g, o, "metadata");
	pm_json_set(g->pool, own, "creationTimestamp", pm_json_get(meta, "creationTimestamp"));
	pm_json_set(g->pool, own, "labels", pm_json_copy(g->pool, labels));
	pm_json_set_str(g->pool, own, "name", g->pod);
	for (size_t i = 0; i < pm_json_len(published); i++) {
		const struct pm_json *from = published->items[i];
		int64_t port = pm_json_get_int(from, "containerPort", 0);
		int64_t host = pm_json_get_int(from, "hostPort", 0);
		struct pm_json *v = pm_json_add(g->pool, list, pm_json_object(g->pool));
		_cleanup_free_ char *name = pm_asprintf("%lld", (long long)port);
		pm_json_set_str(g->pool, v, "name", name);
		if (host >= 30000 && host <= 32767) /* others a cluster chooses */
			pm_json_set_int(g->pool, v, "nodePort", host);
		pm_json_set_int(g->pool, v, "port", port);
		if (pm_json_get_str(from, "protocol"))
			pm_json_set_str(g->pool, v, "protocol", pm_json_get_str(from, "protocol"));
		pm_json_set_int(g->pool, v, "targetPort", port);
	}
	spec = pm_kube_gen_at(g, o, "spec");
	if (list->len)
		pm_json_set(g->pool, spec, "ports", list);
	pm_json_set_str(g->pool, pm_kube_gen_at(g, spec, "selector"), "app", pm_json_get_str(labels, "app"));
	pm_json_set_str(g->pool, spec, "type", "NodePort");
	return o;
}

static int add_pod(struct pm_kube_gen *g, const struct members *m, struct pm_json *ret, struct pm_err *err)
{
	struct pm_json *o = pm_json_object(g->pool), *published = NULL;
	const struct pm_json *labels =
		pm_labels_parse(g->pool, m->pod ? m->pod->row.labels : m->n == 1 ? m->v[0]->row.labels : NULL);
	if (!m->n)
		return pm_fail(err, PM_E_USAGE, "pod %s has no containers", g->pod);
	g->annotations = pm_json_object(g->pool);
	g->volumes = pm_json_array(g->pool);
	g->documents = pm_json_array(g->pool);
	pm_json_set_str(g->pool, o, "apiVersion", "v1");
	pm_json_set_str(g->pool, o, "kind", "Pod");
	struct pm_json *spec = pm_json_object(g->pool);
	int r = spec_of(g, m, spec, &published, err);
	if (r < 0)
		return r;
	set_metadata(g, m->pod ? labels : NULL, o);
	pm_json_set(g->pool, o, "spec", spec);
	for (size_t i = 0; i < g->documents->len; i++)
		pm_json_add(g->pool, ret, g->documents->items[i]);
	if (g->o->service)
		pm_json_add(g->pool, ret, service(g, o, published));
	pm_json_add(g->pool, ret, strcmp(g->o->type, "pod") == 0 ? o : controller(g, o));
	return 0;
}

static int add_claim(struct pm_kube_gen *g, const struct pm_volume_row *row, struct pm_json *ret,
		     struct pm_err *err)
{
	struct pm_json *o = pm_json_add(g->pool, ret, pm_json_object(g->pool)), *meta, *spec;
	struct pm_json *annotations = pm_json_object(g->pool), *modes = pm_json_array(g->pool);
	const struct pm_json *labels = pm_labels_parse(g->pool, row->labels);
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	char when[PM_TIME_SIZE];
	int r = row->options ? pm_volume_options_words(row->options, &options, err) : 0;
	if (r < 0)
		return r;
	pm_json_set_str(g->pool, annotations, "volume.podman.io/driver", row->driver);
	for (size_t i = 0; i < options.n; i++) {
		const char *eq = strchr(options.v[i], '=');
		_cleanup_free_ char *name = pm_strndup(options.v[i], eq ? (size_t)(eq - options.v[i])
								      : strlen(options.v[i]));
		_cleanup_free_ char *full = pm_asprintf("volume.podman.io/%s",
							strcmp(name, "o") == 0 ? "mount-options" : name);
		pm_json_set_str(g->pool, annotations, pm_json_pool_strdup(g->pool, full), eq ? eq + 1 : "");
	}
	pm_time_rfc3339(row->created / PM_NS_PER_SEC * PM_NS_PER_SEC, 0, when);
	pm_json_set_str(g->pool, o, "apiVersion", "v1");
	pm_json_set_str(g->pool, o, "kind", "PersistentVolumeClaim");
	meta = pm_kube_gen_at(g, o, "metadata");
	pm_json_set(g->pool, meta, "annotations", annotations);
	pm_json_set_str(g->pool, meta, "creationTimestamp", when);
	if (pm_json_len(labels))
		pm_json_set(g->pool, meta, "labels", pm_json_copy(g->pool, labels));
	pm_json_set_str(g->pool, meta, "name", row->name);
	spec = pm_kube_gen_at(g, o, "spec");
	pm_json_add(g->pool, modes, pm_json_str(g->pool, "ReadWriteOnce"));
	pm_json_set(g->pool, spec, "accessModes", modes);
	pm_json_set_str(g->pool, pm_kube_gen_at(g, pm_kube_gen_at(g, spec, "resources"), "requests"), "storage",
			"1Gi");
	return 0;
}

/* --- what the names mean ------------------------------------------------------------------------- */

static int pod_named(struct pm_kube_gen *g, const char *name, struct pm_json *ret, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod pod = {0};
	struct members m = {.pod = &pod};
	int r = pm_pod_load(g->e, name, &pod, err);
	if (r < 0)
		return r;
	const struct pm_container **v = pm_calloc(pod.n_members + 1, sizeof(*v));
	m.v = v;
	for (size_t i = 0; i < pod.n_members; i++) {
		if (pm_pod_is_infra(&pod, &pod.members[i]))
			m.infra = &pod.members[i];
		else
			m.v[m.n++] = &pod.members[i];
	}
	g->pod = pod.row.name;
	r = add_pod(g, &m, ret, err);
	free(v);
	return r;
}

/* All containers of the names as one pod. */
static int containers(struct pm_kube_gen *g, struct pm_container *all, size_t n, struct pm_json *ret,
		      struct pm_err *err)
{
	const struct pm_container **v = pm_calloc(n + 1, sizeof(*v));
	struct members m = {.v = v, .n = n};
	int r = 0;
	for (size_t i = 0; i < n && r >= 0; i++) {
		v[i] = &all[i];
		if (all[i].config.pod)
			r = pm_fail(err, PM_E_USAGE, "container %s is in a pod: name the pod", all[i].row.name);
		if (i > 0 && (all[i].config.n_ports || all[i].config.hostname))
			pm_strv_addf(g->warnings, "container %s: its ports and host name are left out: those of "
						  "the pod are the first container's", all[i].row.name);
	}
	_cleanup_free_ char *name = n ? pm_asprintf("%s-pod", all[0].row.name) : NULL;
	g->pod = name;
	if (r >= 0)
		r = add_pod(g, &m, ret, err);
	free(v);
	return r;
}

/* 1: name was a pod or volume, and is done; 2: it is a container. */
static int one_name(struct pm_kube_gen *g, const char *name, struct pm_container *c, struct pm_json *ret,
		    struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row volume = {0};
	int r = pm_container_load(g->e, name, c, NULL);
	if (r >= 0)
		return 2;
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	r = pm_pod_find(g->e->store, name, &row, NULL);
	if (r >= 0) {
		r = pod_named(g, row.id, ret, err);
		return r < 0 ? r : 1;
	}
	r = pm_volume_find(g->e->store, name, &volume, NULL);
	if (r < 0)
		return pm_fail(err, PM_E_NOSUCH, "name or ID \"%s\" not found: no pod, container or volume is called "
						 "so", name);
	r = add_claim(g, &volume, ret, err);
	return r < 0 ? r : 1;
}

int pm_kube_generate(struct pm_engine *e, char *const *names, const struct pm_kube_generate_options *o,
		     struct pm_json_pool *pool, struct pm_json **ret, struct pm_strv *warnings,
		     struct pm_err *err)
{
	struct pm_kube_gen g = {.e = e, .o = o, .pool = pool, .warnings = warnings};
	size_t n = 0, max = 0;
	while (names[max])
		max++;
	struct pm_container *all = pm_calloc(max + 1, sizeof(*all));
	int r = 0;
	*ret = pm_json_array(pool);
	for (size_t i = 0; i < max && r >= 0; i++) {
		pm_container_init(&all[n]);
		r = one_name(&g, names[i], &all[n], *ret, err);
		if (r == 2)
			n++;
		else
			pm_container_free(&all[n]);
	}
	if (r >= 0 && n)
		r = containers(&g, all, n, *ret, err);
	for (size_t i = 0; i < n; i++)
		pm_container_free(&all[i]);
	free(all);
	return r < 0 ? r : 0;
}
