/*
 * git - a git repository as a build context: REPOSITORY[#REF[:DIR]], fetched by the user's own git into a directory of a
 * stage. One commit, without history and submodules, as Podman fetches it; ".git" is not in the context.
 *
 * The repository is hostile: git may speak http, https, ssh and its own protocol only, asks nobody, runs no hook and is
 * given nothing of the repository's as an option. What it checked out may hold any symlinks: it is looked at below a
 * descriptor only, as a context that was fetched. Which filters git executes (LFS) is said by the user's own configuration.
 * Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_GIT_H
#define PM_ENGINE_BUILD_GIT_H

#include "base/err.h"
#include "storage/stage.h"

struct pm_git_source {
	char *repository; /* for git: github.com/... is https://github.com/... */
	char *ref;        /* a branch, a tag, a commit; "HEAD" unless said */
	char *dir;        /* below the top; NULL: the top */
};

/* PM_E_USAGE: a reference that git could take for an option, a directory that leads out. */
int pm_git_parse(const char *word, struct pm_git_source *ret, struct pm_err *err);
void pm_git_source_free(struct pm_git_source *s);
#define _cleanup_git_source_ _cleanup_(pm_git_source_free)

/* Into the directory "context" of the stage. *ret_dir: s's directory of it, O_PATH. PM_E_UNSUPPORTED: there is no git here;
 * PM_E_REMOTE: what git said. */
int pm_git_fetch(const struct pm_git_source *s, struct pm_stage *stage, int *ret_dir, struct pm_err *err);

#endif
