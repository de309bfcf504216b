#include "engine/transfer/commit.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/image/pull.h"
#include "engine/transfer/layers.h"
#include "engine/transfer/pack.h"

static int open_dir(const char *path, struct pm_err *err)
{
	/* whoever it belongs to: only the packer, inside the user namespace, reads it */
	return pm_fs_open(AT_FDCWD, path ? path : "", O_PATH | O_DIRECTORY, 0, err);
}

static int transfer(struct pm_session *s, const struct pm_pack_spec *spec, struct pm_err *err)
{
	struct pm_pack pack = PM_PACK_INIT;
	struct pm_pack_result packed;
	struct pm_extract_spec extract = PM_EXTRACT_SPEC_INIT;
	struct pm_extract_result res;
	struct pm_err pack_err = PM_ERR_INIT;
	int r = pm_pack_spawn(NULL, spec, &pack, err);
	if (r < 0)
		return r;
	r = pm_layers_import(s, pack.output, &extract, &res, err);
	if (r == -PM_E_CANCELLED) {
		pm_pack_cancel(&pack);
		return r;
	}
	/* why the stream ended says more than that it did */
	int p = pm_pack_finish(&pack, &packed, &pack_err);
	if (p < 0 && p != -PM_E_CANCELLED)
		return pm_fail(err, pack_err.code, "%s", pack_err.text);
	if (r < 0)
		return r;
	if (p < 0 || packed.stream_size != res.stream_size)
		return pm_fail(err, PM_E_INTERNAL, "the layer that was stored is not the one that was made");
	return pm_session_send_layer(s, 0, res.diff_id, res.blob_digest, res.blob_size,
				     res.stream_size, err);
}

int pm_commit_serve(struct pm_session *s, struct pm_err *err)
{
	struct pm_pack_spec spec = PM_PACK_SPEC_INIT;
	_cleanup_strv_ struct pm_strv base = PM_STRV_INIT, uids = PM_STRV_INIT, gids = PM_STRV_INIT;
	_cleanup_idmaps_ struct pm_idmaps maps = {0};
	int64_t merged = 0, copied = 0;
	pm_wire_get_list(&s->request, "base", &base);
	pm_wire_get_list(&s->request, "uids", &uids);
	pm_wire_get_list(&s->request, "gids", &gids);
	int r = pm_idmaps_decode(&uids, &gids, &maps, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "merged", 0, &merged, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "copied", 0, &copied, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "mtime", -1, &spec.mtime, err);
	if (r < 0)
		return r;
	_cleanup_close_ int tree = open_dir(pm_wire_get(&s->request, "tree"), err);
	if (tree < 0)
		return tree;
	int *fds = pm_calloc(base.n + 1, sizeof(*fds));
	size_t n = 0;
	for (; r >= 0 && n < base.n; n += r >= 0) {
		r = fds[n] = open_dir(base.v[n], err);
	}
	if (r >= 0) {
		spec.diff = tree;
		spec.userns = s->userns;
		spec.merged = merged != 0;
		spec.owners = uids.n ? &maps : NULL;
		/* a whole copy holds all that the merged tree has */
		spec.base = (copied != 0) == (merged != 0) ? NULL : fds;
		spec.n_base = spec.base ? n : 0;
		r = pm_session_send_progress(s, 0, 0, 0, PM_LAYER_DOWNLOADING, err);
	}
	if (r >= 0)
		r = transfer(s, &spec, err);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	return r;
}
