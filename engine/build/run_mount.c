#include "engine/build/run_mount.h"

#include <string.h>

#include "engine/build/run_mount_parts.h"

void pm_run_mount_free(struct pm_run_mount *m)
{
	char *strings[] = {m->target, m->source, m->from, m->id, m->env, m->sharing};
	for (size_t i = 0; i < PM_ARRAY_SIZE(strings); i++)
		free(strings[i]);
	pm_strv_free(&m->options);
	*m = (struct pm_run_mount){0};
}

void pm_run_mount_set(char **field, const char *value)
{
	free(*field);
	*field = pm_strdup_null(value);
}

static int parse_number(const char *name, const char *value, int base, int64_t max, int64_t *ret,
			struct pm_err *err)
{
	int64_t n = 0;
	const char *p = value;
	for (; *p >= '0' && *p < '0' + base && n <= max; p++)
		n = n * base + (*p - '0');
	if (p == value || *p || n > max)
		return pm_fail(err, PM_E_USAGE, "--mount: invalid %s \"%s\"", name, value);
	*ret = n;
	return 0;
}

static int parse_bool(const char *name, const char *value, bool *ret, struct pm_err *err)
{
	static const char *const yes[] = {"", "1", "t", "T", "true", "TRUE", "True", NULL};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};
	if (!value || pm_str_in(value, yes))
		*ret = true;
	else if (pm_str_in(value, no))
		*ret = false;
	else
		return pm_fail(err, PM_E_USAGE, "--mount: invalid %s \"%s\"", name, value);
	return 0;
}

#define KIND(k) (1u << PM_RUN_##k)
#define ANY (KIND(BIND) | KIND(CACHE) | KIND(TMPFS) | KIND(SECRET) | KIND(SSH))

/* Words that go to the mount as they are. Nothing else does: a value cannot bring options of its own. */
static int parse_option(struct pm_run_mount *m, const char *name, const char *value, struct pm_err *err)
{
	static const char *const propagations[] = {"private", "rprivate", "slave", "rslave", "shared",
						   "rshared", "unbindable", "runbindable", NULL};
	if (strcmp(name, "bind-propagation") == 0) {
		if (!value || !pm_str_in(value, propagations))
			return pm_fail(err, PM_E_USAGE, "--mount: invalid mount propagation \"%s\"",
				       value ? value : "");
		if (strstr(value, "shared"))
			return pm_fail(err, PM_E_UNSUPPORTED, "--mount: bind-propagation=%s: what a build mounts "
				       "does not come back to the host", value);
		pm_strv_add(&m->options, value);
		return 0;
	}
	if (strcmp(name, "relabel") == 0) {
		if (pm_streq(value, "shared"))
			pm_strv_add(&m->options, "z");
		else if (pm_streq(value, "private"))
			pm_strv_add(&m->options, "Z");
		else
			return pm_fail(err, PM_E_USAGE, "--mount: invalid relabel \"%s\"", value ? value : "");
		return 0;
	}
	if (strcmp(name, "tmpfs-size") == 0) {
		/* as the kernel reads it */
		size_t digits = strspn(value ? value : "", "0123456789");
		if (!digits || digits > 18 || strlen(value + digits) > 1 || !strchr("kKmMgG%", value[digits]))
			return pm_fail(err, PM_E_USAGE, "--mount: invalid tmpfs-size \"%s\"", value ? value : "");
		pm_strv_addf(&m->options, "size=%s", value);
		return 0;
	}
	if (strcmp(name, "tmpfs-mode") == 0) {
		int64_t mode;
		int r = parse_number(name, value ? value : "", 8, 07777, &mode, err);
		if (r >= 0)
			pm_strv_addf(&m->options, "mode=%llo", (unsigned long long)mode);
		return r;
	}
	pm_strv_add(&m->options, name);
	return 0;
}

enum where { TARGET, SOURCE, FROM, ID, ENV, SHARING, RW, RO, REQUIRED, MODE, UID, GID, OPTION, NOTHING };

