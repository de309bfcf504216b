#include "engine/container/image_defaults.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <strings.h>

#include "base/fs.h"
#include "engine/container/health.h"

extern char **environ;

static const struct {
	const char *name;
	int sig;
} signals[] = {
	{"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},
	{"TRAP", SIGTRAP},     {"ABRT", SIGABRT}, {"BUS", SIGBUS},     {"FPE", SIGFPE},
	{"KILL", SIGKILL},     {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},   {"USR2", SIGUSR2},
	{"PIPE", SIGPIPE},     {"ALRM", SIGALRM}, {"TERM", SIGTERM},   {"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD},     {"CONT", SIGCONT}, {"STOP", SIGSTOP},   {"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
	{"IO", SIGIO},         {"PWR", SIGPWR},   {"SYS", SIGSYS},     {"IOT", SIGABRT},
	{"POLL", SIGIO},       {"CLD", SIGCHLD},
};

/* Kernel numbers: libc keeps the first two real-time signals for itself, containers do not know. */
#define RTMIN_KERNEL 34
#define RTMAX_KERNEL 64

static int parse_offset(const char *s, int *ret)
{
	char *end;
	if (!isdigit((unsigned char)*s))
		return -1;
	long n = strtol(s, &end, 10);
	if (*end || n < 0 || n > RTMAX_KERNEL)
		return -1;
	*ret = (int)n;
	return 0;
}

int pm_signal_parse(const char *s, int *ret, struct pm_err *err)
{
	int n;
	if (parse_offset(s, &n) == 0) {
		if (n < 1)
			goto bad;
		*ret = n;
		return 0;
	}
	const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
	for (size_t i = 0; i < PM_ARRAY_SIZE(signals); i++) {
		if (strcasecmp(name, signals[i].name) == 0) {
			*ret = signals[i].sig;
			return 0;
		}
	}
	if (strncasecmp(name, "RTMIN", 5) == 0) {
		n = 0;
		if (name[5] == 0 || (name[5] == '+' && parse_offset(name + 6, &n) == 0)) {
			if (RTMIN_KERNEL + n > RTMAX_KERNEL)
				goto bad;
			*ret = RTMIN_KERNEL + n;
			return 0;
		}
	}
	if (strncasecmp(name, "RTMAX", 5) == 0) {
		n = 0;
		if (name[5] == 0 || (name[5] == '-' && parse_offset(name + 6, &n) == 0)) {
			if (RTMAX_KERNEL - n < RTMIN_KERNEL)
				goto bad;
			*ret = RTMAX_KERNEL - n;
			return 0;
		}
	}
bad:
	return pm_fail(err, PM_E_USAGE, "invalid signal: %s", s);
}

const char *pm_signal_name(int sig, char buf[16])
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(signals); i++) {
		if (signals[i].sig == sig) {
			snprintf(buf, 16, "SIG%s", signals[i].name);
			return buf;
		}
	}
	if (sig == RTMIN_KERNEL)
		snprintf(buf, 16, "SIGRTMIN");
	else if (sig > RTMIN_KERNEL && sig <= RTMAX_KERNEL)
		snprintf(buf, 16, "SIGRTMIN+%d", sig - RTMIN_KERNEL);
	else
		snprintf(buf, 16, "%d", sig);
	return buf;
}

int pm_ctr_parse_entrypoint(const char *arg, struct pm_strv *ret, struct pm_err *err)
{
	if (!*arg)
		return 0;
	/* Podman takes what is no JSON array of strings as one word, without complaint. */
	if (*arg == '[') {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		struct pm_json *v;
		struct pm_strv l = PM_STRV_INIT;
		if (pm_json_parse(pool, arg, strlen(arg), &v, NULL) >= 0 &&
		    pm_json_is(v, PM_JSON_ARRAY) && pm_json_to_strv(v, &l, NULL) >= 0) {
			pm_strv_add_all(ret, pm_strv_argv(&l));
			pm_strv_free(&l);
			return 0;
		}
		pm_strv_free(&l);
	}
	(void)err;
	pm_strv_add(ret, arg);
	return 0;
}

