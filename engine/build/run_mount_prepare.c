#include "engine/build/run_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/build/run_mount_parts.h"
#include "engine/system/disk.h"
#include "netns/userns.h"
#include "storage/stage.h"

enum { SECRET_MAX = 1 << 20 }; /* bytes; BuildKit's limit is half of it */

struct preparing {
	const struct pm_run_mount_env *e;
	struct pm_run_mounts *to;
	size_t agents; /* mounted so far */
};

static struct pm_ctr_mount *add_mount(struct preparing *p, const char *type, const char *target)
{
	struct pm_run_mounts *t = p->to;
	t->v = pm_reallocarray(t->v, t->n + 1, sizeof(*t->v));
	struct pm_ctr_mount *m = &t->v[t->n++];
	*m = (struct pm_ctr_mount){.type = pm_strdup(type)};
	_cleanup_free_ char *joined =
		target[0] == '/' ? pm_strdup(target)
				 : pm_asprintf("%s/%s", p->e->workdir ? p->e->workdir : "/", target);
	m->dest = pm_path_clean(joined);
	return m;
}

static void add_lock(struct preparing *p, int fd)
{
	struct pm_run_mounts *t = p->to;
	t->locks = pm_reallocarray(t->locks, t->n_locks + 1, sizeof(*t->locks));
	t->locks[t->n_locks++] = fd;
}

/* "" and "/" are the root itself. */
static char *subpath_of(const char *source)
{
	_cleanup_free_ char *rooted = pm_asprintf("/%s", source ? source : "");
	_cleanup_free_ char *clean = pm_path_clean(rooted);
	return clean[1] ? pm_strdup(clean + 1) : NULL;
}

/* --- bind ----------------------------------------------------------------------------------------- */

static int prepare_bind(struct preparing *p, const struct pm_run_mount *m, struct pm_err *err)
{
	struct pm_run_source src = {0};
	int r = p->e->source(p->e->arg, m->from, &src, err);
	if (r < 0)
		return r;
	struct pm_ctr_mount *v = add_mount(p, src.image_id ? "image" : "bind", m->target);
	v->subpath = subpath_of(m->source);
	pm_strv_add_all(&v->options, pm_strv_argv(&m->options));
	if (src.image_id) {
		v->name = pm_strdup(src.image_id);
		v->source = pm_steal(&src.image_id);
		if (m->writable)
			pm_strv_add(&v->options, "rw");
	} else {
		v->source = pm_steal(&src.dir);
		pm_strv_add(&v->options, m->writable ? "O" : "ro");
	}
	free(src.dir);
	free(src.image_id);
	return 0;
}

/* --- cache ---------------------------------------------------------------------------------------- */

/* The user's own directory, which he can move away, holds the one with the cache's owner. */
struct cache_dir {
	int parent;
	const char *name;
	const struct pm_run_mount *m;
};

