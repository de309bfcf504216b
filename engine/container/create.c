#include "engine/container/create.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/undo.h"
#include "engine/container/env_expand.h"
#include "engine/container/health.h"
#include "engine/container/mounts.h"
#include "engine/container/name.h"
#include "engine/container/remove.h"
#include "engine/container/service.h"
#include "engine/container/userns.h"
#include "engine/network/place.h"
#include "engine/events/events.h"
#include "netns/publish.h"
#include "storage/image.h"
#include "storage/quota.h"
#include "storage/stage.h"
#include "engine/image/resolve.h"
#include "engine/secret/use.h"
#include "engine/volume/options.h"
#include "engine/volume/volume.h"

/* What a failed creation takes back. */
struct made {
	struct pm_engine *e;
	const char *id;
	struct pm_strv volumes;
	bool dir, limited;
};

static void unmake(void *arg)
{
	struct made *m = arg;
	struct pm_err err = PM_ERR_INIT;
	char path[96];

	for (size_t i = 0; i < m->volumes.n; i++)
		if (pm_volume_remove(m->e->store, m->volumes.v[i], &err) < 0)
			pm_debug("take back volume: %s", err.text);
	snprintf(path, sizeof(path), "containers/%s", m->id);
	if (m->dir && pm_trash_dir(m->e->store, m->e->store->root_fd, path, &err) < 0)
		pm_debug("take back %s: %s", path, err.text);
	if (m->limited && pm_quota_release(m->e->store, "container", m->id, &err) < 0)
		pm_debug("take back limits: %s", err.text);
	pm_engine_sweep(m->e);
}

/* What --unsetenv takes out of the image's environment: what the user set himself stays. */
static void unset_env(struct pm_ctr_config *k, const struct pm_strv *given,
		      const struct pm_create_options *o)
{
	for (size_t i = 0; o->unsetenv && i < o->unsetenv->n; i++)
		if (!pm_env_get(given, o->unsetenv->v[i]))
			pm_env_unset(&k->env, o->unsetenv->v[i]);
	if (o->unsetenv_all) {
		pm_strv_free(&k->env);
		pm_strv_add_all(&k->env, given->v);
	}
}

/* --env-merge: words over what containers.conf and the image set; --env stays above it. */
static int merge_env(struct pm_engine *e, struct pm_ctr_config *k, const struct pm_strv *given,
		     const struct pm_create_options *o, struct pm_err *err)
{
	if (!o->env_merge || !o->env_merge->n)
		return 0;
	_cleanup_strv_ struct pm_strv known = PM_STRV_INIT;
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;
	pm_strv_add_all(&known, e->conf.env.v);
	pm_env_merge(&known, &k->env);
	for (size_t i = 0; i < o->env_merge->n; i++) {
		const char *word = o->env_merge->v[i], *eq = strchr(word, '=');
		_cleanup_free_ char *name = pm_strndup(word, (size_t)(eq - word)), *value = NULL;
		r = pm_env_expand(eq + 1, &known, &value, err);
		if (r < 0)
			return pm_wrap(err, "--env-merge %s", word);
		if (!pm_env_get(given, name))
			pm_env_set(&k->env, name, value);
	}
	return 0;
}

static int apply_image(struct pm_engine *e, struct pm_container *c,
		       const struct pm_create_options *o, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *config = NULL;

	if (o->image_id) {
		int r = pm_image_by_id(e->store, o->image_id, PM_IMAGE_CONFIG, &image, err);
		if (r < 0)
			return r;
		r = pm_json_parse(pool, image.config, image.config_len, &config, err);
		if (r < 0)
			return pm_wrap(err, "configuration of image %s", o->image_id);
		free(c->config.image_id);
		c->config.image_id = pm_strdup(image.id);
	}
	_cleanup_strv_ struct pm_strv given = PM_STRV_INIT;
	pm_strv_add_all(&given, c->config.env.v);
	int r = pm_ctr_config_apply_image(&c->config, config, o->user_entrypoint, err);
	if (r < 0)
		return r;
	unset_env(&c->config, &given, o);
	return merge_env(e, &c->config, &given, o, err);
}

/* The row's uniqueness decides whether it is free: insert() tries again. */
static void choose_name(struct pm_container *c, unsigned int attempt)
{
	char name[64];
	pm_name_random(attempt, name);
	free(c->config.name);
	c->config.name = pm_strdup(name);
}

