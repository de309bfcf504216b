#include "engine/kube/generate_parts.h"

#include <string.h>

#include "engine/kube/annotation.h"
#include "storage/image.h"

struct pm_json *pm_kube_gen_at(struct pm_kube_gen *g, struct pm_json *o, const char *name)
{
	struct pm_json *v = pm_json_get(o, name);
	return v ? v : pm_json_set(g->pool, o, name, pm_json_object(g->pool));
}

void pm_kube_gen_append(struct pm_kube_gen *g, struct pm_json *o, const char *name, struct pm_json *item)
{
	struct pm_json *list = pm_json_get(o, name);
	if (!list)
		list = pm_json_set(g->pool, o, name, pm_json_array(g->pool));
	pm_json_add(g->pool, list, item);
}

/* Names of Kubernetes are made of lower case letters, digits and '-'. */
char *pm_kube_gen_dns_name(const char *s)
{
	struct pm_buf b = PM_BUF_INIT;
	for (; *s && b.len < 63; s++) {
		char c = *s >= 'A' && *s <= 'Z' ? (char)(*s | 0x20) : *s;
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (good || b.len)
			pm_buf_add_char(&b, good ? c : '-');
	}
	while (b.len && b.data[b.len - 1] == '-')
		pm_buf_cut(&b, b.len - 1);
	return pm_buf_take(&b);
}

/* POD-NAME is NAME in the pod. */
char *pm_kube_gen_name(const struct pm_kube_gen *g, const struct pm_container *c)
{
	size_t n = strlen(g->pod);
	const char *name = c->row.name;
	if (strncmp(name, g->pod, n) == 0 && name[n] == '-' && name[n + 1])
		name += n + 1;
	return pm_kube_gen_dns_name(name);
}

void pm_kube_gen_annotate(struct pm_kube_gen *g, const char *name, const char *container, const char *value)
{
	_cleanup_free_ char *full = container ? pm_asprintf("%s%s/%s", PM_KUBE_ANNOTATION, name, container)
					      : pm_asprintf("%s%s", PM_KUBE_ANNOTATION, name);
	if (g->o->podman_only)
		pm_json_set_str(g->pool, g->annotations, pm_json_pool_strdup(g->pool, full), value);
	else
		pm_strv_addf(g->warnings, "%s: left out: use --podman-only to keep it", full);
}

void pm_kube_gen_lost(struct pm_kube_gen *g, const struct pm_container *c, const char *what)
{
	pm_strv_addf(g->warnings, "container %s: %s: left out: Kubernetes has no field for it", c->row.name,
		     what);
}

/* --- the process --------------------------------------------------------------------------------- */

/* "$(" would be a variable, "$$" one dollar. */
static struct pm_json *escaped(struct pm_kube_gen *g, const char *s)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	for (; *s; s++) {
		if (*s == '$' && (s[1] == '(' || s[1] == '$'))
			pm_buf_add_char(&b, '$');
		pm_buf_add_char(&b, *s);
	}
	return pm_json_str(g->pool, pm_buf_str(&b));
}

static bool same_words(const struct pm_strv *own, const struct pm_json *image)
{
	if (own->n != pm_json_len(image))
		return false;
	for (size_t i = 0; i < own->n; i++)
		if (!pm_json_is(image->items[i], PM_JSON_STRING) ||
		    strcmp(own->v[i], image->items[i]->string) != 0)
			return false;
	return true;
}

static void set_words(struct pm_kube_gen *g, struct pm_json *o, const char *name, const struct pm_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_kube_gen_append(g, o, name, escaped(g, l->v[i]));
}

static void words(struct pm_kube_gen *g, const struct pm_ctr_config *k, const struct pm_json *image,
		  struct pm_json *o)
{
	bool same = same_words(&k->entrypoint, pm_json_get(image, "Entrypoint"));
	bool same_args = same_words(&k->command, pm_json_get(image, "Cmd"));
	/* no arguments where the image has some can be said by a command only */
	if (!same || (!same_args && !k->command.n))
		set_words(g, o, "command", &k->entrypoint);
	if (!same || !same_args)
		set_words(g, o, "args", &k->command);
}

