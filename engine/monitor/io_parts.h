/*
 * io_parts - the state of the container's streams, which io_streams.c (making and closing them), io_clients.c (output to
 * the log and the clients, input from them) and io.c (waiting, and the order of it all) share. For these files only.
 */
#ifndef PM_ENGINE_MONITOR_IO_PARTS_H
#define PM_ENGINE_MONITOR_IO_PARTS_H

#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine/container/attach.h"
#include "engine/monitor/monitor.h"

#define MAX_CLIENTS 16
#define STALL_MS 10000

struct client {
	int fd; /* -1: free */
	bool first;
	bool control;   /* from ctl.sock: gets no output */
	bool chunk_due; /* has not taken the chunk yet */
	bool exit_sent;
	bool check_due;    /* asked for a health check */
	bool holds;        /* whatever follows the end waits for it to go */
	bool input_paused; /* not read from: io.in is full */
	int64_t stalled;   /* ms, monotonic: since when something is due; 0: nothing */
	off_t spool_at;
	uint32_t events; /* registered */
};

enum tag {
	TAG_SIGNAL,
	TAG_OUT, /* and TAG_OUT + 1 */
	TAG_ERR,
	TAG_STDIN,
	TAG_ATTACH,
	TAG_CTL,
	TAG_CONTROL,
	TAG_OOM,
	TAG_CHECK,
	TAG_NOTIFY,
	TAG_CLIENT, /* and on */
};

struct io {
	int epoll, signals, console, attach, ctl;
	int out[2];  /* read ends; -1: ended. Terminal: out[0] is the master */
	bool out_on; /* registered for reading */
	int in;      /* write end of stdin, or the master again; -1: closed or none */
	bool in_on;
	int slave; /* terminal: held so that the master never hangs up before the end */
	int spool; /* frames after the end, for slow clients; -1: none */
	off_t spool_len;
	bool settled; /* it has been quiet for SETTLE_MS */
	bool ended;   /* the exit code is known */
	unsigned char exit_code;
	struct client client[MAX_CLIENTS];

	size_t chunk_len; /* with the kind's byte */
	size_t in_len, in_off;
	bool in_end; /* close stdin when in[] is written */
	unsigned char chunk[1 + PM_ATTACH_DATA];
	unsigned char input[1 + PM_ATTACH_DATA];
	unsigned char frame[1 + PM_ATTACH_DATA];
};

/* The one there is: a monitor has one container. In io.c. */
extern struct io io;

static inline void io_watch(int op, int fd, uint32_t events, unsigned int tag)
{
	struct epoll_event e = {.events = events, .data.u32 = tag};
	epoll_ctl(io.epoll, op, fd, &e);
}

static inline void io_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- io_streams.c */

void io_close_input(void);
/* Of the terminal. */
void io_set_size(uint16_t rows, uint16_t cols);
/* As the container sees it: a terminal stays open. */
void io_close_stdin(struct monitor *m);
/* A client has no more: with stdin_once that is the end, once what is on its way is written. */
void io_end_input(struct monitor *m);

/* --- io_clients.c */

void io_client_drop(struct client *c);
/* fd becomes the client's; it is closed when there are too many. */
void io_client_add(int fd, bool first, bool control);
/* It has gone, or takes nothing. */
void io_client_lost(struct monitor *m, struct client *c);
int io_send_frame(struct client *c, const void *data, size_t len);
/* It can take more, or something is due. */
void io_client_serve(struct monitor *m, struct client *c);
/* Output is read from as long as nobody has to be waited for. */
void io_update_outputs(void);
void io_on_output(struct monitor *m, unsigned int i);
/* After the end: all that is left, to the log and the memory file. */
void io_drain(struct monitor *m);
void io_flush_input(struct monitor *m);
void io_on_client_input(struct monitor *m, struct client *c);

#endif
