#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

#define STACK_SIZE (64 * 1024)

enum step {
	STEP_NONE,
	STEP_NULL,
	STEP_USERNS,
	STEP_MNTNS,
	STEP_NETNS,
	STEP_IDS,
	STEP_DUP,
	STEP_CLOSE,
	STEP_SESSION,
	STEP_DEATHSIG,
	STEP_CWD,
	STEP_EXEC,
};

/* Shared with the child, which runs in this memory until it executes: what to do, all worked out
 * before (the child must not allocate), and how far it came. */
struct plan {
	const struct pm_proc_spec *spec;
	struct pm_proc_fd *fds; /* sorted by child number; 0, 1 and 2 are there, parent -1: /dev/null */
	int *held;              /* where each of fds is kept meanwhile */
	size_t n;
	pid_t parent;
	sigset_t old_mask;

	volatile enum step step;
	volatile int errnum;
};

/* What runs on the child's stack never returns from there: red zones of the address sanitizer would stay
 * behind for whoever gets this memory next. */
#define ON_CHILD_STACK __attribute__((no_sanitize_address))

ON_CHILD_STACK static int fail_step(struct plan *p, enum step step)
{
	p->errnum = errno;
	p->step = step;
	return 1;
}

/* Handlers run in the parent's memory if a signal finds them here: all to their default. */
ON_CHILD_STACK static void child_signals(const struct plan *p)
{
	for (int sig = 1; sig < _NSIG; sig++) {
		struct sigaction sa;
		if (sigaction(sig, NULL, &sa) < 0 || sa.sa_handler == SIG_DFL)
			continue;
		if (sa.sa_handler == SIG_IGN && !p->spec->reset_signals)
			continue;
		sa = (struct sigaction){.sa_handler = SIG_DFL};
		sigaction(sig, &sa, NULL);
	}
	if (!p->spec->reset_signals)
		return;
	/* The libc keeps the first two real-time signals to itself and sigaction refuses them; ignored by
	 * whoever started us, they would stay so. All zeros is the kernel's record of SIG_DFL. */
	static const unsigned long none[4];
	for (int sig = 32; sig < 35; sig++)
		syscall(SYS_rt_sigaction, sig, none, NULL, (size_t)8);
}

ON_CHILD_STACK static int child_namespaces(struct plan *p)
{
	const struct pm_proc_spec *s = p->spec;
	if (s->join_userns >= 0) {
		if (setns(s->join_userns, CLONE_NEWUSER) < 0)
			return fail_step(p, STEP_USERNS);
		/* fails with EINVAL where id 0 is not mapped: then the ids stay. Not by the libc's
		 * functions, which would talk to threads that this process does not have. */
		if ((syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0) &&
		    errno != EINVAL)
			return fail_step(p, STEP_IDS);
	}
	if (s->join_mntns >= 0 && setns(s->join_mntns, CLONE_NEWNS) < 0)
		return fail_step(p, STEP_MNTNS);
	if (s->join_netns >= 0 && setns(s->join_netns, CLONE_NEWNET) < 0)
		return fail_step(p, STEP_NETNS);
	return 0;
}

/* First all above every number that is wanted, then down to where they belong. */
ON_CHILD_STACK static int child_fds(struct plan *p)
{
	int floor = p->fds[p->n - 1].child + 1;
	int null = -1;
	for (size_t i = 0; i < p->n; i++) {
		int from = p->fds[i].parent;
		if (from < 0) {
			if (null < 0)
				null = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (null < 0)
				return fail_step(p, STEP_NULL);
			from = null;
		}
		p->held[i] = fcntl(from, F_DUPFD_CLOEXEC, floor);
		if (p->held[i] < 0)
			return fail_step(p, STEP_DUP);
	}
	int next = 0; /* the first number not decided upon */
	for (size_t i = 0; i < p->n; i++) {
		int to = p->fds[i].child;
		if (dup2(p->held[i], to) < 0)
			return fail_step(p, STEP_DUP);
		if (to > next && close_range((unsigned int)next, (unsigned int)to - 1, 0) < 0)
			return fail_step(p, STEP_CLOSE);
		next = to + 1;
	}
	if (close_range((unsigned int)next, ~0u, 0) < 0)
		return fail_step(p, STEP_CLOSE);
	return 0;
}

