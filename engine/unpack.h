/*
 * unpack - a tar stream, compressed or not, into a directory that is no layer: a volume, a container's files, a
 * directory of the host. Done by pm-transfer's extractor process, which is confined to the directory (its
 * root), has no network and executes nothing: archives are never parsed in pm. Runs in pm.
 */
#ifndef PM_ENGINE_UNPACK_H
#define PM_ENGINE_UNPACK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "netns/idmap.h"

struct pm_unpack {
	int input;   /* read to its end; borrowed */
	int dir;     /* what becomes the extractor's root; may be O_PATH; borrowed */
	int userns;  /* where it runs; -1: here; borrowed */
	const char *below; /* in dir, where entries go; NULL: dir itself. Symlinks stay inside dir */
	bool single_id;    /* owners cannot be set */
	bool set_owner;    /* all entries get uid:gid (ids of the user namespace) */
	uid_t uid;
	gid_t gid;
	const struct pm_idmaps *owners; /* ids in the archive, and uid:gid, are a container's: they are shifted by these to
					   the user namespace's; NULL: they are not. Borrowed */
	bool keep_kinds; /* EISDIR, ENOTDIR instead of replacing a directory by something else or vice
			    versa */
	bool devices;    /* make device nodes */
};

#define PM_UNPACK_INIT {.input = -1, .dir = -1, .userns = -1}

/* PM_E_FORMAT: not an archive. What was extracted before a failure stays. */
int pm_unpack(const struct pm_unpack *u, struct pm_err *err);

/* The same in halves: between them the caller feeds the input. finish waits for the end; it must follow. */
struct pm_unpacker {
	int sock; /* -1: none */
	pid_t pid;
};
#define PM_UNPACKER_INIT {.sock = -1}
int pm_unpack_start(const struct pm_unpack *u, struct pm_unpacker *ret, struct pm_err *err);
int pm_unpack_finish(struct pm_unpacker *u, struct pm_err *err);

#endif
