#include "engine/build/git.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"

#define CONTEXT "context"

void pm_git_source_free(struct pm_git_source *s)
{
	free(s->repository);
	free(s->ref);
	free(s->dir);
	*s = (struct pm_git_source){0};
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

int pm_git_parse(const char *word, struct pm_git_source *ret, struct pm_err *err)
{
	const char *hash = strchr(word, '#'), *colon = hash ? strchr(hash, ':') : NULL;
	_cleanup_git_source_ struct pm_git_source s = {0};
	_cleanup_free_ char *base = pm_strndup(word, hash ? (size_t)(hash - word) : strlen(word));
	s.repository = pm_asprintf("%s%s", pm_startswith(base, "github.com/") ? "https://" : "", base);
	if (hash)
		s.ref = pm_strndup(hash + 1, colon ? (size_t)(colon - hash - 1) : strlen(hash + 1));
	if (!s.ref || !*s.ref) {
		free(s.ref);
		s.ref = pm_strdup("HEAD");
	}
	if (colon && colon[1])
		s.dir = pm_strdup(colon + 1);
	/* a colon would make it "from:to", a plus a forced one: not a name but what to do with it */
	if (*s.ref == '-' || *s.ref == '+' || strpbrk(s.ref, ":*?[\\ ^~") || strstr(s.ref, "..") || !printable(s.ref))
		return pm_fail(err, PM_E_USAGE, "%.300s: \"%.100s\" is no branch, tag or commit", word, s.ref);
	if (!printable(s.repository))
		return pm_fail(err, PM_E_USAGE, "the address of a git repository has a control character");
	*ret = s;
	s = (struct pm_git_source){0};
	return 0;
}

/* --- git -------------------------------------------------------------------------------------------- */

/* This process's environment but for what would lead git to another repository, and what it may do. */
static void make_env(struct pm_strv *env)
{
	static const char *const out[] = {"GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_OBJECT_DIRECTORY=",
					  "GIT_ALTERNATE_OBJECT_DIRECTORIES=", "GIT_COMMON_DIR=", "GIT_NAMESPACE=",
					  "GIT_CEILING_DIRECTORIES=", "GIT_EXTERNAL_DIFF=", "GIT_TEMPLATE_DIR=",
					  "GIT_ALLOW_PROTOCOL=", "GIT_PROTOCOL_FROM_USER=", "GIT_TERMINAL_PROMPT=", "LC_ALL=",
					  NULL};
	for (char **v = environ; *v; v++) {
		bool drop = false;
		for (const char *const *o = out; *o; o++)
			drop = drop || pm_startswith(*v, *o);
		if (!drop)
			pm_strv_add(env, *v);
	}
	pm_strv_add(env, "GIT_ALLOW_PROTOCOL=http:https:ssh:git");
	pm_strv_add(env, "GIT_PROTOCOL_FROM_USER=0");
	pm_strv_add(env, "GIT_TERMINAL_PROMPT=0");
	pm_strv_add(env, "LC_ALL=C");
}

struct git {
	char *program;
	const char *dir; /* where it works */
};

/* git with these words (NULL at the end) in the directory; *ret_says: the last of what it says when it fails. */
static int run(const struct git *g, const char *const *words, struct pm_buf *ret_says, struct pm_err *err)
{
	static const char *const always[] = {
		"git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false",
		"-c", "fetch.recurseSubmodules=false", "-c", "core.protectNTFS=true", "-c", "core.protectHFS=true", "-c",
		"advice.detachedHead=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false", NULL};
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT, env = PM_STRV_INIT;
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	int code = 0;
	for (const char *const *w = always; *w; w++)
		pm_strv_add(&argv, *w);
	for (const char *const *w = words; *w; w++)
		pm_strv_add(&argv, *w);
	make_env(&env);
	spec.path = g->program;
	spec.argv = pm_strv_argv(&argv);
	spec.envp = pm_strv_argv(&env);
	spec.cwd = g->dir;
	spec.death_signal = SIGTERM;
	int r = pm_proc_run(&spec, NULL, 0, ret_says, &code, err);
	if (r < 0 || code == 0)
		return r < 0 ? r : 0;
	char *text = (char *)pm_buf_str(ret_says);
	size_t n = strlen(text);
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	return pm_fail(err, PM_E_REMOTE, "git %s: %.1000s", words[0], *text ? text : "it failed");
}

/* One commit; all of the history where the server, being files alone, cannot do otherwise. */
static int fetch(const struct git *g, const struct pm_git_source *s, struct pm_err *err)
{
	const char *shallow[] = {"fetch", "-q", "-u", "--no-tags", "--depth=1", "--", s->repository, s->ref, NULL};
	const char *whole[] = {"fetch", "-q", "-u", "--no-tags", "--", s->repository, s->ref, NULL};
	_cleanup_buf_ struct pm_buf says = PM_BUF_INIT, again = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = run(g, shallow, &says, &why);
	if (r == -PM_E_REMOTE && strstr(pm_buf_str(&says), "shallow"))
		return run(g, whole, &again, err);
	if (r < 0 && err)
		*err = why;
	return r;
}

static int check_out(const struct git *g, const struct pm_git_source *s, struct pm_err *err)
{
	static const char *const init[] = {"init", "-q", "--template=", NULL};
	static const char *const checkout[] = {"checkout", "-q", "--force", "FETCH_HEAD", NULL};
	_cleanup_buf_ struct pm_buf says = PM_BUF_INIT, more = PM_BUF_INIT;
	int r = run(g, init, &says, err);
	if (r >= 0)
		r = fetch(g, s, err);
	return r < 0 ? r : run(g, checkout, &more, err);
}

int pm_git_fetch(const struct pm_git_source *s, struct pm_stage *stage, int *ret_dir, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_path_join(stage->path, CONTEXT), *program = NULL;
	if (pm_proc_find("git", getenv("PATH"), &program, NULL) < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "there is no git here to fetch %.300s: install it, or give a directory",
			       s->repository);
	_cleanup_close_ int top = pm_fs_mkdir_in(stage->dir_fd, CONTEXT, 0755, err);
	if (top < 0)
		return top;
	const struct git g = {program, path};
	int r = check_out(&g, s, err);
	/* other bytes each time, and nobody's business */
	if (r >= 0)
		r = pm_fs_remove_tree(top, ".git", err);
	if (r < 0)
		return pm_wrap(err, "git repository %.300s", s->repository);
	int dir = pm_fs_open_in(top, s->dir ? s->dir : ".", O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return pm_wrap(err, "git repository %.300s: directory \"%.300s\"", s->repository, s->dir ? s->dir : ".");
	*ret_dir = dir;
	return 0;
}