static void environment(struct pm_kube_gen *g, const struct pm_ctr_config *k, const struct pm_json *image,
			struct pm_json *o)
{
	_cleanup_strv_ struct pm_strv its = PM_STRV_INIT;
	if (pm_json_get(image, "Env"))
		pm_json_to_strv(pm_json_get(image, "Env"), &its, NULL);
	for (size_t i = 0; i < k->env.n; i++) {
		const char *eq = strchr(k->env.v[i], '=');
		if (!eq || pm_strv_has(&its, k->env.v[i]))
			continue;
		_cleanup_free_ char *name = pm_strndup(k->env.v[i], (size_t)(eq - k->env.v[i]));
		struct pm_json *v = pm_json_object(g->pool);
		pm_json_set_str(g->pool, v, "name", name);
		pm_json_set(g->pool, v, "value", escaped(g, eq + 1));
		pm_kube_gen_append(g, o, "env", v);
	}
}

static void process(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_json *image,
		    struct pm_json *o)
{
	const struct pm_ctr_config *k = &c->config;
	char text[16];
	const char *stop = pm_json_get_str(image, "StopSignal");
	int its = 15;
	words(g, k, image, o);
	environment(g, k, image, o);
	if (k->workdir && !pm_streq(k->workdir, pm_json_get_str(image, "WorkingDir")))
		pm_json_set_str(g->pool, o, "workingDir", k->workdir);
	if (k->terminal)
		pm_json_set_bool(g->pool, o, "tty", true);
	if (k->stdin_open)
		pm_json_set_bool(g->pool, o, "stdin", true);
	if (stop)
		pm_signal_parse(stop, &its, NULL);
	if (k->stop_signal != PM_UNSET && k->stop_signal != its)
		pm_json_set_str(g->pool, pm_kube_gen_at(g, o, "lifecycle"), "stopSignal",
				pm_signal_name((int)k->stop_signal, text));
}

/* --- security and resources ---------------------------------------------------------------------- */

static void security_opts(struct pm_kube_gen *g, const struct pm_container *c, const char *name,
			  struct pm_json *context)
{
	for (size_t i = 0; i < c->config.security_opt.n; i++) {
		const char *opt = c->config.security_opt.v[i];
		if (pm_startswith(opt, "no-new-privileges")) {
			if (!pm_endswith(opt, "false"))
				pm_json_set_bool(g->pool, context, "allowPrivilegeEscalation", false);
		} else if (strcmp(opt, "seccomp=unconfined") == 0) {
			pm_json_set_str(g->pool, pm_kube_gen_at(g, context, "seccompProfile"), "type",
					"Unconfined");
		} else if (strcmp(opt, "unmask=ALL") == 0 || strcmp(opt, "unmask=all") == 0 ||
			   strcmp(opt, "systempaths=unconfined") == 0) {
			pm_json_set_str(g->pool, context, "procMount", "Unmasked");
		} else if (pm_startswith(opt, "seccomp=")) {
			pm_kube_gen_annotate(g, "seccomp", name, opt + strlen("seccomp="));
		} else if (pm_startswith(opt, "apparmor=")) {
			pm_kube_gen_annotate(g, "apparmor", name, opt + strlen("apparmor="));
		} else if (pm_startswith(opt, "label=")) {
			pm_kube_gen_annotate(g, "label", name, opt + strlen("label="));
		} else {
			pm_kube_gen_lost(g, c, opt);
		}
	}
}

