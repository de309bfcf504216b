#include "engine/build/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/build/worker_parts.h"
#include "engine/container/attach.h"
#include "engine/container/create.h"
#include "engine/container/start.h"
#include "engine/container/stop.h"
#include "engine/container/tree.h"
#include "engine/spec/rootfs.h"
#include "netns/userns.h"

/* --- the container of one run -------------------------------------------------------------------- */

static void replace(char **field, const char *value)
{
	free(*field);
	*field = pm_strdup_null(value);
}

static void replace_list(struct pm_strv *field, const struct pm_strv *value)
{
	pm_strv_free(field);
	if (value && value->n)
		pm_strv_add_all(field, value->v);
}

static void copy_mount(const struct pm_ctr_mount *from, struct pm_ctr_mount *to)
{
	to->type = pm_strdup(from->type);
	to->name = pm_strdup_null(from->name);
	to->source = pm_strdup_null(from->source);
	to->subpath = pm_strdup_null(from->subpath);
	to->dest = pm_strdup(from->dest);
	replace_list(&to->options, &from->options);
}

static void fill(struct pm_ctr_config *k, const struct pm_worker_run *r)
{
	pm_strv_free(&k->entrypoint);
	replace_list(&k->command, r->argv);
	replace_list(&k->env, r->env);
	replace(&k->user, r->user && *r->user ? r->user : NULL);
	replace(&k->workdir, r->workdir && *r->workdir ? r->workdir : "/");
	k->workdir_made = true;
	replace(&k->healthcheck, NULL);
	k->rm = false; /* its files are what it is run for */
	k->terminal = r->terminal;
	k->stdin_open = r->with_stdin;
	k->privileged |= r->privileged;
	if (r->network) {
		replace(&k->network, r->network);
		pm_strv_free(&k->networks);
		pm_strv_free(&k->network_options);
	}
	for (size_t i = 0; i < r->n_mounts; i++)
		copy_mount(&r->mounts[i], pm_ctr_config_add_mount(k));
	if (r->adjust)
		r->adjust(r->adjust_arg, k);
}

/* --- what a run leaves in the files ---------------------------------------------------------------- */

/* The runtime makes the targets of mounts. Those that only the mount needed do not belong into the image. */
struct targets {
	struct pm_strv paths; /* absolute */
	struct pm_rootfs_view below;
	int upper;
	struct timespec since; /* what was there before stays */
};

static int add_targets(const char *path, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root = NULL;
	int r = pm_fs_read_file(AT_FDCWD, path, 16 << 20, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, text.data, text.len, &root, err);
	const struct pm_json *mounts = pm_json_get(root, "mounts");
	for (size_t i = 0; r >= 0 && i < pm_json_len(mounts); i++) {
		const char *dest = pm_json_get_str(pm_json_at(mounts, i), "destination");
		if (dest && dest[0] == '/')
			pm_strv_take(ret, pm_path_clean(dest));
	}
	return r;
}

static bool lies_below(const struct targets *t, const char *path)
{
	mode_t type;
	return t->below.n_dirs && pm_rootfs_type(&t->below, path, &type, NULL) >= 0;
}

/* By its birth; where the file system does not know that, by its last change, which a mount point has not seen since. */
static bool made_since(const struct timespec *since, int dir, const char *name, mode_t *ret_mode, uint64_t *ret_size)
{
	struct statx st;
	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return false;
	const struct statx_timestamp *t = st.stx_mask & STATX_BTIME ? &st.stx_btime : &st.stx_ctime;
	*ret_mode = st.stx_mode;
	*ret_size = st.stx_size;
	return t->tv_sec > since->tv_sec || (t->tv_sec == since->tv_sec && t->tv_nsec >= since->tv_nsec);
}

