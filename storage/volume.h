/*
 * volume - rows of named and anonymous volumes. Their files are volumes/<name>/_data below the graph
 * root (driver image: upper/ and work/ beside it, the overlay is mounted on _data by who uses it), or in
 * the place that the row names (storage/volume_place.h); the directory is made before the row is committed,
 * and trashed after it is gone.
 */
#ifndef PM_STORAGE_VOLUME_H
#define PM_STORAGE_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

/* Pointers owned by the row when it came from here; borrowed when given to pm_volume_insert. */
struct pm_volume_row {
	char *name;
	char *driver;  /* "local", "image" */
	char *labels;  /* JSON object text; NULL: none */
	char *options; /* JSON object text; NULL: none */
	int64_t created;
	bool anon; /* goes with the container that made it */
	char *place; /* the directory that NAME/_data is in; NULL: volumes/ of the graph root */
	char *image; /* driver image: the image's id, which stays while the volume does; else NULL */
};

struct pm_volume_list {
	struct pm_volume_row *v;
	size_t n;
};

void pm_volume_row_free(struct pm_volume_row *row);
void pm_volume_list_free(struct pm_volume_list *l);
#define _cleanup_volume_row_ __attribute__((cleanup(pm_volume_row_free)))
#define _cleanup_volume_list_ __attribute__((cleanup(pm_volume_list_free)))

/* Makes its directory's _data (0755) when missing, then the row, durably unless
 * it is anonymous. PM_E_EXISTS. The name was checked by
 * the caller ([a-zA-Z0-9][a-zA-Z0-9_.-]*); a name with a slash is PM_E_USAGE here. */
int pm_volume_insert(struct pm_store *s, const struct pm_volume_row *row, struct pm_err *err);
/* Whole name. PM_E_NOSUCH. */
int pm_volume_get(struct pm_store *s, const char *name, struct pm_volume_row *ret,
		  struct pm_err *err);
/* Whole name, or the beginning of one. PM_E_NOSUCH, PM_E_AMBIGUOUS. */
int pm_volume_find(struct pm_store *s, const char *name, struct pm_volume_row *ret,
		   struct pm_err *err);
/* By name. */
int pm_volume_list(struct pm_store *s, struct pm_volume_list *ret, struct pm_err *err);
/* Ids of the containers that use it. */
int pm_volume_users(struct pm_store *s, const char *name, struct pm_strv *ret, struct pm_err *err);
/* Row and files (into trash/). PM_E_INUSE while a container uses it. */
int pm_volume_remove(struct pm_store *s, const char *name, struct pm_err *err);
/* Absolute, the caller frees: its directory, and _data in that. */
char *pm_volume_dir(const struct pm_store *s, const struct pm_volume_row *row);
char *pm_volume_path(const struct pm_store *s, const struct pm_volume_row *row);
/* The latter for a whole name. PM_E_NOSUCH. */
int pm_volume_path_of(struct pm_store *s, const char *name, char **ret, struct pm_err *err);
/* Was it filled by (or offered to) a container already? Then it is not filled again, also when empty. The
 * monitor leaves the mark `used` beside _data. */
bool pm_volume_used(const struct pm_store *s, const struct pm_volume_row *row);
#define PM_VOLUME_USED "used"

#endif
