#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "engine/container/logfiles.h"
#include "engine/container/logs.h"

static int parse(enum pm_log_driver d, const char *line, struct pm_log_entry *e)
{
	static char scratch[1024];
	return pm_log_parse_line(d, line, strlen(line), scratch, e, NULL);
}

TEST(k8s_line)
{
	struct pm_log_entry e;
	CHECK_INT(parse(PM_LOG_DRIVER_K8S_FILE, "2026-11-23T23:17:22.5+01:00 stderr P a b ", &e),
		  0);
	CHECK_INT(e.stream, PM_LOG_STDERR);
	CHECK(e.partial);
	CHECK_INT(e.sec, 1795472242);
	CHECK_INT(e.nsec, 500000000);
	CHECK_INT(e.len, 4);
	CHECK(memcmp(e.text, "a b ", 4) == 0);
	CHECK_INT(parse(PM_LOG_DRIVER_K8S_FILE, "2026-11-23T23:17:22Z stdout F:x y", &e), 0);
	CHECK(!e.partial && e.len == 1);
	CHECK_INT(parse(PM_LOG_DRIVER_K8S_FILE, "2026-11-23T23:17:22Z stdout F", &e), 0);
	CHECK_INT(e.len, 0);
}

TEST(lines_that_are_none)
{
	struct pm_log_entry e;
	static const char *const k8s[] = {"",
					  " ",
					  "x",
					  "2026-11-23T23:17:22Z",
					  "2026-11-23T23:17:22Z stdout",
					  "2026-11-23T23:17:22Z stdout X a",
					  "2026-11-23T23:17:22Z stdin F a",
					  "2026-11-23T23:17:22 stdout F a",
					  "2026-13-23T23:17:22Z stdout F a",
					  "2026-11-23T23:17:22.Z stdout F a",
					  "2026-11-23T23:17:22Z stdout FF a",
					  "2026-11-23T23:17:22+1:00 stdout F a",
					  "2026-11-23T23:17:22.1234567890Z stdout F a"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(k8s); i++)
		CHECK_INT(parse(PM_LOG_DRIVER_K8S_FILE, k8s[i], &e), -PM_E_FORMAT);
	static const char *const json[] = {
		"",
		"{",
		"{}",
		"[]",
		"{\"log\":\"a\"}",
		"{\"log\":1,\"stream\":\"stdout\"}",
		"{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"x\"}",
		"{\"log\":\"a\\u12\",\"stream\":\"stdout\",\"time\":\"2026-11-23T23:17:22Z\"}",
		"{\"log\":\"a\\",
		"{\"log\":\"a\",\"x\":}",
		"{\"x\":[[\"",
		"{\"log\":\"a\",\"x\":[1,"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(json); i++)
		CHECK_INT(parse(PM_LOG_DRIVER_JSON_FILE, json[i], &e), -PM_E_FORMAT);
}

TEST(json_line)
{
	struct pm_log_entry e;
	CHECK_INT(parse(PM_LOG_DRIVER_JSON_FILE,
			" { \"attrs\":{\"a\":[1,{\"b\":\"}\"}],\"c\":null}, "
			"\"log\":\"x\\u00fc\\ud83d\\ude00"
			"\\ud800y\\n\",\"stream\":\"stdout\",\"n\":-1.5e3,"
			"\"time\":\"2026-11-23T23:17:22.000000001Z\"} ",
			&e),
		  0);
	static const char want[] = "x\xc3\xbc\xf0\x9f\x98\x80\xef\xbf\xbdy";
	CHECK_INT(e.len, sizeof(want) - 1);
	CHECK(memcmp(e.text, want, e.len) == 0);
	CHECK(!e.partial);
	CHECK_INT(e.nsec, 1);
}

/* --- whole logs ---------------------------------------------------------------------- */

static struct pm_buf out;

static int collect(void *arg, size_t index, const struct pm_log_entry *e, struct pm_err *err)
{
	(void)arg, (void)err;
	pm_buf_printf(&out, "%zu", index);
	pm_buf_add(&out, e->text, e->len);
	pm_buf_add_char(&out, e->partial ? '+' : ' ');
	return 0;
}

static void write_log(const char *name, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *p = pm_asprintf("%s/%s", test_dir(), name);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, p, text, strlen(text), 0600, false, &err), err);
}

static const char *read_logs(size_t n, const struct pm_logs_opts *o)
{
	static char paths[3][128];
	struct pm_logs_source s[3];
	struct pm_err err = PM_ERR_INIT;
	struct pm_logs_opts opts = *o;
	opts.entry = collect;
	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%c.log", test_dir(), (int)('a' + i));
		s[i] = (struct pm_logs_source){.id = "1",
					       .name = "one",
					       .path = paths[i],
					       .driver = PM_LOG_DRIVER_K8S_FILE,
					       .ctr_dir = test_dir()};
	}
	pm_buf_cut(&out, 0);
	CHECK_OK(pm_logs_read(s, n, &opts, &err), err);
	return pm_buf_str(&out);
}

