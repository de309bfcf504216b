#include "cli/inspect_remote.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "engine/image/pull.h"
#include "engine/image/query.h"
#include "engine/image/stored.h"

const struct pm_opt pm_inspect_remote_table[] = {
	{"config", 0, PM_BOOL(struct pm_inspect_remote_opts, config),
	 "Output the configuration (TRANSPORT:IMAGE only)"},
	{"daemon-host", 0, PM_STRING(struct pm_inspect_remote_opts, daemon_host),
	 "Use docker daemon host at HOST (docker-daemon: only)", .arg = "HOST"},
	{"no-tags", 'n', PM_BOOL(struct pm_inspect_remote_opts, no_tags),
	 "Do not list the available tags of the repository (docker:// only)"},
	{"override-arch", 0, PM_STRING(struct pm_inspect_remote_opts, arch),
	 "Use ARCH instead of the architecture of the machine for choosing images", .arg = "ARCH"},
	{"override-os", 0, PM_STRING(struct pm_inspect_remote_opts, os),
	 "Use OS instead of the running OS for choosing images", .arg = "OS"},
	{"override-variant", 0, PM_STRING(struct pm_inspect_remote_opts, variant),
	 "Use VARIANT instead of the running architecture variant for choosing images",
	 .arg = "VARIANT"},
	{"raw", 0, PM_BOOL(struct pm_inspect_remote_opts, raw),
	 "Output the raw manifest, or with --config the raw configuration (TRANSPORT:IMAGE only)"},
	{"retry-times", 0, PM_INT(struct pm_inspect_remote_opts, retry_times),
	 "The number of times to possibly retry", .def = "3"},
	{"shared-blob-dir", 0, PM_STRING(struct pm_inspect_remote_opts, shared_blob_dir),
	 "DIRECTORY to use to share blobs across OCI repositories", .arg = "DIRECTORY",
	 .complete = PM_COMPLETE_DIR},
	{0},
};

int pm_inspect_remote_unused(const struct pm_cli *cli, struct pm_err *err)
{
	const struct pm_opt *const tables[] = {pm_inspect_remote_table, pm_remote_table};
	for (size_t i = 0; i < PM_ARRAY_SIZE(tables); i++) {
		for (const struct pm_opt *o = tables[i]; o->name; o++) {
			if (pm_cli_given(cli, o->name))
				return pm_fail(err, PM_E_USAGE,
					       "--%s is for images elsewhere (docker://..., oci:...), not "
					       "for stored ones",
					       o->name);
		}
	}
	return 0;
}

static void copy_str(struct pm_json_pool *pool, struct pm_json *to, const char *as,
		     const struct pm_json *from, const char *name)
{
	const char *s = pm_json_get_str(from, name);
	pm_json_set_str(pool, to, as, s ? s : "");
}

static struct pm_json *copy_or_null(struct pm_json_pool *pool, const struct pm_json *v)
{
	return v ? pm_json_copy(pool, v) : pm_json_null(pool);
}

/* Layers' digests, and what the manifest says of each. */
static void add_layers(struct pm_json_pool *pool, struct pm_json *out, const struct pm_json *manifest)
{
	const struct pm_json *layers = pm_json_get(manifest, "layers");
	struct pm_json *digests = pm_json_array(pool), *data = pm_json_array(pool);
	for (size_t i = 0; i < pm_json_len(layers); i++) {
		const struct pm_json *l = pm_json_at(layers, i);
		struct pm_json *d = pm_json_object(pool);
		const char *digest = pm_json_get_str(l, "digest");
		pm_json_add(pool, digests, pm_json_str(pool, digest));
		copy_str(pool, d, "MIMEType", l, "mediaType");
		pm_json_set_str(pool, d, "Digest", digest);
		pm_json_set_int(pool, d, "Size", pm_json_get_int(l, "size", -1));
		pm_json_set(pool, d, "Annotations", copy_or_null(pool, pm_json_get(l, "annotations")));
		pm_json_add(pool, data, d);
	}
	pm_json_set(pool, out, "Layers", digests);
	pm_json_set(pool, out, "LayersData", data);
}

