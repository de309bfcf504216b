/*
 * manifest_list - lists of images that a user puts together (pm manifest), until they are pushed: one row each, with the
 * document as JSON that engine/image/manifest_list.h owns.
 *
 * Table manifest_lists (storage/schema.c). Changes are one statement: the last writer wins, none is torn.
 */
#ifndef PM_STORAGE_MANIFEST_LIST_H
#define PM_STORAGE_MANIFEST_LIST_H

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

struct pm_list_row {
	char *id;   /* 64 hex digits */
	char *name; /* a full reference with a tag */
	char *document;
};

void pm_list_row_free(struct pm_list_row *r);
#define _cleanup_list_row_ _cleanup_(pm_list_row_free)

/* By name, id, or an id's unique prefix. PM_E_NOSUCH, PM_E_AMBIGUOUS. */
int pm_list_get(struct pm_store *s, const char *name, const char *word, struct pm_list_row *ret,
		struct pm_err *err);
/* A new one. PM_E_EXISTS: the name is taken. */
int pm_list_add(struct pm_store *s, const struct pm_list_row *row, struct pm_err *err);
int pm_list_set(struct pm_store *s, const char *id, const char *document, struct pm_err *err);
/* PM_E_NOSUCH when it is gone. */
int pm_list_remove(struct pm_store *s, const char *id, struct pm_err *err);

#endif
