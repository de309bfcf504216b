/*
 * secret - rows of secrets: all but their data, which their driver keeps (engine/secret/driver.h). Driver
 * file: secrets/<id> below the graph root, 0600, written before the row and removed after it.
 */
#ifndef PM_STORAGE_SECRET_H
#define PM_STORAGE_SECRET_H

#include "base/err.h"
#include "storage/store.h"

#define PM_SECRET_ID_LEN 25

/* Pointers owned by the row when it came from here; borrowed when given to pm_secret_insert. */
struct pm_secret_row {
	char *id; /* 25 hex digits, as Podman's */
	char *name;
	char *driver;  /* "file", "pass", "shell" */
	char *options; /* of the driver; JSON object text; NULL: none */
	char *labels;  /* the same */
	int64_t created, updated;
};

struct pm_secret_list {
	struct pm_secret_row *v;
	size_t n;
};

void pm_secret_row_free(struct pm_secret_row *row);
void pm_secret_list_free(struct pm_secret_list *l);
#define _cleanup_secret_row_ __attribute__((cleanup(pm_secret_row_free)))
#define _cleanup_secret_list_ __attribute__((cleanup(pm_secret_list_free)))

/* Durable. replace: takes the place of a secret of that name, whose row is given in *ret_old (zeroed; NULL id:
 * there was none). PM_E_EXISTS. */
int pm_secret_insert(struct pm_store *s, const struct pm_secret_row *row, bool replace,
		     struct pm_secret_row *ret_old, struct pm_err *err);
/* By name, id, or the beginning of an id that fits one. PM_E_NOSUCH, PM_E_AMBIGUOUS. */
int pm_secret_find(struct pm_store *s, const char *name_or_id, struct pm_secret_row *ret,
		   struct pm_err *err);
/* By name. */
int pm_secret_list(struct pm_store *s, struct pm_secret_list *ret, struct pm_err *err);
/* Whole id. PM_E_NOSUCH. */
int pm_secret_delete(struct pm_store *s, const char *id, struct pm_err *err);

#endif
