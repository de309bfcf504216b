/*
 * nodl - the C library's dlopen family for a program that loads nothing: every call fails.
 *
 * SQLite (extensions) and libcrypto (engines) refer to dlopen. In the static pm the linker's --wrap
 * turns these references into the functions here: the C library's would want its shared objects at run
 * time, and could be made to run code found in a container. Linked into pm only (see the
 * Makefile); never into dynamic programs, where the sanitizers and libcurl need the real ones.
 * Prototypes and results are those of <dlfcn.h> on failure.
 */
#ifndef PM_BASE_NODL_H
#define PM_BASE_NODL_H

#include <dlfcn.h>

void *__wrap_dlopen(const char *file, int mode);
void *__wrap_dlsym(void *restrict handle, const char *restrict name);
int __wrap_dlclose(void *handle);
char *__wrap_dlerror(void);
int __wrap_dladdr(const void *address, Dl_info *info);

#endif
