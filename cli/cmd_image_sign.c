#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/image_common.h"
#include "engine/image/query.h"
#include "engine/image/sign.h"
#include "registry/manifest.h"

struct sign_opts {
	bool all;
	const char *authfile, *cert_dir, *directory, *key;
};

static const struct pm_opt sign_table[] = {
	{"all", 'a', PM_BOOL(struct sign_opts, all),
	 "Sign all the manifests of the multi-architecture image"},
	{"authfile", 0, PM_STRING(struct sign_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct sign_opts, cert_dir),
	 "Pathname of a directory containing TLS certificates and keys",
	 .complete = PM_COMPLETE_DIR},
	{"directory", 'd', PM_STRING(struct sign_opts, directory),
	 "Define an alternate directory to store signatures", .complete = PM_COMPLETE_DIR},
	{"sign-by", 0, PM_STRING(struct sign_opts, key), "Name of the signing key"},
	{0},
};

/* Each image of the list, under the list's name; the list itself not, as with Podman. */
static int sign_list(const char *name, const char *rest, const struct pm_buf *manifest,
		     const struct pm_sign_options *so, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	enum pm_manifest_kind kind;
	const char *type;
	struct pm_json *root;
	int r = pm_json_parse(pool, pm_buf_str(manifest), manifest->len, &root, err);
	if (r >= 0)
		r = pm_manifest_kind(root, NULL, &kind, &type, err);
	if (r >= 0 && kind != PM_MANIFEST_INDEX)
		r = pm_fail(err, PM_E_USAGE, "%s is not a multi-architecture image (manifest type %s)", name,
			    type);
	const struct pm_json *list = r < 0 ? NULL : pm_json_get(root, "manifests");
	for (size_t i = 0; r >= 0 && i < pm_json_len(list); i++) {
		struct pm_descriptor d;
		r = pm_descriptor_parse(pm_json_at(list, i), "image in index", &d, err);
		if (r >= 0)
			r = pm_image_sign(rest, d.digest, so, err);
	}
	return r;
}

static int sign_one(const struct sign_opts *o, const char *authfile, const char *name,
		    struct pm_err *err)
{
	_cleanup_remote_image_ struct pm_remote_image i = {0};
	struct pm_query_options q = {.remote = PM_REMOTE_INIT};
	struct pm_sign_options so = {.key = o->key, .directory = o->directory};
	const char *transport, *rest;
	int r = pm_transport_split(name, &transport, &rest, err);
	if (r >= 0 && strcmp(transport, "docker") != 0)
		r = pm_fail(err, PM_E_USAGE, "%s: images are signed at their registry (docker://)", name);
	q.remote.authfile = authfile;
	q.remote.cert_dir = o->cert_dir;
	if (r >= 0)
		r = pm_query_inspect(name, &q, true, false, &i, err);
	if (r < 0)
		return r;
	return o->all ? sign_list(name, rest, &i.manifest, &so, err) : pm_image_sign(rest, i.digest, &so, err);
}

static int sign_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct sign_opts *o = opts;
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	if (!o->key || !*o->key)
		return pm_fail(err, PM_E_USAGE, "please provide an identity (--sign-by)");
	for (int i = 0; i < cli->n_args; i++) {
		int r = sign_one(o, authfile, cli->args[i], err);
		if (r < 0 && cli->n_args == 1)
			return r;
		if (r < 0)
			pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_image_sign = {
	.path = "image sign",
	.summary = "Sign an image",
	.synopsis = "[options] IMAGE [IMAGE...]",
	.text = "Makes a signature (\"simple signing\", by gpg) for each image, which is named where it is "
		"in its registry, and puts it into the lookaside storage that registries.d names for it.",
	.examples = "%p --sign-by foo@bar.example docker://registry.example/app:1",
	.min_args = 1,
	.max_args = -1,
	.opts_size = sizeof(struct sign_opts),
	.tables = {{sign_table, 0}, {0}},
	.run = sign_run,
};
