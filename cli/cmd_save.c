#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/progress.h"
#include "engine/events/events.h"
#include "engine/image/push.h"
#include "engine/image/resolve.h"

struct save_opts {
	bool compress, multi, quiet, uncompressed;
	const char *format, *output;
};

static const struct pm_opt save_table[] = {
	{"compress", 0, PM_BOOL(struct save_opts, compress),
	 "Compress tarball image layers when saving to a directory using the 'dir' transport. "
	 "(default is uncompressed)"},
	{"format", 0, PM_CHOICE(struct save_opts, format),
	 "Save image to oci-archive, oci-dir (directory with oci manifest type), docker-archive, "
	 "docker-dir (directory with v2s2 manifest type)",
	 .def = "docker-archive", .choices = "docker-archive|oci-archive|oci-dir|docker-dir"},
	{"multi-image-archive", 'm', PM_BOOL(struct save_opts, multi),
	 "Interpret additional arguments as images not tags and create a multi-image-archive (only "
	 "for docker-archive)"},
	{"output", 'o', PM_STRING(struct save_opts, output),
	 "Write to a specified file (default: stdout, which must be redirected)",
	 .complete = PM_COMPLETE_FILE},
	{"quiet", 'q', PM_BOOL(struct save_opts, quiet), "Suppress the output"},
	{"uncompressed", 0, PM_BOOL(struct save_opts, uncompressed),
	 "Accept uncompressed layers when copying OCI images"},
	{0},
};

/* The images to write, with the names each gets. */
struct saved {
	struct pm_push_image *v;
	struct pm_strv *names;
	size_t n;
};

static void saved_free(struct saved *s)
{
	for (size_t i = 0; i < s->n; i++)
		pm_strv_free(&s->names[i]);
	free(s->names);
	free(s->v);
}

/* An image of several names is in the archive once. */
static int add_image(struct saved *s, const char *id, const char *name)
{
	size_t i = 0;
	while (i < s->n && strcmp(s->v[i].id, id) != 0)
		i++;
	if (i == s->n) {
		memcpy(s->v[i].id, id, sizeof(s->v[i].id));
		s->v[i].names = &s->names[i];
		s->n++;
	}
	if (name && !pm_strv_has(&s->names[i], name))
		pm_strv_add(&s->names[i], name);
	return 0;
}

static int find_images(struct pm_cli *cli, const struct save_opts *o, struct pm_engine *e,
		       struct saved *s, struct pm_err *err)
{
	s->v = pm_calloc((size_t)cli->n_args, sizeof(*s->v));
	s->names = pm_calloc((size_t)cli->n_args, sizeof(*s->names));
	for (int i = 0; i < cli->n_args; i++) {
		_cleanup_free_ char *name = NULL;
		char id[65];
		int r;
		if (i > 0 && !o->multi) { /* a further tag for the first */
			r = pm_image_new_name(cli->args[i], &name, err);
			if (r >= 0)
				r = add_image(s, s->v[0].id, name);
		} else {
			r = pm_image_resolve(e->store, cli->args[i], id, &name, err);
			if (r >= 0)
				r = add_image(s, id, name);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_options(const struct pm_cli *cli, const struct save_opts *o, struct pm_err *err)
{
	bool dir = pm_endswith(o->format, "-dir"), docker = pm_startswith(o->format, "docker");
	if (o->compress && strcmp(o->format, "docker-dir") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "--compress can only be set when --format is 'docker-dir'");
	if (o->multi && strcmp(o->format, "docker-archive") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "--multi-image-archive can only be set when --format is 'docker-archive'");
	if (!o->multi && cli->n_args > 1 && (dir || !docker))
		return pm_fail(err, PM_E_USAGE, "further names are for --format docker-archive only");
	if (o->output && strchr(o->output, ':'))
		return pm_fail(err, PM_E_USAGE, "invalid filename (should not contain ':') \"%s\"",
			       o->output);
	if (!o->output && dir)
		return pm_fail(err, PM_E_USAGE, "--format %s needs --output", o->format);
	if (!o->output && isatty(1))
		return pm_fail(err, PM_E_USAGE,
			       "refusing to save to terminal. Use -o flag or redirect");
	return 0;
}

/* Where it goes: a name for a destination, or a descriptor. */
static int destination(const struct save_opts *o, const struct saved *s,
		       struct pm_push_options *po, char **ret_name, int *ret_fd, struct pm_err *err)
{
	struct stat st;
	bool archive = pm_endswith(o->format, "-archive");
	po->transport = strcmp(o->format, "oci-dir") == 0      ? "oci"
			: strcmp(o->format, "docker-dir") == 0 ? "dir"
							       : o->format;
	po->compression = o->compress ? "gzip" : o->uncompressed ? "none" : NULL;
	po->format = strcmp(o->format, "docker-dir") == 0 ? "v2s2" : NULL;
	if (!o->output) {
		po->output = 1;
	} else if (archive && stat(o->output, &st) == 0 && !S_ISREG(st.st_mode) &&
		   !S_ISDIR(st.st_mode)) {
		/* a pipe or device: nothing to put beside it and rename */
		*ret_fd = pm_fs_open(AT_FDCWD, o->output, O_WRONLY, 0, err);
		if (*ret_fd < 0)
			return *ret_fd;
		po->output = *ret_fd;
	}
	const char *path = o->output ? o->output : "stdout";
	bool named = pm_startswith(o->format, "oci") && s->names[0].n > 0;
	*ret_name = named ? pm_asprintf("%s:%s", path, s->names[0].v[0]) : pm_strdup(path);
	po->name = *ret_name;
	return 0;
}

static int save_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct save_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_(saved_free) struct saved s = {0};
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;
	struct pm_push_options po = PM_PUSH_OPTIONS_INIT;
	int r = check_options(cli, o, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = find_images(cli, o, &e, &s, err);
	if (r >= 0)
		r = destination(o, &s, &po, &name, &fd, err);
	if (r < 0)
		return r;
	/* the others have their one name from the destination's */
	for (size_t i = 0; i < s.n; i++)
		s.v[i].names = strcmp(po.transport, "docker-archive") == 0 ? &s.names[i] : NULL;
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(2, o->quiet);
	r = pm_image_push(e.store, s.v, s.n, &po, pm_progress_events(bars), NULL, err);
	pm_progress_clear(bars);
	for (size_t i = 0; r >= 0 && i < s.n; i++)
		pm_event_image(&e, "save", s.v[i].id, o->output ? o->output : "-");
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_save = {
	.path = "save|image save",
	.summary = "Save image(s) to an archive",
	.synopsis = "[options] IMAGE [IMAGE...]",
	.text = "Save an image to docker-archive or oci-archive on the local machine. Default is "
		"docker-archive.\n"
		"Further arguments are more tags for the image, or with --multi-image-archive more images.",
	.examples = "%p --quiet -o myimage.tar imageID\n"
		    "%p --format docker-dir -o ubuntu-dir ubuntu\n"
		    "%p > alpine-all.tar alpine:latest",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct save_opts),
	.tables = {{save_table, 0}, {0}},
	.run = save_run,
};
