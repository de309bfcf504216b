#include "engine/transfer/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/tar.h"
#include "storage/inflate.h"

enum {
	MEMBERS_MAX = 100000,
	LINKS_MAX = 16,
	SPOOL_CHUNK = 1 << 20,
	WINDOW = 64 << 20, /* mapped at once; a multiple of every page size */
};

struct member {
	char *path; /* cleaned, without a leading slash */
	char *link; /* NULL: a file */
	int64_t offset, size;
};

struct pm_files {
	int dir;   /* the directory, or -1 */
	int tar;   /* the archive, or -1 */
	int spool; /* owned; tar when the archive had to be copied */
	struct member *v;
	size_t n, cap;
	int *open; /* descriptors given out for files of a directory */
	size_t n_open;
};

void pm_files_free(struct pm_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].link);
	}
	for (size_t i = 0; i < f->n_open; i++)
		close(f->open[i]);
	if (f->spool >= 0)
		close(f->spool);
	free(f->open);
	free(f->v);
	free(f);
}

/* As a name within the archive: cleaned as if from "/". The caller frees. */
static char *key(const char *path)
{
	_cleanup_free_ char *full = pm_path_join("/", path);
	return pm_strdup(full + strspn(full, "/"));
}

/* --- the index ----------------------------------------------------------------------------------- */

static int add_member(struct pm_files *f, const struct pm_tar_entry *e, uint64_t content,
		      struct pm_err *err)
{
	bool link = e->type == PM_TAR_HARDLINK || e->type == PM_TAR_SYMLINK;
	if (e->type != PM_TAR_FILE && !link)
		return 0;
	if (e->sparse && e->stored != e->size)
		return pm_fail(err, PM_E_UNSUPPORTED, "archive member '%.200s' is sparse", e->path);
	if (f->n == MEMBERS_MAX)
		return pm_fail(err, PM_E_FORMAT, "it has more than %d members: not an image archive",
			       MEMBERS_MAX);
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->v = pm_reallocarray(f->v, f->cap, sizeof(*f->v));
	}
	struct member *m = &f->v[f->n++];
	*m = (struct member){
		.path = key(e->path),
		.offset = (int64_t)content,
		.size = (int64_t)e->size,
	};
	if (e->type == PM_TAR_HARDLINK) {
		m->link = key(e->link);
	} else if (link) {
		const char *slash = strrchr(m->path, '/');
		_cleanup_free_ char *joined =
			e->link[0] == '/' || !slash
				? pm_strdup(e->link)
				: pm_asprintf("%.*s/%s", (int)(slash - m->path), m->path, e->link);
		m->link = key(joined);
	}
	return 0;
}

static int read_events(struct pm_files *f, struct pm_tar_reader *t, bool *ret_end,
		       struct pm_err *err)
{
	for (;;) {
		int ev = pm_tar_reader_next(t, err);
		if (ev < 0)
			return ev;
		if (ev == PM_TAR_ENTRY) {
			int r = add_member(f, pm_tar_reader_entry(t), pm_tar_reader_offset(t), err);
			if (r < 0)
				return r;
		}
		if (ev == PM_TAR_END)
			*ret_end = true;
		if (ev == PM_TAR_MORE || ev == PM_TAR_END)
			return 0;
	}
}

/* Content is never touched, so its pages are never read. */
static int index_tar(struct pm_files *f, int64_t size, struct pm_err *err)
{
	struct pm_tar_reader *t = pm_tar_reader_new(NULL, NULL);
	bool end = false;
	int r = 0;
	for (int64_t at = 0; r >= 0 && at < size && !end; at += WINDOW) {
		size_t len = size - at < WINDOW ? (size_t)(size - at) : (size_t)WINDOW;
		void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, f->tar, at);
		if (p == MAP_FAILED) {
			r = pm_fail_sys(err, "map the archive");
			break;
		}
		pm_tar_reader_input(t, p, len);
		r = read_events(f, t, &end, err);
		munmap(p, len);
	}
	if (r >= 0 && !end)
		r = pm_tar_reader_end(t, err);
	pm_tar_reader_free(t);
	if (r == -PM_E_FORMAT && !f->n)
		return pm_wrap(err, "it is no image archive");
	if (r >= 0 && !f->n)
		r = pm_fail(err, PM_E_FORMAT, "it is no image archive: it holds no files");
	return r;
}

/* --- spooling ------------------------------------------------------------------------------------ */

struct input {
	int fd;
	char *buf;
	size_t head; /* bytes in buf read for detection and not given out yet */
};

static ssize_t read_input(void *arg, const void **ret_data, struct pm_err *err)
{
	struct input *in = arg;
	*ret_data = in->buf;
	if (in->head) {
		ssize_t n = (ssize_t)in->head;
		in->head = 0;
		return n;
	}
	ssize_t n;
	do
		n = read(in->fd, in->buf, SPOOL_CHUNK);
	while (n < 0 && errno == EINTR);
	return n < 0 ? pm_fail_sys(err, "read the archive") : n;
}