/* What the volume's own options say of its use. */
static int volume_uses(const struct pm_volume_row *row, struct pm_ctr_mount *m, struct pm_err *err)
{
	_cleanup_volume_options_ struct pm_volume_options vo = {0};
	_cleanup_strv_ struct pm_strv given = PM_STRV_INIT;
	int r = pm_volume_options_words(row->options, &given, err);
	if (r >= 0)
		r = pm_volume_options_parse(row->driver, &given, pm_userns_needed(), &vo, err);
	if (r < 0)
		return r;
	m->owned = vo.uid >= 0 || vo.gid >= 0;
	/* the runtime's bind mount does not inherit these */
	static const char *const inherited[] = {"ro", "noexec"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(inherited); i++)
		if (pm_strv_has(&vo.words, inherited[i]) && !pm_strv_has(&m->options, inherited[i]))
			pm_strv_add(&m->options, inherited[i]);
	if (vo.nocopy && !pm_strv_has(&m->options, "nocopy") && !pm_strv_has(&m->options, "copy"))
		pm_strv_add(&m->options, "nocopy");
	return 0;
}

static int make_volume(struct pm_engine *e, struct pm_ctr_mount *m, struct made *made,
		       struct pm_err *err)
{
	_cleanup_free_ char *name = NULL;
	struct pm_volume_create_options o = {
		.name = m->name,
		.driver = m->driver,
		.labels = &m->labels,
		.options = &m->driver_options,
		.anon = m->anonymous,
		.ignore = true,
	};
	int r = pm_volume_create(e, &o, &name, err);
	if (r < 0)
		return r;
	if (r > 0)
		pm_strv_add(&made->volumes, name);
	free(m->name);
	m->name = pm_steal(&name);
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	r = pm_volume_get(e->store, m->name, &row, err);
	if (r < 0)
		return r;
	free(m->source);
	m->source = pm_volume_path(e->store, &row);
	return row.options ? volume_uses(&row, m, err) : 0;
}

/* --mount type=image: the image must be there, and stays as long as the container. */
static int find_image(struct pm_engine *e, struct pm_container *c, struct pm_ctr_mount *m,
		      struct pm_err *err)
{
	char id[65];
	int r = pm_image_resolve(e->store, m->name, id, NULL, err);
	if (r < 0)
		return r;
	free(m->source);
	m->source = pm_strdup(id);
	if (!pm_strv_has(&c->row.images, id))
		pm_strv_add(&c->row.images, id);
	return 0;
}

static int make_mounts(struct pm_engine *e, struct pm_container *c, struct made *made,
		       struct pm_err *err)
{
	for (size_t i = 0; i < c->config.n_mounts; i++) {
		struct pm_ctr_mount *m = &c->config.mounts[i];
		struct stat st;

		if (strcmp(m->type, "bind") == 0 && stat(m->source, &st) < 0)
			return pm_fail_sys(err, "statfs %s", m->source);
		int r = pm_mount_check(m, err);
		if (r >= 0 && strcmp(m->type, "image") == 0)
			r = find_image(e, c, m, err);
		if (r < 0)
			return r;
		if (strcmp(m->type, "volume") != 0)
			continue;
		r = make_volume(e, m, made, err);
		if (r < 0)
			return r;
		if (!pm_strv_has(&c->row.volumes, m->name))
			pm_strv_add(&c->row.volumes, m->name);
	}
	return 0;
}

/* "container:NAME" becomes "container:ID", and a dependency of the row. */
static int resolve_join(struct pm_engine *e, struct pm_container *c, char **mode, const char *what,
			struct pm_err *err)
{
	if (!*mode || !pm_startswith(*mode, "container:"))
		return 0;
	_cleanup_ctr_row_ struct pm_ctr_row other = {0};
	int r = pm_ctr_find(e->store, *mode + strlen("container:"), 0, &other, err);
	if (r < 0)
		return pm_wrap(err, "container to share %s namespace with", what);
	free(*mode);
	*mode = pm_asprintf("container:%s", other.id);
	if (!pm_strv_has(&c->row.deps, other.id))
		pm_strv_add(&c->row.deps, other.id);
	return 0;
}

