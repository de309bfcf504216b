#include "engine/container/checkpoint_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/container/checkpoint_archive.h"
#include "engine/container/checkpoint_config.h"
#include "engine/container/create.h"
#include "engine/container/remove.h"
#include "engine/container/root.h"
#include "engine/events/events.h"
#include "engine/image/resolve.h"
#include "engine/network/place.h"
#include "engine/pod/pod.h"
#include "engine/unpack.h"
#include "engine/volume/files.h"
#include "netns/publish.h"
#include "storage/image.h"
#include "storage/stage.h"
#include "storage/vfs.h"
#include "storage/volume.h"

struct import {
	struct pm_engine *e;
	const struct pm_checkpoint_source *from;
	const struct pm_restore_options *o;
	char id[65];            /* that it had */
	struct pm_stage *stage; /* the archive's files */
	struct pm_container *c;
	int dir; /* the container's */
};

/* --- the files --------------------------------------------------------------------------------------- */

static int unpack(const char *path, int to, struct pm_err *err)
{
	struct pm_unpack u = PM_UNPACK_INIT;
	_cleanup_close_ int in = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, err);
	if (in < 0)
		return in;
	u.input = in;
	u.dir = to;
	u.set_owner = true;
	int r = pm_unpack(&u, err);
	return r < 0 ? pm_wrap(err, "%s", path) : 0;
}

/* The layers of an image, one on the other. */
static int copy_image(const struct import *m, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = pm_image_layers(m->e->store, m->from->image_id, &layers, err);
	for (size_t i = 0; i < layers.n && r >= 0; i++) {
		_cleanup_free_ char *path = pm_store_layer_path(m->e->store, layers.v[i].chain_id);
		_cleanup_close_ int src = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
		r = src < 0 ? src : pm_vfs_apply(src, m->stage->dir_fd, err);
	}
	return r < 0 ? pm_wrap(err, "image %.12s", m->from->image_id) : 0;
}

/* CRIU opens what is in there by name, as root, and would read whatever a symlink points to into the process. One is
 * its own: to the memory that was dumped before. */
