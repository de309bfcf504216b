#include "registry/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "registry/auth.h"
#include "registry/digest.h"
#include "registry/gpg.h"
#include "registry/manifest.h"
#include "registry/public_key.h"

enum { SIGNATURES_MAX = 64, PAYLOAD_MAX = 4 << 20, KEY_MAX = 16 << 20 };

#define COSIGN_LAYER "application/vnd.dev.cosign.simplesigning.v1+json"
#define COSIGN_SIGNATURE "dev.cosignproject.cosign/signature"
#define COSIGN_TYPE "cosign container image signature"
#define SIMPLE_TYPE "atomic container signature"

void pm_signatures_free(struct pm_signatures *s)
{
	for (size_t i = 0; i < s->n; i++) {
		pm_buf_free(&s->v[i].payload);
		free(s->v[i].sig);
	}
	free(s->v);
	*s = (struct pm_signatures){0};
}

static struct pm_signature *add(struct pm_signatures *s, enum pm_signature_kind kind)
{
	s->v = pm_reallocarray(s->v, s->n + 1, sizeof(*s->v));
	struct pm_signature *one = &s->v[s->n++];
	*one = (struct pm_signature){.kind = kind};
	return one;
}

/* --- fetching ------------------------------------------------------------------------------------ */

/* Cosign's attachment: a manifest with a payload a layer. */
static int fetch_attached(struct pm_client *c, const char *digest, struct pm_signatures *ret,
			  struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_manifest_ struct pm_manifest m = {0};
	_cleanup_free_ char *tag = pm_asprintf("sha256-%s.sig", pm_digest_hex(digest)), *type = NULL;
	struct pm_err why = PM_ERR_INIT;
	struct pm_json *root;
	int r = pm_client_manifest(c, tag, &text, &type, &why);
	if (r == -PM_E_NOSUCH)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	r = pm_json_parse(pool, pm_buf_str(&text), text.len, &root, err);
	if (r >= 0)
		r = pm_manifest_parse_any(root, PM_MT_OCI_MANIFEST, PM_MANIFEST_ARTIFACTS, &m, err);
	const struct pm_json *layers = r < 0 ? NULL : pm_json_get(root, "layers");
	for (size_t i = 0; r >= 0 && i < m.n_layers && ret->n < SIGNATURES_MAX; i++) {
		const char *sig = pm_json_get_str(pm_json_get(layers->items[i], "annotations"),
						  COSIGN_SIGNATURE);
		if (!sig || strcmp(m.layers[i].media_type, COSIGN_LAYER) != 0)
			continue;
		if (m.layers[i].size > PAYLOAD_MAX)
			return pm_fail(err, PM_E_FORMAT, "a signature's payload is too large");
		struct pm_signature *one = add(ret, PM_SIGNATURE_SIGSTORE);
		one->sig = pm_strdup(sig);
		r = pm_client_blob(c, m.layers[i].digest, m.layers[i].size, &one->payload, err);
	}
	return r < 0 ? pm_wrap(err, "signatures %s", tag) : 0;
}

/* signature-1, signature-2, ... until there is none. */
static int fetch_lookaside(struct pm_client *c, const struct pm_reference *ref, const char *base,
			   const char *digest, struct pm_signatures *ret, struct pm_err *err)
{
	for (unsigned int i = 1; i <= SIGNATURES_MAX; i++) {
		_cleanup_free_ char *url = pm_asprintf("%s/%s@sha256=%s/signature-%u", base, ref->path,
						       pm_digest_hex(digest), i);
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		struct pm_err why = PM_ERR_INIT;
		int r = pm_startswith(url, "file://")
				? pm_fs_read_file(AT_FDCWD, url + 7, PAYLOAD_MAX, &text, &why)
				: pm_client_document(c, url, PAYLOAD_MAX, &text, &why);
		if (r == -ENOENT || r == -ENOTDIR || r == -PM_E_NOSUCH)
			return 0;
		if (r < 0) {
			if (err)
				*err = why;
			return pm_wrap(err, "signatures in %s", base);
		}
		add(ret, PM_SIGNATURE_SIMPLE)->payload = text;
		text = (struct pm_buf)PM_BUF_INIT;
	}
	return 0;
}

int pm_signatures_fetch(struct pm_client *c, const struct pm_reference *ref,
			const struct pm_signature_places *places, const char *digest,
			struct pm_signatures *ret, struct pm_err *err)
{
	int r = pm_digest_check(digest, "manifest", err);
	if (r >= 0 && places->lookaside)
		r = fetch_lookaside(c, ref, places->lookaside, digest, ret, err);
	if (r >= 0 && places->attachments)
		r = fetch_attached(c, digest, ret, err);
	return r;
}

