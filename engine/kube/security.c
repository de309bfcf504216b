#include "engine/kube/security.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/yaml.h"
#include "engine/kube/quantity.h"
#include "engine/spec/caps.h"
#include "storage/image.h"

#define SECCOMP_ROOT "/var/lib/kubelet/seccomp"

/* A member of the container's context, else of the pod's. */
static const struct pm_json *effective(const struct pm_kube_pod *p, const struct pm_json *c, const char *name)
{
	const struct pm_json *v = pm_json_get(pm_json_get(c, "securityContext"), name);
	return v ? v : pm_json_get(pm_json_get(p->spec, "securityContext"), name);
}

static int id_of(const struct pm_json *v, const char *name, int64_t *ret, struct pm_err *err)
{
	*ret = PM_UNSET;
	if (!v)
		return 0;
	*ret = strtoll(v->string, NULL, 10);
	if (*ret < 0 || *ret > INT32_MAX)
		return pm_fail(err, PM_E_USAGE, "line %u: %s: not an id", v->line, name);
	return 0;
}

/* --- users and groups ---------------------------------------------------------------------------- */

/* What the image says; the caller frees. */
static int image_user(struct pm_engine *e, const char *image_id, char **ret, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *config;
	int r = pm_image_by_id(e->store, image_id, PM_IMAGE_CONFIG, &image, err);
	if (r >= 0)
		r = pm_json_parse(pool, image.config, image.config_len, &config, err);
	if (r < 0)
		return r;
	const char *user = pm_json_get_str(pm_json_get(config, "config"), "User");
	*ret = pm_strdup(user ? user : "");
	return 0;
}

/* Is the user, as the image says it, surely not root? A name's id is the image's own word. */
static int check_non_root(const char *user, struct pm_err *err)
{
	size_t n = strcspn(user, ":");
	if (n == 0)
		return pm_fail(err, PM_E_USAGE, "runAsNonRoot: the image runs as root: give runAsUser");
	if (strspn(user, "0123456789") < n)
		return pm_fail(err, PM_E_USAGE, "runAsNonRoot: the image's user %s is a name, which may be "
						"root's: give runAsUser", user);
	if (strspn(user, "0") >= n)
		return pm_fail(err, PM_E_USAGE, "runAsNonRoot: the user is root");
	return 0;
}

static int users(const struct pm_kube_pod *p, const struct pm_json *c, const char *image_id,
		 struct pm_ctr_config *k, struct pm_err *err)
{
	int64_t uid, gid;
	const struct pm_json *non_root = effective(p, c, "runAsNonRoot");
	_cleanup_free_ char *user = NULL;
	int r = id_of(effective(p, c, "runAsUser"), "runAsUser", &uid, err);
	if (r >= 0)
		r = id_of(effective(p, c, "runAsGroup"), "runAsGroup", &gid, err);
	if (r < 0)
		return r;
	if (uid != PM_UNSET)
		user = pm_asprintf("%lld", (long long)uid);
	else if (gid != PM_UNSET || (non_root && non_root->boolean))
		r = image_user(p->e, image_id, &user, err);
	if (r >= 0 && non_root && non_root->boolean)
		r = check_non_root(user, err);
	if (r < 0)
		return r;
	if (gid != PM_UNSET) {
		user[strcspn(user, ":")] = '\0';
		k->user = pm_asprintf("%s:%lld", *user ? user : "0", (long long)gid);
	} else if (uid != PM_UNSET) {
		k->user = pm_steal(&user);
	}
	return 0;
}

static int groups(const struct pm_kube_pod *p, struct pm_ctr_config *k, struct pm_err *err)
{
	const struct pm_json *context = pm_json_get(p->spec, "securityContext");
	int64_t gid;
	PM_KUBE_EACH(pm_json_get(context, "supplementalGroups"), v) {
		int r = id_of(v, "supplementalGroups", &gid, err);
		if (r < 0)
			return r;
		pm_strv_addf(&k->groups, "%lld", (long long)gid);
	}
	int r = id_of(pm_json_get(context, "fsGroup"), "fsGroup", &gid, err);
	if (r >= 0 && gid != PM_UNSET)
		pm_strv_addf(&k->groups, "%lld", (long long)gid);
	return r;
}

/* --- privileges ---------------------------------------------------------------------------------- */

