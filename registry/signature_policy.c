#include "registry/signature_policy.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "registry/auth.h"
#include "registry/gpg.h"
#include "registry/public_key.h"
#include "registry/signature_payload.h"

enum { KEY_MAX = 16 << 20 };

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

static int verify_one(const struct pm_signature *s, const struct pm_buf *keys, size_t n,
		      const struct pm_json *identity, const struct pm_reference *ref,
		      const char *digest, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT;
	if (s->kind == PM_SIGNATURE_SIMPLE) {
		int r = pm_gpg_verify(keys, n, &s->payload, &payload, err);
		return r < 0 ? r : pm_payload_check(pm_buf_str(&payload), payload.len, PM_PAYLOAD_SIMPLE,
						    identity, ref, digest, err);
	}
	const char *sig = pm_signature_note(s, PM_SIGSTORE_SIGNATURE);
	if (!pm_streq(s->media_type, PM_SIGSTORE_PAYLOAD) || !sig)
		return pm_fail(err, PM_E_REMOTE, "an attachment of type '%.100s' is no signature",
			       s->media_type);
	int r = -PM_E_REMOTE;
	for (size_t i = 0; r < 0 && i < n; i++)
		r = pm_public_key_verify(&keys[i], &s->payload, sig, err);
	return r < 0 ? r : pm_payload_check(pm_buf_str(&s->payload), s->payload.len,
					    PM_PAYLOAD_SIGSTORE, identity, ref, digest, err);
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
			good = verify_one(&s->v[i], keys, n, pm_json_get(v, "signedIdentity"), ref,
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
