#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/build_options.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/progress.h"
#include "engine/build/output.h"
#include "engine/image/sign.h"

static void say(void *arg, const char *line)
{
	(void)arg;
	puts(line);
	fflush(stdout);
}

/* --- where output goes ------------------------------------------------------------------------------- */

/* --logfile: standard output and error go there, but for the result. *ret_stdout keeps the former. */
static int open_log(const struct pm_build_opts *o, const char *platform, int *ret_stdout, struct pm_err *err)
{
	_cleanup_free_ char *path = NULL, *suffix = pm_strdup(platform ? platform : "");
	if (!o->logfile)
		return 0;
	for (char *p = suffix; *p; p++)
		if (*p == '/')
			*p = '_';
	path = o->logsplit && platform ? pm_asprintf("%s_%s", o->logfile, suffix) : pm_strdup(o->logfile);
	_cleanup_close_ int log = pm_fs_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600, err);
	if (log < 0)
		return pm_wrap(err, "--logfile");
	if (*ret_stdout < 0)
		*ret_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (*ret_stdout < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		return pm_fail_sys(err, "--logfile %s", path);
	return 0;
}

/* A tar on standard output leaves no room for words there. */
static int words_to_stderr(int *ret_stdout, struct pm_err *err)
{
	*ret_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (*ret_stdout < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return pm_fail_sys(err, "standard output");
	return 0;
}

/* --- what comes of it -------------------------------------------------------------------------------- */

static int export(struct pm_engine *e, const struct pm_build_output *to, const char *id, int out, struct pm_err *err)
{
	if (!to->dest)
		return 0;
	if (strcmp(to->dest, "-") != 0)
		return pm_build_output_write(e, id, to, err);
	fflush(stdout);
	if (dup2(out, STDOUT_FILENO) < 0)
		return pm_fail_sys(err, "standard output");
	return pm_build_output_write(e, id, to, err);
}

static int print_result(const struct pm_build_opts *o, const struct pm_build_result *res, int out,
			struct pm_err *err)
{
	for (size_t i = 0; !o->quiet && i < res->names.n; i++)
		printf("Successfully tagged %s\n", res->names.v[i]);
	fflush(stdout);
	if (o->iidfile) {
		_cleanup_free_ char *text = pm_asprintf("sha256:%s", res->id);
		int r = pm_fs_write_file(AT_FDCWD, o->iidfile, text, strlen(text), 0644, false, err);
		if (r < 0)
			return pm_wrap(err, "--iidfile");
	}
	dprintf(out, "%s\n", res->id);
	return 0;
}

struct job {
	struct pm_cli *cli;
	struct pm_engine *e;
	const struct pm_build_opts *o;
	struct pm_build_setup *s;
	struct pm_build_output to;
	int out; /* what was standard output; -1: it still is */
};

static int build(struct job *j, struct pm_err *err)
{
	struct pm_build_result res = {0};
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, j->o->quiet);
	j->s->bo.progress = pm_progress_events(bars);
	j->s->bo.say = j->o->quiet ? NULL : say;
	int r = pm_build(j->e, &j->s->bo, &res, err);
	pm_progress_clear(bars);
	if (r < 0 && res.exit_code)
		pm_cli_set_exit(j->cli, res.exit_code);
	bool tar_out = pm_streq(j->to.dest, "-");
	if (r >= 0 && j->o->sign_by)
		r = pm_image_sign_stored(j->e->store, res.id, res.names.v, j->o->tag.n, j->o->sign_by, err);
	if (r >= 0 && j->o->manifest)
		r = pm_build_add_to_list(j->e, j->o->manifest, res.id, err);
	if (r >= 0)
		r = print_result(j->o, &res, j->out >= 0 && !tar_out ? j->out : STDOUT_FILENO, err);
	if (r >= 0)
		r = export(j->e, &j->to, res.id, j->out, err);
	pm_strv_free(&res.names);
	return r;
}

