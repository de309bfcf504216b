#include "engine/kube/container.h"

#include <string.h>

#include "engine/container/create.h"
#include "engine/container/logopts.h"
#include "engine/kube/annotation.h"
#include "engine/kube/env.h"
#include "engine/kube/probe.h"
#include "engine/kube/security.h"
#include "engine/kube/volume.h"

char *pm_kube_container_name(const struct pm_kube_pod *p, const struct pm_json *c)
{
	const char *name = pm_json_get_str(c, "name");
	return p->o->no_pod_prefix ? pm_strdup(name) : pm_asprintf("%s-%s", p->name, name);
}

static void labels(const struct pm_kube_pod *p, struct pm_ctr_config *k)
{
	const struct pm_json *all = pm_json_get(p->meta, "labels");
	for (size_t i = 0; i < pm_json_len(all); i++)
		pm_env_set(&k->labels, all->members[i].name, all->members[i].value->string);
}

/* command is the entrypoint, and takes the image's arguments with it; args are the arguments. */
static bool words(const struct pm_json *c, const struct pm_strv *env, struct pm_ctr_config *k)
{
	const struct pm_json *command = pm_json_get(c, "command"), *args = pm_json_get(c, "args");
	for (size_t i = 0; i < pm_json_len(command); i++)
		pm_strv_take(&k->entrypoint, pm_kube_expand(command->items[i]->string, env));
	for (size_t i = 0; i < pm_json_len(args); i++)
		pm_strv_take(&k->command, pm_kube_expand(args->items[i]->string, env));
	return pm_json_len(command) > 0;
}

static void restart_policy(const struct pm_kube_pod *p, bool init, struct pm_ctr_config *k)
{
	const char *word = pm_json_get_str(p->spec, "restartPolicy");
	bool failure = pm_streq(word, "OnFailure");
	if (init)
		return;
	k->restart_policy = pm_strdup(pm_streq(word, "Never") ? "no" : failure ? "on-failure" : "always");
	if (failure)
		k->restart_retries = p->retries;
}

static int life(const struct pm_kube_pod *p, const struct pm_json *c, bool init, struct pm_ctr_config *k,
		struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	const char *stop = pm_json_get_str(pm_json_get(c, "lifecycle"), "stopSignal");
	int sig, r = stop ? pm_signal_parse(stop, &sig, err) : 0;
	if (r >= 0 && stop)
		k->stop_signal = sig;
	if (r >= 0)
		r = pm_kube_int(p->spec, "terminationGracePeriodSeconds", 0, INT32_MAX, PM_UNSET,
				&k->stop_timeout, err);
	restart_policy(p, init, k);
	return r < 0 ? r
		     : pm_log_options_apply(p->e, p->o->log_driver,
					    p->o->log_opts ? p->o->log_opts : &none, k, err);
}

static int process(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
		   struct pm_err *err)
{
	const struct pm_conf *conf = &p->e->conf;
	const char *dir = pm_json_get_str(c, "workingDir");
	if (dir && *dir && dir[0] != '/')
		return pm_fail(err, PM_E_USAGE, "workingDir %s: must be an absolute path", dir);
	k->workdir = dir && *dir ? pm_strdup(dir) : NULL;
	k->terminal = pm_json_get_bool(c, "tty", false);
	k->stdin_open = pm_json_get_bool(c, "stdin", false);
	k->http_proxy_off = !conf->http_proxy;
	k->init = conf->init;
	k->image_volume = pm_strdup_null(conf->image_volume_mode);
	k->runtime = pm_strdup_null(p->e->runtime);
	k->cgroups = pm_strdup_null(conf->cgroups);
	k->oom_score_adj = conf->oom_score_adj;
	k->no_hosts = p->o->no_hosts;
	k->sdnotify = p->service ? pm_strdup("ignore") : NULL; /* the service container speaks */
	return 0;
}

static int fill(struct pm_kube_pod *p, const struct pm_json *c, bool init,
		const struct pm_kube_image *image, struct pm_ctr_config *k, struct pm_err *err)
{
	int r;
	k->name = pm_kube_container_name(p, c);
	k->image = pm_strdup(image->name);
	k->raw_image_name = pm_strdup(image->word);
	k->init_ctr = init ? pm_strdup("once") : NULL;
	if (p->o->create_command)
		pm_strv_add_all(&k->create_command, pm_strv_argv(p->o->create_command));
	labels(p, k);
	if ((r = process(p, c, k, err)) < 0 || (r = life(p, c, init, k, err)) < 0 ||
	    (r = pm_kube_env(p, c, &k->env, err)) < 0 ||
	    (r = pm_kube_security(p, c, image->id, k, err)) < 0 ||
	    (r = pm_kube_resources(p, c, k, err)) < 0 || (r = pm_kube_annotations(p, c, k, err)) < 0 ||
	    (r = pm_kube_mounts(p, c, &k->env, k, err)) < 0 || (r = pm_kube_probes(p, c, k, err)) < 0)
		return r;
	if (k->init)
		k->init_path = pm_strdup_null(p->e->conf.init_path);
	return 0;
}

int pm_kube_container_create(struct pm_kube_pod *p, const struct pm_json *c, bool init,
			     const struct pm_kube_image *image, struct pm_container *ret,
			     struct pm_err *err)
{
	struct pm_ctr_config *k = &ret->config;
	unsigned int own = 0;
	int r = fill(p, c, init, image, k, err);
	if (r >= 0 && pm_json_get_bool(p->spec, "hostPID", false)) {
		k->pidns = pm_strdup("host");
		own |= PM_POD_SHARE_PID;
	}
	if (r >= 0)
		r = pm_pod_join(p->e, p->id, own, k, err);
	struct pm_create_options co = {.image_id = image->id};
	if (r >= 0)
		co.user_entrypoint = words(c, &k->env, k);
	if (r >= 0)
		r = pm_container_create(p->e, ret, &co, err);
	return r < 0 ? pm_wrap(err, "container %s", pm_json_get_str(c, "name")) : 0;
}
