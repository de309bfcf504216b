/*
 * secret driver - where the data of secrets is: "file" (plain, 0600, below the graph root or in the directory
 * of its option path), "pass" (encrypted by gpg in a password store: options root, key, gpghomedir), "shell"
 * (commands of the user's: options store, lookup, delete, list; SECRET_ID tells which).
 *
 * Options are a JSON object of strings with the defaults filled in, as `secret inspect` shows them. Data is
 * wiped from memory by the caller (pm_secret_wipe). Runs in pm.
 */
#ifndef PM_ENGINE_SECRET_DRIVER_H
#define PM_ENGINE_SECRET_DRIVER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/engine.h"

enum { PM_SECRET_MAX = 512000 }; /* bytes, not reached */

/* The options a secret is kept with: given ("NAME=VALUE") and defaults. PM_E_USAGE for an unknown driver or
 * option, or one that is missing. The tree belongs to pool. */
int pm_secret_options(struct pm_engine *e, const char *driver, const struct pm_strv *given,
		      struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err);

struct pm_secret_place {
	const char *id, *driver;
	const struct pm_json *options;
};

/* store: PM_E_EXISTS never, ids are random. lookup: appended to out. forget: a missing one is success. */
int pm_secret_store(struct pm_engine *e, const struct pm_secret_place *p, const struct pm_buf *data,
		    struct pm_err *err);
int pm_secret_lookup(struct pm_engine *e, const struct pm_secret_place *p, struct pm_buf *out,
		     struct pm_err *err);
int pm_secret_forget(struct pm_engine *e, const struct pm_secret_place *p, struct pm_err *err);

/* Overwrite and free. */
void pm_secret_wipe(struct pm_buf *b);
#define _cleanup_secret_ _cleanup_(pm_secret_wipe)

#endif
