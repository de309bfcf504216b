#include "netns/answer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Helpers answer in milliseconds; a machine under heavy load may take seconds. */
#define TIMEOUT_MS 30000
#define RELEASE_MS 5000

int pm_answer_poll(int sock, const char *name, struct pm_err *err)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	int n;
	do
		n = poll(&p, 1, TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pm_fail_sys(err, "wait for %s", name);
	if (n == 0)
		return pm_fail(err, ETIMEDOUT, "%s did not answer in %d s", name, TIMEOUT_MS / 1000);
	return 0;
}

static int receive(int sock, const char *name, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int r = pm_wire_recv(sock, &w, NULL, NULL, err);
	if (r < 0)
		return pm_wrap(err, "%s", name);
	if (r == 0)
		return pm_fail(err, PM_E_INTERNAL, "%s ended without an answer", name);
	if (pm_wire_get(&w, "ready"))
		return 0;

	int64_t code = 0;
	const char *text = pm_wire_get(&w, "error");
	if (!text || pm_wire_get_int(&w, "code", PM_E_INTERNAL, &code, err) < 0 || code <= 0 ||
	    code > INT32_MAX)
		return pm_fail(err, PM_E_FORMAT, "%s: an answer that is not understood", name);
	return pm_fail(err, (int)code, "%s", text);
}

int pm_answer_send(int sock, const char *name, const struct pm_wire *w, const int *fds,
		   size_t n_fds, struct pm_err *err)
{
	int r = pm_wire_send(sock, w, fds, n_fds, err);
	if (r != -EPIPE && r != -ECONNRESET)
		return r;
	r = receive(sock, name, err);
	return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "%s ended", name);
}

int pm_answer_wait(int sock, const char *name, struct pm_err *err)
{
	int r = pm_answer_poll(sock, name, err);
	return r < 0 ? r : receive(sock, name, err);
}

void pm_answer_release(int sock)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	char byte;
	shutdown(sock, SHUT_WR);
	while (poll(&p, 1, RELEASE_MS) > 0 && read(sock, &byte, 1) > 0)
		;
	close(sock);
}

int pm_answer_ready(int sock, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "ready", "1");
	return pm_wire_send(sock, &w, NULL, 0, err);
}

void pm_answer_error(int sock, const struct pm_err *why)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add_int(&w, "code", why->code);
	pm_wire_add(&w, "error", why->text);
	(void)pm_wire_send(sock, &w, NULL, 0, NULL);
}
