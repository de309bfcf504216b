/*
 * stats_rows - rounds of samples of containers' resource use, and the rows that `stats` and `pod stats` show of
 * them.
 */
#ifndef PM_CLI_STATS_ROWS_H
#define PM_CLI_STATS_ROWS_H

#include "base/json.h"
#include "cli/format.h"
#include "engine/container/stats.h"

/* The samples of one round, kept for the next. */
struct pm_stats_round {
	struct {
		char id[65];
		struct pm_ctr_stats s;
	} *v; /* owned */
	size_t n;
};

struct pm_stats_options {
	bool json;     /* the shape of --format json */
	bool no_trunc; /* whole ids */
	bool gone_ok;  /* an id that is not there any more is left out */
};

/* Sample the containers named: a row for each is appended to rows; *now (zeroed) gets the samples. The caller frees
 * now->v. */
int pm_stats_sample(struct pm_engine *e, const struct pm_strv *ids, const struct pm_stats_options *o,
		    const struct pm_stats_round *last, struct pm_stats_round *now,
		    struct pm_json_pool *pool, struct pm_json *rows, struct pm_err *err);

/* Rounds of show, seconds apart, each given the samples of the one before, until standard output or show fails; with
 * once a single one. */
int pm_stats_rounds(int (*show)(void *arg, const struct pm_stats_round *last,
				struct pm_stats_round *now, struct pm_err *err),
		    void *arg, int64_t seconds, bool once, struct pm_err *err);

/* Print rows by f, after a cleared screen if reset is set. */
int pm_stats_print(const struct pm_format *f, const struct pm_json *rows, bool reset,
		   struct pm_err *err);

extern const char *const pm_stats_headings[];

#endif
