#include "engine/container/list.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "engine/container/health.h"
#include "engine/system/disk.h"
#include "storage/image.h"
#include "storage/pod.h"

/* Go's zero time in seconds since the epoch, as Podman prints "never". */
#define NEVER (-62135596800)

struct item {
	const struct pm_ctr_row *row;
	struct pm_ctr_state st;
	int64_t rw, root; /* sizes, with o->size */
	struct pm_json *out;
};

struct context {
	struct pm_engine *e;
	const struct pm_list_options *o;
	struct pm_json_pool *pool;
	int64_t now;
	const struct pm_ctr_list *all;
	struct pm_pod_list pods; /* read when the first container of one is met */
	bool have_pods;
};

char *pm_container_status_text(const struct pm_ctr_state *st, int64_t now_ns)
{
	switch (st->status) {
	case PM_STATUS_CREATED:
		return pm_strdup("Created");
	case PM_STATUS_STARTING:
	case PM_STATUS_INITIALIZED:
		return pm_strdup("Initialized");
	case PM_STATUS_STOPPING:
		return pm_strdup("Stopping");
	case PM_STATUS_PAUSED:
		return pm_strdup("Paused");
	case PM_STATUS_RUNNING: {
		char age[PM_TIME_SIZE];
		pm_duration_human(now_ns - st->started, age);
		return st->health ? pm_asprintf("Up %s ago (%s)", age, pm_health_name(st->health))
				  : pm_asprintf("Up %s ago", age);
	}
	case PM_STATUS_EXITED: {
		char age[PM_TIME_SIZE] = "some time";
		if (st->finished)
			pm_duration_human(now_ns - st->finished, age);
		return pm_asprintf("%s (%d) %s ago", st->restarting ? "Restarting" : "Exited",
				   st->exit_code, age);
	}
	}
	return pm_strdup("unknown");
}

static struct pm_json *parse(struct context *x, const char *text)
{
	struct pm_json *v = NULL;
	if (!text || pm_json_parse(x->pool, text, strlen(text), &v, NULL) < 0)
		return pm_json_null(x->pool);
	return v;
}

static int64_t seconds(int64_t ns)
{
	return ns ? ns / 1000000000 : NEVER;
}

/* "0.0.0.0:8080->80/tcp, ..." */
static char *ports_text(const struct pm_json *ports)
{
	struct pm_buf b = PM_BUF_INIT;
	for (size_t i = 0; i < pm_json_len(ports); i++) {
		const struct pm_json *p = pm_json_at(ports, i);
		const char *ip = pm_json_get_str(p, "host_ip");
		int64_t host = pm_json_get_int(p, "host_port", 0);
		int64_t ctr = pm_json_get_int(p, "container_port", 0);
		int64_t range = pm_json_get_int(p, "range", 1);
		if (i)
			pm_buf_add_str(&b, ", ");
		pm_buf_printf(&b, "%s:", ip && *ip ? ip : "0.0.0.0");
		if (range > 1)
			pm_buf_printf(&b, "%" PRId64 "-%" PRId64 "->%" PRId64 "-%" PRId64, host,
				      host + range - 1, ctr, ctr + range - 1);
		else
			pm_buf_printf(&b, "%" PRId64 "->%" PRId64, host, ctr);
		pm_buf_printf(&b, "/%s", pm_json_get_str(p, "protocol"));
	}
	return pm_buf_take(&b);
}

static char *command_text(const struct pm_json *words, bool no_trunc)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_json_to_strv(words, &l, NULL);
	char *s = pm_strv_join(&l, " ");
	/* Podman's width: 17 characters and dots */
	if (!no_trunc && strlen(s) > 20)
		memcpy(s + 17, "...", 4);
	return s;
}

static const struct {
	const char *file, *json, *field;
} namespaces[] = {
	{"cgroup", "Cgroup", "CGROUPNS"}, {"ipc", "IPC", "IPC"},     {"mnt", "MNT", "MNT"},
	{"net", "NET", "NET"},		  {"pid", "PIDNS", "PIDNS"}, {"user", "USERNS", "USERNS"},
	{"uts", "UTS", "UTS"},
};

/* The number in "pid:[4026531836]", "" when the process cannot be looked at. */
static const char *namespace_id(struct context *x, pid_t pid, const char *file)
{
	char path[64];
	_cleanup_free_ char *link = NULL;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, file);
	if (pid <= 0 || pm_fs_readlink(AT_FDCWD, path, &link, NULL) < 0)
		return "";
	char *open = strchr(link, '['), *close = open ? strchr(open, ']') : NULL;
	if (!close)
		return "";
	*close = '\0';
	return pm_json_pool_strdup(x->pool, open + 1);
}

