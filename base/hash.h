/*
 * hash - SHA-256 and SHA-512 (FIPS 180-4) by libcrypto's low-level functions, which need no
 * provider set-up, and random ids from getrandom(2).
 */
#ifndef PM_BASE_HASH_H
#define PM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct pm_sha256 {
	uint64_t state[32]; /* opaque: holds libcrypto's context */
};

void pm_sha256_init(struct pm_sha256 *h);
void pm_sha256_add(struct pm_sha256 *h, const void *data, size_t len);
/* 64 lower-case hex digits and a NUL. */
void pm_sha256_hex(struct pm_sha256 *h, char ret[65]);
/* All at once. */
void pm_sha256_of(const void *data, size_t len, char ret[65]);

struct pm_sha512 {
	uint64_t state[32]; /* opaque, the same */
};

void pm_sha512_init(struct pm_sha512 *h);
void pm_sha512_add(struct pm_sha512 *h, const void *data, size_t len);
/* 128 lower-case hex digits and a NUL. */
void pm_sha512_hex(struct pm_sha512 *h, char ret[129]);

/* n random bytes in hex: 2n digits and a NUL. Container ids use 32. */
void pm_random_hex(size_t n, char *ret);

#endif
