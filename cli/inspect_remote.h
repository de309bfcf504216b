/*
 * inspect_remote - `pm image inspect docker://...`: an image where it is, without pulling it, as Skopeo's inspect shows
 * it.
 */
#ifndef PM_CLI_INSPECT_REMOTE_H
#define PM_CLI_INSPECT_REMOTE_H

#include "cli/remote_options.h"

struct pm_inspect_remote_opts {
	bool raw, config, no_tags;
	const char *arch, *os, *variant, *shared_blob_dir, *daemon_host;
	int64_t retry_times;
	struct pm_remote_opts remote;
};

/* Two tables: of struct pm_inspect_remote_opts, and pm_remote_table for its remote. */
extern const struct pm_opt pm_inspect_remote_table[];

/* PM_E_USAGE when an option was given that is only for names with a transport. */
int pm_inspect_remote_unused(const struct pm_cli *cli, struct pm_err *err);
/* Print one. format: of --format; "json" is the default. */
int pm_inspect_remote(struct pm_cli *cli, const struct pm_inspect_remote_opts *o, const char *name,
		      const char *format, struct pm_err *err);

#endif
