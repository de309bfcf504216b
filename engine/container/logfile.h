/*
 * logfile - the container's log: formats, and the writer that runs in pm-monitor.
 *
 *	k8s-file	2026-11-23T23:17:22.123456789+00:00 stdout F text
 *	json-file	{"log":"text\n","stream":"stdout","time":"2026-11-23T23:17:22.123456789Z"}
 *
 * k8s-file is Kubernetes' CRI format as conmon writes it: P instead of F says that the line goes on
 * in that stream's next entry. json-file is Docker's: "log" without a newline says that, and bytes
 * that are no UTF-8 become U+FFFD.
 *
 *	journald	an entry a line: MESSAGE, PRIORITY 6 (stdout) or 3 (stderr), CONTAINER_ID_FULL,
 *			CONTAINER_NAME ... as conmon sends them; CONTAINER_PARTIAL_MESSAGE=true for P.
 *			PM_CONTAINER_END=ID when nothing more will come
 *
 * The writer has one fixed buffer, allocates nothing and never fails the container: what cannot be
 * written (full disk) is counted as lost; the next entry starts on a new line.
 * Rotation: a file that would pass max_size is renamed to PATH.1 (PATH.1 to PATH.2, ...), at most
 * max_files of them kept; with 0 it is truncated. Libc-only.
 */
#ifndef PM_ENGINE_CONTAINER_LOGFILE_H
#define PM_ENGINE_CONTAINER_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/container/logline.h"

#define PM_LOGFILE_BUF 16384

struct pm_logfile {
	enum pm_log_driver driver;
	int fd, dirfd; /* -1 with NONE; journald: fd is a socket */
	const char *fields; /* journald: borrowed */
	char name[256]; /* in dirfd */
	char tag[256]; /* json-file: the escaped "attrs" member, or "" */
	int64_t max_size, size;
	int64_t max_files;
	bool partial[2]; /* the stream's last entry was P */
	bool torn; /* the file ends within an entry */
	uint64_t lost; /* bytes of output that could not be written */
	unsigned char carry[2][4]; /* json-file: an UTF-8 character that the next chunk completes */
	unsigned char n_carry[2];
	int64_t stamp_sec; /* the second that stamp is for */
	char stamp[24]; /* "2026-11-23T23:17:22" */
	char zone[8]; /* "+00:00" or "Z" */
	size_t len;
	char buf[PM_LOGFILE_BUF];
};

/* Open (append, 0600) or make path. tag may be NULL. */
int pm_logfile_open(struct pm_logfile *l, enum pm_log_driver driver, const char *path,
		    int64_t max_size, int64_t max_files, const char *tag, struct pm_err *err);
/* The same for journald: fields (the caller's, kept) are what each entry has. */
int pm_logfile_open_journal(struct pm_logfile *l, const char *fields, struct pm_err *err);
/* Tell readers that the container id has ended for good (journald; else nothing). */
void pm_logfile_finish(struct pm_logfile *l, const char *id);
/* Add what stream gave; ends with everything handed to the kernel. */
void pm_logfile_write(struct pm_logfile *l, enum pm_log_stream stream, const void *data,
		      size_t len);
/* Both streams have ended. A line that was not closed stays open until the next pm_logfile_open. */
void pm_logfile_end(struct pm_logfile *l);
void pm_logfile_close(struct pm_logfile *l);

#endif
