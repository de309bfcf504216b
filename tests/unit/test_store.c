#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "netns/userns.h"
#include "storage/stage.h"
#include "storage/store.h"

static struct pm_store *open_store(void)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/r", test_dir());
	_cleanup_free_ char *run = pm_asprintf("%s/run", test_dir());
	struct pm_store *s = NULL;
	CHECK_OK(pm_store_open(&(struct pm_store_options){.root = root, .runroot = run}, &s, &err), err);
	return s;
}

static bool exists(struct pm_store *s, const char *path)
{
	struct stat st;
	return fstatat(s->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t count(struct pm_store *s, const char *dir)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_fs_list(s->root_fd, dir, &l, NULL);
	return l.n;
}

static void put_file(int dir, const char *path)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_fs_write_file(dir, path, "x", 1, 0600, false, &err), err);
}

TEST(default_paths)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store_options o = {0};
	struct pm_store *s = NULL;
	setenv("_PM_USERNS", "1", 1); /* as a user, also when root runs the tests */
	setenv("HOME", "/home/x", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/4711", 1);
	unsetenv("XDG_DATA_HOME");
	CHECK_OK(pm_store_paths(&o, &s, &err), err);
	CHECK_STR(s->root, "/home/x/.local/share/pm");
	CHECK_STR(s->runroot, "/run/user/4711/pm");
	CHECK(s->root_fd < 0 && !s->db);
	pm_store_free(s);
	setenv("XDG_DATA_HOME", "/data", 1);
	CHECK_OK(pm_store_paths(&o, &s, &err), err);
	CHECK_STR(s->root, "/data/pm");
	pm_store_free(s);
	if (geteuid() == 0) {
		unsetenv("_PM_USERNS");
		CHECK_OK(pm_store_paths(&o, &s, &err), err);
		CHECK_STR(s->root, "/var/lib/pm");
		CHECK_STR(s->runroot, "/run/pm");
		pm_store_free(s);
		setenv("_PM_USERNS", "1", 1);
	}
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	CHECK_INT(pm_store_paths(&o, &s, &err), -PM_E_USAGE);
	CHECK(strstr(err.text, "HOME") && strstr(err.text, "--root"));
	o.root = "relative";
	CHECK_INT(pm_store_paths(&o, &s, &err), -PM_E_USAGE);
	o.root = "/x//y/";
	o.driver = "btrfs";
	CHECK_INT(pm_store_paths(&o, &s, &err), -PM_E_USAGE);
	CHECK(strstr(err.text, "'btrfs'"));
	o.driver = "vfs";
	CHECK_OK(pm_store_paths(&o, &s, &err), err);
	CHECK_STR(s->root, "/x/y");
	CHECK_INT(s->driver, PM_STORE_VFS);
	pm_store_free(s);
}

