#include "engine/spec/user.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define MAX_FILE (16 << 20)

bool pm_spec_parse_id(const char *s, uint32_t *ret)
{
	uint64_t n = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > INT32_MAX)
			return false;
	}
	*ret = (uint32_t)n;
	return true;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == 0;
}

/* The next line of *p, NUL-terminated in place; NULL at the end. Comments and blank lines are left
 * out, white space around is cut. */
static char *next_line(char **p)
{
	while (*p && **p) {
		char *line = *p, *nl = strchr(line, '\n');
		*p = nl ? nl + 1 : line + strlen(line);
		if (nl)
			*nl = 0;
		line += strspn(line, " \t\r");
		size_t n = strlen(line);
		while (n > 0 && strchr(" \t\r", line[n - 1]))
			line[--n] = 0;
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

/* Split at ':' in place; missing fields are "". */
static void fields(char *line, char **f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		f[i] = line;
		char *colon = i + 1 < n ? strchr(line, ':') : NULL;
		if (colon) {
			*colon = 0;
			line = colon + 1;
		} else {
			line += strlen(line);
		}
	}
	char *end = strchr(f[n - 1], ':');
	if (end)
		*end = 0;
}

static void add_group(struct pm_spec_user *u, uint32_t gid)
{
	if (gid == u->gid)
		return;
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return;
	u->groups = pm_reallocarray(u->groups, u->n_groups + 1, sizeof(*u->groups));
	u->groups[u->n_groups++] = gid;
}

static int load(const struct pm_rootfs_view *view, const char *path, struct pm_buf *out,
		struct pm_err *ret_why)
{
	int r = pm_rootfs_read(view, path, MAX_FILE, out, ret_why);
	if (r == -ENOENT) {
		pm_err_clear(ret_why);
		return 0;
	}
	/* A NUL would end the text early: what follows must not be seen by one reader only. */
	if (r >= 0 && out->len > 0 && memchr(out->data, 0, out->len))
		r = pm_fail(ret_why, PM_E_FORMAT, "%s in the container holds a NUL byte", path);
	if (r < 0) {
		pm_debug("%s", ret_why->text);
		pm_buf_cut(out, 0);
	}
	return r;
}

bool pm_spec_user_find(const struct pm_buf *passwd, const char *name, uint32_t uid, bool by_uid,
		       struct pm_spec_user *ret)
{
	_cleanup_free_ char *text = pm_strdup(pm_buf_str(passwd));
	char *p = text, *line, *f[7];
	while ((line = next_line(&p))) {
		uint32_t id, gid;
		fields(line, f, 7);
		if (!pm_spec_parse_id(f[2], &id) || !pm_spec_parse_id(f[3], &gid) || !*f[0])
			continue;
		if (!(name && pm_streq(f[0], name)) && !(by_uid && id == uid))
			continue;
		ret->uid = id;
		ret->gid = gid;
		ret->name = pm_strdup(f[0]);
		ret->home = *f[5] ? pm_strdup(f[5]) : NULL;
		ret->gecos = *f[4] ? pm_strdup(f[4]) : NULL;
		return true;
	}
	return false;
}

bool pm_spec_group_find(const struct pm_buf *group, const char *name, uint32_t *ret)
{
	_cleanup_free_ char *text = pm_strdup(pm_buf_str(group));
	char *p = text, *line, *f[4];
	while ((line = next_line(&p))) {
		fields(line, f, 4);
		if (pm_streq(f[0], name) && pm_spec_parse_id(f[2], ret))
			return true;
	}
	return false;
}

bool pm_spec_group_has(const struct pm_buf *group, uint32_t gid)
{
	_cleanup_free_ char *text = pm_strdup(pm_buf_str(group));
	char *p = text, *line, *f[4];
	while ((line = next_line(&p))) {
		uint32_t id;
		fields(line, f, 4);
		if (pm_spec_parse_id(f[2], &id) && id == gid)
			return true;
	}
	return false;
}

static void member_groups(const struct pm_buf *group, struct pm_spec_user *u)
{
	_cleanup_free_ char *text = pm_strdup(pm_buf_str(group));
	char *p = text, *line, *f[4];
	while ((line = next_line(&p))) {
		uint32_t gid;
		fields(line, f, 4);
		if (!pm_spec_parse_id(f[2], &gid))
			continue;
		for (char *m = f[3], *next; m; m = next) {
			next = strchr(m, ',');
			if (next)
				*next++ = 0;
			if (pm_streq(m, u->name))
				add_group(u, gid);
		}
	}
}

static int lookup_user(const struct pm_buf *passwd, const struct pm_err *why, const char *name,
		       struct pm_spec_user *ret, struct pm_err *err)
{
	uint32_t uid = 0;
	bool numeric = !*name || pm_spec_parse_id(name, &uid);
	/* a number is an id, whoever an image's passwd calls so */
	if (pm_spec_user_find(passwd, numeric ? NULL : name, uid, numeric, ret))
		return 0;
	if (numeric) {
		ret->uid = uid;
		return 0;
	}
	if (all_digits(name))
		return pm_fail(err, PM_E_USAGE, "user: id %s is out of range (0 to 2147483647)", name);
	if (why->code)
		return pm_fail(err, why->code, "user: %s", why->text);
	return pm_fail(err, PM_E_USAGE, "unable to find user %s: no matching entries in passwd file",
		       name);
}

static int lookup_group(const struct pm_buf *group, const struct pm_err *why, const char *name,
			uint32_t *ret, struct pm_err *err)
{
	if (pm_spec_group_find(group, name, ret) || pm_spec_parse_id(name, ret))
		return 0;
	if (all_digits(name))
		return pm_fail(err, PM_E_USAGE, "group: id %s is out of range (0 to 2147483647)", name);
	if (why->code)
		return pm_fail(err, why->code, "group: %s", why->text);
	return pm_fail(err, PM_E_USAGE, "unable to find group %s: no matching entries in group file",
		       name);
}

int pm_spec_user_lookup(const struct pm_rootfs_view *view, const char *user,
			const struct pm_strv *groups, struct pm_spec_user *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf passwd = PM_BUF_INIT, group = PM_BUF_INIT;
	_cleanup_free_ char *name = pm_strdup(user ? user : "");
	_cleanup_spec_user_ struct pm_spec_user u = {0};
	struct pm_err why_passwd = PM_ERR_INIT, why_group = PM_ERR_INIT;

	char *gname = strchr(name, ':');
	if (gname) {
		*gname++ = 0;
		if (strchr(gname, ':'))
			return pm_fail(err, PM_E_USAGE, "user \"%s\": more than one colon", user);
	}
	load(view, "/etc/passwd", &passwd, &why_passwd);
	int r = lookup_user(&passwd, &why_passwd, name, &u, err);
	if (r < 0)
		return r;
	load(view, "/etc/group", &group, &why_group);
	if (gname && *gname && pm_spec_parse_id(gname, &u.gid)) {
		; /* a number is an id here, too */
	} else if (gname && *gname) {
		if ((r = lookup_group(&group, &why_group, gname, &u.gid, err)) < 0)
			return r;
	} else if (u.name) {
		member_groups(&group, &u);
	}
	for (size_t i = 0; groups && i < groups->n; i++) {
		uint32_t gid;
		if (pm_streq(groups->v[i], "keep-groups")) {
			u.keep_groups = true;
			continue;
		}
		if ((r = lookup_group(&group, &why_group, groups->v[i], &gid, err)) < 0)
			return r;
		add_group(&u, gid);
	}
	if (u.keep_groups && u.n_groups && groups->n > 1)
		return pm_fail(err, PM_E_USAGE, "the '--group-add keep-groups' option is not allowed "
						"with any other --group-add options");
	*ret = u;
	u = (struct pm_spec_user){0};
	return 0;
}

void pm_spec_user_free(struct pm_spec_user *u)
{
	free(u->home);
	free(u->name);
	free(u->gecos);
	free(u->groups);
	*u = (struct pm_spec_user){0};
}

uint32_t pm_spec_max_id(const char *text)
{
	_cleanup_free_ char *copy = pm_strdup(text);
	char *p = copy, *line;
	uint32_t max = 0;
	while ((line = next_line(&p))) {
		char *f[4];
		uint32_t n;
		fields(line, f, PM_ARRAY_SIZE(f));
		if (pm_spec_parse_id(f[2], &n) && n != 65534 && n > max)
			max = n;
	}
	return max;
}

char *pm_spec_name_of(const char *text, uint32_t id)
{
	_cleanup_free_ char *copy = pm_strdup(text);
	char *p = copy, *line;
	while ((line = next_line(&p))) {
		char *f[4];
		uint32_t n;
		fields(line, f, PM_ARRAY_SIZE(f));
		if (*f[0] && pm_spec_parse_id(f[2], &n) && n == id)
			return pm_strdup(f[0]);
	}
	return NULL;
}
