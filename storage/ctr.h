/*
 * ctr - rows of containers: what pm remembers about each until it is removed.
 *
 * The row's state is a word to be read with runroot's files (docs/ARCHITECTURE.md, "State of a
 * container"); engine/ derives the truth and folds exits in with pm_ctr_set_state. Names are unique by
 * the database. Functions that change are one transaction of their own unless the caller has begun one
 * on store->db. Who changes a container holds pm_store_lock("container", id).
 */
#ifndef PM_STORAGE_CTR_H
#define PM_STORAGE_CTR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

enum pm_ctr_word {
	PM_CTR_CREATED,
	PM_CTR_RUNNING,
	PM_CTR_EXITED,
};

/* A container that an image is made in (engine/build/worker.h): in no list unless asked for. */
enum pm_ctr_working {
	PM_CTR_NOT_WORKING,
	PM_CTR_WORKING_BUILD, /* of a build, which holds pm_store_lock("build", id): else it is garbage */
	PM_CTR_WORKING_OWN,   /* the user's: stays until he removes it */
};

/* Pointers owned by the row when it came from here; borrowed when given to pm_ctr_insert. */
struct pm_ctr_row {
	char *id;         /* 64 hex digits */
	char *name;
	char *image_id;   /* NULL: --rootfs */
	char *image_name; /* as `ps` shows it */
	char *command;    /* as `ps` shows it; engine's format */
	char *ports;      /* the same */
	char *labels;     /* JSON object text; NULL: none */
	char *config;     /* engine's JSON document; NULL unless asked for */
	size_t config_len;
	int64_t created;
	bool rm; /* --rm */
	char *pod; /* id of its pod; NULL: none */
	enum pm_ctr_working working;

	/* the state, changed by pm_ctr_set_state */
	enum pm_ctr_word word;
	int64_t started, finished; /* 0: never */
	int exit_code;
	int64_t pid;     /* of the container's first process; 0: none */
	char *boot_id;   /* of the boot it was started in; NULL: never started */
	char *error;     /* why it did not start; NULL: none */
	bool oom_killed;
	int64_t restarts;
	bool stopped; /* by the user, since it was started last; kept for containers that restart */

	struct pm_strv deps;    /* ids of containers whose namespaces it joins; not in lists */
	struct pm_strv volumes; /* names of volumes; not in lists */
	struct pm_strv images;  /* ids of images that are mounted besides; for pm_ctr_insert only */
};

struct pm_ctr_list {
	struct pm_ctr_row *v;
	size_t n;
};

void pm_ctr_row_free(struct pm_ctr_row *row); /* what it owns; leaves it zeroed */
void pm_ctr_list_free(struct pm_ctr_list *l);
#define _cleanup_ctr_row_ __attribute__((cleanup(pm_ctr_row_free)))
#define _cleanup_ctr_list_ __attribute__((cleanup(pm_ctr_list_free)))

enum {
	PM_CTR_CONFIG = 1, /* fill config */
	PM_CTR_EXTERNAL = 2, /* pm_ctr_list: working containers, too */
};

/* Durable unless --rm or in the caller's transaction. PM_E_EXISTS when the name or id is taken, in Podman's words; PM_E_NOSUCH when the image, a volume or
 * a dependency is not there (any more). */
int pm_ctr_insert(struct pm_store *s, const struct pm_ctr_row *row, struct pm_err *err);

/* By whole name, whole id, or a prefix of an id that fits one: in this order. PM_E_NOSUCH: `no
 * container with name or ID "x" found: no such container`; PM_E_AMBIGUOUS. *ret zeroed by the caller. */
int pm_ctr_find(struct pm_store *s, const char *name_or_id, unsigned int what,
		struct pm_ctr_row *ret, struct pm_err *err);

/* All, in the order of creation; working containers with PM_CTR_EXTERNAL only. */
int pm_ctr_list(struct pm_store *s, unsigned int what, struct pm_ctr_list *ret, struct pm_err *err);

/* Write row.stopped alone; durable. */
int pm_ctr_set_stopped(struct pm_store *s, const char *id, bool stopped, struct pm_err *err);

/* Write the state fields of row to the row with its id. PM_E_NOSUCH when it was removed. */
int pm_ctr_set_state(struct pm_store *s, const struct pm_ctr_row *row, struct pm_err *err);
int pm_ctr_set_config(struct pm_store *s, const char *id, const char *config, size_t len,
		      struct pm_err *err);
/* The image it is based on is another (NULL: none) from now on. PM_E_NOSUCH. */
int pm_ctr_set_image(struct pm_store *s, const char *id, const char *image_id, struct pm_err *err);
/* PM_E_EXISTS, PM_E_NOSUCH. */
int pm_ctr_rename(struct pm_store *s, const char *id, const char *name, struct pm_err *err);

/* The row and what it refers to. PM_E_INUSE when another container depends on it, naming
 * that one. The container's directory: pm_trash_dir after. PM_E_NOSUCH. */
int pm_ctr_delete(struct pm_store *s, const char *id, struct pm_err *err);

/* Ids of the working containers of builds. */
int pm_ctr_of_builds(struct pm_store *s, struct pm_strv *ret, struct pm_err *err);

/* Ids of the containers that depend on id. */
int pm_ctr_dependents(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err);

#endif
