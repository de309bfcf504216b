/*
 * cache - what a step of a build made before: from a key, which is all that the step depends on, to the image that it gave.
 *
 * A key is the SHA-256 of the image the step was done on and of texts: the instruction, the values it sees, the content
 * it copies. So an entry is right for whoever asks, in whatever build, and two builds that work at the same time can only
 * store two images of which either will do. Table build_cache; an entry goes with its image. Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_CACHE_H
#define PM_ENGINE_BUILD_CACHE_H

#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "storage/store.h"

struct pm_cache_key {
	struct pm_sha256 hash;
};

/* image_id: what the step is done on, NULL: nothing. */
void pm_cache_key_init(struct pm_cache_key *k, const char *image_id);
/* One more text, which may be NULL; "ab" and then "c" is not "a" and then "bc". */
void pm_cache_key_add(struct pm_cache_key *k, const char *what, const char *text);
void pm_cache_key_hex(struct pm_cache_key *k, char ret[65]);

/* 1: ret_id is the image, 0: none. max_age: ns; entries that are older do not count (0: no limit). */
int pm_cache_find(struct pm_store *s, const char *key, int64_t max_age, char ret_id[65], struct pm_err *err);
/* Does not sync: what is lost with the power is made again. An image that went meanwhile is no error. */
int pm_cache_add(struct pm_store *s, const char *key, const char *image_id, struct pm_err *err);

#endif
