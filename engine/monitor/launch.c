#include "engine/monitor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"

static const char *const driver_names[] = {
	[PM_LOG_DRIVER_NONE] = "none",
	[PM_LOG_DRIVER_K8S_FILE] = "k8s-file",
	[PM_LOG_DRIVER_JSON_FILE] = "json-file",
	[PM_LOG_DRIVER_JOURNALD] = "journald",
	[PM_LOG_DRIVER_PASSTHROUGH] = "passthrough",
};

const char *pm_log_driver_name(enum pm_log_driver d)
{
	return driver_names[d];
}

int pm_log_driver_parse(const char *name, enum pm_log_driver *ret, struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(driver_names); i++) {
		if (pm_streq(name, driver_names[i])) {
			*ret = (enum pm_log_driver)i;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE,
		       "log driver \"%s\" is not supported: choose from k8s-file, json-file, "
		       "journald, passthrough, none",
		       name);
}

/* --- the plan's encoding ------------------------------------------------------------- */

enum field_kind {
	F_STR, /* char *; left out when NULL */
	F_STRV, /* struct pm_strv */
	F_BOOL,
	F_ENUM, /* int-sized; below max */
	F_I64,
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	int64_t max; /* F_ENUM: largest value */
};

#define F(member, kind_)                                                                           \
	{                                                                                          \
		.name = #member, .kind = kind_, .offset = offsetof(struct pm_launch_plan, member)  \
	}
#define FE(member, max_)                                                                           \
	{                                                                                          \
		.name = #member, .kind = F_ENUM,                                                   \
		.offset = offsetof(struct pm_launch_plan, member), .max = max_                     \
	}

static const struct field fields[] = {
	FE(kind, PM_LAUNCH_EXEC),
	F(id, F_STR),
	F(name, F_STR),
	F(bundle, F_STR),
	F(runtime, F_STR),
	F(runtime_name, F_STR),
	F(runtime_args, F_STRV),
	F(runtime_root, F_STR),
	F(cgroup_dir, F_STR),
	F(pod_group, F_STR),
	F(pod_limits, F_STRV),
	FE(cgroup_manager, PM_CGROUP_DISABLED),
	F(cgroup_private_mount, F_BOOL),
	F(runtime_env, F_STRV),
	F(no_pivot, F_BOOL),
	F(no_keyring, F_BOOL),
	F(create_only, F_BOOL),
	F(restore_image, F_STR),
	F(restore_work, F_STR),
	F(restore_shm, F_STR),
	F(restore_tcp, F_BOOL),
	F(restore_locks, F_BOOL),
	F(process, F_STR),
	F(rootfs, F_STR),
	F(rootfs_cover, F_STR),
	F(rootfs_real, F_STR),
	F(overlay, F_BOOL),
	FE(overlay_method, PM_OVERLAY_VFS),
	F(lowers, F_STRV),
	F(upper, F_STR),
	F(work, F_STR),
	F(overlay_volatile, F_BOOL),
	F(overlay_idmapped, F_BOOL),
	FE(netns, PM_LAUNCH_NET_JOIN),
	F(netns_path, F_STR),
	F(pasta_path, F_STR),
	F(pasta_guest_addr, F_STR),
	F(pasta_host_addr, F_STR),
	F(pasta_args, F_STRV),
	F(hosts_own, F_STR),
	F(hosts_gateway, F_STRV),
	F(hosts_needed, F_BOOL),
	F(net_sysctls, F_STRV),
	F(userns_uids, F_STRV),
	F(userns_gids, F_STRV),
	F(userns_path, F_STR),
	F(root_uid, F_I64),
	F(root_gid, F_I64),
	F(shm_dir, F_STR),
	F(shm_from, F_STR),
	F(shm_size, F_I64),
	F(shm_pid, F_I64),
	F(shm_pid_start, F_I64),
	F(timeout, F_I64),
	F(preserve_fds, F_I64),
	F(terminal, F_BOOL),
	F(stdin_open, F_BOOL),
	F(stdin_once, F_BOOL),
	FE(log_driver, PM_LOG_DRIVER_PASSTHROUGH),
	F(log_path, F_STR),
	F(log_fields, F_STR),
	F(log_max_size, F_I64),
	F(log_max_files, F_I64),
	F(log_tag, F_STR),
	F(ctr_dir, F_STR),
	FE(restart, PM_RESTART_UNLESS_STOPPED),
	F(restart_retries, F_I64),
	F(stop_signal, F_I64),
	F(stop_timeout, F_I64),
	F(check.process, F_STR),
	F(check.probe, F_STRV),
	F(check.interval, F_I64),
	F(check.timeout, F_I64),
	F(check.start_period, F_I64),
	F(check.retries, F_I64),
	F(startup.process, F_STR),
	F(startup.probe, F_STRV),
	F(startup.interval, F_I64),
	F(startup.timeout, F_I64),
	F(startup.retries, F_I64),
	F(startup.successes, F_I64),
	FE(health_action, PM_HEALTH_STOP),
	F(health_log, F_STR),
	F(health_log_count, F_I64),
	F(health_log_size, F_I64),
	F(health_events, F_BOOL),
	FE(notify_mode, PM_NOTIFY_HEALTHY),
	F(notify_socket, F_STR),
	F(watchdog_usec, F_I64),
	F(pidfile, F_STR),
	F(conmon_pidfile, F_STR),
	F(userns_hint_dir, F_STR),
	FE(events_backend, PM_EVENTS_JOURNALD),
	F(events_path, F_STR),
	F(events_max_size, F_I64),
	F(events_head, F_STR),
	F(events_tail, F_STR),
	F(remove_dirs, F_STRV),
	F(trash, F_STR),
	F(cleanup, F_STRV),
};

