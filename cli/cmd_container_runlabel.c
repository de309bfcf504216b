#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "cli/shell_words.h"
#include "engine/container/remove.h"
#include "engine/image/pull.h"
#include "storage/image.h"

/*
 * The label is the image's word, so what it may start is this program and nothing else: a
 * command line that begins with podman, docker or pm is executed by pm itself, without a shell.
 */

struct runlabel_opts {
	const char *authfile, *cert_dir, *creds, *name;
	bool display, replace, quiet, pull, tls_verify;
};

#define O struct runlabel_opts
static const struct pm_opt runlabel_table[] = {
	{"authfile", 0, PM_STRING(O, authfile), "Path of the authentication file",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(O, cert_dir),
	 "Pathname of a directory containing TLS certificates and keys",
	 .complete = PM_COMPLETE_DIR},
	{"creds", 0, PM_STRING(O, creds),
	 "Credentials (USERNAME:PASSWORD) to use for authenticating to a registry"},
	{"display", 0, PM_BOOL(O, display), "Preview the command that the label would run"},
	{"name", 'n', PM_STRING(O, name), "Assign a name to the container"},
	{"pull", 'p', PM_BOOL(O, pull), "Pull the image if it does not exist locally",
	 .def = "true", .hidden = true},
	{"quiet", 'q', PM_BOOL(O, quiet), "Suppress output information when installing images"},
	{"replace", 0, PM_BOOL(O, replace),
	 "Replace existing container with a new one from the image"},
	{"tls-verify", 0, PM_BOOL(O, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{0},
};
#undef O

static int obtain(struct pm_cli *cli, struct pm_engine *e, const struct runlabel_opts *o,
		  char id[65], char **ret_name, struct pm_err *err)
{
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, o->quiet);
	const struct pm_pull_options po = {
		.authfile = authfile,
		.creds = o->creds,
		.cert_dir = o->cert_dir,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
	};
	return pm_image_obtain(e->store, cli->args[1], o->pull ? PM_PULL_MISSING : PM_PULL_NEVER,
			       &po, pm_progress_events(bars), id, ret_name, err);
}

/* The text of the image's label. */
static int read_label(struct pm_engine *e, const char *id, const char *label, const char *word,
		      char **ret, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *config = NULL;
	int r = pm_image_by_id(e->store, id, PM_IMAGE_CONFIG, &row, err);
	if (r >= 0)
		r = pm_json_parse(pool, row.config, row.config_len, &config, err);
	if (r < 0)
		return r;
	const char *text = pm_json_get_str(pm_json_find(config, "config", "Labels", NULL), label);
	if (!text || !*text)
		return pm_fail(err, PM_E_NOSUCH, "cannot find the value of label: %s in image: %s",
			       label, word);
	*ret = pm_strdup(text);
	return 0;
}

/* The image's name without host, path, tag and digest: what its container is called. */
static char *default_name(const char *image)
{
	const char *slash = strrchr(image, '/');
	const char *base = slash ? slash + 1 : image;
	return pm_strndup(base, strcspn(base, ":@"));
}

static bool is_engine(const char *word)
{
	const char *slash = strrchr(word, '/');
	const char *base = slash ? slash + 1 : word;
	return !strcmp(base, "podman") || !strcmp(base, "docker") || !strcmp(base, "pm");
}

/* The variables that a label may use; others are empty. */
static char *variable(const char *name, size_t len, const char *image, const char *ctr)
{
	_cleanup_free_ char *n = pm_strndup(name, len);
	if (strcmp(n, "IMAGE") == 0)
		return pm_strdup(image);
	if (strcmp(n, "NAME") == 0)
		return pm_strdup(ctr);
	if (strcmp(n, "PWD") == 0) {
		char *cwd = getcwd(NULL, 0);
		return cwd ? cwd : pm_strdup("");
	}
	return pm_strdup("");
}

/* A word with IMAGE, NAME and $VARIABLES put in. */
static char *expand(const char *word, const char *image, const char *ctr)
{
	struct pm_buf b = PM_BUF_INIT;
	if (strcmp(word, "IMAGE") == 0)
		return pm_strdup(image);
	if (strcmp(word, "NAME") == 0)
		return pm_strdup(ctr);
	const char *eq = strchr(word, '=');
	if (eq && (strcmp(eq, "=IMAGE") == 0 || strcmp(eq, "=NAME") == 0))
		return pm_asprintf("%.*s=%s", (int)(eq - word), word, eq[1] == 'I' ? image : ctr);
	for (const char *p = word; *p;) {
		if (*p != '$') {
			pm_buf_add_char(&b, *p++);
			continue;
		}
		bool brace = p[1] == '{';
		const char *name = p + 1 + brace;
		size_t len = 0;
		while (isalnum((unsigned char)name[len]) || name[len] == '_')
			len++;
		if (!len || (brace && name[len] != '}')) {
			pm_buf_add_char(&b, *p++);
			continue;
		}
		_cleanup_free_ char *value = variable(name, len, image, ctr);
		pm_buf_add_str(&b, value);
		p = name + len + brace;
	}
	return pm_buf_take(&b);
}

/* The command line for execv: this program with its store's options, then the label's words. */
static int command_line(struct pm_cli *cli, const char *text, const char *image, const char *ctr,
			struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	int r = pm_shell_words(text, &words, err);
	if (r < 0)
		return pm_wrap(err, "label %s", cli->args[0]);
	if (words.n < 2 || !is_engine(words.v[0]))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "label %s: its command is \"%s\": only command lines of podman or "
			       "pm are run",
			       cli->args[0], words.n ? words.v[0] : "");
	for (size_t i = 1; i < words.n; i++)
		pm_strv_take(ret, expand(words.v[i], image, ctr));
	for (int i = 2; i < cli->n_args; i++)
		pm_strv_add(ret, cli->args[i]);
	return 0;
}

