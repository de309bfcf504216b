#include "engine/kube/annotation.h"

#include <string.h>
#include <unistd.h>

#include "engine/container/service.h"

/* --- looking ------------------------------------------------------------------------------------- */

static const char *one(const struct pm_kube_pod *p, const char *name)
{
	const char *v = p->o->annotations ? pm_env_get(p->o->annotations, name) : NULL;
	return v ? v : pm_json_get_str(pm_json_get(p->meta, "annotations"), name);
}

const char *pm_kube_annotation(const struct pm_kube_pod *p, const char *name, const char *container)
{
	if (container) {
		_cleanup_free_ char *own = pm_asprintf("%s/%s", name, container);
		const char *v = one(p, own);
		if (v)
			return v;
	}
	return one(p, name);
}

/* --- what they do -------------------------------------------------------------------------------- */

static bool is_true(const char *value)
{
	return pm_streq(value, "TRUE") || pm_streq(value, "true") || pm_streq(value, "1");
}

static void replace(char **to, const char *value)
{
	free(*to);
	*to = pm_strdup(value);
}

static int a_autoremove(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	k->rm = is_true(value);
	return 0;
}

static int a_init(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	k->init = is_true(value);
	return 0;
}

/* It only adds: a securityContext cannot be undone by FALSE. */
static int a_privileged(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	k->privileged |= is_true(value);
	return 0;
}

static int a_seccomp(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	if (strcmp(value, "unconfined") != 0 && access(value, R_OK) < 0)
		return pm_fail_sys(err, "seccomp profile %s", value);
	pm_strv_addf(&k->security_opt, "seccomp=%s", value);
	return 0;
}

static int a_apparmor(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	pm_strv_addf(&k->security_opt, "apparmor=%s", value);
	return 0;
}

static int a_label(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	if (strcmp(value, "disable") != 0 && access("/sys/fs/selinux/enforce", F_OK) == 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "SELinux labels are not supported; disable is");
	pm_strv_addf(&k->security_opt, "label=%s", value);
	return 0;
}

static int a_cpuset(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	replace(&k->cpuset_cpus, value);
	return 0;
}

static int a_mems(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	replace(&k->cpuset_mems, value);
	return 0;
}

static int a_pids(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	if (!*value || strlen(value) > 9 || value[strspn(value, "0123456789")])
		return pm_fail(err, PM_E_USAGE, "\"%s\" is not a number", value);
	k->pids_limit = strtoll(value, NULL, 10);
	return 0;
}

/* NAME=SOFT[:HARD], by commas. */
static int a_ulimit(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv all = PM_STRV_INIT;
	pm_strv_split(&all, value, ',');
	for (size_t i = 0; i < all.n; i++) {
		long long soft, hard;
		int n = 0;
		char *eq = strchr(all.v[i], '=');
		int found = eq ? sscanf(eq + 1, "%lld%n:%lld%n", &soft, &n, &hard, &n) : 0;
		if (found < 1 || eq[1 + n])
			return pm_fail(err, PM_E_USAGE, "\"%s\" is not NAME=SOFT[:HARD]", all.v[i]);
		struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(k);
		u->name = pm_strndup(all.v[i], (size_t)(eq - all.v[i]));
		u->soft = soft;
		u->hard = found > 1 ? hard : soft;
	}
	return 0;
}

static int a_update(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	pm_env_set(&k->labels, "io.containers.autoupdate", value);
	return 0;
}

static int a_update_auth(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	(void)err;
	pm_env_set(&k->labels, "io.containers.autoupdate.authfile", value);
	return 0;
}

static int a_sdnotify(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	enum pm_notify_mode mode;
	int r = pm_service_notify_mode(value, &mode, err);
	if (r >= 0 && mode != PM_NOTIFY_CONTAINER)
		replace(&k->sdnotify, value);
	return r;
}

static int a_init_type(struct pm_ctr_config *k, const char *value, struct pm_err *err)
{
	if (strcmp(value, "always") != 0 && strcmp(value, "once") != 0)
		return pm_fail(err, PM_E_USAGE, "must be always or once");
	if (k->init_ctr)
		replace(&k->init_ctr, value);
	return 0;
}