/* All at once: the walk is one process inside the user namespace. */
static int measure(struct context *x, struct item *items, size_t n, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv paths = PM_STRV_INIT;
	_cleanup_free_ int64_t *sizes = pm_calloc(n + 1, sizeof(*sizes));
	for (size_t i = 0; i < n; i++)
		pm_strv_addf(&paths, "containers/%s/upper", items[i].row->id);
	int r = pm_disk_sizes(x->e, &paths, sizes, err);
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct item *it = &items[i];
		_cleanup_image_row_ struct pm_image_row image = {0};
		it->rw = it->root = sizes[i];
		if (it->row->image_id &&
		    pm_image_by_id(x->e->store, it->row->image_id, 0, &image, NULL) >= 0)
			it->root += image.size;
	}
	return r;
}

/* The pod of a container; NULL: none. */
static const struct pm_pod_row *pod_of(struct context *x, const struct pm_ctr_row *row)
{
	if (!row->pod)
		return NULL;
	if (!x->have_pods)
		pm_pod_list(x->e->store, &x->pods, NULL);
	x->have_pods = true;
	for (size_t i = 0; i < x->pods.n; i++)
		if (strcmp(x->pods.v[i].id, row->pod) == 0)
			return &x->pods.v[i];
	return NULL;
}

/* The ports that lead to a container: in a pod those of the infra container, whose network it is in. */
static struct pm_json *ports_of(struct context *x, const struct pm_ctr_row *row, const struct pm_pod_row *pod)
{
	for (size_t i = 0; pod && pod->infra && i < x->all->n; i++)
		if (strcmp(x->all->v[i].id, pod->infra) == 0)
			return parse(x, x->all->v[i].ports);
	return parse(x, row->ports);
}

static void set_own(struct context *x, struct pm_json *o, const char *name, char *text)
{
	pm_json_set_str(x->pool, o, name, text);
	free(text);
}

/* Where things are mounted, volumes last, and the networks it is in. */
static void from_config(struct context *x, const struct pm_ctr_row *row, struct pm_json **ret_mounts,
			struct pm_strv *ret_networks)
{
	_cleanup_strv_ struct pm_strv dests = PM_STRV_INIT;
	struct pm_json *config = NULL;
	*ret_mounts = pm_json_array(x->pool);
	if (!x->o->config || !row->config ||
	    pm_json_parse(x->pool, row->config, row->config_len, &config, NULL) < 0)
		return;
	const struct pm_json *v = pm_json_get(config, "mounts");
	for (int volumes = 0; volumes <= 1; volumes++)
		for (size_t i = 0; i < pm_json_len(v); i++)
			if (pm_streq(pm_json_get_str(pm_json_at(v, i), "type"), "volume") == (volumes == 1))
				pm_strv_add(&dests, pm_json_get_str(pm_json_at(v, i), "dest"));
	*ret_mounts = pm_json_strv(x->pool, &dests);
	v = pm_json_get(config, "networks");
	for (size_t i = 0; i < pm_json_len(v); i++) {
		/* NAME[:OPTIONS] */
		const struct pm_json *n = pm_json_at(v, i);
		const char *place = pm_json_is(n, PM_JSON_STRING) ? n->string : NULL;
		if (place)
			pm_strv_addf(ret_networks, "%.*s", (int)strcspn(place, ":"), place);
	}
}

static struct pm_json *one_name(struct context *x, const char *name)
{
	struct pm_json *names = pm_json_array(x->pool);
	pm_json_add(x->pool, names, pm_json_str(x->pool, name));
	return names;
}

/* The shape of --format json. */
static struct pm_json *json_item(struct context *x, const struct item *it)
{
	const struct pm_ctr_row *row = it->row;
	struct pm_json_pool *p = x->pool;
	struct pm_json *o = pm_json_object(p);
	struct pm_json *labels = parse(x, row->labels);
	char age[PM_TIME_SIZE];
	pm_duration_human(x->now - row->created, age);
	_cleanup_free_ char *status = pm_container_status_text(&it->st, x->now);
	_cleanup_strv_ struct pm_strv networks = PM_STRV_INIT;
	struct pm_json *mounts = NULL;
	const struct pm_pod_row *pod = pod_of(x, row);
	struct pm_json *ports = ports_of(x, row, pod);
	from_config(x, row, &mounts, &networks);