static void *member(const struct pm_launch_plan *p, const struct field *f)
{
	return (char *)(uintptr_t)p + f->offset;
}

void pm_launch_plan_init(struct pm_launch_plan *p)
{
	memset(p, 0, sizeof(*p));
	p->cgroup_manager = PM_CGROUP_DISABLED;
	pm_slirp_config_init(&p->slirp);
}

void pm_launch_plan_free(struct pm_launch_plan *p)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(fields); i++) {
		if (fields[i].kind == F_STR)
			free(*(char **)member(p, &fields[i]));
		else if (fields[i].kind == F_STRV)
			pm_strv_free(member(p, &fields[i]));
	}
	for (size_t i = 0; i < p->n_dirs; i++)
		free(p->dirs[i].path);
	free(p->dirs);
	for (size_t i = 0; i < p->n_copyups; i++) {
		free(p->copyups[i].path);
		free(p->copyups[i].host_dir);
	}
	free(p->copyups);
	for (size_t i = 0; i < p->n_chowns; i++)
		free(p->chowns[i].path);
	free(p->chowns);
	pm_volume_mounts_free(&p->root_mounts);
	pm_volume_mounts_free(&p->mounts);
	for (size_t i = 0; i < p->n_secrets; i++)
		free(p->secrets[i].path);
	free(p->secrets);
	for (size_t i = 0; i < p->n_appends; i++) {
		free(p->appends[i].path);
		free(p->appends[i].text);
	}
	free(p->appends);
	pm_slirp_config_free(&p->slirp);
	memset(p, 0, sizeof(*p));
}

void pm_launch_plan_add_dir(struct pm_launch_plan *p, const char *path, mode_t mode, uid_t uid,
			    gid_t gid)
{
	p->dirs = pm_reallocarray(p->dirs, p->n_dirs + 1, sizeof(p->dirs[0]));
	p->dirs[p->n_dirs++] = (struct pm_launch_dir){pm_strdup(path), mode, uid, gid};
}

void pm_launch_plan_add_copyup(struct pm_launch_plan *p, const char *path, const char *host_dir,
			       uid_t uid, gid_t gid)
{
	p->copyups = pm_reallocarray(p->copyups, p->n_copyups + 1, sizeof(p->copyups[0]));
	p->copyups[p->n_copyups++] =
		(struct pm_launch_copyup){pm_strdup(path), pm_strdup(host_dir), uid, gid};
}

void pm_launch_plan_add_chown(struct pm_launch_plan *p, const char *path, uid_t uid, gid_t gid)
{
	p->chowns = pm_reallocarray(p->chowns, p->n_chowns + 1, sizeof(p->chowns[0]));
	p->chowns[p->n_chowns++] = (struct pm_launch_chown){pm_strdup(path), uid, gid};
}

