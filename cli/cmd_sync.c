#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/remote_options.h"
#include "cli/sign_options.h"
#include "engine/image/sync.h"

struct sync_opts {
	bool all, dry_run, keep_going, scoped, preserve, insecure_policy, quiet, remove_signatures;
	const char *authfile, *src_kind, *dst_kind, *format, *suffix, *policy, *registries_d, *arch, *os, *variant;
	int64_t retry_times;
	struct pm_remote_opts src, dst;
	struct pm_sign_opts sign;
};

static const struct pm_opt sync_table[] = {
	{"all", 'a', PM_BOOL(struct sync_opts, all), "Copy all images if SOURCE-IMAGE is a list"},
	{"append-suffix", 0, PM_STRING(struct sync_opts, suffix),
	 "String to append to DESTINATION tags"},
	{"authfile", 0, PM_STRING(struct sync_opts, authfile),
	 "Path of the authentication file for both registries", .complete = PM_COMPLETE_FILE},
	{"dest", 'd', PM_CHOICE(struct sync_opts, dst_kind), "DESTINATION transport type",
	 .arg = "string", .choices = "docker|dir"},
	{"dry-run", 0, PM_BOOL(struct sync_opts, dry_run), "Run without actually copying data"},
	{"format", 'f', PM_CHOICE(struct sync_opts, format),
	 "Manifest type to use when syncing images to a destination (default is that of the source)",
	 .arg = "string", .choices = "oci|v2s2"},
	{"insecure-policy", 0, PM_BOOL(struct sync_opts, insecure_policy),
	 "Accept any image, whatever the policy file says"},
	{"keep-going", 0, PM_BOOL(struct sync_opts, keep_going),
	 "Do not abort the sync if any image copy fails"},
	{"override-arch", 0, PM_STRING(struct sync_opts, arch),
	 "Use ARCH instead of the architecture of the machine for choosing images", .arg = "ARCH"},
	{"override-os", 0, PM_STRING(struct sync_opts, os),
	 "Use OS instead of the running OS for choosing images", .arg = "OS"},
	{"override-variant", 0, PM_STRING(struct sync_opts, variant),
	 "Use VARIANT instead of the running architecture variant for choosing images",
	 .arg = "VARIANT"},
	{"policy", 0, PM_STRING(struct sync_opts, policy), "Path to a trust policy file",
	 .complete = PM_COMPLETE_FILE},
	{"preserve-digests", 0, PM_BOOL(struct sync_opts, preserve),
	 "Preserve digests of images and lists"},
	{"quiet", 'q', PM_BOOL(struct sync_opts, quiet), "Suppress output information"},
	{"registries.d", 0, PM_STRING(struct sync_opts, registries_d),
	 "Use the registry configuration files in DIR (e.g. for container signature storage)",
	 .arg = "DIR", .complete = PM_COMPLETE_DIR},
	{"remove-signatures", 0, PM_BOOL(struct sync_opts, remove_signatures),
	 "Do not copy signatures from SOURCE images"},
	{"retry-times", 0, PM_INT(struct sync_opts, retry_times),
	 "The number of times to possibly retry", .def = "3"},
	{"scoped", 0, PM_BOOL(struct sync_opts, scoped),
	 "Images at DESTINATION are prefixed using the full source image path as scope"},
	{"src", 's', PM_CHOICE(struct sync_opts, src_kind), "SOURCE transport type",
	 .arg = "string", .choices = "docker|dir|yaml"},
	{0},
};

struct show {
	struct pm_cli *cli;
	const struct sync_opts *o;
};

static void on_each(void *arg, size_t index, size_t n, const char *from, const char *to)
{
	const struct show *s = arg;
	if (!s->o->quiet)
		fprintf(stderr, "%s image ref %zu/%zu from=\"%s\" to=\"%s\"\n",
			s->o->dry_run ? "Would have copied" : "Copying", index + 1, n, from, to);
}

