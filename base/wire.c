#include "base/wire.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define WIRE_MAGIC 0x31776d70u /* "pmw1" when written little-endian */
#define WIRE_MAX (8u << 20)    /* bytes after the header */
#define WIRE_MAX_ENTRIES (256u << 10)
#define WIRE_MAX_FDS 16

struct wire_header {
	uint32_t magic;
	uint32_t length;
};

void pm_wire_free(struct pm_wire *w)
{
	pm_strv_free(&w->kv);
}

void pm_wire_add(struct pm_wire *w, const char *name, const char *value)
{
	pm_strv_add(&w->kv, name);
	pm_strv_add(&w->kv, value);
}

void pm_wire_add_int(struct pm_wire *w, const char *name, int64_t value)
{
	pm_strv_add(&w->kv, name);
	pm_strv_addf(&w->kv, "%" PRId64, value);
}

void pm_wire_add_list(struct pm_wire *w, const char *name, const struct pm_strv *values)
{
	for (size_t i = 0; i < values->n; i++)
		pm_wire_add(w, name, values->v[i]);
}

const char *pm_wire_get(const struct pm_wire *w, const char *name)
{
	for (size_t i = 0; i + 1 < w->kv.n; i += 2)
		if (strcmp(w->kv.v[i], name) == 0)
			return w->kv.v[i + 1];
	return NULL;
}

int pm_wire_get_int(const struct pm_wire *w, const char *name, int64_t missing, int64_t *ret,
		    struct pm_err *err)
{
	const char *s = pm_wire_get(w, name);
	if (!s) {
		*ret = missing;
		return 0;
	}
	/* strtoll would take white space, a plus sign, and stop at the first other byte */
	const char *digits = *s == '-' ? s + 1 : s;
	char *end = NULL;
	errno = 0;
	long long n = strtoll(s, &end, 10);
	if (*digits < '0' || *digits > '9' || *end || errno)
		return pm_fail(err, PM_E_FORMAT, "message: '%s' is not a number: '%.64s'", name, s);
	*ret = n;
	return 0;
}

void pm_wire_get_list(const struct pm_wire *w, const char *name, struct pm_strv *out)
{
	for (size_t i = 0; i + 1 < w->kv.n; i += 2)
		if (strcmp(w->kv.v[i], name) == 0)
			pm_strv_add(out, w->kv.v[i + 1]);
}

void pm_wire_encode(const struct pm_wire *w, struct pm_buf *out)
{
	size_t length = 0;
	for (size_t i = 0; i < w->kv.n; i++)
		length += strlen(w->kv.v[i]) + 1;

	struct wire_header h = {
		.magic = htole32(WIRE_MAGIC),
		/* what does not fit is refused by whoever reads it */
		.length = htole32(length > UINT32_MAX ? UINT32_MAX : (uint32_t)length),
	};
	pm_buf_reserve(out, sizeof(h) + length);
	pm_buf_add(out, &h, sizeof(h));
	for (size_t i = 0; i < w->kv.n; i++)
		pm_buf_add(out, w->kv.v[i], strlen(w->kv.v[i]) + 1);
}

static int check_header(const struct wire_header *h, size_t *ret_length, struct pm_err *err)
{
	uint32_t length = le32toh(h->length);
	if (le32toh(h->magic) != WIRE_MAGIC)
		return pm_fail(err, PM_E_FORMAT, "message: not of version 1");
	if (length > WIRE_MAX)
		return pm_fail(err, PM_E_FORMAT, "message: %" PRIu32 " bytes are too long", length);
	*ret_length = length;
	return 0;
}

static int decode_entries(const char *p, size_t len, struct pm_wire *ret, struct pm_err *err)
{
	size_t strings = 0;
	for (size_t i = 0; i < len; i++)
		strings += p[i] == '\0';
	if (len > 0 && p[len - 1] != '\0')
		return pm_fail(err, PM_E_FORMAT, "message: the last entry is not terminated");
	if (strings % 2 != 0)
		return pm_fail(err, PM_E_FORMAT, "message: a name without a value");
	if (strings / 2 > WIRE_MAX_ENTRIES)
		return pm_fail(err, PM_E_FORMAT, "message: too many entries");

	struct pm_wire w = PM_WIRE_INIT;
	for (const char *end = p + len; p < end; p += strlen(p) + 1)
		pm_strv_add(&w.kv, p);
	pm_wire_free(ret);
	*ret = w;
	return 0;
}

