#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "engine/build/copy.h"
#include "engine/build/url.h"

struct copy_opts {
	bool add_history, quiet;
	const char *chmod, *chown, *contextdir, *from, *ignorefile;
	/* of an image of --from, and of what is fetched */
	const char *authfile, *cert_dir, *creds;
	bool tls_verify;
	uint64_t retry;
	int64_t retry_delay;
};

static const struct pm_opt copy_table[] = {
	{"authfile", 0, PM_STRING(struct copy_opts, authfile), "Path of the authentication file", .hidden = true,
	 .complete = PM_COMPLETE_FILE},
	{"add-history", 0, PM_BOOL(struct copy_opts, add_history),
	 "Add an entry for this operation to the image's history. BUILDAH_HISTORY=true does the "
	 "same"},
	{"cert-dir", 0, PM_STRING(struct copy_opts, cert_dir), "Directory of TLS certificates and keys", .hidden = true,
	 .complete = PM_COMPLETE_DIR},
	{"chmod", 0, PM_STRING(struct copy_opts, chmod),
	 "Set the access permissions of the destination content"},
	{"chown", 0, PM_STRING(struct copy_opts, chown),
	 "Set the user and group ownership of the destination content"},
	{"contextdir", 0, PM_STRING(struct copy_opts, contextdir), "Directory that sources are in",
	 .complete = PM_COMPLETE_DIR},
	{"creds", 0, PM_STRING(struct copy_opts, creds), "Credentials for the registry", .hidden = true},
	{"from", 0, PM_STRING(struct copy_opts, from),
	 "Use the root directory of this working container or image as the source directory",
	 .complete = PM_COMPLETE_IMAGE},
	{"ignorefile", 0, PM_STRING(struct copy_opts, ignorefile),
	 "Path to a .containerignore file", .complete = PM_COMPLETE_FILE},
	{"quiet", 'q', PM_BOOL(struct copy_opts, quiet),
	 "Do not print a digest of the newly-added/copied content"},
	{"retry", 0, PM_UINT(struct copy_opts, retry), "Number of times to retry in case of failure when pulling or fetching",
	 .def = "3"},
	{"retry-delay", 0, PM_DURATION(struct copy_opts, retry_delay), "Delay between retries of pulls"},
	{"tls-verify", 0, PM_BOOL(struct copy_opts, tls_verify), "Require HTTPS and verify certificates", .def = "true",
	 .hidden = true},
	{0},
};

/* Where sources are. */
struct source {
	int dir;            /* the host's; -1: of root */
	struct pm_worker w; /* --from */
	struct pm_worker_root root;
	struct pm_ignore *ignore;
	char *prefix; /* of relative sources; NULL: none */
};

static void source_close(struct source *s)
{
	pm_worker_root_close(&s->root);
	pm_worker_free(&s->w);
	pm_ignore_free(s->ignore);
	if (s->dir >= 0)
		close(s->dir);
	free(s->prefix);
}

/* A working container of the user's, else an image's files, by a working container that goes again. */
/* The image that --from names, pulled when it is missing. */
static int obtain(struct pm_cli *cli, struct pm_engine *e, const struct copy_opts *o, char ret_id[65], struct pm_err *err)
{
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile), *name = NULL;
	struct pm_pull_options po = {.authfile = authfile,
				     .creds = o->creds,
				     .cert_dir = o->cert_dir,
				     .tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1};
	struct pm_pull_retry retry;
	pm_pull_ask(&po);
	pm_pull_retries(cli, o->retry, o->retry_delay, &retry, &po);
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, o->quiet);
	int r = pm_image_obtain(e->store, o->from, PM_PULL_MISSING, &po, pm_progress_events(bars), ret_id, &name, err);
	pm_progress_clear(bars);
	return r;
}

static int open_from(struct pm_cli *cli, struct pm_engine *e, const struct copy_opts *o, struct source *s,
		     struct pm_err *err)
{
	const char *name = o->from;
	char id[65];
	int r = pm_worker_load(e, name, &s->w, err);
	if (r == -PM_E_NOSUCH || r == -PM_E_STATE) {
		pm_worker_free(&s->w);
		pm_err_clear(err);
		r = obtain(cli, e, o, id, err);
		const struct pm_worker_options wo = {.image_id = id};
		if (r >= 0)
			r = pm_worker_new(e, &wo, &s->w, err);
	}
	return r < 0 ? pm_wrap(err, "--from %s", name) : pm_worker_root(&s->w, &s->root, err);
}

static int open_source(struct pm_cli *cli, struct pm_engine *e, const struct copy_opts *o, struct source *s,
		       struct pm_err *err)
{
	if (o->from && o->contextdir)
		return pm_fail(err, PM_E_USAGE, "--from and --contextdir exclude each other");
	if (o->from)
		return open_from(cli, e, o, s, err);
	s->dir = pm_fs_open(AT_FDCWD, o->contextdir ? o->contextdir : "/", O_PATH | O_DIRECTORY, 0,
			    err);
	if (s->dir < 0)
		return s->dir;
	if (!o->contextdir)
		s->prefix = pm_path_absolute(".");
	return o->ignorefile ? pm_ignore_find(o->ignorefile, NULL, -1, &s->ignore, err) : 0;
}

/* The working directory may have characters that are wild in a pattern. The caller frees. */
static char *host_word(const char *prefix, const char *word)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	if (!prefix || *word == '/' || pm_url_is(word))
		return pm_strdup(word);
	for (const char *s = prefix; *s; s++) {
		if (strchr("*?[\\", *s))
			pm_buf_add_char(&out, '\\');
		pm_buf_add_char(&out, *s);
	}
	pm_buf_printf(&out, "/%s", word);
	return pm_buf_take(&out);
}

