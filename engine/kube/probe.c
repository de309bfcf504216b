#include "engine/kube/probe.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/log.h"

#define SECOND INT64_C(1000000000)

/* A number, or the name of one of the container's ports. */
static int port_of(const struct pm_json *c, const struct pm_json *action, int64_t *ret, struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(action, "port");
	if (!v)
		return pm_fail(err, PM_E_FORMAT, "line %u: a port must be given", action->line);
	*ret = 0;
	if (pm_json_is(v, PM_JSON_NUMBER) || (v->string[0] && !v->string[strspn(v->string, "0123456789")])) {
		*ret = strtoll(v->string, NULL, 10);
	} else {
		PM_KUBE_EACH(pm_json_get(c, "ports"), port) {
			if (pm_streq(pm_json_get_str(port, "name"), v->string))
				*ret = pm_json_get_int(port, "containerPort", 0);
		}
		if (!*ret)
			return pm_fail(err, PM_E_USAGE, "line %u: the container has no port \"%s\"", v->line,
				       v->string);
	}
	if (*ret < 1 || *ret > 65535)
		return pm_fail(err, PM_E_USAGE, "line %u: the port must be from 1 to 65535", v->line);
	return 0;
}

/* "ADDRESS:PORT", IPv6 in brackets; the caller frees. */
static int target(const struct pm_json *c, const struct pm_json *action, char **ret, struct pm_err *err)
{
	const char *host = pm_json_get_str(action, "host");
	unsigned char address[16];
	int64_t port = 0;
	int r = port_of(c, action, &port, err);
	if (r < 0)
		return r;
	if (!host || !*host || strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	bool six = inet_pton(AF_INET6, host, address) == 1;
	if (!six && inet_pton(AF_INET, host, address) != 1)
		return pm_fail(err, PM_E_UNSUPPORTED, "line %u: host %s: must be an address: the monitor, "
						      "which asks, looks no names up", action->line, host);
	*ret = pm_asprintf(six ? "[%s]:%lld" : "%s:%lld", host, (long long)port);
	return 0;
}

/* What goes into a request as it is: no spaces or line breaks that would make two of it. */
static bool is_token(const char *s, bool spaces)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s) || (*s == ' ' && !spaces))
			return false;
	return true;
}

static int http_get(struct pm_json_pool *pool, const struct pm_json *c, const struct pm_json *action,
		    struct pm_json *test, struct pm_err *err)
{
	_cleanup_free_ char *at = NULL;
	const char *path = pm_json_get_str(action, "path");
	int r = target(c, action, &at, err);
	if (r < 0)
		return r;
	path = path ? path : "";
	_cleanup_free_ char *url = pm_asprintf("http://%s%s%s", at, *path == '/' ? "" : "/", path);
	if (!is_token(url, false))
		return pm_fail(err, PM_E_FORMAT, "line %u: spaces in the path must be written %%20",
			       action->line);
	pm_json_add(pool, test, pm_json_str(pool, "HTTP-GET"));
	pm_json_add(pool, test, pm_json_str(pool, url));
	PM_KUBE_EACH(pm_json_get(action, "httpHeaders"), h) {
		const char *name = pm_json_get_str(h, "name"), *value = pm_json_get_str(h, "value");
		if (!name || !*name || !is_token(name, false) || strchr(name, ':') ||
		    !is_token(value ? value : "", true))
			return pm_fail(err, PM_E_FORMAT, "line %u: malformed header", h->line);
		_cleanup_free_ char *line = pm_asprintf("%s: %s", name, value ? value : "");
		pm_json_add(pool, test, pm_json_str(pool, line));
	}
	return 0;
}

static int test_of(struct pm_json_pool *pool, const struct pm_json *c, const struct pm_json *probe,
		   struct pm_json **ret, struct pm_err *err)
{
	const struct pm_json *exec = pm_json_get(probe, "exec"), *http = pm_json_get(probe, "httpGet"),
			     *tcp = pm_json_get(probe, "tcpSocket");
	struct pm_json *test = *ret = pm_json_array(pool);
	if (!!exec + !!http + !!tcp != 1)
		return pm_fail(err, PM_E_FORMAT, "line %u: a probe has one of exec, httpGet and tcpSocket",
			       probe->line);
	if (http)
		return http_get(pool, c, http, test, err);
	if (tcp) {
		_cleanup_free_ char *at = NULL;
		int r = target(c, tcp, &at, err);
		pm_json_add(pool, test, pm_json_str(pool, "TCP"));
		pm_json_add(pool, test, pm_json_str(pool, at));
		return r;
	}
	const struct pm_json *words = pm_json_get(exec, "command");
	if (!pm_json_len(words))
		return pm_fail(err, PM_E_FORMAT, "line %u: exec has no command", probe->line);
	pm_json_add(pool, test, pm_json_str(pool, "CMD"));
	for (size_t i = 0; i < words->len; i++)
		pm_json_add(pool, test, words->items[i]);
	return 0;
}

/* The check as a container's config has it; *ret the caller's. */
static int check_of(const struct pm_json *c, const struct pm_json *probe, bool startup, char **ret,
		    struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *v = pm_json_object(pool), *test;
	int64_t delay, period, timeout, failures;
	int r;
	if ((r = pm_kube_int(probe, "initialDelaySeconds", 0, INT32_MAX, 0, &delay, err)) < 0 ||
	    (r = pm_kube_int(probe, "periodSeconds", 1, INT32_MAX, 10, &period, err)) < 0 ||
	    (r = pm_kube_int(probe, "timeoutSeconds", 1, INT32_MAX, 1, &timeout, err)) < 0 ||
	    (r = pm_kube_int(probe, "failureThreshold", 1, INT32_MAX, 3, &failures, err)) < 0 ||
	    (r = test_of(pool, c, probe, &test, err)) < 0)
		return r;
	if (startup) /* it has no time without failures: that many more are allowed */
		failures += (delay + period - 1) / period;
	pm_json_set(pool, v, "Test", test);
	pm_json_set_int(pool, v, "Interval", period * SECOND);
	pm_json_set_int(pool, v, "Timeout", timeout * SECOND);
	pm_json_set_int(pool, v, "Retries", failures);
	if (startup)
		pm_json_set_int(pool, v, "Successes", 1);
	else if (delay)
		pm_json_set_int(pool, v, "StartPeriod", delay * SECOND);
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(v, 0, &b);
	*ret = pm_buf_take(&b);
	return 0;
}

int pm_kube_probes(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_ctr_config *k,
		   struct pm_err *err)
{
	const struct pm_json *live = pm_json_get(c, "livenessProbe"),
			     *ready = pm_json_get(c, "readinessProbe"),
			     *startup = pm_json_get(c, "startupProbe");
	const struct pm_json *regular = live ? live : ready ? ready : startup;
	int r = 0;
	if (!regular)
		return 0;
	if (live && ready && !pm_json_equal(live, ready))
		pm_warn("pod %s: container %s: the readinessProbe has no effect: a container has one health, "
			"and its livenessProbe is it", p->name, pm_json_get_str(c, "name"));
	if (startup)
		r = check_of(c, startup, true, &k->startup_healthcheck, err);
	if (r < 0)
		return pm_wrap(err, "startupProbe");
	r = check_of(c, regular, false, &k->healthcheck, err);
	if (r < 0)
		return pm_wrap(err, "%s", live ? "livenessProbe" : ready ? "readinessProbe" : "startupProbe");
	bool never = pm_streq(k->restart_policy, "no");
	if (live || startup)
		k->health_on_failure = pm_strdup(never ? "stop" : live ? "restart" : "none");
	return 0;
}