	pm_json_set_bool(p, o, "AutoRemove", row->rm);
	pm_json_set(p, o, "Command", parse(x, row->command));
	set_own(x, o, "CreatedAt", pm_asprintf("%s ago", age));
	pm_json_set_bool(p, o, "Exited", it->st.status == PM_STATUS_EXITED);
	pm_json_set_int(p, o, "ExitedAt", seconds(it->st.finished));
	pm_json_set_int(p, o, "ExitCode", it->st.exit_code);
	pm_json_set_str(p, o, "Id", row->id);
	pm_json_set_str(p, o, "Image", row->image_name);
	pm_json_set_str(p, o, "ImageID", row->image_id ? row->image_id : "");
	pm_json_set_bool(p, o, "IsInfra", pod && pm_streq(pod->infra, row->id));
	pm_json_set(p, o, "Labels", pm_json_len(labels) ? labels : pm_json_null(p));
	pm_json_set(p, o, "Mounts", mounts);
	pm_json_set(p, o, "Names", one_name(x, row->name));
	struct pm_json *ns = pm_json_set(p, o, "Namespaces", pm_json_object(p));
	for (size_t i = 0; x->o->namespaces && i < PM_ARRAY_SIZE(namespaces); i++)
		pm_json_set_str(p, ns, namespaces[i].json,
				namespace_id(x, it->st.pid, namespaces[i].file));
	pm_json_set(p, o, "Networks", pm_json_strv(p, &networks));
	pm_json_set_int(p, o, "Pid", it->st.pid);
	pm_json_set_str(p, o, "Pod", row->pod ? row->pod : "");
	pm_json_set_str(p, o, "PodName", pod ? pod->name : "");
	pm_json_set(p, o, "Ports", pm_json_len(ports) ? ports : pm_json_null(p));
	if (x->o->size) {
		struct pm_json *size = pm_json_set(p, o, "Size", pm_json_object(p));
		pm_json_set_int(p, size, "rootFsSize", it->root);
		pm_json_set_int(p, size, "rwSize", it->rw);
	} else {
		pm_json_set(p, o, "Size", pm_json_null(p));
	}
	pm_json_set_int(p, o, "StartedAt", seconds(it->st.started));
	pm_json_set_str(p, o, "State", pm_ctr_status_name(it->st.status));
	pm_json_set_str(p, o, "Status", status);
	pm_json_set_int(p, o, "Created", row->created / 1000000000);
	return o;
}

/* The shape of templates and the table. */
static struct pm_json *text_item(struct context *x, const struct item *it)
{
	const struct pm_ctr_row *row = it->row;
	struct pm_json_pool *p = x->pool;
	struct pm_json *o = pm_json_object(p), *labels = parse(x, row->labels);
	int shown = x->o->no_trunc ? 64 : PM_SHORT_ID;
	_cleanup_strv_ struct pm_strv networks = PM_STRV_INIT;
	struct pm_json *mounts = NULL;
	const struct pm_pod_row *pod = pod_of(x, row);
	char age[PM_TIME_SIZE];
	from_config(x, row, &mounts, &networks);
	pm_duration_human(x->now - row->created, age);

