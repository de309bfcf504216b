#include "cli/called_as.h"

#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/command.h"

struct word {
	const char *theirs;
	const char *ours; /* words by ' '; NULL: refused, with why */
	const char *why;
};

/* Their options before the command. */
struct global {
	const char *name;
	bool value;       /* takes one, behind '=' or in the next word */
	const char *ours; /* pm's option before the command, whole; NULL: moved behind it under its own name,
			     where the command has it */
	const char *why;  /* refused; NULL: not */
	const char *env;  /* else this variable is set to the value */
	bool timeout;     /* else it limits the command's time */
};

struct program {
	const char *name;
	const struct word *words;     /* ended by {0}; NULL: pm's own */
	const struct global *globals;
};

static const struct word skopeo_words[] = {
	{"copy", "copy", NULL},
	{"delete", "delete", NULL},
	{"generate-sigstore-key", "generate-sigstore-key", NULL},
	{"inspect", "image inspect", NULL},
	{"list-tags", "list-tags", NULL},
	{"login", "login", NULL},
	{"logout", "logout", NULL},
	{"manifest-digest", "manifest-digest", NULL},
	{"standalone-sign", "standalone-sign", NULL},
	{"standalone-verify", "standalone-verify", NULL},
	{"sync", "sync", NULL},
	{0},
};

static const struct global skopeo_globals[] = {
	{"--command-timeout", true, NULL, NULL, NULL, .timeout = true},
	{"--debug", false, "--log-level=debug", NULL, NULL},
	{"--insecure-policy", false, NULL, NULL, NULL},
	{"--override-arch", true, NULL, NULL, NULL},
	{"--override-os", true, NULL, NULL, NULL},
	{"--override-variant", true, NULL, NULL, NULL},
	{"--policy", true, NULL, NULL, NULL},
	{"--registries.d", true, NULL, NULL, NULL},
	{"--tmpdir", true, NULL, NULL, "TMPDIR"},
	{0},
};

static const struct global buildah_globals[] = {
	{"--cgroup-manager", true, NULL, NULL},
	{"--debug", false, "--log-level=debug", NULL},
	{"--log-level", true, NULL, NULL},
	{"--root", true, NULL, NULL},
	{"--runroot", true, NULL, NULL},
	{"--storage-driver", true, NULL, NULL},
	{"--storage-opt", true, NULL, NULL},
	{0},
};

static const struct word buildah_words[] = {
	{"add", "buildah add", NULL},
	{"bud", "build", NULL},
	{"build", "build", NULL},
	{"build-using-dockerfile", "build", NULL},
	{"commit", "buildah commit", NULL},
	{"config", "buildah config", NULL},
	{"containers", "buildah containers", NULL},
	{"copy", "buildah copy", NULL},
	{"delete", "buildah rm", NULL},
	{"from", "buildah from", NULL},
	{"images", "images", NULL},
	{"info", "info", NULL},
	{"inspect", "buildah inspect", NULL},
	{"list", "buildah containers", NULL},
	{"login", "login", NULL},
	{"logout", "logout", NULL},
	{"ls", "buildah containers", NULL},
	{"manifest", "manifest", NULL},
	{"mount", "mount", NULL},
	{"prune", "image prune", NULL},
	{"ps", "buildah containers", NULL},
	{"pull", "pull", NULL},
	{"push", "push", NULL},
	{"rename", "rename", NULL},
	{"rm", "buildah rm", NULL},
	{"rmi", "rmi", NULL},
	{"run", "buildah run", NULL},
	{"tag", "tag", NULL},
	{"umount", "unmount", NULL},
	{"unmount", "unmount", NULL},
	{"unshare", "unshare", NULL},
	{"version", "version", NULL},
	{0},
};

static const struct program programs[] = {
	{"podman", NULL, NULL},
	{"docker", NULL, NULL},
	{"skopeo", skopeo_words, skopeo_globals},
	{"buildah", buildah_words, buildah_globals},
};

static const struct program *find_program(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(programs); i++)
		if (strcmp(name, programs[i].name) == 0)
			return &programs[i];
	return NULL;
}

const char *pm_called_as(const char *argv0)
{
	const struct program *p = argv0 ? find_program(argv0) : NULL;
	return p ? p->name : "pm";
}

