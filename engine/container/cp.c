#include "engine/container/cp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/container/pause.h"
#include "engine/container/root.h"
#include "engine/container/userns.h"
#include "engine/spec/rootfs.h"
#include "engine/spec/user.h"
#include "engine/unpack.h"
#include "netns/idmap.h"
#include "storage/tree_tar.h"

/* What a process inside of the user namespace found out about one end: shared memory, since it ends. */
struct facts {
	char path[PATH_MAX]; /* symlinks resolved; as given when it is not there on the host */
	bool exists, is_dir;
	uint32_t uid, gid; /* the container's user */
};

struct end {
	const struct pm_cp_end *given;
	bool host, stream;
	struct pm_ctr_root root;
	struct facts *facts;
	bool slash, contents; /* the path ends with '/', with "/." */
};

static void end_close(struct end *x)
{
	pm_ctr_root_close(&x->root);
	if (x->facts)
		munmap(x->facts, sizeof(*x->facts));
}

/* --- looking at the ends ------------------------------------------------------------------------- */

static int look_host(struct end *x, struct pm_err *err)
{
	struct stat st;
	struct facts *f = x->facts;
	if (strlen(x->given->path) >= sizeof(f->path))
		return pm_fail_errno(err, ENAMETOOLONG, "'%s'", x->given->path);
	memcpy(f->path, x->given->path, strlen(x->given->path) + 1);
	if (stat(f->path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return pm_fail_sys(err, "stat %s", f->path);
	}
	f->exists = true;
	f->is_dir = S_ISDIR(st.st_mode);
	/* what a symlink means is written, not the symlink */
	char *real = realpath(x->given->path, f->path);
	return real ? 0 : pm_fail_sys(err, "resolve %s", x->given->path);
}

static int look_container(struct end *x, struct pm_err *err)
{
	struct facts *f = x->facts;
	_cleanup_free_ char *path = NULL;
	struct pm_rootfs_view view = {.dirs = &x->root.dir, .n_dirs = 1};
	struct stat st;

	int r = pm_rootfs_resolve(&view, x->given->path, &path, err);
	if (r < 0)
		return r;
	if (strlen(path) >= sizeof(f->path))
		return pm_fail_errno(err, ENAMETOOLONG, "'%s'", x->given->path);
	memcpy(f->path, path, strlen(path) + 1);
	_cleanup_close_ int fd = pm_fs_open_in(x->root.dir, path, O_PATH | O_NOFOLLOW, 0, NULL);
	if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
		return pm_fail_errno(err, -fd, "open '%s'", path);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		f->exists = true;
		f->is_dir = S_ISDIR(st.st_mode);
	}
	return 0;
}

/* A container with a user namespace of its own that does not run: its files are reached from the parent
 * namespace, which numbers the container's ids differently. */
static int parent_ids(struct end *x, struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
	const struct pm_ctr_config *k = &x->given->c->config;
	uint32_t id;
	if (!pm_ctr_userns_own(k))
		return 0;
	int r = pm_idmap_decode(&k->id_uids, &uids, err);
	if (r >= 0)
		r = pm_idmap_decode(&k->id_gids, &gids, err);
	if (r >= 0 && pm_idmap_to_host(&uids, x->facts->uid, &id))
		x->facts->uid = id;
	if (r >= 0 && pm_idmap_to_host(&gids, x->facts->gid, &id))
		x->facts->gid = id;
	return r;
}

static int look_user(struct end *x, struct pm_err *err)
{
	struct pm_rootfs_view view = {.dirs = &x->root.dir, .n_dirs = 1};
	_cleanup_spec_user_ struct pm_spec_user u = {0};
	static const struct pm_strv none = PM_STRV_INIT;
	int r = pm_spec_user_lookup(&view, x->given->c->config.user, &none, &u, err);
	x->facts->uid = u.uid;
	x->facts->gid = u.gid;
	return r < 0 || x->root.running ? r : parent_ids(x, err);
}

static int look(void *arg, struct pm_err *err)
{
	struct end *x = arg;
	if (x->host)
		return look_host(x, err);
	int r = look_container(x, err);
	return r < 0 ? r : look_user(x, err);
}