#define L(sec, tag, text) "2026-01-01T00:00:" sec "Z stdout " tag " " text "\n"
#define T0 INT64_C(1767225600)

TEST(several_logs_interleave_by_time)
{
	write_log("a.log", L("01", "F", "x") L("04", "F", "y"));
	write_log("b.log", L("02", "F", "p") L("03", "F", "q") L("05", "F", "r"));
	const struct pm_logs_opts o = {.tail = -1};
	CHECK_STR(read_logs(2, &o), "0x 1p 1q 0y 1r ");
}

TEST(missing_log_is_empty)
{
	const struct pm_logs_opts o = {.tail = -1};
	CHECK_STR(read_logs(1, &o), "");
}

TEST(since_and_until)
{
	write_log("a.log", L("01", "F", "x") L("02", "F", "y") L("03", "F", "z"));
	struct pm_logs_opts o = {.tail = -1, .has_since = true, .since = (T0 + 2) * 1000000000};
	CHECK_STR(read_logs(1, &o), "0y 0z ");
	o.has_until = true;
	o.until = (T0 + 3) * 1000000000;
	CHECK_STR(read_logs(1, &o), "0y ");
}

TEST(rotated_files_come_first_and_damage_is_left_out)
{
	write_log("a.log.2", L("01", "F", "x") "2026-01-01T00:00:01Z stdout F torn");
	write_log("a.log.1", "garbage\n" L("02", "F", "y"));
	write_log("a.log", "\n" L("03", "F", "z") "2026-01-01T00:00:01Z stdout F unfinis");
	const struct pm_logs_opts o = {.tail = -1};
	CHECK_STR(read_logs(1, &o), "0x 0y 0z ");
}

TEST(tail)
{
	write_log("a.log.1", L("01", "F", "a") L("02", "P", "b") L("03", "F", "c"));
	write_log("a.log", L("04", "P", "d") L("05", "P", "e") L("06", "F", "f") L("07", "F", "g")
				   L("08", "P", "h") "torn");
	static const char *const want[] = {"",
					   "0h+",
					   "0g 0h+",
					   "0d+0e+0f 0g 0h+",
					   "0b+0c 0d+0e+0f 0g 0h+",
					   "0a 0b+0c 0d+0e+0f 0g 0h+",
					   "0a 0b+0c 0d+0e+0f 0g 0h+"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(want); i++) {
		const struct pm_logs_opts o = {.tail = (int64_t)i};
		CHECK_STR(read_logs(1, &o), want[i]);
	}
}

TEST(tail_of_a_large_log)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	for (int i = 0; i < 20000; i++)
		pm_buf_printf(&b, "2026-01-01T00:00:00Z stdout F line number %d\n", i);
	write_log("a.log", b.data);
	struct pm_logs_opts o = {.tail = 2};
	CHECK_STR(read_logs(1, &o), "0line number 19998 0line number 19999 ");
	o.tail = 15000;
	CHECK(pm_startswith(read_logs(1, &o), "0line number 5000 0line number 5001 "));
	o.tail = -1;
	CHECK(pm_startswith(read_logs(1, &o), "0line number 0 "));
}

TEST(no_driver_no_logs)
{
	struct pm_logs_source s = {.id = "1", .name = "one", .path = "/x", .ctr_dir = "/x"};
	const struct pm_logs_opts o = {.tail = -1, .entry = collect};
	CHECK_INT(pm_logs_read(&s, 1, &o, NULL), -PM_E_STATE);
}

/* A "monitor": holds the liveness lock, has a state file, writes a log that is rotated twice while it
 * is read, then writes exit and dies. */
static void play_monitor(int ready)
{
	struct pm_err err = PM_ERR_INIT;
	uint64_t start;
	_cleanup_free_ char *path = pm_asprintf("%s/a.log", test_dir());
	static struct pm_logfile l;
	int dir = open(test_dir(), O_RDONLY | O_DIRECTORY);
	CHECK_OK(pm_lock_try(dir, "live", PM_LOCK_EXCLUSIVE, &err), err);
	CHECK_OK(pm_proc_start_time(getpid(), &start, &err), err);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_wire_add_int(&w, "monitor", getpid());
	pm_wire_add_int(&w, "monitor_start", (int64_t)start);
	pm_wire_encode(&w, &b);
	CHECK_OK(pm_fs_write_file(dir, "state", b.data, b.len, 0600, false, &err), err);
	CHECK_OK(pm_logfile_open(&l, PM_LOG_DRIVER_K8S_FILE, path, 2000, 50, NULL, &err), err);
	pm_logfile_write(&l, PM_LOG_STDOUT, "begin\n", 6);
	CHECK(write(ready, "x", 1) == 1);
	for (int i = 0; i < 400; i++) {
		char line[32];
		int n = snprintf(line, sizeof(line), "%d\n", i);
		pm_logfile_write(&l, PM_LOG_STDOUT, line, (size_t)n);
		if (i % 37 == 0)
			usleep(30000);
	}
	CHECK_OK(pm_fs_write_file(dir, "exit", "", 0, 0600, false, &err), err);
	_exit(0);
}

