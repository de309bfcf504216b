#include "tests/unit/test.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

static struct test *tests;
static char dir[64];

void test_register(struct test *t)
{
	t->next = tests;
	tests = t;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

const char *test_dir(void)
{
	return dir;
}

static bool run(const struct test *t)
{
	snprintf(dir, sizeof(dir), "/tmp/pm-unit-XXXXXX");
	if (!mkdtemp(dir))
		return false;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(180);
		t->run();
		exit(0);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	struct pm_err err = PM_ERR_INIT;
	if (pm_fs_remove_tree(-100 /* AT_FDCWD */, dir, &err) < 0)
		fprintf(stderr, "%s: cannot clean: %s\n", t->name, err.text);
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: killed by signal %d\n", t->name, WTERMSIG(status));
	return status == 0;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;
	for (struct test *t = tests; t; t = t->next) {
		const char *base = strrchr(t->file, '/');
		char label[256];
		snprintf(label, sizeof(label), "%s.%s", base ? base + 1 : t->file, t->name);
		if (argc > 1 && strncmp(label, argv[1], strlen(argv[1])) != 0)
			continue;
		if (run(t)) {
			passed++;
		} else {
			failed++;
			fprintf(stderr, "not ok %s\n", label);
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed || !passed;
}
