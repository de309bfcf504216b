#include "engine/volume/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "storage/quota.h"
#include "storage/volume_mount.h"

#define PM_VOLUME_QUOTA "volume options size and inodes"

void pm_volume_options_free(struct pm_volume_options *o)
{
	free(o->type);
	free(o->device);
	free(o->image);
	pm_strv_free(&o->words);
	pm_strv_free(&o->shown);
	*o = (struct pm_volume_options){0};
}

static int number(const char *key, const char *value, int64_t max, int64_t *ret, struct pm_err *err)
{
	char *end;
	errno = 0;
	long long n = strtoll(value, &end, 10);
	if (!*value || *end || errno || n < 0 || n > max)
		return pm_fail(err, PM_E_USAGE, "cannot convert %s %s to integer", key, value);
	*ret = n;
	return 0;
}

/* One word of o. uid and gid also go to the file system where it is one that takes them. */
static int word(struct pm_volume_options *o, const char *w, struct pm_err *err)
{
	const char *eq = strchr(w, '=');
	_cleanup_free_ char *key = eq ? pm_strndup(w, (size_t)(eq - w)) : pm_strdup(w);
	bool tmpfs = pm_streq(o->type, "tmpfs");
	int r;

	if (!eq && strcmp(key, "noquota") == 0) {
		o->noquota = true;
		pm_strv_add(&o->shown, "NOQUOTA=true");
		return 0;
	}
	const struct {
		const char *key, *shown;
		int64_t max, *value;
		bool keep;
	} numbers[] = {
		{"uid", "UID", UINT32_MAX - 1, &o->uid, tmpfs},
		{"gid", "GID", UINT32_MAX - 1, &o->gid, tmpfs},
		{"timeout", NULL, INT64_MAX, &o->timeout, false},
	};
	for (size_t i = 0; eq && i < PM_ARRAY_SIZE(numbers); i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		r = number(key, eq + 1, numbers[i].max, numbers[i].value, err);
		if (r >= 0 && numbers[i].keep)
			pm_strv_add(&o->words, w);
		if (r >= 0 && numbers[i].shown)
			pm_strv_addf(&o->shown, "%s=%s", numbers[i].shown, eq + 1);
		return r;
	}
	r = pm_quota_word(w, &o->quota, err);
	if (r < 0)
		return r;
	if (r == 0) {
		pm_strv_add(&o->words, w);
	} else {
		bool size = key[0] == 's';
		pm_strv_addf(&o->shown, "%s=%s", size ? "SIZE" : "INODES", eq + 1);
		if (tmpfs && size)
			pm_strv_addf(&o->words, "size=%lld", (long long)o->quota.size);
		else if (tmpfs)
			pm_strv_addf(&o->words, "nr_inodes=%lld", (long long)o->quota.inodes);
	}
	return 0;
}

static int parse_o(struct pm_volume_options *o, const char *text, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_strv_split(&l, text, ',');
	for (size_t i = 0; i < l.n; i++) {
		int r = *l.v[i] ? word(o, l.v[i], err) : 0;
		if (r < 0)
			return r;
	}
	return pm_mount_words_check(&o->words, err);
}

static int choose_kind(struct pm_volume_options *o, bool rootless, struct pm_err *err)
{
	bool bind = pm_strv_has(&o->words, "bind") || pm_strv_has(&o->words, "rbind") ||
		    pm_streq(o->type, "bind");
	if (pm_streq(o->type, "tmpfs")) {
		o->kind = PM_VOLUME_TMPFS;
	} else if (bind) {
		o->kind = PM_VOLUME_BIND;
		if (!o->device || o->device[0] != '/')
			return pm_fail(err, PM_E_USAGE,
				       "a bind volume needs device=DIRECTORY with an absolute path: "
				       "invalid argument");
	} else if (o->type || o->device) {
		o->kind = PM_VOLUME_FS;
		if (!o->type)
			return pm_fail(err, PM_E_USAGE,
				       "device=%s without type: say the file system's type, or o=bind: "
				       "invalid argument", o->device);
		if (rootless && strcmp(o->type, "overlay") != 0)
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "cannot mount volumes of type %s without root privileges: have it "
				       "mounted on the host and make a volume with o=bind,device=DIRECTORY",
				       o->type);
	} else if (o->words.n) {
		return pm_fail(err, PM_E_USAGE, "mount options \"%s\" without a type or device to mount: "
						"invalid argument", o->words.v[0]);
	}
	if (!pm_quota_limits(&o->quota) || o->kind == PM_VOLUME_TMPFS)
		return 0;
	if (o->noquota)
		return pm_fail(err, PM_E_USAGE,
			       "volume options size and inodes cannot be used without quota");
	if (o->kind != PM_VOLUME_DIR)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       PM_VOLUME_QUOTA " not supported for a volume that mounts a device or a directory");
	if (rootless)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       PM_VOLUME_QUOTA " not supported: only root of the host can set Project Quota");
	return 0;
}

