#include "storage/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"

/* Numbers below are left to the administrator's own projects. */
#define FIRST_PROJECT (1U << 24)
#define LAST_PROJECT  ((1U << 31) - 1)

int pm_quota_word(const char *word, struct pm_quota *q, struct pm_err *err)
{
	const struct {
		const char *name;
		int64_t *value;
	} words[] = {{"size", &q->size}, {"inodes", &q->inodes}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i].name);
		if (strncmp(word, words[i].name, n) != 0 || word[n] != '=')
			continue;
		if (pm_size_parse(word + n + 1, words[i].value, err) < 0)
			return pm_wrap(err, "cannot convert %s %s to integer", words[i].name, word + n + 1);
		return 1;
	}
	return 0;
}

/* --- the kernel ---------------------------------------------------------------------------------- */

/* quotactl(2) for projects on fd's file system. XFS answers to the generic commands, too. 0 or -errno. */
static int control(int fd, unsigned int cmd, uint32_t id, void *arg)
{
	const unsigned int op = QCMD(cmd, PRJQUOTA);
	struct stat st;
	char device[64];
	if (syscall(SYS_quotactl_fd, fd, op, id, arg) == 0)
		return 0;
	if (errno != ENOSYS)
		return -errno;
	/* Linux before 5.14 wants the block device; or the file system has no quotas at all */
	if (fstat(fd, &st) < 0)
		return -errno;
	snprintf(device, sizeof(device), "/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	return syscall(SYS_quotactl, op, device, id, arg) == 0 ? 0 : -errno;
}

static bool enforced(int fd)
{
	struct fs_quota_statv v = {.qs_version = FS_QSTATV_VERSION1};
	return control(fd, Q_XGETQSTATV, 0, &v) == 0 && (v.qs_flags & FS_QUOTA_PDQ_ENFD);
}

/* 1: neither limits nor use are known for that number. */
static int is_unused(int fd, uint32_t id)
{
	struct if_dqblk q = {0};
	int r = control(fd, Q_GETQUOTA, id, &q);
	if (r == -ENOENT)
		return 1;
	return r < 0 ? r
		     : !q.dqb_bhardlimit && !q.dqb_bsoftlimit && !q.dqb_ihardlimit && !q.dqb_isoftlimit &&
			       !q.dqb_curspace && !q.dqb_curinodes;
}

static int set_limits(int fd, uint32_t id, const struct pm_quota *limits, struct pm_err *err)
{
	struct if_dqblk q = {.dqb_valid = QIF_LIMITS};
	if (limits->size > 0) /* the kernel counts in KiB here */
		q.dqb_bhardlimit = ((uint64_t)limits->size + QIF_DQBLKSIZE - 1) / QIF_DQBLKSIZE;
	if (limits->inodes > 0)
		q.dqb_ihardlimit = (uint64_t)limits->inodes;
	int r = control(fd, Q_SETQUOTA, id, &q);
	return r < 0 ? pm_fail_errno(err, -r, "set the limits of project %u", id) : 0;
}

static int join(struct pm_store *s, const char *path, uint32_t id, struct pm_err *err)
{
	struct fsxattr x;
	_cleanup_close_ int fd = pm_fs_open(s->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (fd < 0)
		return fd;
	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return pm_fail_sys(err, "read the project of %s", path);
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0)
		return pm_fail_sys(err, "give %s to project %u", path, id);
	return 0;
}

static const char *where_of(const char *kind)
{
	return strcmp(kind, "volume") == 0 ? "volumes" : "containers";
}

/* A directory of the file system that the objects of kind lie on. */
static int open_base(struct pm_store *s, const char *kind, const char *place, struct pm_err *err)
{
	return place ? pm_fs_open(AT_FDCWD, place, O_RDONLY | O_DIRECTORY, 0, err)
		     : pm_store_dir(s, where_of(kind), err);
}

int pm_quota_prepare(struct pm_store *s, const char *kind, const char *place, const char *what,
		     struct pm_err *err)
{
	_cleanup_free_ char *usual = pm_store_path(s, where_of(kind));
	struct if_dqblk q = {0};
	_cleanup_close_ int fd = open_base(s, kind, place, err);
	if (fd < 0)
		return fd;
	if (!enforced(fd))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s not supported. Filesystem does not support Project Quota: %s must be on XFS "
			       "or ext4 mounted with the option prjquota", what, place ? place : usual);
	/* any number but our own is for CAP_SYS_ADMIN of the host */
	int r = control(fd, Q_GETQUOTA, LAST_PROJECT, &q);
	if (r == -EPERM)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s not supported: only root of the host can set Project Quota", what);
	return pm_quota_sweep(s, err);
}

/* --- rows ---------------------------------------------------------------------------------------- */

