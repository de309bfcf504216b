#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/shell_words.h"
#include "engine/image/changes.h"

struct config_opts {
	bool add_history;
	const char *arch, *author, *cmd, *domainname, *entrypoint, *healthcheck, *hostname, *os,
		*shell, *stop_signal, *user, *variant, *workingdir;
	int64_t health_interval, health_start, health_timeout, health_retries;
	struct pm_strv env, label, onbuild, port, volume, unsetlabel;
};

#define COMMIT_HAS "give it to \"buildah commit\""

static const struct pm_opt config_table[] = {
	{"add-history", 0, PM_BOOL(struct config_opts, add_history),
	 "Add an entry for each change to the image's history. BUILDAH_HISTORY=true does the same"},
	{"annotation", 'a', PM_REFUSED, COMMIT_HAS},
	{"arch", 0, PM_STRING(struct config_opts, arch),
	 "Set the architecture of the target image"},
	{"author", 0, PM_STRING(struct config_opts, author), "Set the image's author"},
	{"cmd", 0, PM_STRING(struct config_opts, cmd),
	 "Set the default command: words as a shell has them, or an array in JSON"},
	{"comment", 0, PM_REFUSED, COMMIT_HAS},
	{"created-by", 0, PM_REFUSED, COMMIT_HAS},
	{"domainname", 0, PM_STRING(struct config_opts, domainname),
	 "Set a domain name for containers based on the image"},
	{"entrypoint", 0, PM_STRING(struct config_opts, entrypoint),
	 "Set the entry point: an array in JSON, or text for a shell; \"\" removes it"},
	{"env", 'e', PM_STRINGS(struct config_opts, env),
	 "Add an environment variable; NAME alone has this process's value, NAME- removes it",
	 .complete = PM_COMPLETE_ENV},
	{"healthcheck", 0, PM_STRING(struct config_opts, healthcheck),
	 "Set a health check: \"CMD words\", \"CMD-SHELL text\" or NONE"},
	{"healthcheck-interval", 0, PM_DURATION(struct config_opts, health_interval),
	 "Time between runs of the health check"},
	{"healthcheck-retries", 0, PM_INT(struct config_opts, health_retries),
	 "How often the health check has to fail"},
	{"healthcheck-start-period", 0, PM_DURATION(struct config_opts, health_start),
	 "Time after the start in which failures do not count"},
	{"healthcheck-timeout", 0, PM_DURATION(struct config_opts, health_timeout),
	 "The longest time a health check may take"},
	{"history-comment", 0, PM_REFUSED, COMMIT_HAS},
	{"hostname", 0, PM_STRING(struct config_opts, hostname),
	 "Set a host name for containers based on the image"},
	{"label", 'l', PM_STRINGS(struct config_opts, label), "Add a label; NAME- removes it"},
	{"onbuild", 0, PM_STRINGS(struct config_opts, onbuild),
	 "Add an instruction for builds that are based on the image"},
	{"os", 0, PM_STRING(struct config_opts, os),
	 "Set the operating system of the target image"},
	{"port", 'p', PM_STRINGS(struct config_opts, port),
	 "Add a port to expose: PORT[/PROTOCOL]; PORT- removes it"},
	{"shell", 0, PM_STRING(struct config_opts, shell),
	 "Set the shell of commands in containers"},
	{"stop-signal", 0, PM_STRING(struct config_opts, stop_signal),
	 "Set the signal that stops containers"},
	{"unsetlabel", 0, PM_STRINGS(struct config_opts, unsetlabel), "Remove a label"},
	{"user", 'u', PM_STRING(struct config_opts, user), "Set the default user of containers"},
	{"variant", 0, PM_STRING(struct config_opts, variant),
	 "Set the architecture's variant of the target image"},
	{"volume", 'v', PM_STRINGS(struct config_opts, volume),
	 "Add the path of a volume; PATH- removes it"},
	{"workingdir", 0, PM_STRING(struct config_opts, workingdir),
	 "Set the working directory of containers"},
	{0},
};

struct change {
	struct pm_cli *cli;
	struct pm_worker *w;
	struct pm_json *config;
	bool history;
};

static void note(struct change *c, const char *instruction, const char *text)
{
	if (!c->history)
		return;
	_cleanup_free_ char *line = pm_asprintf("/bin/sh -c #(nop) %s %s", instruction, text);
	pm_worker_history(c->w, line, pm_time_now());
}