static int check_images(int stage, const char *name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_close_ int dir = pm_fs_open(stage, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	int r = dir < 0 ? dir : pm_fs_list(dir, ".", &names, err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		struct stat st;
		_cleanup_free_ char *to = NULL;
		if (fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return pm_fail_sys(err, "look at %s/%s", name, names.v[i]);
		if (S_ISREG(st.st_mode) && st.st_nlink == 1)
			continue;
		if (S_ISLNK(st.st_mode) && pm_streq(names.v[i], "parent") &&
		    pm_fs_readlink(dir, "parent", &to, err) >= 0 &&
		    pm_streq(to, "../" PM_CHECKPOINT_PRE))
			continue;
		return pm_fail(err, PM_E_FORMAT, "%s/%s is no regular file", name, names.v[i]);
	}
	return r;
}

static bool there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int get(struct import *m, struct pm_err *err)
{
	int r = pm_stage_new(m->e->store, &m->stage, err);
	if (r >= 0 && m->from->previous)
		r = unpack(m->from->previous, m->stage->dir_fd, err);
	if (r >= 0)
		r = m->from->image_id ? copy_image(m, err) : unpack(m->from->archive, m->stage->dir_fd, err);
	if (r < 0)
		return r;
	if (!there(m->stage->dir_fd, PM_CHECKPOINT_CONFIG) || !there(m->stage->dir_fd, PM_CHECKPOINT_DIR))
		return pm_fail(err, PM_E_FORMAT, "%s is not a checkpoint%s",
			       m->from->image_id ? m->from->image_id : m->from->archive,
			       there(m->stage->dir_fd, PM_CHECKPOINT_PRE)
				       ? ", but what was dumped before one: use --import-previous"
				       : "");
	r = check_images(m->stage->dir_fd, PM_CHECKPOINT_DIR, err);
	if (r >= 0 && there(m->stage->dir_fd, PM_CHECKPOINT_PRE))
		r = check_images(m->stage->dir_fd, PM_CHECKPOINT_PRE, err);
	return r;
}

/* --- the configuration ------------------------------------------------------------------------------- */

static int read_json(int dir, const char *name, struct pm_json_pool *pool, struct pm_json **ret,
		     struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_in(dir, name, 16 << 20, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, text.data, text.len, ret, err);
	return r < 0 ? pm_wrap(err, "%s of the checkpoint", name) : 0;
}

static int set_ports(const struct pm_strv *publish, struct pm_ctr_config *k, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	for (size_t i = 0; i < k->n_ports; i++) {
		free(k->ports[i].host_ip);
		free(k->ports[i].protocol);
	}
	k->n_ports = 0;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < publish->n; i++)
		r = pm_publish_parse(publish->v[i], &l, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct pm_ctr_port *p = pm_ctr_config_add_port(k);
		p->host_ip = l.v[i].host_ip[0] ? pm_strdup(l.v[i].host_ip) : NULL;
		p->host_port = l.v[i].host;
		p->container_port = l.v[i].container;
		p->range = l.v[i].range;
		p->protocol = pm_strdup(pm_proto_name(l.v[i].proto));
	}
	return r;
}

/* Addresses that were asked for, but for the ones that are not wanted any more. */
static int forget_addresses(const struct pm_restore_options *o, struct pm_ctr_config *k, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv had = k->networks;
	k->networks = (struct pm_strv)PM_STRV_INIT;
	for (size_t i = 0; i < had.n; i++) {
		_cleanup_place_ struct pm_place p = {0};
		int r = pm_place_parse(had.v[i], &p, err);
		if (r < 0)
			return r;
		if (o->name || o->ignore_static_ip)
			p.ip4.family = p.ip6.family = 0;
		if (o->name || o->ignore_static_mac)
			p.has_mac = false;
		pm_strv_take(&k->networks, pm_place_format(&p));
	}
	return 0;
}

static int find_image(struct import *m, struct pm_err *err)
{
	const struct pm_ctr_config *k = &m->c->config;
	_cleanup_image_row_ struct pm_image_row row = {0};
	struct pm_err why = PM_ERR_INIT;
	if (pm_image_by_id(m->e->store, k->image_id, 0, &row, &why) >= 0)
		return 0;
	return pm_fail(err, why.code, "image %s (%.12s), which the checkpoint's container was made from, is not in the "
				      "store: pull it first", k->image ? k->image : "<none>", k->image_id);
}

/* A volume of that name is somebody's already. */
static int check_volumes(const struct import *m, struct pm_err *err)
{
	const struct pm_ctr_config *k = &m->c->config;
	for (size_t i = 0; i < k->n_mounts && !m->o->ignore_volumes; i++) {
		_cleanup_volume_row_ struct pm_volume_row row = {0};
		const struct pm_ctr_mount *v = &k->mounts[i];
		if (!pm_streq(v->type, "volume") || !v->name ||
		    pm_volume_get(m->e->store, v->name, &row, NULL) < 0)
			continue;
		return pm_fail(err, PM_E_EXISTS, "volume with name %s already exists. Use --ignore-volumes to not "
						 "restore content of volumes", v->name);
	}
	return 0;
}

static int configure(struct import *m, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *config = NULL, *spec = NULL;
	struct pm_ctr_config *k = &m->c->config;
	int r = pm_engine_conf(m->e, err);
	if (r >= 0)
		r = read_json(m->stage->dir_fd, PM_CHECKPOINT_CONFIG, pool, &config, err);
	if (r >= 0)
		r = read_json(m->stage->dir_fd, PM_CHECKPOINT_SPEC, pool, &spec, err);
	if (r >= 0)
		r = pm_checkpoint_config(config, spec, &m->e->conf.default_capabilities, k, err);
	if (r >= 0)
		r = find_image(m, err);
	if (r >= 0)
		r = check_volumes(m, err);
	if (r < 0)
		return r;
	memcpy(m->id, k->id, sizeof(m->id)); /* pm_checkpoint_config has looked at its length */
	if (m->o->name) {
		free(k->name);
		k->name = pm_strdup(m->o->name);
	}
	r = forget_addresses(m->o, k, err);
	if (r >= 0 && m->o->publish)
		r = set_ports(m->o->publish, k, err);
	if (r >= 0 && m->o->pod)
		r = pm_pod_join(m->e, m->o->pod, 0, k, err);
	return r;
}

/* --- the container ----------------------------------------------------------------------------------- */

/* Takes path, as the image's root has it, away. */
static int delete_one(int root, const char *path, struct pm_err *err)
{
	_cleanup_free_ char *clean = pm_path_clean(path);
	char *slash = strrchr(clean, '/');
	const char *base = slash ? slash + 1 : clean;
	if (clean[0] != '/' || !*base || pm_streq(base, ".."))
		return pm_fail(err, PM_E_FORMAT, "'%s' is no file's path", path);
	_cleanup_free_ char *above = pm_strndup(clean, (size_t)(slash - clean));
	struct pm_err why = PM_ERR_INIT;
	_cleanup_close_ int dir = pm_fs_open_in(root, *above ? above : "/", O_RDONLY | O_DIRECTORY, 0, &why);
	if (dir < 0)
		return why.code == ENOENT || why.code == ENOTDIR ? 0 : pm_fail(err, why.code, "%s", why.text);
	return pm_fs_remove_tree(dir, base, err);
}

static int change_rootfs(struct import *m, struct pm_err *err)
{
	_cleanup_ctr_root_ struct pm_ctr_root root = PM_CTR_ROOT_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *deleted = NULL;
	struct pm_unpack u = PM_UNPACK_INIT;
	const int stage = m->stage->dir_fd;
	if (m->o->ignore_rootfs || (!there(stage, PM_CHECKPOINT_ROOTFS) && !there(stage, PM_CHECKPOINT_DELETED)))
		return 0;
	int r = pm_ctr_root_open(m->e, m->c, &root, err);
	if (r >= 0 && there(stage, PM_CHECKPOINT_ROOTFS)) {
		_cleanup_close_ int in = pm_fs_open_in(stage, PM_CHECKPOINT_ROOTFS, O_RDONLY, 0, err);
		u.input = in;
		u.dir = root.dir;
		u.devices = true;
		r = in < 0 ? in : pm_unpack(&u, err);
	}
	if (r >= 0 && there(stage, PM_CHECKPOINT_DELETED))
		r = read_json(stage, PM_CHECKPOINT_DELETED, pool, &deleted, err);
	for (size_t i = 0; r >= 0 && i < pm_json_len(deleted); i++) {
		const struct pm_json *path = pm_json_at(deleted, i);
		r = pm_json_is(path, PM_JSON_STRING)
			    ? delete_one(root.dir, path->string, err)
			    : pm_fail(err, PM_E_FORMAT, "%s is no list of paths", PM_CHECKPOINT_DELETED);
	}
	return r < 0 ? pm_wrap(err, "changes of the root file system") : 0;
}

/* Volumes are found by the container's configuration, not by what lies in the archive. */
static int fill_volumes(struct import *m, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && !m->o->ignore_volumes && i < m->c->row.volumes.n; i++) {
		const char *name = m->c->row.volumes.v[i];
		_cleanup_volume_row_ struct pm_volume_row row = {0};
		_cleanup_free_ char *tar = pm_asprintf(PM_CHECKPOINT_VOLUMES "/%s.tar", name);
		struct pm_err why = PM_ERR_INIT;
		_cleanup_close_ int in = pm_fs_open_in(m->stage->dir_fd, tar, O_RDONLY, 0, &why);
		if (in < 0 && why.code == ENOENT)
			continue;
		r = in < 0 ? pm_fail(err, why.code, "%s", why.text) : pm_volume_get(m->e->store, name, &row, err);
		if (r >= 0)
			r = pm_volume_import(m->e, &row, in, err);
		if (r < 0)
			break;
		/* what the image has there is in it already, as far as it was kept */
		_cleanup_free_ char *dir = pm_volume_dir(m->e->store, &row), *used = pm_path_join(dir, PM_VOLUME_USED);
		r = pm_fs_write_file(AT_FDCWD, used, "", 0, 0600, false, err);
	}
	return r;
}

