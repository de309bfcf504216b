#include "engine/kube/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/yaml.h"
#include "engine/kube/env.h"
#include "engine/kube/quantity.h"
#include "engine/kube/volume_data.h"
#include "engine/volume/volume.h"
#include "netns/userns.h"

/* --- of the host --------------------------------------------------------------------------------- */

static const struct {
	const char *type;
	mode_t mode;   /* 0: not looked at */
	bool create;
	const char *is;
} path_types[] = {
	{"", 0, false, ""},
	{"DirectoryOrCreate", S_IFDIR, true, "a directory"},
	{"Directory", S_IFDIR, false, "a directory"},
	{"FileOrCreate", S_IFREG, true, "a file"},
	{"File", S_IFREG, false, "a file"},
	{"Socket", S_IFSOCK, false, "a socket"},
	{"CharDevice", S_IFCHR, false, "a character device"},
	{"BlockDevice", S_IFBLK, false, "a block device"},
};

static int create_path(const char *path, mode_t mode, struct pm_err *err)
{
	if (mode == S_IFDIR)
		return pm_fs_mkdirs(AT_FDCWD, path, 0755, err);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0644, err);
	return fd < 0 ? fd : 0;
}

static int host_path(const struct pm_json *v, struct pm_kube_volume *ret, struct pm_err *err)
{
	const char *path = pm_json_get_str(v, "path"), *type = pm_json_get_str(v, "type");
	struct stat st;
	size_t i = 0;
	if (!path || !*path)
		return pm_fail(err, PM_E_FORMAT, "line %u: hostPath has no path", v->line);
	if (!strchr(path, '/')) {
		ret->source = PM_KUBE_VOLUME;
		ret->what = pm_strdup(path);
		return 0;
	}
	while (type && strcmp(path_types[i].type, type) != 0)
		i++; /* the schema knows no other */
	ret->source = path_types[i].mode == S_IFCHR || path_types[i].mode == S_IFBLK ? PM_KUBE_DEVICE
										       : PM_KUBE_PATH;
	ret->what = pm_path_absolute(path);
	bool there = stat(ret->what, &st) == 0;
	if (!there && errno == ENOENT && path_types[i].create)
		return create_path(ret->what, path_types[i].mode, err);
	if (!there)
		return pm_fail_sys(err, "hostPath %s", ret->what);
	if (path_types[i].mode && (st.st_mode & S_IFMT) != path_types[i].mode)
		return pm_fail(err, PM_E_USAGE, "hostPath %s is not %s", ret->what, path_types[i].is);
	return 0;
}

/* --- made for the pod ---------------------------------------------------------------------------- */

/* of: for its label; NULL: none. */
static int make_own(struct pm_kube_pod *p, const struct pm_strv *options, const char *of,
		    struct pm_kube_volume *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv labels = PM_STRV_INIT;
	struct pm_volume_create_options o = {.options = options, .labels = &labels, .anon = true};
	pm_strv_addf(&labels, "%s=%s", PM_KUBE_VOLUME_NAME, ret->name);
	if (of)
		pm_strv_addf(&labels, "%s=%s", PM_KUBE_VOLUME_OF, of);
	int r = pm_volume_create(p->e, &o, &ret->what, err);
	if (r < 0)
		return r;
	ret->source = PM_KUBE_OWN;
	pm_strv_add(&p->own_volumes, ret->what);
	return 0;
}

static int open_own(const struct pm_kube_pod *p, const struct pm_kube_volume *v, struct pm_err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = pm_volume_path_of(p->e->store, v->what, &path, err);
	return r < 0 ? r : pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
}

struct group {
	int dir;
	gid_t gid;
};

