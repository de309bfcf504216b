/*
 * store - Quadlet files put into and taken out of a directory of the user's, as `pm quadlet install` and `rm` do. What
 * belongs together is written down in that directory, one file name a line, as Podman does:
 *
 *	.NAME.app	all files that came with the directory NAME, an application
 *	.NAME.asset	other files that came with the Quadlet file NAME
 *
 * Such a list is there before its files are, and goes after them: a command that was killed leaves nothing that a
 * later `rm` cannot find.
 */
#ifndef PM_ENGINE_QUADLET_STORE_H
#define PM_ENGINE_QUADLET_STORE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* A list of files. All zeros is an empty one. */
struct pm_quadlet_bundle {
	char *app;   /* the application's name; NULL: none */
	char *list;  /* name of the list's file; NULL: there is none */
	struct pm_strv files; /* names */
};

void pm_quadlet_bundle_free(struct pm_quadlet_bundle *b);
#define _cleanup_quadlet_bundle_ _cleanup_(pm_quadlet_bundle_free)

/* Put files into dir, which is made: a directory with all its files, or a Quadlet file and others. ret: the paths they have
 * there. PM_E_EXISTS where one is there already and replace is not set; nothing has been written then. */
int pm_quadlet_install(const char *dir, char *const *sources, bool replace, struct pm_strv *ret, struct pm_err *err);

/* What goes together with the file called name in dir: itself, its application's files or those that came with it.
 * Fine for a name that is not there. */
int pm_quadlet_bundle_of(const char *dir, const char *name, struct pm_quadlet_bundle *ret, struct pm_err *err);
/* The files of an application. PM_E_NOSUCH. */
int pm_quadlet_bundle_app(const char *dir, const char *app, struct pm_quadlet_bundle *ret, struct pm_err *err);
/* Take them out of dir. */
int pm_quadlet_uninstall(const char *dir, const struct pm_quadlet_bundle *b, struct pm_err *err);

#endif
