/*
 * ring - a bounded ring of buffers between threads of one process: one thread fills them, each of the takers sees
 * every buffer, in order; a buffer is free again when the last taker is done with it.
 *
 * Filling: data = pm_ring_room(), pm_ring_put(len) ..., pm_ring_end(). Taking, with a number of its own from 0 on:
 * data = pm_ring_next(who, &len), pm_ring_done(who) ... until NULL.
 */
#ifndef PM_ENGINE_TRANSFER_RING_H
#define PM_ENGINE_TRANSFER_RING_H

#include <stddef.h>
#include <stdint.h>

enum { PM_RING_TAKERS = 2 };

struct pm_ring;

/* slots buffers of size bytes each, for takers (at most PM_RING_TAKERS) threads. */
struct pm_ring *pm_ring_new(size_t slots, size_t size, unsigned int takers);
void pm_ring_free(struct pm_ring *r); /* NULL is fine; no thread may use it any more */

/* Wait for a free buffer. NULL: the ring was abandoned. */
uint8_t *pm_ring_room(struct pm_ring *r);
/* The buffer got len bytes. */
void pm_ring_put(struct pm_ring *r, size_t len);
/* Nothing more comes: takers get NULL after what there is. */
void pm_ring_end(struct pm_ring *r);

/* Wait for the next buffer, which stays until pm_ring_done. NULL: the end, or the ring was abandoned. */
const uint8_t *pm_ring_next(struct pm_ring *r, unsigned int who, size_t *ret_len);
void pm_ring_done(struct pm_ring *r, unsigned int who);

/* A taker has failed: nobody fills or takes any more. */
void pm_ring_abandon(struct pm_ring *r);

#endif