static int make_cache_dir(void *arg, struct pm_err *err)
{
	const struct cache_dir *c = arg;
	if (mkdirat(c->parent, "data", 0700) < 0)
		return errno == EEXIST ? 0 : pm_fail_sys(err, "make the cache directory %s", c->name);
	_cleanup_close_ int dir = pm_fs_open(c->parent, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (dir < 0)
		return dir;
	if (fchown(dir, c->m->uid >= 0 ? (uid_t)c->m->uid : 0, c->m->gid >= 0 ? (gid_t)c->m->gid : 0) < 0 ||
	    fchmod(dir, c->m->mode >= 0 ? (mode_t)c->m->mode : 0755) < 0)
		return pm_fail_sys(err, "give the cache directory %s its owner", c->name);
	return 0;
}

/* Whatever the id holds, its directory's name is no path. */
static void cache_name(const struct pm_run_mount *m, char ret[65])
{
	const char *id = m->id ? m->id : m->target;
	pm_sha256_of(id, strlen(id), ret);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The caches that are for one at a time, in the order of their names, each once. */
static int lock_caches(struct preparing *p, const struct pm_run_mount *m, size_t n, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	char name[65];
	for (size_t i = 0; i < n; i++) {
		if (m[i].kind != PM_RUN_CACHE || !pm_streq(m[i].sharing, "locked"))
			continue;
		cache_name(&m[i], name);
		if (!pm_strv_has(&names, name))
			pm_strv_add(&names, name);
	}
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++) {
		int lock = pm_store_lock(p->e->w->e->store, "build-cache", names.v[i], PM_LOCK_EXCLUSIVE, true,
					 err);
		if (lock < 0)
			return lock;
		add_lock(p, lock);
	}
	return 0;
}

/* private: the first of a cache's copies that nobody uses. */
static int lock_copy(struct preparing *p, const struct pm_run_mount *m, char name[80], struct pm_err *err)
{
	struct pm_store *s = p->e->w->e->store;
	char id[65];
	if (!pm_streq(m->sharing, "private"))
		return 0;
	snprintf(id, sizeof(id), "%.64s", name);
	for (unsigned int i = 0;; i++) {
		if (i)
			snprintf(name, 80, "%s-%u", id, i);
		int lock = pm_store_lock(s, "build-cache", name, PM_LOCK_EXCLUSIVE, false, err);
		if (lock == -EAGAIN && i < 1000) {
			pm_err_clear(err);
			continue;
		}
		if (lock < 0)
			return lock;
		add_lock(p, lock);
		return 0;
	}
}

static int prepare_cache(struct preparing *p, const struct pm_run_mount *m, struct pm_err *err)
{
	struct pm_store *s = p->e->w->e->store;
	_cleanup_close_ int userns = -1, parent = -1;
	char name[80];
	if (m->from)
		return pm_fail(err, PM_E_UNSUPPORTED, "--mount: type=cache,from=%s: a cache begins empty: copy into "
			       "it in the command", m->from);
	cache_name(m, name);
	int r = lock_copy(p, m, name, err);
	/* as long as it is used nobody prunes it */
	int used = r < 0 ? r : pm_store_lock(s, "build-cache-use", name, PM_LOCK_SHARED, true, err);
	if (used < 0)
		return used;
	add_lock(p, used);
	_cleanup_free_ char *place = pm_path_join("buildcache", name);
	if (r >= 0)
		r = parent = pm_store_dir(s, place, err);
	if (r >= 0)
		r = pm_userns_get(s->runroot_fd, &userns, err);
	struct cache_dir c = {parent, name, m};
	if (r >= 0)
		r = pm_userns_run(userns, make_cache_dir, &c, err);
	if (r < 0)
		return r;
	struct pm_ctr_mount *v = add_mount(p, "bind", m->target);
	_cleanup_free_ char *below = pm_path_join(place, "data");
	v->source = pm_store_path(s, below);
	v->subpath = subpath_of(m->source);
	pm_strv_add_all(&v->options, pm_strv_argv(&m->options));
	pm_strv_add(&v->options, m->writable ? "rw" : "ro");
	return 0;
}

int pm_run_caches_prune(struct pm_engine *e, int64_t *ret_bytes, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT, paths = PM_STRV_INIT;
	_cleanup_close_ int dir = pm_store_dir(e->store, "buildcache", err);
	int r = dir < 0 ? dir : pm_fs_list(dir, ".", &names, err);
	for (size_t i = 0; i < names.n; i++)
		pm_strv_addf(&paths, "buildcache/%s", names.v[i]);
	_cleanup_free_ int64_t *sizes = pm_calloc(names.n + 1, sizeof(*sizes));
	if (r >= 0)
		r = pm_disk_sizes(e, &paths, sizes, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_close_ int lock = pm_store_lock(e->store, "build-cache-use", names.v[i], PM_LOCK_EXCLUSIVE, false,
							 NULL);
		if (lock < 0)
			continue;
		r = pm_trash_dir(e->store, e->store->root_fd, paths.v[i], err);
		*ret_bytes += r < 0 ? 0 : sizes[i];
	}
	return r < 0 ? r : 0;
}

/* --- secrets and agents ------------------------------------------------------------------------------ */

static const struct pm_build_secret *find(const struct pm_build_secret *v, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].id, id) == 0)
			return &v[i];
	return NULL;
}

