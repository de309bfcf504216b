#include "engine/kube/play.h"

#include <string.h>

#include "base/log.h"
#include "engine/container/start.h"
#include "engine/events/events.h"
#include "engine/kube/annotation.h"
#include "engine/kube/build.h"
#include "engine/kube/container.h"
#include "engine/kube/infra.h"
#include "engine/kube/volume.h"
#include "engine/pod/service.h"
#include "engine/pod/verbs.h"
#include "engine/secret/secret.h"
#include "engine/volume/volume.h"
#include "storage/volume.h"

void pm_kube_report_free(struct pm_kube_report *r)
{
	for (size_t i = 0; i < r->n_pods; i++) {
		free(r->pods[i].id);
		free(r->pods[i].name);
		pm_strv_free(&r->pods[i].containers);
		pm_strv_free(&r->pods[i].errors);
	}
	free(r->pods);
	pm_strv_free(&r->volumes);
	pm_strv_free(&r->secrets);
	*r = (struct pm_kube_report){0};
}

/* One run of kube play. */
struct play {
	struct pm_engine *e;
	const struct pm_kube_set *set;
	const struct pm_kube_options *o;
	struct pm_kube_report *report;
	struct pm_kube_pod *pods;
	size_t n_pods;
	struct pm_kube_image *images;
	size_t n_images;
	struct pm_strv volumes; /* made, of claims: taken back after a failure */
	struct pm_strv secrets; /* the same */
	char service[65];       /* the service container; "": none */
};

static void play_free(struct play *p)
{
	for (size_t i = 0; i < p->n_pods; i++) {
		for (size_t k = 0; k < p->pods[i].n_volumes; k++)
			free(p->pods[i].volumes[k].what);
		free(p->pods[i].volumes);
		free(p->pods[i].name);
		pm_strv_free(&p->pods[i].own_volumes);
	}
	free(p->pods);
	for (size_t i = 0; i < p->n_images; i++) {
		free(p->images[i].word);
		free(p->images[i].name);
	}
	free(p->images);
	pm_strv_free(&p->volumes);
	pm_strv_free(&p->secrets);
}
#define _cleanup_play_ _cleanup_(play_free)

/* --- what there is to do ------------------------------------------------------------------------- */

/* Documents that are a pod, or a pod's template. */
static int find_pods(struct play *p, struct pm_err *err)
{
	struct pm_json *empty = pm_json_object(p->set->pool);
	for (size_t i = 0; i < p->set->n; i++) {
		const struct pm_kube_object *o = &p->set->v[i];
		const struct pm_json *spec = pm_json_get(o->v, "spec"), *meta = pm_json_get(o->v, "metadata");
		bool pod = strcmp(o->kind, "Pod") == 0;
		if (!pod && strcmp(o->kind, "Deployment") != 0 && strcmp(o->kind, "DaemonSet") != 0 &&
		    strcmp(o->kind, "Job") != 0)
			continue;
		int64_t replicas, retries;
		int r = pm_kube_int(spec, "replicas", 1, INT32_MAX, 1, &replicas, err);
		if (r >= 0)
			r = pm_kube_int(spec, "backoffLimit", 0, INT32_MAX,
					strcmp(o->kind, "Job") == 0 ? 6 : PM_UNSET, &retries, err);
		if (r < 0)
			return pm_wrap(err, "%s %s", o->kind, o->name);
		if (replicas > 1)
			pm_warn("%s %s: replicas is %lld, and one pod is made", o->kind, o->name,
				(long long)replicas);
		if (!pod) {
			meta = pm_json_find(spec, "template", "metadata", NULL);
			spec = pm_json_find(spec, "template", "spec", NULL);
		}
		p->pods = pm_reallocarray(p->pods, p->n_pods + 1, sizeof(*p->pods));
		p->pods[p->n_pods] = (struct pm_kube_pod){
			.e = p->e,
			.set = p->set,
			.o = p->o,
			.name = pod ? pm_strdup(o->name) : pm_asprintf("%s-pod", o->name),
			.meta = meta ? meta : empty,
			.spec = spec ? spec : empty,
			.index = p->n_pods,
			.retries = retries,
		};
		p->n_pods++;
	}
	return 0;
}