/* An IPC namespace is joined for good only where its /dev/shm can be shared, and of its maker. */
static int resolve_ipc(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	char **mode = &c->config.ipcns;
	if (!*mode || !pm_startswith(*mode, "container:"))
		return 0;
	_cleanup_container_ struct pm_container other;
	pm_container_init(&other);
	int r = pm_container_load(e, *mode + strlen("container:"), &other, err);
	if (r < 0)
		return pm_wrap(err, "container to share ipc namespace with");
	const char *its = other.config.ipcns;
	if (pm_streq(its, "private") || pm_streq(its, "none"))
		return pm_fail(err, PM_E_USAGE,
			       "ipc of container %s is not shareable: it was made with --ipc %s",
			       other.row.name, its);
	if (its && (pm_startswith(its, "container:") || pm_startswith(its, "ns:") ||
		    pm_streq(its, "host"))) {
		free(*mode);
		*mode = pm_strdup(its);
	}
	return resolve_join(e, c, mode, "ipc", err);
}

/* --requires: names become ids, and dependencies of the row. */
static int resolve_requires(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	struct pm_strv *l = &c->config.requires_ctrs;
	for (size_t i = 0; i < l->n; i++) {
		_cleanup_ctr_row_ struct pm_ctr_row other = {0};
		int r = pm_ctr_find(e->store, l->v[i], 0, &other, err);
		if (r < 0)
			return pm_wrap(err, "\"%s\" is not a valid container, cannot be used as a "
					    "dependency", l->v[i]);
		free(l->v[i]);
		l->v[i] = pm_strdup(other.id);
		if (!pm_strv_has(&c->row.deps, other.id))
			pm_strv_add(&c->row.deps, other.id);
	}
	return 0;
}

static void set_ports(struct pm_ctr_config *k, const struct pm_ports *ports)
{
	for (size_t i = 0; i < k->n_ports; i++) {
		free(k->ports[i].host_ip);
		free(k->ports[i].protocol);
	}
	k->n_ports = 0;
	for (size_t i = 0; i < ports->n; i++) {
		const struct pm_port *p = &ports->v[i];
		struct pm_ctr_port *to = pm_ctr_config_add_port(k);
		to->host_ip = p->host_ip[0] ? pm_strdup(p->host_ip) : NULL;
		to->host_port = p->host;
		to->container_port = p->container;
		to->range = p->range;
		to->protocol = pm_strdup(pm_proto_name(p->proto));
	}
}

static int resolve_ports(struct pm_container *c, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports ports = PM_PORTS_INIT;
	struct pm_ctr_config *k = &c->config;

	for (size_t i = 0; i < k->n_ports; i++) {
		struct pm_port p = {.host = (uint16_t)k->ports[i].host_port,
				    .container = (uint16_t)k->ports[i].container_port,
				    .range = (uint16_t)k->ports[i].range};
		snprintf(p.host_ip, sizeof(p.host_ip), "%s",
			 k->ports[i].host_ip ? k->ports[i].host_ip : "");
		int r = pm_proto_parse(k->ports[i].protocol, &p.proto, err);
		if (r < 0)
			return r;
		pm_ports_add(&ports, &p);
	}
	for (size_t i = 0; k->publish_all && i < k->expose.n; i++) {
		int r = pm_expose_parse(k->expose.v[i], &ports, err);
		if (r < 0)
			return r;
	}
	if (ports.n == 0)
		return 0;
	int r = pm_publish_resolve(&ports, err);
	if (r < 0)
		return r;
	set_ports(k, &ports);
	return 0;
}

static char *command_json(const struct pm_ctr_config *c)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_strv_add_all(&words, c->entrypoint.v);
	pm_strv_add_all(&words, c->command.v);
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_json_strv(pool, &words), 0, &b);
	return pm_buf_take(&b);
}

struct pm_json *pm_ctr_ports_tree(struct pm_json_pool *pool, const struct pm_ctr_config *c)
{
	struct pm_json *list = pm_json_array(pool);
	for (size_t i = 0; i < c->n_ports; i++) {
		struct pm_json *p = pm_json_add(pool, list, pm_json_object(pool));
		pm_json_set_str(pool, p, "host_ip", c->ports[i].host_ip ? c->ports[i].host_ip : "");
		pm_json_set_int(pool, p, "container_port", c->ports[i].container_port);
		pm_json_set_int(pool, p, "host_port", c->ports[i].host_port);
		pm_json_set_int(pool, p, "range", c->ports[i].range);
		pm_json_set_str(pool, p, "protocol", c->ports[i].protocol);
	}
	return list;
}

