#include "base/nodl.h"

#include <stddef.h>

void *__wrap_dlopen(const char *file, int mode)
{
	(void)file;
	(void)mode;
	return NULL;
}

void *__wrap_dlsym(void *restrict handle, const char *restrict name)
{
	(void)handle;
	(void)name;
	return NULL;
}

int __wrap_dlclose(void *handle)
{
	(void)handle;
	return -1;
}

char *__wrap_dlerror(void)
{
	static char text[] = "this program loads no shared objects";
	return text;
}

int __wrap_dladdr(const void *address, Dl_info *info)
{
	(void)address;
	(void)info;
	return 0;
}
