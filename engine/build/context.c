#include "engine/build/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/build/copy_stream.h"
#include "engine/build/git.h"
#include "engine/build/url.h"
#include "engine/unpack.h"

void pm_build_tree_close(struct pm_build_tree *t)
{
	if (t->dir >= 0)
		close(t->dir);
	free(t->path);
	pm_stage_free(t->stage);
	*t = (struct pm_build_tree)PM_BUILD_TREE_INIT;
}

void pm_build_context_close(struct pm_build_context *c)
{
	pm_build_tree_close(&c->tree);
	pm_ignore_free(c->ignore);
	pm_dockerfile_free(c->file);
	*c = (struct pm_build_context)PM_BUILD_CONTEXT_INIT;
}

void pm_build_extra_close(struct pm_build_extra *x)
{
	pm_build_tree_close(&x->tree);
	free(x->name);
	free(x->image);
	*x = (struct pm_build_extra)PM_BUILD_EXTRA_INIT;
}

/* --- trees ------------------------------------------------------------------------------------------ */

static int open_local(const char *path, struct pm_build_tree *ret, struct pm_err *err)
{
	ret->dir = pm_fs_open(AT_FDCWD, *path ? path : ".", O_PATH | O_DIRECTORY, 0, err);
	if (ret->dir < 0)
		return pm_wrap(err, "the build context");
	ret->path = pm_path_absolute(path);
	return 0;
}