static char *ports_json(const struct pm_ctr_config *c)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_ctr_ports_tree(pool, c), 0, &b);
	return pm_buf_take(&b);
}

struct pm_json *pm_ctr_labels_tree(struct pm_json_pool *pool, const struct pm_strv *labels)
{
	struct pm_json *map = pm_json_object(pool);
	map->hint = PM_JSON_MAP;
	for (size_t i = 0; i < labels->n; i++) {
		const char *eq = strchr(labels->v[i], '=');
		_cleanup_free_ char *name =
			pm_strndup(labels->v[i], eq ? (size_t)(eq - labels->v[i])
						    : strlen(labels->v[i]));
		pm_json_set_str(pool, map, name, eq ? eq + 1 : "");
	}
	return map;
}

static char *labels_json(const struct pm_ctr_config *c)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_ctr_labels_tree(pool, &c->labels), 0, &b);
	return pm_buf_take(&b);
}

static void fill_row(struct pm_container *c, const struct pm_create_options *o)
{
	struct pm_ctr_row *row = &c->row;
	struct pm_ctr_config *k = &c->config;

	row->id = pm_strdup(k->id);
	row->name = pm_strdup(k->name);
	row->image_id = pm_strdup_null(k->image_id);
	row->image_name = pm_strdup(k->image ? k->image : k->rootfs ? k->rootfs : "");
	row->command = command_json(k);
	row->ports = ports_json(k);
	row->labels = labels_json(k);
	row->pod = pm_strdup_null(k->pod);
	row->created = k->created;
	row->rm = k->rm;
	row->working = !k->working		     ? PM_CTR_NOT_WORKING
		       : pm_streq(k->working, "own") ? PM_CTR_WORKING_OWN
						     : PM_CTR_WORKING_BUILD;
	row->word = PM_CTR_CREATED;
	if (o->starting) {
		char boot[37];
		row->word = PM_CTR_RUNNING;
		row->started = k->created;
		if (pm_proc_boot_id(boot, NULL) >= 0)
			row->boot_id = pm_strdup(boot);
	}

	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_ctr_config_to_json(pool, k), 0, &b);
	row->config_len = b.len;
	row->config = pm_buf_take(&b);
}

static int make_dirs(struct pm_engine *e, const char *id, struct made *made, struct pm_err *err)
{
	static const char *const parts[] = {"", "/upper", "/work", "/merged"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(parts); i++) {
		char path[96];
		snprintf(path, sizeof(path), "containers/%s%s", id, parts[i]);
		/* the upper becomes the container's "/": others of its users must be able to enter */
		mode_t mode = i == 1 ? 0755 : 0700;
		int r = mkdirat(e->store->root_fd, path, mode) < 0 ? -errno : 0;
		if (r == -ENOENT && i == 0) {
			_cleanup_close_ int parent = pm_store_dir(e->store, "containers", err);
			if (parent < 0)
				return parent;
			r = mkdirat(e->store->root_fd, path, mode) < 0 ? -errno : 0;
		}
		if (r < 0)
			return pm_fail_errno(err, -r, "make directory %s/%s", e->store->root, path);
		made->dir = true;
	}
	return 0;
}

/* Images are made of the files of working containers, which no limit is to follow. */
static void default_quota(struct pm_engine *e, struct pm_ctr_config *k)
{
	if (k->working || k->is_infra || (k->rootfs && !k->rootfs_overlay))
		return;
	if (k->storage_size == PM_UNSET && e->store->ctr_quota.size > 0)
		k->storage_size = e->store->ctr_quota.size;
	if (k->storage_inodes == PM_UNSET && e->store->ctr_quota.inodes > 0)
		k->storage_inodes = e->store->ctr_quota.inodes;
}

static int limit_files(struct pm_engine *e, const struct pm_ctr_config *k, struct made *made, struct pm_err *err)
{
	const struct pm_quota q = {k->storage_size, k->storage_inodes};
	if (!pm_quota_limits(&q))
		return 0;
	_cleanup_free_ char *upper = pm_asprintf("containers/%s/upper", k->id);
	_cleanup_free_ char *work = pm_asprintf("containers/%s/work", k->id);
	const char *const dirs[] = {upper, work};
	made->limited = true;
	return pm_quota_give(e->store, "container", k->id, NULL, &q, dirs, PM_ARRAY_SIZE(dirs), err);
}

