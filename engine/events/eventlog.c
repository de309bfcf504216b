#include "engine/events/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/journal.h"
#include "base/lock.h"
#include "base/timefmt.h"

static int open_file(const char *path, struct pm_err *err)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	int fd = open(path, flags, 0600);
	if (fd < 0 && errno == ENOENT) {
		const char *slash = strrchr(path, '/');
		char dir[4096];
		snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
		int r = pm_fs_mkdirs(AT_FDCWD, dir, 0700, err);
		if (r < 0)
			return r;
		fd = open(path, flags, 0600);
	}
	return fd < 0 ? pm_fail_sys(err, "open %s", path) : fd;
}

/* Rename the full file that fd is away, unless somebody is at it or has done it. */
static void rotate(const char *path, int fd)
{
	char other[4200];
	struct stat mine, now;
	snprintf(other, sizeof(other), "%s.lock", path);
	_cleanup_close_ int lock = pm_lock_try(AT_FDCWD, other, PM_LOCK_EXCLUSIVE, NULL);
	if (lock < 0 || fstat(fd, &mine) < 0 || stat(path, &now) < 0 || mine.st_ino != now.st_ino ||
	    mine.st_dev != now.st_dev)
		return;
	snprintf(other, sizeof(other), "%s.1", path);
	/* who has it open still writes to it: a reader takes that file up to its end first */
	rename(path, other);
}

static int write_file(const struct pm_eventlog *l, const struct iovec *v, int n, struct pm_err *err)
{
	_cleanup_close_ int fd = open_file(l->path, err);
	if (fd < 0)
		return fd;
	struct stat st;
	if (l->max_size > 0 && fstat(fd, &st) == 0 && st.st_size >= l->max_size) {
		rotate(l->path, fd);
		close(fd);
		fd = open_file(l->path, err);
		if (fd < 0)
			return fd;
	}
	ssize_t r;
	do
		r = writev(fd, v, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? pm_fail_sys(err, "write %s", l->path) : 0;
}

static int write_journal(const struct iovec *v, size_t n, struct pm_err *err)
{
	_cleanup_close_ int fd = pm_journal_open(err);
	return fd < 0 ? fd : pm_journal_send(fd, v, n, false, err);
}

static struct iovec part(const char *s)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)s, .iov_len = strlen(s)};
}

/* A JSON text within a JSON string. */
static void quote(const char *s, char *to, size_t size)
{
	size_t n = 0;
	for (; *s && n + 3 < size; s++) {
		if (*s == '"' || *s == '\\')
			to[n++] = '\\';
		to[n++] = *s;
	}
	to[n] = '\0';
}

int pm_eventlog_write(const struct pm_eventlog *l, const struct pm_event_what *what,
		      struct pm_err *err)
{
	char time[PM_TIME_SIZE], first[64] = "", middle[320], health[96] = "";
	char log[2 * PM_EVENT_HEALTH_LOG] = "";
	const char *log_head = what->health_log ? "\"health_log\":\"" : "";
	const char *log_tail = what->health_log ? "\"," : "";
	pm_time_rfc3339(what->time ? what->time : pm_time_now(), 0, time);

	switch (l->backend) {
	case PM_EVENTS_NONE:
		return 0;
	case PM_EVENTS_FILE: {
		if (what->has_exit)
			snprintf(first, sizeof(first), "\"ContainerExitCode\":%d,", what->exit_code);
		if (what->health)
			snprintf(health, sizeof(health), "\"health_status\":\"%s\",", what->health);
		snprintf(middle, sizeof(middle), "\"Status\":\"%s\",\"Time\":\"%s\",%s", what->status,
			 time, health);
		if (what->health_log)
			quote(what->health_log, log, sizeof(log));
		const struct iovec v[] = {part("{"),	  part(first), part(l->head),
					  part(middle),	  part(log_head), part(log),
					  part(log_tail), part(l->tail), part("}\n")};
		return write_file(l, v, PM_ARRAY_SIZE(v), err);
	}
	case PM_EVENTS_JOURNALD: {
		if (what->has_exit)
			snprintf(first, sizeof(first), "PODMAN_EXIT_CODE=%d\n", what->exit_code);
		if (what->health)
			snprintf(health, sizeof(health), "PODMAN_HEALTH_STATUS=%s\n", what->health);
		if (what->health_log)
			snprintf(log, sizeof(log), "PODMAN_HEALTH_LOG=%s\n", what->health_log);
		snprintf(middle, sizeof(middle), "%sPODMAN_EVENT=%s\nPODMAN_TIME=%s\nMESSAGE=%s ",
			 health, what->status, time, what->status);
		/* the tail is the rest of MESSAGE */
		const struct iovec v[] = {part(l->head), part(first), part(log), part(middle),
					  part(l->tail)};
		return write_journal(v, PM_ARRAY_SIZE(v), err);
	}
	}
	return 0;
}
