#include "engine/transfer/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/wire.h"
#include "engine/transfer/ring.h"
#include "engine/transfer/sandbox.h"
#include "storage/deflate.h"
#include "storage/recipe.h"
#include "storage/layer_tar.h"

enum {
	PIPE_SIZE = 1 << 20,
	SLOT_SIZE = 256 << 10,
	SLOTS = 4,
};

/* --- the child -------------------------------------------------------------------------------- */

struct packer {
	const struct pm_pack_spec *spec;
	int output;
	struct pm_deflate *deflate; /* NULL: not compressed */
	uint64_t stream_size, blob_size;

	/* where the diff id is to be checked: a thread digests what is copied into the ring */
	struct pm_ring *ring;
	pthread_t hasher;
	struct pm_sha256 hash; /* the thread's */
	uint8_t *room;         /* of the ring, being filled */
	size_t n_room;
};

static void *hasher_main(void *arg)
{
	struct packer *p = arg;
	const uint8_t *data;
	size_t len;
	while ((data = pm_ring_next(p->ring, 0, &len))) {
		pm_sha256_add(&p->hash, data, len);
		pm_ring_done(p->ring, 0);
	}
	return NULL;
}

static int start_hasher(struct packer *p, struct pm_err *err)
{
	pm_sha256_init(&p->hash);
	p->ring = pm_ring_new(SLOTS, SLOT_SIZE, 1);
	int r = pthread_create(&p->hasher, NULL, hasher_main, p);
	return r != 0 ? pm_fail_errno(err, r, "start a thread") : 0;
}

static void hash(struct packer *p, const uint8_t *data, size_t len)
{
	while (len > 0) {
		if (!p->room)
			p->room = pm_ring_room(p->ring);
		size_t n = len < SLOT_SIZE - p->n_room ? len : SLOT_SIZE - p->n_room;
		memcpy(p->room + p->n_room, data, n);
		p->n_room += n;
		data += n;
		len -= n;
		if (p->n_room == SLOT_SIZE) {
			pm_ring_put(p->ring, p->n_room);
			p->room = NULL;
			p->n_room = 0;
		}
	}
}

/* The stream has ended: was it the layer? */
static int check_hash(struct packer *p, struct pm_err *err)
{
	const char *want = p->spec->diff_id + strlen("sha256:");
	char hex[65];
	if (p->n_room > 0)
		pm_ring_put(p->ring, p->n_room);
	pm_ring_end(p->ring);
	pthread_join(p->hasher, NULL);
	pm_sha256_hex(&p->hash, hex);
	return strcmp(want, hex) == 0
		       ? 0
		       : pm_fail(err, PM_E_DIGEST,
				 "the layer's files are not what they were: its diff id is sha256:%s, "
				 "not sha256:%s",
				 hex, want);
}

static int put_blob(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct packer *p = arg;
	p->blob_size += len;
	int r = pm_fs_write_all(p->output, data, len, err);
	return r == -EPIPE ? pm_fail(err, PM_E_CANCELLED, "nobody takes the layer") : r;
}

static int put_stream(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct packer *p = arg;
	p->stream_size += len;
	if (p->ring)
		hash(p, data, len);
	return p->deflate ? pm_deflate_add(p->deflate, data, len, err) : put_blob(p, data, len, err);
}

static int make_stream(struct packer *p, struct pm_err *err)
{
	const struct pm_pack_spec *s = p->spec;
	if (s->recipe >= 0) {
		uint64_t size;
		struct pm_recipe_source src = {.recipe = s->recipe, .diff = s->diff, .spool = s->spool};
		return pm_recipe_replay(&src, put_stream, p, &size, err);
	}
	_cleanup_free_ int *layers = pm_calloc(s->n_base + 1, sizeof(*layers));
	layers[0] = s->diff;
	for (size_t i = 0; i < s->n_base; i++)
		layers[i + 1] = s->base[i];
	const struct pm_vfs_owners owners = {.map = pm_idmaps_owner_to_container, .arg = (void *)s->owners};
	struct pm_layer_tar t = {.layers = layers,
				.owners = s->owners ? &owners : NULL,
				.n_layers = s->merged ? s->n_base + 1 : 1,
				.raw = !s->merged && !s->base,
				.base = s->merged ? NULL : s->base,
				.n_base = s->n_base,
				.set_mtime = s->mtime >= 0,
				.mtime = s->mtime};
	return pm_layer_tar(&t, put_stream, p, err);
}

static int pack(struct packer *p, struct pm_pack_result *ret, struct pm_err *err)
{
	int r = make_stream(p, err);
	if (r >= 0 && p->ring)
		r = check_hash(p, err);
	if (r >= 0 && p->deflate)
		r = pm_deflate_finish(p->deflate, err);
	ret->stream_size = (int64_t)p->stream_size;
	ret->blob_size = (int64_t)p->blob_size;
	return r;
}