/* --- what a payload claims ----------------------------------------------------------------------- */

/* Does the name that was signed stand for the one that was asked for? */
static bool same_repository(const struct pm_reference *a, const struct pm_reference *b)
{
	return pm_streq(a->domain, b->domain) && pm_streq(a->path, b->path);
}

static bool same_exactly(const struct pm_reference *a, const struct pm_reference *b)
{
	return same_repository(a, b) && pm_streq(a->tag, b->tag) && pm_streq(a->digest, b->digest);
}

static bool repo_digest_or_exact(const struct pm_reference *want, const struct pm_reference *signed_as)
{
	return want->digest ? same_repository(want, signed_as)
			    : want->tag && signed_as->tag && same_exactly(want, signed_as);
}

/* want with prefix replaced, where it has it. */
static int remap(const struct pm_reference *want, const char *prefix, const char *by,
		 struct pm_reference *ret, struct pm_err *err)
{
	_cleanup_free_ char *full = pm_reference_str(want);
	size_t n = strlen(prefix);
	bool fits = strncmp(full, prefix, n) == 0 && (!full[n] || strchr("/:@", full[n]));
	_cleanup_free_ char *text = fits ? pm_asprintf("%s%s", by, full + n) : pm_strdup(full);
	return pm_reference_parse_docker(text, ret, err);
}

static int match_identity(const struct pm_json *identity, const struct pm_reference *ref,
			  const struct pm_reference *signed_as, struct pm_err *err)
{
	const char *type = identity ? pm_json_get_str(identity, "type") : "matchRepoDigestOrExact";
	struct pm_reference other = PM_REFERENCE_INIT;
	bool good = false;
	int r = 0;
	if (pm_streq(type, "exactReference") || pm_streq(type, "exactRepository")) {
		bool repository = strcmp(type, "exactRepository") == 0;
		const char *text = pm_json_get_str(identity, repository ? "dockerRepository"
									: "dockerReference");
		r = pm_reference_parse_docker(text ? text : "", &other, err);
		if (r < 0)
			return pm_wrap(err, "policy: signedIdentity");
		good = repository ? same_repository(&other, signed_as) : same_exactly(&other, signed_as);
	} else if (!ref) {
		return pm_fail(err, PM_E_REMOTE, "the image has no name here that %s could be compared with",
			       type ? type : "its identity");
	} else if (pm_streq(type, "matchExact")) {
		good = ref->tag && same_exactly(ref, signed_as);
	} else if (pm_streq(type, "matchRepoDigestOrExact")) {
		good = repo_digest_or_exact(ref, signed_as);
	} else if (pm_streq(type, "matchRepository")) {
		good = same_repository(ref, signed_as);
	} else if (pm_streq(type, "remapIdentity")) {
		const char *prefix = pm_json_get_str(identity, "prefix"),
			   *by = pm_json_get_str(identity, "signedPrefix");
		if (!prefix || !by)
			return pm_fail(err, PM_E_FORMAT, "policy: remapIdentity without its prefixes");
		r = remap(ref, prefix, by, &other, err);
		if (r < 0)
			return r;
		good = repo_digest_or_exact(&other, signed_as);
	} else {
		return pm_fail(err, PM_E_FORMAT, "policy: unknown signedIdentity \"%.100s\"",
			       type ? type : "");
	}
	pm_reference_free(&other);
	_cleanup_free_ char *claimed = pm_reference_str(signed_as);
	return good ? 0
		    : pm_fail(err, PM_E_REMOTE, "the signature is for '%s', which is not accepted for "
						"this name",
			      claimed);
}

int pm_signature_claims(const char *payload, size_t len, const char *type,
			const struct pm_json *identity, const struct pm_reference *ref,
			const char *digest, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_reference_ struct pm_reference signed_as = PM_REFERENCE_INIT;
	struct pm_json *root;
	int r = pm_json_parse(pool, payload, len, &root, err);
	if (r < 0)
		return pm_wrap(err, "signature's payload");
	const struct pm_json *critical = pm_json_get(root, "critical");
	const char *claimed = pm_json_get_str(pm_json_get(critical, "image"), "docker-manifest-digest");
	const char *name = pm_json_get_str(pm_json_get(critical, "identity"), "docker-reference");
	if (!pm_streq(pm_json_get_str(critical, "type"), type) || !claimed || !name)
		return pm_fail(err, PM_E_FORMAT, "signature's payload is not a '%s'", type);
	if (strcmp(claimed, digest) != 0)
		return pm_fail(err, PM_E_REMOTE, "the signature is for manifest %.100s, not %s", claimed,
			       digest);
	r = pm_reference_parse_docker(name, &signed_as, err);
	if (r < 0)
		return pm_wrap(err, "signature's docker-reference");
	return match_identity(identity, ref, &signed_as, err);
}

