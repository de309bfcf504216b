/*
 * pm-journal - reads systemd's journal for pm, which is static and cannot link libsystemd. Only reads; what
 * it prints is parsed by pm as a file of that kind would be.
 *
 *	pm-journal logs ID SINCE TAIL STARTED follow|ended|end
 *		a container's log as k8s-file lines (engine/container/logfile.h); TAIL: lines from the end, -1: all.
 *		"follow" ends with the entry that the monitor writes last, in the run that began at STARTED (ns);
 *		"ended" gives that one a moment to arrive
 *	pm-journal events SINCE follow|end		events as lines of the events file (engine/events/eventlog.h)
 * SINCE: ns since the epoch, 0: all, -1: only what comes. Only entries of this user's own processes count
 * (journald sets _UID): nobody can put lines into another's log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timefmt.h"

#define LAST_ENTRY_USEC 300000

struct query {
	sd_journal *j;
	bool follow;
	uint64_t limit; /* us without an entry that end it */
	uint64_t started; /* us */
	int (*entry)(const struct query *q); /* 1: the last one */
};

static int complain(const char *what, int r)
{
	fprintf(stderr, "Error: %s: %s\n", what, strerror(-r));
	return 1;
}

/* The value of a field; valid until the next call for the same entry. */
static const char *field(sd_journal *j, const char *name, size_t *ret_len)
{
	const void *data;
	size_t len, skip = strlen(name) + 1;
	if (sd_journal_get_data(j, name, &data, &len) < 0 || len < skip)
		return NULL;
	*ret_len = len - skip;
	return (const char *)data + skip;
}

/* --- a container's log ------------------------------------------------------------------------------ */

static int print_log(const struct query *q)
{
	sd_journal *j = q->j;
	char when[PM_TIME_SIZE];
	uint64_t usec = 0;
	size_t len = 0, n = 0;
	sd_journal_get_realtime_usec(j, &usec);
	if (field(j, "PM_CONTAINER_END", &n))
		return usec >= q->started; /* else that of an earlier run */
	const char *priority = field(j, "PRIORITY", &n);
	const bool err = priority && n == 1 && *priority == '3';
	const char *partial = field(j, "CONTAINER_PARTIAL_MESSAGE", &n);
	const char *text = field(j, "MESSAGE", &len);
	pm_time_rfc3339_fixed((int64_t)usec * 1000, 0, when);
	printf("%s %s %c ", when, err ? "stderr" : "stdout", partial ? 'P' : 'F');
	fwrite(text ? text : "", 1, len, stdout);
	putchar('\n');
	return 0;
}

/* Before the last lines; a line's parts count once. */
static int seek_tail(sd_journal *j, int64_t lines)
{
	size_t n;
	bool newest = true;
	int r = sd_journal_seek_tail(j);
	while (r >= 0 && (r = sd_journal_previous(j)) > 0) {
		bool whole = !field(j, "CONTAINER_PARTIAL_MESSAGE", &n) && !field(j, "PM_CONTAINER_END", &n);
		if (!whole && !newest)
			continue;
		if (field(j, "PM_CONTAINER_END", &n))
			continue;
		newest = false;
		if (lines-- == 0)
			return 0; /* the next one read is the first wanted */
	}
	return r < 0 ? r : sd_journal_seek_head(j);
}

/* --- events ----------------------------------------------------------------------------------------- */

static void copy(sd_journal *j, struct pm_json_pool *pool, struct pm_json *ev, const char *name,
		 const char *as)
{
	size_t len;
	const char *s = field(j, name, &len);
	if (s)
		pm_json_set(pool, ev, as, pm_json_strn(pool, s, len));
}

