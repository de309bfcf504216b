/*
 * io - the container's streams: pipes or terminal, the log, and the clients that are attached.
 *
 * Frames and sockets are described in engine/container/attach.h. The first client (the pm that
 * started the container) slows the container down when it is slow itself, since its output must be
 * complete; one that came later is dropped when it takes nothing for STALL_MS. After the
 * container's end nobody slows anything down: what is left goes to the log at once and to a memory
 * file for the clients.
 *
 * There is one chunk of output in flight and one of input; nothing is allocated after io_open. Runs
 * in pm-monitor.
 */
#ifndef PM_ENGINE_MONITOR_IO_H
#define PM_ENGINE_MONITOR_IO_H

#include "engine/monitor/monitor.h"

/* Make the sockets in ctr_dir, and take m->attach_fd over. */
int io_open(struct monitor *m, struct pm_err *err);

/* Make pipes or the console socket for a start: sets m->give_*. *ret_console is a path for the runtime
 * (static), or NULL without a terminal. Before a restart, clients of the run before are dropped: they
 * were told its exit code. */
int io_open_streams(struct monitor *m, const char **ret_console, struct pm_err *err);

/* What io_open_streams made, when the start failed. */
void io_close_streams(struct monitor *m);

/* The runtime has returned: take the terminal's master from the console socket. */
int io_accept_terminal(struct monitor *m, struct pm_err *err);

/* Is there a client that holds what follows the container's end (PM_ATTACH_HOLD)? */
bool io_held(void);

/* Copy until the container has ended (m->exited, m->status) and all it wrote is in the log. */
void io_run(struct monitor *m);

/* Serve what comes next: clients, children, timers. */
void io_wait(struct monitor *m);

/* Watch fd, whose bytes are for health_output. Closing it ends that. */
void io_watch_check(int fd);
/* The health check that clients asked for has come to result: tell them. */
void io_tell_check(unsigned char result);

/* Tell the clients the exit code, and go on until each has taken everything, has gone, or was
 * dropped. wait false: only what needs no waiting; returns whether all have all. */
bool io_finish(struct monitor *m, int exit_code, bool wait);

/* The sockets' names go away. */
void io_unlink(struct monitor *m);

#endif
