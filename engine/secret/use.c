#include "engine/secret/use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/secret/subscriptions.h"

#define SECRETS_DIR "/run/secrets"

/* --- the option ---------------------------------------------------------------------------------- */

static int number(const char *what, const char *value, int base, uint32_t max, uint32_t *ret,
		  struct pm_err *err)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(value, &end, base);
	if (value[0] < '0' || value[0] > '9' || *end || errno || n > max)
		return pm_fail(err, PM_E_USAGE, "%s %s invalid: parsing secret", what, value);
	*ret = (uint32_t)n;
	return 0;
}

struct asked {
	const char *source, *target, *type;
	uint32_t uid, gid, mode;
	bool owner; /* uid, gid or mode was given */
};

static int asked_key(struct asked *a, const char *key, const char *value, struct pm_err *err)
{
	if (strcmp(key, "source") == 0) {
		a->source = value;
	} else if (strcmp(key, "target") == 0) {
		a->target = value;
	} else if (strcmp(key, "type") == 0) {
		if (strcmp(value, "mount") != 0 && strcmp(value, "env") != 0)
			return pm_fail(err, PM_E_USAGE, "type %s is invalid: parsing secret", value);
		a->type = value;
	} else if (strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0) {
		a->owner = true;
		return number(key[0] == 'u' ? "UID" : "GID", value, 10, UINT32_MAX - 1,
			      key[0] == 'u' ? &a->uid : &a->gid, err);
	} else if (strcmp(key, "mode") == 0) {
		a->owner = true;
		return number("mode", value, 8, 07777, &a->mode, err);
	} else {
		return pm_fail(err, PM_E_USAGE, "option %s=%s invalid: parsing secret", key, value);
	}
	return 0;
}

int pm_secret_use_parse(struct pm_engine *e, const char *arg, char **ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	struct asked a = {.type = "mount", .mode = 0444};
	pm_strv_split(&parts, arg, ',');
	for (size_t i = 0; i < parts.n; i++) {
		char *eq = strchr(parts.v[i], '=');
		if (!eq && i == 0) {
			a.source = parts.v[i];
			continue;
		}
		if (!eq)
			return pm_fail(err, PM_E_USAGE, "option %s invalid: parsing secret", parts.v[i]);
		*eq = '\0';
		int r = asked_key(&a, parts.v[i], eq + 1, err);
		if (r < 0)
			return r;
	}
	if (!a.source || !*a.source)
		return pm_fail(err, PM_E_USAGE, "no source found %s: parsing secret", arg);
	bool env = strcmp(a.type, "env") == 0;
	if (env && a.owner)
		return pm_fail(err, PM_E_USAGE, "UID, GID, Mode options cannot be set with secret type "
						"env: parsing secret");
	int r = pm_secret_find(e->store, a.source, &row, err);
	if (r < 0)
		return r;
	const char *target = a.target && *a.target ? a.target : row.name;
	if (env && strchr(target, '='))
		return pm_fail(err, PM_E_USAGE, "target %s invalid: parsing secret", target);
	*ret = pm_asprintf("id=%s,name=%s,type=%s,uid=%u,gid=%u,mode=%o,target=%s", row.id, row.name,
			   a.type, a.uid, a.gid, a.mode, target);
	return 0;
}

void pm_secret_use_free(struct pm_secret_use *u)
{
	free(u->id);
	free(u->name);
	free(u->target);
	*u = (struct pm_secret_use){0};
}

int pm_secret_use_decode(const char *word, struct pm_secret_use *ret, struct pm_err *err)
{
	char id[32], name[72], type[8];
	unsigned int uid, gid, mode;
	int at = 0;
	if (sscanf(word, "id=%31[0-9a-f],name=%71[^,],type=%7[^,],uid=%u,gid=%u,mode=%o,target=%n", id, name,
		   type, &uid, &gid, &mode, &at) != 6 || at == 0)
		return pm_fail(err, PM_E_FORMAT, "the container's secret '%s' is malformed", word);
	*ret = (struct pm_secret_use){
		.id = pm_strdup(id),
		.name = pm_strdup(name),
		.env = strcmp(type, "env") == 0,
		.uid = uid,
		.gid = gid,
		.mode = (mode_t)mode,
		.target = pm_strdup(word + at),
	};
	return 0;
}

