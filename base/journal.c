#include "base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int pm_journal_open(struct pm_err *err)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pm_fail_sys(err, "make a socket for the journal");
	/* journald's own clients ask for as much: fewer entries need a memory file */
	int size = 8 << 20;
	struct timeval limit = {.tv_sec = 1};
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static int send_message(int fd, const struct iovec *parts, size_t n, int pass, bool wait)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = PM_JOURNAL_SOCKET};
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = sizeof(to),
			   .msg_iov = (struct iovec *)(uintptr_t)parts,
			   .msg_iovlen = n};
	if (pass >= 0) {
		m.msg_iov = NULL;
		m.msg_iovlen = 0;
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	ssize_t r;
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int send_memfd(int fd, const struct iovec *parts, size_t n, bool wait)
{
	_cleanup_close_ int mem = memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		const char *p = parts[i].iov_base;
		size_t left = parts[i].iov_len;
		while (left > 0) {
			ssize_t k = write(mem, p, left);
			if (k < 0 && errno != EINTR)
				return -errno;
			if (k > 0) {
				p += k;
				left -= (size_t)k;
			}
		}
	}
	if (fcntl(mem, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return send_message(fd, NULL, 0, mem, wait);
}

int pm_journal_send(int fd, const struct iovec *parts, size_t n, bool wait, struct pm_err *err)
{
	int r = send_message(fd, parts, n, -1, wait);
	if (r == -EMSGSIZE || r == -ENOBUFS)
		r = send_memfd(fd, parts, n, wait);
	return r < 0 ? pm_fail_errno(err, -r, "write to the journal") : 0;
}

void pm_journal_field(struct pm_buf *b, const char *name, const char *value, size_t len)
{
	pm_buf_add_str(b, name);
	if (memchr(value, '\n', len)) {
		uint64_t n = len;
		unsigned char le[8];
		for (int i = 0; i < 8; i++)
			le[i] = (unsigned char)(n >> (8 * i));
		pm_buf_add_char(b, '\n');
		pm_buf_add(b, le, sizeof(le));
	} else {
		pm_buf_add_char(b, '=');
	}
	pm_buf_add(b, value, len);
	pm_buf_add_char(b, '\n');
}