static int user(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_json *image,
		struct pm_json *context, struct pm_err *err)
{
	const char *word = c->config.user;
	if (!word || !*word || pm_streq(word, pm_json_get_str(image, "User")))
		return 0;
	const char *group = strchr(word, ':');
	size_t n = strspn(word, "0123456789");
	if (n == 0 || word[n] != (group ? ':' : '\0') ||
	    (group && (!group[1] || group[1 + strspn(group + 1, "0123456789")])))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "container %s: user %s: only numbers can be said in Kubernetes YAML",
			       c->row.name, word);
	pm_json_set_int(g->pool, context, "runAsUser", strtoll(word, NULL, 10));
	if (group)
		pm_json_set_int(g->pool, context, "runAsGroup", strtoll(group + 1, NULL, 10));
	return 0;
}

static int security(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_json *image,
		    const char *name, struct pm_json *o, struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	struct pm_json *context = pm_json_object(g->pool);
	if (k->privileged)
		pm_json_set_bool(g->pool, context, "privileged", true);
	if (k->read_only)
		pm_json_set_bool(g->pool, context, "readOnlyRootFilesystem", true);
	if (k->read_only && !k->read_only_tmpfs_off)
		pm_kube_gen_lost(g, c, "the tmpfs mounts of a read-only container");
	if (k->cap_add.n)
		pm_json_set(g->pool, pm_kube_gen_at(g, context, "capabilities"), "add",
			    pm_json_strv(g->pool, &k->cap_add));
	if (k->cap_drop.n)
		pm_json_set(g->pool, pm_kube_gen_at(g, context, "capabilities"), "drop",
			    pm_json_strv(g->pool, &k->cap_drop));
	security_opts(g, c, name, context);
	int r = user(g, c, image, context, err);
	if (r >= 0 && context->len)
		pm_json_set(g->pool, o, "securityContext", context);
	return r;
}

static void set_quantity(struct pm_kube_gen *g, struct pm_json *o, const char *which, const char *name,
			 int64_t n, const char *unit)
{
	_cleanup_free_ char *text = pm_asprintf("%lld%s", (long long)n, unit);
	pm_json_set_str(g->pool, pm_kube_gen_at(g, pm_kube_gen_at(g, o, "resources"), which), name, text);
}

static void resources(struct pm_kube_gen *g, const struct pm_container *c, const char *name,
		      struct pm_json *o)
{
	const struct pm_ctr_config *k = &c->config;
	_cleanup_buf_ struct pm_buf ulimits = PM_BUF_INIT;
	if (k->memory > 0)
		set_quantity(g, o, "limits", "memory", k->memory, "");
	if (k->memory_reservation > 0)
		set_quantity(g, o, "requests", "memory", k->memory_reservation, "");
	if (k->cpu_quota > 0)
		set_quantity(g, o, "limits", "cpu",
			     k->cpu_quota * 1000 / (k->cpu_period > 0 ? k->cpu_period : 100000), "m");
	if (k->cpu_shares > 0)
		set_quantity(g, o, "requests", "cpu", (k->cpu_shares * 1000 + 1023) / 1024, "m");
	if (k->cpuset_cpus)
		pm_kube_gen_annotate(g, "cpuset", name, k->cpuset_cpus);
	if (k->cpuset_mems)
		pm_kube_gen_annotate(g, "memory-nodes", name, k->cpuset_mems);
	if (k->pids_limit != PM_UNSET && k->pids_limit > 0) {
		_cleanup_free_ char *text = pm_asprintf("%lld", (long long)k->pids_limit);
		pm_kube_gen_annotate(g, "pids-limit", name, text);
	}
	for (size_t i = 0; i < k->n_ulimits; i++)
		pm_buf_printf(&ulimits, "%s%s=%lld:%lld", i ? "," : "", k->ulimits[i].name,
			      (long long)k->ulimits[i].soft, (long long)k->ulimits[i].hard);
	if (k->n_ulimits)
		pm_kube_gen_annotate(g, "ulimit", name, ulimits.data);
}

/* --- health -------------------------------------------------------------------------------------- */

