#include "engine/spec/spec.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "engine/spec/gen.h"

static int choose_hostname(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	struct utsname u;
	const char *name = c->hostname;
	bool host_uts = pm_streq(c->utsns, "host");
	if (host_uts && name)
		return pm_fail(err, PM_E_USAGE, "cannot set hostname when running in the host UTS "
						"namespace");
	if (!name && (host_uts || g->env->netns == PM_SPEC_NETNS_HOST) && uname(&u) == 0)
		name = u.nodename;
	if (!name)
		name = g->env->uts_hostname;
	if (!name && c->id) {
		snprintf(g->hostname, sizeof(g->hostname), "%.12s", c->id);
		name = g->hostname;
	}
	/* sethostname(2): at most 64 bytes */
	if (!name || !*name || strlen(name) > 64 || strpbrk(name, " \t\r\n/"))
		return pm_fail(err, PM_E_USAGE, "invalid hostname \"%s\"", name ? name : "");
	if (name != g->hostname)
		snprintf(g->hostname, sizeof(g->hostname), "%s", name);
	/* Another container's UTS namespace has its name already. */
	if (!host_uts && !(c->utsns && (pm_startswith(c->utsns, "container:") ||
					pm_startswith(c->utsns, "ns:"))))
		pm_json_set_str(g->pool, g->root, "hostname", g->hostname);
	return 0;
}

/* Security options as Podman notes them; those of a name one after the other. */
static void add_security_notes(struct pm_gen *g, const char *option, const char *note, const char *between)
{
	_cleanup_strv_ struct pm_strv values = PM_STRV_INIT;
	const size_t n = strlen(option);
	for (size_t i = 0; i < g->c->security_opt.n; i++) {
		const char *s = g->c->security_opt.v[i];
		if (strncmp(s, option, n) == 0 && (s[n] == '=' || s[n] == ':'))
			pm_strv_add(&values, s + n + 1);
	}
	if (!values.n)
		return;
	_cleanup_free_ char *all = pm_strv_join(&values, between);
	pm_json_set_str(g->pool, g->annotations, note, all);
}

/* Runtimes with a virtual machine for each pod go by these. */
static void add_sandbox_notes(struct pm_gen *g)
{
	const struct pm_ctr_config *c = g->c;
	const char *const modes[] = {c->network, c->ipcns, c->utsns, c->pidns};
	const char *sandbox = c->is_infra ? c->id : NULL;
	if (!c->pod)
		return;
	for (size_t i = 0; i < PM_ARRAY_SIZE(modes) && !sandbox; i++)
		if (modes[i] && pm_startswith(modes[i], "container:"))
			sandbox = modes[i] + strlen("container:");
	if (!sandbox)
		return;
	pm_json_set_str(g->pool, g->annotations, "io.kubernetes.cri-o.ContainerType",
			c->is_infra ? "sandbox" : "container");
	pm_json_set_str(g->pool, g->annotations, "io.kubernetes.cri-o.SandboxID", sandbox);
}

static void add_annotations(struct pm_gen *g)
{
	const struct pm_ctr_config *c = g->c;
	struct pm_json *a = g->annotations;
	char when[64], sig[16];
	time_t s = (time_t)(c->created / 1000000000);
	struct tm tm;
	gmtime_r(&s, &tm);
	size_t n = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + n, sizeof(when) - n, ".%09lldZ", (long long)(c->created % 1000000000));
	snprintf(sig, sizeof(sig), "%lld",
		 (long long)(c->stop_signal != PM_UNSET ? c->stop_signal : g->systemd ? PM_SIGRTMIN_3 : 15));
	const struct {
		const char *name, *value;
	} own[] = {
		{"io.container.manager", "libpod"},
		{"io.kubernetes.cri-o.Created", when},
		{"io.kubernetes.cri-o.TTY", c->terminal ? "true" : "false"},
		{"io.podman.annotations.autoremove", c->rm ? "TRUE" : "FALSE"},
		{"io.podman.annotations.init", c->init ? "TRUE" : "FALSE"},
		{"io.podman.annotations.privileged", c->privileged ? "TRUE" : "FALSE"},
		{"io.podman.annotations.publish-all", c->publish_all ? "TRUE" : "FALSE"},
		{"org.opencontainers.image.stopSignal", sig},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(own); i++)
		pm_json_set_str(g->pool, a, own[i].name, own[i].value);
	add_security_notes(g, "seccomp", "io.podman.annotations.seccomp", ",");
	add_security_notes(g, "apparmor", "io.podman.annotations.apparmor", ",");
	add_security_notes(g, "label", "io.podman.annotations.label", ",label=");
	if (c->volumes_from.n) {
		_cleanup_free_ char *from = pm_strv_join(&c->volumes_from, ",");
		pm_json_set_str(g->pool, a, "io.podman.annotations.volumes-from", from);
	}
	add_sandbox_notes(g);
	const struct pm_strv *lists[] = {&g->env->conf->annotations, &c->annotations};
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < lists[k]->n; i++) {
			const char *v = lists[k]->v[i], *eq = strchr(v, '=');
			_cleanup_free_ char *name = eq ? pm_strndup(v, (size_t)(eq - v)) : pm_strdup(v);
			pm_json_set_str(g->pool, a, name, eq ? eq + 1 : "");
		}
	}
}

