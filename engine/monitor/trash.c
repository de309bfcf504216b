#include "engine/monitor/trash.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/trash.h"

/* The trash directory, open and locked if nobody sweeps it just now; -1. */
static int open_trash(const struct monitor *m)
{
	const char *path = m->plan.trash;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		monitor_owner_begin(m);
		mkdir(path, 0700);
		monitor_owner_end(m);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd >= 0)
		flock(fd, LOCK_SH | LOCK_NB);
	return fd;
}

/* Nobody else ever uses this id, so the name is free. */
static void trash_name(const struct monitor *m, size_t i, char *ret, size_t size)
{
	snprintf(ret, size, "%s-%zu", m->plan.id, i);
}

void trash_fill(struct monitor *m)
{
	const struct pm_strv *dirs = &m->plan.remove_dirs;
	if (!dirs->n || !m->plan.trash)
		return;
	m->trash_fd = open_trash(m);
	for (size_t i = 0; i < dirs->n; i++) {
		char name[96];
		trash_name(m, i, name, sizeof(name));
		if (m->trash_fd < 0 || renameat(AT_FDCWD, dirs->v[i], m->trash_fd, name) < 0)
			pm_fs_remove_tree(AT_FDCWD, dirs->v[i], NULL);
	}
}

/* While monitors delete no pm sweeps: the last of them deletes what those left that were killed. */
static void sweep(int trash)
{
	struct stat st;
	if (fstat(trash, &st) < 0 || st.st_nlink == 2 || flock(trash, LOCK_EX | LOCK_NB) < 0)
		return;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	pm_fs_list(trash, ".", &names, NULL);
	for (size_t i = 0; i < names.n; i++)
		pm_trash_remove(trash, names.v[i], NULL);
}

void trash_empty(struct monitor *m)
{
	for (size_t i = 0; !m->plan.trash && i < m->plan.remove_dirs.n; i++)
		pm_fs_remove_tree(AT_FDCWD, m->plan.remove_dirs.v[i], NULL);
	if (m->trash_fd < 0)
		return;
	for (size_t i = 0; i < m->plan.remove_dirs.n; i++) {
		char name[96];
		trash_name(m, i, name, sizeof(name));
		pm_fs_remove_tree(m->trash_fd, name, NULL);
	}
	sweep(m->trash_fd);
	close(m->trash_fd);
	m->trash_fd = -1;
}
