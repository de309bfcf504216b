#include "tests/unit/tree.h"

#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/unit/test.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static uint64_t sum_of(const char *path)
{
	uint64_t sum = 14695981039346656037u;
	static unsigned char buf[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = (sum ^ buf[i]) * 1099511628211u;
	if (fd >= 0)
		close(fd);
	return sum;
}

char *tree_describe(const char *dir, int owners)
{
	struct pm_buf out = PM_BUF_INIT;
	char *const roots[] = {(char *)dir, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	CHECK(fts);
	FTSENT *f;
	while ((f = fts_read(fts))) {
		if (f->fts_info == FTS_DP)
			continue;
		const struct stat *st = f->fts_statp;
		pm_buf_printf(&out, ".%s %o %lld.%09ld links %lu", f->fts_path + strlen(dir),
			      st->st_mode, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
			      S_ISDIR(st->st_mode) ? 0UL : (unsigned long)st->st_nlink);
		if (owners)
			pm_buf_printf(&out, " %u:%u", st->st_uid, st->st_gid);
		if (S_ISREG(st->st_mode))
			pm_buf_printf(&out, " size %lld sum %llx", (long long)st->st_size,
				      (unsigned long long)sum_of(f->fts_path));
		if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
			pm_buf_printf(&out, " dev %lx", (unsigned long)st->st_rdev);
		char text[4096], value[4096];
		ssize_t n;
		if (S_ISLNK(st->st_mode) && (n = readlink(f->fts_path, text, sizeof(text))) > 0)
			pm_buf_printf(&out, " -> %.*s", (int)n, text);
		n = llistxattr(f->fts_path, text, sizeof(text));
		for (ssize_t at = 0; at < n; at += (ssize_t)strlen(text + at) + 1) {
			ssize_t len = lgetxattr(f->fts_path, text + at, value, sizeof(value));
			if (pm_startswith(text + at, "user."))
				pm_buf_printf(&out, " %s=%.*s", text + at, (int)len, value);
		}
		pm_buf_add_char(&out, '\n');
	}
	fts_close(fts);
	return pm_buf_take(&out);
}

const char *tree_content(const char *dir, const char *path)
{
	static char text[4096];
	_cleanup_free_ char *whole = pm_asprintf("%s/%s", dir, path);
	_cleanup_close_ int fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

int tree_run(const char *cwd, const char *const *argv)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (chdir(cwd) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
