/*
 * stream - bytes of a blob, pulled by whoever stores them. An open record of functions: a file, a compressor or
 * another registry is behind it.
 *
 * read blocks until it has something. A stream is used by one thread at a time, and by its consumer only, until
 * the consumer returns.
 */
#ifndef PM_REGISTRY_STREAM_H
#define PM_REGISTRY_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct pm_stream {
	/* Up to len bytes into buf; returns their number, 0 at the end, -code on failure. */
	ssize_t (*read)(void *arg, void *buf, size_t len, struct pm_err *err);
	/* Give the very same bytes again from offset, which is at most what was read. NULL: not possible; then
	 * an upload that breaks in the middle fails. */
	int (*rewind)(void *arg, int64_t offset, struct pm_err *err);
	void *arg;
};

/* A part of a file that pread can read (fd is borrowed). s is to be kept as long as the stream. */
struct pm_stream_file {
	int fd;
	int64_t start, size;
	int64_t at; /* from start */
};
struct pm_stream pm_stream_of_file(struct pm_stream_file *f);

/* A text in memory (borrowed). */
struct pm_stream_text {
	const char *data;
	size_t len, at;
};
struct pm_stream pm_stream_of_text(struct pm_stream_text *t);

#endif
