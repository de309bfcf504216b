#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/ctr_common.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "cli/sign_options.h"
#include "engine/events/events.h"
#include "engine/image/push.h"
#include "engine/image/resolve.h"

struct push_opts {
	bool all, compress, content_trust, force, quiet, remove_signatures, tls_verify;
	const char *authfile, *cert_dir, *compression_format, *creds, *digestfile, *format;
	int64_t compression_level, retry, retry_delay;
	struct pm_sign_opts sign;
	struct pm_encrypt_opts encrypt;
};

static const struct pm_opt push_table[] = {
	{"all", 0, PM_BOOL(struct push_opts, all),
	 "Also push all images in the list if it is a list (an image is pushed whole)"},
	{"authfile", 0, PM_STRING(struct push_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct push_opts, cert_dir),
	 "Path to a directory containing TLS certificates and keys", .complete = PM_COMPLETE_DIR},
	{"compress", 0, PM_BOOL(struct push_opts, compress),
	 "Compress tarball image layers when pushing to a directory using the 'dir' transport"},
	{"compression-format", 0, PM_CHOICE(struct push_opts, compression_format),
	 "compression format to use", .choices = "gzip|zstd"},
	{"compression-level", 0, PM_INT(struct push_opts, compression_level),
	 "compression level to use: gzip 1-9, zstd 1-20"},
	{"creds", 0, PM_STRING(struct push_opts, creds),
	 "Credentials (USERNAME:PASSWORD) to use for authenticating to a registry"},
	{"digestfile", 0, PM_STRING(struct push_opts, digestfile),
	 "Write the digest of the pushed image to the specified file", .complete = PM_COMPLETE_FILE},
	{"disable-content-trust", 0, PM_BOOL(struct push_opts, content_trust),
	 "This is a Docker specific option and is a NOOP"},
	{"force-compression", 0, PM_BOOL(struct push_opts, force),
	 "Use the specified compression algorithm even if the destination contains a differently-"
	 "compressed variant already"},
	{"format", 'f', PM_CHOICE(struct push_opts, format),
	 "Manifest type (oci or v2s2) to use in the destination (default is manifest type of source, "
	 "with fallbacks)", .choices = "oci|v2s2"},
	{"quiet", 'q', PM_BOOL(struct push_opts, quiet),
	 "Suppress output information when pushing images"},
	{"remove-signatures", 0, PM_BOOL(struct push_opts, remove_signatures),
	 "Discard any pre-existing signatures in the image"},
	{"retry", 0, PM_INT(struct push_opts, retry),
	 "number of times to retry in case of failure when performing push", .def = "3"},
	{"retry-delay", 0, PM_DURATION(struct push_opts, retry_delay),
	 "delay between retries in case of push failures"},
	{"tls-verify", 0, PM_BOOL(struct push_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{0},
};

/* What of the options goes together, and with the destination. */
static int check_options(const struct pm_cli *cli, const struct push_opts *o,
			 struct pm_push_options *po, struct pm_err *err)
{
	bool level = pm_cli_given(cli, "compression-level");
	if (o->compress && strcmp(po->transport, "dir") != 0)
		return pm_fail(err, PM_E_USAGE, "--compress can only be set for the dir: transport");
	if (o->force && !o->compression_format)
		return pm_fail(err, PM_E_USAGE, "--force-compression needs --compression-format");
	if (level && (o->compression_level < 1 || o->compression_level > 22))
		return pm_fail(err, PM_E_USAGE, "invalid compression level %lld",
			       (long long)o->compression_level);
	if (o->retry < 0 || o->retry > 1000)
		return pm_fail(err, PM_E_USAGE, "--retry: %lld is not between 0 and 1000",
			       (long long)o->retry);
	if (o->retry_delay < 0)
		return pm_fail(err, PM_E_USAGE, "--retry-delay: less than nothing");
	po->level = level ? (int)o->compression_level : 0;
	po->compression = o->compression_format ? o->compression_format : o->compress ? "gzip" : NULL;
	po->chosen = o->compression_format != NULL;
	po->force = o->force;
	po->format = o->format;
	po->retries = o->retry;
	po->retry_ms = pm_cli_given(cli, "retry-delay") ? o->retry_delay / 1000000 : -1;
	return 0;
}

static int push_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct push_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile), *name = NULL,
			    *to = NULL;
	struct pm_written written;
	struct pm_push_image image = {0};
	struct pm_push_options po = PM_PUSH_OPTIONS_INIT;
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_image_resolve(e.store, cli->args[0], image.id, &name, err);
	if (r < 0)
		return r;
	const char *where = cli->args[1] ? cli->args[1] : name;
	if (!where)
		return pm_fail(err, PM_E_USAGE, "image %s is given by its id: say where to push it",
			       cli->args[0]);
	r = pm_push_destination(where, &po.transport, &to, err);
	if (r >= 0)
		r = check_options(cli, o, &po, err);
	if (r < 0)
		return r;
	po.name = to;
	po.authfile = authfile;
	po.creds = o->creds;
	po.cert_dir = o->cert_dir;
	po.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1;
	_cleanup_sign_ struct pm_sign sign = {0};
	struct pm_encryption encryption;
	r = pm_encrypt_from(&o->encrypt, &encryption, err);
	if (r >= 0)
		r = pm_sign_from(&o->sign, NULL, &sign, err);
	if (r < 0)
		return r;
	po.signing = &sign.signing;
	po.encryption = &encryption;
	po.signatures = !o->remove_signatures;

	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_image_push(e.store, &image, 1, &po, pm_progress_events(bars), &written, err);
	pm_progress_clear(bars);
	if (r < 0)
		return r;
	pm_event_image(&e, "push", image.id, where);
	if (o->digestfile)
		r = pm_fs_write_file(AT_FDCWD, o->digestfile, written.digest, strlen(written.digest), 0644, false, err);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_push = {
	.path = "push|image push",
	.summary = "Push an image to a specified destination",
	.synopsis = "[options] IMAGE [DESTINATION]",
	.text = "Pushes a source image to a specified destination: a registry (docker://, or no "
		"transport), oci:, oci-archive:, docker-archive:, dir: or docker-daemon:.\n"
		"Without DESTINATION the image goes where its name says.",
	.examples = "%p imageID docker://registry.example.com/repository:tag\n"
		    "%p imageID oci-archive:/path/to/layout:image:tag\n"
		    "%p --compression-format zstd imageName",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct push_opts),
	.tables = {{push_table, 0},
		   {pm_sign_table, offsetof(struct push_opts, sign)},
		   {pm_encrypt_table, offsetof(struct push_opts, encrypt)},
		   {0}},
	.run = push_run,
};
