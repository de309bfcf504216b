#include "engine/container/checkpoint_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/container/create.h"
#include "engine/container/diff.h"
#include "engine/container/ociruntime.h"
#include "engine/container/tree.h"
#include "engine/events/events.h"
#include "engine/image/helper.h"
#include "engine/image/import.h"
#include "engine/volume/files.h"
#include "storage/layer_tar.h"
#include "storage/stage.h"
#include "storage/tree_tar.h"
#include "storage/volume.h"

/* --- where it goes ---------------------------------------------------------------------------------- */

int pm_checkpoint_target_open(const char *path, struct pm_checkpoint_target *ret, struct pm_err *err)
{
	struct stat st;
	char random[17];
	ret->path = path;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		ret->fd = pm_fs_open(AT_FDCWD, path, O_WRONLY | O_NOCTTY, 0, err);
		return ret->fd < 0 ? ret->fd : 0;
	}
	pm_random_hex(8, random);
	ret->temporary = pm_asprintf("%s.%s", path, random);
	ret->fd = pm_fs_open(AT_FDCWD, ret->temporary, O_WRONLY | O_CREAT | O_EXCL, 0600, err);
	if (ret->fd >= 0)
		return 0;
	free(pm_steal(&ret->temporary));
	return pm_wrap(err, "write %s", path);
}

void pm_checkpoint_target_close(struct pm_checkpoint_target *t)
{
	if (t->temporary)
		unlink(t->temporary);
	free(t->temporary);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct pm_checkpoint_target)PM_CHECKPOINT_TARGET_INIT;
}

static int target_complete(struct pm_checkpoint_target *t, struct pm_err *err)
{
	if (!t->temporary)
		return 0;
	if (fsync(t->fd) < 0)
		return pm_fail_sys(err, "write %s", t->path);
	if (rename(t->temporary, t->path) < 0)
		return pm_fail_sys(err, "rename %s to %s", t->temporary, t->path);
	free(pm_steal(&t->temporary));
	return 0;
}

/* --- the documents ----------------------------------------------------------------------------------- */

struct pm_json *pm_checkpoint_network_status(struct pm_json_pool *pool, const struct pm_json *networks)
{
	static const char *const families[][3] = {
		{"IPAddress", "IPPrefixLen", "Gateway"},
		{"GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway"},
	};
	struct pm_json *all = pm_json_object(pool);
	for (size_t i = 0; i < networks->len; i++) {
		const struct pm_json *n = networks->members[i].value;
		struct pm_json *status = pm_json_set(pool, all, networks->members[i].name, pm_json_object(pool));
		struct pm_json *devices = pm_json_set(pool, status, "interfaces", pm_json_object(pool));
		char name[16];
		snprintf(name, sizeof(name), "eth%zu", i);
		struct pm_json *d = pm_json_set(pool, devices, name, pm_json_object(pool));
		struct pm_json *subnets = pm_json_set(pool, d, "subnets", pm_json_array(pool));
		for (size_t f = 0; f < PM_ARRAY_SIZE(families); f++) {
			const char *ip = pm_json_get_str(n, families[f][0]);
			const char *gateway = pm_json_get_str(n, families[f][2]);
			if (!ip || !*ip)
				continue;
			struct pm_json *s = pm_json_add(pool, subnets, pm_json_object(pool));
			_cleanup_free_ char *net = pm_asprintf(
				"%s/%d", ip, (int)pm_json_get_int(n, families[f][1], 0));
			pm_json_set_str(pool, s, "ipnet", net);
			if (gateway && *gateway)
				pm_json_set_str(pool, s, "gateway", gateway);
		}
		const char *mac = pm_json_get_str(n, "MacAddress");
		if (mac && *mac)
			pm_json_set_str(pool, d, "mac_address", mac);
	}
	return all;
}

