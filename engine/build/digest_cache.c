#include "engine/build/digest_cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define NAME "context-digests.1"

enum { WAYS = 4, SETS = 16384, BUFFER = 1 << 18 };

struct record {
	uint64_t dev, ino, size;
	int64_t mtime, ctime;
	int64_t recorded;
	char digest[64]; /* hex */
	unsigned char sum[16]; /* of what is before it */
};

_Static_assert(sizeof(struct record) == 128, "a record on disk");

int pm_digest_cache_open(int root_fd)
{
	struct stat st;
	const off_t size = (off_t)sizeof(struct record) * WAYS * SETS;
	_cleanup_close_ int fd = openat(root_fd, NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	if (st.st_size < size && ftruncate(fd, size) < 0)
		return -1;
	return pm_steal_fd(&fd);
}

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * PM_NS_PER_SEC + t->tv_nsec;
}

static struct record key_of(const struct stat *st)
{
	return (struct record){.dev = st->st_dev,
			       .ino = st->st_ino,
			       .size = (uint64_t)st->st_size,
			       .mtime = ns_of(&st->st_mtim),
			       .ctime = ns_of(&st->st_ctim)};
}

static void sum_of(const struct record *r, unsigned char ret[16])
{
	struct pm_sha256 h;
	char hex[65];
	pm_sha256_init(&h);
	pm_sha256_add(&h, r, offsetof(struct record, sum));
	pm_sha256_hex(&h, hex);
	memcpy(ret, hex, 16);
}

static bool valid(const struct record *r)
{
	unsigned char sum[16];
	if (!r->recorded)
		return false;
	sum_of(r, sum);
	return memcmp(sum, r->sum, sizeof(sum)) == 0;
}

static off_t place_of(const struct record *key)
{
	uint64_t h = (key->ino ^ (key->dev << 32 | key->dev >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	return (off_t)((h >> 32) % SETS * WAYS * sizeof(struct record));
}

static bool same_file(const struct record *a, const struct record *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime == b->mtime && a->ctime == b->ctime;
}

static bool find(int cache, const struct record *key, char ret[65])
{
	struct record set[WAYS];
	if (pread(cache, set, sizeof(set), place_of(key)) != sizeof(set))
		return false;
	for (int i = 0; i < WAYS; i++) {
		if (!same_file(&set[i], key) || !valid(&set[i]))
			continue;
		memcpy(ret, set[i].digest, sizeof(set[i].digest));
		ret[64] = '\0';
		return true;
	}
	return false;
}

/* Those whose ctime is this machine's clock, and whose inode numbers stay. */
static bool is_local(int fd)
{
	static const unsigned long kinds[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, XFS_SUPER_MAGIC,	 TMPFS_MAGIC,
					      F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, 0x2fc12fc1 /* ZFS */};
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++)
		if ((unsigned long)fs.f_type == kinds[i])
			return true;
	return false;
}

/* began: the time before anything was read. */
static void record(int cache, int fd, const struct record *key, int64_t began, const char hex[65])
{
	struct record set[WAYS], r = *key;
	struct stat after;
	off_t at = place_of(key);
	int way = 0;
	r.recorded = began;
	if (r.ctime > r.recorded - 2 * PM_NS_PER_SEC || r.mtime > r.recorded || fstat(fd, &after) < 0 || !is_local(fd))
		return;
	const struct record again = key_of(&after);
	if (!same_file(&again, key) || pread(cache, set, sizeof(set), at) != sizeof(set))
		return;
	/* the file's own old record, else the oldest */
	for (int i = 1; i < WAYS; i++) {
		bool own = set[way].dev == r.dev && set[way].ino == r.ino;
		if (!own && ((set[i].dev == r.dev && set[i].ino == r.ino) || set[i].recorded < set[way].recorded))
			way = i;
	}
	memcpy(r.digest, hex, sizeof(r.digest));
	sum_of(&r, r.sum);
	/* a full disk only costs time */
	(void)!pwrite(cache, &r, sizeof(r), at + (off_t)sizeof(r) * way);
}

static int read_all(int fd, char ret[65], struct pm_err *err)
{
	_cleanup_free_ char *buf = pm_malloc(BUFFER);
	struct pm_sha256 h;
	ssize_t n;
	pm_sha256_init(&h);
	for (off_t at = 0; (n = pread(fd, buf, BUFFER, at)) > 0; at += n)
		pm_sha256_add(&h, buf, (size_t)n);
	if (n < 0)
		return pm_fail_sys(err, "read");
	pm_sha256_hex(&h, ret);
	return 0;
}

int pm_digest_cache_file(int cache, int fd, const struct stat *st, char ret[65], struct pm_err *err)
{
	const struct record key = key_of(st);
	if (cache >= 0 && find(cache, &key, ret))
		return 0;
	const int64_t began = pm_time_now();
	int r = read_all(fd, ret, err);
	if (r >= 0 && cache >= 0)
		record(cache, fd, &key, began, ret);
	return r;
}
