/*
 * secret - making, showing, choosing and removing secrets. Rows: storage/secret.h; data: engine/secret/driver.h;
 * in containers: engine/secret/use.h. Runs in pm.
 */
#ifndef PM_ENGINE_SECRET_SECRET_H
#define PM_ENGINE_SECRET_SECRET_H

#include <stdbool.h>

#include "engine/secret/driver.h"
#include "storage/secret.h"

struct pm_secret_create_options {
	const char *name, *driver;
	const struct pm_strv *labels, *driver_options; /* "NAME=VALUE"; NULL: none */
	bool replace;
};

/* PM_E_EXISTS, PM_E_USAGE. */
int pm_secret_create(struct pm_engine *e, const struct pm_secret_create_options *o,
		     const struct pm_buf *data, char ret_id[PM_SECRET_ID_LEN + 1], struct pm_err *err);

/* Row and data. By name or id; *ret_id (may be NULL; the caller frees). PM_E_NOSUCH, PM_E_AMBIGUOUS. */
int pm_secret_remove(struct pm_engine *e, const char *name, char **ret_id, struct pm_err *err);

/* The data of a row, appended to out. */
int pm_secret_data(struct pm_engine *e, const struct pm_secret_row *row, struct pm_buf *out,
		   struct pm_err *err);

/* What `secret inspect` shows; data (NULL: left out) is SecretData. The tree belongs to pool. */
struct pm_json *pm_secret_tree(const struct pm_secret_row *row, const struct pm_buf *data,
			       struct pm_json_pool *pool);

/* "name=REGEX", "id=PREFIX": values of one key are alternatives. 1, 0; check: PM_E_USAGE. */
int pm_secret_filter_check(const struct pm_strv *filters, struct pm_err *err);
int pm_secret_filter(const struct pm_strv *filters, const struct pm_secret_row *row,
		     struct pm_err *err);

#endif
