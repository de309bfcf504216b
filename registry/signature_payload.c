#include "registry/signature_payload.h"

#include <string.h>
#include <time.h>

#include "registry/digest.h"

/* --- making -------------------------------------------------------------------------------------- */

void pm_payload_make(const char *type, const char *identity, const char *digest, struct pm_buf *out)
{
	_cleanup_json_pool_ struct pm_json_pool *p = pm_json_pool_new();
	struct pm_json *root = pm_json_object(p), *critical = pm_json_object(p),
		       *id = pm_json_object(p), *image = pm_json_object(p), *optional = pm_json_object(p);
	pm_json_set_str(p, id, "docker-reference", identity);
	pm_json_set_str(p, image, "docker-manifest-digest", digest);
	pm_json_set(p, critical, "identity", id);
	pm_json_set(p, critical, "image", image);
	pm_json_set_str(p, critical, "type", type);
	pm_json_set(p, root, "critical", critical);
	pm_json_set_str(p, optional, "creator", "pm " PM_VERSION);
	pm_json_set_int(p, optional, "timestamp", (int64_t)time(NULL));
	pm_json_set(p, root, "optional", optional);
	pm_json_write(root, 0, out);
}

/* --- whose name is it? --------------------------------------------------------------------------- */

static bool same_repository(const struct pm_reference *a, const struct pm_reference *b)
{
	return pm_streq(a->domain, b->domain) && pm_streq(a->path, b->path);
}

/* A repository alone is nothing exact. */
static bool same_exactly(const struct pm_reference *a, const struct pm_reference *b)
{
	return (a->tag || a->digest) && same_repository(a, b) && pm_streq(a->tag, b->tag) &&
	       pm_streq(a->digest, b->digest);
}

/* The manifest that was asked for by digest is the one that is signed. */
static bool repo_digest_or_exact(const struct pm_reference *want, const struct pm_reference *signed_as)
{
	return want->digest ? same_repository(want, signed_as) : same_exactly(want, signed_as);
}

/* want with prefix (of whole components) replaced by by, where it has it. */
static int remap(const struct pm_reference *want, const char *prefix, const char *by,
		 struct pm_reference *ret, struct pm_err *err)
{
	_cleanup_free_ char *name = pm_reference_name(want), *full = pm_reference_str(want);
	size_t n = strlen(prefix);
	bool fits = strncmp(name, prefix, n) == 0 && (!name[n] || name[n] == '/');
	_cleanup_free_ char *text = fits ? pm_asprintf("%s%s", by, full + n) : pm_strdup(full);
	int r = pm_reference_parse_docker(text, ret, err);
	return r < 0 ? pm_wrap(err, "policy: remapIdentity") : 0;
}

static int match_fixed(const struct pm_json *identity, bool repository,
		       const struct pm_reference *signed_as, bool *ret, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference fixed = PM_REFERENCE_INIT;
	const char *text = pm_json_get_str(identity, repository ? "dockerRepository" : "dockerReference");
	int r = pm_reference_parse_docker(text ? text : "", &fixed, err);
	if (r < 0)
		return pm_wrap(err, "policy: signedIdentity");
	*ret = repository ? same_repository(&fixed, signed_as) : same_exactly(&fixed, signed_as);
	return 0;
}

static int match_remapped(const struct pm_json *identity, const struct pm_reference *ref,
			  const struct pm_reference *signed_as, bool *ret, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference other = PM_REFERENCE_INIT;
	const char *prefix = pm_json_get_str(identity, "prefix"),
		   *by = pm_json_get_str(identity, "signedPrefix");
	if (!prefix || !*prefix || !by || !*by)
		return pm_fail(err, PM_E_FORMAT, "policy: remapIdentity without its prefixes");
	int r = remap(ref, prefix, by, &other, err);
	if (r >= 0)
		*ret = repo_digest_or_exact(&other, signed_as);
	return r;
}