void pm_launch_plan_add_secret(struct pm_launch_plan *p, const char *path, mode_t mode, uid_t uid,
			       gid_t gid)
{
	p->secrets = pm_reallocarray(p->secrets, p->n_secrets + 1, sizeof(p->secrets[0]));
	p->secrets[p->n_secrets++] =
		(struct pm_launch_secret){pm_strdup(path), mode, uid, gid};
}

void pm_launch_plan_add_append(struct pm_launch_plan *p, const char *path, const char *text)
{
	p->appends = pm_reallocarray(p->appends, p->n_appends + 1, sizeof(p->appends[0]));
	p->appends[p->n_appends++] = (struct pm_launch_append){pm_strdup(path), pm_strdup(text)};
}

void pm_launch_plan_encode(const struct pm_launch_plan *p, struct pm_wire *w)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const void *m = member(p, f);
		switch (f->kind) {
		case F_STR:
			if (*(char *const *)m)
				pm_wire_add(w, f->name, *(char *const *)m);
			break;
		case F_STRV:
			pm_wire_add_list(w, f->name, m);
			break;
		case F_BOOL:
			if (*(const bool *)m)
				pm_wire_add_int(w, f->name, 1);
			break;
		case F_ENUM:
			pm_wire_add_int(w, f->name, *(const int *)m);
			break;
		case F_I64:
			pm_wire_add_int(w, f->name, *(const int64_t *)m);
			break;
		}
	}
	for (size_t i = 0; i < p->n_dirs; i++) {
		const struct pm_launch_dir *d = &p->dirs[i];
		_cleanup_free_ char *s =
			pm_asprintf("%u:%u:%u:%s", d->mode, d->uid, d->gid, d->path);
		pm_wire_add(w, "dir", s);
	}
	for (size_t i = 0; i < p->n_secrets; i++) {
		const struct pm_launch_secret *x = &p->secrets[i];
		_cleanup_free_ char *s =
			pm_asprintf("%u:%u:%u:%s", x->mode, x->uid, x->gid, x->path);
		pm_wire_add(w, "secret", s);
	}
	for (size_t i = 0; i < p->n_chowns; i++) {
		const struct pm_launch_chown *c = &p->chowns[i];
		_cleanup_free_ char *s = pm_asprintf("0:%u:%u:%s", c->uid, c->gid, c->path);
		pm_wire_add(w, "chown", s);
	}
	for (size_t i = 0; i < p->n_copyups; i++) {
		const struct pm_launch_copyup *c = &p->copyups[i];
		_cleanup_free_ char *s = pm_asprintf("0:%u:%u:%s", c->uid, c->gid, c->path);
		pm_wire_add(w, "copyup.path", s);
		pm_wire_add(w, "copyup.host_dir", c->host_dir);
	}
	if (p->root_mounts.n)
		pm_volume_mounts_encode(&p->root_mounts, "root_mount", w);
	if (p->mounts.n)
		pm_volume_mounts_encode(&p->mounts, "mount", w);
	for (size_t i = 0; i < p->n_appends; i++) {
		pm_wire_add(w, "append.path", p->appends[i].path);
		pm_wire_add(w, "append.text", p->appends[i].text);
	}
	if (p->netns == PM_LAUNCH_NET_SLIRP)
		pm_slirp_config_encode(&p->slirp, w);
}

/* "N:N:N:PATH" */
static int decode_owned_path(const char *s, unsigned int num[3], const char **ret_path,
			     struct pm_err *err)
{
	const char *p = s;
	for (int i = 0; i < 3; i++) {
		char *end;
		errno = 0;
		unsigned long v = strtoul(p, &end, 10);
		if (*p < '0' || *p > '9' || *end != ':' || errno || v > UINT32_MAX)
			return pm_fail(err, PM_E_FORMAT, "launch plan: malformed path '%s'", s);
		num[i] = (unsigned int)v;
		p = end + 1;
	}
	*ret_path = p;
	return 0;
}

