#include <stdio.h>

#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/ctr_common.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "engine/events/events.h"

struct pull_opts {
	bool all_tags, quiet, tls_verify, content_trust;
	const char *arch, *authfile, *cert_dir, *creds, *os, *platform, *policy, *signature_policy, *variant;
	struct pm_strv decryption_keys;
	uint64_t retry;
	int64_t retry_delay;
};

static const struct pm_opt pull_table[] = {
	{"all-tags", 'a', PM_BOOL(struct pull_opts, all_tags),
	 "All tagged images in the repository will be pulled"},
	{"arch", 0, PM_STRING(struct pull_opts, arch),
	 "Use ARCH instead of the architecture of the machine for choosing images", .arg = "ARCH"},
	{"authfile", 0, PM_STRING(struct pull_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct pull_opts, cert_dir),
	 "Pathname of a directory containing TLS certificates and keys", .arg = "Pathname",
	 .complete = PM_COMPLETE_DIR},
	{"creds", 0, PM_STRING(struct pull_opts, creds),
	 "Credentials (USERNAME:PASSWORD) to use for authenticating to a registry",
	 .arg = "Credentials"},
	PM_DECRYPTION_KEY(struct pull_opts, decryption_keys),
	{"disable-content-trust", 0, PM_BOOL(struct pull_opts, content_trust),
	 "This is a Docker specific option and is a NOOP"},
	{"os", 0, PM_STRING(struct pull_opts, os),
	 "Use OS instead of the running OS for choosing images", .arg = "OS"},
	{"platform", 0, PM_STRING(struct pull_opts, platform),
	 "Specify the platform for selecting the image.  (Conflicts with arch and os)"},
	{"policy", 0, PM_STRING(struct pull_opts, policy), "Pull image policy", .def = "always",
	 .choices = "always|missing|never|newer"},
	{"quiet", 'q', PM_BOOL(struct pull_opts, quiet),
	 "Suppress output information when pulling images"},
	{"retry", 0, PM_UINT(struct pull_opts, retry), "Number of times to retry in case of failure when performing pull",
	 .def = "3"},
	{"retry-delay", 0, PM_DURATION(struct pull_opts, retry_delay), "Delay between retries in case of pull failures"},
	{"signature-policy", 0, PM_STRING(struct pull_opts, signature_policy),
	 "Pathname of a policy.json", .hidden = true, .complete = PM_COMPLETE_FILE},
	{"tls-verify", 0, PM_BOOL(struct pull_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{"variant", 0, PM_STRING(struct pull_opts, variant),
	 "Use VARIANT instead of the running architecture variant for choosing images"},
	{0},
};

/* One that is there may do: the image's id is printed all the same. */
static int obtain(struct pm_engine *e, const char *name, enum pm_pull_policy policy,
		  const struct pm_pull_options *po, struct pm_progress *bars, struct pm_strv *ids, struct pm_err *err)
{
	char id[65];
	_cleanup_free_ char *found = NULL;
	if (policy == PM_PULL_ALWAYS)
		return pm_image_pull(e->store, name, po, pm_progress_events(bars), ids, err);
	if (po->all_tags)
		return pm_fail(err, PM_E_USAGE, "--all-tags is for --policy always");
	int r = pm_image_obtain(e->store, name, policy, po, pm_progress_events(bars), id, &found, err);
	if (r >= 0)
		pm_strv_add(ids, id);
	return r;
}

static int pull_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct pull_opts *o = opts;
	_cleanup_free_ char *platform = NULL, *authfile = pm_pull_authfile(cli, o->authfile);
	_cleanup_decryption_ struct pm_decryption decryption = {0};
	struct pm_pull_options po = {
		.authfile = authfile,
		.creds = o->creds,
		.cert_dir = o->cert_dir,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
		.signature_policy = o->signature_policy,
		.all_tags = o->all_tags,
		.decryption = &decryption,
	};
	_cleanup_engine_ struct pm_engine e = {0};
	enum pm_pull_policy policy;
	struct pm_pull_retry retry;
	pm_pull_ask(&po);
	pm_pull_retries(cli, o->retry, o->retry_delay, &retry, &po);
	int r = pm_pull_policy_parse(o->policy, &policy, err);
	if (r >= 0)
		r = pm_pull_platform(o->platform, &po, &platform, err);
	if (r >= 0)
		r = pm_decryption_parse(&o->decryption_keys, &decryption, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;

	for (int i = 0; i < cli->n_args; i++) {
		_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
		_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
		r = obtain(&e, cli->args[i], policy, &po, bars, &ids, err);
		pm_progress_clear(bars);
		for (size_t j = 0; j < ids.n; j++) {
			pm_event_image(&e, "pull", ids.v[j], cli->args[i]);
			puts(ids.v[j]);
		}
		if (r == -PM_E_CANCELLED || (r < 0 && cli->n_args == 1))
			return r;
		if (r < 0)
			pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_pull = {
	.path = "pull|image pull",
	.summary = "Pull an image from a registry",
	.synopsis = "[options] IMAGE [IMAGE...]",
	.text = "Pulls an image from a registry and stores it locally.\n\n"
		"An image can be pulled by tag or digest. If a tag is not specified, the image with "
		"the 'latest' tag is pulled.\n"
		"Besides registries (docker://), the transports oci:, oci-archive:, docker-archive: "
		"and dir: are understood, and containers-storage:[DRIVER@DIR]NAME for an image in a store "
		"of Podman or in another one of pm (all of its images without NAME).",
	.examples = "%p imageName\n%p fedora:latest\n%p oci:/srv/layout:tag\n"
		    "%p containers-storage:[overlay@$HOME/.local/share/containers/storage]",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct pull_opts),
	.tables = {{pull_table, 0}, {0}},
	.run = pull_run,
};