static int confine(const struct pm_pack_spec *s, int output, int report, pid_t parent,
		   struct pm_err *err)
{
	_cleanup_free_ int *keep = pm_calloc(s->n_base + 6, sizeof(*keep));
	size_t n = 0;
	const int own[] = {s->diff, s->recipe, s->spool, s->userns, output, report};
	for (size_t i = 0; i < PM_ARRAY_SIZE(own); i++)
		keep[n++] = own[i];
	for (size_t i = 0; i < s->n_base; i++)
		keep[n++] = s->base[i];
	int r = pm_sandbox_close_others(keep, n, err);
	if (r >= 0 && s->userns >= 0) {
		r = pm_sandbox_enter_userns(s->userns, err);
		close(s->userns);
	}
	if (r >= 0 && s->n_base == 0)
		r = pm_sandbox_chroot(s->diff, err);
	if (r >= 0)
		r = pm_sandbox_drop_capabilities(PM_SANDBOX_PACK, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return pm_fail(err, PM_E_CANCELLED, "pm-transfer has ended");
	/* a tree takes a descriptor for each directory on the way down, in each layer */
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return 0;
}

static int child_work(struct packer *p, int report, pid_t parent, struct pm_pack_result *ret,
		      struct pm_err *err)
{
	int r = confine(p->spec, p->output, report, parent, err);
	if (r >= 0 && p->spec->compression != PM_COMPRESSION_NONE)
		r = pm_deflate_new(p->spec->compression, p->spec->level, 0, put_blob, p, &p->deflate,
				   err);
	if (r >= 0 && p->spec->diff_id && pm_startswith(p->spec->diff_id, "sha256:"))
		r = start_hasher(p, err);
	if (r >= 0)
		r = pm_sandbox_filter(PM_SANDBOX_PACK, err);
	return r < 0 ? r : pack(p, ret, err);
}

static _Noreturn void child_main(const struct pm_pack_spec *spec, int output, int report, pid_t parent)
{
	struct packer p = {.spec = spec, .output = output};
	struct pm_pack_result result = {0};
	struct pm_err err = PM_ERR_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf bytes = PM_BUF_INIT;
	pm_sandbox_signals();
	if (child_work(&p, report, parent, &result, &err) < 0) {
		pm_wire_add_int(&w, "code", err.code);
		pm_wire_add(&w, "error", err.text);
	} else {
		pm_wire_add_int(&w, "stream_size", result.stream_size);
		pm_wire_add_int(&w, "blob_size", result.blob_size);
	}
	pm_wire_encode(&w, &bytes);
	/* When the parent is gone nobody wants it. The report comes before the output's end. */
	if (pm_fs_write_all(report, bytes.data, bytes.len, NULL) < 0)
		_exit(1);
	_exit(0);
}

/* --- the server ------------------------------------------------------------------------------- */

struct pm_pack_server {
	pid_t pid;
	int sock;
	pthread_mutex_t mutex; /* of sock: a message is written whole */
};

enum { SERVER_FDS = 6 }; /* diff, output, report, then recipe, spool, userns as they are there */

static int take_fd(const struct pm_wire *w, const char *name, const int *fds, size_t n, size_t *at)
{
	return pm_wire_get(w, name) && *at < n ? fds[(*at)++] : -1;
}

static _Noreturn void server_main(int sock, pid_t parent)
{
	struct pm_err err = PM_ERR_INIT;
	struct sigaction reaped = {.sa_handler = SIG_IGN};
	pm_sandbox_signals();
	sigaction(SIGCHLD, &reaped, NULL);
	if (pm_sandbox_close_others(&sock, 1, &err) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getppid() != parent)
		_exit(1);
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[SERVER_FDS];
		size_t n = SERVER_FDS, at = 3;
		int64_t kind = 0, level = 0;
		if (pm_wire_recv(sock, &w, fds, &n, &err) <= 0 || n < 3 ||
		    pm_wire_get_int(&w, "compression", 0, &kind, &err) < 0 ||
		    pm_wire_get_int(&w, "level", 0, &level, &err) < 0)
			_exit(0);
		struct pm_pack_spec spec = PM_PACK_SPEC_INIT;
		spec.diff = fds[0];
		spec.recipe = take_fd(&w, "recipe", fds, n, &at);
		spec.spool = take_fd(&w, "spool", fds, n, &at);
		spec.userns = take_fd(&w, "userns", fds, n, &at);
		spec.compression = (enum pm_compression)kind;
		spec.level = (int)level;
		spec.diff_id = pm_wire_get(&w, "diff_id");
		pid_t self = getpid();
		/* when it cannot fork, the report's end says so */
		if (fork() == 0)
			child_main(&spec, fds[1], fds[2], self);
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
}

int pm_pack_server_start(struct pm_pack_server **ret, struct pm_err *err)
{
	int sv[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return pm_fail_sys(err, "socketpair");
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		server_main(sv[1], parent);
	close(sv[1]);
	if (pid < 0) {
		close(sv[0]);
		return pm_fail_sys(err, "start a server of packers");
	}
	struct pm_pack_server *s = PM_NEW(struct pm_pack_server);
	s->pid = pid;
	s->sock = sv[0];
	pthread_mutex_init(&s->mutex, NULL);
	*ret = s;
	return 0;
}

void pm_pack_server_stop(struct pm_pack_server *s)
{
	if (!s)
		return;
	close(s->sock);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static int ask_server(struct pm_pack_server *server, const struct pm_pack_spec *s, int output,
		      int report, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[SERVER_FDS] = {s->diff, output, report};
	size_t n = 3;
	const struct {
		const char *name;
		int fd;
	} more[] = {{"recipe", s->recipe}, {"spool", s->spool}, {"userns", s->userns}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(more); i++) {
		if (more[i].fd < 0)
			continue;
		pm_wire_add(&w, more[i].name, "1");
		fds[n++] = more[i].fd;
	}
	pm_wire_add_int(&w, "compression", s->compression);
	pm_wire_add_int(&w, "level", s->level);
	if (s->diff_id)
		pm_wire_add(&w, "diff_id", s->diff_id);
	pthread_mutex_lock(&server->mutex);
	int r = pm_wire_send(server->sock, &w, fds, n, err);
	pthread_mutex_unlock(&server->mutex);
	return r;
}

/* --- the parent ------------------------------------------------------------------------------- */

int pm_pack_spawn(struct pm_pack_server *server, const struct pm_pack_spec *spec,
		  struct pm_pack *ret, struct pm_err *err)
{
	_cleanup_close_ int out_read = -1, out_write = -1, report_read = -1, report_write = -1;
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	out_read = fds[0];
	out_write = fds[1];
	/* refused beyond the user's share of pipe memory; it works with less */
	fcntl(out_write, F_SETPIPE_SZ, PIPE_SIZE);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	report_read = fds[0];
	report_write = fds[1];
	pid_t pid = 0;
	if (server) {
		int r = ask_server(server, spec, out_write, report_write, err);
		if (r < 0)
			return r;
	} else {
		pid_t parent = getpid();
		pid = fork();
		if (pid < 0)
			return pm_fail_sys(err, "start a packer");
		if (pid == 0)
			child_main(spec, out_write, report_write, parent);
	}
	*ret = (struct pm_pack){
		.pid = pid, .output = pm_steal_fd(&out_read), .report = pm_steal_fd(&report_read)};
	return 0;
}

static int reap(struct pm_pack *p)
{
	int status = -1;
	if (p->output >= 0)
		close(p->output);
	if (p->report >= 0)
		close(p->report);
	if (p->pid > 0)
		while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
			;
	*p = (struct pm_pack)PM_PACK_INIT;
	return status;
}

static int parse_report(const struct pm_wire *w, struct pm_pack_result *ret, struct pm_err *err)
{
	const char *text = pm_wire_get(w, "error");
	int64_t code = 0;
	if (text) {
		if (pm_wire_get_int(w, "code", PM_E_INTERNAL, &code, err) < 0 || code <= 0 ||
		    code > PM_E_INTERNAL)
			code = PM_E_INTERNAL;
		return pm_fail(err, (int)code, "%s", text);
	}
	struct pm_pack_result x = {0};
	if (pm_wire_get_int(w, "stream_size", -1, &x.stream_size, NULL) < 0 ||
	    pm_wire_get_int(w, "blob_size", -1, &x.blob_size, NULL) < 0 || x.stream_size < 0 ||
	    x.blob_size < 0)
		return pm_fail(err, PM_E_INTERNAL, "the packer's report is malformed");
	*ret = x;
	return 0;
}

int pm_pack_finish(struct pm_pack *p, struct pm_pack_result *ret, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	/* what is not taken now is not wanted: its next write fails */
	if (p->output >= 0)
		close(pm_steal_fd(&p->output));
	int got = pm_wire_recv(p->report, &w, NULL, NULL, err);
	int status = reap(p);
	if (got > 0)
		return parse_report(&w, ret, err);
	if (status != -1 && WIFSIGNALED(status))
		return pm_fail(err, PM_E_INTERNAL, "the packer was killed by signal %d (%s)",
			       WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	return pm_fail(err, PM_E_INTERNAL, "the packer ended without a report");
}

void pm_pack_cancel(struct pm_pack *p)
{
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
	reap(p);
}
