#include "base/db_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/lock.h"
#include "base/mem.h"

#define PATIENCE 60 /* seconds */

struct turn {
	int64_t pid;
	int64_t since; /* ns of CLOCK_MONOTONIC: one process has many turns */
};

void pm_db_queue_init(struct pm_db_queue *q, const char *db)
{
	*q = (struct pm_db_queue){
		.db = db,
		.path = pm_asprintf("%s-queue", db),
		.patience = PATIENCE,
		.fd = -1,
	};
}

void pm_db_queue_free(struct pm_db_queue *q)
{
	pm_db_queue_leave(q);
	free(q->path);
	q->path = NULL;
}

/* Whose turn it is, by his own word. */
static void sign(const struct pm_db_queue *q)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	const struct turn t = {getpid(), (int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
	if (pwrite(q->fd, &t, sizeof(t), 0) != sizeof(t))
		return; /* it is only for an error's text */
}

static struct turn whose_turn(const struct pm_db_queue *q)
{
	struct turn t = {0};
	_cleanup_close_ int fd = open(q->path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, &t, sizeof(t), 0) == sizeof(t) ? t : (struct turn){0};
}

static int wait_for_turn(struct pm_db_queue *q, struct pm_err *err)
{
	for (;;) {
		const struct turn before = whose_turn(q);
		struct pm_err why = PM_ERR_INIT;
		q->fd = pm_lock_take_within(AT_FDCWD, q->path, PM_LOCK_EXCLUSIVE, q->patience, &why);
		if (q->fd != -ETIMEDOUT)
			return q->fd < 0 ? pm_fail(err, why.code, "database %s: %s", q->db, why.text) : 0;
		const struct turn now = whose_turn(q);
		if (now.pid == before.pid && now.since == before.since)
			return pm_fail(err, EBUSY,
				       "database %s: process %lld has been writing to it for %u seconds and does not "
				       "end: continue it (kill -CONT), or end it", q->db, (long long)now.pid,
				       q->patience);
	}
}

int pm_db_queue_enter(struct pm_db_queue *q, struct pm_err *err)
{
	if (q->fd >= 0)
		return 0;
	q->fd = pm_lock_try(AT_FDCWD, q->path, PM_LOCK_EXCLUSIVE, err);
	int r = q->fd < 0 ? q->fd : 0;
	if (r == -EAGAIN) {
		pm_err_clear(err);
		r = wait_for_turn(q, err);
	} else if (r < 0) {
		pm_wrap(err, "database %s", q->db);
	}
	if (r < 0)
		q->fd = -1;
	else
		sign(q);
	return r;
}

bool pm_db_queue_try(struct pm_db_queue *q)
{
	q->fd = pm_lock_try(AT_FDCWD, q->path, PM_LOCK_EXCLUSIVE, NULL);
	return q->fd >= 0;
}

void pm_db_queue_leave(struct pm_db_queue *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}
