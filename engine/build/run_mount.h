/*
 * run_mount - RUN --mount: what the option says, and what the run's container gets mounted for it.
 *
 * Sources are looked up where the container is made, below the directory or the image they are taken from, by openat2
 * (a mount with a subpath, storage/volume_mount.h): a symlink, a ".." or somebody who changes the files meanwhile leads
 * nowhere else. Bind mounts are read-only; with rw what is written goes to an overlay that ends with the run.
 * A cache is a directory buildcache/<SHA-256 of its id>/data of the graph root, which `system prune --build` removes. Secrets are
 * files in runroot, in memory where that is, for the time of the run; their data is in no row, layer or history.
 * Parsing is pure text; preparing runs in pm.
 */
#ifndef PM_ENGINE_BUILD_RUN_MOUNT_H
#define PM_ENGINE_BUILD_RUN_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/build/worker.h"

enum pm_run_mount_kind {
	PM_RUN_BIND,
	PM_RUN_CACHE,
	PM_RUN_TMPFS,
	PM_RUN_SECRET,
	PM_RUN_SSH,
};

struct pm_run_mount {
	enum pm_run_mount_kind kind;
	char *target;  /* as given; NULL: none */
	char *source;  /* below its root; NULL: the root itself */
	char *from;    /* a stage, a build context or an image; NULL: the build's context, an empty cache */
	char *id;      /* of a cache, a secret, an agent; NULL: by default */
	char *env;     /* secret: this variable instead of a file */
	char *sharing; /* cache: "shared", "private", "locked" */
	bool writable, required;
	int64_t mode, uid, gid; /* -1: not given */
	struct pm_strv options; /* for the mount: propagation, z, Z, size=, mode= ... */
};

void pm_run_mount_free(struct pm_run_mount *m);
#define _cleanup_run_mount_ _cleanup_(pm_run_mount_free)
/* The value of --mount. PM_E_USAGE names what is wrong; *ret is to be freed only after success. */
int pm_run_mount_parse(const char *text, struct pm_run_mount *ret, struct pm_err *err);

/* Secrets and agents that a build was given. */
struct pm_build_secret {
	char *id;
	char *path, *env; /* where it is: a file, or a variable of this process */
};
struct pm_build_secrets {
	struct pm_build_secret *secrets, *agents; /* agents: path is a socket */
	size_t n_secrets, n_agents;
};
void pm_build_secrets_free(struct pm_build_secrets *s);
/* --secret id=ID[,src=PATH|,env=NAME][,type=file|env]; --ssh default|ID[=SOCKET]. PM_E_USAGE, PM_E_UNSUPPORTED. */
int pm_build_secret_add(struct pm_build_secrets *s, const char *arg, struct pm_err *err);
int pm_build_agent_add(struct pm_build_secrets *s, const char *arg, struct pm_err *err);

/* Where a mount's source is looked for: one of the two. The strings are owned. */
struct pm_run_source {
	char *dir;      /* absolute */
	char *image_id;
};

struct pm_run_mount_env {
	struct pm_worker *w;
	const struct pm_build_secrets *secrets;
	const char *workdir; /* relative targets are below it */
	/* What from names (NULL: the build's context). */
	int (*source)(void *arg, const char *from, struct pm_run_source *ret, struct pm_err *err);
	void *arg;
};

/* A run's mounts, made ready; to be freed when the run is over: secrets and locks go then. */
struct pm_run_mounts {
	struct pm_ctr_mount *v;
	size_t n;
	struct pm_strv env; /* NAME=VALUE for the run; wiped when freed */
	int *locks;
	size_t n_locks;
	struct pm_strv files; /* to be removed */
};
#define _cleanup_run_mounts_ _cleanup_(pm_run_mounts_free)

/* m may be NULL when n is 0. ret is zeroed; to be freed also after a failure. */
int pm_run_mounts_prepare(const struct pm_run_mount_env *e, const struct pm_run_mount *m, size_t n,
			  struct pm_run_mounts *ret, struct pm_err *err);
/* A file to be executed, as PM_RUN_SCRIPT. */
#define PM_RUN_SCRIPT "/dev/.pm-build-script"
int pm_run_mounts_script(const struct pm_run_mount_env *e, struct pm_run_mounts *ret, const struct pm_buf *text,
			 struct pm_err *err);
void pm_run_mounts_free(struct pm_run_mounts *r);

/* Caches that no run uses go to the trash. *ret_bytes is added to. */
int pm_run_caches_prune(struct pm_engine *e, int64_t *ret_bytes, struct pm_err *err);

#endif