static int open_end(struct pm_engine *e, struct end *x, struct pm_err *err)
{
	const char *path = x->given->path;
	size_t len = strlen(path);
	x->host = !x->given->c;
	x->stream = x->host && strcmp(path, "-") == 0;
	x->slash = len > 0 && path[len - 1] == '/';
	x->contents = strcmp(path, ".") == 0 || pm_endswith(path, "/.");
	if (x->stream)
		return 0;
	void *p = mmap(NULL, sizeof(*x->facts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (p == MAP_FAILED)
		return pm_fail_sys(err, "map memory");
	x->facts = p;
	int r = 0;
	if (!x->host) {
		r = pm_ctr_root_open(e, x->given->c, &x->root, err);
	} else if (pm_userns_needed()) {
		/* what the user's containers made belongs to ids that only mean something in there */
		_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
		r = pm_userns_default_map(&map, err);
		if (r >= 0)
			r = pm_userns_get(e->store->runroot_fd, &x->root.userns, err);
		x->root.single_id = map.single;
	}
	return r < 0 ? r : pm_userns_run(x->root.userns, look, x, err);
}

/* --- what goes where ----------------------------------------------------------------------------- */

static int not_found(const struct end *x, struct pm_err *err)
{
	if (x->host)
		return pm_fail(err, PM_E_NOSUCH,
			       "\"%s\" could not be found on the host: no such file or directory",
			       x->given->path);
	return pm_fail(err, PM_E_NOSUCH,
		       "\"%s\" could not be found on container %s: no such file or directory",
		       x->given->path, x->given->c->row.name);
}

struct plan {
	char *name;  /* of the source in the archive; "": only what is in the directory */
	char *below; /* the directory in the destination that the archive is extracted in */
};

static void plan_free(struct plan *p)
{
	free(p->name);
	free(p->below);
}

/* "/a/b/" -> "/a", "b" */
static void split(const char *path, char **ret_dir, char **ret_base)
{
	_cleanup_free_ char *clean = pm_path_clean(path);
	char *slash = strrchr(clean, '/');
	*ret_base = pm_strdup(slash ? slash + 1 : clean);
	*ret_dir = !slash ? pm_strdup(".") : slash == clean ? pm_strdup("/")
							     : pm_strndup(clean, (size_t)(slash - clean));
}

/* What the source is called in the archive. */
static void name_source(const struct end *src, char **ret_name)
{
	_cleanup_free_ char *above = NULL;
	split(src->host ? src->given->path : src->facts->path, &above, ret_name);
	if (src->contents || strcmp(*ret_name, ".") == 0 || strcmp(*ret_name, "..") == 0)
		(*ret_name)[0] = '\0';
}

/* The parent of what is to be made must be there. */
static int check_parent(struct end *x, const char *dir, struct pm_err *err)
{
	struct pm_cp_end parent = {.c = x->given->c, .path = dir};
	struct end y = *x;
	y.given = &parent;
	int r;
	memset(x->facts, 0, offsetof(struct facts, uid));
	r = pm_userns_run(x->root.userns, look, &y, err);
	if (r < 0)
		return r;
	return y.facts->exists && y.facts->is_dir ? 0 : not_found(x, err);
}

static int decide(struct end *src, struct end *dst, struct plan *p, struct pm_err *err)
{
	bool dir = src->stream || src->facts->is_dir;

	if (dst->stream) {
		name_source(src, &p->name);
		return 0;
	}
	if (src->stream) {
		if (!dst->facts->exists || !dst->facts->is_dir)
			return pm_fail(err, PM_E_USAGE,
				       "destination must be a directory when copying from stdin");
		p->below = pm_strdup(dst->facts->path);
		return 0;
	}
	if (dir && dst->facts->exists && !dst->facts->is_dir)
		return pm_fail(err, PM_E_USAGE,
			       "destination must be a directory when copying a directory");
	if (dst->facts->exists && dst->facts->is_dir) {
		p->below = pm_strdup(dst->facts->path);
		name_source(src, &p->name);
		return 0;
	}
	/* it is made, or written, under the destination's own name */
	if (!dst->facts->exists && dst->slash)
		return not_found(dst, err);
	split(dst->facts->path, &p->below, &p->name);
	if (!*p->name || strcmp(p->name, "..") == 0)
		return not_found(dst, err);
	_cleanup_free_ char *parent = pm_strdup(p->below);
	return dst->facts->exists ? 0 : check_parent(dst, parent, err);
}

/* --- copying ------------------------------------------------------------------------------------- */

struct read_job {
	struct end *src;
	const char *name;
	int out;
};

static int read_source(void *arg, struct pm_err *err)
{
	const struct read_job *j = arg;
	const struct end *x = j->src;
	signal(SIGPIPE, SIG_IGN); /* who reads tells why it stopped */
	_cleanup_close_ int at =
		x->host ? pm_fs_open(AT_FDCWD, x->given->path, O_PATH, 0, err)
			: pm_fs_open_in(x->root.dir, x->facts->path, O_PATH | O_NOFOLLOW, 0, err);
	unsigned int flags = x->root.running && x->root.userns >= 0 ? PM_TREE_TAR_SKIP_UNREADABLE : 0;
	return at < 0 ? at : pm_tree_tar_write_at(j->out, at, j->name, flags, err);
}

/* The extractor's root: the container's, or the destination directory on the host. */
static int open_dest(struct end *dst, const struct plan *p, struct pm_err *err)
{
	if (!dst->host)
		return fcntl(dst->root.dir, F_DUPFD_CLOEXEC, 3);
	return pm_fs_open(AT_FDCWD, p->below, O_PATH | O_DIRECTORY, 0, err);
}

static int start_writer(struct end *dst, const struct plan *p, const struct pm_cp_options *o,
			int input, struct pm_unpacker *w, struct pm_err *err)
{
	_cleanup_close_ int dir = open_dest(dst, p, err);
	if (dir < 0)
		return dir;
	struct pm_unpack u = {
		.input = input,
		.dir = dir,
		.userns = dst->root.userns,
		/* on the host all is ours, unless the user can and wants otherwise */
		.single_id = dst->root.single_id || (dst->host && !o->keep_owner),
		.keep_kinds = !o->overwrite,
		.below = dst->host ? NULL : p->below,
		.set_owner = !dst->host && !o->keep_owner,
		.uid = dst->facts->uid,
		.gid = dst->facts->gid,
	};
	return pm_unpack_start(&u, w, err);
}

static int copy(struct end *src, struct end *dst, const struct plan *p,
		const struct pm_cp_options *o, struct pm_err *err)
{
	struct pm_unpacker w = PM_UNPACKER_INIT;
	int pipe_fds[2] = {-1, -1};
	struct read_job job = {.src = src, .name = p->name, .out = STDOUT_FILENO};
	struct pm_err read_err = PM_ERR_INIT;
	int r = 0, read_r = 0;

	if (dst->stream)
		return pm_userns_run(src->root.userns, read_source, &job, err);
	if (!src->stream && pipe2(pipe_fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	r = start_writer(dst, p, o, src->stream ? STDIN_FILENO : pipe_fds[0], &w, err);
	if (pipe_fds[0] >= 0)
		close(pipe_fds[0]);
	if (r >= 0 && !src->stream) {
		job.out = pipe_fds[1];
		read_r = pm_userns_run(src->root.userns, read_source, &job, &read_err);
	}
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	if (r < 0) {
		pm_unpack_finish(&w, NULL);
		return r;
	}
	r = pm_unpack_finish(&w, err);
	/* a reader that failed leaves the writer with half an archive: its error is the cause */
	if (read_r < 0 && read_r != -EPIPE)
		return pm_fail(err, read_err.code, "%s", read_err.text);
	return r;
}

static int cp_ends(struct pm_engine *e, struct end *src, struct end *dst,
		   const struct pm_cp_options *o, struct pm_err *err)
{
	_cleanup_(plan_free) struct plan p = {0};
	int r = open_end(e, src, err);
	if (r >= 0 && !src->stream && !src->facts->exists)
		return not_found(src, err);
	if (r >= 0)
		r = open_end(e, dst, err);
	if (r >= 0)
		r = decide(src, dst, &p, err);
	return r < 0 ? r : copy(src, dst, &p, o, err);
}

int pm_container_cp(struct pm_engine *e, struct pm_cp_end *src, struct pm_cp_end *dst,
		    const struct pm_cp_options *o, struct pm_err *err)
{
	_cleanup_(end_close) struct end from = {.given = src, .root = PM_CTR_ROOT_INIT};
	_cleanup_(end_close) struct end to = {.given = dst, .root = PM_CTR_ROOT_INIT};
	struct pm_cp_end *ends[] = {src, dst};
	bool paused[2] = {false};
	int r = 0;

	for (size_t i = 0; o->pause && r >= 0 && i < 2; i++) {
		struct pm_container *c = ends[i]->c;
		if (!c || (i == 1 && c == src->c) || c->state.status != PM_STATUS_RUNNING)
			continue;
		r = pm_container_pause(e, c, err);
		paused[i] = r >= 0;
	}
	if (r >= 0)
		r = cp_ends(e, &from, &to, o, err);
	for (size_t i = 0; i < 2; i++) {
		struct pm_err why = PM_ERR_INIT;
		if (paused[i] && pm_container_unpause(e, ends[i]->c, &why) < 0)
			pm_warn("unpause %s: %s", ends[i]->c->row.name, why.text);
	}
	return r;
}
