/*
 * subid - the subordinate ids that /etc/subuid and /etc/subgid give a user, and the two setuid
 * programs that map them.
 *
 * Read directly, without NSS: lines "NAME-OR-UID:START:COUNT"; a malformed line is skipped. Both
 * files are root's, but may be large (one line per user of a site): they are scanned, not kept.
 * Libc-only.
 */
#ifndef PM_NETNS_SUBID_H
#define PM_NETNS_SUBID_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

#define PM_SUBUID_FILE "/etc/subuid"
#define PM_SUBGID_FILE "/etc/subgid"

struct pm_subid_range {
	uint32_t start, count; /* count > 0; start + count - 1 fits 32 bits and is not 2^32-1 */
};

struct pm_subid {
	struct pm_subid_range *v; /* owned; in the file's order */
	size_t n;
};

#define PM_SUBID_INIT {0}
#define _cleanup_subid_ _cleanup_(pm_subid_free)

void pm_subid_free(struct pm_subid *s);

/* The login name of uid by /etc/passwd; else $USER; else the uid in digits. The caller frees. */
char *pm_subid_user_name(uid_t uid);

/* Ranges of file for the user by name and by number, appended to ret. A missing file is none. */
int pm_subid_read(const char *file, uid_t uid, const char *name, struct pm_subid *ret,
		  struct pm_err *err);

#endif
