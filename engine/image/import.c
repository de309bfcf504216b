#include "engine/image/import.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "engine/image/changes.h"
#include "engine/image/fetch.h"
#include "engine/image/resolve.h"
#include "registry/digest.h"
#include "registry/manifest.h"
#include "storage/image.h"

/* The members in the order in which Go's image-spec writes them. */
static void write_config(struct pm_json_pool *p, const struct pm_json *config,
			 const struct pm_fetch_layer *layer, const struct pm_platform *platform,
			 const char *message, int64_t created, struct pm_buf *out)
{
	char when[40];
	pm_time_format(created, when);
	struct pm_json *root = pm_json_object(p), *rootfs = pm_json_object(p);
	struct pm_json *ids = pm_json_array(p), *history = pm_json_array(p);
	struct pm_json *step = pm_json_object(p);
	pm_json_set_str(p, root, "created", when);
	pm_json_set_str(p, root, "architecture", platform->arch);
	if (platform->variant && *platform->variant)
		pm_json_set_str(p, root, "variant", platform->variant);
	pm_json_set_str(p, root, "os", platform->os);
	pm_json_set(p, root, "config", pm_changes_canonical(p, config));
	pm_json_set_str(p, rootfs, "type", "layers");
	pm_json_add(p, ids, pm_json_str(p, layer->diff_id));
	pm_json_set(p, rootfs, "diff_ids", ids);
	pm_json_set(p, root, "rootfs", rootfs);
	_cleanup_free_ char *by = pm_asprintf("/bin/sh -c #(nop) ADD file:%s in /",
					      pm_digest_hex(layer->diff_id));
	pm_json_set_str(p, step, "created", when);
	pm_json_set_str(p, step, "created_by", by);
	pm_json_set_str(p, step, "comment", message ? message : "imported from tarball");
	pm_json_add(p, history, step);
	pm_json_set(p, root, "history", history);
	pm_json_write(root, 0, out);
}

static void write_manifest(struct pm_json_pool *p, const char *config_digest, size_t config_len,
			   const struct pm_fetch_layer *layer, const struct pm_strv *annotations,
			   struct pm_buf *out)
{
	struct pm_json *root = pm_json_object(p), *config = pm_json_object(p);
	struct pm_json *layers = pm_json_array(p), *l = pm_json_object(p);
	pm_json_set_int(p, root, "schemaVersion", 2);
	pm_json_set_str(p, root, "mediaType", PM_MT_OCI_MANIFEST);
	pm_json_set_str(p, config, "mediaType", PM_MT_OCI_CONFIG);
	pm_json_set_str(p, config, "digest", config_digest);
	pm_json_set_int(p, config, "size", (int64_t)config_len);
	pm_json_set(p, root, "config", config);
	pm_json_set_str(p, l, "mediaType", PM_MT_OCI_LAYER);
	pm_json_set_str(p, l, "digest", layer->diff_id);
	pm_json_set_int(p, l, "size", layer->stream_size);
	pm_json_add(p, layers, l);
	pm_json_set(p, root, "layers", layers);
	for (size_t i = 0; annotations && i < annotations->n; i++) {
		const char *eq = strchr(annotations->v[i], '=');
		struct pm_json *all = pm_json_get(root, "annotations");
		if (!all)
			all = pm_json_set(p, root, "annotations", pm_json_object(p));
		_cleanup_free_ char *name = pm_strndup(annotations->v[i], (size_t)(eq - annotations->v[i]));
		pm_json_set_str(p, all, name, eq + 1);
	}
	pm_json_write(root, 0, out);
}

struct import {
	struct pm_store *store;
	struct pm_stage *stage;
	struct pm_fetch_layer layer;
	struct pm_json_pool *pool;
	struct pm_json *config;
	struct pm_platform platform;
	const char *message;
	const struct pm_strv *annotations;
	char *name; /* NULL: none */
};