static const struct word {
	const char *name;
	enum where where;
	unsigned int kinds;
} words[] = {
	{"bind-nonrecursive", NOTHING, KIND(BIND)},
	{"bind-propagation", OPTION, KIND(BIND)},
	{"destination", TARGET, ANY},
	{"dst", TARGET, ANY},
	{"env", ENV, KIND(SECRET)},
	{"from", FROM, KIND(BIND) | KIND(CACHE)},
	{"gid", GID, KIND(CACHE) | KIND(SECRET) | KIND(SSH)},
	{"id", ID, KIND(CACHE) | KIND(SECRET) | KIND(SSH)},
	{"mode", MODE, KIND(CACHE) | KIND(SECRET) | KIND(SSH)},
	{"nodev", OPTION, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"noexec", OPTION, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"nosuid", OPTION, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"readonly", RO, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"readwrite", RW, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"relabel", OPTION, KIND(BIND) | KIND(CACHE)},
	{"required", REQUIRED, KIND(SECRET) | KIND(SSH)},
	{"ro", RO, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"rw", RW, KIND(BIND) | KIND(CACHE) | KIND(TMPFS)},
	{"sharing", SHARING, KIND(CACHE)},
	{"source", SOURCE, KIND(BIND) | KIND(CACHE) | KIND(SECRET)},
	{"src", SOURCE, KIND(BIND) | KIND(CACHE) | KIND(SECRET)},
	{"target", TARGET, ANY},
	{"tmpcopyup", OPTION, KIND(TMPFS)},
	{"tmpfs-mode", OPTION, KIND(TMPFS)},
	{"tmpfs-size", OPTION, KIND(TMPFS)},
	{"uid", UID, KIND(CACHE) | KIND(SECRET) | KIND(SSH)},
	{"z", OPTION, KIND(BIND) | KIND(CACHE)},
	{"Z", OPTION, KIND(BIND) | KIND(CACHE)},
};

static const struct word *find_word(const struct pm_run_mount *m, const char *name)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++)
		if (strcmp(words[i].name, name) == 0 && words[i].kinds & (1u << m->kind))
			return &words[i];
	return NULL;
}

static char **string_of(struct pm_run_mount *m, enum where where)
{
	return where == TARGET ? &m->target
	       : where == SOURCE ? &m->source
	       : where == FROM   ? &m->from
	       : where == ID     ? &m->id
	       : where == ENV    ? &m->env
				 : &m->sharing;
}

static int apply(struct pm_run_mount *m, const struct word *w, const char *value, struct pm_err *err)
{
	bool yes;
	int r;
	switch (w->where) {
	case TARGET:
	case SOURCE:
	case FROM:
	case ID:
	case ENV:
	case SHARING:
		if (!value || !*value)
			return pm_fail(err, PM_E_USAGE, "--mount: %s: must have a value", w->name);
		pm_run_mount_set(string_of(m, w->where), value);
		return 0;
	case RW:
	case RO:
		r = parse_bool(w->name, value, &yes, err);
		if (r >= 0)
			m->writable = yes == (w->where == RW);
		return r;
	case REQUIRED:
		return parse_bool(w->name, value, &m->required, err);
	case MODE:
		return parse_number("mode", value ? value : "", 8, 07777, &m->mode, err);
	case UID:
		return parse_number("uid", value ? value : "", 10, UINT32_MAX - 1, &m->uid, err);
	case GID:
		return parse_number("gid", value ? value : "", 10, UINT32_MAX - 1, &m->gid, err);
	case OPTION:
		return parse_option(m, w->name, value, err);
	case NOTHING:
		break;
	}
	return 0;
}

static int parse_kind(const struct pm_strv *parts, enum pm_run_mount_kind *ret, struct pm_err *err)
{
	static const char *const kinds[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
	const char *kind = "bind";
	for (size_t i = 0; i < parts->n; i++)
		if (pm_startswith(parts->v[i], "type="))
			kind = parts->v[i] + strlen("type=");
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i], kind) == 0) {
			*ret = (enum pm_run_mount_kind)i;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE, "--mount: invalid filesystem type \"%s\"", kind);
}

static int check(const struct pm_run_mount *m, struct pm_err *err)
{
	static const char *const sharings[] = {"shared", "private", "locked", NULL};
	bool needs = m->kind == PM_RUN_BIND || m->kind == PM_RUN_CACHE || m->kind == PM_RUN_TMPFS;
	if (needs && !m->target)
		return pm_fail(err, PM_E_USAGE, "--mount: must set volume destination");
	if (m->sharing && !pm_str_in(m->sharing, sharings))
		return pm_fail(err, PM_E_USAGE, "--mount: unrecognized value \"%s\" for sharing", m->sharing);
	if (m->kind == PM_RUN_SECRET && !m->id && !m->target && !m->env && !m->source)
		return pm_fail(err, PM_E_USAGE, "--mount: a secret needs an id");
	if (m->env && strchr(m->env, '='))
		return pm_fail(err, PM_E_USAGE, "--mount: invalid env \"%s\"", m->env);
	return 0;
}