/* The runtime's name, as config.dump has it and an import wants it again. */
static char *runtime_name(struct pm_engine *e, const struct pm_container *c)
{
	_cleanup_ociruntime_ struct pm_ociruntime runtime = {0};
	return pm_strdup(pm_ociruntime_find(e, &c->config, &runtime, NULL) < 0 ? "runc" : runtime.name);
}

static struct pm_json *named_volumes(struct pm_json_pool *pool, const struct pm_ctr_config *k)
{
	struct pm_json *list = pm_json_array(pool);
	for (size_t i = 0; i < k->n_mounts; i++) {
		const struct pm_ctr_mount *m = &k->mounts[i];
		if (!pm_streq(m->type, "volume") || !m->name)
			continue;
		struct pm_json *v = pm_json_add(pool, list, pm_json_object(pool));
		pm_json_set_str(pool, v, "volumeName", m->name);
		pm_json_set_str(pool, v, "dest", m->dest);
		pm_json_set(pool, v, "options", pm_json_strv(pool, &m->options));
	}
	return list;
}

/* Podman's members as far as they mean something here, and all of pm's. */
static struct pm_json *config_dump(struct pm_engine *e, struct pm_json_pool *p, const struct pm_container *c)
{
	const struct pm_ctr_config *k = &c->config;
	struct pm_json *o = pm_json_object(p);
	_cleanup_free_ char *runtime = runtime_name(e, c);
	char when[PM_TIME_SIZE];
	pm_json_set_str(p, o, "id", k->id);
	pm_json_set_str(p, o, "name", c->row.name);
	pm_json_set_str(p, o, "rootfsImageID", k->image_id);
	pm_json_set_str(p, o, "rootfsImageName", k->image);
	pm_json_set_str(p, o, "rawImageName", k->raw_image_name);
	pm_json_set_int(p, o, "shmSize", k->shm_size == PM_UNSET ? 65536000 : k->shm_size);
	pm_json_set(p, o, "namedVolumes", named_volumes(p, k));
	pm_json_set_bool(p, o, "privileged", k->privileged);
	pm_json_set_str(p, o, "user", k->user ? k->user : "");
	pm_json_set_bool(p, o, "createNetNS", !pm_streq(k->network, "host") && !pm_streq(k->network, "none"));
	if (k->n_ports)
		pm_json_set(p, o, "newPortMappings", pm_ctr_ports_tree(p, k));
	pm_json_set(p, o, "entrypoint", pm_json_strv(p, &k->entrypoint));
	pm_json_set(p, o, "command", pm_json_strv(p, &k->command));
	pm_json_set_bool(p, o, "stdin", k->stdin_open);
	pm_json_set(p, o, "labels", pm_ctr_labels_tree(p, &k->labels));
	pm_json_set_int(p, o, "stopSignal", k->stop_signal == PM_UNSET ? SIGTERM : k->stop_signal);
	pm_json_set_int(p, o, "stopTimeout", k->stop_timeout == PM_UNSET ? e->conf.stop_timeout : k->stop_timeout);
	pm_json_set_str(p, o, "createdTime", pm_time_rfc3339(k->created, 0, when));
	pm_json_set_str(p, o, "logDriver", k->log_driver);
	pm_json_set_str(p, o, "ociRuntime", runtime);
	pm_json_set_str(p, o, "checkpointedAt", pm_time_rfc3339(k->checkpoint_time, 0, when));
	pm_json_set(p, o, "pm", pm_ctr_config_to_json(p, k));
	return o;
}

static int put_json(int dir, const char *name, const struct pm_json *v, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_json_write(v, 1, &text);
	return pm_fs_write_file(dir, name, text.data, text.len, 0600, false, err);
}

/* --- files ------------------------------------------------------------------------------------------- */

struct sink {
	int fd;
	size_t len;
	char buf[64 << 10];
};

static int flush(struct sink *s, struct pm_err *err)
{
	int r = pm_fs_write_all(s->fd, s->buf, s->len, err);
	s->len = 0;
	return r;
}

