/*
 * challenge - WWW-Authenticate headers (RFC 9110, 11.6.1) and the parts of a bearer challenge that the
 * distribution project's token specification uses.
 *
 * The text is a registry's: hostile. One header may hold several challenges. Libc-only.
 */
#ifndef PM_REGISTRY_CHALLENGE_H
#define PM_REGISTRY_CHALLENGE_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

enum pm_challenge_scheme {
	PM_CHALLENGE_OTHER,
	PM_CHALLENGE_BASIC,
	PM_CHALLENGE_BEARER,
};

/* Strings are owned; NULL when missing. */
struct pm_challenge {
	enum pm_challenge_scheme scheme;
	char *realm, *service, *scope, *error;
};

struct pm_challenges {
	struct pm_challenge *v;
	size_t n;
};

#define PM_CHALLENGES_INIT {0}
#define _cleanup_challenges_ _cleanup_(pm_challenges_free)

void pm_challenges_free(struct pm_challenges *c); /* leaves it empty */

/* Append the challenges of one header's value. PM_E_FORMAT when it is malformed; those before the
 * fault are kept. At most 16 challenges and 64 parameters each. */
int pm_challenges_parse(const char *value, struct pm_challenges *ret, struct pm_err *err);

/* The first of a scheme, or NULL. */
const struct pm_challenge *pm_challenges_find(const struct pm_challenges *c,
					      enum pm_challenge_scheme scheme);

#endif
