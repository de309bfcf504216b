/*
 * log_print - printing the logs of one or more containers as `logs` and `pod logs` do.
 */
#ifndef PM_CLI_LOG_PRINT_H
#define PM_CLI_LOG_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/engine.h"

/* The options that both commands have. */
struct pm_log_print {
	bool color, follow, names, timestamps;
	const char *since, *until; /* as given; NULL: no bound */
	int64_t tail;              /* lines; -1: all */
};

/* Print the logs of the containers named, merged by time, to standard output and error; with follow until the last
 * one has ended. */
int pm_log_print(struct pm_engine *e, const struct pm_log_print *o, const struct pm_strv *names,
		 struct pm_err *err);

#endif
