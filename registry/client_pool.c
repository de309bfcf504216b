#include "registry/client_pool.h"

#include <pthread.h>

#include "base/mem.h"
#include "registry/client_internal.h"

enum { IDLE_MAX = 16 };

struct pm_client_pool {
	struct pm_client *main;
	unsigned int stall_seconds;
	const atomic_bool *cancel;
	pthread_mutex_t lock; /* of what follows */
	struct pm_client *idle[IDLE_MAX];
	size_t n_idle;
};

static void drop(struct pm_client *c)
{
	struct pm_http *http = c ? c->http : NULL;
	pm_client_free(c);
	pm_http_free(http);
}

static int new_http(const struct pm_client_pool *p, struct pm_http **ret, struct pm_err *err)
{
	int r = pm_http_new(p->stall_seconds, ret, err);
	if (r >= 0)
		pm_http_cancel_on(*ret, p->cancel);
	return r;
}

int pm_client_pool_new(const struct pm_registries *conf, const struct pm_reference *ref,
		       const struct pm_client_options *options, unsigned int stall_seconds,
		       const atomic_bool *cancel, struct pm_client_pool **ret, struct pm_err *err)
{
	struct pm_client_pool *p = PM_NEW(struct pm_client_pool);
	struct pm_http *http;
	p->stall_seconds = stall_seconds;
	p->cancel = cancel;
	pthread_mutex_init(&p->lock, NULL);
	int r = new_http(p, &http, err);
	if (r >= 0) {
		r = pm_client_new(http, conf, ref, options, &p->main, err);
		if (r < 0)
			pm_http_free(http);
	}
	if (r < 0) {
		pm_client_pool_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pm_client_pool_free(struct pm_client_pool *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_idle; i++)
		drop(p->idle[i]);
	drop(p->main);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct pm_client *pm_client_pool_main(struct pm_client_pool *p)
{
	return p->main;
}

int pm_client_pool_take(struct pm_client_pool *p, struct pm_client **ret, struct pm_err *err)
{
	struct pm_client *c = NULL;
	struct pm_http *http;
	pthread_mutex_lock(&p->lock);
	if (p->n_idle)
		c = p->idle[--p->n_idle];
	pthread_mutex_unlock(&p->lock);
	if (!c) {
		int r = new_http(p, &http, err);
		if (r < 0)
			return r;
		pthread_mutex_lock(&p->lock);
		c = pm_client_clone(p->main, http);
		pthread_mutex_unlock(&p->lock);
	}
	*ret = c;
	return 0;
}

void pm_client_pool_give(struct pm_client_pool *p, struct pm_client *c)
{
	pthread_mutex_lock(&p->lock);
	bool kept = p->n_idle < IDLE_MAX;
	if (kept)
		p->idle[p->n_idle++] = c;
	pthread_mutex_unlock(&p->lock);
	if (!kept)
		drop(c);
}
