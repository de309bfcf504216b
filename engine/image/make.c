#include "engine/image/make.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "registry/digest.h"
#include "registry/manifest.h"

static void write_config(const struct pm_image_make *m, struct pm_buf *out)
{
	char when[40];
	pm_time_format(m->created, when);
	struct pm_json *rootfs = pm_json_object(m->pool), *ids = pm_json_array(m->pool);
	for (size_t i = 0; i < m->n_below; i++)
		pm_json_add(m->pool, ids, pm_json_str(m->pool, m->below[i].diff_id));
	if (m->layer)
		pm_json_add(m->pool, ids, pm_json_str(m->pool, m->layer->diff_id));
	pm_json_set_str(m->pool, rootfs, "type", "layers");
	pm_json_set(m->pool, rootfs, "diff_ids", ids);
	pm_json_set(m->pool, m->config, "rootfs", rootfs);
	pm_json_set_str(m->pool, m->config, "created", when);
	pm_json_write(m->config, 0, out);
}

static void add_layer(const struct pm_image_make *m, struct pm_json *layers, const char *diff_id, int64_t size)
{
	struct pm_json *l = pm_json_add(m->pool, layers, pm_json_object(m->pool));
	pm_json_set_str(m->pool, l, "mediaType", m->docker ? PM_MT_DOCKER_LAYER : PM_MT_OCI_LAYER);
	pm_json_set_str(m->pool, l, "digest", diff_id);
	pm_json_set_int(m->pool, l, "size", size);
}

static void add_annotations(const struct pm_image_make *m, struct pm_json *root)
{
	if (!m->annotations || !m->annotations->n || m->docker)
		return;
	struct pm_json *map = pm_json_set(m->pool, root, "annotations", pm_json_object(m->pool));
	for (size_t i = 0; i < m->annotations->n; i++) {
		_cleanup_free_ char *name = pm_strdup(m->annotations->v[i]);
		char *eq = strchr(name, '=');
		if (eq)
			*eq = '\0';
		pm_json_set_str(m->pool, map, name, eq ? eq + 1 : "");
	}
}

static void write_manifest(const struct pm_image_make *m, const char *config_digest, size_t config_len,
			   struct pm_buf *out)
{
	struct pm_json_pool *p = m->pool;
	struct pm_json *root = pm_json_object(p), *config = pm_json_object(p);
	struct pm_json *layers = pm_json_array(p);
	pm_json_set_int(p, root, "schemaVersion", 2);
	pm_json_set_str(p, root, "mediaType", m->docker ? PM_MT_DOCKER_MANIFEST : PM_MT_OCI_MANIFEST);
	pm_json_set_str(p, config, "mediaType", m->docker ? PM_MT_DOCKER_CONFIG : PM_MT_OCI_CONFIG);
	pm_json_set_str(p, config, "digest", config_digest);
	pm_json_set_int(p, config, "size", (int64_t)config_len);
	pm_json_set(p, root, "config", config);
	for (size_t i = 0; i < m->n_below; i++)
		add_layer(m, layers, m->below[i].diff_id, m->below[i].size);
	if (m->layer)
		add_layer(m, layers, m->layer->diff_id, m->layer->stream_size);
	pm_json_set(p, root, "layers", layers);
	add_annotations(m, root);
	pm_json_write(root, 0, out);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The image's layers with their chain ids, and their locks in the order of these: what is there stays, what is new is
 * ours. */
struct layers {
	struct pm_layer_row *v;
	char (*chain)[65];
	char **sorted;
	int *locks;
	size_t n, locked;
};

static void layers_free(struct layers *l)
{
	for (size_t i = 0; i < l->locked; i++)
		close(l->locks[i]);
	free(l->locks);
	free(l->sorted);
	free(l->chain);
	free(l->v);
}

static void layers_fill(const struct pm_image_make *m, struct layers *l)
{
	l->n = m->n_below + (m->layer ? 1 : 0);
	l->v = pm_calloc(l->n + 1, sizeof(*l->v));
	l->chain = pm_calloc(l->n + 1, sizeof(*l->chain));
	l->sorted = pm_calloc(l->n + 1, sizeof(*l->sorted));
	l->locks = pm_calloc(l->n + 1, sizeof(*l->locks));
	for (size_t i = 0; i < l->n; i++) {
		if (i < m->n_below)
			l->v[i] = m->below[i];
		else
			l->v[i] = (struct pm_layer_row){.diff_id = m->layer->diff_id,
							.size = m->layer->stream_size,
							.staged = m->layer_dir};
		pm_layer_chain_id(i ? l->chain[i - 1] : NULL, l->v[i].diff_id, l->chain[i]);
		l->v[i].chain_id = l->sorted[i] = l->chain[i];
		l->v[i].parent = i ? l->chain[i - 1] : NULL;
	}
	qsort(l->sorted, l->n, sizeof(*l->sorted), by_name);
}

static int store_image(struct pm_store *s, const struct pm_image_make *m, struct pm_image_row *row,
		       struct pm_err *err)
{
	_cleanup_(layers_free) struct layers l = {0};
	layers_fill(m, &l);
	const char *top = l.n ? l.chain[l.n - 1] : NULL;
	int r = 0;
	for (size_t i = 0; i < l.n; i++)
		row->size += l.v[i].size;
	row->top = (char *)top;
	for (; r >= 0 && l.locked < l.n; l.locked += r >= 0)
		r = l.locks[l.locked] = pm_store_lock(s, "layer", l.sorted[l.locked],
						      m->layer && l.sorted[l.locked] == top
							      ? PM_LOCK_EXCLUSIVE
							      : PM_LOCK_SHARED,
						      true, err);
	if (r >= 0 && m->layer) {
		r = pm_layer_get(s, top, NULL, err);
		if (r == 1)
			l.v[l.n - 1].staged = NULL;
	}
	return r < 0 ? r : pm_image_commit(s, row, l.v, l.n, m->stage, err);
}

int pm_image_make(struct pm_store *s, const struct pm_image_make *m, char ret_id[65], struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf config = PM_BUF_INIT, manifest = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE], manifest_digest[PM_DIGEST_SIZE];
	write_config(m, &config);
	pm_digest_of(config.data, config.len, digest);
	write_manifest(m, digest, config.len, &manifest);
	pm_digest_of(manifest.data, manifest.len, manifest_digest);
	struct pm_image_name name = {(char *)m->name, manifest_digest};
	struct pm_image_row row = {
		.id = digest + strlen("sha256:"),
		.digest = manifest_digest,
		.media_type = (char *)(m->docker ? PM_MT_DOCKER_MANIFEST : PM_MT_OCI_MANIFEST),
		.manifest = manifest.data,
		.manifest_len = manifest.len,
		.config = config.data,
		.config_len = config.len,
		.created = m->created,
		.arch = (char *)m->arch,
		.os = (char *)m->os,
		.variant = (char *)m->variant,
		.names = &name,
		.n_names = m->name ? 1 : 0,
	};
	struct pm_pull_event ev = {.kind = PM_PULL_CONFIG, .digest = digest};
	if (m->progress && m->progress->event) {
		m->progress->event(m->progress->arg, &ev);
		ev.kind = PM_PULL_COMMIT;
		m->progress->event(m->progress->arg, &ev);
	}
	int r = store_image(s, m, &row, err);
	if (r >= 0)
		memcpy(ret_id, row.id, 65);
	return r < 0 ? r : 0;
}