static const struct {
	const char *name;
	int (*apply)(struct pm_ctr_config *k, const char *value, struct pm_err *err); /* NULL: elsewhere */
	const char *what;
} known[] = {
	{PM_KUBE_ANNOTATION "apparmor", a_apparmor, "the AppArmor profile"},
	{PM_KUBE_ANNOTATION "autoremove", a_autoremove, "TRUE: the container goes when it ends"},
	{PM_KUBE_ANNOTATION "cpuset", a_cpuset, "the CPUs"},
	{PM_KUBE_ANNOTATION "infra.name", NULL, "the infra container's name; of pods"},
	{PM_KUBE_ANNOTATION "init", a_init, "TRUE: pm-init is the first process"},
	{PM_KUBE_ANNOTATION "init.container.type", a_init_type, "always or once: of init containers"},
	{PM_KUBE_ANNOTATION "label", a_label, "the SELinux label; disable where SELinux is on"},
	{PM_KUBE_ANNOTATION "memory-nodes", a_mems, "the memory nodes"},
	{PM_KUBE_ANNOTATION "pids-limit", a_pids, "so many processes"},
	{PM_KUBE_ANNOTATION "privileged", a_privileged, "TRUE: privileged"},
	{PM_KUBE_ANNOTATION "publish-all", NULL, "TRUE: as --publish-all; of pods"},
	{PM_KUBE_ANNOTATION "seccomp", a_seccomp, "the file of the seccomp profile, or unconfined"},
	{PM_KUBE_ANNOTATION "ulimit", a_ulimit, "NAME=SOFT:HARD, by commas"},
	{PM_KUBE_ANNOTATION "userns", NULL, "as --userns; of pods"},
	{"io.containers.autoupdate", a_update, "registry or local: what pm auto-update does"},
	{"io.containers.autoupdate.authfile", a_update_auth, "the authentication file for that"},
	{"io.containers.sdnotify", a_sdnotify, "as --sdnotify"},
};

void pm_kube_annotations_document(struct pm_buf *out)
{
	pm_buf_add_str(out, "\n## Annotations\n\nOf a pod; with /CONTAINER after the name they are for that container alone. "
			    "Another one that begins with\n" PM_KUBE_ANNOTATION " is an error, and so are those of older "
			    "Kubernetes for seccomp and AppArmor.\nvolume.podman.io/driver, device, type, image, uid, gid and "
			    "mount-options of a PersistentVolumeClaim are\nthe options of its volume.\n\n"
			    "| Annotation | |\n|---|---|\n");
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++)
		pm_buf_printf(out, "| %s | %s |\n", known[i].name, known[i].what);
}

static bool has_container(const struct pm_kube_pod *p, const char *name)
{
	static const char *const lists[] = {"containers", "initContainers"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++) {
		PM_KUBE_EACH(pm_json_get(p->spec, lists[i]), c) {
			if (pm_streq(pm_json_get_str(c, "name"), name))
				return true;
		}
	}
	return false;
}

static int check_one(const struct pm_kube_pod *p, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *plain = pm_strndup(name, strcspn(name, "/"));
	/* seccomp.security.alpha...: Kubernetes itself has dropped them, and a container would be less confined */
	if (pm_startswith(name, "seccomp.security.alpha.kubernetes.io/") ||
	    pm_startswith(name, "container.seccomp.security.alpha.kubernetes.io/") ||
	    pm_startswith(name, "container.apparmor.security.beta.kubernetes.io/"))
		return pm_fail(err, PM_E_UNSUPPORTED, "annotation %s is not supported: give a securityContext",
			       name);
	const char *of = name[strlen(plain)] ? name + strlen(plain) + 1 : NULL;
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].name, plain) != 0)
			continue;
		if (of && !has_container(p, of))
			return pm_fail(err, PM_E_USAGE, "annotation %s: the pod has no container %s", name, of);
		return 0;
	}
	if (!pm_startswith(name, PM_KUBE_ANNOTATION))
		return 0;
	return pm_fail(err, PM_E_UNSUPPORTED, "annotation %s is not supported", name);
}

int pm_kube_annotations_check(const struct pm_kube_pod *p, struct pm_err *err)
{
	const struct pm_json *all = pm_json_get(p->meta, "annotations");
	int r = 0;
	for (size_t i = 0; r >= 0 && i < pm_json_len(all); i++)
		r = check_one(p, all->members[i].name, err);
	for (size_t i = 0; r >= 0 && p->o->annotations && i < p->o->annotations->n; i++) {
		const char *word = p->o->annotations->v[i];
		_cleanup_free_ char *name = pm_strndup(word, strcspn(word, "="));
		r = check_one(p, name, err);
	}
	return r;
}

int pm_kube_annotations(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
			struct pm_err *err)
{
	const struct pm_json *all = pm_json_get(p->meta, "annotations");
	const char *name = pm_json_get_str(c, "name");
	for (size_t i = 0; i < pm_json_len(all); i++)
		pm_env_set(&k->annotations, all->members[i].name, all->members[i].value->string);
	if (p->o->annotations)
		pm_env_merge(&k->annotations, p->o->annotations);
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++) {
		const char *value = pm_kube_annotation(p, known[i].name, name);
		int r = value && known[i].apply ? known[i].apply(k, value, err) : 0;
		if (r < 0)
			return pm_wrap(err, "annotation %s", known[i].name);
	}
	return 0;
}
