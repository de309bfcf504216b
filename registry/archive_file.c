#include "registry/archive_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"

/* Where nameless files can be made: o->stage, else the archive's own directory, else $TMPDIR. */
static int open_stage(struct pm_archive_file *f, const char *path,
		      const struct pm_destination_options *o, struct pm_err *err)
{
	if (o->stage >= 0) {
		f->stage = o->stage;
		return 0;
	}
	f->stage_ours = true;
	const char *slash = strrchr(path, '/');
	if (f->temp) {
		_cleanup_free_ char *dir = slash ? pm_strndup(path, (size_t)(slash - path) + 1)
						 : pm_strdup(".");
		f->stage = pm_fs_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, err);
	} else {
		const char *tmp = getenv("TMPDIR");
		f->stage = pm_fs_open(AT_FDCWD, tmp && *tmp ? tmp : "/var/tmp",
				      O_RDONLY | O_DIRECTORY, 0, err);
	}
	return f->stage;
}

/* A nameless file in the directory of path, or where the file system has none, one of another name. */
static int open_beside(struct pm_archive_file *f, const char *path, struct pm_err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? pm_strndup(path, (size_t)(slash - path) + 1) : pm_strdup(".");
	char random[13];
	pm_random_hex(6, random);
	f->path = pm_strdup(path);
	f->temp = pm_asprintf("%s.%s", path, random);
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd >= 0) {
		f->nameless = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (f->nameless >= 0)
			return fd;
		close(fd);
	}
	fd = pm_fs_open(AT_FDCWD, f->temp, O_WRONLY | O_CREAT | O_EXCL, 0644, err);
	if (fd < 0) {
		free(f->temp);
		f->temp = NULL;
	}
	return fd;
}

int pm_archive_file_open(struct pm_archive_file *f, const char *path,
			 const struct pm_destination_options *o, int *ret_out, struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int out = -1;
	if (o->output >= 0) {
		out = fcntl(o->output, F_DUPFD_CLOEXEC, 3);
		if (out < 0)
			return pm_fail_sys(err, "dup");
	} else if (!*path) {
		return pm_fail(err, PM_E_USAGE, "the archive needs a path");
	} else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		out = pm_fs_open(AT_FDCWD, path, O_WRONLY, 0, err);
	} else {
		out = open_beside(f, path, err);
	}
	if (out < 0)
		return out;
	int r = open_stage(f, path, o, err);
	if (r < 0)
		return r;
	*ret_out = pm_steal_fd(&out);
	return 0;
}

int pm_archive_file_commit(struct pm_archive_file *f, struct pm_err *err)
{
	if (!f->temp)
		return 0;
	char self[40];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->nameless);
	if (f->nameless >= 0 && linkat(AT_FDCWD, self, AT_FDCWD, f->temp, AT_SYMLINK_FOLLOW) < 0)
		return pm_fail_sys(err, "link %s", f->temp);
	if (rename(f->temp, f->path) < 0)
		return pm_fail_sys(err, "rename %s to %s", f->temp, f->path);
	free(f->temp);
	f->temp = NULL;
	return 0;
}

void pm_archive_file_drop(struct pm_archive_file *f)
{
	if (f->temp)
		unlink(f->temp);
	if (f->nameless >= 0)
		close(f->nameless);
	free(f->temp);
	free(f->path);
	if (f->stage_ours && f->stage >= 0)
		close(f->stage);
	*f = (struct pm_archive_file)PM_ARCHIVE_FILE_INIT;
}