static const char *const container_lists[] = {"initContainers", "containers"};

static int check_containers(const struct pm_kube_pod *pod, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (!pm_json_len(pm_json_get(pod->spec, "containers")))
		return pm_fail(err, PM_E_FORMAT, "it has no containers");
	for (size_t i = 0; i < PM_ARRAY_SIZE(container_lists); i++) {
		PM_KUBE_EACH(pm_json_get(pod->spec, container_lists[i]), c) {
			const char *name = pm_json_get_str(c, "name"), *image = pm_json_get_str(c, "image");
			if (!name || !*name)
				return pm_fail(err, PM_E_FORMAT, "line %u: a container has a name", c->line);
			if (pm_strv_has(&names, name))
				return pm_fail(err, PM_E_FORMAT, "line %u: a second container %s", c->line,
					       name);
			if (!image || !*image)
				return pm_fail(err, PM_E_FORMAT, "line %u: container %s has no image",
					       c->line, name);
			pm_strv_add(&names, name);
		}
	}
	return 0;
}

static int check_name_free(struct play *p, const struct pm_kube_pod *pod, struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	int r = pm_pod_find(p->e->store, pod->name, &row, NULL);
	if (r >= 0 && strcmp(row.name, pod->name) == 0 && !p->o->replace)
		return pm_fail(err, PM_E_EXISTS, "the name is taken by pod %s: use --replace, or pm kube "
						 "down before", row.id);
	return 0;
}

static int check(struct play *p, struct pm_err *err)
{
	int r = find_pods(p, err);
	for (size_t i = 0; r >= 0 && i < p->n_pods; i++) {
		const struct pm_kube_pod *pod = &p->pods[i];
		for (size_t k = 0; r >= 0 && k < i; k++)
			if (strcmp(p->pods[k].name, pod->name) == 0)
				r = pm_fail(err, PM_E_FORMAT, "two pods have this name");
		if (r >= 0)
			r = check_containers(pod, err);
		if (r >= 0)
			r = pm_kube_annotations_check(pod, err);
		if (r >= 0)
			r = check_name_free(p, pod, err);
		if (r < 0)
			return pm_wrap(err, "pod %s", pod->name);
	}
	if (r >= 0 && !p->n_pods && !p->set->n)
		return pm_fail(err, PM_E_FORMAT, "there is nothing to play: no document is of a kind that is "
						 "supported");
	return r;
}

/* --- images -------------------------------------------------------------------------------------- */

struct seen {
	const struct pm_pull_progress *to;
	bool pulled;
};

static void notice(void *arg, const struct pm_pull_event *ev)
{
	struct seen *s = arg;
	s->pulled |= ev->kind == PM_PULL_DONE;
	if (s->to && s->to->event)
		s->to->event(s->to->arg, ev);
}

/* Without a policy as Podman: what may change (:latest) is looked for again, but for images of this host. */
static enum pm_pull_policy policy_of(const char *word, const char *image)
{
	if (word && *word)
		return strcmp(word, "Always") == 0  ? PM_PULL_ALWAYS
		       : strcmp(word, "Never") == 0 ? PM_PULL_NEVER
						    : PM_PULL_MISSING;
	const char *name = strrchr(image, '/');
	const char *tag = strrchr(name ? name : image, ':');
	bool latest = !strchr(image, '@') && (!tag || strcmp(tag, ":latest") == 0);
	return latest && !pm_startswith(image, "localhost/") ? PM_PULL_NEWER : PM_PULL_MISSING;
}