/* One level, and those below: the group gets what the owner has. */
static int give_group(int dir, gid_t gid, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct stat st;
	if (fstat(dir, &st) < 0 || fchown(dir, (uid_t)-1, gid) < 0 ||
	    fchmod(dir, (st.st_mode & 07777) | (st.st_mode & 0700) >> 3 | S_ISGID) < 0)
		return pm_fail_sys(err, "give the volume to group %u", gid);
	int r = pm_fs_list(dir, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_close_ int fd = openat(dir, names.v[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			return pm_fail_sys(err, "give the volume to group %u", gid);
		if (S_ISDIR(st.st_mode))
			r = give_group(fd, gid, err);
		else if (fchown(fd, (uid_t)-1, gid) < 0 ||
			 fchmod(fd, (st.st_mode & 07777) | (st.st_mode & 0400) >> 3) < 0)
			r = pm_fail_sys(err, "give the volume to group %u", gid);
	}
	return r;
}

static int give_group_child(void *arg, struct pm_err *err)
{
	const struct group *g = arg;
	return give_group(g->dir, g->gid, err);
}

/* fsGroup */
static int set_group(struct pm_kube_pod *p, int dir, struct pm_err *err)
{
	int64_t gid;
	int r = pm_kube_int(pm_json_get(p->spec, "securityContext"), "fsGroup", 0, INT32_MAX, PM_UNSET,
			    &gid, err);
	if (r < 0 || gid == PM_UNSET)
		return r;
	struct group g = {.dir = dir, .gid = (gid_t)gid};
	if (!pm_userns_needed())
		return give_group_child(&g, err);
	_cleanup_close_ int userns = -1;
	r = pm_userns_get(p->e->store->runroot_fd, &userns, err);
	return r < 0 ? r : pm_userns_run(userns, give_group_child, &g, err);
}

static int empty_dir(struct pm_kube_pod *p, const struct pm_json *v, struct pm_kube_volume *ret,
		     struct pm_err *err)
{
	bool memory = pm_streq(pm_json_get_str(v, "medium"), "Memory");
	const char *limit = pm_yaml_text(pm_json_get(v, "sizeLimit"));
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	int64_t size = 0;
	int r = limit ? pm_kube_quantity_whole(limit, &size, err) : 0;
	if (r < 0)
		return r;
	if (memory) {
		pm_strv_add(&options, "type=tmpfs");
		pm_strv_add(&options, "device=tmpfs");
		if (size > 0)
			pm_strv_addf(&options, "o=size=%lld,mode=1777", (long long)size);
		return make_own(p, &options, NULL, ret, err);
	}
	if (size > 0)
		pm_warn("pod %s: volume %s: sizeLimit has no effect: a directory has no quota", p->name,
			ret->name);
	r = make_own(p, NULL, NULL, ret, err);
	if (r < 0)
		return r;
	_cleanup_close_ int dir = open_own(p, ret, err);
	if (dir < 0)
		return dir;
	if (fchmod(dir, 0777) < 0)
		return pm_fail_sys(err, "open volume %s to all", ret->what);
	return set_group(p, dir, err);
}

/* Of data, which are files in it: kind as in the description. */
static int data_volume(struct pm_kube_pod *p, const char *kind, const struct pm_json *v,
		       struct pm_kube_volume *ret, struct pm_err *err)
{
	const char *map = strcmp(kind, "configMap") == 0 ? pm_json_get_str(v, "name") : NULL,
		   *secret = strcmp(kind, "secret") == 0 ? pm_json_get_str(v, "secretName") : NULL;
	_cleanup_free_ char *of = map	   ? pm_asprintf("ConfigMap/%s", map)
				  : secret ? pm_asprintf("Secret/%s", secret)
					   : pm_strdup(kind);
	int r = make_own(p, NULL, of, ret, err);
	if (r < 0)
		return r;
	ret->read_only = true;
	_cleanup_close_ int dir = open_own(p, ret, err);
	if (dir < 0)
		return dir;
	r = pm_kube_volume_fill(p, kind, v, dir, err);
	return r < 0 ? r : set_group(p, dir, err);
}

/* --- all of them --------------------------------------------------------------------------------- */

static int claim(const struct pm_json *v, struct pm_kube_volume *ret, struct pm_err *err)
{
	const char *name = pm_json_get_str(v, "claimName");
	if (!name)
		return pm_fail(err, PM_E_FORMAT, "line %u: claimName must be given", v->line);
	ret->source = PM_KUBE_VOLUME;
	ret->what = pm_strdup(name);
	ret->read_only = pm_json_get_bool(v, "readOnly", false);
	return pm_volume_check_name(name, err);
}

static int image(const struct pm_json *v, struct pm_kube_volume *ret, struct pm_err *err)
{
	const char *name = pm_json_get_str(v, "reference");
	if (!name)
		return pm_fail(err, PM_E_FORMAT, "line %u: reference must be given", v->line);
	ret->source = PM_KUBE_IMAGE;
	ret->what = pm_strdup(name);
	ret->read_only = true;
	return 0;
}

static int make_one(struct pm_kube_pod *p, const struct pm_json *volume, struct pm_kube_volume *ret,
		    struct pm_err *err)
{
	const struct pm_json *v;
	if ((v = pm_json_get(volume, "hostPath")))
		return host_path(v, ret, err);
	static const char *const data[] = {"configMap", "secret", "downwardAPI", "projected"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(data); i++)
		if ((v = pm_json_get(volume, data[i])))
			return data_volume(p, data[i], v, ret, err);
	if ((v = pm_json_get(volume, "persistentVolumeClaim")))
		return claim(v, ret, err);
	if ((v = pm_json_get(volume, "image")))
		return image(v, ret, err);
	/* also a volume that says nothing, as in Kubernetes */
	return empty_dir(p, pm_json_get(volume, "emptyDir"), ret, err);
}

static const struct pm_json *described(const struct pm_kube_pod *p, const char *name)
{
	PM_KUBE_EACH(pm_json_get(p->spec, "volumes"), v) {
		if (pm_streq(pm_json_get_str(v, "name"), name))
			return v;
	}
	return NULL;
}

static struct pm_kube_volume *find(const struct pm_kube_pod *p, const char *name)
{
	for (size_t i = 0; i < p->n_volumes; i++)
		if (strcmp(p->volumes[i].name, name) == 0)
			return &p->volumes[i];
	return NULL;
}

/* The volume of one volumeMount, unless it is there already. */
static int use(struct pm_kube_pod *p, const struct pm_json *mount, struct pm_err *err)
{
	const char *name = pm_json_get_str(mount, "name");
	const struct pm_json *v = name ? described(p, name) : NULL;
	if (!v)
		return pm_fail(err, PM_E_USAGE, "line %u: the pod has no volume \"%s\"", mount->line,
			       name ? name : "");
	if (find(p, name))
		return 0;
	p->volumes = pm_reallocarray(p->volumes, p->n_volumes + 1, sizeof(*p->volumes));
	struct pm_kube_volume *ret = &p->volumes[p->n_volumes++];
	*ret = (struct pm_kube_volume){.name = name};
	int r = make_one(p, v, ret, err);
	return r < 0 ? pm_wrap(err, "volume %s", name) : 0;
}

static const char *const container_lists[] = {"initContainers", "containers"};

int pm_kube_volumes_make(struct pm_kube_pod *p, struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(container_lists); i++) {
		PM_KUBE_EACH(pm_json_get(p->spec, container_lists[i]), c) {
			PM_KUBE_EACH(pm_json_get(c, "volumeMounts"), mount) {
				int r = use(p, mount, err);
				if (r < 0)
					return r;
			}
		}
	}
	return 0;
}

void pm_kube_volume_images(const struct pm_kube_pod *p, struct pm_strv *names, struct pm_strv *policies)
{
	PM_KUBE_EACH(pm_json_get(p->spec, "volumes"), v) {
		const struct pm_json *source = pm_json_get(v, "image");
		const char *policy = pm_json_get_str(source, "pullPolicy");
		if (!pm_json_get_str(source, "reference"))
			continue;
		pm_strv_add(names, pm_json_get_str(source, "reference"));
		pm_strv_add(policies, policy ? policy : "");
	}
}

/* --- mounts -------------------------------------------------------------------------------------- */

static int propagation(const struct pm_json *mount, bool privileged, struct pm_ctr_mount *m,
		       struct pm_err *err)
{
	const char *word = pm_json_get_str(mount, "mountPropagation");
	if (pm_streq(word, "Bidirectional") && !privileged)
		return pm_fail(err, PM_E_USAGE, "line %u: mountPropagation Bidirectional is for privileged "
						"containers only", mount->line);
	if (word && strcmp(word, "None") != 0)
		pm_strv_add(&m->options, word[0] == 'B' ? "rshared" : "rslave");
	return 0;
}

/* A part that is not there yet is made, where that is possible from outside of the user namespace. */
static int make_part(struct pm_kube_pod *p, const struct pm_kube_volume *v, const char *path, struct pm_err *err)
{
	_cleanup_free_ char *dir = NULL;
	if (v->source == PM_KUBE_VOLUME) { /* which is made with the container otherwise */
		struct pm_volume_create_options o = {.name = v->what, .ignore = true};
		_cleanup_free_ char *name = NULL;
		int r = pm_volume_create(p->e, &o, &name, err);
		if (r < 0)
			return r;
		if (r > 0)
			pm_strv_add(&p->own_volumes, name);
	}
	int r = v->source == PM_KUBE_PATH ? 0 : pm_volume_path_of(p->e->store, v->what, &dir, err);
	if (r < 0)
		return r;
	_cleanup_close_ int root = open(dir ? dir : v->what, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int there = root < 0 ? -1 : pm_fs_open_in(root, path, O_PATH, 0, NULL);
	_cleanup_close_ int made = root < 0 || there >= 0 ? -1 : pm_fs_mkdir_in(root, path, 0755, NULL);
	return 0; /* what could not be made is told at the start */
}

static int subpath(struct pm_kube_pod *p, const struct pm_kube_volume *v,
		   const struct pm_json *mount, const struct pm_strv *env, struct pm_ctr_mount *m,
		   struct pm_err *err)
{
	const char *plain = pm_json_get_str(mount, "subPath"), *expr = pm_json_get_str(mount, "subPathExpr");
	if (plain && *plain && expr && *expr)
		return pm_fail(err, PM_E_USAGE, "line %u: both subPath and subPathExpr are given",
			       mount->line);
	_cleanup_free_ char *path = expr ? pm_kube_expand(expr, env) : pm_strdup_null(plain);
	if (!path || !*path)
		return 0;
	if (!pm_kube_path_is_good(path))
		return pm_fail(err, PM_E_USAGE, "subPath \"%s\": must be relative and without \"..\"", path);
	m->subpath = pm_strdup(path);
	return v->source == PM_KUBE_IMAGE ? 0 : make_part(p, v, path, err);
}

static void device(const struct pm_kube_volume *v, const char *dest, bool read_only,
		   struct pm_ctr_config *k)
{
	struct pm_ctr_device *d = pm_ctr_config_add_device(k);
	d->host = pm_strdup(v->what);
	d->container = pm_strdup(dest);
	d->perm = pm_strdup(read_only ? "r" : "rw");
}

static int one_mount(struct pm_kube_pod *p, const struct pm_json *mount, const struct pm_strv *env,
		     bool privileged, struct pm_ctr_config *k, struct pm_err *err)
{
	static const char *const types[] = {[PM_KUBE_PATH] = "bind",	 [PM_KUBE_DEVICE] = "",
					    [PM_KUBE_VOLUME] = "volume", [PM_KUBE_OWN] = "volume",
					    [PM_KUBE_IMAGE] = "image"};
	const struct pm_kube_volume *v = find(p, pm_json_get_str(mount, "name"));
	const char *dest = pm_json_get_str(mount, "mountPath");
	bool read_only = v->read_only || pm_json_get_bool(mount, "readOnly", false);
	if (!dest || !*dest || strchr(dest, ':'))
		return pm_fail(err, PM_E_FORMAT, "line %u: mountPath must be a path without \":\"",
			       mount->line);
	_cleanup_free_ char *at = dest[0] == '/' ? pm_path_clean(dest) : pm_path_join("/", dest);
	for (size_t i = 0; i < k->n_mounts; i++)
		if (strcmp(k->mounts[i].dest, at) == 0)
			return pm_fail(err, PM_E_USAGE, "line %u: mountPath %s is given twice",
				       mount->line, at);
	if (v->source == PM_KUBE_DEVICE) {
		device(v, at, read_only, k);
		return 0;
	}
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(k);
	m->type = pm_strdup(types[v->source]);
	m->dest = pm_steal(&at);
	m->anonymous = m->owned = v->source == PM_KUBE_OWN; /* and nobody gives it away again */
	*(v->source == PM_KUBE_PATH ? &m->source : &m->name) = pm_strdup(v->what);
	pm_strv_add(&m->options, read_only ? "ro" : "rw");
	if (v->source == PM_KUBE_OWN) /* what the image has there is hidden */
		pm_strv_add(&m->options, "nocopy");
	int r = subpath(p, v, mount, env, m, err);
	return r < 0 ? r : propagation(mount, privileged, m, err);
}

int pm_kube_mounts(struct pm_kube_pod *p, const struct pm_json *c, const struct pm_strv *env,
		   struct pm_ctr_config *k, struct pm_err *err)
{
	PM_KUBE_EACH(pm_json_get(c, "volumeMounts"), mount) {
		int r = one_mount(p, mount, env, k->privileged, k, err);
		if (r < 0)
			return r;
	}
	return 0;
}