/* The words as an instruction: CONTAINER SOURCE... [DESTINATION]. */
static void make_words(struct pm_cli *cli, const struct source *s, const char *workdir,
		       struct pm_strv *ret)
{
	int n = cli->n_args > 2 ? cli->n_args - 1 : cli->n_args;
	for (int i = 1; i < n; i++)
		pm_strv_take(ret, host_word(s->prefix, cli->args[i]));
	if (cli->n_args > 2)
		pm_strv_add(ret, cli->args[n]);
	else
		pm_strv_addf(ret, "%s/", workdir);
}

struct job {
	struct pm_engine *e;
	struct pm_worker *w;
	struct source *source;
	struct pm_instruction i;
	const char *workdir;
	struct pm_remote remote; /* of what ADD fetches */
};

static int copy(const struct job *j, char digest[65], struct pm_err *err)
{
	_cleanup_worker_root_ struct pm_worker_root root = PM_WORKER_ROOT_INIT;
	_cleanup_copy_ struct pm_copy *c = NULL;
	struct pm_copy_spec spec = PM_COPY_SPEC_INIT;
	int r = pm_worker_root(j->w, &root, err);
	spec.i = &j->i;
	spec.from = j->source->dir >= 0 ? j->source->dir : j->source->root.dir;
	spec.ignore = j->source->ignore;
	spec.keep_owner = j->source->dir < 0;
	spec.maps = &j->source->root.maps;
	spec.userns = root.userns;
	spec.single_id = root.single_id;
	spec.devices = root.userns < 0 && !pm_userns_nested();
	spec.store = j->e->store;
	spec.remote = &j->remote;
	if (r >= 0)
		r = pm_copy_open(&spec, &c, err);
	if (r >= 0)
		r = pm_copy_digest(c, digest, err);
	return r < 0 ? r : pm_copy_run(c, root.dir, &root.maps, j->workdir, err);
}

static int run(struct pm_cli *cli, const struct copy_opts *o, enum pm_instruction_kind kind,
	       struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	_cleanup_(source_close) struct source source = {
		.dir = -1, .w = PM_WORKER_INIT, .root = PM_WORKER_ROOT_INIT};
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	struct pm_df_flag flags[2];
	struct job j = {.e = &e,
			.w = &w,
			.source = &source,
			.remote = {.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
				   .cert_dir = o->cert_dir,
				   .retries = pm_cli_given(cli, "retry") ? (int64_t)o->retry : -1,
				   .retry_ms = pm_cli_given(cli, "retry-delay") ? o->retry_delay / 1000000 : -1},
			.i = {.kind = kind, .file = "buildah", .flags = flags}};
	char digest[65];
	if (o->chown)
		flags[j.i.n_flags++] = (struct pm_df_flag){"chown", o->chown};
	if (o->chmod)
		flags[j.i.n_flags++] = (struct pm_df_flag){"chmod", o->chmod};
	int r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	if (r >= 0)
		r = open_source(cli, &e, o, &source, err);
	if (r < 0)
		return r;
	const char *workdir = pm_json_get_str(pm_worker_config(&w), "WorkingDir");
	j.workdir = workdir && *workdir ? workdir : "/";
	make_words(cli, &source, j.workdir, &words);
	j.i.words = (const char *const *)words.v;
	j.i.n_words = words.n;
	r = copy(&j, digest, err);
	if (r >= 0 && pm_buildah_history(cli, o->add_history)) {
		_cleanup_free_ char *line =
			pm_asprintf("/bin/sh -c #(nop) %s file:%s in %s", pm_instruction_name(kind),
				    digest, words.v[words.n - 1]);
		pm_worker_history(&w, line, pm_time_now());
		r = pm_worker_save(&w, err);
	}
	if (r >= 0 && !o->quiet)
		puts(digest);
	return r < 0 ? r : 0;
}

static int copy_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return run(cli, opts, PM_DF_COPY, err);
}

static int add_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return run(cli, opts, PM_DF_ADD, err);
}

const struct pm_command pm_cmd_buildah_copy = {
	.path = "buildah copy",
	.summary = "Copy content into a working container",
	.synopsis = "[options] CONTAINER SOURCE [SOURCE...] [DESTINATION]",
	.text = "Copies files and directories into the working container as COPY of a "
		"Containerfile does; without a destination "
		"into its working directory. Sources are relative to the current directory, to "
		"--contextdir, or to the root of "
		"--from. The digest of what was copied is printed.",
	.examples = "%p alpine-working-container app.conf /etc/app.conf\n%p --from=builder "
		    "alpine-working-container /out /usr/local",
	.min_args = 2,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct copy_opts),
	.tables = {{copy_table, 0}, {0}},
	.run = copy_run,
};

const struct pm_command pm_cmd_buildah_add = {
	.path = "buildah add",
	.summary = "Add content to a working container, from files, archives or URLs",
	.synopsis = "[options] CONTAINER SOURCE [SOURCE...] [DESTINATION]",
	.text = "As \"buildah copy\", but archives are unpacked and sources may be http and https "
		"URLs, as ADD of a Containerfile "
		"does.",
	.examples = "%p alpine-working-container root.tar.gz /\n%p --chown=1000 "
		    "alpine-working-container https://example.com/file /srv/",
	.min_args = 2,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct copy_opts),
	.tables = {{copy_table, 0}, {0}},
	.run = add_run,
};
