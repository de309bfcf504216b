/* A mutated archive with the checksum of every header-like block made right, so that what is behind
 * the checksum gets its share of the fuzzing. */
#ifndef PM_TESTS_FUZZ_TAR_CHECKSUMS_H
#define PM_TESTS_FUZZ_TAR_CHECKSUMS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/tar_meta.h"

/* A copy; the caller frees. */
static inline uint8_t *tar_checksums(const uint8_t *data, size_t size)
{
	uint8_t *copy = pm_malloc(size);
	if (size > 0)
		memcpy(copy, data, size);
	for (size_t at = 0; at + PM_TAR_BLOCK <= size; at += PM_TAR_BLOCK) {
		uint8_t *h = copy + at;
		if (pm_tar_is_zero(h) || memcmp(h + PM_TAR_AT_MAGIC, "ustar", 5) != 0)
			continue;
		unsigned int sum = 0;
		memset(h + PM_TAR_AT_CHECKSUM, ' ', 8);
		for (size_t i = 0; i < PM_TAR_BLOCK; i++)
			sum += h[i];
		snprintf((char *)h + PM_TAR_AT_CHECKSUM, 8, "%06o", sum);
	}
	return copy;
}

#endif
