#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"

static const char *const driver_names[] = {
	[PM_STORE_AUTO] = "",
	[PM_STORE_OVERLAY] = "overlay",
	[PM_STORE_FUSE] = "fuse-overlayfs",
	[PM_STORE_VFS] = "vfs",
};

const char *pm_store_driver_name(enum pm_store_driver driver)
{
	return driver_names[driver];
}

static const char *env(const char *name)
{
	const char *v = getenv(name);
	return v && *v ? v : NULL;
}

static bool is_private_dir(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 077);
}

static int default_root(char **ret, struct pm_err *err)
{
	const char *v;
	if (pm_proc_for_system())
		*ret = pm_strdup("/var/lib/pm");
	else if ((v = env("XDG_DATA_HOME")) && *v == '/')
		*ret = pm_asprintf("%s/pm", v);
	else if ((v = env("HOME")) && *v == '/')
		*ret = pm_asprintf("%s/.local/share/pm", v);
	else
		return pm_fail(err, PM_E_USAGE, "no place for images: set HOME, or use --root");
	return 0;
}

/* Without XDG_RUNTIME_DIR (cron, su) the session's directory is used all the same when it is there:
 * otherwise the containers of the session would not be seen. */
static char *default_runroot(void)
{
	const char *v = env("XDG_RUNTIME_DIR");
	if (pm_proc_for_system())
		return pm_strdup("/run/pm");
	if (v && *v == '/')
		return pm_asprintf("%s/pm", v);
	char path[64];
	unsigned int uid = pm_proc_outer_uid();
	snprintf(path, sizeof(path), "/run/user/%u", uid);
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && is_private_dir(fd))
		return pm_asprintf("%s/pm", path);
	return pm_asprintf("/tmp/pm-run-%u", uid);
}

static int take_path(const char *given, const char *option, char **ret, struct pm_err *err)
{
	if (*given != '/')
		return pm_fail(err, PM_E_USAGE, "%s '%s' must be an absolute path", option, given);
	if (strlen(given) > PATH_MAX / 2)
		return pm_fail(err, PM_E_USAGE, "%s is too long a path", option);
	*ret = pm_path_clean(given);
	return 0;
}