static int capabilities(const struct pm_json *context, struct pm_ctr_config *k, struct pm_err *err)
{
	const struct pm_json *caps = pm_json_get(context, "capabilities");
	const struct pm_json *add = pm_json_get(caps, "add"), *drop = pm_json_get(caps, "drop");
	uint64_t mask;
	int r = add ? pm_json_to_strv(add, &k->cap_add, err) : 0;
	if (r >= 0 && drop)
		r = pm_json_to_strv(drop, &k->cap_drop, err);
	return r < 0 ? r : pm_caps_merge(0, pm_caps_all(), &k->cap_add, &k->cap_drop, &mask, err);
}

static int escalation(const struct pm_json *context, struct pm_ctr_config *k, struct pm_err *err)
{
	if (pm_json_get_bool(context, "allowPrivilegeEscalation", true))
		return 0;
	bool admin = pm_strv_has(&k->cap_add, "SYS_ADMIN") || pm_strv_has(&k->cap_add, "CAP_SYS_ADMIN");
	if (k->privileged || admin)
		return pm_fail(err, PM_E_USAGE, "allowPrivilegeEscalation: false contradicts %s",
			       k->privileged ? "privileged: true" : "the capability SYS_ADMIN");
	pm_strv_add(&k->security_opt, "no-new-privileges");
	return 0;
}

static int seccomp(const struct pm_kube_pod *p, const struct pm_json *profile, struct pm_ctr_config *k,
		   struct pm_err *err)
{
	const char *type = pm_json_get_str(profile, "type"),
		   *name = pm_json_get_str(profile, "localhostProfile");
	if (!profile)
		return 0;
	if (!type)
		return pm_fail(err, PM_E_FORMAT, "line %u: seccompProfile has no type", profile->line);
	if ((strcmp(type, "Localhost") == 0) != (name != NULL))
		return pm_fail(err, PM_E_FORMAT, "line %u: localhostProfile goes with type Localhost, and "
						 "must be given there", profile->line);
	if (strcmp(type, "Unconfined") == 0)
		pm_strv_add(&k->security_opt, "seccomp=unconfined");
	if (!name)
		return 0;
	const char *root = p->o->seccomp_root ? p->o->seccomp_root : SECCOMP_ROOT;
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, root, O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return pm_wrap(err, "seccompProfile");
	_cleanup_free_ char *clean = pm_path_clean(name);
	if (clean[0] == '/' || pm_startswith(clean, ".."))
		return pm_fail(err, PM_E_USAGE, "line %u: localhostProfile %s is not below %s",
			       profile->line, name, root);
	_cleanup_free_ char *joined = pm_path_join(root, clean), *path = pm_path_absolute(joined);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	if (fd < 0)
		return pm_wrap(err, "seccompProfile");
	pm_strv_addf(&k->security_opt, "seccomp=%s", path);
	return 0;
}

static int apparmor(const struct pm_json *profile, struct pm_ctr_config *k, struct pm_err *err)
{
	const char *type = pm_json_get_str(profile, "type"),
		   *name = pm_json_get_str(profile, "localhostProfile");
	if (!profile)
		return 0;
	if (!type || (strcmp(type, "Localhost") == 0) != (name != NULL))
		return pm_fail(err, PM_E_FORMAT, "line %u: appArmorProfile has a type, and a "
						 "localhostProfile where that is Localhost", profile->line);
	if (strcmp(type, "RuntimeDefault") == 0)
		return 0;
	/* a host without AppArmor refuses the name at the start */
	pm_strv_addf(&k->security_opt, "apparmor=%s", name ? name : "unconfined");
	return 0;
}

static int selinux(const struct pm_kube_pod *p, const struct pm_json *options, struct pm_err *err)
{
	if (!pm_json_len(options))
		return 0;
	if (access("/sys/fs/selinux/enforce", F_OK) == 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "line %u: seLinuxOptions: SELinux labels are not "
						      "supported", options->line);
	pm_warn("pod %s: seLinuxOptions have no effect: SELinux is off", p->name);
	return 0;
}

int pm_kube_security(const struct pm_kube_pod *p, const struct pm_json *c, const char *image_id,
		     struct pm_ctr_config *k, struct pm_err *err)
{
	const struct pm_json *context = pm_json_get(c, "securityContext");
	int r;
	k->privileged = pm_json_get_bool(context, "privileged", false);
	k->read_only = pm_json_get_bool(context, "readOnlyRootFilesystem", false);
	k->read_only_tmpfs_off = k->read_only;
	if (pm_streq(pm_json_get_str(context, "procMount"), "Unmasked"))
		pm_strv_add(&k->security_opt, "unmask=ALL");
	if ((r = users(p, c, image_id, k, err)) < 0 || (r = groups(p, k, err)) < 0 ||
	    (r = capabilities(context, k, err)) < 0 || (r = escalation(context, k, err)) < 0 ||
	    (r = seccomp(p, effective(p, c, "seccompProfile"), k, err)) < 0 ||
	    (r = apparmor(effective(p, c, "appArmorProfile"), k, err)) < 0)
		return r;
	return selinux(p, effective(p, c, "seLinuxOptions"), err);
}

