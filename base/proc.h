/*
 * proc - starting programs, and what a child tells its parent.
 *
 * pm_proc_spawn uses vfork-like clone (CLONE_VM|CLONE_VFORK), so its cost does not grow with the
 * parent's memory. All descriptors but those named are closed in the child (close_range). The
 * child's failure before exec reaches the parent as an ordinary error. Libc-only.
 */
#ifndef PM_BASE_PROC_H
#define PM_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_proc_fd {
	int parent; /* the descriptor here */
	int child;  /* its number in the child */
};

struct pm_proc_spec {
	const char *path;     /* absolute; execve, no PATH search */
	char *const *argv;    /* NULL-terminated */
	char *const *envp;    /* NULL: this process's environment */
	const char *cwd;      /* NULL: unchanged */
	const struct pm_proc_fd *fds; /* 0, 1, 2 not named here become /dev/null */
	size_t n_fds;
	bool new_session;     /* setsid */
	int death_signal;     /* PR_SET_PDEATHSIG, 0 for none */
	int join_userns;      /* setns(CLONE_NEWUSER) before exec, or -1: set it! */
	int join_mntns;       /* setns(CLONE_NEWNS) after the user namespace, or -1 */
	int join_netns;       /* setns(CLONE_NEWNET), last, or -1 */
	bool reset_signals;   /* default dispositions, empty mask */
};

#define PM_PROC_SPEC_INIT {.join_userns = -1, .join_mntns = -1, .join_netns = -1, .reset_signals = true}

/* Start the program; *ret_pid is a child to be waited for. When ret_pidfd is not NULL it gets a
 * pidfd. A failed exec is reported here ("execute /usr/bin/crun: No such file or directory"). */
int pm_proc_spawn(const struct pm_proc_spec *spec, pid_t *ret_pid, int *ret_pidfd,
		  struct pm_err *err);

/* waitpid with EINTR retried; *ret_status as from wait. */
int pm_proc_wait(pid_t pid, int *ret_status, struct pm_err *err);

/* Exit code as a shell gives it: 128 + signal when killed. */
int pm_proc_exit_code(int status);

/* Run to the end with stdin from /dev/null, stdout captured (at most max bytes, NULL: discarded) and
 * stderr captured (at most 64 KiB; on failure its last line is in the error). *ret_code is the
 * exit code; a non-zero one is not an error here. */
int pm_proc_run(struct pm_proc_spec *spec, struct pm_buf *out, size_t max, struct pm_buf *err_out,
		int *ret_code, struct pm_err *err);

/* Search PATH (or, when path is NULL, the default "/usr/local/sbin:...:/bin") for an executable.
 * name with a slash is taken as is. ENOENT when there is none. The caller frees *ret. */
int pm_proc_find(const char *name, const char *path, char **ret, struct pm_err *err);

/* Field 22 of /proc/PID/stat (clock ticks since boot): with the pid it names one process for the
 * life of the machine. -ESRCH when there is no such process; a zombie counts as none. */
int pm_proc_start_time(pid_t pid, uint64_t *ret_ticks, struct pm_err *err);

/* A pidfd of pid if that process exists and has that start time; -ESRCH otherwise. */
int pm_proc_pidfd(pid_t pid, uint64_t start_ticks, struct pm_err *err);

/* Does this process act for the system, whose files are below /etc and /var: as root, who is not a user that
 * entered its own user namespace (pm unshare, the monitor's clean-up: _PM_USERNS)? */
bool pm_proc_for_system(void);
/* The user's id as it is outside of his namespace, whose root this process may be. */
uid_t pm_proc_outer_uid(void);

/* Write uid_map and gid_map (user_namespaces(7)) of a process that has made a user namespace: ranges
 * "INSIDE:OUTSIDE:SIZE". -EPERM: an id that may not be mapped by the caller. */
int pm_proc_write_maps(pid_t pid, const struct pm_strv *uids, const struct pm_strv *gids, struct pm_err *err);

/* /proc/sys/kernel/random/boot_id, 36 characters and a NUL. */
int pm_proc_boot_id(char ret[37], struct pm_err *err);

/* The directory of helper programs: "../libexec/pm" beside the running binary's directory when it
 * exists, else the compiled-in PM_LIBEXECDIR. Joined with name; the caller frees. */
char *pm_proc_helper(const char *name);

#endif