static int read_secret(const struct pm_build_secret *s, struct pm_buf *ret, struct pm_err *err)
{
	if (!s->env) {
		int r = pm_fs_read_file(AT_FDCWD, s->path, SECRET_MAX, ret, err);
		return r < 0 ? pm_wrap(err, "secret %s", s->id) : 0;
	}
	const char *value = getenv(s->env);
	if (!value)
		return pm_fail(err, PM_E_NOSUCH, "secret %s: environment variable %s is not set", s->id, s->env);
	pm_buf_add_str(ret, value);
	return 0;
}

struct secret_file {
	int dir;
	const char *name;
	const struct pm_buf *data;
	const struct pm_run_mount *m;
};

static int write_secret(void *arg, struct pm_err *err)
{
	const struct secret_file *f = arg;
	int r = pm_fs_write_file(f->dir, f->name, f->data->data ? f->data->data : "", f->data->len, 0600, false, err);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = pm_fs_open(f->dir, f->name, O_RDONLY | O_NOFOLLOW, 0, err);
	if (fd < 0)
		return fd;
	if (fchown(fd, f->m->uid >= 0 ? (uid_t)f->m->uid : 0, f->m->gid >= 0 ? (gid_t)f->m->gid : 0) < 0 ||
	    fchmod(fd, f->m->mode >= 0 ? (mode_t)f->m->mode : 0400) < 0)
		return pm_fail_sys(err, "give the secret its owner");
	return 0;
}

static int secret_file(struct preparing *p, const struct pm_run_mount *m, const char *target,
		       const struct pm_buf *data, struct pm_err *err)
{
	struct pm_store *s = p->e->w->e->store;
	_cleanup_free_ char *place = pm_asprintf("ctr/%s", p->e->w->c.row.id);
	_cleanup_free_ char *name = pm_asprintf("build-secret-%zu", p->to->n);
	_cleanup_close_ int dir = pm_store_run_dir(s, place, err), userns = -1;
	struct secret_file f = {dir, name, data, m};
	int r = dir < 0 ? dir : pm_userns_get(s->runroot_fd, &userns, err);
	_cleanup_free_ char *rel = pm_path_join(place, name);
	if (r >= 0) {
		pm_strv_take(&p->to->files, pm_store_run_path(s, rel));
		r = pm_userns_run(userns, write_secret, &f, err);
	}
	if (r < 0)
		return r;
	struct pm_ctr_mount *v = add_mount(p, "bind", target);
	v->source = pm_store_run_path(s, rel);
	pm_strv_add(&v->options, "ro");
	return 0;
}

int pm_run_mounts_script(const struct pm_run_mount_env *e, struct pm_run_mounts *ret, const struct pm_buf *text,
			 struct pm_err *err)
{
	struct preparing p = {.e = e, .to = ret};
	const struct pm_run_mount m = {.mode = 0755, .uid = -1, .gid = -1};
	return secret_file(&p, &m, PM_RUN_SCRIPT, text, err);
}

static int prepare_secret(struct preparing *p, const struct pm_run_mount *m, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf data = PM_BUF_INIT;
	const char *last = m->target ? strrchr(m->target, '/') : NULL;
	const char *id = m->id ? m->id : m->source ? m->source : last ? last + 1 : m->target ? m->target : m->env;
	const struct pm_build_secret *s = find(p->e->secrets->secrets, p->e->secrets->n_secrets, id);
	if (!s)
		return m->required ? pm_fail(err, PM_E_NOSUCH, "secret required but no secret with id \"%s\" found",
					     id)
				   : 0;
	int r = read_secret(s, &data, err);
	if (r >= 0 && m->env) {
		if (data.len && memchr(data.data, '\0', data.len))
			r = pm_fail(err, PM_E_FORMAT, "secret %s holds a zero byte: it can be no variable", id);
		else
			pm_strv_addf(&p->to->env, "%s=%s", m->env, pm_buf_str(&data));
	}
	if (r >= 0 && (m->target || !m->env)) {
		_cleanup_free_ char *target = m->target ? pm_strdup(m->target) : pm_asprintf("/run/secrets/%s", id);
		r = secret_file(p, m, target, &data, err);
	}
	if (data.data)
		explicit_bzero(data.data, data.len);
	return r;
}

