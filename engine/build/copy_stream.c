#include "engine/build/copy_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build/digest_cache.h"

static int to_pipe(void *arg, const void *data, size_t len, struct pm_err *err)
{
	return pm_fs_write_all(*(int *)arg, data, len, err);
}

static int to_hash(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_sha256_add(arg, data, len);
	return 0;
}

static int digest(void *arg, int fd, const struct stat *st, char ret[65], struct pm_err *err)
{
	const struct pm_copy_stream *s = arg;
	struct stat now;
	/* st has what the copy will have: owner, mode, times */
	(void)st;
	return fstat(fd, &now) < 0 ? pm_fail_sys(err, "look at it") : pm_digest_cache_file(s->digests, fd, &now, ret, err);
}

int pm_copy_stream_begin(struct pm_copy_stream *s, struct pm_tar_files *files, struct pm_err *err)
{
	int p[2];
	if (s->w)
		return 0;
	if (s->root < 0) {
		pm_sha256_init(&s->hash);
		s->w = pm_tar_writer_new(to_hash, &s->hash);
		pm_tar_files_init(files, s->w);
		files->digest = digest;
		files->digest_arg = s;
		return 0;
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
	struct pm_unpack u = PM_UNPACK_INIT;
	u.input = p[0];
	u.dir = s->root;
	u.single_id = s->single_id;
	u.devices = s->devices;
	u.owners = s->maps;
	int r = pm_unpack_start(&u, &s->unpacker, err);
	close(p[0]);
	s->pipe = p[1];
	s->w = pm_tar_writer_new(to_pipe, &s->pipe);
	pm_tar_files_init(files, s->w);
	return r;
}

int pm_copy_stream_end(struct pm_copy_stream *s, struct pm_tar_files *files,
		       const struct pm_err *failed, struct pm_err *err)
{
	struct pm_err write_err = PM_ERR_INIT, unpack_err = PM_ERR_INIT;
	if (failed && failed->code)
		write_err = *failed;
	if (s->w) {
		if (!write_err.code)
			pm_tar_writer_finish(s->w, &write_err);
		pm_tar_writer_free(s->w);
		s->w = NULL;
		pm_tar_files_free(files);
	}
	if (s->pipe >= 0)
		close(pm_steal_fd(&s->pipe));
	pm_unpack_finish(&s->unpacker, &unpack_err);
	/* a reader that failed is the cause of EPIPE; else half an archive is only what followed */
	if (write_err.code && write_err.code != EPIPE)
		return pm_fail(err, write_err.code, "%s", write_err.text);
	if (unpack_err.code)
		return pm_fail(err, unpack_err.code, "%s", unpack_err.text);
	return write_err.code ? pm_fail(err, write_err.code, "%s", write_err.text) : 0;
}

int pm_copy_stream_unpack(struct pm_copy_stream *s, int fd, const char *below, bool chown,
			  uid_t uid, gid_t gid, struct pm_err *err)
{
	struct pm_unpack u = PM_UNPACK_INIT;
	u.input = fd;
	u.dir = s->root;
	u.below = below;
	u.single_id = s->single_id;
	u.devices = s->devices;
	u.owners = s->maps;
	u.set_owner = chown;
	u.uid = uid;
	u.gid = gid;
	return lseek(fd, 0, SEEK_SET) < 0 ? pm_fail_sys(err, "lseek") : pm_unpack(&u, err);
}

/* A tar header's checksum: of its bytes, its own field being blanks (POSIX.1-2001, ustar). */
static bool is_tar_header(const unsigned char *b, ssize_t n)
{
	unsigned long sum = 0, said = 0;
	size_t k = 148;
	if (n < 512)
		return false;
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : b[i];
	while (k < 156 && b[k] == ' ')
		k++;
	for (; k < 156 && b[k] >= '0' && b[k] <= '7'; k++)
		said = said * 8 + (b[k] - '0');
	return said == sum && sum > 8 * ' ';
}

static bool is_compressed(const unsigned char *b, ssize_t n)
{
	static const struct {
		const char *magic;
		size_t len;
	} t[] = {{"\x1f\x8b\x08", 3},
		 {"BZh", 3},
		 {"\xfd"
		  "7zXZ\0",
		  6},
		 {"\x28\xb5\x2f\xfd", 4}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++)
		if (n >= (ssize_t)t[i].len && memcmp(b, t[i].magic, t[i].len) == 0)
			return true;
	return false;
}

/* What a compressed file begins with is unpacked in scratch by the confined extractor: when something appears, it is an
 * archive. bzip2 gives nothing before it has a block of up to 900 kB. */
static int try_unpack(int fd, size_t head, int scratch, struct pm_err *err)
{
	_cleanup_free_ char *buf = pm_malloc(head);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_close_ int file = memfd_create("head", MFD_CLOEXEC);
	ssize_t n = pread(fd, buf, head, 0);
	if (file < 0 || n < 0)
		return pm_fail_sys(err, "read the file");
	int r = pm_fs_write_all(file, buf, (size_t)n, err);
	if (r < 0 || lseek(file, 0, SEEK_SET) < 0)
		return r < 0 ? r : pm_fail_sys(err, "lseek");
	struct pm_unpack u = PM_UNPACK_INIT;
	u.input = file;
	u.dir = scratch;
	u.single_id = true;
	pm_unpack(&u, NULL); /* it fails: the archive is cut off */
	r = pm_fs_list(scratch, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = pm_fs_remove_tree(scratch, names.v[i], err);
	return r < 0 ? r : names.n > 0;
}

int pm_copy_is_archive(int fd, int scratch, struct pm_err *err)
{
	unsigned char block[512];
	ssize_t n = pread(fd, block, sizeof(block), 0);
	if (n < 0)
		return pm_fail_sys(err, "read the file");
	if (is_tar_header(block, n))
		return 1;
	if (!is_compressed(block, n))
		return 0;
	return try_unpack(fd, block[0] == 'B' ? 1 << 20 : 1 << 16, scratch, err);
}
