#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/build/build_parts.h"
#include "netns/userns.h"

/* --- contexts ---------------------------------------------------------------------------------------- */

static bool is_url(const char *word)
{
	return strstr(word, "://") || pm_startswith(word, "git@");
}

static int open_context(struct pm_build *b, const char *word, struct pm_build_context **ret, struct pm_err *err)
{
	(void)b;
	if (is_url(word))
		return pm_fail(err, PM_E_UNSUPPORTED, "build context %s: only directories", word);
	struct pm_build_context *c = PM_NEW(struct pm_build_context);
	c->word = pm_strdup(word);
	c->path = pm_path_absolute(word);
	c->dir = pm_fs_open(AT_FDCWD, c->path, O_RDONLY | O_DIRECTORY, 0, err);
	*ret = c;
	return c->dir < 0 ? pm_wrap(err, "build context") : 0;
}

static void close_context(struct pm_build_context *c)
{
	if (!c)
		return;
	if (c->dir >= 0)
		close(c->dir);
	pm_ignore_free(c->ignore);
	free(c->word);
	free(c->path);
	free(c);
}

static int named_context(struct pm_build *b, const char *word, struct pm_build_context **ret, struct pm_err *err)
{
	for (size_t i = 0; i < b->n_named; i++) {
		if (strcmp(b->named[i]->word, word) == 0) {
			*ret = b->named[i];
			return 0;
		}
	}
	struct pm_build_context *c = NULL;
	int r = open_context(b, word, &c, err);
	if (r >= 0)
		r = pm_ignore_find(NULL, NULL, c->dir, &c->ignore, err);
	if (r < 0) {
		close_context(c);
		return r;
	}
	b->named = pm_reallocarray(b->named, b->n_named + 1, sizeof(*b->named));
	*ret = b->named[b->n_named++] = c;
	return 0;
}

static int find_context(struct pm_build *b, const char *named, struct pm_build_context **ret, struct pm_err *err)
{
	if (named)
		return named_context(b, named, ret, err);
	if (!b->context)
		return pm_fail(err, PM_E_USAGE, "the build has no context: give a directory");
	*ret = b->context;
	return 0;
}

int pm_build_context_dir(struct pm_build *b, const char *named, int *ret_dir, const struct pm_ignore **ret_ignore,
			 struct pm_err *err)
{
	struct pm_build_context *c;
	int r = find_context(b, named, &c, err);
	if (r < 0)
		return r;
	*ret_dir = c->dir;
	*ret_ignore = c->ignore;
	return 0;
}

int pm_build_context_path(struct pm_build *b, const char *named, char **ret, struct pm_err *err)
{
	struct pm_build_context *c;
	int r = find_context(b, named, &c, err);
	if (r >= 0)
		*ret = pm_strdup(c->path);
	return r;
}

int pm_build_userns(struct pm_build *b, int *ret, bool *ret_single, struct pm_err *err)
{
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	int r = 0;
	if (!b->userns_known) {
		b->userns_known = true;
		b->userns = -1;
		r = pm_userns_get(b->e->store->runroot_fd, &b->userns, err);
		if (r > 0)
			r = pm_userns_default_map(&map, err);
		b->single_id = map.single;
	}
	*ret = b->userns;
	*ret_single = b->single_id;
	return r < 0 ? r : 0;
}

/* --- Containerfiles ------------------------------------------------------------------------------------ */

static int add_text(struct pm_build *b, const char *name, struct pm_buf *text, struct pm_err *err)
{
	return pm_dockerfile_add(b->d, name, pm_buf_str(text), text->len, err);
}

static int add_stdin(struct pm_build *b, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_fd(STDIN_FILENO, PM_DOCKERFILE_MAX, &text, err);
	return r < 0 ? pm_wrap(err, "read the Containerfile from standard input") : add_text(b, "-", &text, err);
}

/* In the context: whatever is a symlink there leads to nothing outside. */
static int add_in_context(struct pm_build *b, const char *name, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_in(b->context->dir, name, PM_DOCKERFILE_MAX, &text, err);
	return r < 0 ? r : add_text(b, name, &text, err);
}

static int add_file(struct pm_build *b, const char *path, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct stat st;
	if (strcmp(path, "-") == 0)
		return add_stdin(b, err);
	if (strlen(path) > 3 && strcmp(path + strlen(path) - 3, ".in") == 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: Containerfiles are not preprocessed: run cpp, and give its "
			       "output to -f -", path);
	if (stat(path, &st) < 0 && errno == ENOENT && path[0] != '/' && b->context)
		return add_in_context(b, path, err);
	int r = pm_fs_read_file(AT_FDCWD, path, PM_DOCKERFILE_MAX, &text, err);
	return r < 0 ? r : add_text(b, path, &text, err);
}

static int add_default(struct pm_build *b, struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	int r = add_in_context(b, "Containerfile", &why);
	if (r == -ENOENT)
		return add_in_context(b, "Dockerfile", err);
	return r < 0 ? pm_fail(err, why.code, "%s", why.text) : 0;
}

/* Without a context: where the first Containerfile is. */
static char *beside_file(const struct pm_strv *files)
{
	for (size_t i = 0; i < files->n; i++) {
		if (strcmp(files->v[i], "-") == 0 || is_url(files->v[i]))
			continue;
		_cleanup_free_ char *path = pm_path_absolute(files->v[i]);
		return pm_path_join(path, "..");
	}
	return NULL;
}

int pm_build_read(struct pm_build *b, struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	const struct pm_strv *files = b->o->files ? b->o->files : &none;
	_cleanup_free_ char *word = b->o->context ? pm_strdup(b->o->context) : beside_file(files);
	bool from_stdin = word && strcmp(word, "-") == 0;
	int r = 0;
	if (!word && !files->n)
		return pm_fail(err, PM_E_USAGE, "no context directory and no Containerfile specified");
	if (word && !from_stdin)
		r = open_context(b, word, &b->context, err);
	if (r >= 0 && from_stdin && !files->n)
		r = add_stdin(b, err);
	for (size_t i = 0; r >= 0 && i < files->n; i++)
		r = add_file(b, files->v[i], err);
	if (r >= 0 && !from_stdin && !files->n)
		r = add_default(b, err);
	if (r >= 0 && b->context)
		r = pm_ignore_find(b->o->ignorefile, files->n ? files->v[0] : NULL, b->context->dir,
				   &b->context->ignore, err);
	return r < 0 ? r : pm_dockerfile_check(b->d, err);
}

void pm_build_close(struct pm_build *b)
{
	close_context(b->context);
	for (size_t i = 0; i < b->n_named; i++)
		close_context(b->named[i]);
	free(b->named);
	if (b->userns_known && b->userns >= 0)
		close(b->userns);
}