static int decode_paths(const struct pm_wire *w, struct pm_launch_plan *p, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT, chowns = PM_STRV_INIT,
				      secrets = PM_STRV_INIT,
				      from = PM_STRV_INIT, to = PM_STRV_INIT, files = PM_STRV_INIT,
				      texts = PM_STRV_INIT;
	unsigned int num[3];
	const char *path;
	int r;

	pm_wire_get_list(w, "dir", &dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		r = decode_owned_path(dirs.v[i], num, &path, err);
		if (r < 0)
			return r;
		pm_launch_plan_add_dir(p, path, num[0], num[1], num[2]);
	}
	pm_wire_get_list(w, "chown", &chowns);
	for (size_t i = 0; i < chowns.n; i++) {
		r = decode_owned_path(chowns.v[i], num, &path, err);
		if (r < 0)
			return r;
		pm_launch_plan_add_chown(p, path, num[1], num[2]);
	}
	pm_wire_get_list(w, "secret", &secrets);
	for (size_t i = 0; i < secrets.n; i++) {
		r = decode_owned_path(secrets.v[i], num, &path, err);
		if (r < 0)
			return r;
		pm_launch_plan_add_secret(p, path, num[0], num[1], num[2]);
	}
	pm_wire_get_list(w, "copyup.path", &from);
	pm_wire_get_list(w, "copyup.host_dir", &to);
	if (from.n != to.n)
		return pm_fail(err, PM_E_FORMAT, "launch plan: volumes without a directory");
	for (size_t i = 0; i < from.n; i++) {
		r = decode_owned_path(from.v[i], num, &path, err);
		if (r < 0)
			return r;
		pm_launch_plan_add_copyup(p, path, to.v[i], num[1], num[2]);
	}
	pm_wire_get_list(w, "append.path", &files);
	pm_wire_get_list(w, "append.text", &texts);
	if (files.n != texts.n)
		return pm_fail(err, PM_E_FORMAT, "launch plan: files without text");
	for (size_t i = 0; i < files.n; i++)
		pm_launch_plan_add_append(p, files.v[i], texts.v[i]);
	r = pm_volume_mounts_decode(w, "root_mount", &p->root_mounts, err);
	return r < 0 ? r : pm_volume_mounts_decode(w, "mount", &p->mounts, err);
}

static int decode_field(const struct pm_wire *w, const struct field *f, struct pm_launch_plan *p,
			struct pm_err *err)
{
	void *m = member(p, f);
	if (f->kind == F_STR) {
		*(char **)m = pm_strdup_null(pm_wire_get(w, f->name));
		return 0;
	}
	if (f->kind == F_STRV) {
		pm_wire_get_list(w, f->name, m);
		return 0;
	}

	int64_t v;
	int r = pm_wire_get_int(w, f->name, 0, &v, err);
	if (r < 0)
		return pm_wrap(err, "launch plan");
	int64_t max = f->kind == F_ENUM   ? f->max
		      : f->kind == F_BOOL ? 1 : INT64_MAX;
	if (f->kind != F_I64 && (v < 0 || v > max))
		return pm_fail(err, PM_E_FORMAT, "launch plan: %s is out of range", f->name);
	if (f->kind == F_BOOL)
		*(bool *)m = v;
	else if (f->kind == F_ENUM)
		*(int *)m = (int)v;
	else
		*(int64_t *)m = v;
	return 0;
}

static int check_plan(const struct pm_launch_plan *p, struct pm_err *err)
{
	const char *missing = NULL;
	if (!p->id)
		missing = "id";
	else if (!p->runtime || !p->runtime_root)
		missing = "runtime";
	else if (!p->ctr_dir)
		missing = "ctr_dir";
	else if (p->kind == PM_LAUNCH_RUN && (!p->bundle || !p->rootfs))
		missing = "bundle";
	else if (p->kind == PM_LAUNCH_EXEC && !p->process)
		missing = "process";
	else if ((p->log_driver == PM_LOG_DRIVER_K8S_FILE ||
		  p->log_driver == PM_LOG_DRIVER_JSON_FILE) && !p->log_path)
		missing = "log_path";
	else if (p->log_driver == PM_LOG_DRIVER_JOURNALD && !p->log_fields)
		missing = "log_fields";
	else if (p->netns == PM_LAUNCH_NET_JOIN && !p->netns_path)
		missing = "netns_path";
	else if (p->netns == PM_LAUNCH_NET_PASTA && !p->pasta_path)
		missing = "pasta_path";
	if (missing)
		return pm_fail(err, PM_E_FORMAT, "launch plan: %s is missing", missing);
	return 0;
}

