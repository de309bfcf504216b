#include "storage/trash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

int pm_trash_remove(int trash, const char *name, struct pm_err *err)
{
	if (pm_startswith(name, PM_TRASH_FAR)) {
		char link[NAME_MAX + 8], path[PATH_MAX];
		snprintf(link, sizeof(link), "%s/path", name);
		ssize_t n = readlinkat(trash, link, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = '\0';
		char *slash = strrchr(path, '/');
		if (slash && slash != path) {
			*slash = '\0';
			if (access(path, F_OK) < 0)
				return 0; /* not mounted now: to be done when it is */
			*slash = '/';
			int r = pm_fs_remove_tree(AT_FDCWD, path, err);
			if (r < 0)
				return r;
		}
	}
	return pm_fs_remove_tree(trash, name, err);
}
