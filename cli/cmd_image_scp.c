#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "cli/commands.h"
#include "engine/image/resolve.h"
#include "registry/reference.h"

struct scp_opts {
	bool quiet;
};

static const struct pm_opt scp_table[] = {
	{"quiet", 'q', PM_BOOL(struct scp_opts, quiet), "Suppress the output"},
	{0},
};

/* [[USER@]HOST[:PORT][/SOCKET]::][IMAGE]; without "::" an image here. */
struct end {
	char *user, *host, *port; /* owned; host NULL: this store */
	char *image;              /* owned; "" for none */
};

static void end_free(struct end *e)
{
	free(e->user);
	free(e->host);
	free(e->port);
	free(e->image);
}

/* What becomes a word of ssh's must not look like an option of it. */
static int check_word(const char *word, const char *whole, struct pm_err *err)
{
	if (word && (!*word || *word == '-' || strpbrk(word, " \t\n'\"\\$`;&|<>()")))
		return pm_fail(err, PM_E_USAGE, "'%s' names no host", whole);
	return 0;
}

static int end_parse(const char *text, struct end *ret, struct pm_err *err)
{
	const char *mark = strstr(text, "::");
	if (!mark) {
		ret->image = pm_strdup(text);
		return 0;
	}
	ret->image = pm_strdup(mark + 2);
	ret->host = pm_strndup(text, (size_t)(mark - text));
	/* Podman's service has a socket there; pm's command line needs none */
	ret->host[strcspn(ret->host, "/")] = '\0';
	char *at = strrchr(ret->host, '@'), *colon;
	if (at) {
		*at = '\0';
		ret->user = ret->host;
		ret->host = pm_strdup(at + 1);
	}
	colon = strchr(ret->host, ':');
	if (colon) {
		*colon = '\0';
		ret->port = pm_strdup(colon + 1);
	}
	int r = check_word(ret->host, text, err);
	if (r >= 0)
		r = check_word(ret->user, text, err);
	return r < 0 ? r : check_word(ret->port, text, err);
}

static bool is_local_user(const struct end *e)
{
	return e->host && e->user && !e->port && strcmp(e->host, "localhost") == 0;
}

/* --- the two commands -------------------------------------------------------------------------- */

/* "save -q 'IMAGE'" or "load -q" for a shell elsewhere; an image's name was checked, so it holds no quote. */
static char *remote_words(const struct end *e, bool save, bool quiet)
{
	return save ? pm_asprintf("save -q '%s'", e->image) : pm_strdup(quiet ? "load -q" : "load");
}

static int find(const char *name, struct pm_strv *argv, struct pm_err *err)
{
	char *path = NULL;
	int r = pm_proc_find(name, getenv("PATH"), &path, err);
	if (r < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "image scp needs the program %s, which is not there",
			       name);
	pm_strv_take(argv, path);
	return 0;
}

/* Whichever engine that host has. */
static int ssh_argv(const struct end *e, bool save, bool quiet, struct pm_strv *argv,
		    struct pm_err *err)
{
	_cleanup_free_ char *words = remote_words(e, save, quiet);
	int r = find("ssh", argv, err);
	if (r < 0)
		return r;
	if (e->port) {
		pm_strv_add(argv, "-p");
		pm_strv_add(argv, e->port);
	}
	pm_strv_add(argv, "--");
	pm_strv_addf(argv, "%s%s%s", e->user ? e->user : "", e->user ? "@" : "", e->host);
	pm_strv_addf(argv, "if command -v pm >/dev/null 2>&1; then pm %s; else podman %s; fi", words,
		     words);
	return 0;
}

/* Another user of this machine: root may become anyone, others ask sudo for it. */
static int user_argv(const struct end *e, const char *self, bool save, bool quiet,
		     struct pm_strv *argv, struct pm_err *err)
{
	int r = find(geteuid() == 0 ? "runuser" : "sudo", argv, err);
	if (r < 0)
		return r;
	pm_strv_add(argv, "-u");
	pm_strv_add(argv, e->user);
	if (geteuid() != 0)
		pm_strv_add(argv, "-i");
	pm_strv_add(argv, "--");
	pm_strv_add(argv, self);
	pm_strv_add(argv, save ? "save" : "load");
	if (save || quiet)
		pm_strv_add(argv, "-q");
	if (save)
		pm_strv_add(argv, e->image);
	return 0;
}

static void self_argv(const struct pm_cli *cli, const struct end *e, const char *self, bool save,
		      bool quiet, struct pm_strv *argv)
{
	const struct pm_global_opts *g = &cli->global;
	const struct {
		const char *option, *value;
	} same[] = {{"--root", g->root}, {"--runroot", g->runroot}, {"--tmpdir", g->tmpdir},
		    {"--storage-driver", g->storage_driver}, {"--log-level", g->log_level}};
	pm_strv_add(argv, self);
	for (size_t i = 0; i < PM_ARRAY_SIZE(same); i++) {
		if (same[i].value)
			pm_strv_addf(argv, "%s=%s", same[i].option, same[i].value);
	}
	for (size_t i = 0; i < g->storage_opt.n; i++)
		pm_strv_addf(argv, "--storage-opt=%s", g->storage_opt.v[i]);
	pm_strv_add(argv, save ? "save" : "load");
	if (save || quiet)
		pm_strv_add(argv, "-q");
	if (save)
		pm_strv_add(argv, e->image);
}

