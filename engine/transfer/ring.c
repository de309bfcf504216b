#include "engine/transfer/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct slot {
	uint8_t *data;
	size_t len;
};

struct pm_ring {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct slot *slots;
	size_t n_slots;
	unsigned int n_takers;

	/* under mutex; buffers so far: buffer i is slots[i % n_slots] */
	size_t filled;
	size_t taken[PM_RING_TAKERS];
	bool ended, abandoned;
};

struct pm_ring *pm_ring_new(size_t slots, size_t size, unsigned int takers)
{
	struct pm_ring *r = PM_NEW(struct pm_ring);
	r->slots = pm_calloc(slots, sizeof(*r->slots));
	r->n_slots = slots;
	r->n_takers = takers;
	for (size_t i = 0; i < slots; i++)
		r->slots[i].data = pm_malloc(size);
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->changed, NULL);
	return r;
}

void pm_ring_free(struct pm_ring *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_slots; i++)
		free(r->slots[i].data);
	free(r->slots);
	pthread_mutex_destroy(&r->mutex);
	pthread_cond_destroy(&r->changed);
	free(r);
}

static bool full(const struct pm_ring *r)
{
	for (unsigned int i = 0; i < r->n_takers; i++)
		if (r->filled - r->taken[i] == r->n_slots)
			return true;
	return false;
}

uint8_t *pm_ring_room(struct pm_ring *r)
{
	pthread_mutex_lock(&r->mutex);
	while (full(r) && !r->abandoned)
		pthread_cond_wait(&r->changed, &r->mutex);
	uint8_t *data = r->abandoned ? NULL : r->slots[r->filled % r->n_slots].data;
	pthread_mutex_unlock(&r->mutex);
	return data;
}

void pm_ring_put(struct pm_ring *r, size_t len)
{
	pthread_mutex_lock(&r->mutex);
	r->slots[r->filled % r->n_slots].len = len;
	r->filled++;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

static void stop(struct pm_ring *r, bool *why)
{
	pthread_mutex_lock(&r->mutex);
	*why = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

void pm_ring_end(struct pm_ring *r)
{
	stop(r, &r->ended);
}

void pm_ring_abandon(struct pm_ring *r)
{
	stop(r, &r->abandoned);
}

const uint8_t *pm_ring_next(struct pm_ring *r, unsigned int who, size_t *ret_len)
{
	const uint8_t *data = NULL;
	pthread_mutex_lock(&r->mutex);
	while (r->filled == r->taken[who] && !r->ended && !r->abandoned)
		pthread_cond_wait(&r->changed, &r->mutex);
	if (r->filled != r->taken[who] && !r->abandoned) {
		const struct slot *s = &r->slots[r->taken[who] % r->n_slots];
		data = s->data;
		*ret_len = s->len;
	}
	pthread_mutex_unlock(&r->mutex);
	return data;
}

void pm_ring_done(struct pm_ring *r, unsigned int who)
{
	pthread_mutex_lock(&r->mutex);
	/* nobody waits for room unless this one was the last to hold the ring up */
	bool was_full = full(r);
	r->taken[who]++;
	if (was_full)
		pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}
