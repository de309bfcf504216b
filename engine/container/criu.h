/*
 * criu - what checkpoint and restore need of the host: CRIU, a kernel that it works with, and a runtime that drives it;
 * what CRIU says in its logs and statistics. CRIU itself is executed by the runtime, as root. Runs in pm.
 *
 * The statistics (stats-dump, stats-restore) are an image file of CRIU's: the magic numbers 0x55105940 and 0x57093306,
 * a length, and a protobuf message stats_entry (criu/images/stats.proto), all little endian.
 */
#ifndef PM_ENGINE_CONTAINER_CRIU_H
#define PM_ENGINE_CONTAINER_CRIU_H

#include "engine/container/container.h"

/* PM_E_UNSUPPORTED with what is missing: root, CRIU, a kernel it knows. verb is what is wanted, as "checkpointing". */
int pm_criu_check_host(struct pm_engine *e, const char *verb, struct pm_err *err);
/* The same, and of container k a runtime that was built with CRIU. */
int pm_criu_check(struct pm_engine *e, const struct pm_ctr_config *k, const char *verb,
		  struct pm_err *err);
/* Can the kernel tell which pages were written since a first dump? PM_E_UNSUPPORTED. */
int pm_criu_check_dirty_track(struct pm_err *err);

/* The text after "Error (FILE:LINE): " in the first such line of what CRIU wrote, cut in place; NULL: none. */
const char *pm_criu_reason(char *text);
/* The same of a log in dir: the caller frees; NULL: it says nothing. */
char *pm_criu_log_reason(int dir, const char *name);

/* This process's environment, with the directory of criu in PATH: the runtime looks for it there, and /usr/sbin is in
 * few users' PATH. */
void pm_criu_env(struct pm_strv *ret);

enum pm_criu_stat {
	PM_CRIU_FREEZING_TIME,
	PM_CRIU_FROZEN_TIME,
	PM_CRIU_MEMDUMP_TIME,
	PM_CRIU_MEMWRITE_TIME,
	PM_CRIU_PAGES_SCANNED,
	PM_CRIU_PAGES_WRITTEN,
	PM_CRIU_FORKING_TIME,
	PM_CRIU_RESTORE_TIME,
	PM_CRIU_PAGES_RESTORED,
	PM_CRIU_STATS,
};

/* Times in microseconds; what the file does not tell is 0. */
struct pm_criu_stats {
	uint64_t v[PM_CRIU_STATS];
};

/* As Podman calls them: "freezing_time" ... */
const char *pm_criu_stat_name(enum pm_criu_stat s);
/* PM_E_FORMAT. */
int pm_criu_stats_parse(const void *data, size_t len, struct pm_criu_stats *ret, struct pm_err *err);
/* Of the file name in dir. */
int pm_criu_stats_read(int dir, const char *name, struct pm_criu_stats *ret, struct pm_err *err);

#endif