/* A nameless file in the tree's stage, with what input gives. */
static int spool(struct pm_build_tree *t, int input, struct pm_err *err)
{
	_cleanup_free_ char *buf = pm_malloc(1 << 16);
	_cleanup_close_ int fd =
		openat(t->stage->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make a temporary file in the store");
	for (;;) {
		ssize_t n = read(input, buf, 1 << 16);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read standard input");
		if (n == 0)
			return pm_steal_fd(&fd);
		int r = pm_fs_write_all(fd, buf, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

/* Standard input, or a URL, as a file: its descriptor. */
static int obtain(const struct pm_build_context_spec *s, const char *where, struct pm_build_tree *t,
		  struct pm_err *err)
{
	struct pm_url_file info;
	if (strcmp(where, "-") == 0)
		return spool(t, s->input, err);
	_cleanup_close_ int fd =
		openat(t->stage->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make a temporary file in the store");
	int r = pm_url_fetch(where, fd, s->remote, &info, err);
	return r < 0 ? r : pm_steal_fd(&fd);
}

/* The archive fd, or nothing, as a tree in its stage. Returns 1 when fd was an archive. */
static int unpack(struct pm_build_tree *t, int fd, struct pm_err *err)
{
	_cleanup_close_ int scratch = pm_fs_mkdir_in(t->stage->dir_fd, "try", 0700, err);
	if (scratch < 0)
		return scratch;
	int is = pm_copy_is_archive(fd, scratch, err);
	if (is < 0)
		return is;
	t->dir = pm_fs_mkdir_in(t->stage->dir_fd, "context", 0755, err);
	if (t->dir < 0 || !is)
		return t->dir < 0 ? t->dir : 0;
	struct pm_unpack u = PM_UNPACK_INIT;
	u.input = fd;
	u.dir = t->dir;
	u.single_id = true; /* COPY gives owners */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return pm_fail_sys(err, "lseek");
	int r = pm_unpack(&u, err);
	return r < 0 ? r : 1;
}

/* *ret_file: what was no archive, to be read as a Containerfile; -1: it was one. */
static int open_remote(const struct pm_build_context_spec *s, const char *where,
		       struct pm_build_tree *ret, int *ret_file, struct pm_err *err)
{
	int r = pm_store_need_dirs(s->store, err);
	if (r >= 0)
		r = pm_stage_new(s->store, &ret->stage, err);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = obtain(s, where, ret, err);
	if (fd < 0)
		return fd;
	r = unpack(ret, fd, err);
	if (r < 0)
		return pm_wrap(err, "the build context %.300s", where);
	*ret_file = r > 0 ? -1 : pm_steal_fd(&fd);
	return 0;
}

static int open_git(const struct pm_build_context_spec *s, const char *where, struct pm_build_tree *ret, struct pm_err *err)
{
	_cleanup_git_source_ struct pm_git_source source = {0};
	int r = pm_git_parse(where, &source, err);
	if (r >= 0)
		r = pm_store_need_dirs(s->store, err);
	if (r >= 0)
		r = pm_stage_new(s->store, &ret->stage, err);
	return r < 0 ? r : pm_git_fetch(&source, ret->stage, &ret->dir, err);
}

/* --- Containerfiles --------------------------------------------------------------------------------- */

struct opener {
	const struct pm_build_context_spec *s;
	struct pm_build_context *c;
	char *first; /* path on the host of the first Containerfile, for its ignore file; NULL: it has none */
	bool input_used;
};

static int add_cpp_flags(const struct pm_build_context_spec *s, struct pm_strv *argv)
{
	const char *env = getenv("BUILDAH_CPPFLAGS");
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	if (env)
		pm_strv_split(&words, env, ' ');
	for (size_t i = 0; i < words.n; i++)
		if (*words.v[i])
			pm_strv_add(argv, words.v[i]);
	for (size_t i = 0; s->cpp_flags && i < s->cpp_flags->n; i++)
		pm_strv_add(argv, s->cpp_flags->v[i]);
	return 0;
}

/* The host's C preprocessor, with macros of its own off; text becomes what it makes of it. */
static int preprocess(struct opener *o, const char *name, struct pm_buf *text, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, errors = PM_BUF_INIT;
	_cleanup_free_ char *cpp = NULL;
	int code = 0;
	if (!o->c->tree.path)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%.300s: a Containerfile that goes through cpp must be the user's "
			       "own, for #include reads any file",
			       name);
	_cleanup_close_ int in = pm_fs_memfd("Containerfile", text, err);
	if (in < 0)
		return in;
	if (pm_proc_find("cpp", getenv("PATH"), &cpp, err) < 0)
		return pm_wrap(err, "%.300s needs the C preprocessor", name);
	pm_strv_add(&argv, "cpp");
	pm_strv_add(&argv, "-E");
	pm_strv_add(&argv, "-iquote");
	pm_strv_add(&argv, o->c->tree.path);
	pm_strv_add(&argv, "-traditional");
	pm_strv_add(&argv, "-undef");
	pm_strv_add(&argv, "-P");
	add_cpp_flags(o->s, &argv);
	pm_strv_add(&argv, "-");
	struct pm_proc_fd fds[] = {{in, STDIN_FILENO}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = cpp;
	spec.argv = pm_strv_argv(&argv);
	spec.fds = fds;
	spec.n_fds = 1;
	int r = pm_proc_run(&spec, &out, PM_DOCKERFILE_MAX, &errors, &code, err);
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_USAGE, "cpp %.300s: %.1000s", name, pm_buf_str(&errors));
	if (r < 0)
		return r;
	pm_buf_cut(text, 0);
	pm_buf_add(text, pm_buf_str(&out), out.len);
	return 0;
}

static int add_text(struct opener *o, const char *name, struct pm_buf *text, struct pm_err *err)
{
	int r = pm_endswith(name, ".in") ? preprocess(o, name, text, err) : 0;
	return r < 0 ? r : pm_dockerfile_add(o->c->file, name, pm_buf_str(text), text->len, err);
}

static int add_fd(struct opener *o, const char *name, int fd, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_fd(fd, PM_DOCKERFILE_MAX, &text, err);
	return r < 0 ? pm_wrap(err, "%.300s", name) : add_text(o, name, &text, err);
}

/* In a context that was fetched nothing leads out of it; the user's own may have symlinks to elsewhere. */
static int read_in_context(const struct pm_build_tree *t, const char *name, struct pm_buf *text,
			   struct pm_err *err)
{
	if (!t->path)
		return pm_fs_read_in(t->dir, name, PM_DOCKERFILE_MAX, text, err);
	_cleanup_free_ char *path = pm_path_join(t->path, name);
	return pm_fs_read_file(AT_FDCWD, path, PM_DOCKERFILE_MAX, text, err);
}

static void note_first(struct opener *o, const char *path)
{
	if (!o->first)
		o->first = pm_strdup(path);
}

static int add_url(struct opener *o, const char *url, struct pm_err *err)
{
	struct pm_url_file info;
	_cleanup_close_ int fd = memfd_create("Containerfile", MFD_CLOEXEC);
	if (fd < 0)
		return pm_fail_sys(err, "memfd_create");
	int r = pm_url_fetch(url, fd, o->s->remote, &info, err);
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = pm_fail_sys(err, "lseek");
	return r < 0 ? r : add_fd(o, url, fd, err);
}

/* One of -f. */
static int add_file(struct opener *o, const char *name, struct pm_err *err)
{
	const struct pm_build_tree *t = &o->c->tree;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (pm_url_is(name))
		return add_url(o, name, err);
	if (strcmp(name, "-") == 0) {
		if (o->input_used)
			return pm_fail(err, PM_E_USAGE,
				       "standard input is read once: for the context or for one "
				       "Containerfile");
		o->input_used = true;
		return add_fd(o, "standard input", o->s->input, err);
	}
	int r = pm_fs_read_file(AT_FDCWD, name, PM_DOCKERFILE_MAX, &text, err);
	if (r >= 0)
		note_first(o, name);
	if (r == -ENOENT && *name != '/' && t->dir >= 0) {
		r = read_in_context(t, name, &text, err);
		_cleanup_free_ char *path = t->path ? pm_path_join(t->path, name) : NULL;
		if (r >= 0 && path)
			note_first(o, path);
	}
	if (r == -ENOENT)
		return pm_fail(err, ENOENT,
			       "there is no Containerfile \"%.300s\", neither here nor in the "
			       "build context",
			       name);
	return r < 0 ? pm_wrap(err, "%.300s", name) : add_text(o, name, &text, err);
}

/* Containerfile or Dockerfile of the context. */
static int add_default(struct opener *o, struct pm_err *err)
{
	static const char *const names[] = {"Containerfile", "Dockerfile"};
	const struct pm_build_tree *t = &o->c->tree;
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		_cleanup_free_ char *path = t->path ? pm_path_join(t->path, names[i]) : NULL;
		int r = read_in_context(t, names[i], &text, err);
		if (r == -ENOENT)
			continue;
		if (path)
			note_first(o, path);
		return r < 0 ? pm_wrap(err, "%s", names[i]) : add_text(o, names[i], &text, err);
	}
	return pm_fail(err, ENOENT,
		       "there is neither a Containerfile nor a Dockerfile in the build context%s%s",
		       t->path ? " " : "", t->path ? t->path : "");
}

/* --- where all of it is ----------------------------------------------------------------------------- */

/* The directory of the first -f that is a file here; else the working directory. The caller frees. */
static char *default_where(const struct pm_build_context_spec *s)
{
	for (size_t i = 0; s->files && i < s->files->n; i++) {
		const char *name = s->files->v[i], *slash = strrchr(name, '/');
		if (pm_url_is(name) || strcmp(name, "-") == 0)
			continue;
		return !slash          ? pm_strdup(".")
		       : slash == name ? pm_strdup("/")
				       : pm_strndup(name, (size_t)(slash - name));
	}
	return pm_strdup(".");
}

/* Opens the tree; *ret_file and *ret_name: a Containerfile that came with it, to be read. */
static int open_where(struct opener *o, int *ret_file, char **ret_name, struct pm_err *err)
{
	const struct pm_build_context_spec *s = o->s;
	const char *where = s->where;
	struct stat st;
	if (!where) {
		_cleanup_free_ char *dir = default_where(s);
		return open_local(dir, &o->c->tree, err);
	}
	if (pm_url_is_git(where))
		return open_git(s, where, &o->c->tree, err);
	if (strcmp(where, "-") == 0 || pm_url_is(where)) {
		o->input_used = *where == '-';
		*ret_name = pm_strdup(o->input_used ? "standard input" : where);
		return open_remote(s, where, &o->c->tree, ret_file, err);
	}
	if (stat(where, &st) < 0 || S_ISDIR(st.st_mode))
		return open_local(where, &o->c->tree, err);
	const char *slash = strrchr(where, '/');
	_cleanup_free_ char *dir =
		!slash ? pm_strdup(".") : pm_strndup(where, (size_t)(slash - where) + 1);
	*ret_file = pm_fs_open(AT_FDCWD, where, O_RDONLY, 0, err);
	*ret_name = pm_strdup(where);
	note_first(o, where);
	return *ret_file < 0 ? *ret_file : open_local(dir, &o->c->tree, err);
}

static int open_all(struct opener *o, struct pm_err *err)
{
	const struct pm_build_context_spec *s = o->s;
	_cleanup_close_ int file = -1;
	_cleanup_free_ char *name = NULL;
	int r = open_where(o, &file, &name, err);
	if (r >= 0 && file >= 0) {
		if (s->files && s->files->n)
			return pm_fail(err, PM_E_USAGE,
				       "%s is no build context but a file: it cannot be given "
				       "together with -f",
				       name);
		if (lseek(file, 0, SEEK_SET) < 0)
			return pm_fail_sys(err, "lseek");
		r = add_fd(o, name, file, err);
	} else if (r >= 0 && (!s->files || !s->files->n)) {
		r = add_default(o, err);
	}
	for (size_t i = 0; r >= 0 && s->files && i < s->files->n; i++)
		r = add_file(o, s->files->v[i], err);
	if (r >= 0)
		r = pm_dockerfile_check(o->c->file, err);
	return r < 0 ? r
		     : pm_ignore_find(s->ignorefile, o->first, o->c->tree.dir, &o->c->ignore, err);
}

int pm_build_context_open(const struct pm_build_context_spec *spec, struct pm_build_context *ret,
			  struct pm_err *err)
{
	struct opener o = {.s = spec, .c = ret};
	ret->file = pm_dockerfile_new();
	int r = open_all(&o, err);
	free(o.first);
	return r;
}

int pm_build_extra_open(const struct pm_build_context_spec *spec, const char *option,
			struct pm_build_extra *ret, struct pm_err *err)
{
	static const char *const images[] = {"docker-image://", "container-image://", "docker://"};
	const char *value = strchr(option, '=');
	_cleanup_close_ int file = -1;
	if (!value || value == option || !value[1])
		return pm_fail(err, PM_E_USAGE,
			       "--build-context must be NAME=VALUE, not \"%.300s\"", option);
	ret->name = pm_strndup(option, (size_t)(value++ - option));
	for (size_t i = 0; i < PM_ARRAY_SIZE(images); i++)
		if (pm_startswith(value, images[i])) {
			ret->image = pm_strdup(value + strlen(images[i]));
			return *ret->image
				       ? 0
				       : pm_fail(err, PM_E_USAGE,
						 "--build-context %s: there is no image", option);
		}
	int r = pm_url_is_git(value) ? open_git(spec, value, &ret->tree, err)
		: pm_url_is(value)   ? open_remote(spec, value, &ret->tree, &file, err)
				     : open_local(value, &ret->tree, err);
	if (r >= 0 && file >= 0)
		r = pm_fail(err, PM_E_FORMAT, "it is no archive");
	return r < 0 ? pm_wrap(err, "--build-context %s", ret->name) : 0;
}
