/*
 * top - the processes of a running container as `top` shows them: psgo's format descriptors
 * (podman-top(1)), AIX's (%C), and ps's own -ef, aux and -o lists in the same columns. All is
 * read from /proc, names of users and groups from the container's own files by our own parser;
 * nothing is executed or entered. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_TOP_H
#define PM_ENGINE_CONTAINER_TOP_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/container/container.h"

/* Lines of tab-separated cells, headings first, appended to out. args: descriptors, each maybe a
 * list by commas; none: user, pid, ppid, pcpu, etime, tty, time, args. PM_E_STATE when it does
 * not run, PM_E_USAGE for an unknown descriptor. */
int pm_container_top(struct pm_engine *e, const struct pm_container *c, const struct pm_strv *args,
		     struct pm_buf *out, struct pm_err *err);

/* The name of descriptor i, from 0 on, in alphabetical order; NULL beyond the last. */
const char *pm_top_name(size_t i);

/* What args come to: descriptors by psgo's names, appended to ret. PM_E_USAGE. */
int pm_top_parse(const struct pm_strv *args, struct pm_strv *ret, struct pm_err *err);

#endif
