#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/build/build_parts.h"
#include "engine/build/config.h"
#include "netns/userns.h"

void pm_build_step_free(struct pm_build_step *t)
{
	for (size_t i = 0; i < t->n_mounts; i++)
		pm_run_mount_free(&t->mounts[i]);
	free(t->mounts);
	free(t->created_by);
	pm_build_copy_free(t->copy);
}

/* --- directories that instructions name --------------------------------------------------------------- */

struct new_dir {
	int root;
	const char *path;
};

static int make_dir(void *arg, struct pm_err *err)
{
	const struct new_dir *d = arg;
	int fd = pm_fs_mkdir_in(d->root, d->path, 0755, err);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* path is absolute. */
static int need_dir(struct pm_worker *w, const char *path, struct pm_err *err)
{
	_cleanup_worker_root_ struct pm_worker_root root = PM_WORKER_ROOT_INIT;
	int r = pm_worker_has_dir(w, path, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = pm_worker_root(w, &root, err);
	if (r < 0)
		return r;
	struct new_dir d = {root.dir, path};
	return pm_userns_run(root.userns, make_dir, &d, err);
}

/* A command finds the directories of VOLUME there, as a container will, which gets volumes at them. */
static int need_volumes(struct pm_worker *w, struct pm_err *err)
{
	const struct pm_json *volumes = pm_json_get(pm_worker_config(w), "Volumes");
	int r = 0;
	for (size_t i = 0; r >= 0 && i < pm_json_len(volumes); i++) {
		const char *path = volumes->members[i].name;
		if (*path != '/')
			continue;
		r = need_dir(w, path, err);
		if (r == -EEXIST || r == -ENOTDIR) { /* a file is there: a volume could not be either */
			pm_err_clear(err);
			r = 0;
		}
	}
	return r;
}

static int execute_workdir(struct pm_worker *w, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_build_config_workdir(pm_worker_config(w));
	return need_dir(w, path, err);
}

/* --- RUN -------------------------------------------------------------------------------------------- */

static int parse_mounts(struct pm_build_step *t, struct pm_err *err)
{
	const struct pm_instruction *i = &t->i;
	t->mounts = pm_calloc(i->n_flags + 1, sizeof(*t->mounts));
	for (size_t k = 0; k < i->n_flags; k++) {
		if (strcmp(i->flags[k].name, "mount") != 0)
			continue;
		struct pm_err why = PM_ERR_INIT;
		int r = pm_run_mount_parse(i->flags[k].value ? i->flags[k].value : "", &t->mounts[t->n_mounts], &why);
		if (r < 0)
			return pm_instruction_fail(i, err, why.code, "%s", why.text);
		t->n_mounts++;
	}
	return 0;
}

/* What a bind mount shows counts, too: the image it is of, or the files of the context. */
static int key_of_mount(struct pm_build_step *t, const struct pm_run_mount *m, struct pm_cache_key *key,
			struct pm_err *err)
{
	struct pm_build_source src;
	char id[65];
	if (m->kind != PM_RUN_BIND || !t->s->b->o->layers)
		return 0;
	int r = pm_build_source_find(t->s, m->from, &src, err);
	if (r < 0)
		return r;
	switch (src.kind) {
	case PM_BUILD_SOURCE_STAGE:
		r = pm_build_stage_image(src.stage, id, err);
		if (r >= 0)
			pm_cache_key_add(key, "mounted", id);
		return r;
	case PM_BUILD_SOURCE_IMAGE:
		pm_cache_key_add(key, "mounted", src.image_id);
		return 0;
	case PM_BUILD_SOURCE_CONTEXT:
	case PM_BUILD_SOURCE_NAMED:
		break;
	}
	return pm_build_copy_key(t, src.named, m->source ? m->source : "/", key, err);
}

/* RUN's text without its flags, with its here-documents. */
static void script_of(const struct pm_instruction *i, struct pm_buf *ret)
{
	if (i->json || !i->n_heredocs)
		pm_buf_add_str(ret, i->rest);
	else
		pm_instruction_script(i, ret);
}

static int describe_run(struct pm_build_step *t, struct pm_cache_key *key, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv args = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf script = PM_BUF_INIT;
	int r = parse_mounts(t, err);
	for (size_t k = 0; r >= 0 && k < t->n_mounts; k++)
		r = key_of_mount(t, &t->mounts[k], key, err);
	if (r < 0)
		return r;
	script_of(&t->i, &script);
	pm_build_scope_run_args(&t->s->scope, &args);
	for (size_t k = 0; k < args.n; k++)
		pm_cache_key_add(key, "arg", args.v[k]);
	_cleanup_free_ char *joined = args.n ? pm_strv_join(&args, " ") : NULL;
	t->created_by = joined ? pm_asprintf("|%zu %s /bin/sh -c %s", args.n, joined, pm_buf_str(&script))
			       : pm_asprintf("/bin/sh -c %s", pm_buf_str(&script));
	return 0;
}

static int mount_source(void *arg, const char *from, struct pm_run_source *ret, struct pm_err *err)
{
	struct pm_build_step *t = arg;
	struct pm_build_source src;
	char id[65];
	int r = pm_build_source_find(t->s, from, &src, err);
	if (r < 0)
		return r;
	switch (src.kind) {
	case PM_BUILD_SOURCE_STAGE:
		r = pm_build_stage_image(src.stage, id, err);
		if (r >= 0)
			ret->image_id = pm_strdup(id);
		return r;
	case PM_BUILD_SOURCE_IMAGE:
		ret->image_id = pm_strdup(src.image_id);
		return 0;
	case PM_BUILD_SOURCE_CONTEXT:
	case PM_BUILD_SOURCE_NAMED:
		break;
	}
	return pm_build_context_path(t->s->b, src.named, &ret->dir, err);
}

static void proxies(const struct pm_build *b, struct pm_strv *env)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"};
	for (size_t i = 0; b->o->http_proxy && i < PM_ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);
		if (value && *value && !pm_env_get(env, names[i]))
			pm_env_set(env, names[i], value);
	}
}

