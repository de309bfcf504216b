#include "engine/monitor/monitor.h"

#include <fcntl.h>
#include <link.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

void monitor_owner_begin(const struct monitor *m)
{
	if (m->owner_uid == 0)
		return;
	setfsgid(m->owner_gid);
	setfsuid(m->owner_uid);
}

void monitor_owner_end(const struct monitor *m)
{
	if (m->owner_uid == 0)
		return;
	setfsuid(0); /* gives the file capabilities back */
	setfsgid(0);
}

void monitor_event(const struct monitor *m, const struct pm_event_what *what)
{
	const struct pm_launch_plan *p = &m->plan;
	if (p->events_backend == PM_EVENTS_NONE || !p->events_head || !p->events_tail)
		return;
	const struct pm_eventlog l = {.backend = p->events_backend,
				      .path = p->events_path,
				      .max_size = p->events_max_size,
				      .head = p->events_head,
				      .tail = p->events_tail};
	monitor_owner_begin(m);
	pm_eventlog_write(&l, what, NULL);
	monitor_owner_end(m);
}

int64_t monitor_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int write_file(const struct monitor *m, const char *name, const void *data, size_t len,
		      struct pm_err *err)
{
	char tmp[64];
	snprintf(tmp, sizeof(tmp), ".%s.tmp", name);
	_cleanup_close_ int fd =
		openat(m->ctr_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make %s/%s", m->plan.ctr_dir, tmp);
	int r = pm_fs_write_all(fd, data, len, err);
	if (r < 0)
		return r;
	if (renameat(m->ctr_fd, tmp, m->ctr_fd, name) < 0)
		return pm_fail_sys(err, "rename %s/%s", m->plan.ctr_dir, name);
	return 0;
}

int monitor_write_file(const struct monitor *m, const char *name, const void *data, size_t len,
		       struct pm_err *err)
{
	monitor_owner_begin(m);
	int r = write_file(m, name, data, len, err);
	monitor_owner_end(m);
	return r;
}

int monitor_write_state(const struct monitor *m, struct pm_err *err)
{
	static const char *const names[] = {"pid",     "pid_start", "monitor", "monitor_start",
					    "started", "restarts",  "health",  "health_streak",
					    "created"};
	uint64_t init_start = 0, own_start = 0;
	pm_proc_start_time(m->init, &init_start, NULL); /* 0 when it is dead already */
	pm_proc_start_time(getpid(), &own_start, NULL);
	const int64_t values[] = {m->init,    (int64_t)init_start, getpid(),	(int64_t)own_start,
				  m->started, m->restarts,	   m->health, m->health_streak,
				  m->created};
	char buf[512];
	size_t len = monitor_encode_ints(buf, sizeof(buf), NULL, names, values,
					 PM_ARRAY_SIZE(values));
	return monitor_write_file(m, "state", buf, len, err);
}

size_t monitor_encode_ints(char *buf, size_t size, const char *event, const char *const *names,
			   const int64_t *values, size_t n)
{
	size_t len = 8;
	if (event)
		len += (size_t)snprintf(buf + len, size - len, "event%c%s", 0, event) + 1;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%c%lld", names[i], 0,
					(long long)values[i]) +
		       1;
	uint32_t header[2] = {0, (uint32_t)(len - 8)};
	memcpy(header, "pmw1", 4);
	memcpy(buf, header, sizeof(header));
	return len;
}

static int forget_pages(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		if (h->p_type != PT_LOAD || h->p_flags & PF_W)
			continue;
		uintptr_t from = (info->dlpi_addr + h->p_vaddr) & ~page;
		uintptr_t to = info->dlpi_addr + h->p_vaddr + h->p_memsz;
		madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void monitor_shrink(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	dl_iterate_phdr(forget_pages, NULL);
}
