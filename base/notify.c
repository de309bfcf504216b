#include "base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

int pm_notify_open(const char *socket_path, struct pm_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(socket_path);
	if ((*socket_path != '/' && *socket_path != '@') || len >= sizeof(a.sun_path))
		return pm_fail(err, PM_E_USAGE, "NOTIFY_SOCKET=%s: neither a path nor an abstract socket",
			       socket_path);
	memcpy(a.sun_path, socket_path, len);
	if (*socket_path == '@')
		a.sun_path[0] = '\0';
	else
		len++;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return pm_fail_sys(err, "connect to NOTIFY_SOCKET=%s", socket_path);
	return pm_steal_fd(&fd);
}

void pm_notify_send(int fd, const char *text)
{
	ssize_t r;
	do
		r = send(fd, text, strlen(text), MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
}

void pm_notify_barrier(int fd, int timeout_ms)
{
	int p[2];
	char text[] = "BARRIER=1";
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p[1], sizeof(int));
	ssize_t r = sendmsg(fd, &m, MSG_NOSIGNAL);
	close(p[1]);
	/* the other end is closed when the message has been handled */
	struct pollfd w = {.fd = p[0], .events = POLLHUP};
	if (r >= 0)
		poll(&w, 1, timeout_ms);
	close(p[0]);
}