static const struct pm_kube_image *image_of(const struct play *p, const char *word)
{
	for (size_t i = 0; i < p->n_images; i++)
		if (strcmp(p->images[i].word, word) == 0)
			return &p->images[i];
	return NULL;
}

static int obtain(struct play *p, const char *word, const char *policy, struct pm_err *err)
{
	struct seen seen = {.to = p->o->progress};
	const struct pm_pull_progress progress = {.event = notice, .arg = &seen};
	if (image_of(p, word) && !pm_streq(policy, "Always"))
		return 0;
	struct pm_kube_image image = {0};
	int built = pm_kube_build(p->e, p->o, word, err);
	if (built < 0)
		return built;
	int r = pm_image_obtain(p->e->store, word, built ? PM_PULL_NEVER : policy_of(policy, word), p->o->pull, &progress, image.id,
				&image.name, err);
	if (r < 0)
		return pm_wrap(err, "image %s", word);
	if (seen.pulled)
		pm_event_image(p->e, "pull", image.id, word);
	if (image_of(p, word)) {
		struct pm_kube_image *old = (struct pm_kube_image *)(uintptr_t)image_of(p, word);
		memcpy(old->id, image.id, sizeof(old->id));
		free(image.name);
		return 0;
	}
	image.word = pm_strdup(word);
	p->images = pm_reallocarray(p->images, p->n_images + 1, sizeof(*p->images));
	p->images[p->n_images++] = image;
	return 0;
}

static int obtain_images(struct play *p, struct pm_err *err)
{
	for (size_t i = 0; i < p->n_pods; i++) {
		_cleanup_strv_ struct pm_strv names = PM_STRV_INIT, policies = PM_STRV_INIT;
		for (size_t k = 0; k < PM_ARRAY_SIZE(container_lists); k++) {
			PM_KUBE_EACH(pm_json_get(p->pods[i].spec, container_lists[k]), c) {
				const char *policy = pm_json_get_str(c, "imagePullPolicy");
				pm_strv_add(&names, pm_json_get_str(c, "image"));
				pm_strv_add(&policies, policy ? policy : "");
			}
		}
		pm_kube_volume_images(&p->pods[i], &names, &policies);
		for (size_t k = 0; k < names.n; k++) {
			int r = obtain(p, names.v[k], policies.v[k], err);
			if (r < 0)
				return pm_wrap(err, "pod %s", p->pods[i].name);
		}
	}
	return 0;
}

/* --- claims and secrets -------------------------------------------------------------------------- */

/* volume.podman.io/NAME annotations are the volume's options, as Podman's. */
static int claim_options(const struct pm_json *meta, const char **driver, struct pm_strv *options,
			 struct pm_err *err)
{
	static const char prefix[] = "volume.podman.io/";
	const struct pm_json *all = pm_json_get(meta, "annotations");
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	for (size_t i = 0; i < pm_json_len(all); i++) {
		const char *name = all->members[i].name, *value = all->members[i].value->string;
		if (!pm_startswith(name, prefix))
			continue;
		name += strlen(prefix);
		if (strcmp(name, "driver") == 0)
			*driver = value;
		else if (strcmp(name, "device") == 0 || strcmp(name, "type") == 0 ||
			 strcmp(name, "image") == 0)
			pm_strv_addf(options, "%s=%s", name, value);
		else if (strcmp(name, "uid") == 0 || strcmp(name, "gid") == 0)
			pm_strv_addf(&words, "%s=%s", name, value);
		else if (strcmp(name, "mount-options") == 0)
			pm_strv_add(&words, value);
		else
			return pm_fail(err, PM_E_UNSUPPORTED, "annotation %s%s is not supported", prefix, name);
	}
	if (words.n) {
		_cleanup_free_ char *list = pm_strv_join(&words, ",");
		pm_strv_addf(options, "o=%s", list);
	}
	return 0;
}