/* --- requirements -------------------------------------------------------------------------------- */

static int read_key(const char *path, struct pm_buf *keys, struct pm_err *err)
{
	int r = pm_fs_read_file(AT_FDCWD, path, KEY_MAX, keys, err);
	pm_buf_add_char(keys, '\n');
	return r < 0 ? pm_wrap(err, "policy: key") : 0;
}

static int decode_key(const char *text, struct pm_buf *keys, struct pm_err *err)
{
	size_t len;
	_cleanup_free_ char *data = pm_base64_decode(text, &len);
	if (!data)
		return pm_fail(err, PM_E_FORMAT, "policy: keyData is not base64");
	pm_buf_add(keys, data, len);
	pm_buf_add_char(keys, '\n');
	return 0;
}

/* Each key of a requirement as a buffer of its own. */
static int load_keys(const struct pm_json *v, struct pm_buf **ret, size_t *ret_n, struct pm_err *err)
{
	const char *path = pm_json_get_str(v, "keyPath"), *data = pm_json_get_str(v, "keyData");
	const struct pm_json *paths = pm_json_get(v, "keyPaths"), *datas = pm_json_get(v, "keyDatas");
	size_t n = path || data ? 1 : pm_json_len(paths ? paths : datas);
	struct pm_buf *keys = pm_calloc(n + 1, sizeof(*keys));
	int r = n ? 0 : pm_fail(err, PM_E_FORMAT, "policy: a requirement without a key");
	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct pm_json *item = pm_json_at(paths ? paths : datas, i);
		const char *text = path ? path : data ? data : pm_json_is(item, PM_JSON_STRING) ? item->string : "";
		r = path || paths ? read_key(text, &keys[i], err) : decode_key(text, &keys[i], err);
	}
	*ret = keys;
	*ret_n = n;
	return r;
}

static int verify_one(const struct pm_signature *s, bool gpg, const struct pm_buf *keys, size_t n,
		      const struct pm_json *identity, const struct pm_reference *ref,
		      const char *digest, struct pm_err *err)
{
	if (gpg) {
		_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT;
		int r = pm_gpg_verify(keys, n, &s->payload, &payload, err);
		return r < 0 ? r : pm_signature_claims(pm_buf_str(&payload), payload.len, SIMPLE_TYPE,
						       identity, ref, digest, err);
	}
	int r = -PM_E_REMOTE;
	for (size_t i = 0; r < 0 && i < n; i++)
		r = pm_public_key_verify(&keys[i], &s->payload, s->sig, err);
	return r < 0 ? r : pm_signature_claims(pm_buf_str(&s->payload), s->payload.len, COSIGN_TYPE,
					       identity, ref, digest, err);
}

static int meet(const struct pm_json *v, const struct pm_signatures *s, const struct pm_reference *ref,
		const char *digest, struct pm_err *err)
{
	bool gpg = strcmp(pm_json_get_str(v, "type"), "signedBy") == 0;
	struct pm_buf *keys;
	size_t n;
	struct pm_err last = PM_ERR_INIT;
	int r = load_keys(v, &keys, &n, err);
	bool good = false;
	for (size_t i = 0; r >= 0 && !good && i < s->n; i++) {
		if ((s->v[i].kind == PM_SIGNATURE_SIMPLE) == gpg)
			good = verify_one(&s->v[i], gpg, keys, n, pm_json_get(v, "signedIdentity"), ref,
					  digest, &last) >= 0;
	}
	for (size_t i = 0; i < n; i++)
		pm_buf_free(&keys[i]);
	free(keys);
	if (r < 0 || good)
		return r;
	if (last.code)
		return pm_fail(err, PM_E_REMOTE, "%s", last.text);
	return pm_fail(err, PM_E_REMOTE, "a signature was required, but no %s signature exists",
		       gpg ? "simple signing" : "sigstore");
}

int pm_signatures_verify(const struct pm_json *list, const struct pm_signatures *s,
			 const struct pm_reference *ref, const char *digest, const char *where,
			 struct pm_err *err)
{
	for (size_t i = 0; i < list->len; i++) {
		const char *type = pm_json_get_str(list->items[i], "type");
		if (pm_streq(type, "insecureAcceptAnything"))
			continue;
		int r = meet(list->items[i], s, ref, digest, err);
		if (r < 0)
			return pm_wrap(err, "image %s is rejected by policy", where);
	}
	return 0;
}