/* Before anything is made. */
static int check_quota(struct pm_engine *e, struct pm_ctr_config *k, struct pm_err *err)
{
	static const char what[] = "storage options size and inodes";
	default_quota(e, k);
	const struct pm_quota q = {k->storage_size, k->storage_inodes};
	if (!pm_quota_limits(&q))
		return 0;
	if (k->rootfs && !k->rootfs_overlay)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s not supported with --rootfs but for --rootfs %s:O", what,
			       k->rootfs);
	if (pm_userns_needed())
		return pm_fail(err, PM_E_UNSUPPORTED, "%s not supported: only root of the host can set Project Quota",
			       what);
	return pm_quota_prepare(e->store, "container", NULL, what, err);
}

/* The row, with its networks, and with the pod's row where this is an infra container. */
static int insert_row(struct pm_engine *e, const struct pm_container *c,
		      const struct pm_create_options *o, struct pm_err *err)
{
	if (!o->with_pod && !c->config.networks.n)
		return pm_ctr_insert(e->store, &c->row, err);
	int r = pm_db_begin(e->store->db, o->with_pod || !c->config.rm, err);
	if (r < 0)
		return r;
	if (o->with_pod) {
		o->with_pod->infra = c->row.id;
		r = pm_pod_insert(e->store, o->with_pod, err);
	}
	if (r >= 0)
		r = pm_ctr_insert(e->store, &c->row, err);
	if (r >= 0)
		r = pm_place_join(e, &c->config, err);
	if (r >= 0)
		r = pm_db_commit(e->store->db, err);
	pm_db_rollback(e->store->db);
	return r < 0 ? r : 0;
}

static int insert(struct pm_engine *e, struct pm_container *c, bool given_name,
		  const struct pm_create_options *o, struct pm_err *err)
{
	for (unsigned int attempt = 0;; attempt++) {
		int r = insert_row(e, c, o, err);
		if (r != -PM_E_EXISTS || given_name || attempt > 20)
			return r;
		/* two made-up names met */
		choose_name(c, attempt + 1);
		struct pm_strv deps = c->row.deps, volumes = c->row.volumes;
		c->row.deps = c->row.volumes = (struct pm_strv)PM_STRV_INIT;
		pm_ctr_row_free(&c->row);
		c->row.deps = deps;
		c->row.volumes = volumes;
		fill_row(c, o);
	}
}

