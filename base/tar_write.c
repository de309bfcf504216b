#include "base/tar_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/tar_meta.h"

struct pm_tar_writer {
	pm_tar_sink_fn *sink;
	void *arg;
	uint64_t left; /* content still to come for the entry */
	uint64_t padding;
};

static const uint8_t zeros[2 * PM_TAR_BLOCK];

struct pm_tar_writer *pm_tar_writer_new(pm_tar_sink_fn *sink, void *arg)
{
	struct pm_tar_writer *w = PM_NEW(struct pm_tar_writer);
	w->sink = sink;
	w->arg = arg;
	return w;
}

void pm_tar_writer_free(struct pm_tar_writer *w)
{
	free(w);
}

/* Octal digits filling all but the last byte; false when value does not fit (the field is 0). */
static bool put_octal(uint8_t *field, size_t len, uint64_t value)
{
	bool fits = value >> (3 * (len - 1)) == 0;
	snprintf((char *)field, len, "%0*" PRIo64, (int)len - 1, fits ? value : 0);
	return fits;
}

/* One "LENGTH KEY=VALUE\n"; LENGTH counts its own digits. */
static void add_record(struct pm_buf *pax, const char *key, const void *value, size_t len)
{
	size_t rest = 1 + strlen(key) + 1 + len + 1;
	size_t total = rest + 1;
	for (size_t digits = 1, limit = 10; total >= limit; limit *= 10)
		total = rest + ++digits;
	pm_buf_printf(pax, "%zu %s=", total, key);
	pm_buf_add(pax, value, len);
	pm_buf_add_char(pax, '\n');
}

static void add_record_str(struct pm_buf *pax, const char *key, const char *value)
{
	add_record(pax, key, value, strlen(value));
}

static void add_record_num(struct pm_buf *pax, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_record_str(pax, key, text);
}

static void add_record_time(struct pm_buf *pax, int64_t sec, uint32_t ns)
{
	char text[40];
	bool negative = sec < 0;
	/* sec + ns / 10^9 as a sign and a magnitude */
	uint64_t whole = negative ? -(uint64_t)sec : (uint64_t)sec;
	if (negative && ns > 0) {
		whole--;
		ns = 1000000000 - ns;
	}
	int n = snprintf(text, sizeof(text), "%s%" PRIu64, negative ? "-" : "", whole);
	if (ns > 0) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09" PRIu32, ns);
		while (text[n - 1] == '0')
			text[--n] = '\0';
	}
	add_record_str(pax, "mtime", text);
}

/* path into name and prefix at a slash, as ustar wants it; false when it does not fit. */
static bool put_path(uint8_t *h, const char *path)
{
	size_t len = strlen(path);
	if (len <= 100) {
		memcpy(h + PM_TAR_AT_NAME, path, len);
		return true;
	}
	if (len > 256)
		return false;
	for (size_t i = len - 101; i <= 155 && i < len - 1; i++) {
		if (path[i] == '/' && i > 0) {
			memcpy(h + PM_TAR_AT_PREFIX, path, i);
			memcpy(h + PM_TAR_AT_NAME, path + i + 1, len - i - 1);
			return true;
		}
	}
	memcpy(h + PM_TAR_AT_NAME, path, 100);
	return false;
}

static bool put_string(uint8_t *field, size_t max, const char *s)
{
	size_t len = strlen(s);
	memcpy(field, s, len < max ? len : max);
	return len <= max;
}

static void put_checksum(uint8_t *h)
{
	memset(h + PM_TAR_AT_CHECKSUM, ' ', 8);
	unsigned int sum = 0;
	for (size_t i = 0; i < PM_TAR_BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + PM_TAR_AT_CHECKSUM, 7, "%06o", sum);
}

static void put_magic(uint8_t *h)
{
	memcpy(h + PM_TAR_AT_MAGIC, "ustar\00000", 8);
}

static int send_pax(struct pm_tar_writer *w, const struct pm_buf *pax, struct pm_err *err)
{
	uint8_t h[PM_TAR_BLOCK] = {0};
	put_string(h + PM_TAR_AT_NAME, 100, "PaxHeaders/entry");
	put_octal(h + PM_TAR_AT_MODE, 8, 0644);
	put_octal(h + PM_TAR_AT_UID, 8, 0);
	put_octal(h + PM_TAR_AT_GID, 8, 0);
	put_octal(h + PM_TAR_AT_SIZE, 12, pax->len);
	put_octal(h + PM_TAR_AT_MTIME, 12, 0);
	h[PM_TAR_AT_TYPE] = 'x';
	put_magic(h);
	put_checksum(h);
	int r = w->sink(w->arg, h, sizeof(h), err);
	if (r >= 0)
		r = w->sink(w->arg, pax->data, pax->len, err);
	size_t padding = (PM_TAR_BLOCK - pax->len % PM_TAR_BLOCK) % PM_TAR_BLOCK;
	if (r >= 0 && padding > 0)
		r = w->sink(w->arg, zeros, padding, err);
	return r;
}

/* The map of a sparse file as GNU sparse 1.0 has it before the content: decimal numbers, a line each. */
static void sparse_map(const struct pm_tar_entry *e, struct pm_buf *map, uint64_t *ret_stored)
{
	*ret_stored = 0;
	pm_buf_printf(map, "%zu\n", e->n_regions);
	for (size_t i = 0; i < e->n_regions; i++) {
		pm_buf_printf(map, "%" PRIu64 "\n%" PRIu64 "\n", e->regions[i].offset,
			      e->regions[i].len);
		*ret_stored += e->regions[i].len;
	}
	if (map->len % PM_TAR_BLOCK)
		pm_buf_add(map, zeros, PM_TAR_BLOCK - map->len % PM_TAR_BLOCK);
}

