#include "engine/transfer/tarsplit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "registry/auth.h"
#include "storage/inflate.h"

enum {
	LINE_MAX_BYTES = 32 << 20, /* one of tar-split's segments is what lies between two files */
	CHUNK = 256 << 10,
	TYPE_FILE = 1,
	TYPE_SEGMENT = 2,
};

struct replay {
	int packed, diff;
	pm_tarsplit_sink_fn *sink;
	void *arg;
	char *chunk; /* CHUNK bytes, of packed or of a file */
};

static ssize_t more(void *arg, const void **ret_data, struct pm_err *err)
{
	struct replay *p = arg;
	ssize_t n;
	do
		n = read(p->packed, p->chunk, CHUNK);
	while (n < 0 && errno == EINTR);
	*ret_data = p->chunk;
	return n < 0 ? pm_fail_sys(err, "read tar-split data") : n;
}

static int segment(struct replay *p, const struct pm_json *line, struct pm_err *err)
{
	const char *payload = pm_json_get_str(line, "payload");
	size_t len = 0;
	_cleanup_free_ char *bytes = payload ? pm_base64_decode(payload, &len) : NULL;
	if (!bytes)
		return pm_fail(err, PM_E_FORMAT, "a segment of the tar-split data is no base64");
	return p->sink(p->arg, bytes, len, err);
}

/* The first size bytes of the file name; a shorter one is not the file that was unpacked. */
static int file(struct replay *p, const char *name, int64_t size, struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = pm_fs_open_in(p->diff, name, O_RDONLY | O_NOFOLLOW, 0, err);
	if (fd < 0)
		return pm_wrap(err, "a file of the layer");
	if (fstat(fd, &st) < 0)
		return pm_fail_sys(err, "stat '%.300s'", name);
	if (!S_ISREG(st.st_mode) || st.st_size != size)
		return pm_fail(err, PM_E_FORMAT, "file '%.300s' was changed since it was unpacked", name);
	_cleanup_free_ char *buf = pm_malloc(CHUNK);
	while (size > 0) {
		ssize_t n = read(fd, buf, size < CHUNK ? (size_t)size : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? pm_fail_sys(err, "read '%.300s'", name) :
				       pm_fail(err, PM_E_FORMAT, "file '%.300s' became shorter", name);
		int r = p->sink(p->arg, buf, (size_t)n, err);
		if (r < 0)
			return r;
		size -= n;
	}
	return 0;
}

static int entry(struct replay *p, const struct pm_json *line, struct pm_err *err)
{
	int64_t size = pm_json_get_int(line, "size", 0);
	const char *name = pm_json_get_str(line, "name"), *raw = pm_json_get_str(line, "name_raw");
	_cleanup_free_ char *decoded = NULL;
	size_t len = 0;
	if (raw) {
		decoded = pm_base64_decode(raw, &len);
		name = decoded && strlen(decoded) == len ? decoded : NULL;
	}
	if (size < 0 || !name)
		return pm_fail(err, PM_E_FORMAT, "an entry of the tar-split data has no name or size");
	return size ? file(p, name, size, err) : 0;
}

static int take_line(struct replay *p, const char *text, size_t len, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *line;
	int r = pm_json_parse(pool, text, len, &line, err);
	if (r < 0)
		return pm_wrap(err, "tar-split data");
	switch (pm_json_get_int(line, "type", 0)) {
	case TYPE_FILE:
		return entry(p, line, err);
	case TYPE_SEGMENT:
		return segment(p, line, err);
	default:
		return pm_fail(err, PM_E_FORMAT, "an entry of the tar-split data is of an unknown type");
	}
}

static int take_lines(struct replay *p, struct pm_buf *b, struct pm_err *err)
{
	size_t at = 0;
	char *end;
	while ((end = memchr(b->data + at, '\n', b->len - at))) {
		size_t len = (size_t)(end - b->data) - at;
		int r = len ? take_line(p, b->data + at, len, err) : 0;
		if (r < 0)
			return r;
		at += len + 1;
	}
	memmove(b->data, b->data + at, b->len - at);
	pm_buf_cut(b, b->len - at);
	return b->len <= LINE_MAX_BYTES ? 0 : pm_fail(err, PM_E_FORMAT, "a line of the tar-split data is "
									"longer than %d bytes",
						      LINE_MAX_BYTES);
}

int pm_tarsplit_replay(int packed, int diff, pm_tarsplit_sink_fn *sink, void *arg,
		       struct pm_err *err)
{
	_cleanup_free_ char *chunk = pm_malloc(CHUNK);
	_cleanup_buf_ struct pm_buf lines = PM_BUF_INIT;
	struct replay p = {packed, diff, sink, arg, chunk};
	const struct pm_inflate_opts opts = {0};
	struct pm_inflate *z;
	int r = pm_inflate_new(more, &p, &opts, &z, err);
	if (r < 0)
		return r;
	while (r >= 0) {
		ssize_t n = pm_inflate_read(z, pm_buf_reserve(&lines, CHUNK), CHUNK, err);
		if (n <= 0) {
			r = n < 0 ? (int)n : 0;
			break;
		}
		lines.len += (size_t)n;
		r = take_lines(&p, &lines, err);
	}
	if (r >= 0 && lines.len)
		r = take_line(&p, lines.data, lines.len, err);
	pm_inflate_free(z);
	return r < 0 ? r : 0;
}