TEST(made_private)
{
	umask(0);
	struct pm_store *s = open_store();
	struct stat st;
	CHECK(fstat(s->root_fd, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(fstat(s->runroot_fd, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK_INT(count(s, "."), 4); /* pm.db, -wal, -shm and -queue: nothing else before it is needed */
	pm_store_free(s);
	s = open_store(); /* again */
	pm_store_free(s);
}

/* A run directory in /tmp that another user may have prepared. */
TEST(tmp_runroot_is_checked)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/r", test_dir());
	char path[64];
	snprintf(path, sizeof(path), "/tmp/pm-run-test-%d", (int)getpid());
	struct pm_store_options o = {.root = root, .runroot = path};
	struct pm_store *s = NULL;
	CHECK(symlink(test_dir(), path) == 0);
	CHECK(pm_store_open(&o, &s, &err) < 0);
	CHECK(strstr(err.text, path));
	unlink(path);
	CHECK(mkdir(path, 0755) == 0);
	CHECK_INT(pm_store_open(&o, &s, &err), -EPERM);
	CHECK(chmod(path, 0700) == 0);
	CHECK_OK(pm_store_open(&o, &s, &err), err);
	CHECK_OK(pm_store_destroy(s, &err), err);
	pm_store_free(s);
	struct stat st;
	CHECK(lstat(path, &st) < 0 && lstat(root, &st) < 0);
}

TEST(one_clear_error)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/r", test_dir());
	_cleanup_free_ char *file = pm_asprintf("%s/file", test_dir());
	struct pm_store_options o = {.root = file, .runroot = root};
	struct pm_store *s = NULL;
	CHECK_OK(pm_fs_write_file(AT_FDCWD, file, "", 0, 0600, false, &err), err);
	CHECK_INT(pm_store_open(&o, &s, &err), -ENOTDIR);
	CHECK(strstr(err.text, file));

	s = open_store();
	CHECK_OK(pm_db_exec(s->db, &err, "PRAGMA user_version=1000", ""), err);
	pm_store_free(s);
	o.root = root;
	CHECK_INT(pm_store_open(&o, &s, &err), -PM_E_UNSUPPORTED);
	CHECK(strstr(err.text, "newer pm"));
	if (geteuid() != 0) {
		CHECK(chmod(root, 0) == 0);
		CHECK_INT(pm_store_open(&o, &s, &err), -EACCES);
		CHECK(strstr(err.text, root) && strstr(err.text, "Permission denied"));
		CHECK(chmod(root, 0700) == 0);
	}
}

TEST(locks)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	int a = pm_store_lock(s, "container", "abc", PM_LOCK_EXCLUSIVE, true, &err);
	CHECK_OK(a, err);
	CHECK_INT(pm_store_lock(s, "container", "abc", PM_LOCK_SHARED, false, &err), -EAGAIN);
	int b = pm_store_lock(s, "volume", "abc", PM_LOCK_SHARED, false, &err);
	CHECK_OK(b, err);
	int c = pm_store_lock(s, "container", "abd", PM_LOCK_EXCLUSIVE, false, &err);
	CHECK_OK(c, err);
	int d = pm_store_lock(s, "volume", "abc", PM_LOCK_SHARED, false, &err);
	CHECK_OK(d, err);
	CHECK_INT(pm_store_lock(s, "volume", "abc", PM_LOCK_EXCLUSIVE, false, &err), -EAGAIN);
	close(a);
	a = pm_store_lock(s, "container", "abc", PM_LOCK_EXCLUSIVE, false, &err);
	CHECK_OK(a, err);
	/* however many are locked, there is one file */
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK_OK(pm_fs_list(s->runroot_fd, ".", &names, &err), err);
	CHECK_INT((long)names.n, 1);
	close(a);
	close(b);
	close(c);
	close(d);
	pm_store_free(s);
}

TEST(stage_goes_with_its_owner)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	bool left = true;
	CHECK_OK(pm_sweep(s, &left, &err), err); /* nothing there yet */
	CHECK(!left);

	struct pm_stage *st = NULL;
	CHECK_OK(pm_stage_new(s, &st, &err), err);
	_cleanup_close_ int diff = pm_stage_layer(st, "0", &err);
	CHECK_OK(diff, err);
	CHECK_OK(pm_fs_write_file(diff, "f", "x", 1, 0644, false, &err), err);
	CHECK_OK(pm_sweep(s, &left, &err), err);
	CHECK(exists(s, st->name)); /* we live */
	pm_stage_free(st);
	CHECK_INT(count(s, "staging"), 0);
	CHECK_INT(count(s, "trash"), 0);

	int p[2];
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	pm_store_free(s);
	pid_t pid = fork();
	if (pid == 0) {
		s = open_store();
		CHECK_OK(pm_stage_new(s, &st, &err), err);
		int fd = pm_stage_layer(st, "0", &err);
		CHECK_OK(pm_fs_write_file(fd, "f", "x", 1, 0644, false, &err), err);
		CHECK(write(p[1], "x", 1) == 1);
		pause();
	}
	char c;
	CHECK(read(p[0], &c, 1) == 1);
	s = open_store();
	CHECK_OK(pm_sweep(s, &left, &err), err);
	CHECK_INT(count(s, "staging"), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_OK(pm_sweep(s, &left, &err), err);
	CHECK_INT(count(s, "staging"), 0);
	CHECK_INT(count(s, "trash"), 0);
	CHECK(!left);
	pm_store_free(s);
}

/* Stages are made while others sweep all the time: none is lost. */
TEST(stage_and_sweep_race)
{
	pm_store_free(open_store());
	pid_t sweepers[2];
	for (int i = 0; i < 2; i++) {
		sweepers[i] = fork();
		if (sweepers[i] == 0) {
			struct pm_store *s = open_store();
			for (;;)
				if (pm_sweep(s, NULL, NULL) < 0)
					_exit(1);
		}
	}
	struct pm_store *s = open_store();
	for (int i = 0; i < 150; i++) {
		struct pm_err err = PM_ERR_INIT;
		struct pm_stage *st = NULL;
		CHECK_OK(pm_stage_new(s, &st, &err), err);
		int fd = pm_stage_layer(st, "0", &err);
		CHECK_OK(fd, err);
		close(fd);
		CHECK(exists(s, st->name));
		pm_stage_free(st);
	}
	for (int i = 0; i < 2; i++) {
		int status;
		kill(sweepers[i], SIGKILL);
		waitpid(sweepers[i], &status, 0);
		CHECK(WIFSIGNALED(status));
	}
	CHECK_INT(count(s, "staging"), 0);
	pm_store_free(s);
}

TEST(trash)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "containers/a/upper/x", 0700, &err), err);
	CHECK_OK(pm_trash_dir(s, s->root_fd, "containers/a", &err), err);
	CHECK_OK(pm_trash_dir(s, s->root_fd, "containers/a", &err), err); /* gone already: fine */
	CHECK(!exists(s, "containers/a"));
	CHECK_INT(count(s, "trash"), 1);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	CHECK_INT(count(s, "trash"), 0);
	pm_store_free(s);
}

