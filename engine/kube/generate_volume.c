#include "engine/kube/generate_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/kube/volume.h"
#include "engine/labels.h"
#include "registry/auth.h"
#include "storage/volume.h"

enum { DATA_MAX = 1 << 20 }; /* of a file of a ConfigMap, as in Kubernetes */

static bool has_volume(const struct pm_kube_gen *g, const char *name)
{
	for (size_t i = 0; i < g->volumes->len; i++)
		if (pm_streq(pm_json_get_str(g->volumes->items[i], "name"), name))
			return true;
	return false;
}

/* The volume called name: its source, which is new the first time. */
static struct pm_json *volume(struct pm_kube_gen *g, const char *name, const char *source)
{
	if (has_volume(g, name))
		return NULL;
	struct pm_json *v = pm_json_add(g->pool, g->volumes, pm_json_object(g->pool));
	pm_json_set_str(g->pool, v, "name", name);
	return pm_json_set(g->pool, v, source, pm_json_object(g->pool));
}

/* A ConfigMap of the files in the volume. */
static int config_map(struct pm_kube_gen *g, const char *volume_name, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_strv_ struct pm_strv files = PM_STRV_INIT;
	struct pm_json *o = pm_json_object(g->pool), *data = pm_json_object(g->pool),
		       *binary = pm_json_object(g->pool);
	int r = pm_volume_path_of(g->e->store, volume_name, &path, err);
	_cleanup_close_ int dir = r < 0 ? r : pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
	r = dir < 0 ? dir : pm_fs_list(dir, ".", &files, err);
	for (size_t i = 0; r >= 0 && i < files.n; i++) {
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		r = pm_fs_read_in(dir, files.v[i], DATA_MAX, &text, err);
		if (r < 0)
			break;
		bool plain = !memchr(pm_buf_str(&text), '\0', text.len);
		for (size_t k = 0; plain && k < text.len; k++)
			plain = (unsigned char)text.data[k] < 0x80;
		_cleanup_free_ char *coded = plain ? NULL : pm_base64_encode(text.data, text.len);
		const char *key = pm_json_pool_strdup(g->pool, files.v[i]);
		pm_json_set_str(g->pool, plain ? data : binary, key, plain ? pm_buf_str(&text) : coded);
	}
	if (r < 0)
		return pm_wrap(err, "ConfigMap %s", name);
	pm_json_set_str(g->pool, o, "apiVersion", "v1");
	pm_json_set_str(g->pool, o, "kind", "ConfigMap");
	pm_json_set_str(g->pool, pm_kube_gen_at(g, o, "metadata"), "name", name);
	if (data->len)
		pm_json_set(g->pool, o, "data", data);
	if (binary->len)
		pm_json_set(g->pool, o, "binaryData", binary);
	pm_json_add(g->pool, g->documents, o);
	return 0;
}

/* A volume that belongs to the pod: what it was made of is in its label. */
static int own_volume(struct pm_kube_gen *g, const struct pm_ctr_mount *m, const struct pm_volume_row *row,
		      const char *name, struct pm_err *err)
{
	const struct pm_json *labels = pm_labels_parse(g->pool, row->labels);
	const char *of = pm_json_get_str(labels, PM_KUBE_VOLUME_OF);
	const struct pm_json *options = row->options ? pm_labels_parse(g->pool, row->options) : NULL;
	if (of && pm_startswith(of, "Secret/")) {
		struct pm_json *v = volume(g, name, "secret");
		if (v)
			pm_json_set_str(g->pool, v, "secretName", of + strlen("Secret/"));
		return 0;
	}
	if (of && pm_startswith(of, "ConfigMap/")) {
		const char *map = of + strlen("ConfigMap/");
		struct pm_json *v = volume(g, name, "configMap");
		if (v)
			pm_json_set_str(g->pool, v, "name", map);
		return v ? config_map(g, m->name, map, err) : 0;
	}
	if (of)
		return pm_fail(err, PM_E_UNSUPPORTED, "volume %s: what a %s volume was made of is not kept", name, of);
	struct pm_json *v = volume(g, name, "emptyDir");
	if (v && pm_streq(pm_json_get_str(options, "type"), "tmpfs")) {
		const char *o = pm_json_get_str(options, "o");
		pm_json_set_str(g->pool, v, "medium", "Memory");
		if (o && pm_startswith(o, "size=")) {
			_cleanup_free_ char *size = pm_strndup(o + 5, strcspn(o + 5, ","));
			pm_json_set_str(g->pool, v, "sizeLimit", size);
		}
	}
	return 0;
}