static int spool(struct input *in, int stage, struct pm_err *err)
{
	_cleanup_close_ int fd = openat(stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make a temporary file in the store");
	struct pm_inflate_opts opts = {.foreign = true};
	struct pm_inflate *z;
	int r = pm_inflate_new(read_input, in, &opts, &z, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *buf = pm_malloc(SPOOL_CHUNK);
	ssize_t n = 0;
	while (r >= 0 && (n = pm_inflate_read(z, buf, SPOOL_CHUNK, err)) > 0)
		r = pm_fs_write_all(fd, buf, (size_t)n, err);
	pm_inflate_free(z);
	if (r < 0 || n < 0)
		return r < 0 ? r : (int)n;
	return pm_steal_fd(&fd);
}

/* Read up to 512 bytes at the current offset. */
static ssize_t read_head(int fd, char *buf, struct pm_err *err)
{
	size_t at = 0;
	while (at < 512) {
		ssize_t n = read(fd, buf + at, 512 - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read the archive");
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

static int open_archive(struct pm_files *f, int fd, const struct stat *st, int stage,
			struct pm_err *err)
{
	_cleanup_free_ char *buf = pm_malloc(SPOOL_CHUNK);
	ssize_t head = read_head(fd, buf, err);
	if (head < 0)
		return (int)head;
	if (head == 0)
		return pm_fail(err, PM_E_FORMAT, "it is empty");
	int64_t size = st->st_size;
	bool plain = pm_compression_detect(buf, (size_t)head) == PM_COMPRESSION_NONE;
	if (S_ISREG(st->st_mode) && plain && lseek(fd, 0, SEEK_CUR) == head) {
		f->tar = fd;
	} else {
		struct input in = {.fd = fd, .buf = buf, .head = (size_t)head};
		int r = spool(&in, stage, err);
		if (r < 0)
			return r;
		f->spool = f->tar = r;
		struct stat now;
		if (fstat(r, &now) < 0)
			return pm_fail_sys(err, "stat the temporary file");
		size = now.st_size;
	}
	return index_tar(f, size, err);
}

int pm_files_open(int fd, int stage, struct pm_files **ret, struct pm_err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return pm_fail_sys(err, "stat");
	struct pm_files *f = PM_NEW(struct pm_files);
	f->dir = f->tar = f->spool = -1;
	int r = 0;
	if (S_ISDIR(st.st_mode))
		f->dir = fd;
	else
		r = open_archive(f, fd, &st, stage, err);
	if (r < 0) {
		pm_files_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* --- looking up ---------------------------------------------------------------------------------- */

/* The last one of a name counts, as for tar. */
static const struct member *lookup(const struct pm_files *f, const char *path)
{
	char *name = key(path);
	const struct member *found = NULL;
	for (int depth = 0; depth <= LINKS_MAX; depth++) {
		found = NULL;
		for (size_t i = f->n; i > 0 && !found; i--) {
			if (strcmp(f->v[i - 1].path, name) == 0)
				found = &f->v[i - 1];
		}
		if (!found || !found->link)
			break;
		free(name);
		name = pm_strdup(found->link);
	}
	free(name);
	return found && !found->link ? found : NULL;
}

int pm_files_find(struct pm_files *f, const char *path, int *ret_fd, int64_t *ret_offset,
		  int64_t *ret_size, struct pm_err *err)
{
	if (f->dir < 0) {
		const struct member *m = lookup(f, path);
		if (!m)
			return pm_fail(err, PM_E_NOSUCH, "the archive has no '%.200s'", path);
		*ret_fd = f->tar;
		*ret_offset = m->offset;
		*ret_size = m->size;
		return 0;
	}
	struct pm_err why = PM_ERR_INIT;
	int fd = pm_fs_open_in(f->dir, path, O_RDONLY, 0, &why);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return pm_fail(err, PM_E_NOSUCH, "the directory has no '%.200s'", path);
	struct stat st;
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = pm_fail(&why, PM_E_FORMAT, "'%.200s' is not a regular file", path);
	}
	if (fd < 0) {
		if (err)
			*err = why;
		return fd;
	}
	f->open = pm_reallocarray(f->open, f->n_open + 1, sizeof(*f->open));
	f->open[f->n_open++] = fd;
	*ret_fd = fd;
	*ret_offset = 0;
	*ret_size = st.st_size;
	return 0;
}

bool pm_files_has(struct pm_files *f, const char *path)
{
	int fd;
	int64_t offset, size;
	return pm_files_find(f, path, &fd, &offset, &size, NULL) >= 0;
}

int pm_files_read(struct pm_files *f, const char *path, size_t max, struct pm_buf *out,
		  struct pm_err *err)
{
	int fd;
	int64_t offset, size;
	int r = pm_files_find(f, path, &fd, &offset, &size, err);
	if (r < 0)
		return r;
	if (size < 0 || (uint64_t)size > max)
		return pm_fail(err, EFBIG, "'%.200s' is larger than the %zu bytes allowed", path,
			       max);
	char *to = pm_buf_reserve(out, (size_t)size + 1);
	for (int64_t at = 0; at < size;) {
		ssize_t n = pread(fd, to + at, (size_t)(size - at), offset + at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read '%.200s'", path);
		if (n == 0)
			return pm_fail(err, PM_E_FORMAT, "'%.200s' ends early", path);
		at += n;
	}
	out->len += (size_t)size;
	out->data[out->len] = '\0';
	return 0;
}
