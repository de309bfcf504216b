/*
 * logfiles - the files of one log: PATH, which is written to, and PATH.1, PATH.2 ..., which were rotated away, the newest
 * first. The writer (engine/container/logfile.h) may rotate at any instant: it renames from the highest number down,
 * PATH last, and makes a new PATH. No lock keeps readers and the writer apart.
 */
#ifndef PM_ENGINE_CONTAINER_LOGFILES_H
#define PM_ENGINE_CONTAINER_LOGFILES_H

#include <stddef.h>
#include <sys/stat.h>

/* Called before file number (0: PATH) is opened: tests rotate then. NULL in life. */
typedef void pm_logfiles_hook(void *arg, int number);

/* Open what is newer than known (NULL: all), each file once however often it is renamed meanwhile, oldest first, and
 * append it to *fds, which holds *n_fds (reallocated; the caller's). Returns how many, and in *ret_newest the last one.
 * Only regular files; nothing else is waited for. */
size_t pm_logfiles_newer(const char *path, const struct stat *known, int **fds, size_t *n_fds,
			 struct stat *ret_newest, pm_logfiles_hook *hook, void *arg);

#endif
