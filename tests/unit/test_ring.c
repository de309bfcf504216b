#include "tests/unit/test.h"

#include <pthread.h>

#include "base/mem.h"
#include "engine/transfer/ring.h"

enum { BUFFERS = 1000 };

struct taker {
	struct pm_ring *ring;
	unsigned int who;
	size_t n; /* buffers seen in order */
	size_t stop_after;
};

static void *take(void *arg)
{
	struct taker *t = arg;
	const uint8_t *data;
	size_t len;
	while ((data = pm_ring_next(t->ring, t->who, &len))) {
		if (len == 1 + t->n % 7 && data[0] == (uint8_t)t->n && data[len - 1] == (uint8_t)t->n)
			t->n++;
		pm_ring_done(t->ring, t->who);
		if (t->stop_after && t->n == t->stop_after)
			pm_ring_abandon(t->ring);
	}
	return NULL;
}

/* Buffers filled until the ring is abandoned, or BUFFERS. */
static size_t fill(struct pm_ring *ring)
{
	size_t n = 0;
	uint8_t *data;
	for (; n < BUFFERS && (data = pm_ring_room(ring)); n++) {
		memset(data, (int)n, 1 + n % 7);
		pm_ring_put(ring, 1 + n % 7);
	}
	pm_ring_end(ring);
	return n;
}

TEST(ring_gives_each_taker_every_buffer_in_order)
{
	struct pm_ring *ring = pm_ring_new(3, 7, 2);
	struct taker takers[2] = {{.ring = ring}, {.ring = ring, .who = 1}};
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
	CHECK_INT(fill(ring), BUFFERS);
	for (size_t i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(takers[i].n, BUFFERS);
	}
	pm_ring_free(ring);
}

TEST(ring_ends_for_all_when_one_taker_gives_up)
{
	struct pm_ring *ring = pm_ring_new(3, 7, 2);
	struct taker takers[2] = {{.ring = ring, .stop_after = 10}, {.ring = ring, .who = 1}};
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
	/* the filler is at most a ring ahead of the one that gave up */
	CHECK(fill(ring) <= 13);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(takers[0].n, 10);
	size_t len;
	CHECK(pm_ring_room(ring) == NULL);
	CHECK(pm_ring_next(ring, 1, &len) == NULL);
	pm_ring_free(ring);
}

TEST(ring_of_nothing_ends_at_once)
{
	struct pm_ring *ring = pm_ring_new(1, 1, 1);
	size_t len;
	pm_ring_end(ring);
	CHECK(pm_ring_next(ring, 0, &len) == NULL);
	pm_ring_free(ring);
}
