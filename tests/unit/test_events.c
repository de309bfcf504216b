#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/journal.h"
#include "engine/events/eventlog.h"
#include "engine/events/reader.h"
#include "test.h"

TEST(event_line_round_trip)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/a/b/events.log", test_dir());
	struct pm_eventlog l = {.backend = PM_EVENTS_FILE, .path = path,
				.head = "\"ID\":\"ab\",\"Name\":\"c\",",
				.tail = "\"Type\":\"container\",\"Attributes\":{\"k\":\"v\"}"};
	struct pm_event_what w = {.status = "died", .time = 1, .has_exit = true, .exit_code = 137,
				  .health = "healthy"};
	CHECK_OK(pm_eventlog_write(&l, &w, &err), err);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 4096, &b, &err), err);
	CHECK_STR(pm_buf_str(&b), "{\"ContainerExitCode\":137,\"ID\":\"ab\",\"Name\":\"c\",\"Status\":\"died\","
				  "\"Time\":\"1970-01-01T00:00:00.000000001Z\",\"health_status\":\"healthy\","
				  "\"Type\":\"container\",\"Attributes\":{\"k\":\"v\"}}\n");
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *ev;
	int64_t when;
	CHECK_OK(pm_event_parse(pool, b.data, b.len - 1, &ev, &when, &err), err);
	CHECK_INT(when, 1);
	CHECK_INT(pm_json_get_int(ev, "ContainerExitCode", -1), 137);
	CHECK_STR(pm_json_get_str(ev, "HealthStatus"), "healthy");
	struct stat st;
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
}

TEST(event_file_rotates)
{
	_cleanup_free_ char *path = pm_asprintf("%s/events.log", test_dir());
	_cleanup_free_ char *old = pm_asprintf("%s.1", path);
	struct pm_eventlog l = {.backend = PM_EVENTS_FILE, .path = path, .max_size = 500, .head = "",
				.tail = "\"Type\":\"x\",\"Attributes\":null"};
	struct stat st;
	for (int i = 0; i < 100; i++) {
		CHECK(pm_eventlog_write(&l, &(struct pm_event_what){.status = "s"}, NULL) == 0);
		CHECK(stat(path, &st) == 0 && st.st_size < 700);
	}
	CHECK(stat(old, &st) == 0 && st.st_size >= 500 && st.st_size < 700);
}

TEST(event_filters)
{
	static const struct {
		const char *filters; /* by spaces */
		bool matches;
	} cases[] = {
		{"container=web", true},	 {"container=abc", true},	   {"container=we", false},
		{"event=died", true},		 {"event=exited", true},	   {"event=start", false},
		{"event=start event=died", true}, {"event=died container=x", false}, {"label=k", true},
		{"label=k=v", true},		 {"label=k=w", false},		   {"image=i", false},
		{"type=container", true},	 {"type=image", false},		   {"EVENT=died", true},
	};
	static const char line[] = "{\"ID\":\"abcdef\",\"Image\":\"i\",\"Name\":\"web\",\"Status\":\"died\","
				   "\"Time\":\"2026-11-27T10:50:57Z\",\"Type\":\"container\","
				   "\"Attributes\":{\"k\":\"v\"}}";
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *ev;
	int64_t when;
	CHECK(pm_event_parse(pool, line, strlen(line), &ev, &when, NULL) == 0);
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv f = PM_STRV_INIT;
		pm_strv_split(&f, cases[i].filters, ' ');
		CHECK(pm_events_check_filters(&f, NULL) == 0);
		if (pm_event_matches(ev, &f) != cases[i].matches)
			test_fail(__FILE__, __LINE__, "%s", cases[i].filters);
	}
}

TEST(journal_fields)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_journal_field(&b, "A", "b", 1);
	pm_journal_field(&b, "M", "x\ny", 3);
	CHECK_INT(b.len, 4 + 2 + 8 + 4);
	CHECK(memcmp(b.data, "A=b\nM\n\3\0\0\0\0\0\0\0x\ny\n", b.len) == 0);
}
