/*
 * userns - the user namespace of a build: held by a process for as long as the build lives, and published as a
 * container's monitor publishes it, so that all containers, copies and commits of the build join it instead of each making
 * one (3 ms and two programs each). The process ends with the build, by whatever signal that ends.
 */
#ifndef PM_ENGINE_BUILD_USERNS_H
#define PM_ENGINE_BUILD_USERNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "storage/store.h"

struct pm_build_userns {
	int fd;         /* the namespace; -1: none is needed */
	int holder;     /* its end ends the process */
	pid_t pid;      /* 0: none */
	bool single_id; /* owners cannot be set there */
};

#define PM_BUILD_USERNS_INIT {.fd = -1, .holder = -1}

int pm_build_userns_open(struct pm_store *s, struct pm_build_userns *ret, struct pm_err *err);
void pm_build_userns_close(struct pm_build_userns *u);

#endif
