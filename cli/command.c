#include "cli/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cli/called_as.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/refused.h"
#include "storage/quota.h"
#include "storage/store.h"

const struct pm_opt pm_global_table[] = {
	{"cdi-spec-dir", 0, PM_STRINGS(struct pm_global_opts, cdi_spec_dir),
	 "Directory with CDI device specifications (default: /etc/cdi, /var/run/cdi)", .complete = PM_COMPLETE_DIR},
	{"cgroup-manager", 0, PM_CHOICE(struct pm_global_opts, cgroup_manager),
	 "Cgroup manager to use", .arg = "string", .choices = "cgroupfs|systemd|disabled"},
	{"config", 0, PM_STRING(struct pm_global_opts, config),
	 "Directory whose config.json holds registry credentials", .complete = PM_COMPLETE_DIR},
	{"conmon", 0, PM_STRING(struct pm_global_opts, conmon),
	 "Path of conmon, which pm does without", .hidden = true, .complete = PM_COMPLETE_FILE},
	{"connection", 0, PM_REFUSED, "pm has no service to connect to"},
	{"default-mounts-file", 0, PM_STRING(struct pm_global_opts, default_mounts_file),
	 "Path to the default mounts file, instead of the usual mounts.conf", .hidden = true,
	 .complete = PM_COMPLETE_FILE},
	{"events-backend", 0, PM_CHOICE(struct pm_global_opts, events_backend),
	 "Events backend to use", .arg = "string", .choices = "file|journald|none"},
	{"hooks-dir", 0, PM_STRINGS(struct pm_global_opts, hooks_dir),
	 "Directory of OCI hooks (see oci-hooks(5))", .complete = PM_COMPLETE_DIR},
	{"identity", 0, PM_REFUSED, "pm has no service to connect to"},
	{"log-level", 0, PM_STRING(struct pm_global_opts, log_level),
	 "Log messages above specified level (trace, debug, info, warn, warning, error, fatal, "
	 "panic)",
	 .def = "warn", .choices = "trace|debug|info|warn|warning|error|fatal|panic"},
	{"module", 0, PM_STRINGS(struct pm_global_opts, module),
	 "Load this module of containers.conf", .complete = PM_COMPLETE_FILE},
	{"namespace", 0, PM_REFUSED, "stores are kept apart by --root and --runroot"},
	{"network-cmd-path", 0, PM_REFUSED, "the user-mode network is pm's own program"},
	{"network-config-dir", 0, PM_STRING(struct pm_global_opts, network_config_dir),
	 "Directory of the definitions of networks, instead of the usual one", .complete = PM_COMPLETE_DIR},
	{"noout", 0, PM_BOOL(struct pm_global_opts, noout), "Do not print to stdout"},
	{"out", 0, PM_STRING(struct pm_global_opts, out),
	 "Send the output on stdout to a file", .complete = PM_COMPLETE_FILE},
	{"remote", 0, PM_REFUSED, "pm has no service to connect to", .no_value = "true"},
	{"root", 0, PM_STRING(struct pm_global_opts, root),
	 "Path to the root directory in which data, including images, is stored",
	 .complete = PM_COMPLETE_DIR},
	{"runroot", 0, PM_STRING(struct pm_global_opts, runroot),
	 "Path to the 'run directory' where all state information is stored",
	 .complete = PM_COMPLETE_DIR},
	{"runtime", 0, PM_STRING(struct pm_global_opts, runtime),
	 "Name or path of the OCI-compatible binary used to run containers "
	 "(default: containers.conf's, or \"crun\")",
	 .complete = PM_COMPLETE_FILE},
	{"runtime-flag", 0, PM_STRINGS(struct pm_global_opts, runtime_flag),
	 "Global option for the runtime, without the dashes: \"log=FILE\""},
	{"ssh", 0, PM_REFUSED, "pm has no service to connect to"},
	{"storage-driver", 0, PM_STRING(struct pm_global_opts, storage_driver),
	 "Storage driver: overlay, fuse-overlayfs or vfs (default: the best that works)",
	 .choices = "overlay|fuse-overlayfs|vfs"},
	{"storage-opt", 0, PM_STRINGS(struct pm_global_opts, storage_opt),
	 "Option of the storage driver: overlay.mount_program=PATH, imagestore=DIR, overlay.size=, overlay.inodes="},
	{"syslog", 0, PM_BOOL(struct pm_global_opts, syslog),
	 "Output logging information to syslog as well as the console"},
	{"tmpdir", 0, PM_STRING(struct pm_global_opts, tmpdir),
	 "The run directory, when --runroot is not given", .complete = PM_COMPLETE_DIR},
	{"url", 0, PM_REFUSED, "pm has no service to connect to"},
	{"volumepath", 0, PM_STRING(struct pm_global_opts, volumepath),
	 "Path to the directory that new volumes are made in, instead of volumes/ below --root",
	 .complete = PM_COMPLETE_DIR},
	{0},
};

