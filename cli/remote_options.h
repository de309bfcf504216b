/*
 * remote_options - how to reach registries, as Skopeo's commands take it: one set of options for commands on one
 * place, and with --src- and --dest- before each for those on two.
 */
#ifndef PM_CLI_REMOTE_OPTIONS_H
#define PM_CLI_REMOTE_OPTIONS_H

#include "cli/command.h"
#include "engine/image/remote.h"

struct pm_remote_opts {
	bool no_creds, tls_verify;
	const char *authfile, *cert_dir, *creds, *password, *token, *username;
};

extern const struct pm_opt pm_remote_table[];       /* of struct pm_remote_opts */
extern const struct pm_opt pm_src_remote_table[];   /* the same as --src-... */
extern const struct pm_opt pm_dest_remote_table[];  /* the same as --dest-... */

/* Fill *ret. prefix: "", "src-", "dest-". authfile: --authfile for both, or NULL. *ret_buf holds what was put
 * together; the caller wipes and frees it (pm_remote_wipe). */
int pm_remote_from(const struct pm_cli *cli, const struct pm_remote_opts *o, const char *prefix,
		   const char *authfile, struct pm_remote *ret, char **ret_buf, struct pm_err *err);
void pm_remote_wipe(char **buf);
#define _cleanup_secret_ _cleanup_(pm_remote_wipe)

#endif
