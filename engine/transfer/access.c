#include "engine/transfer/access.h"

#include <errno.h>
#include <string.h>

enum { STALL_SECONDS = 30, RETRIES = 3, RETRY_MS = 1000, RETRIES_MAX = 1000 };

/* Tests cannot wait as long as users must. */
static unsigned int test_setting(const char *name, unsigned int otherwise)
{
	const char *v = getenv(name);
	char *end;
	errno = 0;
	unsigned long n = v && *v ? strtoul(v, &end, 10) : 0;
	return v && *v && !errno && !*end && n > 0 && n < 100000 ? (unsigned int)n : otherwise;
}

static void on_retry(void *arg, const char *what, unsigned int pause_ms)
{
	struct pm_session *s = arg;
	_cleanup_free_ char *text = pm_asprintf("%.1000s; retrying in %u.%u s", what,
						pause_ms / 1000, pause_ms % 1000 / 100);
	pm_session_send_text(s, "retry", text, NULL);
}

static const char *get(const struct pm_session *s, const char *prefix, const char *name)
{
	_cleanup_free_ char *full = pm_asprintf("%s%s", prefix, name);
	return pm_wire_get(&s->request, full);
}

static int get_int(const struct pm_session *s, const char *prefix, const char *name,
		   int64_t missing, int64_t *ret, struct pm_err *err)
{
	_cleanup_free_ char *full = pm_asprintf("%s%s", prefix, name);
	return pm_wire_get_int(&s->request, full, missing, ret, err);
}

int pm_access_load(struct pm_session *s, const char *prefix, struct pm_access *ret,
		   struct pm_err *err)
{
	int64_t tls, no_creds, retries, pause;
	struct pm_access a = {0};
	int r = get_int(s, prefix, "tls_verify", -1, &tls, err);
	if (r >= 0)
		r = get_int(s, prefix, "no_creds", 0, &no_creds, err);
	if (r >= 0)
		r = get_int(s, prefix, "retries", RETRIES, &retries, err);
	if (r >= 0)
		r = get_int(s, prefix, "retry_ms", test_setting("PM_TEST_RETRY_MS", RETRY_MS), &pause,
			    err);
	if (r >= 0)
		r = pm_registries_load(&a.conf, err);
	if (r < 0)
		return r;
	a.client = (struct pm_client_options){
		.authfile = get(s, prefix, "authfile"),
		.creds = get(s, prefix, "creds"),
		.token = get(s, prefix, "token"),
		.no_creds = no_creds != 0,
		.cert_dir = get(s, prefix, "cert_dir"),
		.tls_verify = (int)tls,
		.retries = retries < 0 || retries > RETRIES_MAX ? RETRIES_MAX : (unsigned int)retries,
		.retry_ms = pause < 1 ? 1 : pause > 3600000 ? 3600000 : (unsigned int)pause,
		.retrying = on_retry,
		.arg = s,
	};
	a.stall_seconds = test_setting("PM_TEST_STALL_SECONDS", STALL_SECONDS);
	*ret = a;
	ret->client.helpers = &ret->conf.helpers;
	return 0;
}

void pm_access_free(struct pm_access *a)
{
	pm_registries_free(&a->conf);
}