static int commit(struct import *im, const struct pm_pull_progress *progress, char ret_id[65],
		  struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf config = PM_BUF_INIT, manifest = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE], manifest_digest[PM_DIGEST_SIZE], chain[65];
	int64_t created = pm_image_now();
	write_config(im->pool, im->config, &im->layer, &im->platform, im->message, created,
		     &config);
	pm_digest_of(config.data, config.len, digest);
	write_manifest(im->pool, digest, config.len, &im->layer, im->annotations, &manifest);
	pm_digest_of(manifest.data, manifest.len, manifest_digest);
	pm_chain_id(NULL, im->layer.diff_id, chain);
	struct pm_image_name name = {im->name, manifest_digest};
	struct pm_image_row row = {
		.id = digest + strlen("sha256:"),
		.digest = manifest_digest,
		.media_type = (char *)PM_MT_OCI_MANIFEST,
		.manifest = manifest.data,
		.manifest_len = manifest.len,
		.config = config.data,
		.config_len = config.len,
		.created = created,
		.size = im->layer.stream_size,
		.top = chain,
		.arch = (char *)im->platform.arch,
		.os = (char *)im->platform.os,
		.variant = (char *)im->platform.variant,
		.names = &name,
		.n_names = im->name ? 1 : 0,
	};
	struct pm_layer_row layer = {
		.chain_id = chain,
		.diff_id = im->layer.diff_id,
		.size = im->layer.stream_size,
		.staged = "0",
	};
	_cleanup_close_ int lock = pm_store_lock(im->store, "layer", chain, PM_LOCK_EXCLUSIVE, true,
						 err);
	if (lock < 0)
		return lock;
	int there = pm_layer_get(im->store, chain, NULL, err);
	if (there < 0)
		return there;
	if (there)
		layer.staged = NULL;
	int r = pm_image_commit(im->store, &row, &layer, 1, im->stage, err);
	if (r < 0)
		return r;
	memcpy(ret_id, row.id, 65);
	if (progress && progress->event) {
		struct pm_pull_event ev = {.kind = PM_PULL_DONE, .digest = digest, .text = im->name};
		progress->event(progress->arg, &ev);
	}
	return 0;
}

static int fetch(struct import *im, int fd, const struct pm_pull_progress *progress,
		 struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire request = PM_WIRE_INIT;
	pm_wire_add(&request, "op", "import");
	return pm_fetch_layer(im->store, im->stage, "0", &request, fd, progress, &im->layer, err);
}

int pm_image_import(struct pm_store *store, const char *path, int fd, const char *reference,
		    const struct pm_import_options *options, const struct pm_pull_progress *progress,
		    char ret_id[65], struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct import im = {
		.store = store,
		.pool = pool,
		.config = pm_json_object(pool),
		.message = options->message && *options->message ? options->message : NULL,
		.annotations = options->annotations,
		.platform = {options->os, options->arch, options->variant},
	};
	pm_platform_default(&im.platform);
	_cleanup_free_ char *name = NULL;
	int r = pm_changes_apply(pool, im.config, options->changes, err);
	if (r >= 0 && reference && *reference)
		r = pm_image_new_name(reference, &name, err);
	if (r < 0)
		return r;
	im.name = name;
	_cleanup_close_ int own = -1;
	if (strcmp(path, "-") != 0) {
		own = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
		if (own < 0)
			return own;
		fd = own;
	}
	r = pm_store_need_dirs(store, err);
	if (r >= 0)
		r = pm_store_need_db(store, err);
	if (r >= 0)
		r = pm_stage_new(store, &im.stage, err);
	if (r >= 0)
		r = fetch(&im, fd, progress, err);
	if (r < 0)
		pm_wrap(err, "import %s", strcmp(path, "-") == 0 ? "standard input" : path);
	else
		r = commit(&im, progress, ret_id, err);
	if (im.stage)
		pm_fetch_drop_stage(store, &im.stage);
	free(im.layer.diff_id);
	free(im.layer.blob);
	return r;
}
