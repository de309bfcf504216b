#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/logfile.h"

static struct pm_logfile lf;

static char *path_of(const char *name)
{
	return pm_asprintf("%s/%s", test_dir(), name);
}

static void open_log(enum pm_log_driver driver, int64_t max_size, int64_t max_files)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = path_of("ctr.log");
	setenv("TZ", "UTC", 1);
	CHECK_OK(pm_logfile_open(&lf, driver, path, max_size, max_files, NULL, &err), err);
}

static void put(enum pm_log_stream s, const char *text)
{
	pm_logfile_write(&lf, s, text, strlen(text));
}

/* The log with the time of each entry cut out. */
static char *content(const char *name, bool json)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = path_of(name);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT, out = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 1 << 20, &b, &err), err);
	char *line = (char *)(uintptr_t)pm_buf_str(&b);
	while (*line) {
		char *nl = strchr(line, '\n');
		CHECK(nl != NULL);
		*nl = '\0';
		char *time = json ? strstr(line, ",\"time\":") : NULL;
		if (json) {
			CHECK(time != NULL);
			*time = '\0';
		} else {
			/* 2026-11-23T23:17:22.123456789+00:00 is 35 bytes */
			CHECK(strlen(line) > 36 && line[35] == ' ' && line[29] == '+');
			line += 36;
		}
		pm_buf_add_str(&out, line);
		pm_buf_add_char(&out, '\n');
		line = nl + 1;
	}
	return pm_buf_take(&out);
}

TEST(k8s_lines_and_partial_lines)
{
	open_log(PM_LOG_DRIVER_K8S_FILE, 0, 0);
	put(PM_LOG_STDOUT, "one\ntwo\nthr");
	put(PM_LOG_STDERR, "oops\n");
	put(PM_LOG_STDOUT, "ee\n\n");
	put(PM_LOG_STDOUT, "end");
	pm_logfile_end(&lf);
	pm_logfile_close(&lf);
	_cleanup_free_ char *got = content("ctr.log", false);
	CHECK_STR(got, "stdout F one\nstdout F two\nstdout P thr\nstderr F oops\nstdout F ee\n"
		       "stdout F \nstdout P end\n");
}

TEST(a_new_run_does_not_go_on_in_the_last_ones_line)
{
	open_log(PM_LOG_DRIVER_K8S_FILE, 0, 0);
	put(PM_LOG_STDERR, "x\n");
	put(PM_LOG_STDOUT, "open");
	pm_logfile_end(&lf);
	pm_logfile_close(&lf);
	open_log(PM_LOG_DRIVER_K8S_FILE, 0, 0);
	put(PM_LOG_STDOUT, "new\n");
	pm_logfile_close(&lf);
	_cleanup_free_ char *got = content("ctr.log", false);
	CHECK_STR(got, "stderr F x\nstdout P open\nstdout F \nstdout F new\n");
}

TEST(log_is_appended_to_and_private)
{
	for (int i = 0; i < 2; i++) {
		open_log(PM_LOG_DRIVER_K8S_FILE, 0, 0);
		put(PM_LOG_STDOUT, i ? "second\n" : "first\n");
		pm_logfile_close(&lf);
	}
	_cleanup_free_ char *got = content("ctr.log", false);
	CHECK_STR(got, "stdout F first\nstdout F second\n");
	struct stat st;
	_cleanup_free_ char *path = path_of("ctr.log");
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
}

TEST(json_escapes_and_utf8)
{
	open_log(PM_LOG_DRIVER_JSON_FILE, 0, 0);
	put(PM_LOG_STDOUT, "a\"b\\c\t\x01<\n");
	put(PM_LOG_STDERR, "gr\xc3\xbc\xc3");
	put(PM_LOG_STDERR, "\x9f \xff\xed\xa0\x80\n");
	put(PM_LOG_STDOUT, "\xf0\x9f");
	put(PM_LOG_STDOUT, "\x98");
	put(PM_LOG_STDOUT, "\x80\n\xf0");
	pm_logfile_end(&lf);
	pm_logfile_close(&lf);
	_cleanup_free_ char *got = content("ctr.log", true);
	CHECK_STR(got,
		  "{\"log\":\"a\\\"b\\\\c\\t\\u0001\\u003c\\n\",\"stream\":\"stdout\"\n"
		  "{\"log\":\"gr\xc3\xbc\",\"stream\":\"stderr\"\n"
		  "{\"log\":\"\xc3\x9f \\ufffd\\ufffd\\ufffd\\ufffd\\n\",\"stream\":\"stderr\"\n"
		  "{\"log\":\"\",\"stream\":\"stdout\"\n"
		  "{\"log\":\"\",\"stream\":\"stdout\"\n"
		  "{\"log\":\"\xf0\x9f\x98\x80\\n\",\"stream\":\"stdout\"\n"
		  "{\"log\":\"\",\"stream\":\"stdout\"\n"
		  "{\"log\":\"\\ufffd\",\"stream\":\"stdout\"\n");
}