static int parse_parts(const struct pm_strv *parts, struct pm_run_mount *m, struct pm_err *err)
{
	int r = parse_kind(parts, &m->kind, err);
	m->writable = m->kind == PM_RUN_CACHE || m->kind == PM_RUN_TMPFS;
	for (size_t i = 0; r >= 0 && i < parts->n; i++) {
		_cleanup_free_ char *name = pm_strdup(parts->v[i]);
		char *value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		if (strcmp(name, "type") == 0)
			continue;
		const struct word *w = find_word(m, name);
		r = w ? apply(m, w, value, err)
		      : pm_fail(err, PM_E_USAGE, "--mount: %s: invalid mount option", parts->v[i]);
	}
	return r < 0 ? r : check(m, err);
}

int pm_run_mount_parse(const char *text, struct pm_run_mount *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	struct pm_run_mount m = {.mode = -1, .uid = -1, .gid = -1};
	pm_strv_split(&parts, text, ',');
	int r = parse_parts(&parts, &m, err);
	if (r < 0) {
		pm_run_mount_free(&m);
		return r;
	}
	*ret = m;
	return 0;
}

/* --- what a build was given ------------------------------------------------------------------------ */

static struct pm_build_secret *add(struct pm_build_secret **v, size_t *n)
{
	*v = pm_reallocarray(*v, *n + 1, sizeof(**v));
	(*v)[*n] = (struct pm_build_secret){0};
	return &(*v)[(*n)++];
}

static void free_all(struct pm_build_secret *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].id);
		free(v[i].path);
		free(v[i].env);
	}
	free(v);
}

void pm_build_secrets_free(struct pm_build_secrets *s)
{
	free_all(s->secrets, s->n_secrets);
	free_all(s->agents, s->n_agents);
	*s = (struct pm_build_secrets){0};
}

static int fill_secret(struct pm_build_secret *s, const char *arg, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	const char *type = NULL;
	pm_strv_split(&parts, arg, ',');
	for (size_t i = 0; i < parts.n; i++) {
		char *name = parts.v[i], *value = strchr(name, '=');
		if (!value)
			return pm_fail(err, PM_E_USAGE, "--secret %s: incorrect secret flag format: should be "
				       "--secret id=foo,src=bar[,env=ENV][,type=file|env]", arg);
		*value++ = '\0';
		if (strcmp(name, "id") == 0)
			pm_run_mount_set(&s->id, value);
		else if (strcmp(name, "src") == 0 || strcmp(name, "source") == 0)
			pm_run_mount_set(&s->path, value);
		else if (strcmp(name, "env") == 0)
			pm_run_mount_set(&s->env, value);
		else if (strcmp(name, "type") == 0)
			type = value;
		else
			return pm_fail(err, PM_E_USAGE, "--secret %s: unknown key \"%s\"", arg, name);
	}
	if (!s->id || !*s->id)
		return pm_fail(err, PM_E_USAGE, "--secret %s: an id is needed", arg);
	if (type && strcmp(type, "file") != 0 && strcmp(type, "env") != 0)
		return pm_fail(err, PM_E_USAGE, "--secret %s: invalid secret type \"%s\"", arg, type);
	if (s->path && s->env)
		return pm_fail(err, PM_E_USAGE, "--secret %s: src and env contradict", arg);
	if (pm_streq(type, "env") && s->path) { /* docker's src= may name a variable */
		s->env = s->path;
		s->path = NULL;
	}
	if (!s->path && !s->env) /* as BuildKit: the variable of that name, else the file */
		pm_run_mount_set(pm_streq(type, "file") || !getenv(s->id) ? &s->path : &s->env, s->id);
	return 0;
}

int pm_build_secret_add(struct pm_build_secrets *s, const char *arg, struct pm_err *err)
{
	return fill_secret(add(&s->secrets, &s->n_secrets), arg, err);
}

int pm_build_agent_add(struct pm_build_secrets *s, const char *arg, struct pm_err *err)
{
	struct pm_build_secret *a = add(&s->agents, &s->n_agents);
	const char *eq = strchr(arg, '=');
	a->id = eq ? pm_strndup(arg, (size_t)(eq - arg)) : pm_strdup(arg);
	a->path = pm_strdup_null(eq ? eq + 1 : getenv("SSH_AUTH_SOCK"));
	if (!*a->id)
		return pm_fail(err, PM_E_USAGE, "--ssh %s: an id is needed", arg);
	if (!a->path || !*a->path)
		return pm_fail(err, PM_E_USAGE, "--ssh %s: SSH_AUTH_SOCK is not set: start an agent, or name its "
			       "socket", arg);
	return 0;
}