/* With version 2 of control groups CRIU puts the processes into the group that they were in, whatever the runtime has made
 * for them: that of the container which this is another of. Its name is the id, which is as long as the new one, so that
 * CRIU's records stay as they are. */
static int rename_group(struct import *m, struct pm_err *err)
{
	static const char file[] = PM_CHECKPOINT_DIR "/cgroup.img";
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	const size_t len = strlen(m->id);
	struct pm_err why = PM_ERR_INIT;
	if (pm_streq(m->id, m->c->row.id))
		return 0;
	int r = pm_fs_read_in(m->dir, file, 16 << 20, &b, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return pm_fail(err, why.code, "%s", why.text);
	char *at = b.data, *end = b.data + b.len;
	while ((at = memmem(at, (size_t)(end - at), m->id, len)) != NULL) {
		memcpy(at, m->c->row.id, len);
		at += len;
	}
	return pm_fs_write_file(m->dir, file, b.data, b.len, 0600, false, err);
}

static int move_images(struct import *m, struct pm_err *err)
{
	static const char *const names[] = {PM_CHECKPOINT_DIR, PM_CHECKPOINT_PRE, PM_CHECKPOINT_SHM,
					    PM_CHECKPOINT_NETWORK};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		if (m->o->name && pm_streq(names[i], PM_CHECKPOINT_NETWORK))
			continue; /* another container has other addresses */
		if (renameat(m->stage->dir_fd, names[i], m->dir, names[i]) < 0 && errno != ENOENT)
			return pm_fail_sys(err, "move %s of the checkpoint", names[i]);
	}
	int r = rename_group(m, err);
	if (r < 0)
		return r;
	m->c->config.checkpoint_time = m->c->config.created;
	m->c->config.checkpointed = true;
	return pm_container_save_config(m->e, m->c, err);
}

