/*
 * mem - allocation that cannot fail, and cleanup attributes for values that live for a scope.
 *
 * Allocation failure ends the process with one line on stderr. The monitor allocates only before
 * it starts the container (see engine/monitor).
 *
 *	_cleanup_free_ char *name = pm_strdup(...);
 *	_cleanup_close_ int fd = open(...);
 *	*ret_fd = pm_steal_fd(&fd);	// giving away is visible
 */
#ifndef PM_BASE_MEM_H
#define PM_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* All zeroed; size 0 gives a unique pointer. The caller frees with free(). */
void *pm_malloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *pm_calloc(size_t count, size_t size)
	__attribute__((malloc, alloc_size(1, 2), returns_nonnull));
/* The new part is not zeroed. count * size is checked for overflow. */
void *pm_reallocarray(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *pm_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *pm_strndup(const char *s, size_t max) __attribute__((malloc, returns_nonnull));
/* NULL stays NULL. */
char *pm_strdup_null(const char *s);
char *pm_asprintf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *pm_vasprintf(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0), malloc, returns_nonnull));

#define PM_NEW(type) ((type *)pm_calloc(1, sizeof(type)))

static inline void pm_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void pm_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(pm_cleanup_free)
#define _cleanup_close_ _cleanup_(pm_cleanup_close)

static inline int pm_steal_fd(int *fd)
{
	int r = *fd;
	*fd = -1;
	return r;
}

#define pm_steal(pp)                                                                               \
	({                                                                                         \
		__typeof__(*(pp)) pm_stolen_ = *(pp);                                              \
		*(pp) = NULL;                                                                      \
		pm_stolen_;                                                                        \
	})

#define PM_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