/* Returning ends the child: not by exit(), whose handlers are the parent's. */
ON_CHILD_STACK static int child_main(void *arg)
{
	struct plan *p = arg;
	const struct pm_proc_spec *s = p->spec;

	child_signals(p);
	if (child_namespaces(p) || child_fds(p))
		return 127;
	if (s->new_session && setsid() < 0)
		return fail_step(p, STEP_SESSION);
	if (s->death_signal) {
		/* after the ids: changing them clears it. The parent may have died before. */
		if (prctl(PR_SET_PDEATHSIG, s->death_signal) < 0)
			return fail_step(p, STEP_DEATHSIG);
		if (getppid() != p->parent)
			return 127;
	}
	if (s->cwd && chdir(s->cwd) < 0)
		return fail_step(p, STEP_CWD);

	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, s->reset_signals ? &none : &p->old_mask, NULL);
	execve(s->path, s->argv, s->envp ? s->envp : environ);
	return fail_step(p, STEP_EXEC);
}

/* The child's failure as an error of ours. */
static int report(const struct plan *p, struct pm_err *err)
{
	const struct pm_proc_spec *s = p->spec;
	int e = p->errnum;
	switch (p->step) {
	case STEP_NONE:
		return 0;
	case STEP_NULL:
		return pm_fail_errno(err, e, "start %s: open /dev/null", s->path);
	case STEP_USERNS:
		return pm_fail_errno(err, e, "start %s: join the user namespace", s->path);
	case STEP_MNTNS:
		return pm_fail_errno(err, e, "start %s: join the mount namespace", s->path);
	case STEP_NETNS:
		return pm_fail_errno(err, e, "start %s: join the network namespace", s->path);
	case STEP_IDS:
		return pm_fail_errno(err, e, "start %s: become id 0 of the user namespace", s->path);
	case STEP_DUP:
		return pm_fail_errno(err, e, "start %s: pass descriptors", s->path);
	case STEP_CLOSE:
		return pm_fail_errno(err, e, "start %s: close_range (Linux 5.9 is needed)", s->path);
	case STEP_SESSION:
		return pm_fail_errno(err, e, "start %s: setsid", s->path);
	case STEP_DEATHSIG:
		return pm_fail_errno(err, e, "start %s: set the death signal", s->path);
	case STEP_CWD:
		return pm_fail_errno(err, e, "start %s: change to directory '%s'", s->path, s->cwd);
	case STEP_EXEC:
		return pm_fail_errno(err, e, "execute %s", s->path);
	}
	return pm_fail(err, PM_E_INTERNAL, "start %s: unknown failure", s->path);
}

static int compare_fds(const void *a, const void *b)
{
	const struct pm_proc_fd *x = a, *y = b;
	return (x->child > y->child) - (x->child < y->child);
}

/* p->fds: the caller's and /dev/null for the standard ones, sorted. */
static int plan_fds(struct plan *p, struct pm_err *err)
{
	const struct pm_proc_spec *s = p->spec;
	bool std[3] = {false, false, false};
	for (size_t i = 0; i < s->n_fds; i++) {
		if (s->fds[i].child < 0 || s->fds[i].parent < 0)
			return pm_fail_errno(err, EBADF, "start %s", s->path);
		if (s->fds[i].child < 3)
			std[s->fds[i].child] = true;
		p->fds[p->n++] = s->fds[i];
	}
	for (int i = 0; i < 3; i++)
		if (!std[i])
			p->fds[p->n++] = (struct pm_proc_fd){.parent = -1, .child = i};
	qsort(p->fds, p->n, sizeof(*p->fds), compare_fds);
	for (size_t i = 1; i < p->n; i++)
		if (p->fds[i].child == p->fds[i - 1].child)
			return pm_fail(err, PM_E_INTERNAL, "start %s: descriptor %d is given twice",
				       s->path, p->fds[i].child);
	return 0;
}

int pm_proc_spawn(const struct pm_proc_spec *spec, pid_t *ret_pid, int *ret_pidfd,
		  struct pm_err *err)
{
	_cleanup_free_ struct pm_proc_fd *fds = pm_calloc(spec->n_fds + 3, sizeof(*fds));
	_cleanup_free_ int *held = pm_calloc(spec->n_fds + 3, sizeof(*held));
	struct plan p = {.spec = spec, .fds = fds, .held = held, .parent = getpid()};
	int r = plan_fds(&p, err);
	if (r < 0)
		return r;

	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return pm_fail_sys(err, "start %s: no memory for a stack", spec->path);

	/* entering a user namespace changes the credentials, which makes the memory we share
	 * undumpable and /proc/PID root's: newuidmap and ourselves could not open it any more */
	bool joins = spec->join_userns >= 0 || spec->join_mntns >= 0 ||
		     spec->join_netns >= 0;
	int dumpable = joins ? prctl(PR_GET_DUMPABLE) : 0;

	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &p.old_mask);
	int pidfd = -1;
	pid_t pid = clone(child_main, stack + STACK_SIZE,
			  CLONE_VM | CLONE_VFORK | SIGCHLD | (ret_pidfd ? CLONE_PIDFD : 0), &p, &pidfd);
	int e = errno;
	sigprocmask(SIG_SETMASK, &p.old_mask, NULL);
	if (joins && dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1);
	munmap(stack, STACK_SIZE);

	if (pid < 0)
		return pm_fail_errno(err, e, "start %s", spec->path);
	if (p.step != STEP_NONE) {
		int status;
		pm_proc_wait(pid, &status, NULL);
		if (pidfd >= 0)
			close(pidfd);
		return report(&p, err);
	}
	*ret_pid = pid;
	if (ret_pidfd)
		*ret_pidfd = pidfd;
	return 0;
}

