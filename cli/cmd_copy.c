#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/crypt_options.h"
#include "cli/progress.h"
#include "cli/remote_options.h"
#include "cli/sign_options.h"
#include "engine/image/copy.h"

struct copy_opts {
	bool all, quiet, preserve, remove_signatures, insecure_policy;
	bool compress, decompress, accept_plain, foreign, precompute;
	const char *authfile, *format, *multi, *digestfile, *policy, *registries_d;
	const char *sign_identity;
	const char *compression, *src_shared, *dst_shared, *src_daemon, *dst_daemon;
	const char *arch, *os, *variant;
	int64_t level, retry_times;
	struct pm_strv tags, decryption_keys;
	struct pm_remote_opts src, dst;
	struct pm_sign_opts sign;
	struct pm_encrypt_opts encrypt;
};

static const struct pm_opt copy_table[] = {
	{"additional-tag", 0, PM_LIST(struct copy_opts, tags),
	 "Additional tags (docker: the tag; docker-archive: a full reference)"},
	{"all", 'a', PM_BOOL(struct copy_opts, all), "Copy all images if SOURCE-IMAGE is a list"},
	{"authfile", 0, PM_STRING(struct copy_opts, authfile),
	 "Path of the authentication file for both registries", .complete = PM_COMPLETE_FILE},
	PM_DECRYPTION_KEY(struct copy_opts, decryption_keys),
	{"dest-compress", 0, PM_BOOL(struct copy_opts, compress),
	 "Compress layers when saving to a directory using the 'dir' transport"},
	{"dest-compress-format", 0, PM_CHOICE(struct copy_opts, compression),
	 "FORMAT to use for the compression", .arg = "FORMAT", .choices = "gzip|zstd"},
	{"dest-compress-level", 0, PM_INT(struct copy_opts, level),
	 "LEVEL to use for the compression (0: the default)", .arg = "LEVEL"},
	{"dest-daemon-host", 0, PM_STRING(struct copy_opts, dst_daemon),
	 "Use docker daemon host at HOST (docker-daemon: only)", .arg = "HOST"},
	{"dest-decompress", 0, PM_BOOL(struct copy_opts, decompress),
	 "Decompress layers when saving to a directory using the 'dir' transport"},
	{"dest-oci-accept-uncompressed-layers", 0, PM_BOOL(struct copy_opts, accept_plain),
	 "Allow uncompressed image layers when saving using the 'oci' transport"},
	{"dest-precompute-digests", 0, PM_BOOL(struct copy_opts, precompute),
	 "Compress a layer whole before any of it is sent, and send nothing that the registry has (docker: only)"},
	{"dest-shared-blob-dir", 0, PM_STRING(struct copy_opts, dst_shared),
	 "DIRECTORY to use to share blobs across OCI repositories", .arg = "DIRECTORY",
	 .complete = PM_COMPLETE_DIR},
	{"digestfile", 0, PM_STRING(struct copy_opts, digestfile),
	 "Write the digest of the pushed image to the specified file",
	 .complete = PM_COMPLETE_FILE},
	{"foreign-layers", 0, PM_BOOL(struct copy_opts, foreign),
	 "Accept images whose layers are on other hosts; such layers are not copied, only named"},
	{"format", 'f', PM_CHOICE(struct copy_opts, format),
	 "Manifest type to use in the destination (default is that of the source)",
	 .arg = "string", .choices = "oci|v2s2"},
	{"insecure-policy", 0, PM_BOOL(struct copy_opts, insecure_policy),
	 "Accept any image, whatever the policy file says"},
	{"multi-arch", 0, PM_CHOICE(struct copy_opts, multi),
	 "How to handle multi-architecture images", .choices = "system|all|index-only",
	 .arg = "string"},
	{"override-arch", 0, PM_STRING(struct copy_opts, arch),
	 "Use ARCH instead of the architecture of the machine for choosing images", .arg = "ARCH"},
	{"override-os", 0, PM_STRING(struct copy_opts, os),
	 "Use OS instead of the running OS for choosing images", .arg = "OS"},
	{"override-variant", 0, PM_STRING(struct copy_opts, variant),
	 "Use VARIANT instead of the running architecture variant for choosing images",
	 .arg = "VARIANT"},
	{"policy", 0, PM_STRING(struct copy_opts, policy), "Path to a trust policy file",
	 .complete = PM_COMPLETE_FILE},
	{"preserve-digests", 0, PM_BOOL(struct copy_opts, preserve),
	 "Preserve digests of images and lists; fail where that is not possible"},
	{"quiet", 'q', PM_BOOL(struct copy_opts, quiet),
	 "Suppress output information when copying images"},
	{"registries.d", 0, PM_STRING(struct copy_opts, registries_d),
	 "Use the registry configuration files in DIR (e.g. for container signature storage)",
	 .arg = "DIR", .complete = PM_COMPLETE_DIR},
	{"remove-signatures", 0, PM_BOOL(struct copy_opts, remove_signatures),
	 "Do not copy signatures from SOURCE-IMAGE"},
	{"retry-times", 0, PM_INT(struct copy_opts, retry_times),
	 "The number of times to possibly retry", .def = "3"},
	{"sign-identity", 0, PM_STRING(struct copy_opts, sign_identity),
	 "Identity of signed image, must be a fully specified docker reference"},
	{"src-daemon-host", 0, PM_STRING(struct copy_opts, src_daemon),
	 "Use docker daemon host at HOST (docker-daemon: only)", .arg = "HOST"},
	{"src-shared-blob-dir", 0, PM_STRING(struct copy_opts, src_shared),
	 "DIRECTORY to use to share blobs across OCI repositories", .arg = "DIRECTORY",
	 .complete = PM_COMPLETE_DIR},
	{0},
};

