#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/container/list.h"
#include "engine/system/disk.h"
#include "registry/reference.h"
#include "storage/image.h"
#include "storage/usage.h"
#include "storage/volume.h"

struct df_opts {
	bool verbose;
	const char *format;
};

static const struct pm_opt df_table[] = {
	{"format", 0, PM_STRING(struct df_opts, format),
	 "Pretty-print images using a Go template, or json", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Active|.RawReclaimable|.RawSize|.Reclaimable|.Size|.Total|.Type"},
	{"verbose", 'v', PM_BOOL(struct df_opts, verbose), "Show detailed information on disk usage"},
	{0},
};

/* Everything there is, with sizes. */
struct df {
	struct pm_engine *e;
	struct pm_json_pool *pool;
	struct pm_usage images;
	struct pm_image_list rows;
	struct pm_ctr_list ctrs;
	struct pm_volume_list volumes;
	int64_t *ctr_sizes, *volume_sizes; /* the second is a part of the first's memory */
	size_t *ctr_volumes, *volume_users; /* the same */
};

static void df_free(struct df *d)
{
	pm_usage_free(&d->images);
	pm_image_list_free(&d->rows);
	pm_ctr_list_free(&d->ctrs);
	pm_volume_list_free(&d->volumes);
	free(d->ctr_sizes);
	free(d->ctr_volumes);
}

static int count_volume_users(struct df *d, struct pm_err *err)
{
	for (size_t i = 0; i < d->volumes.n; i++) {
		_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
		int r = pm_volume_users(d->e->store, d->volumes.v[i].name, &users, err);
		if (r < 0)
			return r;
		d->volume_users[i] = users.n;
		for (size_t k = 0; k < d->ctrs.n; k++)
			d->ctr_volumes[k] += pm_strv_has(&users, d->ctrs.v[k].id);
	}
	return 0;
}

static int df_load(struct df *d, struct pm_err *err)
{
	struct pm_store *s = d->e->store;
	_cleanup_strv_ struct pm_strv paths = PM_STRV_INIT;
	int r = pm_usage_load(s, &d->images, err);
	if (r >= 0)
		r = pm_image_list(s, 0, &d->rows, err);
	if (r >= 0)
		r = pm_ctr_list(s, 0, &d->ctrs, err);
	if (r >= 0)
		r = pm_volume_list(s, &d->volumes, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d->ctrs.n; i++)
		pm_strv_addf(&paths, "containers/%s/upper", d->ctrs.v[i].id);
	for (size_t i = 0; i < d->volumes.n; i++)
		pm_strv_take(&paths, pm_volume_path(s, &d->volumes.v[i]));
	d->ctr_sizes = pm_calloc(paths.n + 1, sizeof(*d->ctr_sizes));
	d->volume_sizes = d->ctr_sizes + d->ctrs.n;
	d->ctr_volumes = pm_calloc(paths.n + 1, sizeof(*d->ctr_volumes));
	d->volume_users = d->ctr_volumes + d->ctrs.n;
	r = count_volume_users(d, err);
	return r < 0 ? r : pm_disk_sizes(d->e, &paths, d->ctr_sizes, err);
}

/* --- the summary ------------------------------------------------------------------------------- */

static void add_summary(struct df *d, struct pm_json *rows, const char *type, size_t total,
			size_t active, int64_t size, int64_t reclaimable)
{
	struct pm_json_pool *p = d->pool;
	struct pm_json *o = pm_json_add(p, rows, pm_json_object(p));
	char text[PM_TIME_SIZE], part[PM_TIME_SIZE];
	pm_size_human((double)reclaimable, false, part);
	int percent = size > 0 ? (int)(100.0 * (double)reclaimable / (double)size) : 0;
	_cleanup_free_ char *shown = pm_asprintf("%s (%d%%)", part, percent);
	pm_json_set_str(p, o, "Type", type);
	pm_json_set_int(p, o, "Total", (int64_t)total);
	pm_json_set_int(p, o, "Active", (int64_t)active);
	pm_json_set_int(p, o, "RawSize", size);
	pm_json_set_int(p, o, "RawReclaimable", reclaimable);
	pm_json_set_int(p, o, "TotalCount", (int64_t)total);
	pm_json_set_str(p, o, "Size", pm_size_human((double)size, false, text));
	pm_json_set_str(p, o, "Reclaimable", shown);
}

static bool is_running(struct df *d, const struct pm_ctr_row *row)
{
	struct pm_ctr_state st;
	pm_container_state(d->e, row, &st);
	return st.status == PM_STATUS_RUNNING || st.status == PM_STATUS_STARTING;
}

static struct pm_json *summary(struct df *d)
{
	struct pm_json *rows = pm_json_array(d->pool);
	size_t active = 0;
	int64_t size = 0, reclaimable = 0;
	for (size_t i = 0; i < d->images.n; i++)
		active += d->images.v[i].containers > 0;
	add_summary(d, rows, "Images", d->images.n, active, d->images.total, d->images.reclaimable);

	active = 0;
	for (size_t i = 0; i < d->ctrs.n; i++) {
		bool running = is_running(d, &d->ctrs.v[i]);
		active += running;
		size += d->ctr_sizes[i];
		reclaimable += running ? 0 : d->ctr_sizes[i];
	}
	add_summary(d, rows, "Containers", d->ctrs.n, active, size, reclaimable);

	active = 0;
	size = reclaimable = 0;
	for (size_t i = 0; i < d->volumes.n; i++) {
		bool used = d->volume_users[i] > 0;
		active += used;
		size += d->volume_sizes[i];
		reclaimable += used ? 0 : d->volume_sizes[i];
	}
	add_summary(d, rows, "Local Volumes", d->volumes.n, active, size, reclaimable);
	return rows;
}

/* --- in detail --------------------------------------------------------------------------------- */

static void set_size(struct df *d, struct pm_json *o, const char *name, int64_t bytes)
{
	char text[PM_TIME_SIZE];
	pm_json_set_str(d->pool, o, name, pm_size_human((double)bytes, false, text));
}

static void set_age(struct df *d, struct pm_json *o, int64_t created)
{
	char text[PM_TIME_SIZE];
	pm_json_set_str(d->pool, o, "Created", pm_duration_human(pm_time_now() - created, text));
}

static void set_short(struct df *d, struct pm_json *o, const char *name, const char *id)
{
	char text[PM_SHORT_ID + 1];
	snprintf(text, sizeof(text), "%.12s", id);
	pm_json_set_str(d->pool, o, name, text);
}

static void add_image(struct df *d, struct pm_json *rows, const struct pm_image_row *row,
		      const char *name)
{
	struct pm_json_pool *p = d->pool;
	const struct pm_image_usage *u = pm_usage_of(&d->images, row->id);
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	bool named = name && pm_reference_parse(name, &ref, NULL) >= 0;
	if (!u) /* made since */
		return;
	_cleanup_free_ char *repo = named ? pm_reference_name(&ref) : pm_strdup("<none>");
	struct pm_json *o = pm_json_add(p, rows, pm_json_object(p));
	pm_json_set_str(p, o, "Repository", repo);
	pm_json_set_str(p, o, "Tag", named && ref.tag ? ref.tag : "<none>");
	set_short(d, o, "ImageID", row->id);
	set_age(d, o, row->created);
	set_size(d, o, "Size", row->size);
	set_size(d, o, "SharedSize", row->size - u->unique);
	set_size(d, o, "UniqueSize", u->unique);
	pm_json_set_int(p, o, "Containers", u->containers);
}

static struct pm_json *images_in_detail(struct df *d)
{
	struct pm_json *rows = pm_json_array(d->pool);
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct pm_image_row *row = &d->rows.v[i];
		for (size_t k = 0; k < row->n_names; k++)
			add_image(d, rows, row, row->names[k].name);
		if (!row->n_names)
			add_image(d, rows, row, NULL);
	}
	return rows;
}