TEST(follow_goes_over_rotations_and_ends_with_the_monitor)
{
	int fds[2];
	char c;
	CHECK(pipe(fds) == 0);
	pid_t pid = fork();
	if (pid == 0)
		play_monitor(fds[1]);
	CHECK(read(fds[0], &c, 1) == 1);
	const struct pm_logs_opts o = {.tail = -1, .follow = true};
	const char *got = read_logs(1, &o);
	_cleanup_buf_ struct pm_buf want = PM_BUF_INIT;
	pm_buf_add_str(&want, "0begin ");
	for (int i = 0; i < 400; i++)
		pm_buf_printf(&want, "0%d ", i);
	CHECK_STR(got, want.data);
	waitpid(pid, NULL, 0);
}

/* --- the set of files, rotated while it is opened ---------------------------------------------------- */

struct rotated {
	const char *path;
	int at[8]; /* how many rotations before file i is opened */
	bool half; /* the first rotation stops before PATH has its new name */
	int made; /* files made so far: each holds its number */
};

static void make_number(struct rotated *r)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", r->made++);
	CHECK(pm_fs_write_file(AT_FDCWD, r->path, text, (size_t)len, 0600, false, NULL) >= 0);
}

static void rotate_now(struct rotated *r)
{
	for (int i = 9; i > 0; i--) {
		_cleanup_free_ char *to = pm_asprintf("%s.%d", r->path, i);
		_cleanup_free_ char *from = i > 1 ? pm_asprintf("%s.%d", r->path, i - 1) : pm_strdup(r->path);
		if (i > 1 || !r->half)
			rename(from, to);
	}
	if (!r->half)
		make_number(r);
	r->half = false;
}

static void rotate_before(void *arg, int number)
{
	struct rotated *r = arg;
	for (int i = 0; number < 8 && i < r->at[number]; i++)
		rotate_now(r);
}

TEST(rotation_while_a_log_is_opened)
{
	static const struct {
		int made, at[8];
		bool half;
		const char *want;
	} cases[] = {
		{3, {0}, false, "0 1 2 "},
		{3, {0, 1}, false, "0 1 2 "},     /* the live one is met again as .1 */
		{3, {0, 0, 1}, false, "0 1 2 "},  /* .1 is met again as .2 */
		{3, {0, 0, 0, 1}, false, "0 1 2 "},
		{4, {0, 1, 1, 1}, false, "0 1 2 3 "},
		{4, {0, 2, 0, 2}, false, "0 1 2 3 "}, /* .1 is newer than the live one was */
		{4, {0, 0, 2, 0, 1}, false, "0 1 2 3 "},
		{3, {1}, false, "0 1 2 3 "},
		{3, {0, 1}, true, "0 1 2 "},      /* .1 is nowhere for an instant */
		{3, {1}, true, "0 1 2 "},
	};
	for (size_t c = 0; c < PM_ARRAY_SIZE(cases); c++) {
		char dir[] = "/tmp/pm-logfiles-XXXXXX";
		CHECK(mkdtemp(dir) != NULL);
		_cleanup_free_ char *path = pm_asprintf("%s/log", dir);
		struct rotated r = {.path = path};
		memcpy(r.at, cases[c].at, sizeof(r.at));
		make_number(&r);
		while (r.made < cases[c].made)
			rotate_now(&r);
		r.half = cases[c].half;
		_cleanup_free_ int *fds = NULL;
		size_t n = 0;
		struct stat newest;
		_cleanup_buf_ struct pm_buf got = PM_BUF_INIT;
		CHECK(pm_logfiles_newer(path, NULL, &fds, &n, &newest, rotate_before, &r) == n);
		for (size_t i = 0; i < n; i++) {
			char text[16];
			ssize_t len = read(fds[i], text, sizeof(text));
			pm_buf_add(&got, text, len > 0 ? (size_t)len : 0);
			pm_buf_add_char(&got, ' ');
			close(fds[i]);
		}
		CHECK_STR(pm_buf_str(&got), cases[c].want);
		CHECK(pm_fs_remove_tree(AT_FDCWD, dir, NULL) == 0);
	}
}
