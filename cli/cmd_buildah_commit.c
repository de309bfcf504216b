#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "engine/image/changes.h"
#include "engine/image/resolve.h"

struct commit_opts {
	bool no_compression, omit_history, quiet, rm, squash;
	const char *comment, *created_by, *format, *iidfile;
	int64_t timestamp;
	struct pm_strv annotation, unsetenv;
};

static const struct pm_opt commit_table[] = {
	{"annotation", 0, PM_STRINGS(struct commit_opts, annotation),
	 "Add an annotation NAME=VALUE to the image's manifest"},
	{"comment", 0, PM_STRING(struct commit_opts, comment),
	 "Set the comment of the image's last line of history"},
	{"created-by", 0, PM_STRING(struct commit_opts, created_by),
	 "Set what the image's last line of history says"},
	{"disable-compression", 'D', PM_BOOL(struct commit_opts, no_compression),
	 "Do not compress layers: they are when they are pushed", .def = "true"},
	{"encryption-key", 0, PM_REFUSED, "pm does not encrypt layers"},
	{"format", 'f', PM_CHOICE(struct commit_opts, format),
	 "Format of the image manifest and metadata", .def = "oci", .choices = "oci|docker"},
	{"iidfile", 0, PM_STRING(struct commit_opts, iidfile), "Write the image ID to the file",
	 .complete = PM_COMPLETE_FILE},
	{"manifest", 0, PM_REFUSED, "add the image by \"manifest add\""},
	{"omit-history", 0, PM_BOOL(struct commit_opts, omit_history),
	 "Omit the history from the image"},
	{"quiet", 'q', PM_BOOL(struct commit_opts, quiet), "Suppress output"},
	{"rm", 0, PM_BOOL(struct commit_opts, rm),
	 "Remove the working container after it was committed"},
	{"sign-by", 0, PM_REFUSED, "sign the image by \"push --sign-by\""},
	{"squash", 0, PM_BOOL(struct commit_opts, squash), "Make an image of one layer"},
	{"timestamp", 0, PM_INT(struct commit_opts, timestamp),
	 "Set the time of the image and of its new files, in seconds since the epoch, so that it "
	 "can be made again"},
	{"unsetenv", 0, PM_STRINGS(struct commit_opts, unsetenv),
	 "Remove an environment variable from the image"},
	{0},
};

static int unset_env(struct pm_worker *w, const struct pm_strv *names, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	struct pm_json *old = pm_json_get(pm_worker_config(w), "Env");
	if (!old || !names->n)
		return 0;
	int r = pm_json_to_strv(old, &env, err);
	for (size_t i = 0; i < names->n; i++)
		pm_env_unset(&env, names->v[i]);
	if (r >= 0)
		pm_json_set(w->pool, pm_worker_config(w), "Env", pm_json_strv(w->pool, &env));
	return r;
}

/* What the image is called; only this store is a destination. The caller frees. */
static int image_name(const char *word, char **ret, struct pm_err *err)
{
	if (!word || !*word)
		return 0;
	if (pm_startswith(word, "containers-storage:"))
		word += strlen("containers-storage:");
	else if (pm_transport_of(word))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%.300s: commit to a name, then push the image there", word);
	return pm_image_new_name(word, ret, err);
}

static int commit_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct commit_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	_cleanup_free_ char *name = NULL;
	char id[65];
	if (!o->no_compression)
		return pm_fail(
			err, PM_E_UNSUPPORTED,
			"--disable-compression=false: layers are compressed when they are pushed");
	bool stamp = pm_cli_given(cli, "timestamp");
	if (stamp && (o->timestamp < 0 || o->timestamp > INT64_MAX / PM_NS_PER_SEC))
		return pm_fail(err, PM_E_USAGE, "--timestamp %lld is no time",
			       (long long)o->timestamp);
	for (size_t i = 0; i < o->annotation.n; i++)
		if (strchr(o->annotation.v[i], '=') <= o->annotation.v[i])
			return pm_fail(err, PM_E_USAGE,
				       "--annotation must be NAME=VALUE, not \"%s\"",
				       o->annotation.v[i]);
	int r = image_name(cli->args[1], &name, err);
	if (r >= 0)
		r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	if (r >= 0)
		r = unset_env(&w, &o->unsetenv, err);
	if (r < 0)
		return r;
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	const struct pm_worker_commit wc = {
		.name = name,
		.docker = strcmp(o->format, "docker") == 0,
		.squash = o->squash,
		.created = stamp ? o->timestamp * PM_NS_PER_SEC : pm_image_now(),
		.clamp = stamp,
		.annotations = o->annotation.n ? &o->annotation : NULL,
		.created_by = o->created_by ? o->created_by : "/bin/sh",
		.comment = o->comment,
		.omit_history = o->omit_history,
		.progress = pm_progress_events(bars),
	};
	r = pm_worker_commit(&w, &wc, id, err);
	pm_progress_clear(bars);
	if (r >= 0 && o->iidfile)
		r = pm_fs_write_file(AT_FDCWD, o->iidfile, id, strlen(id), 0644, false, err);
	if (r >= 0)
		puts(id);
	return r >= 0 && o->rm ? pm_worker_remove(&w, err) : r;
}

const struct pm_command pm_cmd_buildah_commit = {
	.path = "buildah commit",
	.summary = "Create an image from a working container",
	.synopsis = "[options] CONTAINER [IMAGE]",
	.text = "Makes an image of the working container: the layers of its base, one more of what "
		"changed, and its configuration. "
		"The working container stays as it is.",
	.examples = "%p alpine-working-container my-image\n%p --rm --squash "
		    "alpine-working-container quay.io/me/app:1",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct commit_opts),
	.tables = {{commit_table, 0}, {0}},
	.run = commit_run,
};