static int prepare_ssh(struct preparing *p, const struct pm_run_mount *m, struct pm_err *err)
{
	const char *id = m->id ? m->id : "default";
	struct stat st;
	const struct pm_build_secret *a = find(p->e->secrets->agents, p->e->secrets->n_agents, id);
	if (!a)
		return m->required ? pm_fail(err, PM_E_NOSUCH, "ssh required but no ssh with id \"%s\" found", id) : 0;
	if (stat(a->path, &st) < 0)
		return pm_fail_sys(err, "the agent's socket %s", a->path);
	if (!S_ISSOCK(st.st_mode))
		return pm_fail(err, PM_E_UNSUPPORTED, "--ssh %s=%s: pm reads no keys: add them to an agent and name "
			       "its socket", id, a->path);
	if ((m->uid > 0) || (m->gid > 0) || m->mode >= 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "--mount: type=ssh: the socket is the agent's own: uid, gid and "
			       "mode cannot be given");
	_cleanup_free_ char *target = m->target ? pm_strdup(m->target)
						: pm_asprintf("/run/buildkit/ssh_agent.%zu", p->agents);
	struct pm_ctr_mount *v = add_mount(p, "bind", target);
	v->source = pm_path_absolute(a->path);
	if (p->agents++ == 0)
		pm_strv_addf(&p->to->env, "SSH_AUTH_SOCK=%s", v->dest);
	return 0;
}

static int prepare_tmpfs(struct preparing *p, const struct pm_run_mount *m)
{
	struct pm_ctr_mount *v = add_mount(p, "tmpfs", m->target);
	pm_strv_add_all(&v->options, pm_strv_argv(&m->options));
	if (!pm_strv_has(&m->options, "tmpcopyup"))
		pm_strv_add(&v->options, "notmpcopyup");
	pm_strv_add(&v->options, m->writable ? "rw" : "ro");
	return 0;
}

int pm_run_mounts_prepare(const struct pm_run_mount_env *e, const struct pm_run_mount *m, size_t n,
			  struct pm_run_mounts *ret, struct pm_err *err)
{
	struct preparing p = {.e = e, .to = ret};
	int r = lock_caches(&p, m, n, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		switch (m[i].kind) {
		case PM_RUN_BIND:
			r = prepare_bind(&p, &m[i], err);
			break;
		case PM_RUN_CACHE:
			r = prepare_cache(&p, &m[i], err);
			break;
		case PM_RUN_TMPFS:
			r = prepare_tmpfs(&p, &m[i]);
			break;
		case PM_RUN_SECRET:
			r = prepare_secret(&p, &m[i], err);
			break;
		case PM_RUN_SSH:
			r = prepare_ssh(&p, &m[i], err);
			break;
		}
	}
	return r < 0 ? r : 0;
}

static void mount_free(struct pm_ctr_mount *m)
{
	char *strings[] = {m->type, m->name, m->source, m->subpath, m->dest};
	for (size_t i = 0; i < PM_ARRAY_SIZE(strings); i++)
		free(strings[i]);
	pm_strv_free(&m->options);
}

void pm_run_mounts_free(struct pm_run_mounts *r)
{
	for (size_t i = 0; i < r->n; i++)
		mount_free(&r->v[i]);
	free(r->v);
	for (size_t i = 0; i < r->n_locks; i++)
		close(r->locks[i]);
	free(r->locks);
	for (size_t i = 0; i < r->files.n; i++)
		if (unlink(r->files.v[i]) < 0 && errno != ENOENT)
			pm_warn("remove a secret's file %s: %s", r->files.v[i], strerror(errno));
	pm_strv_free(&r->files);
	for (size_t i = 0; i < r->env.n; i++)
		explicit_bzero(r->env.v[i], strlen(r->env.v[i]));
	pm_strv_free(&r->env);
	*r = (struct pm_run_mounts){0};
}