static int argv_of(const struct pm_cli *cli, const struct end *e, const char *self, bool save, bool quiet,
		   struct pm_strv *argv, struct pm_err *err)
{
	if (is_local_user(e))
		return user_argv(e, self, save, quiet, argv, err);
	if (e->host)
		return ssh_argv(e, save, quiet, argv, err);
	self_argv(cli, e, self, save, quiet, argv);
	return 0;
}

static int spawn(const struct pm_strv *argv, int fd, int as, pid_t *ret, struct pm_err *err)
{
	/* the terminal is for ssh's and sudo's questions; what is not the archive is for the user */
	struct pm_proc_fd fds[] = {{fd, as}, {1, 1}, {2, 2}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	if (as == 1)
		fds[1] = (struct pm_proc_fd){0, 0};
	spec.path = argv->v[0];
	spec.argv = pm_strv_argv(argv);
	spec.fds = fds;
	spec.n_fds = 3;
	spec.death_signal = SIGTERM;
	return pm_proc_spawn(&spec, ret, NULL, err);
}

static int wait_for(pid_t pid, const char *what, int r, struct pm_err *err)
{
	int status = 0;
	if (pid <= 0)
		return r;
	int w = pm_proc_wait(pid, &status, r < 0 ? NULL : err);
	if (r < 0 || w < 0)
		return r < 0 ? r : w;
	int code = pm_proc_exit_code(status);
	return code ? pm_fail(err, PM_E_REMOTE, "%s ended with status %d", what, code) : 0;
}

static int transfer(const struct pm_strv *from, const struct pm_strv *to, struct pm_err *err)
{
	int fds[2];
	pid_t reader = 0, writer = 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	int r = spawn(to, fds[0], 0, &reader, err);
	close(fds[0]);
	if (r >= 0)
		r = spawn(from, fds[1], 1, &writer, err);
	close(fds[1]);
	/* the one that gives is the cause when both fail */
	r = wait_for(writer, "saving the image", r, err);
	return wait_for(reader, "loading the image", r, err);
}

static int scp_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct scp_opts *o = opts;
	_cleanup_(end_free) struct end from = {0}, to = {0};
	_cleanup_strv_ struct pm_strv give = PM_STRV_INIT, take = PM_STRV_INIT;
	_cleanup_free_ char *self = NULL;
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	char id[65];
	int r = end_parse(cli->args[0], &from, err);
	if (r >= 0 && cli->n_args > 1)
		r = end_parse(cli->args[1], &to, err);
	if (r < 0)
		return r;
	if (!*from.image)
		return pm_fail(err, PM_E_USAGE, "'%s' names no image: HOST::IMAGE", cli->args[0]);
	if (!from.host && !to.host)
		return pm_fail(err, PM_E_USAGE, "the destination must be HOST::");
	if (to.image && *to.image)
		return pm_fail(err, PM_E_USAGE, "an image keeps its name: the destination is HOST::");
	/* also what keeps a shell on the other side from seeing more than a name */
	r = pm_reference_parse(from.image, &ref, err);
	if (r >= 0 && !from.host) {
		r = pm_cli_open_store(cli, err);
		if (r >= 0)
			r = pm_image_resolve(pm_cli_store(cli), from.image, id, NULL, err);
		pm_cli_close_store(cli);
	}
	if (r >= 0)
		r = pm_fs_readlink(AT_FDCWD, "/proc/self/exe", &self, err);
	if (r >= 0)
		r = argv_of(cli, &from, self, true, o->quiet, &give, err);
	if (r >= 0)
		r = argv_of(cli, &to, self, false, o->quiet, &take, err);
	return r < 0 ? r : transfer(&give, &take, err);
}

const struct pm_command pm_cmd_image_scp = {
	.path = "image scp",
	.summary = "Securely copy an image between hosts or users",
	.synopsis = "[options] IMAGE [HOST::]",
	.text = "Copies an image to another host, from one, or between two, through ssh: HOST::IMAGE is an image "
		"of that host, HOST:: the destination, [USER@]HOST[:PORT]. The other side needs pm or podman, "
		"and nothing that runs.\n\n"
		"USER@localhost:: is another user of this machine; root becomes that user, others ask sudo.",
	.examples = "%p myimage:latest otherhost::\n%p otherhost::alpine\n%p me@one::alpine two:22::\n"
		    "%p alpine root@localhost::",
	.min_args = 1,
	.max_args = 2,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct scp_opts),
	.tables = {{scp_table, 0}, {0}},
	.run = scp_run,
};