static int replace_old(struct pm_engine *e, const char *name, struct pm_err *err)
{
	_cleanup_container_ struct pm_container old;
	pm_container_init(&old);
	int r = pm_container_load(e, name, &old, err);
	if (r == -PM_E_NOSUCH || (r >= 0 && strcmp(old.row.name, name) != 0)) {
		pm_err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	struct pm_remove_options ro = {.force = true, .timeout = -1};
	return pm_container_remove(e, &old, &ro, err);
}

/* Mounts with other owners: the maps are looked at before anything is made. */
static int check_idmaps(const struct pm_container *c, struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	_cleanup_volume_mounts_ struct pm_volume_mounts l = {0};
	int r = 0;
	if (k->rootfs_idmap && k->rootfs_overlay && (*k->rootfs_idmap || (k->id_uids.n && !k->idmapped)))
		return pm_fail(err, PM_E_UNSUPPORTED, "--rootfs %s: O and idmap go together for the container's own ids "
						      "only, where the file system can be mounted so", k->rootfs);
	if (k->rootfs_idmap)
		r = pm_mounts_add_idmap(k, k->rootfs, "/", *k->rootfs_idmap ? k->rootfs_idmap : NULL, &l, err);
	if (r < 0)
		return pm_wrap(err, "--rootfs %s", k->rootfs);
	for (size_t i = 0; r >= 0 && i < k->n_mounts; i++)
		r = pm_mount_check_idmap(k, &k->mounts[i], err);
	return r;
}

static int check_id(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_ctr_row_ struct pm_ctr_row row = {0};
	if (pm_ctr_find(e->store, id, 0, &row, NULL) < 0)
		return 0;
	return pm_fail(err, PM_E_EXISTS, "the container ID %.12s is already in use by container %s", id, row.name);
}

int pm_container_create(struct pm_engine *e, struct pm_container *c,
			const struct pm_create_options *o, struct pm_err *err)
{
	struct pm_ctr_config *k = &c->config;
	bool given_name = k->name != NULL;
	char id[65];
	int r;

	if (given_name) {
		r = pm_name_check(k->name, err);
		if (r >= 0 && o->replace)
			r = replace_old(e, k->name, err);
		if (r < 0)
			return r;
	} else {
		choose_name(c, 0);
	}

	pm_random_hex(32, id);
	free(k->id);
	k->id = pm_strdup(o->id ? o->id : id);
	k->created = pm_time_now();

	struct made made = {.e = e, .id = k->id};
	_cleanup_undo_ struct pm_undo undo = PM_UNDO_INIT;
	const bool unit = pm_env_get(&k->labels, PM_UNIT_LABEL) != NULL;
	r = apply_image(e, c, o, err);
	if (r < 0)
		return r;
	pm_service_label(k, unit);
	if ((r = pm_health_check_config(k, err)) < 0 ||
	    (r = resolve_join(e, c, &k->network, "network", err)) < 0 ||
	    (r = resolve_join(e, c, &k->pidns, "pid", err)) < 0 ||
	    (r = resolve_ipc(e, c, err)) < 0 ||
	    (r = resolve_join(e, c, &k->utsns, "uts", err)) < 0 ||
	    (r = resolve_join(e, c, &k->cgroupns, "cgroup", err)) < 0 ||
	    (r = resolve_join(e, c, &k->userns, "user", err)) < 0 ||
	    (r = resolve_requires(e, c, err)) < 0 || (r = resolve_ports(c, err)) < 0)
		return r;
	_cleanup_close_ int userns_lock = -1;
	if ((r = pm_ctr_userns_resolve(e, c, &userns_lock, err)) < 0 ||
	    (r = pm_ctr_userns_choose_idmap(e, c, err)) < 0 || (r = check_idmaps(c, err)) < 0)
		return r;
	if (k->stop_signal == PM_UNSET && pm_ctr_config_is_systemd(k))
		k->stop_signal = PM_SIGRTMIN_3;

	/* a network that was found stays until the row says it is used */
	_cleanup_close_ int networks = -1;
	r = pm_place_lock(e, k, &networks, err);
	if (r >= 0)
		r = pm_place_resolve(e, k, err);
	if (r < 0)
		return r;

	/* until the row is there, a sweep would take the directory for what a dead process left */
	_cleanup_close_ int lock = pm_store_lock(e->store, "container", k->id, PM_LOCK_EXCLUSIVE, true, err);
	if (lock < 0)
		return lock;
	if (o->id && (r = check_id(e, k->id, err)) < 0)
		return r;
	if ((r = check_quota(e, k, err)) < 0)
		return r;
	pm_undo_add(&undo, unmake, &made);
	r = make_mounts(e, c, &made, err);
	if (r >= 0)
		r = make_dirs(e, k->id, &made, err);
	if (r >= 0)
		r = pm_ctr_userns_give(e, c, "upper", err);
	if (r >= 0)
		r = limit_files(e, k, &made, err);
	if (r >= 0) {
		fill_row(c, o);
		r = pm_secret_keep(e, c, err);
	}
	if (r >= 0) {
		r = insert(e, c, given_name, o, err);
	}
	if (r < 0) {
		pm_undo_run(&undo);
		pm_strv_free(&made.volumes);
		return r;
	}
	pm_undo_commit(&undo);
	pm_strv_free(&made.volumes);
	pm_container_state(e, &c->row, &c->state);
	pm_event_container(e, c, "create");
	return 0;
}

int pm_container_lowers(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret,
			struct pm_err *err)
{
	if (c->config.rootfs_overlay)
		pm_strv_add(ret, c->config.rootfs);
	if (!c->config.image_id)
		return 0;
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	_cleanup_image_row_ struct pm_image_row image = {0};
	int r = pm_image_layers(e->store, c->config.image_id, &layers, err);
	/* one of an additional store that is not there now */
	if (r >= 0 && !layers.n && pm_image_by_id(e->store, c->config.image_id, 0, &image, err) < 0)
		return pm_wrap(err, "the container's image is in no store");
	for (size_t i = 0; r >= 0 && i < layers.n; i++)
		pm_strv_take(ret, pm_store_layer_path(e->store, layers.v[i].chain_id));
	return r;
}