static int fill(struct import *m, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_store_ctr_path(m->e->store, m->c->row.id);
	int r = change_rootfs(m, err);
	if (r >= 0)
		r = fill_volumes(m, err);
	if (r >= 0)
		r = m->dir = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
	return r < 0 ? r : move_images(m, err);
}

static void take_back(struct import *m)
{
	const struct pm_remove_options ro = {.force = true, .volumes = true, .timeout = 0};
	struct pm_err why = PM_ERR_INIT;
	if (pm_container_remove(m->e, m->c, &ro, &why) < 0 && why.code != PM_E_NOSUCH)
		pm_warn("remove container %s: %s", m->c->row.name, why.text);
	/* none of them was there before, or was looked for */
	for (size_t i = 0; !m->o->ignore_volumes && i < m->c->row.volumes.n; i++)
		if (pm_volume_remove(m->e->store, m->c->row.volumes.v[i], &why) < 0)
			pm_debug("take back volume: %s", why.text);
}

static int make(struct import *m, struct pm_restore_report *ret, struct pm_err *err)
{
	/* the config's own are replaced */
	_cleanup_free_ char *image = pm_strdup_null(m->c->config.image_id), *id = pm_strdup(m->c->config.id);
	const struct pm_create_options co = {.image_id = image,
					     .user_entrypoint = true,
					     .unsetenv_all = true,
					     .id = m->o->name ? NULL : id};
	int r = pm_container_create(m->e, m->c, &co, err);
	if (r < 0)
		return r;
	r = fill(m, err);
	if (r >= 0)
		r = pm_container_restore(m->e, m->c, m->o, ret, err);
	if (r < 0)
		take_back(m);
	return r;
}

int pm_checkpoint_import(struct pm_engine *e, const struct pm_checkpoint_source *from,
			 const struct pm_restore_options *o, struct pm_container *c,
			 struct pm_restore_report *ret, struct pm_err *err)
{
	struct import m = {.e = e, .from = from, .o = o, .c = c, .dir = -1};
	/* who may not at all is told before an archive is unpacked; the runtime is the archive's to say */
	int r = pm_criu_check_host(e, "restoring", err);
	if (r >= 0)
		r = get(&m, err);
	if (r >= 0)
		r = configure(&m, err);
	if (r >= 0)
		r = make(&m, ret, err);
	if (m.dir >= 0)
		close(m.dir);
	pm_stage_free(m.stage);
	return r < 0 ? pm_wrap(err, "import the checkpoint") : 0;
}

int pm_checkpoint_image_find(struct pm_engine *e, const char *name, char ret_id[65])
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *manifest = NULL;
	if (pm_image_resolve(e->store, name, ret_id, NULL, NULL) < 0 ||
	    pm_image_by_id(e->store, ret_id, PM_IMAGE_MANIFEST, &row, NULL) < 0 ||
	    pm_json_parse(pool, row.manifest, row.manifest_len, &manifest, NULL) < 0)
		return 0;
	return pm_json_get_str(pm_json_get(manifest, "annotations"), PM_CHECKPOINT_ANNOTATION "name") != NULL;
}