int pm_launch_plan_decode(const struct pm_wire *w, struct pm_launch_plan *ret, struct pm_err *err)
{
	_Static_assert(sizeof(ret->kind) == sizeof(int), "enums are encoded as int");
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < PM_ARRAY_SIZE(fields); i++) {
		int r = decode_field(w, &fields[i], ret, err);
		if (r < 0)
			return r;
	}
	int r = decode_paths(w, ret, err);
	if (r < 0)
		return r;
	if (ret->netns == PM_LAUNCH_NET_SLIRP) {
		r = pm_slirp_config_decode(w, &ret->slirp, err);
		if (r < 0)
			return r;
	}
	return check_plan(ret, err);
}

/* --- pm's side ----------------------------------------------------------------------- */

bool pm_fd_handed_down(int fd)
{
	return fcntl(fd, F_GETFD) == 0;
}

static int preserved(const struct pm_monitor_opts *opts, struct pm_proc_fd *fds, size_t *n,
		     struct pm_err *err)
{
	for (int i = 0; i < opts->preserve_fds; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%d", 3 + i);
		const struct pm_strv *only = opts->preserve_only;
		if (only && only->n && !pm_strv_has(only, number))
			continue;
		if (!pm_fd_handed_down(3 + i))
			return pm_fail(err, PM_E_USAGE,
				       "file descriptor %d is not available - the preserve-fds option "
				       "requires that file descriptors must be passed", 3 + i);
		fds[(*n)++] = (struct pm_proc_fd){3 + i, PM_MONITOR_FD_PRESERVED + i};
	}
	return 0;
}

int pm_monitor_spawn(struct pm_monitor *m, const struct pm_monitor_opts *opts, struct pm_err *err)
{
	_cleanup_close_ int control_here = -1, control_there = -1, attach_here = -1,
			    attach_there = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make the monitor's control socket");
	control_here = pair[0];
	control_there = pair[1];
	if (opts->attach) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return pm_fail_sys(err, "make the attach channel");
		attach_here = pair[0];
		attach_there = pair[1];
	}

	_cleanup_free_ struct pm_proc_fd *fds = NULL;
	size_t n = 0;
	if (opts->preserve_fds < 0 || opts->preserve_fds > PM_PRESERVE_MAX)
		return pm_fail(err, PM_E_USAGE, "at most %d file descriptors can be preserved", PM_PRESERVE_MAX);
	fds = pm_calloc(8 + (size_t)opts->preserve_fds, sizeof(*fds));
	int r = preserved(opts, fds, &n, err);
	if (r < 0)
		return r;
	for (int i = 0; opts->streams && i < 3; i++)
		fds[n++] = (struct pm_proc_fd){i, i};
	fds[n++] = (struct pm_proc_fd){control_there, 3};
	if (attach_there >= 0)
		fds[n++] = (struct pm_proc_fd){attach_there, 4};
	if (opts->slirp_fd >= 0)
		fds[n++] = (struct pm_proc_fd){opts->slirp_fd, 5};
	if (opts->userns == PM_MONITOR_USERNS_JOIN)
		fds[n++] = (struct pm_proc_fd){opts->userns_fd, 6};
	if (opts->mntns_fd >= 0)
		fds[n++] = (struct pm_proc_fd){opts->mntns_fd, 7};

	/* the name that ps shows; what is open is told by the descriptors themselves */
	char *const argv[] = {"pm-monitor",
			      opts->userns == PM_MONITOR_USERNS_FRESH ? "--userns=fresh" : NULL,
			      NULL};
	_cleanup_free_ char *path = pm_proc_helper("pm-monitor");
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.fds = fds;
	spec.n_fds = n;
	spec.new_session = true;
	r = pm_proc_spawn(&spec, &m->pid, NULL, err);
	if (r < 0)
		return r;
	m->control_fd = pm_steal_fd(&control_here);
	m->attach_fd = pm_steal_fd(&attach_here);
	return 0;
}

