/*
 * attach - the client of a container's attach channel: terminal, copying, detach keys, signals.
 *
 * The channel is a unix SEQPACKET socket: the pair made by pm_monitor_spawn, or ctr_dir/attach.sock.
 * Each packet is one frame; its first byte is the kind:
 *	0 stdin data (to the monitor)		4 window size: u16 rows, u16 columns, host order
 *	1 stdout data, 2 stderr data (from it)	5 the container's end: u8 exit code (from it)
 *	3 end of stdin (to the monitor)		6 detach: the client goes, stdin stays open
 * and on ctl.sock, whose clients get no output:
 *	7 no more restarts: a wait for one ends	8 a restart that is waited for comes now
 *	9 run the health check; answered by the same kind with u8: 0 passed, 1 failed, 2 there is none
 *	10 hold: as long as this client stays nothing is undone after the container's end, and no restart
 *	   decided upon; answered by the same kind
 * Data is at most PM_ATTACH_DATA bytes a frame. Run by pm; the monitor serves (engine/monitor/io.h).
 */
#ifndef PM_ENGINE_CONTAINER_ATTACH_H
#define PM_ENGINE_CONTAINER_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum pm_attach_kind {
	PM_ATTACH_STDIN = 0,
	PM_ATTACH_STDOUT = 1,
	PM_ATTACH_STDERR = 2,
	PM_ATTACH_STDIN_END = 3,
	PM_ATTACH_WINSIZE = 4,
	PM_ATTACH_EXIT = 5,
	PM_ATTACH_DETACH = 6,
	PM_ATTACH_STOP = 7,
	PM_ATTACH_START = 8,
	PM_ATTACH_CHECK = 9,
	PM_ATTACH_HOLD = 10,
};

#define PM_ATTACH_DATA 16384

#define PM_DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

struct pm_detach_keys {
	unsigned char key[16];
	size_t n; /* 0: none */
};

/* "a,ctrl-X,..." where a is one byte and X one of a-z @ [ \ ] ^ _ ; "" means none. PM_E_USAGE. */
int pm_detach_keys_parse(const char *spec, struct pm_detach_keys *ret, struct pm_err *err);

struct pm_attach_opts {
	int fd; /* the channel; stays the caller's */
	bool terminal; /* the container has a terminal: raw mode if stdin is one, window size */
	bool attach_stdin; /* forward standard input, and its end */
	bool attach_stdout, attach_stderr; /* else that stream is dropped */
	struct pm_detach_keys detach; /* looked for in stdin of a terminal container only */
	/* --sig-proxy: called for each signal that this process gets (not KILL, STOP, CHLD, PIPE,
	 * WINCH and the job control ones); NULL: signals have their usual effect. */
	void (*signal)(void *arg, int sig);
	void *signal_arg;
};

#define PM_ATTACH_OPTS_INIT                                                                        \
	{                                                                                          \
		.fd = -1, .attach_stdout = true, .attach_stderr = true                             \
	}

enum pm_attach_end {
	PM_ATTACH_ENDED_EXIT, /* the container ended: exit_code */
	PM_ATTACH_ENDED_DETACHED, /* by the detach keys */
	PM_ATTACH_ENDED_LOST, /* the monitor went away without a word */
};

struct pm_attach_result {
	enum pm_attach_end end;
	int exit_code;
};

/* Connect to ctr_dir/attach.sock (a path of any length). Returns the descriptor, the caller's.
 * -ENOENT or -ECONNREFUSED: no monitor serves. */
int pm_attach_connect(const char *ctr_dir, struct pm_err *err);
/* The same for ctr_dir/ctl.sock. */
int pm_attach_connect_ctl(const char *ctr_dir, struct pm_err *err);

/* Copy between standard input, output, error and the channel until the container ends, the client
 * detaches, or a standard output cannot be written (EPIPE and others are the error). The terminal
 * is put back on every way out, fatal signals included. */
int pm_attach_run(const struct pm_attach_opts *opts, struct pm_attach_result *ret,
		  struct pm_err *err);

/* The size of this process's terminal; false, and nothing changed, without one. */
bool pm_attach_size(uint16_t *ret_rows, uint16_t *ret_cols);

/* Tell the container the size of this process's terminal, once (before it starts, or after pm
 * start). Without a terminal nothing happens. */
void pm_attach_send_size(int fd);

#endif
