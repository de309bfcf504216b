#include "registry/digest.h"

#include <string.h>

#include "base/hash.h"

static const char prefix[] = "sha256:";
#define PREFIX_LEN (sizeof(prefix) - 1)

bool pm_hex64_valid(const char *s)
{
	if (!s)
		return false;
	for (size_t i = 0; i < 64; i++) {
		if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return s[64] == '\0';
}

bool pm_digest_valid(const char *s)
{
	return s && strncmp(s, prefix, PREFIX_LEN) == 0 && pm_hex64_valid(s + PREFIX_LEN);
}

/* The grammar of descriptor.md: algorithm components of [a-z0-9] joined by one of "+._-". */
static bool other_algorithm(const char *s)
{
	size_t alg = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+._-");
	if (alg == 0 || alg > 32 || s[alg] != ':' || strncmp(s, prefix, PREFIX_LEN) == 0)
		return false;
	size_t enc = strspn(s + alg + 1, "abcdefABCDEF0123456789");
	return enc >= 32 && enc <= 256 && s[alg + 1 + enc] == '\0';
}

int pm_digest_check(const char *s, const char *what, struct pm_err *err)
{
	if (pm_digest_valid(s))
		return 0;
	if (!s)
		return pm_fail(err, PM_E_FORMAT, "%s has no digest", what);
	if (other_algorithm(s))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s: digest '%.80s' is not SHA-256, which is the only algorithm "
			       "supported",
			       what, s);
	return pm_fail(err, PM_E_FORMAT, "%s: '%.80s' is not a digest", what, s);
}

const char *pm_digest_hex(const char *digest)
{
	return digest + PREFIX_LEN;
}

void pm_digest_of(const void *data, size_t len, char ret[PM_DIGEST_SIZE])
{
	memcpy(ret, prefix, PREFIX_LEN);
	pm_sha256_of(data, len, ret + PREFIX_LEN);
}

int pm_digest_verify(const void *data, size_t len, const char *want, const char *what,
		     struct pm_err *err)
{
	char got[PM_DIGEST_SIZE];
	pm_digest_of(data, len, got);
	if (strcmp(got, want) != 0)
		return pm_fail(err, PM_E_DIGEST, "%s: content has digest %s, not %s", what, got,
			       want);
	return 0;
}

void pm_chain_id(const char *parent, const char *diff_id, char ret[65])
{
	if (!parent) {
		memcpy(ret, pm_digest_hex(diff_id), 65);
		return;
	}
	char text[2 * PM_DIGEST_SIZE + 1];
	int n = snprintf(text, sizeof(text), "sha256:%s %s", parent, diff_id);
	pm_sha256_of(text, (size_t)n, ret);
}
