/*
 * musl - what musl libc lacks of what pm-monitor uses. Included into its files by the Makefile
 * (-include) when it is built with musl-gcc; glibc builds never see it.
 */
#ifndef PM_BASE_MUSL_H
#define PM_BASE_MUSL_H

#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* musl's strerror is what glibc's strerrordesc_np is: a constant text, whatever the locale. */
#define strerrordesc_np(e) strerror(e)

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

static inline int pm_musl_close_range(unsigned int from, unsigned int to, int flags)
{
	return (int)syscall(SYS_close_range, from, to, flags);
}
#define close_range pm_musl_close_range

static inline int pm_musl_renameat2(int ofd, const char *o, int nfd, const char *n, unsigned int f)
{
	return (int)syscall(SYS_renameat2, ofd, o, nfd, n, f);
}
#define renameat2 pm_musl_renameat2

static inline int pm_musl_statx(int fd, const char *path, int flags, unsigned int mask,
				struct statx *st)
{
	return (int)syscall(SYS_statx, fd, path, flags, mask, st);
}
#define statx(fd, path, flags, mask, st) pm_musl_statx(fd, path, flags, mask, st)

#endif
