/* pm standalone-sign and standalone-verify: signatures of simple signing, of files. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/remote_options.h"
#include "registry/digest.h"
#include "registry/gpg.h"
#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/signature.h"
#include "registry/signature_payload.h"

/* The digest of the manifest in a file. */
static int digest_of_file(const char *path, char ret[PM_DIGEST_SIZE], struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, PM_MANIFEST_MAX, &text, err);
	if (r < 0)
		return pm_wrap(err, "reading manifest");
	pm_digest_of(pm_buf_str(&text), text.len, ret);
	return 0;
}

/* A name in full. The caller frees. */
static int full_name(const char *name, char **ret, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse_docker(name, &ref, err);
	if (r < 0)
		return r;
	*ret = pm_reference_str(&ref);
	return 0;
}

/* --- sign ---------------------------------------------------------------------------------------- */

struct sign_opts {
	const char *output, *passphrase_file;
};

static const struct pm_opt sign_table[] = {
	{"output", 'o', PM_STRING(struct sign_opts, output), "Output the signature to SIGNATURE",
	 .arg = "SIGNATURE", .complete = PM_COMPLETE_FILE},
	{"passphrase-file", 0, PM_STRING(struct sign_opts, passphrase_file),
	 "File that contains a passphrase for the key", .complete = PM_COMPLETE_FILE},
	{0},
};

static int sign_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct sign_opts *o = opts;
	_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT, message = PM_BUF_INIT;
	_cleanup_secret_ char *passphrase = NULL;
	_cleanup_free_ char *name = NULL;
	char digest[PM_DIGEST_SIZE];
	if (!o->output || !*o->output)
		return pm_fail(err, PM_E_USAGE, "say where the signature goes (--output)");
	int r = digest_of_file(cli->args[0], digest, err);
	if (r >= 0)
		r = full_name(cli->args[1], &name, err);
	if (r >= 0 && o->passphrase_file)
		r = pm_read_passphrase(o->passphrase_file, &passphrase, err);
	if (r < 0)
		return r;
	pm_payload_make(PM_PAYLOAD_SIMPLE, name, digest, &payload);
	r = pm_gpg_sign(cli->args[2], passphrase, &payload, &message, err);
	if (r >= 0)
		r = pm_fs_write_file(AT_FDCWD, o->output, pm_buf_str(&message), message.len, 0644, false,
				     err);
	return r < 0 ? pm_wrap(err, "creating signature") : 0;
}

const struct pm_command pm_cmd_standalone_sign = {
	.path = "standalone-sign",
	.summary = "Create a signature using local files",
	.synopsis = "[options] MANIFEST DOCKER-REFERENCE KEY-FINGERPRINT --output SIGNATURE",
	.text = "Makes a signature (\"simple signing\", by gpg) that says that the manifest in a file is the "
		"image of that name, and writes it to a file. Nothing is fetched.",
	.examples = "%p manifest.json registry.example/app:1 1D8230F6CDB6A067 --output app.signature",
	.min_args = 3,
	.max_args = 3,
	.complete = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct sign_opts),
	.tables = {{sign_table, 0}, {0}},
	.run = sign_run,
};

/* --- verify -------------------------------------------------------------------------------------- */

static int check_payload(const struct pm_buf *payload, const char *name, const char *digest,
			 struct pm_err *err)
{
	_cleanup_free_ char *claimed = NULL, *signed_as = NULL;
	int r = pm_payload_read(pm_buf_str(payload), payload->len, PM_PAYLOAD_SIMPLE, digest, &claimed,
				err);
	if (r >= 0)
		r = full_name(claimed, &signed_as, err);
	if (r >= 0 && strcmp(signed_as, name) != 0)
		r = pm_fail(err, PM_E_REMOTE, "the signature is for '%.300s', not '%s'", signed_as, name);
	return r;
}

static int verify_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf message = PM_BUF_INIT, payload = PM_BUF_INIT;
	_cleanup_free_ char *name = NULL;
	char digest[PM_DIGEST_SIZE];
	(void)opts;
	int r = digest_of_file(cli->args[0], digest, err);
	if (r >= 0)
		r = full_name(cli->args[1], &name, err);
	if (r >= 0)
		r = pm_fs_read_file(AT_FDCWD, cli->args[3], PM_SIGNATURE_MAX, &message, err);
	if (r < 0)
		return r;
	r = pm_gpg_verify_by(cli->args[2], &message, &payload, err);
	if (r >= 0)
		r = check_payload(&payload, name, digest, err);
	if (r < 0)
		return pm_wrap(err, "verifying signature");
	printf("Signature verified, digest %s\n", digest);
	return 0;
}

const struct pm_command pm_cmd_standalone_verify = {
	.path = "standalone-verify",
	.summary = "Verify a signature using local files",
	.synopsis = "MANIFEST DOCKER-REFERENCE KEY-FINGERPRINT SIGNATURE",
	.text = "Is the signature (\"simple signing\") in the last file one by that key, which is in the user's "
		"keyring, for the manifest in the first file under that very name? The key goes by the "
		"whole fingerprint of itself or of its primary key.",
	.examples = "%p manifest.json registry.example/app:1 426BD1366C948B4D2CF84314D8F54CA1345B9174 app.signature",
	.min_args = 4,
	.max_args = 4,
	.complete = PM_COMPLETE_FILE,
	.run = verify_run,
};