static struct pm_json *containers_in_detail(struct df *d)
{
	struct pm_json_pool *p = d->pool;
	struct pm_json *rows = pm_json_array(p);
	for (size_t i = 0; i < d->ctrs.n; i++) {
		const struct pm_ctr_row *row = &d->ctrs.v[i];
		struct pm_json *o = pm_json_add(p, rows, pm_json_object(p)), *words;
		struct pm_ctr_state st;
		_cleanup_strv_ struct pm_strv command = PM_STRV_INIT;
		pm_container_state(d->e, row, &st);
		if (row->command &&
		    pm_json_parse(p, row->command, strlen(row->command), &words, NULL) >= 0)
			pm_json_to_strv(words, &command, NULL);
		_cleanup_free_ char *text = pm_strv_join(&command, " ");
		set_short(d, o, "ContainerID", row->id);
		set_short(d, o, "Image", row->image_id ? row->image_id : "");
		pm_json_set_str(p, o, "Command", text);
		pm_json_set_int(p, o, "LocalVolumes", (int64_t)d->ctr_volumes[i]);
		set_size(d, o, "Size", d->ctr_sizes[i]);
		set_age(d, o, row->created);
		pm_json_set_str(p, o, "Status", pm_ctr_status_name(st.status));
		pm_json_set_str(p, o, "Names", row->name);
	}
	return rows;
}

