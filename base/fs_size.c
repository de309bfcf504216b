/* pm_fs_tree_size of base/fs.h. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Deeper than this nothing is counted: a descriptor a level is held. */
#define MAX_DEPTH 400

struct sum {
	uint64_t bytes, entries, max_entries;
};

static void add_dir(struct sum *s, int fd, unsigned int depth);

static void add_entry(struct sum *s, int dirfd, const char *name, unsigned int depth)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	s->entries++;
	/* each name of a file with several counts its part, so that all make the whole */
	if (S_ISREG(st.st_mode) && st.st_nlink > 0)
		s->bytes += (uint64_t)st.st_size / st.st_nlink;
	if (!S_ISDIR(st.st_mode) || depth >= MAX_DEPTH)
		return;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		add_dir(s, fd, depth + 1);
}

/* Closes fd. */
static void add_dir(struct sum *s, int fd, unsigned int depth)
{
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	struct dirent *de;
	while (s->entries < s->max_entries && (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			add_entry(s, dirfd(d), de->d_name, depth);
	closedir(d);
}

int pm_fs_tree_size(int dirfd, const char *path, uint64_t max_entries, uint64_t *ret,
		    struct pm_err *err)
{
	struct sum s = {.max_entries = max_entries};
	int fd = pm_fs_open(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (fd < 0)
		return fd;
	add_dir(&s, fd, 0);
	*ret = s.bytes;
	return s.entries < max_entries;
}
