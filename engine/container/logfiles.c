#include "engine/container/logfiles.h"

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define MAX_FILES 1000

struct found {
	int fd;
	struct stat st;
};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Not blocking on anything that is no file; fd -1 when there is none. */
static struct found open_number(const char *path, int number)
{
	_cleanup_free_ char *name = number ? pm_asprintf("%s.%d", path, number) : pm_strdup(path);
	struct found f = {.fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
	if (f.fd >= 0 && (fstat(f.fd, &f.st) < 0 || !S_ISREG(f.st.st_mode))) {
		close(f.fd);
		f.fd = -1;
	}
	return f;
}

/* Which of v is f? n: none. */
static size_t index_of(const struct found *v, size_t n, const struct found *f)
{
	size_t i = 0;
	while (i < n && !same_file(&v[i].st, &f->st))
		i++;
	return i;
}

/*
 * Files only ever move to higher numbers, and numbers are opened upwards: none is missed. One that was opened may be met
 * again, at a higher number; what was found in between is newer than it, and left to the next look. One number may
 * be without a file for an instant, two in a row are the end.
 */
size_t pm_logfiles_newer(const char *path, const struct stat *known, int **fds, size_t *n_fds,
			 struct stat *ret_newest, pm_logfiles_hook *hook, void *arg)
{
	_cleanup_free_ struct found *v = NULL;
	size_t n = 0;
	int missing = 0;

	for (int i = 0; i < MAX_FILES && missing < 2; i++) {
		if (hook)
			hook(arg, i);
		struct found f = open_number(path, i);
		missing = f.fd < 0 ? missing + 1 : 0;
		if (f.fd < 0)
			continue;
		bool end = known && same_file(known, &f.st);
		size_t again = index_of(v, n, &f);
		if (end || again < n)
			close(f.fd);
		if (end)
			break;
		if (again < n) {
			while (n > again + 1)
				close(v[--n].fd);
			continue;
		}
		v = pm_reallocarray(v, n + 1, sizeof(*v));
		v[n++] = f;
	}
	if (n == 0)
		return 0;
	*ret_newest = v[0].st;
	*fds = pm_reallocarray(*fds, *n_fds + n, sizeof(int));
	for (size_t i = n; i > 0; i--)
		(*fds)[(*n_fds)++] = v[i - 1].fd;
	return n;
}