static int make_claim(struct play *p, const struct pm_kube_object *o, struct pm_err *err)
{
	const struct pm_json *meta = pm_json_get(o->v, "metadata"), *all = pm_json_get(meta, "labels");
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT, labels = PM_STRV_INIT;
	_cleanup_free_ char *name = NULL;
	struct pm_volume_create_options vo = {
		.name = o->name, .labels = &labels, .options = &options, .ignore = true};
	for (size_t i = 0; i < pm_json_len(all); i++)
		pm_strv_addf(&labels, "%s=%s", all->members[i].name, all->members[i].value->string);
	int r = claim_options(meta, &vo.driver, &options, err);
	if (r >= 0)
		r = pm_volume_create(p->e, &vo, &name, err);
	if (r < 0)
		return pm_wrap(err, "PersistentVolumeClaim %s", o->name);
	if (r > 0)
		pm_strv_add(&p->volumes, name);
	pm_strv_add(&p->report->volumes, name);
	return 0;
}

static int make_claims(struct play *p, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < p->set->n; i++)
		if (strcmp(p->set->v[i].kind, "PersistentVolumeClaim") == 0)
			r = make_claim(p, &p->set->v[i], err);
	return r;
}

/* The whole document is the secret's data (JSON is YAML), as Podman keeps it: other files may refer to it. */
static int keep_secret(struct play *p, const struct pm_kube_object *o, struct pm_err *err)
{
	_cleanup_secret_ struct pm_buf text = PM_BUF_INIT;
	struct pm_secret_create_options so = {.name = o->name, .driver = "file", .replace = true};
	char id[PM_SECRET_ID_LEN + 1];
	pm_json_write(o->v, 0, &text);
	int r = pm_secret_create(p->e, &so, &text, id, err);
	if (r < 0)
		return pm_wrap(err, "Secret %s", o->name);
	pm_strv_add(&p->secrets, id);
	pm_strv_add(&p->report->secrets, o->name);
	return 0;
}

static int keep_secrets(struct play *p, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < p->set->n; i++)
		if (strcmp(p->set->v[i].kind, "Secret") == 0)
			r = keep_secret(p, &p->set->v[i], err);
	return r;
}

/* --- pods ---------------------------------------------------------------------------------------- */

static int make_container(struct play *p, struct pm_kube_pod *pod, const struct pm_json *c, bool init,
			  const char *userns, struct pm_kube_report_pod *report, struct pm_err *err)
{
	_cleanup_container_ struct pm_container made;
	pm_container_init(&made);
	made.config.userns = pm_strdup_null(userns);
	int r = pm_kube_container_create(pod, c, init, image_of(p, pm_json_get_str(c, "image")), &made, err);
	if (r >= 0 && !init)
		pm_strv_add(&report->containers, made.row.id);
	return r;
}

