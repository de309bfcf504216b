/*
 * pm-slirp - the user-mode network of one network namespace. Descriptor 3 is a socket; see
 * netns/slirp_client.h for the talk on it. Started by pm with an empty environment.
 */
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wire.h"
#include "netns/answer.h"
#include "netns/sandbox.h"
#include "netns/slirp/publish.h"
#include "netns/slirp_client.h"

#define CONTROL 3

/* One socket per connection of the container. */
static const struct pm_sandbox sandbox = {.name = "pm-slirp", .max_files = 8192};

/* The next message, which must be of type, with *n descriptors at most. 1, or 0 when everybody has gone. */
static int expect(const char *type, struct pm_wire *w, int *ret_fds, size_t *n, struct pm_err *err)
{
	int r = pm_wire_recv(CONTROL, w, ret_fds, n, err);
	if (r <= 0)
		return r;
	const char *got = pm_wire_get(w, "type");
	if (!got || strcmp(got, type) != 0)
		return pm_fail(err, PM_E_FORMAT, "pm-slirp: '%s' expected, not '%.40s'", type,
			       got ? got : "");
	if (n && *n == 0)
		return pm_fail(err, PM_E_FORMAT, "pm-slirp: '%s' without a descriptor", type);
	return 1;
}

/* Forget the pages of a library that are as in its file: those still needed are found again in the page
 * cache, but most served the start only. */
static int drop_pages(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	uintptr_t page = *(const uintptr_t *)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		if (h->p_type != PT_LOAD || (h->p_flags & PF_W))
			continue;
		uintptr_t from = (info->dlpi_addr + h->p_vaddr) & ~(page - 1);
		uintptr_t to = (info->dlpi_addr + h->p_vaddr + h->p_memsz) & ~(page - 1);
		if (to > from)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

/* One of us lives as long as each container: three quarters of the memory are GLib's and libslirp's
 * start and what libseccomp used. */
static void trim_memory(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	malloc_trim(0);
	dl_iterate_phdr(drop_pages, &page);
}

/* 0 at the network's orderly end. */
static int serve(bool publish, bool *ret_ready, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire config = PM_WIRE_INIT, tap = PM_WIRE_INIT;
	_cleanup_slirp_config_ struct pm_slirp_config c = {0};
	struct pm_slirp_publish ports = PM_SLIRP_PUBLISH_INIT;
	struct pm_slirp_stack *stack;
	int fds[2] = {-1, -1}; /* the tap, the network namespace */
	size_t n_fds = 2;

	/* what needs no settings first: the others are still at work. But pm may move us to another cgroup before it
	 * sends them, and the forwarder is to be there, too */
	int r = publish ? 0 : pm_sandbox_enter(&sandbox, err);
	if (r < 0)
		return r;
	r = expect("config", &config, NULL, NULL, err);
	if (r <= 0)
		return r;
	if (publish) {
		r = pm_slirp_publish_start(&ports, err);
		if (r >= 0)
			r = pm_sandbox_enter(&sandbox, err);
		if (r < 0)
			return r;
	}
	r = pm_slirp_config_decode(&config, &c, err);
	if (r >= 0)
		r = pm_slirp_stack_new(&c, &stack, err);
	if (r >= 0)
		r = pm_slirp_publish_bind(&ports, &c, stack, err);
	if (r >= 0)
		r = pm_sandbox_seal(&sandbox, err);
	if (r < 0)
		return r;
	r = expect("tap", &tap, fds, &n_fds, err);
	if (r <= 0)
		return r;
	r = pm_slirp_publish_serve(&ports, &c, stack, fds[1], err);
	if (fds[1] >= 0)
		close(fds[1]);
	if (r >= 0)
		r = pm_answer_ready(CONTROL, err);
	if (r < 0)
		return r;
	*ret_ready = true;
	trim_memory();
	r = pm_slirp_stack_run(stack, fds[0], CONTROL, err);
	pm_slirp_publish_end(&ports);
	return r;
}

int main(int argc, char **argv)
{
	struct pm_err err = PM_ERR_INIT;
	int type;
	socklen_t len = sizeof(type);
	bool publish = argc == 2 && strcmp(argv[1], "--publish") == 0;
	if (argc > 1 + publish || getsockopt(CONTROL, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		fputs("pm-slirp is started by pm, not by hand\n", stderr);
		return 125;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* the forwarder, should it be killed, leaves no zombie */

	bool ready = false;
	/* _exit: the stack is never taken down, and stdio holds nothing */
	if (serve(publish, &ready, &err) >= 0)
		_exit(0);
	if (!ready)
		pm_answer_error(CONTROL, &err);
	_exit(1);
}
