/*
 * faults - named points at which the tests let a process die or fail, to show that nothing is lost.
 *
 * PM_TEST_FAULT=NAME in the environment of a test program makes pm_fault(NAME) kill the process with
 * SIGKILL. Compiled in only with PM_FAULTS (sanitizer builds); nothing otherwise.
 */
#ifndef PM_STORAGE_FAULTS_H
#define PM_STORAGE_FAULTS_H

#ifdef PM_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static inline void pm_fault(const char *name)
{
	const char *want = getenv("PM_TEST_FAULT");
	if (want && strcmp(want, name) == 0)
		raise(SIGKILL);
}
#else
static inline void pm_fault(const char *name)
{
	(void)name;
}
#endif

#endif