static void sparse_records(struct pm_buf *pax, const struct pm_tar_entry *e)
{
	add_record_str(pax, "GNU.sparse.major", "1");
	add_record_str(pax, "GNU.sparse.minor", "0");
	add_record_str(pax, "GNU.sparse.name", e->path);
	add_record_num(pax, "GNU.sparse.realsize", e->size);
}

int pm_tar_writer_entry(struct pm_tar_writer *w, const struct pm_tar_entry *e, struct pm_err *err)
{
	static const char types[] = {
		[PM_TAR_FILE] = '0', [PM_TAR_HARDLINK] = '1', [PM_TAR_SYMLINK] = '2',
		[PM_TAR_CHAR] = '3', [PM_TAR_BLOCKDEV] = '4', [PM_TAR_DIR] = '5',
		[PM_TAR_FIFO] = '6',
	};
	if (w->left > 0)
		return pm_fail(err, PM_E_INTERNAL, "tar: the content before '%s' is incomplete",
			       e->path);

	uint8_t h[PM_TAR_BLOCK] = {0};
	_cleanup_buf_ struct pm_buf pax = PM_BUF_INIT, map = PM_BUF_INIT;
	const char *uname = e->uname ? e->uname : "", *gname = e->gname ? e->gname : "";
	uint64_t size = e->type == PM_TAR_FILE ? e->size : 0;

	if (e->type == PM_TAR_FILE && e->sparse) {
		sparse_map(e, &map, &size);
		sparse_records(&pax, e);
		put_string(h + PM_TAR_AT_NAME, 100, "GNUSparseFile.0/entry");
		size += map.len;
	} else if (!put_path(h, e->path)) {
		add_record_str(&pax, "path", e->path);
	}
	if ((e->type == PM_TAR_HARDLINK || e->type == PM_TAR_SYMLINK) &&
	    !put_string(h + PM_TAR_AT_LINK, 100, e->link))
		add_record_str(&pax, "linkpath", e->link);
	put_octal(h + PM_TAR_AT_MODE, 8, e->mode & 07777);
	if (!put_octal(h + PM_TAR_AT_UID, 8, e->uid))
		add_record_num(&pax, "uid", e->uid);
	if (!put_octal(h + PM_TAR_AT_GID, 8, e->gid))
		add_record_num(&pax, "gid", e->gid);
	if (!put_octal(h + PM_TAR_AT_SIZE, 12, size))
		add_record_num(&pax, "size", size);
	if (!put_octal(h + PM_TAR_AT_MTIME, 12, e->mtime < 0 ? UINT64_MAX : (uint64_t)e->mtime) ||
	    e->mtime_ns > 0)
		add_record_time(&pax, e->mtime, e->mtime_ns);
	h[PM_TAR_AT_TYPE] = (uint8_t)types[e->type];
	put_magic(h);
	/* 31: a reader may want a NUL in these two */
	if (!put_string(h + PM_TAR_AT_UNAME, 31, uname))
		add_record_str(&pax, "uname", uname);
	if (!put_string(h + PM_TAR_AT_GNAME, 31, gname))
		add_record_str(&pax, "gname", gname);
	if (e->type == PM_TAR_CHAR || e->type == PM_TAR_BLOCKDEV) {
		if (!put_octal(h + PM_TAR_AT_MAJOR, 8, e->dev_major) ||
		    !put_octal(h + PM_TAR_AT_MINOR, 8, e->dev_minor))
			return pm_fail(err, EOVERFLOW, "tar: device number of '%s' is too large",
				       e->path);
	}
	for (size_t i = 0; i < e->n_xattrs; i++) {
		_cleanup_free_ char *key = pm_asprintf("SCHILY.xattr.%s", e->xattrs[i].name);
		add_record(&pax, key, e->xattrs[i].value, e->xattrs[i].len);
	}
	put_checksum(h);

	int r = pax.len > 0 ? send_pax(w, &pax, err) : 0;
	if (r >= 0)
		r = w->sink(w->arg, h, sizeof(h), err);
	if (r >= 0 && map.len > 0)
		r = w->sink(w->arg, map.data, map.len, err);
	w->left = size - map.len;
	w->padding = (PM_TAR_BLOCK - size % PM_TAR_BLOCK) % PM_TAR_BLOCK;
	return r;
}

int pm_tar_writer_data(struct pm_tar_writer *w, const void *data, size_t len, struct pm_err *err)
{
	if (len > w->left)
		return pm_fail(err, PM_E_INTERNAL, "tar: more content than the header says");
	if (len == 0)
		return 0;
	int r = w->sink(w->arg, data, len, err);
	w->left -= len;
	if (r >= 0 && w->left == 0 && w->padding > 0)
		r = w->sink(w->arg, zeros, (size_t)w->padding, err);
	return r;
}

int pm_tar_writer_finish(struct pm_tar_writer *w, struct pm_err *err)
{
	if (w->left > 0)
		return pm_fail(err, PM_E_INTERNAL, "tar: the last entry's content is incomplete");
	return w->sink(w->arg, zeros, sizeof(zeros), err);
}