static int source(struct pm_kube_gen *g, const struct pm_ctr_mount *m, const struct pm_volume_row *own,
		  const char *name, struct pm_err *err)
{
	struct pm_json *v;
	struct stat st;
	if (strcmp(m->type, "bind") == 0) {
		if (!(v = volume(g, name, "hostPath")))
			return 0;
		bool there = stat(m->source, &st) == 0;
		pm_json_set_str(g->pool, v, "path", m->source);
		pm_json_set_str(g->pool, v, "type",
				!there ? "" : S_ISDIR(st.st_mode) ? "Directory" : S_ISREG(st.st_mode) ? "File" : "");
	} else if (strcmp(m->type, "image") == 0) {
		if ((v = volume(g, name, "image")))
			pm_json_set_str(g->pool, v, "reference", m->name);
	} else if (strcmp(m->type, "tmpfs") == 0) {
		if ((v = volume(g, name, "emptyDir")))
			pm_json_set_str(g->pool, v, "medium", "Memory");
	} else if (m->anonymous) {
		return own_volume(g, m, own, name, err);
	} else if ((v = volume(g, name, "persistentVolumeClaim"))) {
		pm_json_set_str(g->pool, v, "claimName", m->name);
	}
	return 0;
}

/* Mounts of one source are of one volume. own: the row of an anonymous one. */
static char *volume_name(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_ctr_mount *m,
			 const struct pm_volume_row *own)
{
	const char *name = pm_json_get_str(pm_labels_parse(g->pool, own->labels), PM_KUBE_VOLUME_NAME);
	_cleanup_free_ char *text = NULL;
	if (name)
		return pm_strdup(name);
	if (strcmp(m->type, "bind") == 0)
		text = pm_asprintf("%s-host", m->source);
	else if (strcmp(m->type, "tmpfs") == 0)
		text = pm_asprintf("%s-%s-tmpfs", c->row.name, m->dest);
	else if (strcmp(m->type, "image") == 0)
		text = pm_asprintf("%s-image", m->name);
	else
		text = pm_asprintf("%.50s-%s", m->name, m->anonymous ? "own" : "pvc");
	return pm_kube_gen_dns_name(text);
}

static int mount(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_ctr_mount *m,
		 struct pm_json *o, struct pm_err *err)
{
	static const char *const plain[] = {"ro", "rw", "nocopy", "z", "Z", "rbind", "private", "rprivate",
					    "nodev", "nosuid", "notmpcopyup", "tmpcopyup", NULL};
	struct pm_json *v = pm_json_object(g->pool);
	if (m->from_image) /* the image brings it again */
		return 0;
	if (strcmp(m->type, "devpts") == 0 || strcmp(m->type, "ramfs") == 0 || pm_strv_has(&m->options, "O")) {
		_cleanup_free_ char *what = pm_asprintf("mount at %s", m->dest);
		pm_kube_gen_lost(g, c, what);
		return 0;
	}
	_cleanup_volume_row_ struct pm_volume_row own = {0};
	int r = m->anonymous && m->name ? pm_volume_get(g->e->store, m->name, &own, err) : 0;
	if (r < 0)
		return r;
	_cleanup_free_ char *name = volume_name(g, c, m, &own);
	r = source(g, m, &own, name, err);
	if (r < 0)
		return r;
	pm_json_set_str(g->pool, v, "mountPath", m->dest);
	pm_json_set_str(g->pool, v, "name", name);
	if (m->subpath)
		pm_json_set_str(g->pool, v, "subPath", m->subpath);
	for (size_t i = 0; i < m->options.n; i++) {
		const char *opt = m->options.v[i];
		if (strcmp(opt, "ro") == 0)
			pm_json_set_bool(g->pool, v, "readOnly", true);
		else if (pm_endswith(opt, "shared"))
			pm_json_set_str(g->pool, v, "mountPropagation", "Bidirectional");
		else if (pm_endswith(opt, "slave"))
			pm_json_set_str(g->pool, v, "mountPropagation", "HostToContainer");
		else if (!pm_str_in(opt, plain)) {
			_cleanup_free_ char *what = pm_asprintf("option %s of the mount at %s", opt, m->dest);
			pm_kube_gen_lost(g, c, what);
		}
	}
	pm_kube_gen_append(g, o, "volumeMounts", v);
	return 0;
}

static void device(struct pm_kube_gen *g, const struct pm_ctr_device *d, struct pm_json *o)
{
	_cleanup_free_ char *text = pm_asprintf("%s-device", d->host), *name = pm_kube_gen_dns_name(text);
	struct pm_json *v = volume(g, name, "hostPath"), *mounted = pm_json_object(g->pool);
	struct stat st;
	if (v) {
		pm_json_set_str(g->pool, v, "path", d->host);
		pm_json_set_str(g->pool, v, "type",
				stat(d->host, &st) == 0 && S_ISBLK(st.st_mode) ? "BlockDevice" : "CharDevice");
	}
	pm_json_set_str(g->pool, mounted, "mountPath", d->container ? d->container : d->host);
	pm_json_set_str(g->pool, mounted, "name", name);
	if (d->perm && !strchr(d->perm, 'w'))
		pm_json_set_bool(g->pool, mounted, "readOnly", true);
	pm_kube_gen_append(g, o, "volumeMounts", mounted);
}

int pm_kube_gen_mounts(struct pm_kube_gen *g, const struct pm_container *c, struct pm_json *o,
		       struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < k->n_mounts; i++)
		r = mount(g, c, &k->mounts[i], o, err);
	for (size_t i = 0; r >= 0 && i < k->n_devices; i++)
		device(g, &k->devices[i], o);
	return r;
}