/* Headers are small. */
static int put(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct sink *s = arg;
	if (len > sizeof(s->buf) - s->len) {
		int r = flush(s, err);
		if (r < 0 || len >= sizeof(s->buf))
			return r < 0 ? r : pm_fs_write_all(s->fd, data, len, err);
	}
	memcpy(s->buf + s->len, data, len);
	s->len += len;
	return 0;
}

/* The upper alone, read as if nothing lay below it: what was removed of the image is in the list. */
static int put_rootfs(struct pm_engine *e, const struct pm_container *c, int dir, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv changes = PM_STRV_INIT;
	struct pm_json *deleted = pm_json_array(pool);
	int r = pm_tree_of_container(e, c, "checkpoint", &tree, err);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = pm_fs_open(dir, PM_CHECKPOINT_ROOTFS, O_WRONLY | O_CREAT | O_EXCL, 0600, err);
	if (fd < 0)
		return fd;
	struct pm_layer_tar t = {.layers = tree.fds, .n_layers = 1};
	_cleanup_free_ struct sink *s = pm_malloc(sizeof(*s));
	s->fd = fd;
	s->len = 0;
	r = pm_layer_tar(&t, put, s, err);
	if (r >= 0)
		r = flush(s, err);
	if (r >= 0)
		r = pm_diff(e, PM_DIFF_CONTAINER, c->row.id, NULL, &changes, err);
	for (size_t i = 0; i < changes.n; i++)
		if (changes.v[i][0] == 'D')
			pm_json_add(pool, deleted, pm_json_str(pool, changes.v[i] + 1));
	if (r >= 0 && deleted->len)
		r = put_json(dir, PM_CHECKPOINT_DELETED, deleted, err);
	return r;
}

static int put_volumes(struct pm_engine *e, const struct pm_container *c, int dir, struct pm_err *err)
{
	_cleanup_close_ int to = -1;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < c->row.volumes.n; i++) {
		_cleanup_volume_row_ struct pm_volume_row row = {0};
		_cleanup_free_ char *name = pm_asprintf("%s.tar", c->row.volumes.v[i]);
		if (to < 0)
			r = to = pm_fs_mkdir_in(dir, PM_CHECKPOINT_VOLUMES, 0700, err);
		_cleanup_close_ int fd = r < 0 ? r : pm_fs_open(to, name, O_WRONLY | O_CREAT | O_EXCL, 0600, err);
		r = fd < 0 ? fd : pm_volume_get(e->store, c->row.volumes.v[i], &row, err);
		if (r >= 0)
			r = pm_volume_export(e, &row, fd, err);
	}
	return r < 0 ? r : 0;
}

/* What is not in the container's directory already, into stage. */
static int make_parts(struct pm_engine *e, const struct pm_container *c, int ctr_dir,
		      const struct pm_checkpoint_options *o, int stage, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf spec = PM_BUF_INIT;
	int r = put_json(stage, PM_CHECKPOINT_CONFIG, config_dump(e, pool, c), err);
	if (r >= 0)
		r = pm_fs_read_file(ctr_dir, "config.json", 16 << 20, &spec, err);
	if (r >= 0)
		r = pm_fs_write_file(stage, PM_CHECKPOINT_SPEC, spec.data, spec.len, 0600, false, err);
	if (r >= 0 && !o->ignore_rootfs)
		r = put_rootfs(e, c, stage, err);
	if (r >= 0 && !o->ignore_volumes)
		r = put_volumes(e, c, stage, err);
	return r;
}

