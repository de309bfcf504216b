#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/remote_options.h"
#include "engine/image/signing.h"

struct generate_opts {
	const char *prefix, *passphrase_file;
};

static const struct pm_opt generate_table[] = {
	{"output-prefix", 0, PM_STRING(struct generate_opts, prefix),
	 "Write the keys to PREFIX.pub and PREFIX.private", .arg = "PREFIX"},
	{"passphrase-file", 0, PM_STRING(struct generate_opts, passphrase_file),
	 "Read a passphrase for the private key from PATH", .arg = "PATH",
	 .complete = PM_COMPLETE_FILE},
	{0},
};

static int must_be_new(const char *path, struct pm_err *err)
{
	struct stat st;
	if (lstat(path, &st) == 0)
		return pm_fail(err, PM_E_EXISTS, "refusing to overwrite existing %s", path);
	return errno == ENOENT ? 0 : pm_fail_sys(err, "%s", path);
}

static int generate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct generate_opts *o = opts;
	_cleanup_secret_ char *passphrase = NULL;
	_cleanup_buf_ struct pm_buf secret = PM_BUF_INIT, open = PM_BUF_INIT;
	(void)cli;
	if (!o->prefix || !*o->prefix)
		return pm_fail(err, PM_E_USAGE, "say where the keys go (--output-prefix)");
	_cleanup_free_ char *private_path = pm_asprintf("%s.private", o->prefix),
			    *public_path = pm_asprintf("%s.pub", o->prefix);
	int r = must_be_new(private_path, err);
	if (r >= 0)
		r = must_be_new(public_path, err);
	if (r >= 0)
		r = o->passphrase_file ? pm_read_passphrase(o->passphrase_file, &passphrase, err)
				       : pm_ask_passphrase(private_path, true, &passphrase, err);
	if (r >= 0)
		r = pm_signing_generate(passphrase, &secret, &open, err);
	if (r >= 0)
		r = pm_fs_write_file(AT_FDCWD, private_path, pm_buf_str(&secret), secret.len, 0600, true,
				     err);
	if (r >= 0)
		r = pm_fs_write_file(AT_FDCWD, public_path, pm_buf_str(&open), open.len, 0644, true, err);
	if (r < 0)
		return r;
	printf("Key written to \"%s\" and \"%s\"\n", private_path, public_path);
	return 0;
}

const struct pm_command pm_cmd_generate_sigstore_key = {
	.path = "generate-sigstore-key",
	.summary = "Generate a sigstore public/private key pair",
	.synopsis = "[options] --output-prefix PREFIX",
	.text = "Makes a key pair (ECDSA, P-256) for signing images: PREFIX.private, encrypted under a passphrase, "
		"for --sign-by-sigstore-private-key, and PREFIX.pub for policy.json. Files that exist "
		"are not overwritten. Without --passphrase-file the passphrase is asked for.",
	.examples = "%p --output-prefix mykey",
	.max_args = 0,
	.opts_size = sizeof(struct generate_opts),
	.tables = {{generate_table, 0}, {0}},
	.run = generate_run,
};