/* "http://ADDRESS:PORT/PATH" or "ADDRESS:PORT" into an action. */
static void set_target(struct pm_kube_gen *g, struct pm_json *action, const char *s, bool http)
{
	const char *at = s + (http ? strlen("http://") : 0);
	size_t n = strcspn(at, "/");
	_cleanup_free_ char *host = pm_strndup(at, n);
	char *colon = strrchr(host, ':');
	if (!colon)
		return;
	*colon = '\0';
	pm_json_set_int(g->pool, action, "port", strtoll(colon + 1, NULL, 10));
	if (http)
		pm_json_set_str(g->pool, action, "path", at[n] ? at + n : "/");
	char *bare = host + (*host == '[');
	bare[strcspn(bare, "]")] = '\0';
	if (strcmp(bare, "127.0.0.1") != 0)
		pm_json_set_str(g->pool, action, "host", bare);
}

static void set_action(struct pm_kube_gen *g, struct pm_json *probe, const struct pm_strv *test)
{
	if (test->n > 1 && strcmp(test->v[0], "HTTP-GET") == 0) {
		struct pm_json *action = pm_kube_gen_at(g, probe, "httpGet");
		set_target(g, action, test->v[1], true);
		for (size_t i = 2; i < test->n; i++) {
			const char *colon = strchr(test->v[i], ':');
			struct pm_json *h = pm_json_object(g->pool);
			_cleanup_free_ char *name = pm_strndup(test->v[i], colon ? (size_t)(colon - test->v[i]) : 0);
			pm_json_set_str(g->pool, h, "name", name);
			pm_json_set_str(g->pool, h, "value", colon ? colon + 1 + strspn(colon + 1, " ") : "");
			pm_kube_gen_append(g, action, "httpHeaders", h);
		}
		return;
	}
	if (test->n == 2 && strcmp(test->v[0], "TCP") == 0) {
		set_target(g, pm_kube_gen_at(g, probe, "tcpSocket"), test->v[1], false);
		return;
	}
	struct pm_json *action = pm_kube_gen_at(g, probe, "exec");
	bool shell = strcmp(test->v[0], "CMD-SHELL") == 0, command = strcmp(test->v[0], "CMD") == 0;
	if (shell) {
		pm_kube_gen_append(g, action, "command", pm_json_str(g->pool, "/bin/sh"));
		pm_kube_gen_append(g, action, "command", pm_json_str(g->pool, "-c"));
	}
	for (size_t i = shell || command; i < test->n; i++)
		pm_kube_gen_append(g, action, "command", pm_json_str(g->pool, test->v[i]));
}

static int64_t seconds(const struct pm_json *check, const char *name, int64_t missing)
{
	int64_t ns = pm_json_get_int(check, name, 0);
	return ns > 0 ? (ns + 999999999) / 1000000000 : missing;
}

static void probe(struct pm_kube_gen *g, const char *text, const char *name, struct pm_json *o)
{
	struct pm_json *check, *v = pm_json_object(g->pool);
	_cleanup_strv_ struct pm_strv test = PM_STRV_INIT;
	if (pm_json_parse(g->pool, text, strlen(text), &check, NULL) < 0 ||
	    pm_json_to_strv(pm_json_get(check, "Test"), &test, NULL) < 0 || !test.n ||
	    strcmp(test.v[0], "NONE") == 0)
		return;
	set_action(g, v, &test);
	pm_json_set_int(g->pool, v, "periodSeconds", seconds(check, "Interval", 30));
	pm_json_set_int(g->pool, v, "timeoutSeconds", seconds(check, "Timeout", 30));
	if (pm_json_get_int(check, "Retries", 0) > 0)
		pm_json_set_int(g->pool, v, "failureThreshold", pm_json_get_int(check, "Retries", 0));
	if (seconds(check, "StartPeriod", 0))
		pm_json_set_int(g->pool, v, "initialDelaySeconds", seconds(check, "StartPeriod", 0));
	pm_json_set(g->pool, o, name, v);
}

