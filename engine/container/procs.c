#include "engine/container/procs.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "engine/cgroup/group.h"

struct pm_proc_seen {
	pid_t pid, parent;
	ino_t pidns; /* 0: not ours to know */
};

void pm_procs_free(struct pm_procs *p)
{
	free(p->v);
	*p = (struct pm_procs){0};
}

bool pm_proc_stat(pid_t pid, struct pm_proc_stat *ret)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pm_fs_read_file(AT_FDCWD, path, 4096, &b, NULL) < 0)
		return false;
	/* the name may hold anything, also parentheses */
	const char *open = strchr(pm_buf_str(&b), '('), *close = strrchr(pm_buf_str(&b), ')');
	if (!open || !close || close < open)
		return false;
	*ret = (struct pm_proc_stat){0};
	size_t len = (size_t)(close - open - 1);
	if (len >= sizeof(ret->comm))
		len = sizeof(ret->comm) - 1;
	memcpy(ret->comm, open + 1, len);
	/* fields 3 to 24 of proc(5) */
	return sscanf(close + 1,
		      " %c %d %d %*d %d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
		      " %" SCNu64 " %*d %d %" SCNd64 " %*d %" SCNu64 " %" SCNu64 " %" SCNd64,
		      &ret->state, &ret->ppid, &ret->pgrp, &ret->tty, &ret->utime, &ret->stime,
		      &ret->children_utime, &ret->children_stime, &ret->nice, &ret->threads,
		      &ret->start, &ret->vsize, &ret->rss) == 13;
}

static ino_t pidns_of(pid_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void scan(struct pm_procs *p)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (p->scanned)
		return;
	p->scanned = true;
	if (pm_fs_list(AT_FDCWD, "/proc", &names, NULL) < 0)
		return;
	p->v = pm_calloc(names.n, sizeof(*p->v));
	for (size_t i = 0; i < names.n; i++) {
		struct pm_proc_stat st;
		if (!isdigit((unsigned char)names.v[i][0]))
			continue;
		pid_t pid = (pid_t)strtol(names.v[i], NULL, 10);
		if (pm_proc_stat(pid, &st))
			p->v[p->n++] = (struct pm_proc_seen){pid, st.ppid, pidns_of(pid)};
	}
}

static bool has(const struct pm_buf *pids, pid_t pid)
{
	const pid_t *v = (const pid_t *)(const void *)pids->data;
	for (size_t i = 0; i < pids->len / sizeof(pid_t); i++)
		if (v[i] == pid)
			return true;
	return false;
}

static void add_descendants(const struct pm_procs *p, pid_t pid, struct pm_buf *out)
{
	bool more = true;
	pm_buf_add(out, &pid, sizeof(pid));
	while (more) {
		more = false;
		for (size_t i = 0; i < p->n; i++) {
			if (!has(out, p->v[i].parent) || has(out, p->v[i].pid))
				continue;
			pm_buf_add(out, &p->v[i].pid, sizeof(pid_t));
			more = true;
		}
	}
}

static int by_pid(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

void pm_procs_of(struct pm_procs *p, const char *id, pid_t pid, struct pm_buf *out)
{
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	_cleanup_buf_ struct pm_buf pids = PM_BUF_INIT;
	if (pm_group_open(pid, id, &g) > 0) {
		pm_group_pids(&g, &pids);
	} else {
		ino_t ns = pidns_of(pid), own = pidns_of(getpid());
		scan(p);
		if (!ns || ns == own)
			add_descendants(p, pid, &pids);
		for (size_t i = 0; ns && ns != own && i < p->n; i++)
			if (p->v[i].pidns == ns)
				pm_buf_add(&pids, &p->v[i].pid, sizeof(pid_t));
	}
	if (pids.len)
		qsort(pids.data, pids.len / sizeof(pid_t), sizeof(pid_t), by_pid);
	pm_buf_add(out, pids.data ? pids.data : "", pids.len);
}
