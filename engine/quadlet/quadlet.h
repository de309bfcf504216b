/*
 * quadlet - Quadlet files (podman-systemd.unit(5)): found in the directories that systemd's generators look at, read
 * with their drop-ins, and made into services that call pm.
 *
 *	struct pm_quadlet_set set = {.user = true, .pm = "/usr/bin/pm"};
 *	pm_quadlet_dirs(true, getuid(), &dirs);
 *	pm_quadlet_load(&set, &dirs);		// what there is
 *	pm_quadlet_convert(&set);		// each file to its service
 *	... set.v[i]->out, set.notes ...
 *	pm_quadlet_set_free(&set);
 *
 * Nothing here fails as a whole: what is wrong with a file is a note, and that file has no service then. Reads files
 * only; runs in the generators and in pm.
 */
#ifndef PM_ENGINE_QUADLET_QUADLET_H
#define PM_ENGINE_QUADLET_QUADLET_H

#include <sys/types.h>

#include "engine/quadlet/keys.h"
#include "engine/quadlet/unitfile.h"

/* One file, with its drop-ins. */
struct pm_quadlet {
	const struct pm_quadlet_kind *kind;
	char *name;     /* "web@.container" */
	char *path;     /* absolute */
	char *service;  /* "web@.service" */
	char *resource; /* what others call what it makes: a container's, volume's, image's name; with specifiers; NULL: no name */
	bool failed;    /* there is a note about it with error set, and no service */
	bool masked;    /* a symlink to /dev/null: it hides those of its name further down, and is none */
	struct pm_unitfile in, out;
	struct pm_strv started; /* a pod's: services of its containers that it starts */
};

/* Something to tell about a file. */
struct pm_quadlet_note {
	const struct pm_quadlet *of; /* the set's */
	bool error; /* there is no service */
	char *text; /* "PATH:LINE: ..." */
};

struct pm_quadlet_set {
	bool user;      /* services of a user's manager */
	const char *pm; /* absolute path of pm, as it is */
	struct pm_quadlet **v; /* sorted by name */
	size_t n;
	struct pm_quadlet_note *notes;
	size_t n_notes;
};

void pm_quadlet_set_free(struct pm_quadlet_set *set);
#define _cleanup_quadlet_set_ _cleanup_(pm_quadlet_set_free)

/* The directories to look at, those that win first: QUADLET_UNIT_DIRS (separated by ':') if it is set, else the
 * user's or the system's. uid: the user. They need not exist. */
void pm_quadlet_dirs(bool user, uid_t uid, struct pm_strv *ret);
/* Where `pm quadlet install` puts files. NULL: there is no such directory (no HOME). The caller frees. */
char *pm_quadlet_install_dir(bool user);

/* Add what the directories, and those below them, have. Of two files of one name the first counts. */
void pm_quadlet_load(struct pm_quadlet_set *set, const struct pm_strv *dirs);
/* Make each one's out, without links (engine/quadlet/install.h). */
void pm_quadlet_convert(struct pm_quadlet_set *set);

/* By file name; NULL when there is none. */
struct pm_quadlet *pm_quadlet_find(const struct pm_quadlet_set *set, const char *name);

/* Note something. line: where (NULL: path says it). */
void pm_quadlet_note(struct pm_quadlet_set *set, const struct pm_quadlet *q, const struct pm_unitline *line,
		     bool error, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