static int match_identity(const struct pm_json *identity, const struct pm_reference *ref,
			  const struct pm_reference *signed_as, struct pm_err *err)
{
	const char *type = identity ? pm_json_get_str(identity, "type") : "matchRepoDigestOrExact";
	bool good = false, repository = pm_streq(type, "exactRepository");
	int r = 0;
	if (repository || pm_streq(type, "exactReference"))
		r = match_fixed(identity, repository, signed_as, &good, err);
	else if (!ref)
		r = pm_fail(err, PM_E_REMOTE, "the image has no name here that %.50s could be compared "
					      "with",
			    type ? type : "its identity");
	else if (pm_streq(type, "matchExact"))
		good = same_exactly(ref, signed_as);
	else if (pm_streq(type, "matchRepoDigestOrExact"))
		good = repo_digest_or_exact(ref, signed_as);
	else if (pm_streq(type, "matchRepository"))
		good = same_repository(ref, signed_as);
	else if (pm_streq(type, "remapIdentity"))
		r = match_remapped(identity, ref, signed_as, &good, err);
	else
		r = pm_fail(err, PM_E_FORMAT, "policy: unknown signedIdentity \"%.100s\"",
			    type ? type : "");
	if (r < 0 || good)
		return r;
	_cleanup_free_ char *claimed = pm_reference_str(signed_as);
	return pm_fail(err, PM_E_REMOTE,
		       "the signature is for '%.300s', which is not accepted for this name", claimed);
}

/* --- reading ------------------------------------------------------------------------------------- */

/* A reader may not pass over what it does not know of critical (containers-signature(5)). */
static bool only(const struct pm_json *v, const char *const *names)
{
	if (!pm_json_is(v, PM_JSON_OBJECT))
		return false;
	for (size_t i = 0; i < v->len; i++) {
		if (!pm_str_in(v->members[i].name, names))
			return false;
	}
	return true;
}

int pm_payload_read(const char *payload, size_t len, const char *type, const char *digest,
		    char **ret_name, struct pm_err *err)
{
	static const char *const parts[] = {"critical", "optional", NULL},
			  *const members[] = {"type", "image", "identity", NULL},
			  *const of_image[] = {"docker-manifest-digest", NULL},
			  *const of_identity[] = {"docker-reference", NULL};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_json_parse(pool, payload, len, &root, err);
	if (r < 0)
		return pm_wrap(err, "signature's payload");
	const struct pm_json *critical = pm_json_get(root, "critical"),
			     *optional = pm_json_get(root, "optional"),
			     *image = pm_json_get(critical, "image"),
			     *identity = pm_json_get(critical, "identity");
	const char *claimed = pm_json_get_str(image, "docker-manifest-digest"),
		   *name = pm_json_get_str(identity, "docker-reference");
	if (!only(root, parts) || !only(critical, members) || !only(image, of_image) ||
	    !only(identity, of_identity) || !claimed || !name ||
	    !pm_streq(pm_json_get_str(critical, "type"), type) ||
	    !(pm_json_is(optional, PM_JSON_OBJECT) || pm_json_is(optional, PM_JSON_NULL)))
		return pm_fail(err, PM_E_FORMAT, "signature's payload is not a '%s'", type);
	if (strcmp(claimed, digest) != 0)
		return pm_fail(err, PM_E_REMOTE, "the signature is for manifest %.100s, not %s", claimed,
			       digest);
	*ret_name = pm_strdup(name);
	return 0;
}

int pm_payload_check(const char *payload, size_t len, const char *type,
		     const struct pm_json *identity, const struct pm_reference *ref,
		     const char *digest, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference signed_as = PM_REFERENCE_INIT;
	_cleanup_free_ char *name = NULL;
	int r = pm_payload_read(payload, len, type, digest, &name, err);
	if (r >= 0)
		r = pm_reference_parse_docker(name, &signed_as, err);
	if (r < 0)
		return name ? pm_wrap(err, "signature's docker-reference") : r;
	return match_identity(identity, ref, &signed_as, err);
}
