/*
 * connect - small TCP connections, as many as there can be: a request of 64 bytes, an answer of 256, closed by
 * the server. Static, so that it runs in any image.
 *
 *	connect -s PORT					serve, IPv4, for ever
 *	connect [-c CLIENTS] [-t SECONDS] ADDRESS PORT	prints connections per second, median and 99th
 *							percentile of a connection's time in us, failures,
 *							own processor time in ms
 *
 * CLIENTS (8) connections are under way at any time, in one thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 64, ANSWER = 256, CLIENTS_MAX = 1024, TIMES_MAX = 4000000 };

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int serve(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4096) < 0) {
		perror("connect: serve");
		return 1;
	}
	for (;;) {
		char buf[ANSWER] = {0};
		int c = accept(fd, NULL, NULL);
		if (c < 0)
			continue;
		if (recv(c, buf, REQUEST, MSG_WAITALL) == REQUEST)
			(void)send(c, buf, ANSWER, MSG_NOSIGNAL);
		close(c);
	}
}

struct client {
	int fd;
	double begun;
	size_t got;
	bool sent;
};

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

static bool begin(struct client *c, int epoll, const struct sockaddr_in *to)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
	*c = (struct client){.begun = now_us()};
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connect(c->fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		return false;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

/* 1 done, 0 going on, -1 failed */
static int step(struct client *c, int epoll)
{
	static char buf[REQUEST + ANSWER];
	if (!c->sent) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		if (send(c->fd, buf, REQUEST, MSG_NOSIGNAL) != REQUEST)
			return -1;
		c->sent = true;
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
		return 0;
	}
	for (;;) {
		ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (n == 0)
			return c->got == ANSWER ? 1 : -1;
		c->got += (size_t)n;
	}
}

static int load(const struct sockaddr_in *to, size_t n_clients, double seconds)
{
	struct client *c = calloc(n_clients, sizeof(*c));
	float *times = malloc(TIMES_MAX * sizeof(*times));
	size_t done = 0, failed = 0;
	int epoll = epoll_create1(0);
	double start = now_us(), end = start + seconds * 1e6;
	for (size_t i = 0; i < n_clients; i++)
		begin(&c[i], epoll, to);
	while (now_us() < end && done < TIMES_MAX) {
		struct epoll_event e[64];
		int n = epoll_wait(epoll, e, 64, 1000);
		for (int i = 0; i < n && done < TIMES_MAX; i++) {
			struct client *k = e[i].data.ptr;
			int r = step(k, epoll);
			if (r == 0)
				continue;
			if (r > 0)
				times[done++] = (float)(now_us() - k->begun);
			else
				failed++;
			close(k->fd);
			begin(k, epoll, to);
		}
	}
	double took = (now_us() - start) / 1e6;
	if (done == 0) {
		fprintf(stderr, "connect: no connection came through, %zu failed\n", failed);
		return 1;
	}
	qsort(times, done, sizeof(*times), by_value);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("%.0f %.0f %.0f %zu %lld\n", (double)done / took, (double)times[done / 2],
	       (double)times[done * 99 / 100], failed,
	       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000LL +
		       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	size_t clients = 8;
	double seconds = 2;
	int opt;
	signal(SIGPIPE, SIG_IGN);
	while ((opt = getopt(argc, argv, "s:c:t:")) != -1) {
		if (opt == 's')
			return serve((uint16_t)strtoul(optarg, NULL, 10));
		if (opt == 'c')
			clients = strtoul(optarg, NULL, 10);
		else if (opt == 't')
			seconds = strtod(optarg, NULL);
		else
			return 2;
	}
	if (argc - optind != 2 || clients < 1 || clients > CLIENTS_MAX ||
	    inet_pton(AF_INET, argv[optind], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: connect -s PORT | connect [-c CLIENTS] [-t SECONDS] ADDRESS PORT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)strtoul(argv[optind + 1], NULL, 10));
	return load(&to, clients, seconds);
}
