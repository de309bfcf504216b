/*
 * inflate_kind - what one kind of compression gives to storage/inflate.c: a const table of
 * functions each. libarchive's is apart (storage/inflate_archive.c), as few programs need it.
 */
#ifndef PM_STORAGE_INFLATE_KIND_H
#define PM_STORAGE_INFLATE_KIND_H

#include "storage/inflate.h"

struct pm_inflate_kind {
	/* NULL when it needs no state. */
	void *(*new)(struct pm_inflate *z, struct pm_err *err);
	void (*free)(void *state);
	/* As pm_inflate_read, but may return less than size; 0 only at the end. */
	ssize_t (*read)(struct pm_inflate *z, void *state, void *buf, size_t size,
			struct pm_err *err);
};

/* The compressed bytes that are not used yet; fetched when there are none. Returns their number,
 * 0 at the end of the source. */
ssize_t pm_inflate_peek(struct pm_inflate *z, const uint8_t **ret, struct pm_err *err);
/* The first n of them were used. */
void pm_inflate_used(struct pm_inflate *z, size_t n);

extern const struct pm_inflate_kind pm_inflate_archive;

#endif
