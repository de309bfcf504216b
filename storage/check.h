/*
 * check - is the store whole: do rows fit each other and the directories that they name?
 *
 * Reads only; what it finds is put right by engine/system/check.h. Runs beside other pms: what is just
 * being changed is looked at again, and left alone while somebody holds its lock. The files of layers
 * are not read here.
 */
#ifndef PM_STORAGE_CHECK_H
#define PM_STORAGE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

enum pm_damage_kind {
	PM_DAMAGE_DATABASE,
	PM_DAMAGE_LAYER,     /* id: chain id */
	PM_DAMAGE_IMAGE,     /* id */
	PM_DAMAGE_CONTAINER, /* id */
	PM_DAMAGE_VOLUME,    /* id: its name */
	PM_DAMAGE_ORPHAN,    /* id: a directory below the graph root, "layers/...", or /PLACE/NAME of a volume */
	PM_DAMAGE_UNUSED,    /* id: chain id of a layer that no image has, for longer than allowed */
};

struct pm_damage {
	enum pm_damage_kind kind;
	char *id, *text; /* owned; text: what is wrong, without the id */
};

struct pm_damages {
	struct pm_damage *v; /* owned */
	size_t n;
};

void pm_damages_free(struct pm_damages *d);
#define _cleanup_damages_ __attribute__((cleanup(pm_damages_free)))
void pm_damages_add(struct pm_damages *d, enum pm_damage_kind kind, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool pm_damages_has(const struct pm_damages *d, enum pm_damage_kind kind, const char *id);
/* "layer", "image", ... */
const char *pm_damage_word(enum pm_damage_kind kind);

/* Append what is found. unused_ns: how old a layer without images may be; < 0: any. An error is one of
 * the check itself. */
int pm_check_structure(struct pm_store *s, int64_t unused_ns, struct pm_damages *ret,
		       struct pm_err *err);

/* For each damaged layer the images that have it, as damage of theirs. */
int pm_check_dependents(struct pm_store *s, struct pm_damages *d, struct pm_err *err);

/* Delete the layers that no image has and nobody relies on; their chain ids are appended to ret. The caller
 * sweeps. */
int pm_layers_remove_unused(struct pm_store *s, struct pm_strv *ret, struct pm_err *err);

#endif
