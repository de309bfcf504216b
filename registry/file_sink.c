#include "registry/file_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/tar_write.h"

enum { CHUNK = 256 << 10 };

struct member {
	char *name;
	int64_t size;
};

struct pm_file_sink {
	int dir; /* or -1: a tar */
	int out, stage;
	struct pm_tar_writer *tar;
	pthread_mutex_t lock; /* of all below: the archive is written by one at a time */
	struct member *v;
	size_t n;
	bool broken; /* a member is incomplete: the archive is of no use */
};

static int sink_write(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct pm_file_sink *s = arg;
	return pm_fs_write_all(s->out, data, len, err);
}

static struct pm_file_sink *sink_new(void)
{
	struct pm_file_sink *s = PM_NEW(struct pm_file_sink);
	s->dir = s->out = s->stage = -1;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

struct pm_file_sink *pm_file_sink_dir(int dirfd)
{
	struct pm_file_sink *s = sink_new();
	s->dir = dirfd;
	return s;
}

struct pm_file_sink *pm_file_sink_tar(int out, int stage)
{
	struct pm_file_sink *s = sink_new();
	s->out = out;
	s->stage = stage;
	s->tar = pm_tar_writer_new(sink_write, s);
	return s;
}

void pm_file_sink_free(struct pm_file_sink *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].name);
	free(s->v);
	pm_tar_writer_free(s->tar);
	if (s->dir >= 0)
		close(s->dir);
	if (s->out >= 0)
		close(s->out);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct member *find(const struct pm_file_sink *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	}
	return NULL;
}

int pm_file_sink_has(struct pm_file_sink *s, const char *name, int64_t *ret_size,
		     struct pm_err *err)
{
	int64_t size = -1;
	if (s->dir >= 0) {
		struct stat st;
		if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT || errno == ENOTDIR ? 0 : pm_fail_sys(err, "stat %s", name);
		if (!S_ISREG(st.st_mode))
			return 0;
		size = st.st_size;
	} else {
		pthread_mutex_lock(&s->lock);
		const struct member *m = find(s, name);
		if (m)
			size = m->size;
		pthread_mutex_unlock(&s->lock);
		if (!m)
			return 0;
	}
	if (ret_size)
		*ret_size = size;
	return 1;
}

/* --- bytes --------------------------------------------------------------------------------------- */

typedef int put_fn(void *arg, const void *data, size_t len, struct pm_err *err);

/* All of in to put, checked against digest and size. ret_digest NULL: the digest was looked at before. */
static int pump(const struct pm_stream *in, put_fn *put, void *arg, const char *digest,
		int64_t size, char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err)
{
	_cleanup_free_ char *buf = pm_malloc(CHUNK);
	struct pm_sha256 h;
	int64_t at = 0;
	pm_sha256_init(&h);
	for (;;) {
		ssize_t n = in->read(in->arg, buf, CHUNK, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		if (size >= 0 && n > size - at)
			return pm_fail(err, PM_E_DIGEST, "the data is longer than %lld bytes",
				       (long long)size);
		if (ret_digest)
			pm_sha256_add(&h, buf, (size_t)n);
		int r = put(arg, buf, (size_t)n, err);
		if (r < 0)
			return r;
		at += n;
	}
	if (size >= 0 && at != size)
		return pm_fail(err, PM_E_DIGEST, "the data ended after %lld of %lld bytes",
			       (long long)at, (long long)size);
	*ret_size = at;
	if (!ret_digest)
		return 0;
	char hex[65];
	pm_sha256_hex(&h, hex);
	snprintf(ret_digest, PM_DIGEST_SIZE, "sha256:%s", hex);
	if (digest && strcmp(digest, ret_digest) != 0)
		return pm_fail(err, PM_E_DIGEST, "content has digest %s, not %s", ret_digest, digest);
	return 0;
}

static int to_fd(void *arg, const void *data, size_t len, struct pm_err *err)
{
	return pm_fs_write_all(*(int *)arg, data, len, err);
}

static int to_tar(void *arg, const void *data, size_t len, struct pm_err *err)
{
	return pm_tar_writer_data(arg, data, len, err);
}

/* --- directories --------------------------------------------------------------------------------- */

/* A nameless file in the directory of name, or where the file system has none, one to be renamed: *ret_temp. */
static int open_temp(int dir, const char *name, char **ret_temp, struct pm_err *err)
{
	const char *slash = strrchr(name, '/');
	_cleanup_free_ char *parent = slash ? pm_strndup(name, (size_t)(slash - name)) : pm_strdup(".");
	int r = slash ? pm_fs_mkdirs(dir, parent, 0755, err) : 0;
	if (r < 0)
		return r;
	int fd = openat(dir, parent, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd >= 0)
		return fd;
	char random[17];
	pm_random_hex(8, random);
	_cleanup_free_ char *temp = pm_asprintf("%s/.pm-%s", parent, random);
	fd = pm_fs_open(dir, temp, O_WRONLY | O_CREAT | O_EXCL, 0644, err);
	if (fd >= 0)
		*ret_temp = pm_steal(&temp);
	return fd;
}

/* Give the complete file its name. */
static int settle(int dir, int fd, const char *name, char **temp, struct pm_err *err)
{
	if (!*temp) {
		char self[40], random[17];
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return pm_fail_sys(err, "link %s", name);
		pm_random_hex(8, random);
		*temp = pm_asprintf("%s.%s", name, random);
		if (linkat(AT_FDCWD, self, dir, *temp, AT_SYMLINK_FOLLOW) < 0)
			return pm_fail_sys(err, "link %s", *temp);
	}
	if (renameat(dir, *temp, dir, name) < 0)
		return pm_fail_sys(err, "rename %s to %s", *temp, name);
	free(*temp);
	*temp = NULL;
	return 0;
}

static int blob_to_dir(struct pm_file_sink *s, const struct pm_stream *in,
		       pm_file_sink_name_fn *name, const char *digest, int64_t size,
		       char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err)
{
	/* Whatever the digest will be, its file lies in the same directory. */
	_cleanup_free_ char *some = name("sha256:0"), *temp = NULL;
	_cleanup_close_ int fd = open_temp(s->dir, some, &temp, err);
	if (fd < 0)
		return fd;
	int r = pump(in, to_fd, &fd, digest, size, ret_digest, ret_size, err);
	if (r >= 0) {
		_cleanup_free_ char *final = name(ret_digest);
		r = settle(s->dir, fd, final, &temp, err);
	}
	if (temp) {
		unlinkat(s->dir, temp, 0);
		free(pm_steal(&temp));
	}
	return r;
}

/* --- archives ------------------------------------------------------------------------------------ */

/* A member's header. */
static int put_entry(struct pm_file_sink *s, enum pm_tar_type type, const char *name, mode_t mode,
		     int64_t size, struct pm_err *err)
{
	struct pm_tar_entry e = {
		.type = type,
		.path = name,
		.link = "",
		.uname = "",
		.gname = "",
		.mode = mode,
		.uid = geteuid(),
		.gid = getegid(),
		.size = (uint64_t)size,
	};
	return pm_tar_writer_entry(s->tar, &e, err);
}

/* The lock is held. */
static int begin_member(struct pm_file_sink *s, const char *name, int64_t size, struct pm_err *err)
{
	return s->broken ? pm_fail(err, PM_E_STATE, "the archive is incomplete")
			 : put_entry(s, PM_TAR_FILE, name, 0644, size, err);
}

static void add_member(struct pm_file_sink *s, const char *name, int64_t size)
{
	s->v = pm_reallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct member){pm_strdup(name), size};
}