static const struct pm_opt_table global_tables[] = {{pm_global_table, 0}, {0}};

const struct pm_opt pm_root_table[] = {
	{"version", 'v', PM_BOOL(struct pm_global_opts, version), "version for pm"},
	{0},
};

static const struct pm_opt_table root_tables[] = {{pm_root_table, 0}, {0}};

/* --- the table of commands --------------------------------------------------------------------- */

/* The word at *s, up to a blank or the end; *s is moved behind it and the blank. */
static size_t next_word(const char **s, const char *end, const char **ret)
{
	*ret = *s;
	const char *p = memchr(*s, ' ', (size_t)(end - *s));
	size_t n = (size_t)((p ? p : end) - *s);
	*s = p ? p + 1 : end;
	return n;
}

/* Is word one of the comma-separated names? */
static bool one_of(const char *names, size_t len, const char *word)
{
	size_t n = strlen(word);
	const char *end = names + len;
	while (names < end) {
		const char *comma = memchr(names, ',', (size_t)(end - names));
		size_t part = (size_t)((comma ? comma : end) - names);
		if (part == n && memcmp(names, word, n) == 0)
			return true;
		names += part + 1;
	}
	return false;
}

/* How many words the path of len bytes matches: all of the path's or 0. */
static size_t match_path(const char *path, size_t len, char *const *words)
{
	const char *end = path + len, *names;
	size_t n = 0;
	while (path < end) {
		size_t part = next_word(&path, end, &names);
		if (!words[n] || !one_of(names, part, words[n]))
			return 0;
		n++;
	}
	return n;
}

/* The path with the last word's aliases left out. */
static void canonical_path(const char *path, size_t len, char ret[64])
{
	const char *last = memrchr(path, ' ', len);
	size_t start = last ? (size_t)(last - path) : 0;
	const char *comma = memchr(path + start, ',', len - start);
	size_t n = comma ? (size_t)(comma - path) : len;
	snprintf(ret, 64, "%.*s", (int)n, path);
}

const struct pm_command *pm_command_find(char *const *words, size_t *ret_words, char path[64])
{
	const struct pm_command *best = NULL;
	*ret_words = 0;
	for (const struct pm_command *const *c = pm_commands; *c; c++) {
		for (const char *p = (*c)->path; *p;) {
			size_t len = strcspn(p, "|");
			size_t n = match_path(p, len, words);
			if (n > *ret_words) {
				best = *c;
				*ret_words = n;
				canonical_path(p, len, path);
			}
			p += len + (p[len] == '|');
		}
	}
	return best;
}

