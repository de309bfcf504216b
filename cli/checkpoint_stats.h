/*
 * checkpoint_stats - what --print-stats of checkpoint and restore prints: one JSON object for all containers.
 */
#ifndef PM_CLI_CHECKPOINT_STATS_H
#define PM_CLI_CHECKPOINT_STATS_H

#include "base/json.h"
#include "engine/container/criu.h"

struct pm_checkpoint_stats {
	struct pm_json_pool *pool; /* NULL: not begun */
	struct pm_json *list;
	const char *verb;
	enum pm_criu_stat first, last;
	int64_t began;
};

/* verb is "checkpoint" or "restore", first to last are the statistics that CRIU has of it. */
void pm_checkpoint_stats_begin(struct pm_checkpoint_stats *s, const char *verb, enum pm_criu_stat first,
			       enum pm_criu_stat last);
void pm_checkpoint_stats_add(struct pm_checkpoint_stats *s, const char *id, int64_t runtime_us,
			     const struct pm_criu_stats *criu);
/* Print, and free. */
void pm_checkpoint_stats_print(struct pm_checkpoint_stats *s);

#endif
