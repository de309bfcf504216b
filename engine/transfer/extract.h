/*
 * extract - one layer blob, compressed or not, into a directory, by a process of its own.
 *
 * The process is forked from pm-transfer, enters the user namespace as its root, chroots into the
 * directory, keeps no other descriptor but its input and its report, drops every capability that
 * extraction does not need and installs a seccomp filter without network, exec, or ptrace; then
 * three threads work: input, digest and inflate | diff-id digest | untar. Nothing is held
 * but the buffers between them (a few MiB). What it reports is one wire message (base/wire.h):
 * "blob_digest", "blob_size", "diff_id", "stream_size", "bytes", "entries", "skipped_devices",
 * "skipped_xattrs", "has_root"; or "code" and "error".
 *
 * The parent's loop, for a download:
 *	spec = PM_EXTRACT_SPEC_INIT, ...; pm_extract_spawn(&spec, &x, err);
 *	write the body to x.input (EPIPE: it has failed, stop and finish), pm_extract_end_input(&x);
 *	when x.report polls readable: pm_extract_finish(&x, &result, err);
 * SIGPIPE must be ignored. The thread that spawns must outlive the extractor (its death kills it).
 * To give up: pm_extract_cancel, then remove the directory.
 */
#ifndef PM_ENGINE_TRANSFER_EXTRACT_H
#define PM_ENGINE_TRANSFER_EXTRACT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "netns/idmap.h"
#include "registry/layer_cipher.h"
#include "storage/untar.h"

enum {
	PM_EXTRACT_DIGEST = 140, /* "sha512:" and 128 digits */
};

struct pm_extract_spec {
	int input;            /* -1: make a pipe; else a descriptor to read to its end (borrowed) */
	int64_t input_offset; /* with input: read with pread from here; -1: read() */
	int64_t input_size;   /* with input_offset: bytes to read; -1: to the end of the file */
	int directory;        /* an existing, empty directory of the caller's (borrowed) */
	int recipe;           /* an empty file for the layer's recipe (borrowed), -1 for none */
	int userns;           /* the user namespace to enter (borrowed), -1 for none */
	bool single_id;       /* that namespace maps one id only: owners are dropped */
	bool devices;         /* make device nodes: only as the host's root */
	bool foreign;         /* also take bzip2 and xz (for import and load) */
	enum pm_whiteout_form whiteouts;
	/* not a layer but a tree that exists already; the rest as in struct pm_untar_opts */
	bool tree;
	const char *below;
	bool set_owner, keep_kinds;
	uid_t uid;
	gid_t gid;
	struct pm_idmaps *owners; /* shifts them; NULL: they are not shifted (borrowed) */
	const char *blob_digest; /* "ALGORITHM:<hex>" expected of the input, NULL: not checked */
	int64_t blob_size;       /* expected of the input, -1: not checked */
	const char *diff_id; /* "ALGORITHM:<hex>" expected of the tar stream, NULL: not checked */
	struct pm_layer_cipher *cipher; /* decrypts the blob (borrowed, the child has a copy), NULL: it is not encrypted */
};

#define PM_EXTRACT_SPEC_INIT                                                                       \
	{                                                                                          \
		.input = -1, .input_offset = -1, .input_size = -1, .directory = -1, .recipe = -1,  \
		.userns = -1, .blob_size = -1                                                                   \
	}

struct pm_extract {
	pid_t pid;  /* a child; waited for by finish and cancel only */
	int input;  /* the pipe's end to write to (1 MiB where allowed; blocking), or -1 */
	int report; /* readable when the work has ended, well or not */
};

#define PM_EXTRACT_INIT                                                                            \
	{                                                                                          \
		.pid = -1, .input = -1, .report = -1                                               \
	}

struct pm_extract_result {
	char blob_digest[PM_EXTRACT_DIGEST]; /* sha256, or the algorithm of the expected one */
	char diff_id[PM_EXTRACT_DIGEST];
	int64_t blob_size;
	int64_t stream_size; /* of the tar stream */
	struct pm_untar_totals files;
};

/* Fork the extractor. *ret must be ended by pm_extract_finish or pm_extract_cancel. */
int pm_extract_spawn(const struct pm_extract_spec *spec, struct pm_extract *ret,
		     struct pm_err *err);

/* Close the pipe: the blob is complete. */
void pm_extract_end_input(struct pm_extract *x);

/* Wait for the report and the process; blocks until it has ended. PM_E_DIGEST: content is not
 * what digest, size or diff id say; PM_E_FORMAT: not a layer; others as from pm_untar_push. After a
 * failure the directory holds a part of the layer: remove it (its files may belong to subordinate
 * ids: from inside the user namespace). */
int pm_extract_finish(struct pm_extract *x, struct pm_extract_result *ret, struct pm_err *err);

/* Kill it, if it is there, and wait. */
void pm_extract_cancel(struct pm_extract *x);

#endif