/* Directories without rows are found; those that somebody is making are not touched. */
TEST(orphans)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "containers/lost/upper", 0700, &err), err);
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "containers/making/upper", 0700, &err), err);
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "layers/abc/diff", 0700, &err), err);
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "volumes/v/_data", 0700, &err), err);
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "volumes/full/_data/precious", 0700, &err), err);
	int lock = pm_store_lock(s, "container", "making", PM_LOCK_EXCLUSIVE, true, &err);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	/* where directories are not counted, an abandoned stage is the mark that there may be some */
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "staging/abandoned", 0700, &err), err);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	CHECK(!exists(s, "layers/abc") && !exists(s, "containers/lost") && !exists(s, "volumes/v"));
	CHECK(exists(s, "containers/making") && exists(s, "volumes/full/_data/precious"));
	CHECK_INT(count(s, "staging") + count(s, "trash"), 0);
	close(lock);
	pm_store_free(s);
}

TEST(destroy_spares_others)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "layers/abc/diff", 0700, &err), err);
	CHECK_OK(pm_fs_write_file(s->root_fd, "thesis.tex", "x", 1, 0644, false, &err), err);
	CHECK_OK(pm_store_destroy(s, &err), err);
	CHECK_INT(count(s, "."), 1);
	pm_store_free(s);
}

/* A disk that fills while the store is made, and one that fills later. */
TEST(full_disk)
{
	struct pm_err err = PM_ERR_INIT;
	if (pm_userns_needed()) {
		_cleanup_close_ int ns = -1;
		CHECK_OK(pm_userns_get(-1, &ns, &err), err);
		CHECK_OK(pm_userns_enter(ns, &err), err);
	}
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(mount("t", test_dir(), "tmpfs", 0, i ? "size=600k" : "size=60k") == 0);
		_cleanup_free_ char *root = pm_asprintf("%s/r", test_dir());
		struct pm_store_options o = {.root = root, .runroot = root};
		struct pm_store *s = NULL;
		int r = pm_store_open(&o, &s, &err);
		if (i == 1) {
			CHECK_OK(r, err);
			int fd = openat(s->root_fd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			static const char zeros[4096];
			while (write(fd, zeros, sizeof(zeros)) > 0)
				;
			close(fd);
			static const char big[100000];
			r = pm_db_exec(s->db, &err, "INSERT INTO blobs VALUES('a', ?, 0, '')", "b", big,
				       sizeof(big));
			pm_store_free(s);
		}
		CHECK_INT(r, -ENOSPC);
		CHECK(strstr(err.text, "pm.db") && strstr(err.text, "No space left"));
		CHECK(umount2(test_dir(), MNT_DETACH) == 0);
	}
}

/* A container's files belong to subordinate ids: outside of the user namespace they cannot be deleted,
 * the sweep says so, and one inside deletes them. */
TEST(sweep_of_subordinate_ids)
{
	struct pm_err err = PM_ERR_INIT;
	if (!pm_userns_needed())
		return; /* root deletes anything */
	struct pm_store *s = open_store();
	CHECK_OK(pm_fs_mkdirs(s->root_fd, "trash/x/upper/var", 0755, &err), err);
	_cleanup_close_ int ns = -1;
	CHECK_OK(pm_userns_get(-1, &ns, &err), err);
	bool left = false;
	for (int inside = 0; inside < 2; inside++) {
		pid_t pid = fork();
		if (pid == 0) {
			CHECK_OK(pm_userns_enter(ns, &err), err);
			if (inside) {
				CHECK_OK(pm_sweep_at(s->root_fd, &left, &err), err);
				CHECK(!left);
				_exit(0);
			}
			put_file(s->root_fd, "trash/x/upper/var/log");
			CHECK(fchownat(s->root_fd, "trash/x/upper/var", 33, 33, 0) == 0);
			_exit(0);
		}
		int status;
		waitpid(pid, &status, 0);
		CHECK_INT(status, 0);
		if (!inside) {
			CHECK_OK(pm_sweep(s, &left, &err), err);
			CHECK(left);
		}
	}
	CHECK_OK(pm_sweep(s, &left, &err), err);
	CHECK(!left);
	CHECK_INT(count(s, "trash"), 0);
	pm_store_free(s);
}