static int parse_local(const struct pm_strv *given, struct pm_volume_options *o, struct pm_err *err)
{
	const char *words = NULL;
	for (size_t i = 0; i < given->n; i++) {
		const char *eq = strchr(given->v[i], '=');
		_cleanup_free_ char *key = eq ? pm_strndup(given->v[i], (size_t)(eq - given->v[i]))
					      : pm_strdup(given->v[i]);
		char **to = strcmp(key, "type") == 0 ? &o->type : strcmp(key, "device") == 0 ? &o->device
											       : NULL;
		if (to && eq) {
			free(*to);
			*to = eq[1] ? pm_strdup(eq + 1) : NULL;
		} else if (strcmp(key, "o") == 0 && eq) {
			words = eq + 1;
		} else if (strcmp(key, "nocopy") == 0 || strcmp(key, "copy") == 0) {
			o->nocopy = key[0] == 'n';
		} else {
			return pm_fail(err, PM_E_USAGE,
				       "invalid mount option %s for driver 'local': invalid argument", key);
		}
	}
	return words ? parse_o(o, words, err) : 0; /* what the words mean depends on the type */
}

static int parse_image(const struct pm_strv *given, struct pm_volume_options *o, struct pm_err *err)
{
	for (size_t i = 0; i < given->n; i++) {
		if (!pm_startswith(given->v[i], "image=") || !given->v[i][6])
			return pm_fail(err, PM_E_USAGE,
				       "invalid mount option %s for driver 'image': invalid argument",
				       given->v[i]);
		free(o->image);
		o->image = pm_strdup(given->v[i] + 6);
	}
	if (!o->image)
		return pm_fail(err, PM_E_USAGE, "must provide an image name when creating a volume with "
						"the image driver: invalid argument");
	o->kind = PM_VOLUME_IMAGE;
	return 0;
}

int pm_volume_options_parse(const char *driver, const struct pm_strv *given, bool rootless,
			    struct pm_volume_options *ret, struct pm_err *err)
{
	*ret = (struct pm_volume_options){
		.uid = -1, .gid = -1, .timeout = -1};
	if (pm_streq(driver, "image"))
		return parse_image(given, ret, err);
	if (driver && *driver && !pm_streq(driver, "local"))
		return pm_fail(err, PM_E_NOSUCH,
			       "volume driver \"%s\" is neither local nor image, and volume plugins are "
			       "not run by pm: required plugin missing", driver);
	int r = parse_local(given, ret, err);
	return r < 0 ? r : choose_kind(ret, rootless, err);
}

int pm_volume_options_words(const char *json, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = NULL;
	struct pm_json *o;
	if (!json)
		return 0;
	pool = pm_json_pool_new();
	int r = pm_json_parse(pool, json, strlen(json), &o, err);
	if (r < 0)
		return pm_wrap(err, "options of the volume");
	for (size_t i = 0; i < pm_json_len(o); i++)
		pm_strv_addf(ret, "%s=%s", o->members[i].name,
			     pm_json_get_str(o, o->members[i].name) ?: "");
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct pm_json_member *x = a, *y = b;
	return strcmp(x->name, y->name);
}

struct pm_json *pm_volume_options_tree(struct pm_json_pool *pool, const struct pm_strv *given,
				       const struct pm_volume_options *o)
{
	struct pm_json *t = pm_json_object(pool);
	const struct pm_strv *const both[] = {&o->shown, given};
	for (size_t l = 0; l < PM_ARRAY_SIZE(both); l++) {
		for (size_t i = 0; i < both[l]->n; i++) {
			const char *word = both[l]->v[i], *eq = strchr(word, '=');
			_cleanup_free_ char *name = eq ? pm_strndup(word, (size_t)(eq - word)) : pm_strdup(word);
			pm_json_set_str(pool, t, name, eq ? eq + 1 : "");
		}
	}
	if (t->len > 1) /* as Go marshals a map */
		qsort(t->members, t->len, sizeof(*t->members), by_name);
	t->hint = PM_JSON_MAP;
	return t;
}
