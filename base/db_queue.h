/*
 * db_queue - the file DATABASE-queue, at whose lock writers wait for their turn: the kernel gives it to one after the
 * other. SQLite's own way is to sleep and try again, longer each time: of a hundred containers started at
 * once each slept for over a second. The holder signs the file with his pid and the time, for errors only.
 */
#ifndef PM_BASE_DB_QUEUE_H
#define PM_BASE_DB_QUEUE_H

#include <stdbool.h>

#include "base/err.h"

struct pm_db_queue {
	const char *db;        /* the database's path, for errors; borrowed */
	char *path;            /* NULL: nothing is ever written */
	unsigned int patience; /* seconds that one holder is waited for */
	int fd;                /* held: ours is the turn; -1 */
};

void pm_db_queue_init(struct pm_db_queue *q, const char *db);
void pm_db_queue_free(struct pm_db_queue *q);
/* Wait for the turn, unless it is ours; as long as the turn goes from one to the next there is no end to the wait. -EBUSY: one
 * holder, who is named, has it for longer than the patience: it was stopped, or hangs. */
int pm_db_queue_enter(struct pm_db_queue *q, struct pm_err *err);
/* Have it at once, or not at all: false. */
bool pm_db_queue_try(struct pm_db_queue *q);
void pm_db_queue_leave(struct pm_db_queue *q); /* without the turn: nothing */

#endif
