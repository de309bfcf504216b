/*
 * tar_meta - what a tar archive says about an entry: header blocks, numbers, pax records. Used by
 * the reader (base/tar.c) only. Libc-only, touches nothing but memory.
 */
#ifndef PM_BASE_TAR_META_H
#define PM_BASE_TAR_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/tar.h"

/* The fields of a header block that the reader uses, by their offsets in POSIX.1-2001 ustar and
 * GNU tar's "tar internals". */
enum {
	PM_TAR_AT_NAME = 0,
	PM_TAR_AT_MODE = 100,
	PM_TAR_AT_UID = 108,
	PM_TAR_AT_GID = 116,
	PM_TAR_AT_SIZE = 124,
	PM_TAR_AT_MTIME = 136,
	PM_TAR_AT_CHECKSUM = 148,
	PM_TAR_AT_TYPE = 156,
	PM_TAR_AT_LINK = 157,
	PM_TAR_AT_MAGIC = 257,
	PM_TAR_AT_UNAME = 265,
	PM_TAR_AT_GNAME = 297,
	PM_TAR_AT_MAJOR = 329,
	PM_TAR_AT_MINOR = 337,
	PM_TAR_AT_PREFIX = 345,
	PM_TAR_AT_GNU_SPARSE = 386, /* 4 times offset[12], length[12] */
	PM_TAR_AT_GNU_MORE = 482,
	PM_TAR_AT_GNU_REALSIZE = 483,
	PM_TAR_AT_GNU_EXT_MORE = 504, /* in an extension block of 21 regions */
	PM_TAR_AT_STAR_MAGIC = 508,
};

enum pm_tar_dialect {
	PM_TAR_V7,
	PM_TAR_USTAR,
	PM_TAR_STAR, /* ustar with a shorter prefix */
	PM_TAR_GNU,
};

bool pm_tar_is_zero(const uint8_t block[PM_TAR_BLOCK]);
bool pm_tar_checksum_ok(const uint8_t block[PM_TAR_BLOCK]);
enum pm_tar_dialect pm_tar_dialect(const uint8_t block[PM_TAR_BLOCK]);

/* A numeric field, octal or base-256: false when it is neither or does not fit. */
bool pm_tar_number(const uint8_t *field, size_t len, int64_t *ret);

/* Decimal digits only, up to INT64_MAX. */
bool pm_tar_decimal(const char *s, size_t len, uint64_t *ret);

struct pm_tar_regions {
	struct pm_tar_region *v;
	size_t n, cap;
};

/* false beyond PM_TAR_SPARSE_MAX. */
bool pm_tar_regions_add(struct pm_tar_regions *r, uint64_t offset, uint64_t len);
/* Ascending, not overlapping, within size, together exactly stored bytes. */
bool pm_tar_regions_ok(const struct pm_tar_regions *r, uint64_t size, uint64_t stored);

/* What pax headers say. Strings are NULL when they say nothing. */
struct pm_tar_pax {
	char *path, *link, *uname, *gname; /* owned */
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid;
	int64_t mtime;
	uint32_t mtime_ns;
	struct pm_tar_xattr *xattrs; /* owned, names and values too */
	size_t n_xattrs, cap_xattrs;
	/* GNU.sparse.* */
	bool sparse;
	bool sparse_in_data; /* version 1.0: the map leads the content */
	bool has_realsize;
	uint64_t realsize;
	uint64_t major, minor;
	char *sparse_name;
	struct pm_tar_regions regions;
	bool half_region; /* 0.0: an offset was seen, its length not yet */
};

void pm_tar_pax_reset(struct pm_tar_pax *p);

/* Parse the records of one pax header into p, over what it holds. global: keys that make sense for
 * one file only (xattrs, sparse) are passed over. What is wrong is said in *ret_what (static). */
bool pm_tar_pax_parse(struct pm_tar_pax *p, const char *data, size_t len, bool global,
		      const char **ret_what);

#endif