static void on_signal(void *arg, int sig)
{
	struct pm_build *b = arg;
	if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT)
		b->signal = sig;
}

/* The command line: a here-document with an interpreter of its own is a file that is mounted. */
static int argv_of(struct pm_build_step *t, struct pm_worker *w, const struct pm_run_mount_env *me,
		   struct pm_run_mounts *mounts, struct pm_strv *argv, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf script = PM_BUF_INIT;
	if (t->i.json) {
		for (size_t k = 0; k < t->i.n_words; k++)
			pm_strv_add(argv, t->i.words[k]);
		return argv->n ? 0 : pm_instruction_fail(&t->i, err, PM_E_USAGE, "RUN: no command");
	}
	if (pm_instruction_script(&t->i, &script) == 1) {
		pm_strv_add(argv, PM_RUN_SCRIPT);
		return pm_run_mounts_script(me, mounts, &script, err);
	}
	pm_build_config_shell(pm_worker_config(w), argv);
	pm_strv_add(argv, pm_buf_str(&script));
	return 0;
}

static int run(struct pm_build_step *t, struct pm_worker *w, const struct pm_worker_run *what, struct pm_err *err)
{
	struct pm_build *b = t->s->b;
	int code = 0;
	int r = pm_worker_run(w, what, &code, err);
	if (r < 0)
		return r;
	if (b->signal)
		return pm_fail(err, PM_E_CANCELLED, "interrupted by signal %d", b->signal);
	if (!code)
		return 0;
	b->exit_code = code;
	return pm_fail(err, PM_E_STATE, "while running runtime: exit status %d", code);
}

static int execute_run(struct pm_build_step *t, struct pm_worker *w, struct pm_err *err)
{
	struct pm_build *b = t->s->b;
	static const struct pm_build_secrets none;
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT, env = PM_STRV_INIT;
	_cleanup_run_mounts_ struct pm_run_mounts mounts = {0};
	const struct pm_json *config = pm_worker_config(w);
	_cleanup_free_ char *workdir = pm_build_config_workdir(config);
	const char *network = pm_instruction_flag(&t->i, "network"), *security = pm_instruction_flag(&t->i, "security");
	const struct pm_run_mount_env me = {.w = w,
					    .secrets = b->o->secrets ? b->o->secrets : &none,
					    .workdir = workdir,
					    .source = mount_source,
					    .arg = t};
	int r = need_volumes(w, err);
	if (r >= 0)
		r = pm_run_mounts_prepare(&me, t->mounts, t->n_mounts, &mounts, err);
	if (r >= 0)
		r = argv_of(t, w, &me, &mounts, &argv, err);
	if (r < 0)
		return r;
	pm_build_scope_run_env(&t->s->scope, &env);
	proxies(b, &env);
	pm_env_merge(&env, &mounts.env);
	const struct pm_worker_run what = {
		.argv = &argv,
		.env = &env,
		.user = pm_json_get_str(config, "User"),
		.workdir = workdir,
		.network = network && strcmp(network, "default") != 0 ? network : NULL,
		.mounts = mounts.v,
		.n_mounts = mounts.n,
		.privileged = pm_streq(security, "insecure"),
		.with_stdin = b->o->with_stdin,
		.quiet = b->o->quiet,
		.kill = true,
		.signal = on_signal,
		.signal_arg = b,
	};
	return run(t, w, &what, err);
}

/* --- any of them -------------------------------------------------------------------------------------- */

static void describe_words(const struct pm_instruction *i, struct pm_cache_key *key)
{
	pm_cache_key_add(key, "instruction", pm_instruction_name(i->kind));
	pm_cache_key_add(key, "form", i->json ? "json" : "shell");
	for (size_t k = 0; k < i->n_flags; k++) {
		pm_cache_key_add(key, "flag", i->flags[k].name);
		pm_cache_key_add(key, "value", i->flags[k].value);
	}
	for (size_t k = 0; k < i->n_words; k++)
		pm_cache_key_add(key, "word", i->words[k]);
	for (size_t k = 0; k < i->n_heredocs; k++)
		pm_cache_key_add(key, "document", i->heredocs[k].content);
	if (i->trigger)
		pm_cache_key_add(key, "trigger", i->trigger->original);
}

int pm_build_step_describe(struct pm_build_step *t, struct pm_cache_key *key, struct pm_err *err)
{
	describe_words(&t->i, key);
	if (t->i.kind == PM_DF_RUN)
		return describe_run(t, key, err);
	if (t->i.kind == PM_DF_COPY || t->i.kind == PM_DF_ADD)
		return pm_build_copy_describe(t, key, err);
	t->created_by = pm_asprintf("/bin/sh -c #(nop) %s", t->i.original);
	return 0;
}

int pm_build_step_execute(struct pm_build_step *t, struct pm_worker *w, struct pm_err *err)
{
	if (t->i.kind == PM_DF_RUN)
		return execute_run(t, w, err);
	if (t->i.kind == PM_DF_WORKDIR)
		return execute_workdir(w, err);
	if (t->i.kind == PM_DF_COPY || t->i.kind == PM_DF_ADD)
		return pm_build_copy_execute(t, w, err);
	return 0;
}