static void on_failed(void *arg, struct pm_err *err)
{
	const struct show *s = arg;
	pm_cli_note(s->cli, err);
}

static int sync_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct sync_opts *o = opts;
	_cleanup_secret_ char *src_buf = NULL, *dst_buf = NULL;
	struct show show = {cli, o};
	struct pm_sync_options so = {
		.src = o->src_kind,
		.dst = o->dst_kind,
		.copy = PM_COPY_OPTIONS_INIT,
		.scoped = o->scoped,
		.append_suffix = o->suffix,
		.keep_going = o->keep_going,
		.dry_run = o->dry_run,
		.each = on_each,
		.failed = on_failed,
		.arg = &show,
	};
	if (!o->src_kind || !o->dst_kind)
		return pm_fail(err, PM_E_USAGE, "A %s transport must be specified with --%s",
			       o->src_kind ? "destination" : "source", o->src_kind ? "dest" : "src");
	if (strcmp(o->src_kind, "dir") == 0 && strcmp(o->dst_kind, "dir") == 0)
		return pm_fail(err, PM_E_USAGE, "sync from 'dir' to 'dir' not implemented, consider "
						"using rsync instead");
	int r = pm_remote_from(cli, &o->src, "src-", o->authfile, &so.copy.src, &src_buf, err);
	if (r >= 0)
		r = pm_remote_from(cli, &o->dst, "dest-", o->authfile, &so.copy.dst, &dst_buf, err);
	if (r < 0)
		return r;
	so.copy.src.retries = so.copy.dst.retries = o->retry_times;
	so.copy.multi = o->all ? "all" : NULL;
	so.copy.format = o->format;
	so.copy.preserve = o->preserve;
	so.copy.policy = o->policy;
	so.copy.any_policy = o->insecure_policy;
	so.copy.os = o->os;
	so.copy.arch = o->arch;
	so.copy.variant = o->variant;
	so.copy.registries_d = o->registries_d;
	so.copy.remove_signatures = o->remove_signatures;
	_cleanup_sign_ struct pm_sign sign = {0};
	r = pm_sign_from(&o->sign, NULL, &sign, err);
	if (r < 0)
		return r;
	so.copy.signing = &sign.signing;
	size_t images = 0, sources = 0;
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_image_sync(cli->args[0], cli->args[1], &so, pm_progress_events(bars), &images, &sources,
			  err);
	pm_progress_clear(bars);
	/* What failed with --keep-going was printed already. */
	if (r < 0 && !cli->noted)
		return r;
	if (!o->quiet)
		fprintf(stderr, "%s %zu images from %zu sources\n",
			o->dry_run ? "Would have synced" : "Synced", images, sources);
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_sync = {
	.path = "sync",
	.summary = "Synchronize one or more images from one location to another",
	.synopsis = "[options] --src TRANSPORT --dest TRANSPORT SOURCE DESTINATION",
	.text = "Copies all images of SOURCE to DESTINATION; layers that are there already are not "
		"copied again.\n\n"
		"SOURCE is a repository (docker), a directory of dir: images (dir), or a file that lists "
		"registries, images and tags (yaml). DESTINATION is a registry, or a path in one "
		"(docker), or a directory (dir).",
	.examples = "%p --src docker --dest dir registry.example/busybox /media/usb\n"
		    "%p --src dir --dest docker /media/usb my-registry.example/mirror\n"
		    "%p --src yaml --dest docker --scoped sync.yml my-registry.example/mirror",
	.min_args = 2,
	.max_args = 2,
	.opts_size = sizeof(struct sync_opts),
	.tables = {{sync_table, 0},
		   {pm_src_remote_table, offsetof(struct sync_opts, src)},
		   {pm_dest_remote_table, offsetof(struct sync_opts, dst)},
		   {pm_sign_table, offsetof(struct sync_opts, sign)},
		   {0}},
	.run = sync_run,
};