static struct pm_json *volumes_in_detail(struct df *d)
{
	struct pm_json *rows = pm_json_array(d->pool);
	for (size_t i = 0; i < d->volumes.n; i++) {
		struct pm_json *o = pm_json_add(d->pool, rows, pm_json_object(d->pool));
		pm_json_set_str(d->pool, o, "VolumeName", d->volumes.v[i].name);
		pm_json_set_int(d->pool, o, "Links", (int64_t)d->volume_users[i]);
		set_size(d, o, "Size", d->volume_sizes[i]);
	}
	return rows;
}

/* --- output ------------------------------------------------------------------------------------ */

static int print(const struct pm_json *rows, const char *format, const char *table,
		 struct pm_err *err)
{
	static const char *const headings[] = {"ContainerID", "CONTAINER ID", "ImageID", "IMAGE ID",
					       "LocalVolumes", "LOCAL VOLUMES", "SharedSize",
					       "SHARED SIZE", "UniqueSize", "UNIQUE SIZE",
					       "VolumeName", "VOLUME NAME", NULL};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_format f = {
		.name = "df",
		.format = format,
		.table_default = table,
		.headings = headings,
		.terminal = isatty(1),
		.opts = {.type = "system.dfSummary"},
	};
	int r = pm_format_list(&f, rows, &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

static int print_details(struct df *d, struct pm_err *err)
{
	puts("Images space usage:\n");
	int r = print(images_in_detail(d), NULL,
		      "table {{.Repository}}\t{{.Tag}}\t{{.ImageID}}\t{{.Created}}\t{{.Size}}\t"
		      "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
		      err);
	if (r < 0)
		return r;
	puts("\nContainers space usage:\n");
	r = print(containers_in_detail(d), NULL,
		  "table {{.ContainerID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
		  "{{.Created}}\t{{.Status}}\t{{.Names}}",
		  err);
	if (r < 0)
		return r;
	puts("\nLocal Volumes space usage:\n");
	return print(volumes_in_detail(d), NULL, "table {{.VolumeName}}\t{{.Links}}\t{{.Size}}", err);
}

static int df_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct df_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_(df_free) struct df d = {.e = &e, .pool = pool};
	if (o->verbose && o->format)
		return pm_fail(err, PM_E_USAGE, "cannot combine --format and --verbose flags");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = df_load(&d, err);
	if (r < 0)
		return r;
	if (o->verbose)
		return print_details(&d, err);
	return print(summary(&d), o->format,
		     "table {{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", err);
}

const struct pm_command pm_cmd_system_df = {
	.path = "system df",
	.summary = "Show pm disk usage",
	.synopsis = "[options]",
	.text = "Shows how much of the disk images, containers and volumes use. Of images, layers that "
		"several share are counted once, as their sizes were when they came; reclaimable are "
		"those that no image with a container has.",
	.examples = "%p\n%p -v\n%p --format '{{.Type}} {{.Size}}'",
	.max_args = 0,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct df_opts),
	.tables = {{df_table, 0}, {0}},
	.run = df_run,
};