int pm_wire_decode(const void *data, size_t len, struct pm_wire *ret, struct pm_err *err)
{
	struct wire_header h;
	if (len < sizeof(h))
		return pm_fail(err, PM_E_FORMAT, "message: cut short in its header");
	memcpy(&h, data, sizeof(h));

	size_t length = 0;
	int r = check_header(&h, &length, err);
	if (r < 0)
		return r;
	if (length != len - sizeof(h))
		return pm_fail(err, PM_E_FORMAT, "message: %zu bytes where its header says %zu",
			       len - sizeof(h), length);
	return decode_entries((const char *)data + sizeof(h), length, ret, err);
}

/* A descriptor may have been made non-blocking by its other users; a message is waited for. */
static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	poll(&p, 1, -1);
}

static bool try_again(int fd, short events)
{
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return false;
	wait_for(fd, events);
	return true;
}

union wire_control {
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	struct cmsghdr align;
};

/* One sendmsg, or write where fd is a pipe. */
static ssize_t send_some(int fd, const char *p, size_t len, const int *fds, size_t n_fds)
{
	union wire_control control = {0};
	struct iovec iov = {.iov_base = (void *)p, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK && n_fds == 0)
		return write(fd, p, len);
	return n;
}

int pm_wire_send(int fd, const struct pm_wire *w, const int *fds, size_t n_fds, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (n_fds > WIRE_MAX_FDS)
		return pm_fail(err, PM_E_INTERNAL, "send message: more than %d descriptors",
			       WIRE_MAX_FDS);
	pm_wire_encode(w, &b);
	if (b.len - sizeof(struct wire_header) > WIRE_MAX || w->kv.n / 2 > WIRE_MAX_ENTRIES)
		return pm_fail(err, E2BIG, "send message: %zu bytes in %zu entries are too much",
			       b.len, w->kv.n / 2);

	for (size_t done = 0; done < b.len;) {
		ssize_t n = send_some(fd, b.data + done, b.len - done, fds, n_fds);
		if (n < 0 && try_again(fd, POLLOUT))
			continue;
		if (n < 0)
			return pm_fail_sys(err, "send message");
		done += (size_t)n;
		n_fds = 0; /* they went with the first byte */
	}
	return 0;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* Keep the descriptors of m in fds (n_fds of room, *got so far), close those beyond the room. */
static void take_fds(struct msghdr *m, int *fds, size_t room, size_t *got)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int one;
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (*got < room)
				fds[(*got)++] = one;
			else
				close(one);
		}
	}
}

/* Read exactly len bytes. Returns 1, or 0 at the end of the stream before the first byte. Without
 * got, descriptors on the way are dropped by the kernel. */
static int recv_full(int fd, void *buf, size_t len, int *fds, size_t room, size_t *got,
		     struct pm_err *err)
{
	size_t have = 0;
	while (have < len) {
		union wire_control control;
		struct iovec iov = {.iov_base = (char *)buf + have, .iov_len = len - have};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		if (got) {
			m.msg_control = control.bytes;
			m.msg_controllen = sizeof(control.bytes);
		}
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		if (n >= 0 && got)
			take_fds(&m, fds, room, got);
		if (n < 0 && errno == ENOTSOCK)
			n = read(fd, iov.iov_base, iov.iov_len);
		if (n < 0 && try_again(fd, POLLIN))
			continue;
		if (n < 0)
			return pm_fail_sys(err, "receive message");
		if (n == 0 && have == 0)
			return 0;
		if (n == 0)
			return pm_fail(err, PM_E_FORMAT, "receive message: cut short");
		have += (size_t)n;
	}
	return 1;
}

static int recv_message(int fd, struct pm_wire *ret, int *fds, size_t room, size_t *got,
			struct pm_err *err)
{
	struct wire_header h;
	int r = recv_full(fd, &h, sizeof(h), fds, room, got, err);
	if (r <= 0)
		return r;

	size_t length = 0;
	r = check_header(&h, &length, err);
	if (r < 0)
		return r;

	/* piece by piece, so that a header alone cannot make us allocate 8 MiB */
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	while (b.len < length) {
		size_t n = length - b.len < 65536 ? length - b.len : 65536;
		char *p = pm_buf_reserve(&b, n);
		r = recv_full(fd, p, n, NULL, 0, NULL, err);
		if (r < 0)
			return r;
		if (r == 0)
			return pm_fail(err, PM_E_FORMAT, "receive message: cut short");
		b.len += n;
	}
	r = decode_entries(pm_buf_str(&b), b.len, ret, err);
	return r < 0 ? r : 1;
}

int pm_wire_recv(int fd, struct pm_wire *ret, int *fds, size_t *n_fds, struct pm_err *err)
{
	size_t got = 0, room = fds && n_fds ? *n_fds : 0;
	int r = recv_message(fd, ret, fds, room, &got, err);
	if (r <= 0) {
		close_all(fds, got);
		got = 0;
	}
	if (n_fds)
		*n_fds = got;
	return r;
}
