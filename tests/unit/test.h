/*
 * test - unit tests: TEST(name) { ... } defines a test and registers it; CHECK* end it when they
 * fail. One program runs all (or those whose "file.name" starts with an argument), each in a child
 * process, and ends with 'N passed, N failed'.
 */
#ifndef PM_TESTS_UNIT_TEST_H
#define PM_TESTS_UNIT_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

struct test {
	const char *file, *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A fresh empty directory, removed after the test; returns its absolute path (static). */
const char *test_dir(void);

#define TEST(name_)                                                                                \
	static void test_##name_(void);                                                            \
	static struct test test_record_##name_ = {__FILE__, #name_, test_##name_, NULL};           \
	__attribute__((constructor)) static void test_register_##name_(void)                       \
	{                                                                                          \
		test_register(&test_record_##name_);                                               \
	}                                                                                          \
	static void test_##name_(void)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_fail(__FILE__, __LINE__, "%s", #cond);                                \
	} while (0)

#define CHECK_INT(got, want)                                                                       \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ != want_)                                                                 \
			test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_);  \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (!got_ || strcmp(got_, want_) != 0)                                             \
			test_fail(__FILE__, __LINE__, "%s is\n  '%s', not\n  '%s'", #got,           \
				  got_ ? got_ : "(null)", want_);                                  \
	} while (0)

/* expr is a call that uses &err; prints the error's text when it fails. */
#define CHECK_OK(expr, err)                                                                        \
	do {                                                                                       \
		if ((expr) < 0)                                                                    \
			test_fail(__FILE__, __LINE__, "%s: %s", #expr, (err).text);                \
	} while (0)

#endif