/* --systemd=true: the command's name decides, as Podman's list has it. */
bool pm_ctr_config_is_systemd(const struct pm_ctr_config *c)
{
	static const char *const inits[] = {"/usr/sbin/init", "/sbin/init",
					    "/usr/local/sbin/init", "/lib/systemd/systemd"};
	if (c->systemd && strcmp(c->systemd, "always") == 0)
		return true;
	if ((c->systemd && strcmp(c->systemd, "true") != 0) || c->init)
		return false;
	const char *cmd = c->entrypoint.n ? c->entrypoint.v[0] : c->command.n ? c->command.v[0] : "";
	const char *base = strrchr(cmd, '/');
	if (pm_streq(base ? base + 1 : cmd, "systemd"))
		return true;
	for (size_t i = 0; i < PM_ARRAY_SIZE(inits); i++)
		if (pm_streq(cmd, inits[i]))
			return true;
	return false;
}

/* An array of strings, or null, or nothing. */
static int strings(const struct pm_json *cfg, const char *name, struct pm_strv *ret,
		   struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(cfg, name);
	if (!v || pm_json_is(v, PM_JSON_NULL))
		return 0;
	if (!pm_json_is(v, PM_JSON_ARRAY) || v->len > PM_IMAGE_MAX_ITEMS)
		return pm_fail(err, PM_E_FORMAT, "image's configuration: %s is no list of strings",
			       name);
	if (pm_json_to_strv(v, ret, err) < 0)
		return pm_wrap(err, "image's configuration: %s", name);
	for (size_t i = 0; i < v->len; i++)
		if (strlen(v->items[i]->string) != v->items[i]->len)
			return pm_fail(err, PM_E_FORMAT, "image's configuration: %s: NUL byte", name);
	return 0;
}

static int object(const struct pm_json *cfg, const char *name, const struct pm_json **ret,
		  struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(cfg, name);
	*ret = NULL;
	if (!v || pm_json_is(v, PM_JSON_NULL))
		return 0;
	if (!pm_json_is(v, PM_JSON_OBJECT) || v->len > PM_IMAGE_MAX_ITEMS)
		return pm_fail(err, PM_E_FORMAT, "image's configuration: %s is no object", name);
	*ret = v;
	return 0;
}

static int add_volumes(struct pm_ctr_config *c, const struct pm_json *cfg, struct pm_err *err)
{
	const struct pm_json *v;
	int r = object(cfg, "Volumes", &v, err);
	if (r < 0 || !v || pm_streq(c->image_volume, "ignore"))
		return r;
	for (size_t i = 0; i < v->len; i++) {
		_cleanup_free_ char *joined = pm_asprintf("/%s", v->members[i].name);
		_cleanup_free_ char *dest = pm_path_clean(joined);
		if (pm_streq(dest, "/"))
			return pm_fail(err, PM_E_FORMAT,
				       "image's configuration: volume at the root directory");
		bool covered = false;
		for (size_t k = 0; k < c->n_mounts && !covered; k++)
			covered = pm_streq(c->mounts[k].dest, dest);
		if (covered)
			continue;
		struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
		m->dest = pm_steal(&dest);
		m->from_image = true;
		if (pm_streq(c->image_volume, "tmpfs")) {
			m->type = pm_strdup("tmpfs");
		} else {
			m->type = pm_strdup("volume");
			m->anonymous = true;
			pm_strv_add(&m->options, "nodev");
			pm_strv_add(&m->options, "exec");
			pm_strv_add(&m->options, "nosuid");
			pm_strv_add(&m->options, "rbind");
		}
	}
	return 0;
}

/* What a program behind a proxy needs to reach the network, below anything else that is set. */
static void add_proxies(struct pm_strv *env)
{
	static const char *const names[] = {"http_proxy",  "https_proxy", "ftp_proxy",	 "no_proxy",
					    "HTTP_PROXY",  "HTTPS_PROXY", "FTP_PROXY",	 "NO_PROXY"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			pm_env_set(env, names[i], v);
	}
}

