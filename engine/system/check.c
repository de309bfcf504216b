#include "engine/system/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/wire.h"
#include "engine/container/remove.h"
#include "engine/image/helper.h"
#include "engine/image/remove.h"
#include "netns/userns.h"
#include "storage/image.h"
#include "storage/orphans.h"
#include "storage/stage.h"
#include "storage/volume.h"
#include "storage/volume_place.h"

/* --- a layer's files --------------------------------------------------------------------------- */

struct proof {
	struct pm_engine *e;
	struct pm_stage *stage; /* for temporary files of pm-transfer */
	int userns;             /* -1: none */
};

/* The diff id that the files in dir have by their recipe. The caller frees *ret. */
static int ask(struct proof *p, int dir, int recipe, char **ret, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire request = PM_WIRE_INIT, reply = PM_WIRE_INIT;
	struct pm_helper h = PM_HELPER_INIT;
	int fds[4] = {p->stage->dir_fd, dir, recipe, p->userns};
	pm_wire_add(&request, "type", "request");
	pm_wire_add(&request, "op", "verify");
	pm_wire_add(&request, "fds", "stage");
	pm_wire_add(&request, "fds", "dir");
	pm_wire_add(&request, "fds", "recipe");
	if (p->userns >= 0)
		pm_wire_add(&request, "fds", "userns");
	int r = pm_helper_begin(&h, err);
	if (r >= 0)
		r = pm_wire_send(h.sock, &request, fds, p->userns >= 0 ? 4 : 3, err);
	if (r >= 0)
		r = pm_helper_next(&h, &reply, NULL, NULL, err);
	pm_helper_finish(&h);
	pm_helper_unmask(&h);
	if (r < 0)
		return r;
	const char *diff = pm_wire_get(&reply, "diff_id");
	if (!diff)
		return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	*ret = pm_strdup(diff);
	return 0;
}

/* A recipe whose end was written is whole: eight bytes of its last 32 say so (storage/recipe.h). */
static bool is_whole(int recipe)
{
	char end[8] = "";
	off_t size = lseek(recipe, 0, SEEK_END);
	return size >= 32 && pread(recipe, end, sizeof(end), size - 32) == 8 &&
	       memcmp(end, "pmrecend", sizeof(end)) == 0;
}

/* 1: proved, 0: it cannot be. What is wrong goes to ret. */
static int prove(struct proof *p, const struct pm_layer_row *row, struct pm_damages *ret,
		 struct pm_err *err)
{
	_cleanup_free_ char *path = pm_asprintf("layers/%s/diff", row->chain_id);
	_cleanup_free_ char *file = pm_asprintf("layers/%s/recipe", row->chain_id), *diff = NULL;
	int root = p->e->store->root_fd;
	struct pm_err why = PM_ERR_INIT;
	_cleanup_close_ int dir = pm_fs_open(root, path, O_RDONLY | O_DIRECTORY, 0, &why);
	_cleanup_close_ int recipe = openat(root, file, O_RDONLY | O_CLOEXEC);
	if (dir < 0) {
		pm_damages_add(ret, PM_DAMAGE_LAYER, row->chain_id, "%s", why.text);
		return 1;
	}
	if (recipe < 0 || !is_whole(recipe))
		return 0;
	int r = ask(p, dir, recipe, &diff, &why);
	if (r >= 0 && strcmp(diff, row->diff_id) != 0)
		pm_damages_add(ret, PM_DAMAGE_LAYER, row->chain_id, "its files have the diff id %s, not %s",
			       diff, row->diff_id);
	else if (r == -PM_E_FORMAT || r == -PM_E_DIGEST || r == -ENOENT || r == -ELOOP || r == -ENOTDIR || r == -EIO)
		pm_damages_add(ret, PM_DAMAGE_LAYER, row->chain_id, "%s", why.text);
	else if (r == -PM_E_UNSUPPORTED)
		return 0;
	else if (r == -PM_E_CANCELLED)
		return pm_fail(err, why.code, "%s", why.text);
	else if (r < 0)
		return pm_fail(err, why.code, "layer %.12s: %s", row->chain_id, why.text);
	return 1;
}

static int prove_layers(struct proof *p, struct pm_damages *ret, struct pm_check_counts *counts,
			struct pm_err *err)
{
	struct pm_store *s = p->e->store;
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = pm_layer_list_all(s, &layers, err);
	for (size_t i = 0; r >= 0 && i < layers.n; i++) {
		const char *id = layers.v[i].chain_id;
		if (pm_damages_has(ret, PM_DAMAGE_LAYER, id))
			continue;
		/* it stays while it is read; who has it exclusively is about to remove it */
		_cleanup_close_ int lock = pm_store_lock(s, "layer", id, PM_LOCK_SHARED, false, NULL);
		if (lock < 0 || (r = pm_layer_get(s, id, NULL, err)) <= 0)
			continue;
		r = prove(p, &layers.v[i], ret, err);
		counts->layers++;
		counts->proved += r == 1;
		counts->unproved += r == 0;
	}
	return r;
}

int pm_system_check(struct pm_engine *e, const struct pm_check_options *o, struct pm_damages *ret,
		    struct pm_check_counts *counts, struct pm_err *err)
{
	struct proof p = {.e = e, .userns = -1};
	int r = pm_check_structure(e->store, o->unused_ns, ret, err);
	if (r >= 0 && !o->quick) {
		_cleanup_stage_ struct pm_stage *stage = NULL;
		r = pm_userns_get(e->store->runroot_fd, &p.userns, err);
		if (r >= 0)
			r = pm_stage_new(e->store, &stage, err);
		p.stage = stage;
		if (r >= 0)
			r = prove_layers(&p, ret, counts, err);
		if (p.userns >= 0)
			close(p.userns);
	}
	return r < 0 ? r : pm_check_dependents(e->store, ret, err);
}