/* A member of object; "" removes it. */
static void set(struct change *c, struct pm_json *object, const char *name, const char *value,
		const char *instruction)
{
	if (!value)
		return;
	if (*value)
		pm_json_set_str(c->w->pool, object, name, value);
	else
		pm_json_unset(object, name);
	if (instruction)
		note(c, instruction, value);
}

/* As --change of commit has it. */
static int apply(struct change *c, const char *instruction, const char *text, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_strv_addf(&l, "%s %s", instruction, text);
	note(c, instruction, text);
	return pm_changes_apply(c->w->pool, c->config, &l, err);
}

/* NAME- : its name; NULL: it is no removal. The caller frees. */
static char *removal(const char *text)
{
	size_t n = strlen(text);
	return n > 1 && text[n - 1] == '-' && !strchr(text, '=') ? pm_strndup(text, n - 1) : NULL;
}

static int set_env(struct change *c, const struct pm_strv *list, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	struct pm_json *old = pm_json_get(c->config, "Env");
	int r = old ? pm_json_to_strv(old, &env, err) : 0;
	for (size_t i = 0; r >= 0 && i < list->n; i++) {
		const char *text = list->v[i], *eq = strchr(text, '=');
		_cleanup_free_ char *gone = removal(text),
				    *name = pm_strndup(text, strcspn(text, "="));
		const char *value = eq ? eq + 1 : getenv(name);
		if (!*name)
			return pm_fail(err, PM_E_USAGE, "--env %s: the variable has no name", text);
		if (gone)
			pm_env_unset(&env, gone);
		else if (value)
			pm_env_set(&env, name, value);
		note(c, "ENV", text);
	}
	if (r >= 0 && list->n)
		pm_json_set(c->w->pool, c->config, "Env", pm_json_strv(c->w->pool, &env));
	return r;
}

/* An object whose members' names are the values: labels with text, others with {}. */
static int set_members(struct change *c, const struct pm_strv *list, const char *member,
		       const char *instruction, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < list->n; i++) {
		_cleanup_free_ char *gone = removal(list->v[i]);
		struct pm_json *object = pm_json_get(c->config, member);
		if (gone && object) {
			pm_json_unset(object, gone);
			_cleanup_free_ char *tcp = pm_asprintf("%s/tcp", gone);
			pm_json_unset(object, tcp);
		} else if (!gone &&
			   strcmp(member, "Labels") == 0) { /* no quotes to be taken away */
			_cleanup_free_ char *name =
				pm_strndup(list->v[i], strcspn(list->v[i], "="));
			if (!object)
				object = pm_json_set(c->w->pool, c->config, member,
						     pm_json_object(c->w->pool));
			pm_json_set_str(c->w->pool, object, name,
					list->v[i][strlen(name)] ? list->v[i] + strlen(name) + 1
								 : "");
			note(c, instruction, list->v[i]);
		} else if (!gone) {
			r = apply(c, instruction, list->v[i], err);
		}
	}
	return r;
}

/* Words of a shell, or an array in JSON. */
static int set_words(struct change *c, const char *member, const char *instruction,
		     const char *text, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	if (!text)
		return 0;
	if (*text == '[')
		return apply(c, instruction, text, err);
	int r = pm_shell_words(text, &words, err);
	if (r < 0)
		return r;
	pm_json_set(c->w->pool, c->config, member, pm_json_strv(c->w->pool, &words));
	note(c, instruction, text);
	return 0;
}

static int set_entrypoint(struct change *c, const char *text, struct pm_err *err)
{
	if (!text)
		return 0;
	if (*text)
		return apply(c, "ENTRYPOINT", text, err);
	pm_json_unset(c->config, "Entrypoint");
	note(c, "ENTRYPOINT", "[]");
	return 0;
}

static struct pm_json *health(struct change *c)
{
	struct pm_json *h = pm_json_get(c->config, "Healthcheck");
	return pm_json_is(h, PM_JSON_OBJECT) ? h
					     : pm_json_set(c->w->pool, c->config, "Healthcheck",
							   pm_json_object(c->w->pool));
}

