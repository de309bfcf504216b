#include "cli/ctr_options_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/command.h"

extern char **environ;

static int env_word(const char *word, struct pm_strv *env, struct pm_err *err)
{
	const char *eq = strchr(word, '=');
	if (eq == word)
		return pm_fail(err, PM_E_USAGE, "invalid environment variable: \"%s\"", word);
	if (eq) {
		_cleanup_free_ char *name = pm_strndup(word, (size_t)(eq - word));
		pm_env_set(env, name, eq + 1);
		return 0;
	}
	size_t len = strlen(word);
	if (len > 0 && word[len - 1] == '*') {
		for (char **p = environ; *p; p++)
			if (strncmp(*p, word, len - 1) == 0)
				env_word(*p, env, NULL);
		return 0;
	}
	const char *value = getenv(word);
	if (value)
		pm_env_set(env, word, value);
	return 0;
}

/* Lines of a file, without comments and empty ones, handed to f. */
static int each_line(const char *path,
		     int (*f)(const char *line, struct pm_strv *to, struct pm_err *err),
		     struct pm_strv *to, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, 1 << 20, &b, err);
	if (r < 0)
		return r;
	pm_strv_split(&lines, pm_buf_str(&b), '\n');
	for (size_t i = 0; i < lines.n && r >= 0; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");
		size_t len = strlen(line);
		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (line[0] && line[0] != '#')
			r = f(line, to, err);
	}
	return r < 0 ? pm_wrap(err, "%s", path) : 0;
}

int pm_ctr_parse_env(const struct pm_strv *args, const struct pm_strv *files, struct pm_strv *env,
		     struct pm_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		/* -PATH need not be there, as systemd has it */
		const bool optional = files->v[i][0] == '-';
		int r = each_line(files->v[i] + optional, env_word, env, err);
		if (r == -ENOENT && optional)
			pm_err_clear(err);
		else if (r < 0)
			return r;
	}
	int r = 0;
	for (size_t i = 0; i < args->n && r >= 0; i++)
		r = args->v[i][0] ? env_word(args->v[i], env, err) : 0;
	return r;
}

static int label_word(const char *word, struct pm_strv *labels, struct pm_err *err)
{
	const char *eq = strchr(word, '=');
	if (!*word || eq == word)
		return pm_fail(err, PM_E_USAGE, "invalid label format: \"%s\"", word);
	_cleanup_free_ char *name = eq ? pm_strndup(word, (size_t)(eq - word)) : pm_strdup(word);
	pm_env_set(labels, name, eq ? eq + 1 : "");
	return 0;
}

static int label_line(const char *word, struct pm_strv *labels, struct pm_err *err)
{
	const char *blank = strpbrk(word, " \t"), *eq = strchr(word, '=');
	if (blank && (!eq || blank < eq))
		return pm_fail(err, PM_E_USAGE, "label \"%s\": its name has white space", word);
	return label_word(word, labels, err);
}

int pm_ctr_parse_labels(const struct pm_strv *args, const struct pm_strv *files,
			struct pm_strv *labels, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < files->n && r >= 0; i++)
		r = each_line(files->v[i], label_line, labels, err);
	for (size_t i = 0; i < args->n && r >= 0; i++)
		r = label_word(args->v[i], labels, err);
	return r < 0 ? r : 0;
}

int pm_ctr_apply_env(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		     struct pm_ctr_config *c, struct pm_err *err)
{
	c->env_host = pm_cli_given(cli, "env-host") ? o->env_host : e->conf.env_host;
	for (size_t i = 0; i < o->env_merge.n; i++)
		if (o->env_merge.v[i][0] == '=' || !strchr(o->env_merge.v[i], '='))
			return pm_fail(err, PM_E_USAGE, "--env-merge \"%s\": must be NAME=VALUE",
				       o->env_merge.v[i]);
	int r = pm_ctr_parse_env(&o->env, &o->env_file, &c->env, err);
	if (r >= 0)
		r = pm_ctr_parse_labels(&o->label, &o->label_file, &c->labels, err);
	for (size_t i = 0; i < o->annotation.n && r >= 0; i++) {
		if (!strchr(o->annotation.v[i], '='))
			return pm_fail(err, PM_E_USAGE,
				       "annotations must be formatted KEY=VALUE: \"%s\"",
				       o->annotation.v[i]);
		pm_strv_add(&c->annotations, o->annotation.v[i]);
	}
	return r;
}
