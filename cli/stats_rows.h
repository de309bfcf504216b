/*
 * stats_rows - rounds of samples of containers' resource use, and the rows that `stats` and `pod stats` show of
 * them.
 */
#ifndef PM_CLI_STATS_ROWS_H
#define PM_CLI_STATS_ROWS_H

#include "base/json.h"
#include "cli/ctr_common.h"
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

/* What a command shows of them. */
struct pm_stats_view {
	const char *name;   /* of the command, for --format's errors */
	const char *type;   /* Podman's Go type of a row */
	const char *format; /* --format, or NULL */
	const char *table;  /* instead of it */
	const char *const *headings;
	bool once, no_reset;
	int64_t seconds; /* between two rounds */
	/* One round: rows are added for what there is now; opts: the command's. */
	int (*round)(struct pm_cli *cli, const void *opts, struct pm_engine *e,
		     const struct pm_stats_round *last, struct pm_stats_round *now,
		     struct pm_json_pool *pool, struct pm_json *rows, struct pm_err *err);
	const void *opts;
};

/* Rounds, until standard output or one of them fails. */
int pm_stats_show(struct pm_cli *cli, const struct pm_stats_view *v, struct pm_err *err);

extern const char *const pm_stats_headings[];

#endif
