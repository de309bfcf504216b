/*
 * build_options - the options of `build`, in tables, and the way from them to a struct pm_build_options. The
 * containers of RUN have a part of run's options (cli/ctr_options.h).
 */
#ifndef PM_CLI_BUILD_OPTIONS_H
#define PM_CLI_BUILD_OPTIONS_H

#include "cli/ctr_options.h"
#include "cli/image_common.h"
#include "cli/option.h"
#include "engine/image/crypt.h"
#include "engine/build/build.h"

/* Which user namespace commands have. */
struct pm_build_userns_opts {
	struct pm_strv uid_map, gid_map;
	const char *how, *uid_map_user, *gid_map_group, *isolation;
};

struct pm_build_opts {
	struct pm_build_userns_opts ns;
	struct pm_ctr_opts ctr; /* of it only what pm_build_ctr_table has */
	/* what is built */
	struct pm_strv file, build_arg, build_arg_file, build_context, platform, cpp_flag, cache_from, cache_to;
	const char *target, *from, *ignorefile;
	const char *arch, *os, *variant;
	/* how */
	bool layers, no_cache, squash, squash_all, skip_unused, rm, force_rm, http_proxy, stdin_, quiet;
	bool all_platforms, pull_always, pull_never;
	bool compress, disable_compression, content_trust, logsplit;
	const char *cache_ttl, *pull, *logfile;
	int64_t jobs, retry_delay;
	uint64_t retry;
	const char *authfile, *cert_dir, *creds, *signature_policy;
	bool tls_verify;
	struct pm_strv secret, ssh, hooks_dir, runtime_flag, decryption_keys;
	const char *runtime;
	/* the image */
	struct pm_strv tag, label, annotation, env, unsetenv, unsetlabel, os_feature;
	const char *format, *iidfile, *manifest, *os_version, *output, *timestamp, *sign_by;
	bool identity_label, omit_history;
};

extern const struct pm_opt pm_build_table[];     /* of struct pm_build_opts */
extern const struct pm_opt pm_build_ctr_table[]; /* of struct pm_ctr_opts */
extern const struct pm_opt pm_build_userns_table[]; /* of struct pm_build_userns_opts */

/* --isolation, or BUILDAH_ISOLATION, as given: only containers of an OCI runtime. */
int pm_build_check_isolation(const char *isolation, struct pm_err *err);

/* ret (init'ed): what ctr, filled by pm_build_ctr_table, says of the containers that commands run in; the table's
 * options that it has not get their defaults. ns: of pm_build_userns_table; NULL: nothing is said of it. */
int pm_build_containers(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *ctr,
			const struct pm_build_userns_opts *ns, struct pm_ctr_config *ret, struct pm_err *err);

/* What the options come to; the records that bo points to. */
struct pm_build_setup {
	struct pm_build_options bo;
	struct pm_ctr_config base;
	struct pm_build_secrets secrets;
	struct pm_pull_options pull;
	struct pm_pull_retry retry;
	struct pm_decryption decryption;
	struct pm_strv args, env;
	int64_t timestamp;
	char *authfile, *identity;
};

/* s is zeroed; to be freed also after a failure. PM_E_USAGE, PM_E_UNSUPPORTED name the option. */
int pm_build_setup(struct pm_cli *cli, struct pm_engine *e, const struct pm_build_opts *o,
		   struct pm_build_setup *s, struct pm_err *err);
void pm_build_setup_free(struct pm_build_setup *s);

/* --manifest: image id is added to the list name, which is made when there is none. */
int pm_build_add_to_list(struct pm_engine *e, const char *name, const char *id, struct pm_err *err);

#endif