int pm_proc_wait(pid_t pid, int *ret_status, struct pm_err *err)
{
	int r;
	do
		r = waitpid(pid, ret_status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return pm_fail_sys(err, "wait for process %d", (int)pid);
	return 0;
}

int pm_proc_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* One of the pipes that pm_proc_run reads. */
struct capture {
	int fd; /* -1 after its end */
	struct pm_buf *out;
	size_t max;
	bool strict; /* more than max is an error, not cut */
};

static int capture_some(struct capture *c, struct pm_err *err)
{
	char buf[16384];
	ssize_t n = read(c->fd, buf, sizeof(buf));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : pm_fail_sys(err, "read from a program");
	if (n == 0) {
		close(c->fd);
		c->fd = -1;
		return 0;
	}
	if (!c->out)
		return 0;
	size_t room = c->max - c->out->len;
	if ((size_t)n > room && c->strict)
		return pm_fail_errno(err, EFBIG, "more than %zu bytes of output", c->max);
	pm_buf_add(c->out, buf, (size_t)n < room ? (size_t)n : room);
	return 0;
}

static int capture_all(struct capture c[2], struct pm_err *err)
{
	while (c[0].fd >= 0 || c[1].fd >= 0) {
		struct pollfd p[2] = {{.fd = c[0].fd, .events = POLLIN}, {.fd = c[1].fd, .events = POLLIN}};
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return pm_fail_sys(err, "poll");
		}
		for (int i = 0; i < 2; i++) {
			int r = p[i].revents ? capture_some(&c[i], err) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* What is in the pipe already, without waiting for those who may still hold its other end. */
static void capture_rest(struct capture *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	while (c->fd >= 0 && poll(&p, 1, 0) == 1 && capture_some(c, NULL) == 0)
		;
}

static const char *last_line(struct pm_buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == '\n')
		pm_buf_cut(b, b->len - 1);
	const char *s = pm_buf_str(b);
	const char *nl = strrchr(s, '\n');
	return nl ? nl + 1 : s;
}

int pm_proc_run(struct pm_proc_spec *spec, struct pm_buf *out, size_t max, struct pm_buf *err_out,
		int *ret_code, struct pm_err *err)
{
	_cleanup_close_ int out_r = -1, out_w = -1, err_r = -1, err_w = -1;
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");
	out_r = p[0];
	out_w = p[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");
	err_r = p[0];
	err_w = p[1];

	_cleanup_free_ struct pm_proc_fd *fds = pm_calloc(spec->n_fds + 2, sizeof(*fds));
	size_t n = 0;
	for (size_t i = 0; i < spec->n_fds; i++)
		if (spec->fds[i].child != 1 && spec->fds[i].child != 2)
			fds[n++] = spec->fds[i];
	fds[n++] = (struct pm_proc_fd){.parent = out_w, .child = 1};
	fds[n++] = (struct pm_proc_fd){.parent = err_w, .child = 2};
	struct pm_proc_spec s = *spec;
	s.fds = fds;
	s.n_fds = n;

	pid_t pid;
	int r = pm_proc_spawn(&s, &pid, NULL, err);
	if (r < 0)
		return r;
	close(pm_steal_fd(&out_w));
	close(pm_steal_fd(&err_w));

	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct capture c[2] = {
		{.fd = pm_steal_fd(&out_r), .out = out, .max = (out ? out->len : 0) + max, .strict = true},
		{.fd = pm_steal_fd(&err_r), .out = &text, .max = 65536},
	};
	r = capture_all(c, err);
	if (r < 0)
		kill(pid, SIGKILL);
	int status = 0;
	int w = pm_proc_wait(pid, &status, r < 0 ? NULL : err);
	if (r < 0)
		capture_rest(&c[1]);
	for (int i = 0; i < 2; i++)
		if (c[i].fd >= 0)
			close(c[i].fd);
	if (err_out)
		pm_buf_add(err_out, pm_buf_str(&text), text.len);
	if (r < 0) {
		const char *line = last_line(&text);
		return pm_wrap(err, "%s%s%s", spec->path, *line ? ": " : "", line);
	}
	if (w < 0)
		return w;
	*ret_code = pm_proc_exit_code(status);
	return 0;
}