/* The next message must be event; an "error" event becomes err. */
static int expect(struct pm_monitor *m, const char *event, struct pm_wire *ret, struct pm_err *err)
{
	int r = pm_wire_recv(m->control_fd, ret, NULL, NULL, err);
	if (r < 0)
		return pm_wrap(err, "talk with the monitor");
	if (r == 0)
		return pm_fail(err, PM_E_STATE, "the container's monitor ended without a word");

	const char *got = pm_wire_get(ret, "event");
	if (pm_streq(got, "error")) {
		int64_t code;
		const char *text = pm_wire_get(ret, "text");
		r = pm_wire_get_int(ret, "code", PM_E_INTERNAL, &code, err);
		if (r < 0)
			return r;
		if (code <= 0 || code > INT32_MAX)
			code = PM_E_INTERNAL;
		m->gone = true;
		return pm_fail(err, (int)code, "%s", text ? text : "unknown error");
	}
	if (!pm_streq(got, event))
		return pm_fail(err, PM_E_INTERNAL, "the monitor said '%s' instead of '%s'",
			       got ? got : "nothing", event);
	return 0;
}

int pm_monitor_map_start(struct pm_monitor *m, const struct pm_userns_map *map,
			 struct pm_userns_tools *tools, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int r = expect(m, "unshared", &w, err);
	if (r < 0)
		return r;
	return pm_userns_maps_start(m->pid, map, tools, err);
}

int pm_monitor_map(struct pm_monitor *m, const struct pm_userns_map *map, struct pm_err *err)
{
	struct pm_userns_tools tools;
	int r = pm_monitor_map_start(m, map, &tools, err);
	if (r < 0)
		return r;
	return pm_userns_maps_finish(&tools, err);
}

int pm_monitor_launch(struct pm_monitor *m, const struct pm_launch_plan *plan, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "op", "launch");
	pm_launch_plan_encode(plan, &w);

	struct pm_err sent = PM_ERR_INIT;
	if (pm_wire_send(m->control_fd, &w, NULL, 0, &sent) < 0) {
		/* it has gone: why is in its last message, if it could say */
		_cleanup_wire_ struct pm_wire last = PM_WIRE_INIT;
		int r = expect(m, "", &last, err);
		return r < 0 ? r : pm_fail(err, sent.code, "%s", sent.text);
	}
	return 0;
}

int pm_monitor_wait_started(struct pm_monitor *m, pid_t *ret_pid, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t pid;
	int r = expect(m, "started", &w, err);
	if (r < 0)
		return r;
	r = pm_wire_get_int(&w, "pid", 0, &pid, err);
	if (r < 0)
		return r;
	*ret_pid = (pid_t)pid;
	return 0;
}

int pm_monitor_wait_exit(struct pm_monitor *m, int *ret_exit_code, bool *ret_oom,
			 struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t code, oom;
	int r = expect(m, "exited", &w, err);
	if (r < 0)
		return r;
	r = pm_wire_get_int(&w, "exit_code", 255, &code, err);
	if (r < 0)
		return r;
	r = pm_wire_get_int(&w, "oom_killed", 0, &oom, err);
	if (r < 0)
		return r;
	*ret_exit_code = (int)code;
	if (ret_oom)
		*ret_oom = oom;

	/* from now on the row is ours, or the monitor would execute the clean-up command */
	_cleanup_wire_ struct pm_wire ack = PM_WIRE_INIT;
	pm_wire_add(&ack, "op", "acknowledge");
	pm_wire_send(m->control_fd, &ack, NULL, 0, NULL);
	return 0;
}

void pm_monitor_wait_gone(struct pm_monitor *m)
{
	char buf[512];
	ssize_t n;
	do
		n = read(m->control_fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && errno == EINTR));
}

void pm_monitor_close(struct pm_monitor *m)
{
	if (m->control_fd >= 0)
		close(m->control_fd);
	if (m->attach_fd >= 0)
		close(m->attach_fd);
	m->control_fd = m->attach_fd = -1;
	if (m->pid > 0)
		while (waitpid(m->pid, NULL, m->gone ? 0 : WNOHANG) < 0 && errno == EINTR)
			;
	m->pid = 0;
}