static int parse_driver(const char *name, enum pm_store_driver *ret, struct pm_err *err)
{
	if (name && pm_streq(name, "overlay2"))
		name = "overlay";
	for (size_t i = 0; i < PM_ARRAY_SIZE(driver_names); i++) {
		if (pm_streq(name ? name : "", driver_names[i])) {
			*ret = (enum pm_store_driver)i;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE,
		       "unknown storage driver '%s': it is overlay, fuse-overlayfs or vfs", name);
}

static void add_other(struct pm_store *s, const char *root)
{
	struct pm_store *o = PM_NEW(struct pm_store);
	o->root = pm_path_clean(root);
	o->runroot = pm_strdup(s->runroot);
	o->root_fd = o->runroot_fd = -1;
	o->driver = s->driver;
	o->readonly = true;
	s->others = pm_reallocarray(s->others, s->n_others + 1, sizeof(*s->others));
	s->others[s->n_others++] = o;
}

int pm_store_paths(const struct pm_store_options *opts, struct pm_store **ret, struct pm_err *err)
{
	_cleanup_store_ struct pm_store *s = PM_NEW(struct pm_store);
	_cleanup_free_ char *root = NULL, *runroot = NULL;
	s->root_fd = -1;
	s->runroot_fd = -1;

	int r = parse_driver(opts->driver, &s->driver, err);
	if (r < 0)
		return r;
	if (opts->root && *opts->root)
		root = pm_strdup(opts->root);
	else if ((r = default_root(&root, err)) < 0)
		return r;
	if (opts->runroot && *opts->runroot)
		runroot = pm_strdup(opts->runroot);
	else
		runroot = default_runroot();
	if ((r = take_path(root, "--root", &s->root, err)) < 0 ||
	    (r = take_path(runroot, "--runroot", &s->runroot, err)) < 0)
		return r;
	s->ctr_quota = opts->ctr_quota;
	for (size_t i = 0; opts->extra && i < opts->extra->n; i++)
		add_other(s, opts->extra->v[i]);
	*ret = pm_steal(&s);
	return 0;
}

/* Open the directory path; made 0700 when it is missing. */
static int open_root(const char *path, struct pm_err *err)
{
	/* others may have made one under /tmp for us: no link, and nobody else's */
	bool tmp = pm_startswith(path, "/tmp/pm-run-");
	int flags = O_RDONLY | O_DIRECTORY | (tmp ? O_NOFOLLOW : 0);
	int fd = pm_fs_open(AT_FDCWD, path, flags, 0, err);
	if (fd == -ENOENT) {
		int r = pm_fs_mkdirs(AT_FDCWD, path, 0700, err);
		if (r < 0)
			return r;
		fd = pm_fs_open(AT_FDCWD, path, flags, 0, err);
	}
	if (fd < 0)
		return fd;
	if (tmp && !is_private_dir(fd)) {
		close(fd);
		return pm_fail(err, EPERM, "'%s' is not ours alone (mode 0700): remove it, or use --runroot",
			       path);
	}
	return fd;
}

int pm_store_need_dirs(struct pm_store *s, struct pm_err *err)
{
	if (s->root_fd < 0) {
		int fd = open_root(s->root, err);
		if (fd < 0)
			return pm_wrap(err, "store");
		s->root_fd = fd;
	}
	if (s->runroot_fd < 0) {
		int fd = open_root(s->runroot, err);
		if (fd < 0)
			return pm_wrap(err, "run directory");
		s->runroot_fd = fd;
		if (setenv(PM_STORE_RUNROOT_VAR, s->runroot, 1) < 0)
			return pm_fail_sys(err, "setenv");
	}
	return 0;
}

int pm_store_need_db(struct pm_store *s, struct pm_err *err)
{
	if (s->db)
		return 0;
	int r = pm_store_need_dirs(s, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *path = pm_store_path(s, "pm.db");
	return pm_db_open(path, pm_schema, pm_schema_len, &s->db, err);
}

struct pm_store *pm_store_other(struct pm_store *s, size_t i)
{
	struct pm_store *o = s->others[i];
	struct pm_err err = PM_ERR_INIT;
	if (o->db || !o->root)
		return o->db ? o : NULL;
	_cleanup_free_ char *path = pm_store_path(o, "pm.db");
	if (pm_db_open_readonly(path, pm_schema_len, &o->db, &err) >= 0)
		return o;
	pm_debug("additional image store %s: %s", o->root, err.text);
	free(pm_steal(&o->root)); /* not again */
	return NULL;
}

int pm_store_open(const struct pm_store_options *opts, struct pm_store **ret, struct pm_err *err)
{
	_cleanup_store_ struct pm_store *s = NULL;
	int r = pm_store_paths(opts, &s, err);
	if (r == 0)
		r = pm_store_need_db(s, err);
	if (r < 0)
		return r;
	*ret = pm_steal(&s);
	return 0;
}

void pm_store_close_db(struct pm_store *s)
{
	for (size_t i = 0; i < s->n_others; i++)
		pm_store_close_db(s->others[i]);
	pm_db_close(s->db);
	s->db = NULL;
}

void pm_store_free(struct pm_store *s)
{
	if (!s)
		return;
	pm_store_close_db(s);
	for (size_t i = 0; i < s->n_others; i++)
		pm_store_free(s->others[i]);
	free(s->others);
	if (s->root_fd >= 0)
		close(s->root_fd);
	if (s->runroot_fd >= 0)
		close(s->runroot_fd);
	free(s->root);
	free(s->runroot);
	free(s);
}

static int open_below(struct pm_store *s, bool run, const char *name, struct pm_err *err)
{
	int r = pm_store_need_dirs(s, err);
	if (r < 0)
		return r;
	int at = run ? s->runroot_fd : s->root_fd;
	const char *top = run ? s->runroot : s->root;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		r = pm_fs_mkdirs(at, name, 0700, err);
		if (r < 0)
			return pm_wrap(err, "store %s", top);
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return pm_fail_sys(err, "open '%s/%s'", top, name);
	return fd;
}

int pm_store_dir(struct pm_store *s, const char *name, struct pm_err *err)
{
	return open_below(s, false, name, err);
}

int pm_store_run_dir(struct pm_store *s, const char *name, struct pm_err *err)
{
	return open_below(s, true, name, err);
}

char *pm_store_path(const struct pm_store *s, const char *name)
{
	return pm_asprintf("%s/%s", pm_streq(s->root, "/") ? "" : s->root, name);
}

char *pm_store_run_path(const struct pm_store *s, const char *name)
{
	return pm_asprintf("%s/%s", pm_streq(s->runroot, "/") ? "" : s->runroot, name);
}

char *pm_store_layer_path(const struct pm_store *s, const char *chain_id)
{
	char *path = pm_asprintf("%s/layers/%s/diff", s->root, chain_id);
	for (size_t i = 0; i < s->n_others && access(path, F_OK) < 0; i++) {
		const struct pm_store *o = s->others[i];
		_cleanup_free_ char *other =
			o->root ? pm_asprintf("%s/layers/%s/diff", o->root, chain_id) : NULL;
		if (other && access(other, F_OK) == 0) {
			free(path);
			path = pm_steal(&other);
		}
	}
	return path;
}

char *pm_store_ctr_path(const struct pm_store *s, const char *id)
{
	return pm_asprintf("%s/containers/%s", s->root, id);
}

/* FNV-1a, 62 bits of it: that two names which are locked at once meet in a place need not be feared. */
static uint64_t lock_place(const char *kind, const char *name)
{
	const char *const words[] = {kind, "-", name};
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		for (const char *c = words[i]; *c; c++)
			h = (h ^ (unsigned char)*c) * 0x100000001b3u;
	return h >> 2;
}

int pm_store_lock(struct pm_store *s, const char *kind, const char *name, enum pm_lock_kind how,
		  bool wait, struct pm_err *err)
{
	uint64_t place = lock_place(kind, name);
	int r = pm_store_need_dirs(s, err);
	if (r >= 0)
		r = wait ? pm_lock_take_place(s->runroot_fd, "operations", place, how, err) :
			   pm_lock_try_place(s->runroot_fd, "operations", place, how, err);
	return r;
}

/* By name: a --root that points somewhere else loses nothing of others. */
static int destroy_in(const char *top, int fd, const char *const *names, struct pm_err *err)
{
	int first = 0;
	for (; *names; names++) {
		int r = pm_fs_remove_tree(fd, *names, first ? NULL : err);
		if (r < 0 && !first)
			first = r;
	}
	if (first == 0 && rmdir(top) < 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT &&
	    errno != EBUSY && errno != EACCES && errno != EPERM)
		return pm_fail_sys(err, "remove '%s'", top);
	return first;
}

int pm_store_destroy(struct pm_store *s, struct pm_err *err)
{
	static const char *const in_root[] = {
		"containers", "layers", "staging", "trash", "volumes", "secrets", "networks",
		"buildcache", "context-digests.1", "pm.db", "pm.db-wal", "pm.db-shm", "pm.db-journal", "pm.db-queue", NULL,
	};
	static const char *const in_runroot[] = {
		"ctr", "images", "events", "locks", "crun", "runc", "userns", "overlay-native", "criu-works",
		"operations", "seccomp", "shm", "netd", "idmap", "gpg", NULL,
	};
	int r = pm_store_need_dirs(s, err);
	if (r < 0)
		return r;
	pm_store_close_db(s);
	r = destroy_in(s->root, s->root_fd, in_root, err);
	int q = destroy_in(s->runroot, s->runroot_fd, in_runroot, r < 0 ? NULL : err);
	return r < 0 ? r : q;
}
