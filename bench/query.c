/*
 * query - A questions to a name server, many, none asked twice: an answer that does not come is lost. Static, so
 * that it runs in any image.
 *
 *	query [-n COUNT] [-c UNDERWAY] SERVER NAME...
 *
 * COUNT (1000) questions, UNDERWAY (16) at a time, go round the NAMEs; every 20th by TCP. A NAME that begins with
 * "?" may be there or not, others must be. Prints: answered, lost (none in 5 s), wrong, answers per second.
 * Status 0 when none is lost or wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UNDERWAY_MAX = 256, TIMEOUT_MS = 5000, RCODE_NXDOMAIN = 3 };

struct question {
	int fd; /* -1: none */
	bool tcp;
	const char *name;
	uint16_t id;
	double asked;
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t make(uint16_t id, const char *name, uint8_t *out)
{
	static const uint8_t flags[] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	size_t n = 12;
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	memcpy(out + 2, flags, sizeof(flags));
	while (*name) {
		size_t len = strcspn(name, ".");
		out[n++] = (uint8_t)len;
		memcpy(out + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	memcpy(out + n, (const uint8_t[]){0, 0, 1, 0, 1}, 5);
	return n + 5;
}

static bool ask(struct question *q, const struct sockaddr_in *to)
{
	uint8_t m[2 + 512];
	size_t len = make(q->id, q->name + (*q->name == '?'), m + 2);
	m[0] = (uint8_t)(len >> 8);
	m[1] = (uint8_t)len;
	q->asked = now_ms();
	q->fd = socket(AF_INET, q->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (q->fd < 0 || connect(q->fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return false;
	ssize_t want = (ssize_t)len + (q->tcp ? 2 : 0);
	return send(q->fd, q->tcp ? m : m + 2, (size_t)want, MSG_NOSIGNAL) == want;
}

/* 1 right, 0 wrong, -1 none (the connection broke) */
static int answer(const struct question *q)
{
	uint8_t m[2 + 1500];
	ssize_t n = recv(q->fd, m, sizeof(m), 0);
	const uint8_t *a = q->tcp ? m + 2 : m;
	if (n < (q->tcp ? 14 : 12))
		return -1;
	if (a[0] != q->id >> 8 || a[1] != (q->id & 0xff) || !(a[2] & 0x80))
		return 0;
	int rcode = a[3] & 15, answers = a[6] << 8 | a[7];
	return (rcode == 0 && answers > 0) || (*q->name == '?' && rcode == RCODE_NXDOMAIN);
}

static int usage(void)
{
	fprintf(stderr, "usage: query [-n COUNT] [-c UNDERWAY] SERVER NAME...\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct question q[UNDERWAY_MAX];
	struct pollfd p[UNDERWAY_MAX];
	size_t count = 1000, underway = 16, begun = 0, ended = 0, lost = 0, wrong = 0;
	int opt;
	while ((opt = getopt(argc, argv, "n:c:")) != -1) {
		if (opt == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (opt == 'c')
			underway = strtoul(optarg, NULL, 10);
		else
			return usage();
	}
	if (argc - optind < 2 || underway < 1 || underway > UNDERWAY_MAX ||
	    inet_pton(AF_INET, argv[optind], &to.sin_addr) != 1)
		return usage();
	char **names = argv + optind + 1;
	size_t n_names = (size_t)(argc - optind - 1);
	for (size_t i = 0; i < underway; i++)
		q[i].fd = -1;
	double start = now_ms();
	while (ended < count) {
		for (size_t i = 0; i < underway; i++) {
			if (q[i].fd < 0 && begun < count) {
				q[i] = (struct question){.tcp = begun % 20 == 19, .name = names[begun % n_names],
							 .id = (uint16_t)(rand() & 0xffff)};
				begun++;
				if (!ask(&q[i], &to))
					q[i].asked = 0; /* lost at once */
			}
			p[i] = (struct pollfd){.fd = q[i].fd, .events = POLLIN};
		}
		poll(p, underway, 100);
		for (size_t i = 0; i < underway; i++) {
			bool late = q[i].fd >= 0 && now_ms() - q[i].asked > TIMEOUT_MS;
			if (q[i].fd < 0 || (!p[i].revents && !late))
				continue;
			int r = p[i].revents ? answer(&q[i]) : -1;
			lost += r < 0;
			wrong += r == 0;
			if (r <= 0)
				fprintf(stderr, "query: %s: %s by %s\n", q[i].name, r < 0 ? "lost" : "wrong",
					q[i].tcp ? "TCP" : "UDP");
			close(q[i].fd);
			q[i].fd = -1;
			ended++;
		}
	}
	printf("%zu answered, %zu lost, %zu wrong, %.0f/s\n", ended - lost, lost, wrong,
	       (double)ended / (now_ms() - start) * 1e3);
	return lost || wrong;
}