static int build_platform(struct job *j, const char *platform, struct pm_err *err)
{
	_cleanup_free_ char *buf = NULL;
	struct pm_pull_options po = {0};
	int r = pm_pull_platform(platform, &po, &buf, err);
	if (r >= 0)
		r = open_log(j->o, platform, &j->out, err);
	if (r < 0)
		return r;
	j->s->pull.os = j->s->bo.os = po.os;
	j->s->pull.arch = j->s->bo.arch = po.arch;
	j->s->pull.variant = j->s->bo.variant = po.variant;
	return build(j, err);
}

static int build_all(struct job *j, struct pm_err *err)
{
	const struct pm_build_opts *o = j->o;
	if (o->platform.n && (o->os || o->arch))
		return pm_fail(err, PM_E_USAGE, "--platform option can not be specified with --arch or --os");
	if (o->sign_by && !o->tag.n)
		return pm_fail(err, PM_E_USAGE, "--sign-by: a signature is of a name: give one by --tag");
	if (o->all_platforms && (o->platform.n || o->os || o->arch))
		return pm_fail(err, PM_E_USAGE, "--all-platforms: takes every platform, and no --platform, --arch or --os");
	if (!o->platform.n && !o->all_platforms) {
		int r = open_log(o, NULL, &j->out, err);
		return r < 0 ? r : build(j, err);
	}
	_cleanup_strv_ struct pm_strv platforms = PM_STRV_INIT;
	pm_strv_add_all(&platforms, o->platform.v);
	int r = o->all_platforms || platforms.n > 1 ? pm_build_inputs_open(j->e, &j->s->bo, &j->s->bo.inputs, err) : 0;
	if (r >= 0 && o->all_platforms)
		r = pm_build_platforms(j->e, &j->s->bo, &platforms, err);
	if (r >= 0 && platforms.n > 1 && !o->manifest && o->tag.n)
		r = pm_fail(err, PM_E_USAGE, "several platforms need --manifest: each image would take the name of the "
			    "one before");
	for (size_t i = 0; r >= 0 && i < platforms.n; i++)
		r = build_platform(j, platforms.v[i], err);
	return r;
}

static int build_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct pm_build_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_(pm_build_setup_free) struct pm_build_setup s = {0};
	struct job j = {.cli = cli, .e = &e, .o = o, .s = &s, .out = -1};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->output)
		r = pm_build_output_parse(o->output, &j.to, err);
	if (r >= 0 && pm_streq(j.to.dest, "-"))
		r = words_to_stderr(&j.out, err);
	if (r >= 0)
		r = pm_build_setup(cli, &e, o, &s, err);
	s.bo.context = cli->args[0];
	if (r >= 0)
		r = build_all(&j, err);
	if (j.out >= 0)
		close(j.out);
	pm_build_output_free(&j.to);
	return r;
}

/* Of build, and of what Docker calls it. */
#define BUILD_COMMAND                                                                                                 \
	.summary = "Build an image using instructions from Containerfiles",                                           \
	.synopsis = "[options] [CONTEXT]",                                                                            \
	.text = "Builds an OCI or Docker image using instructions from one or more Containerfiles and a specified "   \
		"build context directory.",                                                                           \
	.examples = "%p .\n%p --creds=username:password -t imageName -f Containerfile.simple .\n"                     \
		    "%p --layers --force-rm --tag imageName .",                                                       \
	.max_args = 1, .complete = PM_COMPLETE_DIR, .opts_size = sizeof(struct pm_build_opts), .run = build_run,      \
	.tables = {{pm_build_table, 0},                                                                               \
		   {pm_build_userns_table, offsetof(struct pm_build_opts, ns)},                                       \
		   {pm_build_ctr_table, offsetof(struct pm_build_opts, ctr)},                                         \
		   {0}}

const struct pm_command pm_cmd_build = {
	.path = "build|image build",
	.flags = PM_CMD_STORE,
	BUILD_COMMAND,
};

const struct pm_command pm_cmd_buildx_build = {
	.path = "buildx build|builder build",
	.flags = PM_CMD_STORE | PM_CMD_HIDDEN,
	BUILD_COMMAND,
};