	set_own(x, o, "ID", pm_asprintf("%.*s", shown, row->id));
	pm_json_set_str(p, o, "Image", row->image_name);
	set_own(x, o, "ImageID", pm_asprintf("%.*s", shown, row->image_id ? row->image_id : ""));
	set_own(x, o, "Command", command_text(parse(x, row->command), x->o->no_trunc));
	char created[PM_TIME_SIZE];
	pm_time_go_local(row->created, created);
	pm_json_set_str(p, o, "CreatedAt", created);
	pm_json_set_str(p, o, "Created", created);
	set_own(x, o, "CreatedHuman", pm_asprintf("%s ago", age));
	set_own(x, o, "RunningFor", pm_asprintf("%s ago", age));
	set_own(x, o, "Status", pm_container_status_text(&it->st, x->now));
	struct pm_ctr_state bare = it->st; /* as Status, but for the health */
	bare.health = 0;
	set_own(x, o, "State", pm_container_status_text(&bare, x->now));
	set_own(x, o, "Ports", ports_text(ports_of(x, row, pod)));
	pm_json_set_str(p, o, "Names", row->name);
	labels = pm_json_set(p, o, "Labels",
			     pm_json_is(labels, PM_JSON_OBJECT) ? labels : pm_json_object(p));
	labels->hint = PM_JSON_MAP;
	pm_json_set(p, o, "Mounts", mounts);
	set_own(x, o, "Networks", pm_strv_join(&networks, ","));
	pm_json_set_int(p, o, "Pid", it->st.pid);
	pm_json_set_int(p, o, "ExitCode", it->st.exit_code);
	pm_json_set_bool(p, o, "Exited", it->st.status == PM_STATUS_EXITED);
	pm_json_set_int(p, o, "ExitedAt", seconds(it->st.finished));
	pm_json_set_int(p, o, "StartedAt", seconds(it->st.started));
	pm_json_set_bool(p, o, "AutoRemove", row->rm);
	pm_json_set_bool(p, o, "IsInfra", pod && pm_streq(pod->infra, row->id));
	set_own(x, o, "Pod", pm_asprintf("%.*s", shown, row->pod ? row->pod : ""));
	pm_json_set_str(p, o, "PodName", pod ? pod->name : "");
	for (size_t i = 0; i < PM_ARRAY_SIZE(namespaces); i++)
		pm_json_set_str(p, o, namespaces[i].field,
				x->o->namespaces ? namespace_id(x, it->st.pid, namespaces[i].file)
						 : "");
	if (x->o->size) {
		char own[PM_TIME_SIZE], all[PM_TIME_SIZE];
		pm_size_human((double)it->rw, false, own);
		pm_size_human((double)it->root, false, all);
		set_own(x, o, "Size", pm_asprintf("%s (virtual %s)", own, all));
	} else {
		pm_json_set_str(p, o, "Size", "");
	}
	return o;
}

/* --- sorting ------------------------------------------------------------------------------------------- */

static const char *sort_key;

static int by_key(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	int64_t d = 0;
	if (!sort_key || strcmp(sort_key, "created") == 0)
		d = a->row->created - b->row->created;
	else if (strcmp(sort_key, "runningfor") == 0)
		d = a->st.started - b->st.started;
	else if (strcmp(sort_key, "size") == 0)
		d = a->root - b->root;
	else if (strcmp(sort_key, "id") == 0)
		return strcmp(a->row->id, b->row->id);
	else if (strcmp(sort_key, "image") == 0)
		return strcmp(a->row->image_name, b->row->image_name);
	else if (strcmp(sort_key, "names") == 0)
		return strcmp(a->row->name, b->row->name);
	else if (strcmp(sort_key, "command") == 0)
		return strcmp(a->row->command ? a->row->command : "",
			      b->row->command ? b->row->command : "");
	else if (strcmp(sort_key, "status") == 0)
		return strcmp(pm_ctr_status_name(a->st.status), pm_ctr_status_name(b->st.status));
	return d < 0 ? -1 : d > 0;
}

int pm_container_list(struct pm_engine *e, const struct pm_list_options *o,
		      struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	struct context x = {.e = e, .o = o, .pool = pool, .now = pm_time_now(), .all = &l};
	int r = pm_ctr_list(e->store, (o->config ? PM_CTR_CONFIG : 0) | (o->external ? PM_CTR_EXTERNAL : 0) |
				      o->keep_needs, &l, err);
	if (r < 0)
		return r;

	struct item *items = pm_calloc(l.n, sizeof(*items));
	size_t n = 0;
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		struct item it = {.row = &l.v[i]};
		pm_container_state(e, it.row, &it.st);
		if (!o->all && o->last <= 0 && it.st.status != PM_STATUS_RUNNING &&
		    !it.st.restarting && !it.row->working)
			continue;
		r = o->keep ? o->keep(o->arg, it.row, &it.st, err) : 1;
		if (r > 0)
			items[n++] = it;
	}
	/* in the order of creation still: the last of those that fit the filters */
	if (o->last > 0 && (size_t)o->last < n) {
		memmove(items, items + n - (size_t)o->last, (size_t)o->last * sizeof(*items));
		n = (size_t)o->last;
	}
	if (r >= 0 && o->size)
		r = measure(&x, items, n, err);
	if (r >= 0) {
		sort_key = o->sort;
		qsort(items, n, sizeof(*items), by_key);
		*ret = pm_json_array(pool);
		for (size_t i = 0; i < n; i++)
			pm_json_add(pool, *ret,
				    o->json ? json_item(&x, &items[i]) : text_item(&x, &items[i]));
	}
	free(items);
	pm_pod_list_free(&x.pods);
	return r < 0 ? r : 0;
}