static void health(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_json *image,
		   struct pm_json *o)
{
	const struct pm_ctr_config *k = &c->config;
	const struct pm_json *its = pm_json_get(image, "Healthcheck");
	struct pm_json *own = NULL;
	if (!k->healthcheck)
		return;
	pm_json_parse(g->pool, k->healthcheck, strlen(k->healthcheck), &own, NULL);
	if (!its || !pm_json_equal(own, its))
		probe(g, k->healthcheck,
		      !k->health_on_failure || strcmp(k->health_on_failure, "none") == 0 ? "readinessProbe"
											  : "livenessProbe", o);
	if (k->startup_healthcheck)
		probe(g, k->startup_healthcheck, "startupProbe", o);
}

/* --- all of it ----------------------------------------------------------------------------------- */

/* What Kubernetes has no field for. */
static void rest(struct pm_kube_gen *g, const struct pm_container *c, const char *name)
{
	const struct pm_ctr_config *k = &c->config;
	const char *update = NULL;
	for (size_t i = 0; i < k->labels.n; i++)
		if (pm_startswith(k->labels.v[i], "io.containers.autoupdate="))
			update = strchr(k->labels.v[i], '=') + 1;
	if (update) {
		_cleanup_free_ char *full = pm_asprintf("io.containers.autoupdate/%s", name);
		pm_json_set_str(g->pool, g->annotations, pm_json_pool_strdup(g->pool, full), update);
	}
	for (size_t i = 0; i < k->annotations.n; i++) {
		char *eq = strchr(k->annotations.v[i], '=');
		_cleanup_free_ char *key = pm_strndup(k->annotations.v[i], (size_t)(eq - k->annotations.v[i]));
		if (!pm_startswith(key, PM_KUBE_ANNOTATION) && !pm_startswith(key, "io.containers."))
			pm_json_set_str(g->pool, g->annotations, pm_json_pool_strdup(g->pool, key), eq + 1);
	}
	if (k->rm)
		pm_kube_gen_annotate(g, "autoremove", name, "TRUE");
	if (k->init)
		pm_kube_gen_annotate(g, "init", name, "TRUE");
	if (pm_streq(k->init_ctr, "always"))
		pm_kube_gen_annotate(g, "init.container.type", name, "always");
	if (k->secrets.n)
		pm_kube_gen_lost(g, c, "secrets");
	if (k->egress.n)
		pm_kube_gen_lost(g, c, "egress rules");
	if (k->timezone)
		pm_kube_gen_lost(g, c, "the time zone");
	if (k->umask && strcmp(k->umask, "0022") != 0)
		pm_kube_gen_lost(g, c, "the umask");
	if (k->n_throttles || k->blkio_weight != PM_UNSET || k->cgroup_conf.n)
		pm_kube_gen_lost(g, c, "limits of block devices and of the control group");
}

static int image_config(struct pm_kube_gen *g, const struct pm_container *c, const struct pm_json **ret,
			struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	struct pm_json *config;
	if (!c->config.image_id)
		return pm_fail(err, PM_E_UNSUPPORTED, "container %s has no image: it was made with --rootfs",
			       c->row.name);
	int r = pm_image_by_id(g->e->store, c->config.image_id, PM_IMAGE_CONFIG, &image, err);
	if (r >= 0)
		r = pm_json_parse(g->pool, image.config, image.config_len, &config, err);
	if (r >= 0)
		*ret = pm_json_get(config, "config");
	return r;
}

int pm_kube_gen_container(struct pm_kube_gen *g, const struct pm_container *c, struct pm_json **ret,
			  struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	const struct pm_json *image = NULL;
	struct pm_json *o = *ret = pm_json_object(g->pool);
	_cleanup_free_ char *name = pm_kube_gen_name(g, c);
	int r = image_config(g, c, &image, err);
	if (r < 0)
		return r;
	pm_json_set_str(g->pool, o, "image", k->image);
	pm_json_set_str(g->pool, o, "name", name);
	process(g, c, image, o);
	resources(g, c, name, o);
	health(g, c, image, o);
	rest(g, c, name);
	r = security(g, c, image, name, o, err);
	return r < 0 ? r : pm_kube_gen_mounts(g, c, o, err);
}