TEST(json_tag)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = path_of("ctr.log");
	CHECK_OK(pm_logfile_open(&lf, PM_LOG_DRIVER_JSON_FILE, path, 0, 0, "a\"b", &err), err);
	put(PM_LOG_STDOUT, "x\n");
	pm_logfile_close(&lf);
	_cleanup_free_ char *got = content("ctr.log", true);
	CHECK_STR(got, "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"a\\\"b\"}\n");
}

TEST(rotation_keeps_whole_lines_and_no_more_files_than_asked)
{
	open_log(PM_LOG_DRIVER_K8S_FILE, 400, 2);
	char line[32];
	for (int i = 0; i < 40; i++) {
		snprintf(line, sizeof(line), "line %02d\n", i);
		put(PM_LOG_STDOUT, line);
	}
	pm_logfile_close(&lf);
	_cleanup_free_ char *now = content("ctr.log", false);
	_cleanup_free_ char *one = content("ctr.log.1", false);
	_cleanup_free_ char *two = content("ctr.log.2", false);
	_cleanup_free_ char *three = path_of("ctr.log.3");
	CHECK(access(three, F_OK) != 0);
	CHECK(pm_endswith(now, "stdout F line 39\n"));
	/* each goes on where the one before it ends */
	int first_of_one = -1, last_of_two = -1, first_of_now = -1, last_of_one = -1;
	sscanf(one, "stdout F line %d", &first_of_one);
	sscanf(strrchr(two, 'l'), "line %d", &last_of_two);
	sscanf(now, "stdout F line %d", &first_of_now);
	sscanf(strrchr(one, 'l'), "line %d", &last_of_one);
	CHECK_INT(first_of_one, last_of_two + 1);
	CHECK_INT(first_of_now, last_of_one + 1);
	struct stat st;
	_cleanup_free_ char *path = path_of("ctr.log.1");
	CHECK_INT(stat(path, &st), 0);
	CHECK(st.st_size <= 400);
}

TEST(line_longer_than_the_buffer)
{
	static char big[3 * PM_LOGFILE_BUF + 2];
	memset(big, 'x', sizeof(big) - 2);
	big[sizeof(big) - 2] = '\n';
	open_log(PM_LOG_DRIVER_K8S_FILE, 0, 0);
	put(PM_LOG_STDOUT, big);
	pm_logfile_close(&lf);
	_cleanup_free_ char *got = content("ctr.log", false);
	CHECK_INT(strlen(got), strlen("stdout F ") + sizeof(big) - 1);
}

TEST(full_disk_does_not_fail_and_the_next_entry_is_whole)
{
	open_log(PM_LOG_DRIVER_K8S_FILE, 0, 0);
	int real = dup(lf.fd), full = open("/dev/full", O_WRONLY);
	CHECK(real >= 0 && full >= 0);
	put(PM_LOG_STDOUT, "a\n");
	dup2(full, lf.fd);
	put(PM_LOG_STDOUT, "lost\n");
	CHECK(lf.lost > 0);
	dup2(real, lf.fd);
	put(PM_LOG_STDOUT, "b\n");
	pm_logfile_close(&lf);

	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = path_of("ctr.log");
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 4096, &b, &err), err);
	CHECK(strstr(b.data, "stdout F a\n\n") != NULL);
	CHECK(pm_endswith(b.data, "stdout F b\n"));
}

TEST(log_path_must_not_be_a_symlink)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = path_of("ctr.log"), *target = path_of("precious");
	CHECK_INT(symlink(target, path), 0);
	CHECK_INT(pm_logfile_open(&lf, PM_LOG_DRIVER_K8S_FILE, path, 0, 0, NULL, &err), -ELOOP);
	CHECK(access(target, F_OK) != 0);
}