/* --- data ---------------------------------------------------------------------------------------- */

static char *kept_path(const char *ctr, const char *id)
{
	return pm_asprintf("containers/%s/userdata/secrets/%s", ctr, id);
}

int pm_secret_keep(struct pm_engine *e, const struct pm_container *c, struct pm_err *err)
{
	for (size_t i = 0; i < c->config.secrets.n; i++) {
		_cleanup_secret_use_ struct pm_secret_use u = {0};
		_cleanup_secret_row_ struct pm_secret_row row = {0};
		_cleanup_secret_ struct pm_buf data = PM_BUF_INIT;
		int r = pm_secret_use_decode(c->config.secrets.v[i], &u, err);
		if (r >= 0)
			r = pm_secret_find(e->store, u.id, &row, err);
		if (r < 0)
			return r;
		if (strcmp(row.driver, "file") != 0)
			continue;
		_cleanup_free_ char *dir = pm_asprintf("containers/%s/userdata/secrets", c->row.id);
		_cleanup_free_ char *path = kept_path(c->row.id, u.id);
		r = pm_secret_data(e, &row, &data, err);
		if (r >= 0)
			r = pm_fs_mkdirs(e->store->root_fd, dir, 0700, err);
		if (r >= 0)
			r = pm_fs_write_file(e->store->root_fd, path, data.data, data.len, 0600, false,
					     err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_data(struct pm_engine *e, const struct pm_container *c,
		     const struct pm_secret_use *u, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	_cleanup_free_ char *path = kept_path(c->row.id, u->id);
	int r = pm_fs_read_file(e->store->root_fd, path, PM_SECRET_MAX, out, NULL);
	if (r != -ENOENT)
		return r < 0 ? pm_fs_read_file(e->store->root_fd, path, PM_SECRET_MAX, out, err) : 0;
	r = pm_secret_find(e->store, u->id, &row, err);
	if (r >= 0)
		r = pm_secret_data(e, &row, out, err);
	return r < 0 ? pm_wrap(err, "secret %s of container %s", u->name, c->row.name) : 0;
}

int pm_secret_env(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret,
		  struct pm_err *err)
{
	for (size_t i = 0; i < c->config.secrets.n; i++) {
		_cleanup_secret_use_ struct pm_secret_use u = {0};
		_cleanup_secret_ struct pm_buf data = PM_BUF_INIT;
		int r = pm_secret_use_decode(c->config.secrets.v[i], &u, err);
		if (r >= 0 && !u.env)
			continue;
		if (r >= 0)
			r = read_data(e, c, &u, &data, err);
		if (r < 0)
			return r;
		pm_strv_addf(ret, "%s=%.*s", u.target, (int)data.len, data.data);
	}
	return 0;
}

void pm_secret_env_wipe(struct pm_strv *env)
{
	for (size_t i = 0; i < env->n; i++)
		explicit_bzero(env->v[i], strlen(env->v[i]));
	pm_strv_free(env);
}

/* --- files --------------------------------------------------------------------------------------- */

void pm_secret_binds_free(struct pm_secret_binds *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].source);
		free(b->v[i].dest);
	}
	free(b->v);
	*b = (struct pm_secret_binds){0};
}

/* part of the tmpfs at dest, once. */
static void add_bind(const struct pm_launch_plan *plan, struct pm_secret_binds *b, const char *part,
		 const char *dest)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->v[i].dest, dest) == 0)
			return;
	b->v = pm_reallocarray(b->v, b->n + 1, sizeof(*b->v));
	b->v[b->n++] = (struct pm_spec_bind){
		.source = pm_asprintf("%s/secret-fs/%s", plan->ctr_dir, part), .dest = pm_strdup(dest)};
}