static const struct global *find_global(const struct program *p, const char *word)
{
	size_t len = strcspn(word, "=");
	for (const struct global *g = p->globals; g && g->name; g++)
		if (strlen(g->name) == len && memcmp(g->name, word, len) == 0)
			return g;
	return NULL;
}

static bool table_has(const struct pm_opt *table, const char *word)
{
	size_t len = strcspn(word, "=") - 2;
	for (const struct pm_opt *o = table; o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, word + 2, len) == 0)
			return true;
	return false;
}

/* Does the command of pm have this option ("--policy" or "--policy=x")? */
static bool has_option(const struct pm_command *c, const char *word)
{
	for (const struct pm_opt_table *t = c->tables; t->opts; t++)
		if (table_has(t->opts, word))
			return true;
	return table_has(pm_global_table, word);
}

/* Their options up to the command: pm's go to ret, the others to moved. Returns the index behind them. */
static int take_globals(const struct program *p, char *const *argv, struct pm_strv *ret,
			struct pm_strv *moved, int64_t *ret_timeout, struct pm_err *err)
{
	int i = 1;
	for (; argv[i] && argv[i][0] == '-'; i++) {
		const struct global *g = find_global(p, argv[i]);
		if (!g) { /* --help, --version, or an error that pm's parser words */
			pm_strv_add(ret, argv[i]);
			continue;
		}
		if (g->why)
			return pm_fail(err, PM_E_UNSUPPORTED, "option %s: %s", g->name, g->why);
		bool apart = g->value && !strchr(argv[i], '=');
		const char *eq = strchr(argv[i], '='), *value = eq ? eq + 1 : apart ? argv[i + 1] : NULL;
		if (g->timeout && (!value || pm_duration_parse(value, ret_timeout, err) < 0 || *ret_timeout < 0))
			return pm_fail(err, PM_E_USAGE, "option %s: \"%s\" is no duration, as 30s or 1m30s",
				       g->name, value ? value : "");
		if (g->env && value)
			setenv(g->env, value, 1);
		else if (g->ours)
			pm_strv_add(ret, g->ours);
		else if (apart && argv[i + 1] && !g->timeout)
			pm_strv_addf(moved, "%s=%s", argv[i], argv[i + 1]);
		else if (!g->timeout)
			pm_strv_add(moved, argv[i]);
		i += apart && argv[i + 1];
	}
	return i;
}

int pm_called_translate(char *const *argv, struct pm_strv *ret, int64_t *ret_timeout,
			struct pm_err *err)
{
	*ret_timeout = 0;
	_cleanup_strv_ struct pm_strv moved = PM_STRV_INIT, ours = PM_STRV_INIT;
	const struct program *p = argv[0] ? find_program(argv[0]) : NULL;
	if (!p || !p->words) {
		pm_strv_add_all(ret, argv);
		return 0;
	}
	pm_strv_add(ret, argv[0]);
	int i = take_globals(p, argv, ret, &moved, ret_timeout, err);
	if (i < 0)
		return i;
	if (!argv[i])
		return 0;
	const struct word *w = p->words;
	while (w->theirs && strcmp(w->theirs, argv[i]) != 0)
		w++;
	if (w->theirs && !w->ours)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s %s: %s", p->name, w->theirs, w->why);
	pm_strv_split(&ours, w->theirs ? w->ours : argv[i], ' ');
	pm_strv_add_all(ret, ours.v);
	size_t used;
	char path[64];
	const struct pm_command *c = pm_command_find(ours.v, &used, path);
	for (size_t k = 0; c && k < moved.n; k++)
		if (has_option(c, moved.v[k])) /* others are of no use to it, as with skopeo */
			pm_strv_add(ret, moved.v[k]);
	pm_strv_add_all(ret, argv + i + 1);
	return 0;
}

bool pm_called_global(const char *program, size_t *i, const char **ret_name, const char **ret_why)
{
	const struct program *p = find_program(program);
	if (!p || !p->globals || !p->globals[*i].name)
		return false;
	*ret_name = p->globals[*i].name;
	*ret_why = p->globals[*i].why;
	++*i;
	return true;
}