static int write_digest(const char *path, const char *digest, struct pm_err *err)
{
	int r = pm_fs_write_file(AT_FDCWD, path, digest, strlen(digest), 0644, false, err);
	return r < 0 ? pm_wrap(err, "writing the digest") : 0;
}

static int copy_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct copy_opts *o = opts;
	_cleanup_secret_ char *src_buf = NULL, *dst_buf = NULL;
	struct pm_copy_options co = PM_COPY_OPTIONS_INIT;
	int r = pm_remote_from(cli, &o->src, "src-", o->authfile, &co.src, &src_buf, err);
	if (r >= 0)
		r = pm_remote_from(cli, &o->dst, "dest-", o->authfile, &co.dst, &dst_buf, err);
	if (r < 0)
		return r;
	if (o->compress && o->decompress)
		return pm_fail(err, PM_E_USAGE, "--dest-compress and --dest-decompress exclude each "
						"other");
	if (o->all && o->multi && strcmp(o->multi, "all") != 0)
		return pm_fail(err, PM_E_USAGE, "--all and --multi-arch=%s exclude each other", o->multi);
	co.src.retries = co.dst.retries = o->retry_times;
	co.os = o->os;
	co.arch = o->arch;
	co.variant = o->variant;
	co.multi = o->all ? "all" : o->multi;
	co.format = o->format;
	co.compression = o->compression;
	co.level = o->level;
	co.compress = o->compress;
	co.decompress = o->decompress;
	co.accept_plain = o->accept_plain;
	co.preserve = o->preserve;
	co.precompute = o->precompute;
	co.foreign = o->foreign;
	co.src_shared = o->src_shared;
	co.dst_shared = o->dst_shared;
	co.src_daemon = o->src_daemon;
	co.dst_daemon = o->dst_daemon;
	co.tags = &o->tags;
	co.policy = o->policy;
	co.any_policy = o->insecure_policy;
	co.registries_d = o->registries_d;
	co.remove_signatures = o->remove_signatures;
	_cleanup_sign_ struct pm_sign sign = {0};
	r = pm_sign_from(&o->sign, o->sign_identity, &sign, err);
	if (r < 0)
		return r;
	co.signing = &sign.signing;
	_cleanup_decryption_ struct pm_decryption decryption = {0};
	struct pm_encryption encryption;
	r = pm_encrypt_from(&o->encrypt, &encryption, err);
	if (r >= 0)
		r = pm_decryption_parse(&o->decryption_keys, &decryption, err);
	if (r < 0)
		return r;
	co.decryption = &decryption;
	co.encryption = &encryption;
	struct pm_written written;
	struct pm_store *store = NULL;
	if (pm_copy_needs_store(cli->args[0], cli->args[1])) {
		r = pm_cli_open_store(cli, err);
		if (r < 0)
			return r;
		store = pm_cli_store(cli);
	}
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_image_copy(store, cli->args[0], cli->args[1], &co, pm_progress_events(bars), &written, err);
	pm_progress_clear(bars);
	if (r >= 0 && o->digestfile)
		r = write_digest(o->digestfile, written.digest, err);
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_copy = {
	.path = "copy|image copy",
	.summary = "Copy an image from one location to another",
	.synopsis = "[options] SOURCE-IMAGE DESTINATION-IMAGE",
	.text = "Copies an image (manifest, layers) from one location to another, without storing it "
		"locally unless that is one of them.\n\n"
		"Both are named with their transport: docker://HOST/PATH:TAG, oci:PATH:TAG, "
		"oci-archive:PATH:TAG, dir:PATH, docker-archive:PATH:REFERENCE, "
		"docker-daemon:REFERENCE, containers-storage:NAME (the local store; "
		"containers-storage:[DRIVER@DIR+RUNDIR]NAME: another one of pm, or a source of Podman).",
	.examples = "%p docker://quay.io/user/app:1 docker://registry.example/app:1\n"
		    "%p --all docker://alpine oci:/srv/mirror:alpine",
	.min_args = 2,
	.max_args = 2,
	.opts_size = sizeof(struct copy_opts),
	.tables = {{copy_table, 0},
		   {pm_src_remote_table, offsetof(struct copy_opts, src)},
		   {pm_dest_remote_table, offsetof(struct copy_opts, dst)},
		   {pm_sign_table, offsetof(struct copy_opts, sign)},
		   {pm_encrypt_table, offsetof(struct copy_opts, encrypt)},
		   {0}},
	.run = copy_run,
};
