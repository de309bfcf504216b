#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "Error: out of memory\n";
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(125);
	_exit(125);
}

void *pm_malloc(size_t size)
{
	return pm_calloc(1, size);
}

void *pm_calloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *pm_reallocarray(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *pm_strdup(const char *s)
{
	char *p = strdup(s);
	if (!p)
		out_of_memory();
	return p;
}

char *pm_strndup(const char *s, size_t max)
{
	char *p = strndup(s, max);
	if (!p)
		out_of_memory();
	return p;
}

char *pm_strdup_null(const char *s)
{
	return s ? pm_strdup(s) : NULL;
}

char *pm_vasprintf(const char *fmt, va_list ap)
{
	char *p;
	if (vasprintf(&p, fmt, ap) < 0)
		out_of_memory();
	return p;
}

char *pm_asprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *p = pm_vasprintf(fmt, ap);
	va_end(ap);
	return p;
}