static int set_health(struct change *c, const struct config_opts *o, struct pm_err *err)
{
	static const char *const given[] = {"healthcheck-interval", "healthcheck-timeout",
					    "healthcheck-start-period", "healthcheck-retries"};
	static const char *const members[] = {"Interval", "Timeout", "StartPeriod", "Retries"};
	const int64_t values[] = {o->health_interval, o->health_timeout, o->health_start,
				  o->health_retries};
	if (o->healthcheck) {
		_cleanup_strv_ struct pm_strv test = PM_STRV_INIT;
		if (pm_startswith(o->healthcheck, "CMD-SHELL ")) {
			pm_strv_add(&test, "CMD-SHELL");
			pm_strv_add(&test, o->healthcheck + strlen("CMD-SHELL "));
		} else {
			int r = pm_shell_words(o->healthcheck, &test, err);
			if (r < 0)
				return r;
		}
		if (!test.n || (strcmp(test.v[0], "NONE") != 0 && test.n < 2) ||
		    (strcmp(test.v[0], "CMD") != 0 && strcmp(test.v[0], "CMD-SHELL") != 0 &&
		     strcmp(test.v[0], "NONE") != 0))
			return pm_fail(
				err, PM_E_USAGE,
				"--healthcheck must be \"CMD words\", \"CMD-SHELL text\" or NONE");
		pm_json_set(c->w->pool, health(c), "Test", pm_json_strv(c->w->pool, &test));
		note(c, "HEALTHCHECK", o->healthcheck);
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(given); i++)
		if (pm_cli_given(c->cli, given[i]))
			pm_json_set_int(c->w->pool, health(c), members[i], values[i]);
	return 0;
}

/* What the image is for; the worker has it beside the document, too. */
static void set_platform(struct change *c, const char *name, char **slot, const char *value)
{
	if (!value)
		return;
	set(c, c->w->document, name, value, NULL);
	free(*slot);
	*slot = *value ? pm_strdup(value) : NULL;
}

static int change_all(struct change *c, const struct config_opts *o, struct pm_err *err)
{
	set_platform(c, "architecture", &c->w->arch, o->arch);
	set_platform(c, "os", &c->w->os, o->os);
	set_platform(c, "variant", &c->w->variant, o->variant);
	set(c, c->w->document, "author", o->author, NULL);
	set(c, c->config, "User", o->user, "USER");
	set(c, c->config, "WorkingDir", o->workingdir, "WORKDIR");
	set(c, c->config, "Hostname", o->hostname, NULL);
	set(c, c->config, "Domainname", o->domainname, NULL);
	int r = set_env(c, &o->env, err);
	if (r >= 0)
		r = set_members(c, &o->label, "Labels", "LABEL", err);
	for (size_t i = 0; i < o->unsetlabel.n; i++)
		pm_json_unset(pm_json_get(c->config, "Labels"), o->unsetlabel.v[i]);
	if (r >= 0)
		r = set_members(c, &o->port, "ExposedPorts", "EXPOSE", err);
	if (r >= 0)
		r = set_members(c, &o->volume, "Volumes", "VOLUME", err);
	for (size_t i = 0; r >= 0 && i < o->onbuild.n; i++)
		r = apply(c, "ONBUILD", o->onbuild.v[i], err);
	if (r >= 0 && o->stop_signal)
		r = apply(c, "STOPSIGNAL", o->stop_signal, err);
	if (r >= 0)
		r = set_entrypoint(c, o->entrypoint, err);
	if (r >= 0)
		r = set_words(c, "Cmd", "CMD", o->cmd, err);
	if (r >= 0)
		r = set_words(c, "Shell", "SHELL", o->shell, err);
	return r < 0 ? r : set_health(c, o, err);
}

static int config_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct config_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	int r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	if (r < 0)
		return r;
	struct change c = {.cli = cli,
			   .w = &w,
			   .config = pm_worker_config(&w),
			   .history = pm_buildah_history(cli, o->add_history)};
	r = change_all(&c, o, err);
	return r < 0 ? r : pm_worker_save(&w, err);
}

const struct pm_command pm_cmd_buildah_config = {
	.path = "buildah config",
	.summary = "Update the configuration of the image to be",
	.synopsis = "[options] CONTAINER",
	.text = "Changes what images that are committed of the working container say: command, "
		"environment, labels, ports ...",
	.examples = "%p --env A=b --workingdir /srv alpine-working-container\n"
		    "%p --entrypoint '[\"/entrypoint.sh\", \"dev\"]' alpine-working-container",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct config_opts),
	.tables = {{config_table, 0}, {0}},
	.run = config_run,
};