int pm_kube_sysctls(const struct pm_kube_pod *p, struct pm_ctr_config *infra, struct pm_err *err)
{
	PM_KUBE_EACH(pm_json_find(p->spec, "securityContext", "sysctls", NULL), v) {
		const char *name = pm_json_get_str(v, "name"), *value = pm_json_get_str(v, "value");
		if (!name || !*name || !value || strchr(name, '='))
			return pm_fail(err, PM_E_FORMAT, "line %u: a sysctl has a name and a value", v->line);
		pm_strv_addf(&infra->sysctls, "%s=%s", name, value);
	}
	return 0;
}

/* --- resources ----------------------------------------------------------------------------------- */

static int check_names(const struct pm_json *map, const char *which, struct pm_err *err)
{
	static const char *const known[] = {"cpu", "memory", NULL};
	for (size_t i = 0; i < pm_json_len(map); i++) {
		const struct pm_json_member *m = &map->members[i];
		if (!pm_str_in(m->name, known))
			return pm_fail(err, PM_E_UNSUPPORTED, "line %u: resources.%s.%s is not supported",
				       m->value->line, which, m->name);
	}
	return 0;
}

/* PM_UNSET when it is not given. */
static int quantity(const struct pm_json *map, const char *name, bool milli, int64_t *ret,
		    struct pm_err *err)
{
	const char *text = pm_yaml_text(pm_json_get(map, name));
	*ret = PM_UNSET;
	if (!text)
		return 0;
	return milli ? pm_kube_quantity(text, ret, err) : pm_kube_quantity_whole(text, ret, err);
}

static int limits(const struct pm_json *map, const struct pm_cgroup *cg, struct pm_ctr_config *k,
		  struct pm_err *err)
{
	int64_t cpu = PM_UNSET, memory = PM_UNSET;
	int r = check_names(map, "limits", err);
	if (r >= 0)
		r = quantity(map, "cpu", true, &cpu, err);
	if (r >= 0)
		r = quantity(map, "memory", false, &memory, err);
	if (r >= 0 && cpu > 0) {
		r = pm_cgroup_check_limits(cg, PM_CGROUP_CPU, "resources.limits.cpu", err);
		k->cpu_period = 100000;
		k->cpu_quota = cpu * 100 < 1000 ? 1000 : cpu * 100;
	}
	if (r >= 0 && memory > 0) {
		r = pm_cgroup_check_limits(cg, PM_CGROUP_MEMORY, "resources.limits.memory", err);
		k->memory = memory;
	}
	return r;
}

static int requests(const struct pm_kube_pod *p, const struct pm_json *map, const struct pm_cgroup *cg,
		    struct pm_ctr_config *k, struct pm_err *err)
{
	int64_t cpu = PM_UNSET, memory = PM_UNSET;
	int r = check_names(map, "requests", err);
	if (r >= 0)
		r = quantity(map, "cpu", true, &cpu, err);
	if (r >= 0)
		r = quantity(map, "memory", false, &memory, err);
	if (r < 0)
		return r;
	if ((k->memory != PM_UNSET && memory > k->memory) ||
	    (k->cpu_quota != PM_UNSET && cpu != PM_UNSET && cpu > k->cpu_quota / 100))
		return pm_fail(err, PM_E_USAGE, "line %u: more is requested than the limit allows", map->line);
	unsigned int needs = (cpu > 0 ? PM_CGROUP_CPU : 0u) | (memory > 0 ? PM_CGROUP_MEMORY : 0u);
	if (needs & ~cg->controllers) {
		pm_warn("pod %s: resources.requests have no effect: this user cannot set them on this host",
			p->name);
		return 0;
	}
	if (cpu > 0)
		k->cpu_shares = cpu * 1024 / 1000 < 2 ? 2 : cpu * 1024 / 1000;
	if (memory > 0)
		k->memory_reservation = memory;
	return 0;
}

int pm_kube_resources(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
		      struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(c, "resources");
	const struct pm_json *most = pm_json_get(v, "limits"), *least = pm_json_get(v, "requests");
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	if (!pm_json_len(most) && !pm_json_len(least))
		return 0;
	int r = pm_engine_cgroup(p->e, k->cgroups, &cg, err);
	if (r >= 0)
		r = limits(most, &cg, k, err);
	return r < 0 || !pm_json_len(least) ? r : requests(p, least, &cg, k, err);
}