static void add_root(struct pm_gen *g)
{
	struct pm_json *o = pm_json_object(g->pool);
	pm_json_set_str(g->pool, o, "path", g->env->rootfs);
	if (g->c->read_only)
		pm_json_set_bool(g->pool, o, "readonly", true);
	pm_json_set(g->pool, g->root, "root", o);
}

static void gen_start(struct pm_gen *g)
{
	g->root = pm_json_object(g->pool);
	g->process = pm_json_object(g->pool);
	g->linux_ = pm_json_object(g->pool);
	g->annotations = pm_json_object(g->pool);
}

static int generate(struct pm_gen *g, struct pm_err *err)
{
	int r;
	gen_start(g);
	pm_json_set_str(g->pool, g->root, "ociVersion", "1.0.2");
	pm_json_set(g->pool, g->root, "process", g->process);
	if ((r = pm_gen_identity(g, err)) < 0 || (r = choose_hostname(g, err)) < 0 ||
	    (r = pm_gen_process(g, err)) < 0)
		return r;
	add_root(g);
	if ((r = pm_gen_passwd(g, err)) < 0 || (r = pm_gen_etcfiles(g, err)) < 0 || (r = pm_gen_mounts(g, err)) < 0)
		return r;
	add_annotations(g);
	pm_json_set(g->pool, g->root, "annotations", g->annotations);
	pm_json_set(g->pool, g->root, "linux", g->linux_);
	if ((r = pm_gen_hooks(g, err)) < 0)
		return r;
	if ((r = pm_gen_linux(g, err)) < 0 || (r = pm_gen_seccomp(g, err)) < 0)
		return r;
	return 0;
}

int pm_spec_generate(const struct pm_ctr_config *c, const struct pm_spec_env *env,
		     struct pm_spec_plan *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_spec_plan_ struct pm_spec_plan plan = {0};
	struct pm_gen g = {.c = c, .env = env, .plan = &plan, .pool = pool};
	struct pm_buf text = PM_BUF_INIT;

	int r = generate(&g, err);
	pm_spec_user_free(&g.user);
	if (r < 0)
		return r;
	pm_json_write(g.root, 0, &text);
	plan.json_len = text.len;
	plan.json = pm_buf_take(&text);
	*ret = plan;
	plan = (struct pm_spec_plan){0};
	return 0;
}

void pm_spec_plan_free(struct pm_spec_plan *p)
{
	free(p->json);
	for (size_t i = 0; i < p->n_files; i++) {
		free(p->files[i].path);
		free(p->files[i].text);
	}
	free(p->files);
	pm_strv_free(&p->mkdirs);
	for (size_t i = 0; i < p->n_copyups; i++) {
		free(p->copyups[i].volume);
		free(p->copyups[i].dest);
	}
	free(p->copyups);
	for (size_t i = 0; i < p->n_chowns; i++)
		free(p->chowns[i].path);
	free(p->chowns);
	for (size_t i = 0; i < p->n_appends; i++) {
		free(p->appends[i].path);
		free(p->appends[i].text);
	}
	free(p->appends);
	pm_strv_free(&p->net_sysctls);
	free(p->hosts_own);
	pm_strv_free(&p->hosts_gateway);
	*p = (struct pm_spec_plan){0};
}

int pm_spec_exec_process(const struct pm_ctr_config *c, const struct pm_spec_env *env,
			 const struct pm_strv *argv, const char *user, const char *workdir,
			 const struct pm_strv *extra_env, bool tty, bool privileged,
			 struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_spec_plan_ struct pm_spec_plan plan = {0};
	_cleanup_strv_ struct pm_strv merged = PM_STRV_INIT;
	/* A shallow copy with other words: nothing of it is freed here. */
	struct pm_ctr_config x = *c;
	struct pm_gen g = {.c = &x, .env = env, .plan = &plan, .pool = pool};

	if (argv->n == 0)
		return pm_fail(err, PM_E_USAGE, "must provide a non-empty command to start an exec "
						"session");
	pm_strv_add_all(&merged, pm_strv_argv(&c->env));
	for (size_t i = 0; extra_env && i < extra_env->n; i++) {
		const char *s = extra_env->v[i], *eq = strchr(s, '=');
		_cleanup_free_ char *name = eq ? pm_strndup(s, (size_t)(eq - s)) : pm_strdup(s);
		pm_env_set(&merged, name, eq ? eq + 1 : "");
	}
	x.env = merged;
	x.entrypoint = (struct pm_strv)PM_STRV_INIT;
	x.command = *argv;
	x.init = false;
	x.systemd = (char *)(uintptr_t)"false";
	x.terminal = tty;
	x.privileged = c->privileged || privileged;
	if (user && *user)
		x.user = (char *)(uintptr_t)user;
	if (workdir && *workdir)
		x.workdir = (char *)(uintptr_t)workdir;
	x.workdir_made = true; /* the runtime tells when it is not there */
	gen_start(&g);
	int r = pm_gen_identity(&g, err);
	if (r == -PM_E_NOTEXEC && err) /* an unknown user is no command that failed */
		r = -(err->code = PM_E_USAGE);
	if (r >= 0)
		r = choose_hostname(&g, err);
	if (r >= 0)
		r = pm_gen_process(&g, err);
	pm_spec_user_free(&g.user);
	if (r < 0)
		return r;
	*ret = g.process;
	return 0;
}
