#include <stdio.h>
#include <string.h>

#include "cli/build_options.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/ctr_options.h"
#include "cli/image_common.h"
#include "cli/progress.h"

struct from_opts {
	bool pull_always, pull_never, quiet, tls_verify;
	const char *arch, *authfile, *cert_dir, *cidfile, *creds, *name, *os, *platform, *pull,
		*signature_policy, *variant;
	struct pm_strv decryption_keys;
	uint64_t retry;
	int64_t retry_delay;
	struct pm_ctr_opts ctr; /* of each run's container */
	struct pm_build_userns_opts ns;
};

static const struct pm_opt from_table[] = {
	{"arch", 0, PM_STRING(struct from_opts, arch),
	 "Use ARCH instead of the architecture of the machine for choosing images", .arg = "ARCH"},
	{"authfile", 0, PM_STRING(struct from_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct from_opts, cert_dir),
	 "Use certificates at the specified path to access the registry",
	 .complete = PM_COMPLETE_DIR},
	{"cidfile", 0, PM_STRING(struct from_opts, cidfile), "Write the container ID to the file",
	 .complete = PM_COMPLETE_FILE},
	{"creds", 0, PM_STRING(struct from_opts, creds),
	 "Use USERNAME:PASSWORD for accessing the registry"},
	PM_DECRYPTION_KEY(struct from_opts, decryption_keys),
	{"format", 'f', PM_REFUSED, "the image's format is said to \"buildah commit\""},
	{"name", 0, PM_STRING(struct from_opts, name), "Name for the working container"},
	{"os", 0, PM_STRING(struct from_opts, os),
	 "Use OS instead of the running OS for choosing images", .arg = "OS"},
	{"platform", 0, PM_STRING(struct from_opts, platform),
	 "Specify the platform for selecting the image.  (Conflicts with arch and os)"},
	{"pull", 0, PM_STRING(struct from_opts, pull),
	 "Pull image policy: always, missing, never, newer", .no_value = "true",
	 .choices = "always|missing|never|newer"},
	{"pull-always", 0, PM_BOOL(struct from_opts, pull_always),
	 "Pull the image even if it is in the store", .hidden = true},
	{"pull-never", 0, PM_BOOL(struct from_opts, pull_never), "Do not pull the image",
	 .hidden = true},
	{"quiet", 'q', PM_BOOL(struct from_opts, quiet),
	 "Suppress output information when pulling images"},
	{"retry", 0, PM_UINT(struct from_opts, retry),
	 "Number of times to retry in case of failure when performing pull", .def = "3"},
	{"retry-delay", 0, PM_DURATION(struct from_opts, retry_delay),
	 "Delay between retries in case of pull failures"},
	{"signature-policy", 0, PM_STRING(struct from_opts, signature_policy),
	 "Pathname of a policy.json", .hidden = true, .complete = PM_COMPLETE_FILE},
	{"tls-verify", 0, PM_BOOL(struct from_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{"variant", 0, PM_STRING(struct from_opts, variant),
	 "Use VARIANT instead of the running architecture variant for choosing images"},
	{0},
};

/* platform: os, arch and variant of it are meant. */
static int obtain(struct pm_cli *cli, struct pm_engine *e, const struct from_opts *o,
		  const struct pm_pull_options *platform, char ret_id[65], char **ret_name, struct pm_err *err)
{
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	_cleanup_decryption_ struct pm_decryption decryption = {0};
	struct pm_pull_options po = {
		.authfile = authfile,
		.creds = o->creds,
		.cert_dir = o->cert_dir,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
		.os = platform->os,
		.arch = platform->arch,
		.variant = platform->variant,
		.signature_policy = o->signature_policy,
		.decryption = &decryption,
	};
	enum pm_pull_policy policy = PM_PULL_MISSING;
	struct pm_pull_retry retry;
	pm_pull_ask(&po);
	pm_pull_retries(cli, o->retry, o->retry_delay, &retry, &po);
	int r = o->pull ? pm_pull_policy_parse(o->pull, &policy, err) : 0;
	if (r >= 0)
		r = pm_decryption_parse(&o->decryption_keys, &decryption, err);
	if (r < 0)
		return r;
	policy = o->pull_always ? PM_PULL_ALWAYS : o->pull_never ? PM_PULL_NEVER : policy;
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_image_obtain(e->store, cli->args[0], policy, &po, pm_progress_events(bars), ret_id,
			    ret_name, err);
	pm_progress_clear(bars);
	return r;
}

/* "alpine" of "docker.io/library/alpine:3@sha256:..."; the caller frees. */
static char *base_name(const char *image)
{
	size_t n = strcspn(image, "@");
	_cleanup_free_ char *name = pm_strndup(image, n);
	char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	base[strcspn(base, ":")] = '\0';
	return pm_strdup(base);
}

/* NAME-working-container, and with a number behind it when that is taken. */
static int make(struct pm_engine *e, struct pm_worker_options *wo, const char *image,
		struct pm_worker *w, struct pm_err *err)
{
	_cleanup_free_ char *base = image ? base_name(image) : NULL;
	for (unsigned int i = 0;; i++) {
		_cleanup_free_ char *number = i ? pm_asprintf("-%u", i) : pm_strdup("");
		_cleanup_free_ char *name = pm_asprintf("%s%sworking-container%s", base ? base : "",
							base ? "-" : "", number);
		bool given = wo->name != NULL;
		struct pm_worker_options mine = *wo;
		if (!given)
			mine.name = name;
		int r = pm_worker_new(e, &mine, w, err);
		if (r != -PM_E_EXISTS || given || i == 10000)
			return r;
		pm_worker_free(w);
		pm_err_clear(err);
	}
}

static int from_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct from_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	_cleanup_free_ char *name = NULL, *words = NULL;
	struct pm_pull_options platform = {.os = o->os, .arch = o->arch, .variant = o->variant};
	struct pm_ctr_config base;
	char id[65];
	bool scratch = strcmp(cli->args[0], "scratch") == 0;
	struct pm_worker_options wo = {.name = o->name, .own = true, .base = &base};
	pm_ctr_config_init(&base);
	int r = pm_pull_platform(o->platform, &platform, &words, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_build_containers(cli, &e, &o->ctr, &o->ns, &base, err);
	if (r >= 0 && !scratch)
		r = obtain(cli, &e, o, &platform, id, &name, err);
	if (r >= 0) {
		wo.image_id = scratch ? NULL : id;
		wo.image_name = name;
		wo.arch = platform.arch;
		wo.os = platform.os;
		wo.variant = platform.variant;
		r = make(&e, &wo, scratch ? NULL : name ? name : cli->args[0], &w, err);
	}
	if (r >= 0 && o->cidfile)
		r = pm_ctr_write_cidfile(o->cidfile, w.c.row.id, err);
	if (r >= 0)
		puts(w.c.row.name);
	pm_ctr_config_free(&base);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_buildah_from = {
	.path = "buildah from",
	.summary = "Create a working container",
	.synopsis = "[options] IMAGE",
	.text = "Makes a working container from an image, which is pulled when it is not there, or "
		"from nothing "
		"(\"scratch\"). Its name is printed. What is said of containers here holds for "
		"each \"buildah run\".",
	.examples = "%p alpine\n%p --name build scratch",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct from_opts),
	.tables = {{from_table, 0},
		   {pm_build_userns_table, offsetof(struct from_opts, ns)},
		   {pm_build_ctr_table, offsetof(struct from_opts, ctr)}, {0}},
	.run = from_run,
};