/* The lock is held. */
static int copy_member(struct pm_file_sink *s, const char *name, const struct pm_stream *in,
		       int64_t size, struct pm_err *err)
{
	int64_t copied;
	if (find(s, name))
		return 0;
	int r = begin_member(s, name, size, err);
	if (r >= 0)
		r = pump(in, to_tar, s->tar, NULL, size, NULL, &copied, err);
	s->broken = r < 0;
	if (r >= 0)
		add_member(s, name, size);
	return r;
}

static int blob_to_tar(struct pm_file_sink *s, const struct pm_stream *in,
		       pm_file_sink_name_fn *name, const char *digest, int64_t size,
		       char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err)
{
	int r;
	if (digest && size >= 0 && pthread_mutex_trylock(&s->lock) == 0) {
		_cleanup_free_ char *final = name(digest);
		r = find(s, final) ? 0 : begin_member(s, final, size, err);
		bool there = r >= 0 && find(s, final);
		if (r >= 0 && !there)
			r = pump(in, to_tar, s->tar, digest, size, ret_digest, ret_size, err);
		if (r >= 0 && !there)
			add_member(s, final, size);
		if (there) {
			memcpy(ret_digest, digest, PM_DIGEST_SIZE);
			*ret_size = size;
		}
		if (r < 0)
			s->broken = true;
		pthread_mutex_unlock(&s->lock);
		return r;
	}
	_cleanup_close_ int fd = openat(s->stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make a temporary file");
	r = pump(in, to_fd, &fd, digest, size, ret_digest, ret_size, err);
	if (r < 0)
		return r;
	struct pm_stream_file file = {.fd = fd, .size = *ret_size};
	struct pm_stream again = pm_stream_of_file(&file);
	_cleanup_free_ char *final = name(ret_digest);
	pthread_mutex_lock(&s->lock);
	r = copy_member(s, final, &again, *ret_size, err);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* --- both ---------------------------------------------------------------------------------------- */

int pm_file_sink_blob(struct pm_file_sink *s, const struct pm_stream *in,
		      pm_file_sink_name_fn *name, const char *digest, int64_t size,
		      char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err)
{
	char found[PM_DIGEST_SIZE] = "";
	int64_t n = 0;
	int r = s->dir >= 0 ? blob_to_dir(s, in, name, digest, size, found, &n, err)
			    : blob_to_tar(s, in, name, digest, size, found, &n, err);
	if (r < 0)
		return r;
	if (ret_digest)
		memcpy(ret_digest, found, PM_DIGEST_SIZE);
	if (ret_size)
		*ret_size = n;
	return 0;
}

int pm_file_sink_text(struct pm_file_sink *s, const char *name, const void *data, size_t len,
		      struct pm_err *err)
{
	if (s->dir >= 0)
		return pm_fs_write_file(s->dir, name, data, len, 0644, true, err);
	struct pm_stream_text text = {.data = data, .len = len};
	struct pm_stream in = pm_stream_of_text(&text);
	pthread_mutex_lock(&s->lock);
	int r = copy_member(s, name, &in, (int64_t)len, err);
	pthread_mutex_unlock(&s->lock);
	return r;
}

int pm_file_sink_mkdir(struct pm_file_sink *s, const char *name, struct pm_err *err)
{
	return s->dir >= 0 ? 0 : put_entry(s, PM_TAR_DIR, name, 0755, 0, err);
}

int pm_file_sink_finish(struct pm_file_sink *s, struct pm_err *err)
{
	if (s->dir >= 0)
		return 0;
	if (s->broken)
		return pm_fail(err, PM_E_STATE, "the archive is incomplete");
	return pm_tar_writer_finish(s->tar, err);
}
