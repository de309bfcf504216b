/*
 * archive_file - the file that an archive is written to: beside its place under another name, renamed when it is
 * complete; or an open descriptor, or what is at its place and is no regular file (a pipe, /dev/stdout), directly.
 */
#ifndef PM_REGISTRY_ARCHIVE_FILE_H
#define PM_REGISTRY_ARCHIVE_FILE_H

#include "base/err.h"
#include "registry/destination.h"

struct pm_archive_file {
	char *path, *temp; /* owned; temp NULL: written in place */
	int nameless;      /* the file, to be linked as temp; -1: it is called that already */
	int stage;         /* directory for temporary files */
	bool stage_ours;
};

#define PM_ARCHIVE_FILE_INIT {.nameless = -1, .stage = -1}

/* *ret_out (the caller's) is to be written to. path may be empty when o->output is used. */
int pm_archive_file_open(struct pm_archive_file *f, const char *path,
			 const struct pm_destination_options *o, int *ret_out, struct pm_err *err);
int pm_archive_file_commit(struct pm_archive_file *f, struct pm_err *err);
/* Removes what was not committed; frees. */
void pm_archive_file_drop(struct pm_archive_file *f);

#endif