/* One name of the upper directory, if it is an empty file or directory that came with this run. */
static bool remove_empty(const struct targets *t, const char *path)
{
	mode_t mode;
	uint64_t size;
	_cleanup_free_ char *above = pm_path_join(path, "..");
	const char *name = strrchr(path, '/') + 1;
	if (!*name || lies_below(t, path))
		return false;
	_cleanup_close_ int dir = pm_fs_open_in(t->upper, above, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (dir < 0 || !made_since(&t->since, dir, name, &mode, &size))
		return false;
	if (S_ISDIR(mode))
		return unlinkat(dir, name, AT_REMOVEDIR) == 0;
	return S_ISREG(mode) && size == 0 && unlinkat(dir, name, 0) == 0;
}

static int remove_targets(void *arg, struct pm_err *err)
{
	const struct targets *t = arg;
	(void)err;
	for (size_t i = t->paths.n; i-- > 0;) {
		_cleanup_free_ char *path = pm_strdup(t->paths.v[i]);
		while (remove_empty(t, path)) { /* and the directories that were made above it */
			char *up = pm_path_join(path, "..");
			free(path);
			path = up;
		}
	}
	return 0;
}

/* --- the run -------------------------------------------------------------------------------------- */

struct running {
	struct pm_worker *w;
	const struct pm_worker_run *r;
};

static void on_signal(void *arg, int sig)
{
	const struct running *x = arg;
	bool ends = sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
	/* gone already: nothing to tell */
	pm_container_signal(x->w->e, &x->w->c, x->r->kill && ends ? SIGKILL : sig, NULL);
	if (x->r->signal)
		x->r->signal(x->r->signal_arg, sig);
}

static int attend(struct pm_worker *w, const struct pm_worker_run *r, struct pm_monitor *m, int *ret_code,
		  struct pm_err *err)
{
	struct running x = {w, r};
	struct pm_attach_opts o = PM_ATTACH_OPTS_INIT;
	struct pm_attach_result result = {0};
	o.fd = m->attach_fd;
	o.terminal = r->terminal;
	o.attach_stdin = r->with_stdin;
	o.attach_stdout = !r->quiet;
	o.signal = r->terminal ? NULL : on_signal;
	o.signal_arg = &x;
	fflush(stdout);
	int y = pm_attach_run(&o, &result, err);
	if (y < 0)
		return y;
	if (result.end != PM_ATTACH_ENDED_EXIT)
		return pm_fail(err, PM_E_STATE, "the monitor of working container %s was killed", w->c.row.name);
	*ret_code = result.exit_code;
	return 0;
}

static int start(struct pm_worker *w, struct pm_start *s, struct pm_err *err)
{
	struct pm_container *c = &w->c;
	const struct pm_start_facts facts = {.network = c->config.network,
					     .join = pm_container_joins(c),
					     .attach = true,
					     .config = &c->config};
	_cleanup_close_ int lock = pm_container_lock(w->e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	int r = pm_container_start_deps(w->e, c, err);
	if (r >= 0)
		r = pm_start_begin(w->e, &facts, s, err);
	if (r >= 0)
		r = pm_start_finish(s, c, err);
	return r;
}

static int run_to_end(struct pm_worker *w, const struct pm_worker_run *r, int *ret_code,
			     struct pm_err *err)
{
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	int code = 0;
	w->c.row.word = PM_CTR_CREATED; /* so that its start is written anew */
	pm_worker_mark_used(w);
	int x = start(w, &s, err);
	if (x < 0) {
		pm_monitor_close(&s.monitor);
		pm_ctr_state_wait(w->e->store->runroot_fd, w->c.row.id, 5000, NULL);
		return x;
	}
	x = attend(w, r, &s.monitor, ret_code, err);
	if (x < 0)
		return x;
	/* the acknowledgement: this pm sees to the row. And nobody has the files mounted any more */
	pm_monitor_wait_exit(&s.monitor, &code, NULL, NULL);
	pm_monitor_wait_gone(&s.monitor);
	return pm_container_fold(w->e, &w->c, err);
}

static int clean_targets(struct pm_worker *w, const struct timespec *since, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0};
	_cleanup_free_ char *dir = pm_store_ctr_path(w->e->store, w->c.row.id);
	_cleanup_free_ char *config = pm_path_join(dir, "config.json");
	_cleanup_close_ int userns = -1;
	struct targets t = {.upper = -1, .since = *since};
	int r = add_targets(config, &t.paths, err);
	if (r >= 0)
		r = pm_tree_of_container(w->e, &w->c, NULL, &tree, err);
	if (r >= 0)
		t.below = (struct pm_rootfs_view){tree.fds + 1, tree.n - 1};
	if (r >= 0)
		t.upper = tree.fds[0];
	if (r >= 0)
		r = pm_userns_get(w->e->store->runroot_fd, &userns, err);
	if (r >= 0)
		r = pm_userns_run(userns, remove_targets, &t, err);
	/* it may hold what is of nobody's business, as a secret's variable */
	unlink(config);
	pm_strv_free(&t.paths);
	return r;
}

int pm_worker_has_dir(struct pm_worker *w, const char *path, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0};
	mode_t type;
	int r = pm_tree_of_container(w->e, &w->c, NULL, &tree, err);
	if (r < 0)
		return r;
	const struct pm_rootfs_view view = {tree.fds, tree.n};
	/* what a directory's mode hides from the user here is looked at again where nothing is hidden */
	return pm_rootfs_type(&view, path, &type, NULL) >= 0 && S_ISDIR(type) ? 1 : 0;
}

int pm_worker_run(struct pm_worker *w, const struct pm_worker_run *r, int *ret_code, struct pm_err *err)
{
	struct pm_ctr_config kept = w->c.config;
	struct pm_err why = PM_ERR_INIT;
	struct timespec since;
	clock_gettime(CLOCK_REALTIME_COARSE, &since); /* the clock of files' times */
	pm_ctr_config_init(&w->c.config);
	int x = pm_ctr_config_copy(&kept, &w->c.config, err);
	if (x >= 0) {
		fill(&w->c.config, r);
		x = run_to_end(w, r, ret_code, err);
	}
	pm_ctr_config_free(&w->c.config);
	w->c.config = kept;
	int y = clean_targets(w, &since, x < 0 ? &why : err);
	return x < 0 ? x : y < 0 ? y : 0;
}