int pm_command_each(int (*f)(const struct pm_command *c, const char *path, const char *aliases,
			     void *arg),
		    void *arg)
{
	for (const struct pm_command *const *c = pm_commands; *c; c++) {
		for (const char *p = (*c)->path; *p;) {
			char path[64], aliases[64] = "";
			size_t len = strcspn(p, "|");
			canonical_path(p, len, path);
			size_t n = strlen(path);
			if (n < len)
				snprintf(aliases, sizeof(aliases), "%.*s", (int)(len - n - 1),
					 p + n + 1);
			int r = f(*c, path, aliases, arg);
			if (r)
				return r;
			p += len + (p[len] == '|');
		}
	}
	return 0;
}

/* --- unknown commands -------------------------------------------------------------------------- */

/* Optimal string alignment: letters missing, too many, wrong, or two swapped (each 1). */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][65], n = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	if (n > 64)
		return 99;
	for (size_t j = 0; j <= n; j++)
		last[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < row[j])
				row[j] = last[j] + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		size_t *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	return last[n];
}

struct suggest {
	const char *group; /* "" or "image" */
	const char *word;
	struct pm_strv found;
};

static int suggest_one(const struct pm_command *c, const char *path, const char *aliases,
		       void *arg)
{
	struct suggest *s = arg;
	size_t n = strlen(s->group);
	(void)aliases;
	if (c->flags & PM_CMD_HIDDEN)
		return 0;
	if (n && (!pm_startswith(path, s->group) || path[n] != ' '))
		return 0;
	const char *name = n ? path + n + 1 : path;
	if (strchr(name, ' '))
		return 0;
	size_t typed = strlen(s->word);
	size_t allowed = typed <= 3 ? 1 : 2;
	if (strncasecmp(name, s->word, typed) == 0 || edit_distance(s->word, name) <= allowed)
		pm_strv_add(&s->found, name);
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int unrecognized(struct pm_cli *cli, const char *group, const char *word,
			struct pm_err *err)
{
	struct suggest s = {.group = group, .word = word};
	const char *space = *group ? " " : "";
	_cleanup_free_ char *path = pm_asprintf("%s%s%s", group, space, word);
	const struct pm_refused *refused = pm_refused_find(path);
	if (refused)
		return pm_fail(err, PM_E_UNSUPPORTED, "pm %s: %s", path, refused->reason);
	pm_command_each(suggest_one, &s);
	if (s.found.n) {
		qsort(s.found.v, s.found.n, sizeof(*s.found.v), compare_strings);
		_cleanup_free_ char *list = pm_strv_join(&s.found, "\n\t");
		pm_buf_printf(&cli->hint, "\nDid you mean this?\n\t%s\n\n", list);
	}
	pm_strv_free(&s.found);
	pm_buf_printf(&cli->hint, "Try 'pm%s%s --help' for more information\n", space, group);
	return pm_fail(err, PM_E_USAGE, "unrecognized command `pm%s%s %s`", space, group, word);
}

/* --- the runner -------------------------------------------------------------------------------- */

bool pm_cli_given(const struct pm_cli *cli, const char *name)
{
	return pm_parse_given(&cli->parse, name);
}

/* The option --storage-opt: what pm's drivers know, or a refusal by name. */
static int storage_opts(struct pm_cli *cli, const char **driver, struct pm_err *err)
{
	static const char *const stores[] = {"imagestore=", "additionalimagestore="};
	for (size_t i = 0; i < cli->global.storage_opt.n; i++) {
		const char *opt = cli->global.storage_opt.v[i];
		const char *name = pm_startswith(opt, "overlay.") ? opt + 8 : opt;
		int r;
		if (pm_startswith(name, "mount_program=") && pm_endswith(name, "fuse-overlayfs"))
			*driver = "fuse-overlayfs";
		else if (strcmp(name, "mount_program=") == 0)
			*driver = "overlay";
		else if (pm_startswith(name, stores[0]))
			pm_strv_add(&cli->storage.extra, name + strlen(stores[0]));
		else if (pm_startswith(name, stores[1]))
			pm_strv_add(&cli->storage.extra, name + strlen(stores[1]));
		else if ((r = pm_quota_word(name, &cli->storage.quota, err)) < 0)
			return pm_wrap(err, "storage option %s", opt);
		else if (r == 0)
			return pm_fail(err, PM_E_USAGE, "storage option \"%s\" is not supported",
				       opt);
	}
	return 0;
}

/* storage.conf(5) names Podman's store or ours: the one that is there. */
static void resolve_extra(struct pm_strv *stores)
{
	for (size_t i = 0; i < stores->n; i++) {
		_cleanup_free_ char *below = pm_path_join(stores->v[i], "pm/pm.db");
		if (access(below, F_OK) < 0)
			continue;
		free(stores->v[i]);
		*strrchr(below, '/') = '\0';
		stores->v[i] = pm_steal(&below);
	}
}

int pm_cli_store_options(struct pm_cli *cli, struct pm_store_options *ret, struct pm_err *err)
{
	const struct pm_global_opts *g = &cli->global;
	struct pm_storage_conf *conf = &cli->storage;
	if (!cli->storage_loaded) {
		int r = pm_storage_conf_load(conf, err);
		if (r >= 0)
			r = storage_opts(cli, &cli->storage_driver, err);
		if (r < 0)
			return r;
		resolve_extra(&conf->extra);
		cli->storage_loaded = true;
	}
	ret->root = g->root ? g->root : conf->root;
	ret->runroot = g->runroot ? g->runroot : g->tmpdir ? g->tmpdir : conf->runroot;
	ret->driver = cli->storage_driver ? cli->storage_driver
					  : g->storage_driver ? g->storage_driver : conf->driver;
	ret->extra = &conf->extra;
	ret->ctr_quota = conf->quota;
	return 0;
}

static int open_store_dirs(struct pm_cli *cli, struct pm_err *err)
{
	struct pm_store_options opts = {0};
	int r = pm_cli_store_options(cli, &opts, err);
	if (r >= 0)
		r = pm_store_paths(&opts, &cli->store, err);
	return r < 0 ? r : pm_store_need_dirs(cli->store, err);
}

int pm_cli_open_store(struct pm_cli *cli, struct pm_err *err)
{
	struct pm_store_options opts = {0};
	if (cli->store)
		return 0;
	int r = pm_cli_store_options(cli, &opts, err);
	return r < 0 ? r : pm_store_open(&opts, &cli->store, err);
}

bool pm_cli_store_exists(struct pm_cli *cli)
{
	struct pm_store_options opts = {0};
	struct pm_err err = PM_ERR_INIT;
	_cleanup_store_ struct pm_store *paths = NULL;
	if (pm_cli_store_options(cli, &opts, &err) < 0 || pm_store_paths(&opts, &paths, &err) < 0)
		return false;
	_cleanup_free_ char *db = pm_store_path(paths, "pm.db");
	return access(db, R_OK) == 0;
}

struct pm_store *pm_cli_store(struct pm_cli *cli)
{
	return cli->store;
}

void pm_cli_close_store(struct pm_cli *cli)
{
	if (cli->store)
		pm_store_free(cli->store);
	cli->store = NULL;
}

static int check_args(const struct pm_cli *cli, struct pm_err *err)
{
	const struct pm_command *c = cli->command;
	int n = cli->n_args;
	if (n >= c->min_args && (c->max_args < 0 || n <= c->max_args))
		return 0;
	if (c->max_args == 0)
		return pm_fail(err, PM_E_USAGE, "`pm %s` takes no arguments", cli->path);
	if (c->max_args == c->min_args)
		return pm_fail(err, PM_E_USAGE, "accepts %d arg(s), received %d", c->min_args, n);
	if (c->max_args < 0)
		return pm_fail(err, PM_E_USAGE, "requires at least %d arg(s), only received %d",
			       c->min_args, n);
	if (c->min_args == 0)
		return pm_fail(err, PM_E_USAGE, "accepts at most %d arg(s), received %d",
			       c->max_args, n);
	return pm_fail(err, PM_E_USAGE, "accepts between %d and %d arg(s), received %d",
		       c->min_args, c->max_args, n);
}

static int usage_error(struct pm_cli *cli, int r)
{
	pm_buf_printf(&cli->hint, "See 'pm%s%s --help'\n", *cli->path ? " " : "", cli->path);
	return r;
}

static int show_help(const struct pm_cli *cli)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_help_command(cli->command, cli->path, &out);
	fputs(pm_buf_str(&out), stdout);
	return 0;
}