/* --- repair ------------------------------------------------------------------------------------ */

struct repair {
	struct pm_engine *e;
	bool force;
	struct pm_strv *done, *left;
};

static void stays(struct repair *p, const struct pm_damage *d, const char *why)
{
	pm_strv_addf(p->left, "%s %s: %s", pm_damage_word(d->kind), d->id, why);
}

static void repair_image(struct repair *p, const struct pm_damage *d)
{
	struct pm_rmi_options ro = {.force = p->force, .no_prune = true};
	_cleanup_rmi_report_ struct pm_rmi_report rep = {0};
	struct pm_err err = PM_ERR_INIT;
	int r = pm_rmi_image(p->e, d->id, &ro, &rep, &err);
	if (r >= 0)
		pm_strv_addf(p->done, "Deleted image %s", d->id);
	else if (r == -PM_E_INUSE)
		stays(p, d, "containers use it: --force removes them too");
	else if (r != -PM_E_NOSUCH)
		stays(p, d, err.text);
}

static void repair_container(struct repair *p, const struct pm_damage *d)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_remove_options ro = {.force = true, .depend = true, .volumes = true};
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	if (!p->force) {
		stays(p, d, "--force removes it");
		return;
	}
	int r = pm_container_load(p->e, d->id, &c, &err);
	if (r >= 0)
		r = pm_container_remove(p->e, &c, &ro, &err);
	if (r >= 0)
		pm_strv_addf(p->done, "Deleted container %s", d->id);
	else if (r != -PM_E_NOSUCH)
		stays(p, d, err.text);
}

static void repair_volume(struct repair *p, const struct pm_damage *d)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	int r = pm_volume_get(p->e->store, d->id, &row, &err);
	if (r >= 0 && row.place && !pm_volume_place_there(p->e->store, row.place))
		r = pm_fail(&err, ENOENT, "%s is not there: is its file system mounted?", row.place);
	_cleanup_free_ char *path = r < 0 ? NULL : pm_volume_path(p->e->store, &row);
	if (r >= 0)
		r = pm_fs_mkdirs(AT_FDCWD, path, 0755, &err);
	if (r < 0)
		stays(p, d, err.text);
	else
		pm_strv_addf(p->done, "Made volume %s again, empty", d->id);
}

static void repair_one(struct repair *p, const struct pm_damage *d)
{
	switch (d->kind) {
	case PM_DAMAGE_IMAGE:
		repair_image(p, d);
		break;
	case PM_DAMAGE_CONTAINER:
		repair_container(p, d);
		break;
	case PM_DAMAGE_VOLUME:
		repair_volume(p, d);
		break;
	case PM_DAMAGE_DATABASE:
		stays(p, d, "a damaged database cannot be repaired: `pm system reset` begins anew");
		break;
	case PM_DAMAGE_LAYER: /* goes with its images, or with those that no image has */
	case PM_DAMAGE_UNUSED:
	case PM_DAMAGE_ORPHAN:
		break;
	}
}

static int remove_layers(struct repair *p, const struct pm_damages *d, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv gone = PM_STRV_INIT;
	int r = pm_layers_remove_unused(p->e->store, &gone, err);
	for (size_t i = 0; i < gone.n; i++)
		pm_strv_addf(p->done, "Deleted layer %s", gone.v[i]);
	for (size_t i = 0; r >= 0 && i < d->n; i++) {
		if (d->v[i].kind != PM_DAMAGE_LAYER)
			continue;
		int there = pm_layer_get(p->e->store, d->v[i].id, NULL, err);
		if (there == 1)
			stays(p, &d->v[i], "images have it");
		else if (there == 0 && !pm_strv_has(&gone, d->v[i].id))
			pm_strv_addf(p->done, "Deleted layer %s", d->v[i].id);
		r = there < 0 ? there : 0;
	}
	return r;
}

static int remove_orphans(struct repair *p, const struct pm_damages *d, struct pm_err *err)
{
	int r = pm_orphans_sweep(p->e->store, err);
	for (size_t i = 0; r >= 0 && i < d->n; i++) {
		if (d->v[i].kind != PM_DAMAGE_ORPHAN)
			continue;
		if (faccessat(p->e->store->root_fd, d->v[i].id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			pm_strv_addf(p->done, "Deleted directory %s", d->v[i].id);
		else
			stays(p, &d->v[i], "it is not empty, and a volume's files are not deleted");
	}
	return r;
}

int pm_system_repair(struct pm_engine *e, const struct pm_damages *d, bool force,
		     struct pm_strv *done, struct pm_strv *left, struct pm_err *err)
{
	struct repair p = {e, force, done, left};
	/* containers first: an image may be held by one that is damaged itself */
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].kind == PM_DAMAGE_CONTAINER)
			repair_one(&p, &d->v[i]);
	}
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].kind != PM_DAMAGE_CONTAINER)
			repair_one(&p, &d->v[i]);
	}
	int r = remove_layers(&p, d, err);
	if (r >= 0)
		r = remove_orphans(&p, d, err);
	pm_engine_sweep(e);
	return r < 0 ? r : 0;
}