static int describe(struct pm_json_pool *pool, const struct pm_remote_image *i, struct pm_json **ret,
		    struct pm_err *err)
{
	struct pm_json *manifest, *config, *out = pm_json_object(pool);
	int r = pm_json_parse(pool, pm_buf_str(&i->image), i->image.len, &manifest, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&i->config), i->config.len, &config, err);
	if (r < 0)
		return r;
	const struct pm_json *c = pm_json_get(config, "config");
	if (*i->name)
		pm_json_set_str(pool, out, "Name", i->name);
	pm_json_set_str(pool, out, "Digest", i->digest);
	pm_json_set(pool, out, "RepoTags", pm_json_strv(pool, &i->tags));
	pm_json_set(pool, out, "Created", copy_or_null(pool, pm_json_get(config, "created")));
	copy_str(pool, out, "DockerVersion", config, "docker_version");
	pm_json_set(pool, out, "Labels", copy_or_null(pool, pm_json_get(c, "Labels")));
	copy_str(pool, out, "Architecture", config, "architecture");
	if (pm_json_get_str(config, "variant"))
		copy_str(pool, out, "Variant", config, "variant");
	copy_str(pool, out, "Os", config, "os");
	add_layers(pool, out, manifest);
	pm_json_set(pool, out, "Env", copy_or_null(pool, pm_json_get(c, "Env")));
	if (pm_json_get_str(config, "author"))
		copy_str(pool, out, "Author", config, "author");
	*ret = out;
	return 0;
}

static int print(const struct pm_json *v, const char *format, struct pm_err *err)
{
	static const char *const maps[] = {"Labels", "Annotations", "config", NULL};
	static const char *const times[] = {"Created", "created", NULL};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	static const char *const lists[] = {"Env", "RepoTags", NULL};
	pm_template_hint((struct pm_json *)v, &(struct pm_template_types){maps, lists, times});
	struct pm_format f = {
		.name = "inspect",
		.format = format && *format ? format : "json",
		.json_indent = 4,
		.terminal = isatty(1),
		.opts = {.type = "main.inspectOutput", .fold_case = true},
	};
	int r = pm_format_one(&f, v, &out, err);
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

static const char storage[] = "containers-storage:";

/* A store is asked by its rows: what would say how to come to a registry says nothing. */
static int inspect_stored(struct pm_cli *cli, const char *name, struct pm_remote_image *ret,
			  struct pm_err *err)
{
	static const char *const unused[] = {"override-os", "override-arch", "override-variant",
					     "shared-blob-dir", "daemon-host"};
	_cleanup_engine_ struct pm_engine e = {0};
	for (size_t i = 0; i < PM_ARRAY_SIZE(unused); i++) {
		if (pm_cli_given(cli, unused[i]))
			return pm_fail(err, PM_E_USAGE, "--%s cannot be used with %s", unused[i], storage);
	}
	int r = pm_cli_engine(cli, &e, err);
	return r < 0 ? r : pm_stored_inspect(e.store, name + strlen(storage), ret, err);
}

int pm_inspect_remote(struct pm_cli *cli, const struct pm_inspect_remote_opts *o, const char *name,
		      const char *format, struct pm_err *err)
{
	_cleanup_secret_ char *secret = NULL;
	_cleanup_remote_image_ struct pm_remote_image i = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_query_options q = {
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
		.shared_blob_dir = o->shared_blob_dir,
		.daemon_host = o->daemon_host,
	};
	struct pm_json *v;
	if (o->raw && format && *format && !pm_format_is_json(format))
		return pm_fail(err, PM_E_USAGE, "--raw and --format exclude each other");
	int r = pm_remote_from(cli, &o->remote, "", NULL, &q.remote, &secret, err);
	if (r < 0)
		return r;
	q.remote.retries = o->retry_times;
	r = pm_startswith(name, storage)
		    ? inspect_stored(cli, name, &i, err)
		    : pm_query_inspect(name, &q, o->raw && !o->config, !o->no_tags && !o->config, &i, err);
	if (r < 0)
		return r;
	if (o->raw) {
		const struct pm_buf *text = o->config ? &i.config : &i.manifest;
		fwrite(pm_buf_str(text), 1, text->len, stdout);
		return 0;
	}
	r = o->config ? pm_json_parse(pool, pm_buf_str(&i.config), i.config.len, &v, err)
		      : describe(pool, &i, &v, err);
	return r < 0 ? r : print(v, format, err);
}