/* Take the words of the command from rest, with the global options among them. cli->command is NULL
 * when there was no word. *ret_rest: what follows the command's words, in *ret_buf's memory. */
static int find_command(struct pm_cli *cli, char **argv, char ***ret_rest, char ***ret_buf,
			struct pm_err *err)
{
	char *words[5] = {NULL};
	size_t n = 0, used;
	struct pm_parse *p = &cli->parse;
	char **rest = argv;
	for (;;) {
		int r = pm_parse_run(p, rest, err);
		if (r < 0)
			return usage_error(cli, r);
		p->n_tables = 1; /* --version only before the command */
		free(*ret_buf);
		*ret_buf = pm_steal(&p->args);
		rest = *ret_buf;
		*ret_rest = rest;
		if (!rest[0] || cli->global.version)
			return 0;
		words[n++] = rest[0];
		char path[64];
		const struct pm_command *c = pm_command_find(words, &used, path);
		if (!c || used < n)
			return unrecognized(cli, cli->path, rest[0], err);
		cli->command = c;
		snprintf(cli->path, sizeof(cli->path), "%s", path);
		*ret_rest = ++rest;
		if (!(c->flags & PM_CMD_GROUP) || n + 1 == PM_ARRAY_SIZE(words))
			return 0;
	}
}