static int make_pod(struct play *p, struct pm_kube_pod *pod, struct pm_err *err)
{
	struct pm_kube_report *all = p->report;
	_cleanup_free_ char *userns = NULL;
	int r = pm_kube_volumes_make(pod, err);
	if (r >= 0)
		r = pm_kube_pod_create(pod, &userns, err);
	if (r < 0)
		return r;
	all->pods = pm_reallocarray(all->pods, all->n_pods + 1, sizeof(*all->pods));
	struct pm_kube_report_pod *report = &all->pods[all->n_pods++];
	*report = (struct pm_kube_report_pod){.id = pm_strdup(pod->id), .name = pm_strdup(pod->name)};
	for (size_t i = 0; i < PM_ARRAY_SIZE(container_lists); i++) {
		PM_KUBE_EACH(pm_json_get(pod->spec, container_lists[i]), c) {
			r = make_container(p, pod, c, i == 0, userns, report, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int make_service(struct play *p, struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	_cleanup_free_ char *name = pm_kube_service_name(p->set);
	if (!p->o->service)
		return 0;
	return pm_pod_service_create(p->e, name, p->o->create_command ? p->o->create_command : &none, p->service,
				     err);
}

static int make_pods(struct play *p, struct pm_err *err)
{
	for (size_t i = 0; i < p->n_pods; i++)
		p->pods[i].service = p->service[0] ? p->service : NULL;
	for (size_t i = 0; i < p->n_pods; i++) {
		int r = make_pod(p, &p->pods[i], err);
		if (r < 0)
			return pm_wrap(err, "pod %s", p->pods[i].name);
	}
	return 0;
}

/* After a failure: newest first. What cannot be taken back is told. */
static void take_back(struct play *p)
{
	struct pm_err err = PM_ERR_INIT;
	for (size_t i = p->n_pods; i-- > 0;) {
		struct pm_kube_pod *pod = &p->pods[i];
		if (pod->id[0] && pm_pod_remove(p->e, pod->id, true, 0, NULL, &err) < 0)
			pm_warn("take back pod %s: %s", pod->name, err.text);
		for (size_t k = 0; k < pod->own_volumes.n; k++) /* those no container has used */
			pm_volume_remove(p->e->store, pod->own_volumes.v[k], NULL);
	}
	if (p->service[0] && pm_pod_service_remove(p->e, p->service, &err) < 0)
		pm_warn("take back the service container: %s", err.text);
	for (size_t i = 0; i < p->volumes.n; i++)
		if (pm_volume_remove(p->e->store, p->volumes.v[i], &err) < 0)
			pm_warn("take back volume %s: %s", p->volumes.v[i], err.text);
	for (size_t i = 0; i < p->secrets.n; i++)
		if (pm_secret_remove(p->e, p->secrets.v[i], NULL, &err) < 0)
			pm_warn("take back secret: %s", err.text);
	pm_engine_sweep(p->e);
}

static void note(void *arg, struct pm_err *err)
{
	struct pm_kube_report_pod *report = arg;
	pm_strv_add(&report->errors, err->text);
	pm_err_clear(err);
}

static void start_pods(struct play *p)
{
	for (size_t i = 0; i < p->report->n_pods; i++) {
		struct pm_kube_report_pod *report = &p->report->pods[i];
		struct pm_pod_notes notes = {.note = note, .arg = report};
		struct pm_err err = PM_ERR_INIT;
		if (pm_pod_start(p->e, report->id, &notes, &err) < 0 && !report->errors.n)
			pm_strv_add(&report->errors, err.text);
	}
}

/* Last: its monitor tells systemd that all is there. Pods that have ended already have nobody else to end it. */
static int start_service(struct play *p, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	pm_container_init(&c);
	if (!p->service[0])
		return 0;
	int r = pm_container_load(p->e, p->service, &c, err);
	if (r >= 0)
		r = pm_container_start(p->e, &c, false, &s, err);
	return r < 0 ? pm_wrap(err, "service container") : pm_pod_service_look(p->e, p->service, err);
}

int pm_kube_play(struct pm_engine *e, const struct pm_kube_set *set, const struct pm_kube_options *o,
		 struct pm_kube_report *ret, struct pm_err *err)
{
	_cleanup_play_ struct play p = {.e = e, .set = set, .o = o, .report = ret};
	_cleanup_kube_gone_ struct pm_kube_gone gone = {0};
	int r = pm_engine_conf(e, err);
	if (r >= 0)
		r = check(&p, err);
	if (r >= 0)
		r = obtain_images(&p, err);
	if (r >= 0 && o->replace)
		r = pm_kube_down(e, set, false, &gone, err);
	if (r < 0)
		return r;
	r = make_service(&p, err);
	if (r >= 0)
		r = make_claims(&p, err);
	if (r >= 0)
		r = make_pods(&p, err);
	if (r >= 0)
		r = keep_secrets(&p, err);
	if (r < 0) {
		take_back(&p);
		return r;
	}
	if (!o->start)
		return 0;
	start_pods(&p);
	return start_service(&p, err);
}
