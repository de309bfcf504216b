#include "engine/transfer/pm_store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/transfer/layers.h"
#include "engine/transfer/pack.h"
#include "registry/http.h"

struct layer {
	struct pm_session *session;
	const char *diff_id, *dir;
	struct pm_pack pack;
};

struct delivery {
	struct pm_buf texts; /* manifest, then config */
	size_t manifest_size;
	struct pm_strv names, diff_ids, dirs;
	struct layer *layers;
	size_t n;
};

static int malformed(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "malformed request");
}

/* A packer that writes the layer's tar into what is returned. */
static int open_layer(void *arg, struct pm_err *err)
{
	struct layer *l = arg;
	const struct pm_session *s = l->session;
	struct pm_pack_spec spec = PM_PACK_SPEC_INIT;
	_cleanup_close_ int spool = -1;
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, l->dir, O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	_cleanup_close_ int diff = pm_fs_open(dir, "diff", O_PATH | O_DIRECTORY, 0, err);
	if (diff < 0)
		return diff;
	_cleanup_close_ int recipe = pm_fs_open(dir, "recipe", O_RDONLY | O_NOFOLLOW, 0, err);
	if (recipe < 0)
		return recipe;
	if (s->stage >= 0)
		spool = openat(s->stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	spec.diff = diff;
	spec.recipe = recipe;
	spec.spool = spool;
	spec.userns = s->userns;
	spec.diff_id = l->diff_id;
	int r = pm_pack_spawn(NULL, &spec, &l->pack, err);
	return r < 0 ? r : pm_steal_fd(&l->pack.output);
}

static int get_manifest(void *arg, const char *digest, int64_t size, struct pm_buf *out,
			char **ret_type, struct pm_err *err)
{
	(void)arg;
	(void)size;
	(void)out;
	(void)ret_type;
	return pm_fail(err, PM_E_NOSUCH, "manifest %s is not in that store", digest);
}

static int get_config(void *arg, const struct pm_descriptor *d, struct pm_buf *out,
		      struct pm_err *err)
{
	const struct delivery *v = arg;
	size_t len = v->texts.len - v->manifest_size;
	if ((int64_t)len != d->size)
		return pm_fail(err, PM_E_DIGEST, "config %s has %zu bytes, not %lld", d->digest, len,
			       (long long)d->size);
	pm_buf_add(out, v->texts.data + v->manifest_size, len);
	return pm_digest_verify(out->data, out->len, d->digest, "config", err);
}

static int parse(struct pm_session *s, struct delivery *v, struct pm_err *err)
{
	int64_t size = -1;
	pm_wire_get_list(&s->request, "image_name", &v->names);
	pm_wire_get_list(&s->request, "diff_id", &v->diff_ids);
	pm_wire_get_list(&s->request, "layer_dir", &v->dirs);
	int r = pm_wire_get_int(&s->request, "manifest_size", -1, &size, err);
	if (r >= 0)
		r = pm_fs_read_fd(s->input, PM_MANIFEST_MAX + PM_CONFIG_MAX, &v->texts, err);
	if (r < 0)
		return r;
	if (size < 0 || (size_t)size > v->texts.len || v->dirs.n != v->diff_ids.n)
		return malformed(err);
	v->manifest_size = (size_t)size;
	v->n = v->dirs.n;
	v->layers = pm_calloc(v->n + 1, sizeof(*v->layers));
	for (size_t i = 0; i < v->n; i++)
		v->layers[i] = (struct layer){.session = s,
					      .diff_id = v->diff_ids.v[i],
					      .dir = v->dirs.v[i],
					      .pack = PM_PACK_INIT};
	return 0;
}

/* End the packers; where fetching failed, the error of the one that caused it. */
static int end_packers(struct delivery *v, int r, struct pm_err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		struct pm_pack *p = &v->layers[i].pack;
		struct pm_pack_result result;
		struct pm_err why = PM_ERR_INIT;
		if (p->pid <= 0)
			continue;
		if (r >= 0 || r == -PM_E_CANCELLED)
			pm_pack_cancel(p);
		else if (pm_pack_finish(p, &result, &why) < 0 && why.code != PM_E_CANCELLED)
			return end_packers(v, pm_fail(err, why.code, "layer %s: %s",
						      v->layers[i].diff_id, why.text), NULL);
	}
	return r;
}

static int send(struct pm_session *s, struct delivery *v, struct pm_tx_image *i, struct pm_err *err)
{
	const char *where = pm_wire_get(&s->request, "name");
	struct pm_tx_source source = {get_manifest, get_config, v};
	_cleanup_buf_ struct pm_buf manifest = PM_BUF_INIT;
	struct pm_http *http; /* for its loop only */
	pm_buf_add(&manifest, v->texts.data, v->manifest_size);
	pm_strv_add_all(&i->names, pm_strv_argv(&v->names));
	int r = pm_tx_image_fill(s, i, &manifest, NULL, &source, err);
	if (r >= 0 && i->n_layers != v->n)
		r = malformed(err);
	for (size_t k = 0; r >= 0 && k < v->n; k++) {
		if (!pm_streq(i->layers[k].diff_id, v->layers[k].diff_id))
			return malformed(err);
		i->layers[k].open = open_layer;
		i->layers[k].open_arg = &v->layers[k];
		/* what is its blob elsewhere only the manifest says */
		i->layers[k].digest[0] = '\0';
		i->layers[k].size = -1;
	}
	if (r >= 0)
		r = pm_session_offer(s, i, err);
	if (r >= 0)
		r = pm_http_new(60, &http, err);
	if (r < 0)
		return r;
	r = pm_layers_fetch(s, i, http, NULL, where ? where : "", false, err);
	pm_http_free(http);
	r = end_packers(v, r, err);
	return r < 0 ? r : pm_session_ready(s, err);
}

int pm_pm_store_send(struct pm_session *s, struct pm_err *err)
{
	struct delivery v = {0};
	_cleanup_tx_image_ struct pm_tx_image i = {0};
	int r = parse(s, &v, err);
	if (r >= 0)
		r = send(s, &v, &i, err);
	pm_buf_free(&v.texts);
	pm_strv_free(&v.names);
	pm_strv_free(&v.diff_ids);
	pm_strv_free(&v.dirs);
	free(v.layers);
	return r;
}