/* --out and --noout: what goes to stdout, also by containers in the foreground. */
static int redirect_output(const struct pm_global_opts *g, struct pm_err *err)
{
	const char *path = g->noout ? "/dev/null" : g->out;
	if (!path)
		return 0;
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return pm_fail_sys(err, "open %s", path);
	if (dup2(fd, STDOUT_FILENO) < 0)
		return pm_fail_sys(err, "redirect the output to %s", path);
	return 0;
}

static int run_command(struct pm_cli *cli, char **rest, void *opts, struct pm_err *err)
{
	const struct pm_command *c = cli->command;
	struct pm_parse *p = &cli->parse;
	int r = pm_parse_add(p, c->tables, opts, err);
	if (r < 0)
		return r;
	if (c->flags & PM_CMD_RAW) {
		cli->args = rest;
	} else {
		p->interspersed = !(c->flags & PM_CMD_POSITIONAL);
		r = pm_parse_run(p, rest, err);
		if (r < 0)
			return usage_error(cli, r);
		cli->args = p->args;
	}
	if (p->help)
		return show_help(cli);
	while (cli->args[cli->n_args])
		cli->n_args++;
	r = check_args(cli, err);
	if (r < 0)
		return r;

	r = redirect_output(&cli->global, err);
	if (r < 0)
		return r;
	enum pm_log_level level;
	r = pm_log_parse_level(cli->global.log_level, &level, err);
	if (r < 0)
		return r;
	pm_log_set_level(level);
	if (cli->global.syslog) {
		/* as Podman: the command goes on */
		struct pm_err why = PM_ERR_INIT;
		if (pm_log_open_syslog(&why) < 0)
			pm_warn("%s", why.text);
	}

	if (c->flags & PM_CMD_STORE)
		r = pm_cli_open_store(cli, err);
	else if (c->flags & PM_CMD_STORE_DIRS)
		r = open_store_dirs(cli, err);
	if (r < 0)
		return r;
	return c->run(cli, opts, err);
}