static int remove_old(struct pm_engine *e, const char *name, struct pm_err *err)
{
	_cleanup_container_ struct pm_container old;
	pm_container_init(&old);
	int r = pm_container_load(e, name, &old, err);
	if (r == -PM_E_NOSUCH) {
		pm_err_clear(err);
		return 0;
	}
	const struct pm_remove_options ro = {.force = true, .timeout = -1};
	return r < 0 ? r : pm_container_remove(e, &old, &ro, err);
}

static int become(struct pm_cli *cli, const struct pm_strv *words, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	_cleanup_free_ char *self = NULL;
	int r = pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &self, err);
	if (r < 0)
		return r;
	pm_strv_add(&argv, cli->argv[0]);
	/* the global options of this command line: all before its first word of a command */
	for (size_t i = 1; cli->argv[i] && strcmp(cli->argv[i], "container") != 0; i++)
		pm_strv_add(&argv, cli->argv[i]);
	pm_strv_add_all(&argv, words->v);
	fflush(stdout);
	pm_cli_close_store(cli);
	execv(self, pm_strv_argv(&argv));
	return pm_fail_sys(err, "execute %s", self);
}

static int runlabel_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct runlabel_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	_cleanup_free_ char *text = NULL, *found = NULL;
	char id[65];

	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = obtain(cli, &e, o, id, &found, err);
	if (r >= 0)
		r = read_label(&e, id, cli->args[0], cli->args[1], &text, err);
	if (r < 0)
		return r;
	const char *image = found ? found : cli->args[1];
	_cleanup_free_ char *made_up = default_name(image);
	const char *name = o->name ? o->name : made_up;
	r = command_line(cli, text, image, name, &words, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *line = pm_strv_join(&words, " ");
	if (o->display || !o->quiet)
		printf("command: %s %s\n", cli->argv[0], line);
	if (o->display)
		return 0;
	if (o->replace)
		r = remove_old(&e, name, err);
	return r < 0 ? r : become(cli, &words, err);
}

const struct pm_command pm_cmd_container_runlabel = {
	.path = "container runlabel",
	.summary = "Execute the command described by an image label",
	.synopsis = "[options] LABEL IMAGE [ARG...]",
	.text = "Executes a command as described by a container image label. The command must be "
		"one of podman's or "
		"pm's; pm executes it itself.",
	.examples = "%p run imageID\n%p install imageID arg1 arg2\n%p --display run myImage",
	.min_args = 2,
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct runlabel_opts),
	.tables = {{runlabel_table, 0}, {0}},
	.run = runlabel_run,
};