/* Data for path in the tmpfs, staged under the same path. */
static int stage(int dir, struct pm_launch_plan *plan, const char *path, const struct pm_buf *data,
		 mode_t mode, uint32_t uid, uint32_t gid, struct pm_err *err)
{
	_cleanup_free_ char *above = pm_strdup(path);
	char *slash = strrchr(above, '/');
	int r = 0;
	if (slash) {
		*slash = '\0';
		r = pm_fs_mkdirs(dir, above, 0700, err);
	}
	if (r >= 0)
		r = pm_fs_write_file(dir, path, data->data, data->len, 0600, false, err);
	if (r >= 0)
		pm_launch_plan_add_secret(plan, path, mode, uid, gid);
	return r;
}

static int plan_secret(struct pm_engine *e, const struct pm_container *c,
		       const struct pm_secret_use *u, int dir, size_t i, struct pm_launch_plan *plan,
		       struct pm_secret_binds *binds, struct pm_err *err)
{
	_cleanup_secret_ struct pm_buf data = PM_BUF_INIT;
	_cleanup_free_ char *dest = u->target[0] == '/' ? pm_path_clean(u->target)
							 : pm_path_join(SECRETS_DIR, u->target);
	_cleanup_free_ char *path = NULL;
	if (pm_startswith(dest, SECRETS_DIR "/")) {
		path = pm_asprintf("run/%s", dest + strlen(SECRETS_DIR "/"));
		add_bind(plan, binds, "run", SECRETS_DIR);
	} else {
		path = pm_asprintf("file%zu", i);
		add_bind(plan, binds, path, dest);
	}
	int r = read_data(e, c, u, &data, err);
	return r < 0 ? r : stage(dir, plan, path, &data, u->mode, u->uid, u->gid, err);
}

/* What mounts.conf names: as directories of the tmpfs, those for /run/secrets together with the secrets. */
static int plan_subscriptions(const struct pm_subscriptions *l, int dir, struct pm_launch_plan *plan,
			      struct pm_secret_binds *binds, struct pm_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct pm_subscription *s = &l->v[i];
		_cleanup_free_ char *part = strcmp(s->dest, SECRETS_DIR) == 0
						    ? pm_strdup("run")
						    : pm_asprintf("dir%zu", s->group);
		_cleanup_free_ char *path = *s->path ? pm_asprintf("%s/%s", part, s->path)
						     : pm_strdup(part);
		add_bind(plan, binds, part, s->dest);
		int r = stage(dir, plan, path, &s->data, s->mode, 0, 0, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int pm_secret_plan(struct pm_engine *e, const struct pm_container *c, struct pm_launch_plan *plan,
		   struct pm_secret_binds *binds, struct pm_err *err)
{
	_cleanup_subscriptions_ struct pm_subscriptions subs = {0};
	int r = pm_subscriptions_read(e->mounts_file, &subs, err);
	if (r < 0)
		return r;
	if (c->config.secrets.n == 0 && subs.n == 0)
		return 0;
	_cleanup_free_ char *name = pm_asprintf("ctr/%s/secrets", c->row.id);
	_cleanup_free_ char *fs = pm_asprintf("ctr/%s/secret-fs", c->row.id);
	/* of a start that was killed */
	r = pm_fs_remove_tree(e->store->runroot_fd, name, err);
	_cleanup_close_ int dir = r < 0 ? r : pm_store_run_dir(e->store, name, err);
	_cleanup_close_ int point = dir < 0 ? dir : pm_store_run_dir(e->store, fs, err);
	if (point < 0)
		return point;
	for (size_t i = 0; i < c->config.secrets.n; i++) {
		_cleanup_secret_use_ struct pm_secret_use u = {0};
		r = pm_secret_use_decode(c->config.secrets.v[i], &u, err);
		if (r >= 0 && !u.env)
			r = plan_secret(e, c, &u, dir, i, plan, binds, err);
		if (r < 0)
			return r;
	}
	return plan_subscriptions(&subs, dir, plan, binds, err);
}