static int merge_words(struct pm_ctr_config *c, const struct pm_json *cfg, struct pm_err *err)
{
	const struct pm_json *labels, *ports;
	struct pm_strv env = PM_STRV_INIT, merged = PM_STRV_INIT;
	int r = strings(cfg, "Env", &env, err);
	if (r >= 0) {
		if (c->env_host)
			pm_strv_add_all(&merged, environ);
		else if (!c->http_proxy_off)
			add_proxies(&merged);
		/* A variable given twice: the later one counts. */
		pm_env_merge(&merged, &env);
		pm_env_merge(&merged, &c->env);
		pm_strv_free(&c->env);
		c->env = merged;
	}
	pm_strv_free(&env);
	if (r < 0 || (r = object(cfg, "Labels", &labels, err)) < 0 ||
	    (r = object(cfg, "ExposedPorts", &ports, err)) < 0)
		return r;
	struct pm_strv all = PM_STRV_INIT;
	for (size_t i = 0; i < pm_json_len(labels); i++) {
		const struct pm_json *v = labels->members[i].value;
		if (pm_json_is(v, PM_JSON_STRING))
			pm_env_set(&all, labels->members[i].name, v->string);
	}
	pm_env_merge(&all, &c->labels);
	pm_strv_free(&c->labels);
	c->labels = all;
	for (size_t i = 0; i < pm_json_len(ports); i++)
		if (!pm_strv_has(&c->expose, ports->members[i].name))
			pm_strv_add(&c->expose, ports->members[i].name);
	return 0;
}

static int take_command(struct pm_ctr_config *c, const struct pm_json *cfg, bool user_entrypoint,
			struct pm_err *err)
{
	int r;
	if (!user_entrypoint && (r = strings(cfg, "Entrypoint", &c->entrypoint, err)) < 0)
		return r;
	/* The image's arguments belong to the image's entry point only. */
	if (!user_entrypoint && c->command.n == 0 && (r = strings(cfg, "Cmd", &c->command, err)) < 0)
		return r;
	if (c->entrypoint.n == 1 && !c->entrypoint.v[0][0])
		pm_strv_free(&c->entrypoint);
	if (c->entrypoint.n == 0 && c->command.n == 0 && !pm_ctr_config_only_holds(c))
		return pm_fail(err, PM_E_USAGE, "no command or entrypoint provided, and no CMD or "
						"ENTRYPOINT from image");
	return 0;
}

int pm_ctr_config_apply_image(struct pm_ctr_config *c, const struct pm_json *image_config,
			      bool user_entrypoint, struct pm_err *err)
{
	const struct pm_json *cfg = pm_json_get(image_config, "config");
	int r;
	if (cfg && !pm_json_is(cfg, PM_JSON_OBJECT) && !pm_json_is(cfg, PM_JSON_NULL))
		return pm_fail(err, PM_E_FORMAT, "image's configuration: config is no object");
	if ((r = take_command(c, cfg, user_entrypoint, err)) < 0 ||
	    (r = merge_words(c, cfg, err)) < 0 || (r = add_volumes(c, cfg, err)) < 0)
		return r;
	const char *s = pm_json_get_str(cfg, "User");
	if (!c->user && s && *s)
		c->user = pm_strdup(s);
	s = pm_json_get_str(cfg, "WorkingDir");
	if (!c->workdir && s && *s) {
		_cleanup_free_ char *joined = pm_asprintf("/%s", s);
		c->workdir = pm_path_clean(joined);
		c->workdir_made = true;
	}
	s = pm_json_get_str(cfg, "StopSignal");
	if (c->stop_signal == PM_UNSET && s && *s) {
		int sig;
		if ((r = pm_signal_parse(s, &sig, err)) < 0)
			return pm_wrap(err, "image's stop signal");
		c->stop_signal = sig;
	}
	pm_health_merge(&c->healthcheck, pm_json_get(cfg, "Healthcheck"));
	return 0;
}
