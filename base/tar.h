/*
 * tar - a streaming reader of tar archives (writing: base/tar_write.h).
 *
 * The reader is fed chunks as they come from a pipe and hands file content back as pointers into
 * those chunks: nothing is copied but headers. It knows v7, ustar, GNU (long names, base-256
 * numbers, old sparse) and pax (per file and global; sparse 0.0, 0.1 and 1.0). Everything in an
 * archive is hostile: checksums are verified, names and maps are bounded, and anything malformed
 * is PM_E_FORMAT naming the offset. Names are handed out as they are in the archive ("../x" too):
 * storage/untar.h confines them. Libc-only; no descriptor is touched here.
 *
 *	pm_tar_reader_input(t, chunk, len);
 *	while ((ev = pm_tar_reader_next(t, err)) > PM_TAR_MORE) ...
 *	at the end of the input: pm_tar_reader_end(t, err)
 */
#ifndef PM_BASE_TAR_H
#define PM_BASE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	PM_TAR_BLOCK = 512,
	PM_TAR_META_MAX = 1 << 20,  /* bytes of one long name or pax header */
	PM_TAR_SPARSE_MAX = 1 << 16 /* regions of one sparse file */
};

enum pm_tar_type {
	PM_TAR_FILE,
	PM_TAR_HARDLINK,
	PM_TAR_SYMLINK,
	PM_TAR_CHAR,
	PM_TAR_BLOCKDEV,
	PM_TAR_DIR,
	PM_TAR_FIFO,
};

/* From SCHILY.xattr.NAME or LIBARCHIVE.xattr.NAME; value holds any bytes. */
struct pm_tar_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* A region of a sparse file that holds data; the rest reads as zeros. */
struct pm_tar_region {
	uint64_t offset, len;
};

struct pm_tar_entry {
	enum pm_tar_type type;
	const char *path; /* never NULL or empty; no NUL inside; a directory's trailing / is kept */
	const char *link; /* target of hard and symbolic links, else "" */
	const char *uname; /* "" when missing */
	const char *gname;
	mode_t mode; /* 07777 */
	uint64_t uid, gid;
	uint64_t size;   /* of the file when extracted; 0 for all but PM_TAR_FILE */
	uint64_t stored; /* bytes of content in the archive; less than size for sparse files */
	int64_t mtime;   /* seconds since the epoch */
	uint32_t mtime_ns;
	uint32_t dev_major, dev_minor;
	const struct pm_tar_xattr *xattrs;
	size_t n_xattrs;
	const struct pm_tar_region *regions; /* sparse files only, ascending, not overlapping */
	size_t n_regions;
	bool sparse;
	uint64_t offset; /* in the archive, of the entry's first header block */
};

enum pm_tar_event {
	PM_TAR_MORE, /* the chunk is used up: give the next one */
	PM_TAR_ENTRY, /* pm_tar_reader_entry() is valid until the next PM_TAR_ENTRY */
	PM_TAR_DATA, /* pm_tar_reader_data(): content of the entry; only for PM_TAR_FILE */
	PM_TAR_DONE, /* the entry's content is complete; comes once for each PM_TAR_ENTRY */
	PM_TAR_END,  /* the end-of-archive blocks were seen; what follows is passed over */
};

struct pm_tar_reader;

/* raw, when not NULL, is called with every byte of the archive that is not file content, in order:
 * headers, padding, end blocks and what trails them. Together with the content this makes the
 * archive again bit for bit. */
typedef void pm_tar_raw_fn(void *arg, const void *data, size_t len);

struct pm_tar_reader *pm_tar_reader_new(pm_tar_raw_fn *raw, void *raw_arg);
void pm_tar_reader_free(struct pm_tar_reader *t);

/* Hand over the next chunk; the one before must be used up (PM_TAR_MORE or PM_TAR_END was
 * returned). It must stay valid until then. */
void pm_tar_reader_input(struct pm_tar_reader *t, const void *data, size_t len);

/* The next event, or -code. After an error the reader only fails. After PM_TAR_END it returns
 * PM_TAR_MORE for each further chunk. */
int pm_tar_reader_next(struct pm_tar_reader *t, struct pm_err *err);

const struct pm_tar_entry *pm_tar_reader_entry(const struct pm_tar_reader *t);
/* The content that came with PM_TAR_DATA and where in the file it belongs. */
const void *pm_tar_reader_data(const struct pm_tar_reader *t, size_t *ret_len,
			       uint64_t *ret_offset);
/* Bytes of the archive used so far. */
uint64_t pm_tar_reader_offset(const struct pm_tar_reader *t);

/* The input has ended. PM_E_FORMAT when that is inside an entry; missing end blocks are allowed,
 * as everyone does. */
int pm_tar_reader_end(struct pm_tar_reader *t, struct pm_err *err);

#endif