/* Each that is there. */
static int add_all(struct pm_tar_writer *w, int dir, const char *const *names, struct pm_err *err)
{
	int r = 0;
	for (; *names && r >= 0; names++)
		if (faccessat(dir, *names, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			r = pm_tree_tar_add(w, dir, *names, *names, err);
	return r;
}

/* The tar, uncompressed, into fd. */
static int write_tar(struct pm_engine *e, const struct pm_container *c, int ctr_dir,
		     const struct pm_checkpoint_options *o, int fd, struct pm_err *err)
{
	static const char *const pre[] = {PM_CHECKPOINT_PRE, NULL};
	static const char *const kept[] = {PM_CHECKPOINT_SHM, PM_CHECKPOINT_NETWORK, "stats-dump", "dump.log",
					   PM_CHECKPOINT_DIR, NULL};
	static const char *const made[] = {PM_CHECKPOINT_CONFIG, PM_CHECKPOINT_SPEC, PM_CHECKPOINT_ROOTFS,
					   PM_CHECKPOINT_DELETED, PM_CHECKPOINT_VOLUMES, NULL};
	_cleanup_stage_ struct pm_stage *stage = NULL;
	_cleanup_free_ struct sink *s = pm_malloc(sizeof(*s));
	s->fd = fd;
	s->len = 0;
	int r = pm_stage_new(e->store, &stage, err);
	if (r >= 0 && !o->pre_checkpoint)
		r = make_parts(e, c, ctr_dir, o, stage->dir_fd, err);
	if (r < 0)
		return r;
	struct pm_tar_writer *w = pm_tar_writer_new(put, s);
	if (!o->pre_checkpoint)
		r = add_all(w, stage->dir_fd, made, err);
	if (r >= 0)
		r = add_all(w, ctr_dir, o->pre_checkpoint ? pre : kept, err);
	if (r >= 0)
		r = pm_tar_writer_finish(w, err);
	if (r >= 0)
		r = flush(s, err);
	pm_tar_writer_free(w);
	return r;
}

/* The same by way of pm-transfer, which compresses. */
static int write_compressed(struct pm_engine *e, const struct pm_container *c, int ctr_dir,
			    const struct pm_checkpoint_options *o, int fd, struct pm_err *err)
{
	struct pm_helper h = PM_HELPER_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, answer = PM_WIRE_INIT;
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	_cleanup_close_ int in = pipe_fds[0], out = pipe_fds[1];
	/* its own end, not SIGPIPE, tells that it failed */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;
	sigaction(SIGPIPE, &ignore, &old);
	pm_wire_add(&w, "type", "request");
	pm_wire_add(&w, "op", "compress");
	pm_wire_add(&w, "kind", o->compression == PM_COMPRESSION_GZIP ? "gzip" : "zstd");
	pm_wire_add(&w, "fds", "input");
	pm_wire_add(&w, "fds", "output");
	int r = pm_helper_begin(&h, err);
	if (r >= 0)
		r = pm_wire_send(h.sock, &w, (int[]){in, fd}, 2, err);
	close(pm_steal_fd(&in));
	if (r >= 0) {
		r = write_tar(e, c, ctr_dir, o, out, err);
		close(pm_steal_fd(&out));
		struct pm_err why = PM_ERR_INIT;
		if ((r >= 0 || r == -EPIPE) && pm_helper_next(&h, &answer, NULL, NULL, &why) < 0)
			r = pm_fail(err, why.code, "compress: %s", why.text);
	}
	pm_helper_finish(&h);
	pm_helper_unmask(&h);
	sigaction(SIGPIPE, &old, NULL);
	return r;
}

int pm_checkpoint_export(struct pm_engine *e, struct pm_container *c, int dir,
			 const struct pm_checkpoint_options *o, struct pm_checkpoint_target *t,
			 struct pm_err *err)
{
	int r = o->compression == PM_COMPRESSION_NONE ? write_tar(e, c, dir, o, t->fd, err)
						      : write_compressed(e, c, dir, o, t->fd, err);
	if (r >= 0)
		r = target_complete(t, err);
	return r < 0 ? pm_wrap(err, "export the checkpoint of container %s", c->row.name) : 0;
}

/* --- an image ---------------------------------------------------------------------------------------- */

/* The first word of PROGRAM --version's first line after skip, or what of it is there. */
static char *version_of(const char *program, const char *before)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int code = 0;
	if (pm_proc_find(program, NULL, &path, NULL) < 0)
		return pm_strdup("");
	char *const argv[] = {path, (char[]){"--version"}, NULL};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	if (pm_proc_run(&spec, &out, 4096, NULL, &code, NULL) < 0 || code)
		return pm_strdup("");
	const char *at = strstr(pm_buf_str(&out), before);
	at = at ? at + strlen(before) : "";
	return pm_strndup(at, strcspn(at, " \n"));
}

static void add_annotation(struct pm_strv *l, const char *name, const char *value)
{
	if (value && *value)
		pm_strv_addf(l, PM_CHECKPOINT_ANNOTATION "%s=%s", name, value);
}

/* NAME of /etc/os-release, without its quotes. */
static char *os_release(const struct pm_strv *lines, const char *name)
{
	const char *v = pm_env_get(lines, name);
	size_t quoted = v && *v == '"';
	return v ? pm_strndup(v + quoted, strcspn(v + quoted, "\"\n")) : NULL;
}

static void annotate(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret)
{
	_cleanup_free_ char *runtime = runtime_name(e, c), *criu = version_of("criu", "Version: ");
	_cleanup_free_ char *before = pm_asprintf("%s version ", runtime);
	_cleanup_free_ char *version = version_of(runtime, before), *id = NULL, *number = NULL;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	struct utsname host;
	add_annotation(ret, "name", c->row.name);
	add_annotation(ret, "rawImageName", c->config.raw_image_name);
	add_annotation(ret, "rootfsImageID", c->config.image_id);
	add_annotation(ret, "rootfsImageName", c->config.image);
	add_annotation(ret, "criu.version", criu);
	add_annotation(ret, "runtime.name", runtime);
	add_annotation(ret, "runtime.version", version);
	if (uname(&host) == 0) {
		add_annotation(ret, "host.arch", pm_streq(host.machine, "x86_64")    ? "amd64"
						 : pm_streq(host.machine, "aarch64") ? "arm64"
										     : host.machine);
		add_annotation(ret, "host.kernel", host.release);
	}
	if (pm_engine_cgroup(e, c->config.cgroups, &cg, NULL) >= 0)
		add_annotation(ret, "cgroups.version", cg.host == PM_CGROUP_HOST_UNIFIED ? "v2" : "v1");
	if (pm_fs_read_file(AT_FDCWD, "/etc/os-release", 65536, &text, NULL) >= 0)
		pm_strv_split(&lines, pm_buf_str(&text), '\n');
	id = os_release(&lines, "ID");
	number = os_release(&lines, "VERSION_ID");
	add_annotation(ret, "distribution.name", id);
	add_annotation(ret, "distribution.version", number);
}

int pm_checkpoint_image(struct pm_engine *e, struct pm_container *c, int dir,
			const struct pm_checkpoint_options *o, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv annotations = PM_STRV_INIT;
	_cleanup_stage_ struct pm_stage *stage = NULL;
	char id[65];
	int r = pm_stage_new(e->store, &stage, err);
	if (r < 0)
		return r;
	_cleanup_close_ int tar = pm_fs_open(stage->dir_fd, "tar", O_RDWR | O_CREAT | O_EXCL, 0600, err);
	if (tar < 0)
		return tar;
	r = write_tar(e, c, dir, o, tar, err);
	if (r >= 0 && lseek(tar, 0, SEEK_SET) < 0)
		r = pm_fail_sys(err, "lseek");
	annotate(e, c, &annotations);
	const struct pm_import_options io = {.annotations = &annotations, .message = "checkpoint"};
	if (r >= 0)
		r = pm_image_import(e->store, "-", tar, o->image, &io, NULL, id, err);
	if (r >= 0)
		pm_event_image(e, "import", id, o->image);
	return r < 0 ? pm_wrap(err, "make image %s of the checkpoint", o->image) : 0;
}
