/*
 * user - who a container's process is: --user and --group-add looked up in the container's own
 * /etc/passwd and /etc/group, read through a rootfs view by a parser of our own (no NSS, nothing of the
 * container is executed or loaded).
 *
 * USER is NAME or UID, optionally followed by :GROUP or :GID. A name that consists of digits is
 * looked up as a name first, as Docker and Podman do. Ids are decimal digits only, at most 2^31-1
 * ("+1", "-1", "1.5", "0x1" and ids beyond are refused). Files are read up to 16 MiB.
 */
#ifndef PM_ENGINE_SPEC_USER_H
#define PM_ENGINE_SPEC_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/spec/rootfs.h"

struct pm_spec_user {
	uint32_t uid, gid;
	char *home;      /* of the passwd entry; NULL when it has none */
	char *name;      /* NULL: no entry */
	char *gecos;     /* of the entry; may be NULL */
	uint32_t *groups; /* supplementary, without gid; sorted as found, no duplicates */
	size_t n_groups;
	bool keep_groups; /* --group-add keep-groups */
};

/* user NULL or "": root. *ret must be zeroed. PM_E_USAGE when a name is unknown or an id malformed;
 * PM_E_FORMAT when a name must be looked up in what is no regular file. */
int pm_spec_user_lookup(const struct pm_rootfs_view *view, const char *user,
			const struct pm_strv *groups, struct pm_spec_user *ret, struct pm_err *err);
void pm_spec_user_free(struct pm_spec_user *u);
#define _cleanup_spec_user_ _cleanup_(pm_spec_user_free)

/* The name of id in text, the content of a passwd or group file: the caller's, NULL when it has none. */
char *pm_spec_name_of(const char *text, uint32_t id);
/* The first entry of passwd's text that has this name, or with by_uid this id. *ret must be zeroed. */
bool pm_spec_user_find(const struct pm_buf *passwd, const char *name, uint32_t uid, bool by_uid,
		       struct pm_spec_user *ret);
bool pm_spec_group_find(const struct pm_buf *group, const char *name, uint32_t *ret);
bool pm_spec_group_has(const struct pm_buf *group, uint32_t gid);

/* The highest id in the text of a passwd or group file, "nobody"'s (65534) left out; 0 when there is none. */
uint32_t pm_spec_max_id(const char *text);

/* Decimal digits, at most 2^31-1. false: not such a number. */
bool pm_spec_parse_id(const char *s, uint32_t *ret);

#endif
