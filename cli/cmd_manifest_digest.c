#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "registry/digest.h"

enum { FILE_MAX = 16 << 20 };

static int manifest_digest_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE];
	(void)opts;
	int r = pm_fs_read_file(AT_FDCWD, cli->args[0], FILE_MAX, &text, err);
	if (r < 0)
		return pm_wrap(err, "reading manifest");
	pm_digest_of(pm_buf_str(&text), text.len, digest);
	puts(digest);
	return 0;
}

const struct pm_command pm_cmd_manifest_digest = {
	.path = "manifest-digest",
	.summary = "Compute a manifest digest of a file",
	.synopsis = "MANIFEST-FILE",
	.text = "Prints the digest by which a registry names the manifest in the file.",
	.examples = "%p manifest.json",
	.min_args = 1,
	.max_args = 1,
	.complete = PM_COMPLETE_FILE,
	.run = manifest_digest_run,
};