static int dispatch(struct pm_cli *cli, char **argv, struct pm_err *err)
{
	_cleanup_free_ char **buf = NULL;
	char **rest = NULL;
	int r = pm_parse_add(&cli->parse, global_tables, &cli->global, err);
	if (r >= 0)
		r = pm_parse_add(&cli->parse, root_tables, &cli->global, err);
	if (r >= 0)
		r = find_command(cli, argv + 1, &rest, &buf, err);
	if (r < 0)
		return r;

	const struct pm_command *c = cli->command;
	if (cli->global.version && !cli->parse.help) {
		printf("%s version %s\n", pm_called_as(argv[0]), PM_VERSION);
		return 0;
	}
	if (!c || c->flags & PM_CMD_GROUP) {
		show_help(cli);
		if (cli->parse.help)
			return 0;
		putchar('\n');
		return pm_fail(err, PM_E_USAGE, "missing command 'pm%s%s COMMAND'",
			       *cli->path ? " " : "", cli->path);
	}

	_cleanup_free_ void *opts = c->opts_size ? pm_calloc(1, c->opts_size) : NULL;
	r = run_command(cli, rest, opts, err);
	pm_cli_close_store(cli);
	pm_parse_free(&cli->parse);
	cli->args = NULL;
	return r;
}

int pm_cli_run(struct pm_cli *cli, char **argv, struct pm_err *err)
{
	cli->argv = argv;
	cli->exit_status = -1;
	int64_t timeout = 0, begun = pm_time_now();
	int r = pm_called_translate(argv, &cli->words, &timeout, err);
	if (r >= 0 && timeout)
		r = pm_deadline_start(timeout, err);
	if (r < 0)
		return r;
	r = dispatch(cli, cli->words.v, err);
	if (r == -PM_E_CANCELLED && timeout && pm_time_now() - begun >= timeout)
		pm_cli_set_exit(cli, 125); /* nobody's ^C */
	if ((fflush(stdout) != 0 || ferror(stdout)) && r >= 0) {
		r = pm_fail_sys(err, "write standard output");
		cli->exit_status = -1;
	}
	return r;
}

void pm_cli_free(struct pm_cli *cli)
{
	pm_cli_close_store(cli);
	pm_parse_free(&cli->parse);
	pm_buf_free(&cli->hint);
	pm_storage_conf_free(&cli->storage);
	pm_strv_free(&cli->words);
}

/* --- errors and exit statuses ------------------------------------------------------------------ */

void pm_cli_note(struct pm_cli *cli, struct pm_err *err)
{
	if (!cli->noted)
		cli->noted = err->code ? err->code : PM_E_INTERNAL;
	fflush(stdout);
	fprintf(stderr, "Error: %s\n", err->text);
	pm_err_clear(err);
}

int pm_cli_exit_of(int code)
{
	if (code == PM_E_NOTEXEC)
		return 126;
	if (code == PM_E_CANCELLED)
		return 130; /* as a shell has it for ^C */
	return code == PM_E_NOTFOUND ? 127 : 125;
}

void pm_cli_set_exit(struct pm_cli *cli, int status)
{
	if (cli->exit_status < 0)
		cli->exit_status = status;
}

int pm_cli_status(const struct pm_cli *cli, int r)
{
	if (r >= 0)
		return r;
	return cli->exit_status >= 0 ? cli->exit_status : pm_cli_exit_of(-r);
}

int pm_cli_result(const struct pm_cli *cli, int status)
{
	return cli->noted ? pm_cli_status(cli, -cli->noted) : status;
}

int pm_cli_exists(int r, struct pm_err *err)
{
	if (r != -PM_E_NOSUCH)
		return r < 0 ? r : 0;
	pm_err_clear(err);
	return 1;
}

bool pm_cli_confirm(const char *question)
{
	char line[16] = "";
	fflush(stdout);
	fputs(question, stderr);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}