static int print_event(const struct query *q)
{
	sd_journal *j = q->j;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_json *ev = pm_json_object(pool), *labels;
	size_t len;
	const char *s = field(j, "PODMAN_EVENT", &len);
	if (!s)
		return 0;
	pm_json_set(pool, ev, "Status", pm_json_strn(pool, s, len));
	s = field(j, "PODMAN_EXIT_CODE", &len);
	if (s) {
		_cleanup_free_ char *code = pm_strndup(s, len);
		pm_json_set_int(pool, ev, "ContainerExitCode", strtol(code, NULL, 10));
	}
	copy(j, pool, ev, "PODMAN_ID", "ID");
	copy(j, pool, ev, "PODMAN_IMAGE", "Image");
	copy(j, pool, ev, "PODMAN_NAME", "Name");
	copy(j, pool, ev, "PODMAN_NETWORK_NAME", "network");
	copy(j, pool, ev, "PODMAN_POD_ID", "PodID");
	copy(j, pool, ev, "PODMAN_TIME", "Time");
	copy(j, pool, ev, "PODMAN_TYPE", "Type");
	copy(j, pool, ev, "PODMAN_HEALTH_STATUS", "health_status");
	copy(j, pool, ev, "PODMAN_HEALTH_LOG", "health_log");
	s = field(j, "PODMAN_LABELS", &len);
	if (s && pm_json_parse(pool, s, len, &labels, NULL) >= 0)
		pm_json_set(pool, ev, "Attributes", labels);
	pm_json_write(ev, 0, &b);
	puts(pm_buf_str(&b));
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static int read_all(const struct query *q)
{
	for (;;) {
		int r = sd_journal_next(q->j);
		if (r < 0)
			return complain("read the journal", r);
		if (r > 0) {
			if (q->entry(q) > 0 && q->follow)
				return fflush(stdout) != 0;
			continue;
		}
		if (fflush(stdout) != 0)
			return 1;
		if (!q->follow)
			return 0;
		r = sd_journal_wait(q->j, q->limit);
		if (r == SD_JOURNAL_NOP && q->limit != UINT64_MAX)
			return 0;
		if (r < 0)
			return complain("wait for the journal", r);
	}
}

static void match(sd_journal *j, const char *name, const char *value)
{
	_cleanup_free_ char *m = pm_asprintf("%s=%s", name, value);
	sd_journal_add_match(j, m, 0);
}

static int seek_since(sd_journal *j, int64_t since)
{
	if (since < 0) {
		int r = sd_journal_seek_tail(j);
		return r < 0 ? r : sd_journal_previous(j);
	}
	return since == 0 ? sd_journal_seek_head(j)
			  : sd_journal_seek_realtime_usec(j, (uint64_t)since / 1000);
}

static int run(struct query *q, int argc, char **argv)
{
	char uid[32];
	const bool logs = argc == 7 && strcmp(argv[1], "logs") == 0;
	const bool events = argc == 4 && strcmp(argv[1], "events") == 0;
	if (!logs && !events) {
		fprintf(stderr, "pm-journal is started by pm\n");
		return 125;
	}
	int r = sd_journal_open(&q->j, SD_JOURNAL_LOCAL_ONLY);
	if (r < 0)
		return complain("open the journal", r);
	snprintf(uid, sizeof(uid), "%u", (unsigned int)geteuid());
	const bool ended = strcmp(argv[argc - 1], "ended") == 0;
	q->follow = ended || strcmp(argv[argc - 1], "follow") == 0;
	q->limit = ended ? LAST_ENTRY_USEC : UINT64_MAX;
	if (logs) {
		int64_t since = strtoll(argv[3], NULL, 10), tail = strtoll(argv[4], NULL, 10);
		match(q->j, "CONTAINER_ID_FULL", argv[2]);
		match(q->j, "_UID", uid);
		sd_journal_add_disjunction(q->j);
		match(q->j, "PM_CONTAINER_END", argv[2]);
		match(q->j, "_UID", uid);
		q->entry = print_log;
		q->started = strtoull(argv[5], NULL, 10) / 1000;
		r = tail >= 0 ? seek_tail(q->j, tail) : seek_since(q->j, since);
	} else {
		match(q->j, "SYSLOG_IDENTIFIER", "podman");
		match(q->j, "_UID", uid);
		q->entry = print_event;
		r = seek_since(q->j, strtoll(argv[2], NULL, 10));
	}
	if (r < 0)
		return complain("look for the place in the journal", r);
	return read_all(q);
}

int main(int argc, char **argv)
{
	struct query q = {0};
	int status = run(&q, argc, argv);
	sd_journal_close(q.j);
	return status;
}
