#include "registry/auth_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/proc.h"
#include "registry/cred_helper.h"

enum { AUTH_FILE_MAX = 4 << 20 };

char *pm_auth_file(const char *authfile)
{
	const char *env = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");
	if (authfile && *authfile)
		return pm_strdup(authfile);
	if (env && *env)
		return pm_strdup(env);
	if (run && *run && !pm_proc_for_system())
		return pm_asprintf("%s/containers/auth.json", run);
	return pm_asprintf("/run/containers/%u/auth.json", (unsigned int)pm_proc_outer_uid());
}

/* The file being changed. */
struct change {
	char *path;
	int dir, lock;
	struct pm_json_pool *pool;
	struct pm_json *root;
};

static void change_free(struct change *c)
{
	pm_json_pool_free(c->pool);
	if (c->lock >= 0)
		close(c->lock);
	if (c->dir >= 0)
		close(c->dir);
	free(c->path);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int change_begin(struct change *c, const char *authfile, bool make, struct pm_err *err)
{
	c->path = pm_auth_file(authfile);
	const char *base = base_name(c->path);
	_cleanup_free_ char *dir = base == c->path ? pm_strdup(".")
						   : pm_strndup(c->path, (size_t)(base - c->path));
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = make ? pm_fs_mkdirs(AT_FDCWD, dir, 0700, err) : 0;
	if (r < 0)
		return r;
	c->pool = pm_json_pool_new();
	c->root = pm_json_object(c->pool);
	c->dir = pm_fs_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, &why);
	if (c->dir == -ENOENT && !make)
		return 0;
	if (c->dir >= 0)
		c->lock = pm_lock_take(c->dir, ".", PM_LOCK_EXCLUSIVE, &why);
	r = c->dir < 0 ? c->dir : c->lock < 0 ? c->lock : 0;
	if (r >= 0)
		r = pm_fs_read_file(c->dir, base, AUTH_FILE_MAX, &text, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return pm_wrap(err, "credentials");
	}
	if (text.len)
		r = pm_json_parse(c->pool, pm_buf_str(&text), text.len, &c->root, err);
	if (text.data)
		explicit_bzero(text.data, text.len);
	if (r >= 0 && !pm_json_is(c->root, PM_JSON_OBJECT))
		r = pm_fail(err, PM_E_FORMAT, "it is not an object");
	return r < 0 ? pm_wrap(err, "read credentials from %s", c->path) : 0;
}

static int change_write(struct change *c, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_json_write(c->root, 4, &out);
	int r = pm_fs_write_file(c->dir, base_name(c->path), pm_buf_str(&out), out.len, 0600, true,
				 err);
	explicit_bzero(out.data, out.len);
	return r < 0 ? pm_wrap(err, "write credentials to %s", c->path) : 0;
}

/* The program that keeps the key's credentials, or NULL: the file itself. */
static const char *helper_for(const struct change *c, const struct pm_strv *helpers, const char *key)
{
	_cleanup_free_ char *host = pm_strndup(key, strcspn(key, "/"));
	const char *h = pm_json_get_str(pm_json_get(c->root, "credHelpers"), host);
	if (h && *h)
		return h;
	if (helpers && helpers->n)
		return strcmp(helpers->v[0], PM_HELPER_FILES) == 0 ? NULL : helpers->v[0];
	h = pm_json_get_str(c->root, "credsStore");
	return h && *h ? h : NULL;
}

int pm_auth_store(const char *authfile, const struct pm_strv *helpers, const char *key,
		  const struct pm_credentials *cred, char **ret_where, struct pm_err *err)
{
	struct change c = {.dir = -1, .lock = -1};
	int r = change_begin(&c, authfile, true, err);
	const char *helper = r < 0 ? NULL : helper_for(&c, authfile ? NULL : helpers, key);
	if (r >= 0 && helper) {
		_cleanup_free_ char *host = pm_strndup(key, strcspn(key, "/"));
		if (key[strlen(host)])
			r = pm_fail(err, PM_E_UNSUPPORTED, "credential helper %s keeps credentials of "
							   "whole registries only, not of '%s'",
				    helper, key);
		else
			r = pm_cred_helper_store(helper, key, cred, err);
		*ret_where = pm_asprintf("docker-credential-%s", helper);
	} else if (r >= 0) {
		char *basic = pm_credentials_basic(cred);
		struct pm_json *auths = pm_json_get(c.root, "auths"), *v = pm_json_object(c.pool);
		if (!pm_json_is(auths, PM_JSON_OBJECT))
			auths = pm_json_set(c.pool, c.root, "auths", pm_json_object(c.pool));
		pm_json_set_str(c.pool, v, "auth", basic + strlen("Basic "));
		pm_json_set(c.pool, auths, key, v);
		explicit_bzero(basic, strlen(basic));
		free(basic);
		r = change_write(&c, err);
		*ret_where = pm_strdup(c.path);
	}
	change_free(&c);
	return r;
}

int pm_auth_erase(const char *authfile, const struct pm_strv *helpers, const char *key,
		  struct pm_err *err)
{
	struct change c = {.dir = -1, .lock = -1};
	int found = 0, r = change_begin(&c, authfile, false, err);
	const char *helper = r < 0 ? NULL : helper_for(&c, authfile ? NULL : helpers, key);
	if (helper) {
		r = pm_cred_helper_erase(helper, key, err);
		found = r > 0;
	}
	struct pm_json *auths = r < 0 ? NULL : pm_json_get(c.root, "auths");
	if (pm_json_get(auths, key)) {
		pm_json_unset(auths, key);
		found = 1;
		r = change_write(&c, err);
	}
	change_free(&c);
	return r < 0 ? r : found;
}

int pm_auth_erase_all(const char *authfile, struct pm_err *err)
{
	struct change c = {.dir = -1, .lock = -1};
	int r = change_begin(&c, authfile, false, err);
	const struct pm_json *helpers = r < 0 ? NULL : pm_json_get(c.root, "credHelpers");
	for (size_t i = 0; r >= 0 && pm_json_is(helpers, PM_JSON_OBJECT) && i < helpers->len; i++) {
		const struct pm_json *v = helpers->members[i].value;
		if (pm_json_is(v, PM_JSON_STRING))
			r = pm_cred_helper_erase(v->string, helpers->members[i].name, err);
	}
	if (r >= 0 && c.dir >= 0 && c.root->len) {
		pm_json_set(c.pool, c.root, "auths", pm_json_object(c.pool));
		r = change_write(&c, err);
	}
	change_free(&c);
	return r < 0 ? r : 0;
}