/* A number that neither we nor the kernel know, with its row. */
static int take_number(struct pm_store *s, int fd, const char *kind, const char *name, const char *place,
		       uint32_t *ret, struct pm_err *err)
{
	for (int tries = 0; tries < 100; tries++) {
		uint32_t id;
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			return pm_fail_sys(err, "get a random number");
		id = FIRST_PROJECT + id % (LAST_PROJECT - FIRST_PROJECT);
		int r = is_unused(fd, id);
		if (r < 0)
			return pm_fail_errno(err, -r, "look at project %u", id);
		if (r == 0)
			continue;
		r = pm_db_exec(s->db, err, "INSERT OR IGNORE INTO projects(id, kind, name, place) VALUES(?, ?, ?, ?)",
			       "isss", (int64_t)id, kind, name, place);
		if (r < 0)
			return r;
		*ret = id;
		if (r > 0)
			return 0;
	}
	return pm_fail(err, PM_E_INTERNAL, "no free project number was found");
}

static int reserve(struct pm_store *s, int fd, const char *kind, const char *name, const char *place,
		   uint32_t *ret, struct pm_err *err)
{
	if (pm_db_in_transaction(s->db))
		return take_number(s, fd, kind, name, place, ret, err);
	int r = pm_db_begin(s->db, false, err);
	if (r >= 0)
		r = take_number(s, fd, kind, name, place, ret, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r;
}

int pm_quota_give(struct pm_store *s, const char *kind, const char *name, const char *place,
		  const struct pm_quota *q, const char *const *dirs, size_t n, struct pm_err *err)
{
	uint32_t id;
	_cleanup_close_ int fd = open_base(s, kind, place, err);
	int r = fd < 0 ? fd : reserve(s, fd, kind, name, place, &id, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = join(s, dirs[i], id, err);
	if (r >= 0)
		r = set_limits(fd, id, q, err);
	return r < 0 ? pm_wrap(err, "limit the size of %s %s", kind, name) : 0;
}

static int release(struct pm_store *s, const char *kind, const char *place, int64_t id, struct pm_err *err)
{
	static const struct pm_quota none = {0};
	_cleanup_close_ int fd = open_base(s, kind, place, err);
	int r = fd < 0 ? fd : 0;
	/* where quotas were turned off since, there is nothing to take back */
	if (r >= 0 && enforced(fd))
		r = set_limits(fd, (uint32_t)id, &none, err);
	return r < 0 ? r : pm_db_exec(s->db, err, "DELETE FROM projects WHERE id=?", "i", id);
}

int pm_quota_release(struct pm_store *s, const char *kind, const char *name, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT id, place FROM projects WHERE kind=? AND name=?", "ss", kind, name);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	_cleanup_free_ char *place = r > 0 ? pm_strdup_null(pm_stmt_str(q, 1)) : NULL;
	int64_t id = r > 0 ? pm_stmt_int(q, 0) : 0;
	pm_stmt_done(pm_steal(&q)); /* a reader that becomes a writer might be refused */
	if (id)
		r = release(s, kind, place, id, err);
	return r < 0 ? pm_wrap(err, "limits of %s %s", kind, name) : 0;
}

static int has_object(struct pm_store *s, const char *name, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT 1 FROM volumes WHERE name=?1 UNION ALL"
					    " SELECT 1 FROM containers WHERE id=?1", "s", name);
	return r < 0 ? r : pm_stmt_step(q, err);
}

static int sweep(struct pm_store *s, const char *sql, bool all, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv kinds = PM_STRV_INIT, names = PM_STRV_INIT;
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_store_need_db(s, err);
	if (r >= 0)
		r = pm_db_query(s->db, &q, err, sql, "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		pm_strv_add(&kinds, pm_stmt_str(q, 0));
		pm_strv_add(&names, pm_stmt_str(q, 1));
	}
	pm_stmt_done(pm_steal(&q));
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_close_ int lock =
			pm_store_lock(s, kinds.v[i], names.v[i], PM_LOCK_EXCLUSIVE, false, err);
		if (lock < 0 && !all)
			continue; /* it is being made, or removed by another */
		r = all ? 0 : has_object(s, names.v[i], err); /* now that nobody is making it */
		if (r == 0)
			r = pm_quota_release(s, kinds.v[i], names.v[i], err);
		if (r == -ENOENT) /* a place of volumes that is not mounted now */
			r = 0;
	}
	return r < 0 ? r : 0;
}

int pm_quota_sweep(struct pm_store *s, struct pm_err *err)
{
	return sweep(s, "SELECT kind, name FROM projects WHERE"
			" (kind='volume' AND name NOT IN (SELECT name FROM volumes)) OR"
			" (kind='container' AND name NOT IN (SELECT id FROM containers))", false, err);
}

int pm_quota_clear(struct pm_store *s, struct pm_err *err)
{
	return sweep(s, "SELECT kind, name FROM projects", true, err);
}
