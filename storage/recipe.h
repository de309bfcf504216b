/*
 * recipe - what makes a layer's tar stream again, bit for bit, out of its files: everything of the
 * stream that is not file content, and where content goes. Written while the layer is extracted
 * (storage/untar.h), read when it is pushed or saved; the diff id proves the result.
 *
 * Format, version 1, file layers/<chain id>/recipe beside diff/: "pmrecipe", u32 version, u32 0; one
 * zstd frame (window at most 2^18) of records; "pmrecend", u64 size of the tar stream, u64 number of
 * FILE records, u64 number of LOST records; little-endian. A record begins with a LEB128 number
 * (length << 2 | kind):
 *	RAW   length bytes of the stream follow
 *	FILE  a path of length bytes below diff, then LEB128 inode number: DATA is taken from there
 *	DATA  LEB128 offset: length bytes of the last FILE, from that offset
 *	LOST  LEB128 inode number, length bytes: the content of the last FILE before with that inode, which
 *	      a later entry of the archive replaced
 * A recipe without its end was not completed and is of no use.
 *
 * The writer runs in the extractor, which parses hostile archives: the reader trusts nothing of it.
 * It opens files as if diff were "/" (openat2), only regular ones, yields never more than the size
 * it was told, and holds no more than 40 bytes for a LOST record besides its buffers.
 */
#ifndef PM_STORAGE_RECIPE_H
#define PM_STORAGE_RECIPE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	PM_RECIPE_VERSION = 1,
	PM_RECIPE_LOST_MAX = 1 << 20, /* records */
};

enum pm_recipe_kind {
	PM_RECIPE_RAW,
	PM_RECIPE_FILE,
	PM_RECIPE_DATA,
	PM_RECIPE_LOST,
};

#define PM_RECIPE_MAGIC "pmrecipe"
#define PM_RECIPE_END "pmrecend"
enum { PM_RECIPE_HEAD_SIZE = 16, PM_RECIPE_TAIL_SIZE = 32 };

/* --- writing ---------------------------------------------------------------------------------- */

struct pm_recipe_writer;

/* fd: an empty file, borrowed. max_bytes: of the recipe; beyond it writing is ENOSPC. */
int pm_recipe_writer_new(int fd, uint64_t max_bytes, struct pm_recipe_writer **ret,
			 struct pm_err *err);
void pm_recipe_writer_free(struct pm_recipe_writer *w); /* NULL is fine */

/* These keep the first failure until pm_recipe_check. */
void pm_recipe_raw(void *w, const void *data, size_t len); /* a pm_tar_raw_fn */
void pm_recipe_file(struct pm_recipe_writer *w, const char *path, ino_t ino);
void pm_recipe_data(struct pm_recipe_writer *w, uint64_t offset, uint64_t len);
/* fd: the file that is about to go, open for reading; size: what it holds. */
void pm_recipe_lost(struct pm_recipe_writer *w, int fd, ino_t ino, uint64_t size);
/* The archive is too odd to be made again: the recipe will have no end. */
void pm_recipe_give_up(struct pm_recipe_writer *w);

int pm_recipe_check(struct pm_recipe_writer *w, struct pm_err *err);
int pm_recipe_finish(struct pm_recipe_writer *w, struct pm_err *err);

/* --- reading ---------------------------------------------------------------------------------- */

/* Takes all of data or fails. */
typedef int pm_recipe_sink_fn(void *arg, const void *data, size_t len, struct pm_err *err);

struct pm_recipe_source {
	int recipe; /* the file; borrowed, its offset is not used */
	int diff;   /* the layer's directory; borrowed */
	int spool;  /* an empty file to read and write, for content of LOST records; -1: none, such a
		       recipe is then PM_E_UNSUPPORTED */
};

/* Make the whole stream. *ret_size: its bytes. PM_E_FORMAT when the recipe is malformed or does not fit
 * the files; what the stream is worth only its digest tells. */
int pm_recipe_replay(const struct pm_recipe_source *src, pm_recipe_sink_fn *sink, void *arg,
		     uint64_t *ret_size, struct pm_err *err);

#endif
