#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/build_options.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/progress.h"
#include "engine/build/config.h"
#include "engine/image/changes.h"
#include "engine/image/copy.h"
#include "engine/image/resolve.h"
#include "engine/image/sign.h"
#include "storage/image.h"

struct commit_opts {
	bool identity_label, no_compression, omit_history, quiet, rm, squash, tls_verify;
	const char *authfile, *cert_dir, *comment, *created_by, *creds, *format, *iidfile, *manifest, *sign_by;
	int64_t timestamp;
	struct pm_strv annotation, unsetenv;
	struct pm_encrypt_opts encrypt;
};

static const struct pm_opt commit_table[] = {
	{"annotation", 0, PM_STRINGS(struct commit_opts, annotation),
	 "Add an annotation NAME=VALUE to the image's manifest"},
	{"authfile", 0, PM_STRING(struct commit_opts, authfile), "Path of the authentication file, for an image that is pushed",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct commit_opts, cert_dir), "Directory of TLS certificates and keys, for an image that is pushed",
	 .complete = PM_COMPLETE_DIR},
	{"comment", 0, PM_STRING(struct commit_opts, comment),
	 "Set the comment of the image's last line of history"},
	{"created-by", 0, PM_STRING(struct commit_opts, created_by),
	 "Set what the image's last line of history says"},
	{"creds", 0, PM_STRING(struct commit_opts, creds), "Credentials for the registry, for an image that is pushed",
	 .arg = "[username[:password]]"},
	{"disable-compression", 'D', PM_BOOL(struct commit_opts, no_compression),
	 "Do not compress layers: they are when they are pushed", .def = "true"},
	{"format", 'f', PM_CHOICE(struct commit_opts, format),
	 "Format of the image manifest and metadata", .def = "oci", .choices = "oci|docker"},
	{"identity-label", 0, PM_BOOL(struct commit_opts, identity_label), "Add the label io.buildah.version", .def = "true"},
	{"iidfile", 0, PM_STRING(struct commit_opts, iidfile), "Write the image ID to the file",
	 .complete = PM_COMPLETE_FILE},
	{"manifest", 0, PM_STRING(struct commit_opts, manifest),
	 "Add the image to this manifest list, which is made if need be"},
	{"omit-history", 0, PM_BOOL(struct commit_opts, omit_history),
	 "Omit the history from the image"},
	{"quiet", 'q', PM_BOOL(struct commit_opts, quiet), "Suppress output"},
	{"rm", 0, PM_BOOL(struct commit_opts, rm),
	 "Remove the working container after it was committed"},
	{"sign-by", 0, PM_STRING(struct commit_opts, sign_by), "Sign the image with this GPG key, under its name", .arg = "KEY"},
	{"squash", 0, PM_BOOL(struct commit_opts, squash), "Make an image of one layer"},
	{"timestamp", 0, PM_INT(struct commit_opts, timestamp),
	 "Set the time of the image and of its new files, in seconds since the epoch, so that it "
	 "can be made again"},
	{"tls-verify", 0, PM_BOOL(struct commit_opts, tls_verify),
	 "Require HTTPS and verify certificates, for an image that is pushed", .def = "true"},
	{"unsetenv", 0, PM_STRINGS(struct commit_opts, unsetenv),
	 "Remove an environment variable from the image"},
	{0},
};

static int unset_env(struct pm_worker *w, const struct pm_strv *names, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	struct pm_json *old = pm_json_get(pm_worker_config(w), "Env");
	if (!old || !names->n)
		return 0;
	int r = pm_json_to_strv(old, &env, err);
	for (size_t i = 0; i < names->n; i++)
		pm_env_unset(&env, names->v[i]);
	if (r >= 0)
		pm_json_set(w->pool, pm_worker_config(w), "Env", pm_json_strv(w->pool, &env));
	return r;
}

/* What the image is called, or where it goes instead. The caller frees. */
static int image_name(const char *word, char **ret_name, const char **ret_to, struct pm_err *err)
{
	if (!word || !*word)
		return 0;
	if (pm_startswith(word, "containers-storage:")) {
		word += strlen("containers-storage:");
	} else if (pm_transport_of(word)) {
		*ret_to = word;
		return 0;
	}
	return pm_image_new_name(word, ret_name, err);
}

