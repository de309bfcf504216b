/*
 * worker - a working container: what an image is made in. Its files are a base image's, or none, and what commands and
 * copies made of them; its configuration is that of the image to be.
 *
 * It is a row of containers like any other (storage/ctr.h, `working`), so that its base image stays, `ps --external`
 * shows it and `rm` removes it; no other list has it and no event tells of it. A build's is held by the lock
 * "build" of its id (pm_store_lock) while the build lives; one without holder is garbage, which the next build sweeps
 * (pm_workers_sweep). The user's own (buildah from) stay; their document is kept in the row's config.
 *
 *	pm_worker_new		from an image's id, or from nothing
 *	pm_worker_load		one of the user's, by name
 *	pm_worker_config	the "config" object of the document: change it freely, then (own ones) pm_worker_save
 *	pm_worker_root		its files as a directory, to copy into or from
 *	pm_worker_run		a command in it, to its end
 *	pm_worker_commit	an image of it
 *	pm_worker_rebase	it goes on from an image just committed
 *	pm_worker_remove, pm_worker_free
 *
 * One thing at a time: a root is closed before the next run or commit. Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_WORKER_H
#define PM_ENGINE_BUILD_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "engine/container/container.h"
#include "engine/image/pull.h"
#include "engine/view.h"
#include "netns/idmap.h"

struct pm_worker {
	struct pm_engine *e;  /* borrowed */
	struct pm_container c;
	int alive;            /* the lock "build"; -1: the user's own */
	struct pm_json_pool *pool;
	struct pm_json *document; /* of the image to be: OCI image configuration, whole; pool's */
	char *arch, *os, *variant; /* the same as in the document; variant NULL: none */
	bool used;            /* something ran or was copied since its base: there is a layer to be made */
	char committed[65];   /* the image last made of it, "": none */
};

#define PM_WORKER_INIT {.alive = -1}
#define _cleanup_worker_ _cleanup_(pm_worker_free)

struct pm_worker_options {
	const char *image_id;   /* base; NULL: an empty root ("scratch") */
	const char *image_name; /* as `ps` shows it; NULL: the id, or scratch */
	const char *name;       /* NULL: made up */
	bool own;               /* the user's: stays until it is removed */
	/* What containers of its runs are: mounts, limits, network, security ...; NULL: the defaults. Its command, environment,
	 * user, working directory are of no meaning. Copied. */
	const struct pm_ctr_config *base;
	const char *arch, *os, *variant; /* of an image from nothing; NULL: this machine's */
};

/* w is PM_WORKER_INIT; to be freed also after a failure. PM_E_NOSUCH: no such image (any more). */
int pm_worker_new(struct pm_engine *e, const struct pm_worker_options *o, struct pm_worker *w,
		  struct pm_err *err);
/* One of the user's own. PM_E_NOSUCH; PM_E_STATE: the container is none to make images in. */
int pm_worker_load(struct pm_engine *e, const char *name, struct pm_worker *w, struct pm_err *err);
/* Write its document into its row. */
int pm_worker_save(struct pm_worker *w, struct pm_err *err);
/* The container and its files go. */
int pm_worker_remove(struct pm_worker *w, struct pm_err *err);
/* Lets go of it; a build's own is removed, unless pm_worker_remove did. */
void pm_worker_free(struct pm_worker *w);

/* The "config" object of the document, made when missing: Env, Cmd, Labels ... as OCI has them. */
struct pm_json *pm_worker_config(struct pm_worker *w);
/* The image is said to be for that platform; what is NULL stays. */
void pm_worker_set_platform(struct pm_worker *w, const char *os, const char *arch, const char *variant);
/* The id of the image it is based on, NULL: none. */
const char *pm_worker_image(const struct pm_worker *w);

/* Its root file system (no volumes, no /proc): dir is O_PATH, to be looked into by openat2 RESOLVE_IN_ROOT from
 * inside userns. Close it before anything else is done with w. */
struct pm_worker_root {
	int dir;        /* view's */
	int userns;     /* to enter before; -1: none */
	bool single_id; /* only one id is mapped there: owners cannot be set */
	struct pm_idmaps maps; /* a worker with a user namespace of its own: userns' ids as its containers have them */
	struct pm_view view;
};
#define PM_WORKER_ROOT_INIT {.dir = -1, .userns = -1, .view = PM_VIEW_INIT}
#define _cleanup_worker_root_ _cleanup_(pm_worker_root_close)
int pm_worker_root(struct pm_worker *w, struct pm_worker_root *ret, struct pm_err *err);
void pm_worker_root_close(struct pm_worker_root *r);

/* 1: path leads to a directory in its files, 0: not. Looked up without a mount. */
int pm_worker_has_dir(struct pm_worker *w, const char *path, struct pm_err *err);

struct pm_worker_run {
	const struct pm_strv *argv;  /* the command, whole */
	const struct pm_strv *env;   /* NAME=VALUE: all there is */
	const char *user, *workdir;  /* NULL: root, / */
	const char *network;         /* "none", "host"; NULL: as the worker's base says */
	const struct pm_ctr_mount *mounts; /* besides the base's; borrowed */
	size_t n_mounts;
	/* The last word on the run's container, whose configuration is changed; NULL: nobody has it. */
	void (*adjust)(void *arg, struct pm_ctr_config *k);
	void *adjust_arg;
	bool privileged;
	bool terminal, with_stdin;
	bool quiet;                  /* nothing of its standard output */
	bool kill;                   /* a signal that would end this process kills the command: as its namespace's first
				      * process it does not hear most of them */
	/* A signal to this process: sent on to the command, and told here (NULL: it only goes on). */
	void (*signal)(void *arg, int sig);
	void *signal_arg;
};

/* Runs it to its end, its output being this process's. *ret_code: its exit code. What fails before it runs is this
 * function's error (PM_E_NOTFOUND 127, PM_E_NOTEXEC 126). Targets of mounts that were made for the run are removed
 * from the files again, while they are empty. */
int pm_worker_run(struct pm_worker *w, const struct pm_worker_run *r, int *ret_code, struct pm_err *err);

struct pm_worker_commit {
	const char *name;       /* the image's, whole (pm_image_new_name); NULL: none */
	bool docker;            /* manifest of Docker's schema 2 */
	bool squash;            /* one layer of all there is */
	int64_t created;        /* ns since the epoch; also the time of its files when clamp is set */
	bool clamp;
	const struct pm_strv *annotations; /* NULL: none */
	const char *created_by, *comment, *author; /* of the history's new line; created_by NULL: the
					* last line tells of the layer */
	bool take;              /* its changes become the layer where they lie: it must be rebased before anything else */
	bool omit_history;      /* the image has no history at all */
	const struct pm_pull_progress *progress;
};

/* A line of history for what was done in it; the layer will be that of the last line. */
void pm_worker_history(struct pm_worker *w, const char *created_by, int64_t created);

/* An image of what it is now: its base's layers, one more when it was used, its document. The document's history gets
 * its line. */
int pm_worker_commit(struct pm_worker *w, const struct pm_worker_commit *o, char ret_id[65],
		     struct pm_err *err);
/* It goes on from image_id, which has all that is in it: what it changed goes, the document is the image's. */
int pm_worker_rebase(struct pm_worker *w, const char *image_id, struct pm_err *err);

/* Remove the working containers of builds that have died. */
int pm_workers_sweep(struct pm_engine *e, struct pm_err *err);

#endif
