/*
 * rename - another name for a container: row and config change in one transaction. Its files are
 * named by its id and stay; a running one goes on. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_RENAME_H
#define PM_ENGINE_CONTAINER_RENAME_H

#include "base/err.h"
#include "engine/container/container.h"

/* Takes the operation lock. PM_E_USAGE: no name for a container; PM_E_EXISTS: it is taken. c has
 * the new name after. */
int pm_container_rename(struct pm_engine *e, struct pm_container *c, const char *name,
			struct pm_err *err);

#endif