/* To another place than this store, in which it does not stay. */
static int push(struct pm_cli *cli, struct pm_engine *e, const struct commit_opts *o, const char *id, const char *to,
		const struct pm_pull_progress *progress, struct pm_err *err)
{
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile), *from = pm_asprintf("containers-storage:%s", id);
	const struct pm_signing signing = {.gpg_key = o->sign_by};
	const struct pm_encryption encryption = {&o->encrypt.keys, &o->encrypt.layers};
	struct pm_copy_options co = PM_COPY_OPTIONS_INIT;
	struct pm_written written;
	_cleanup_image_row_ struct pm_image_row row = {0};
	co.dst.authfile = authfile;
	co.dst.creds = o->creds;
	co.dst.cert_dir = o->cert_dir;
	co.dst.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1;
	co.any_policy = true; /* it is this user's own */
	co.signing = o->sign_by ? &signing : NULL;
	co.encryption = &encryption;
	int r = pm_image_copy(e->store, from, to, &co, progress, &written, err);
	/* somebody may have named it meanwhile */
	if (r >= 0 && !o->manifest && pm_image_by_id(e->store, id, 0, &row, NULL) >= 0 && !row.n_names)
		pm_image_remove(e->store, id, NULL, NULL);
	return r;
}

/* What is done with the image. name, to: as image_name gave them. */
static int finish(struct pm_cli *cli, struct pm_engine *e, const struct commit_opts *o, const char *id, char *name,
		  const char *to, const struct pm_pull_progress *progress, struct pm_err *err)
{
	int r = o->sign_by && name ? pm_image_sign_stored(e->store, id, &name, 1, o->sign_by, err) : 0;
	if (r >= 0 && o->manifest)
		r = pm_build_add_to_list(e, o->manifest, id, err);
	return r < 0 || !to ? r : push(cli, e, o, id, to, progress, err);
}

static int commit_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct commit_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	_cleanup_free_ char *name = NULL;
	const char *to = NULL;
	char id[65];
	if (!o->no_compression)
		return pm_fail(
			err, PM_E_UNSUPPORTED,
			"--disable-compression=false: layers are compressed when they are pushed");
	bool stamp = pm_cli_given(cli, "timestamp");
	if (stamp && (o->timestamp < 0 || o->timestamp > INT64_MAX / PM_NS_PER_SEC))
		return pm_fail(err, PM_E_USAGE, "--timestamp %lld is no time",
			       (long long)o->timestamp);
	for (size_t i = 0; i < o->annotation.n; i++)
		if (strchr(o->annotation.v[i], '=') <= o->annotation.v[i])
			return pm_fail(err, PM_E_USAGE,
				       "--annotation must be NAME=VALUE, not \"%s\"",
				       o->annotation.v[i]);
	int r = image_name(cli->args[1], &name, &to, err);
	if (r >= 0 && o->sign_by && !name && !to)
		r = pm_fail(err, PM_E_USAGE, "--sign-by: a signature is of a name: give the image one");
	struct pm_encryption encryption;
	if (r >= 0)
		r = pm_encrypt_from(&o->encrypt, &encryption, err);
	if (r >= 0 && pm_encryption_wanted(&encryption) && !to)
		r = pm_fail(err, PM_E_USAGE, "--encryption-key: layers are encrypted where an image is pushed to: give a "
					     "destination with a transport");
	if (r >= 0)
		r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	if (r >= 0)
		r = unset_env(&w, &o->unsetenv, err);
	if (r < 0)
		return r;
	if (o->identity_label)
		pm_build_config_label(w.pool, pm_worker_config(&w), "io.buildah.version", PM_VERSION);
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	const struct pm_worker_commit wc = {
		.name = name,
		.docker = strcmp(o->format, "docker") == 0,
		.squash = o->squash,
		.created = stamp ? o->timestamp * PM_NS_PER_SEC : pm_image_now(),
		.clamp = stamp,
		.annotations = o->annotation.n ? &o->annotation : NULL,
		.created_by = o->created_by ? o->created_by : "/bin/sh",
		.comment = o->comment,
		.omit_history = o->omit_history,
		.progress = pm_progress_events(bars),
	};
	r = pm_worker_commit(&w, &wc, id, err);
	if (r >= 0)
		r = finish(cli, &e, o, id, name, to, pm_progress_events(bars), err);
	pm_progress_clear(bars);
	if (r >= 0 && o->iidfile)
		r = pm_fs_write_file(AT_FDCWD, o->iidfile, id, strlen(id), 0644, false, err);
	if (r >= 0)
		puts(id);
	return r >= 0 && o->rm ? pm_worker_remove(&w, err) : r;
}

const struct pm_command pm_cmd_buildah_commit = {
	.path = "buildah commit",
	.summary = "Create an image from a working container",
	.synopsis = "[options] CONTAINER [IMAGE]",
	.text = "Makes an image of the working container: the layers of its base, one more of what "
		"changed, and its configuration. "
		"The working container stays as it is. With a transport before its name the image is "
		"pushed there.",
	.examples = "%p alpine-working-container my-image\n%p --rm --squash "
		    "alpine-working-container quay.io/me/app:1",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct commit_opts),
	.tables = {{commit_table, 0}, {pm_encrypt_table, offsetof(struct commit_opts, encrypt)}, {0}},
	.run = commit_run,
};
