#include "registry/layer_crypt.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

#include "registry/auth.h"
#include "registry/enveloped.h"
#include "registry/jwe.h"

#define PREFIX "org.opencontainers.image.enc."
#define KEYS PREFIX "keys."
#define PUBOPTS PREFIX "pubopts"
#define CIPHER "AES_256_CTR_HMAC_SHA256"

enum { WRAPPED_MAX = 64 /* of one scheme */, OPTIONS_MAX = 64 << 10 };

static void wipe(struct pm_buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	pm_buf_free(b);
}

/* --- options ------------------------------------------------------------------------------------- */

/* Exactly want bytes of base64; what is for messages. */
static int get_exact(const struct pm_json *o, const char *name, uint8_t *ret, size_t want,
		     struct pm_err *err)
{
	const char *text = pm_json_get_str(o, name);
	size_t len = 0;
	char *bytes = text ? pm_base64_decode(text, &len) : NULL;
	bool good = bytes && len == want;
	if (good)
		memcpy(ret, bytes, want);
	if (bytes)
		OPENSSL_cleanse(bytes, len);
	free(bytes);
	return good ? 0
		    : pm_fail(err, PM_E_FORMAT, "its encryption's \"%s\" is not base64 of %zu bytes", name,
			      want);
}

static int read_public(const char *annotation, struct pm_layer_secret *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	size_t len = 0;
	if (!annotation)
		return pm_fail(err, PM_E_FORMAT, "it has no annotation " PUBOPTS);
	_cleanup_free_ char *text = strlen(annotation) > OPTIONS_MAX ? NULL
								     : pm_base64_decode(annotation, &len);
	if (!text)
		return pm_fail(err, PM_E_FORMAT, "its annotation " PUBOPTS " is not base64, or too long");
	int r = pm_json_parse(pool, text, len, &root, err);
	if (r < 0)
		return pm_wrap(err, PUBOPTS);
	const char *cipher = pm_json_get_str(root, "cipher");
	if (!pm_streq(cipher, CIPHER))
		return pm_fail(err, PM_E_UNSUPPORTED, "its cipher is '%.100s', and only " CIPHER " is supported",
			       cipher ? cipher : "");
	/* the first version of ocicrypt had it among the options */
	const struct pm_json *options = pm_json_get(root, "cipheroptions");
	const struct pm_json *from = pm_json_get_str(root, "hmac") ? root : options;
	return get_exact(from, "hmac", ret->hmac, sizeof(ret->hmac), err);
}

static int read_private(const struct pm_buf *text, struct pm_layer_secret *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_json_parse(pool, pm_buf_str(text), text->len, &root, NULL);
	if (r < 0)
		return pm_fail(err, PM_E_FORMAT, "what its key is wrapped with is malformed");
	r = get_exact(root, "symkey", ret->key, sizeof(ret->key), err);
	if (r >= 0)
		r = get_exact(pm_json_get(root, "cipheroptions"), "nonce", ret->nonce, sizeof(ret->nonce),
			      err);
	return r;
}

static void write_base64(struct pm_json_pool *pool, struct pm_json *o, const char *name,
			 const void *data, size_t len)
{
	char *text = pm_base64_encode(data, len);
	pm_json_set_str(pool, o, name, text);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void write_private(const struct pm_layer_secret *s, const char *digest, struct pm_buf *out)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root = pm_json_object(pool);
	write_base64(pool, root, "symkey", s->key, sizeof(s->key));
	pm_json_set_str(pool, root, "digest", digest);
	struct pm_json *options = pm_json_set(pool, root, "cipheroptions", pm_json_object(pool));
	write_base64(pool, options, "nonce", s->nonce, sizeof(s->nonce));
	pm_json_write(root, 0, out);
}

static void write_public(const struct pm_layer_secret *s, struct pm_buf *out)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root = pm_json_object(pool);
	pm_json_set_str(pool, root, "cipher", CIPHER);
	write_base64(pool, root, "hmac", s->hmac, sizeof(s->hmac));
	pm_json_set(pool, root, "cipheroptions", pm_json_object(pool));
	pm_json_write(root, 0, out);
}

/* --- unlocking ----------------------------------------------------------------------------------- */

/* One wrapped key with all of ours: appended to out. PM_E_NOSUCH: it is for none of them. */
typedef int unwrap_fn(const void *data, size_t len, const struct pm_crypt_keys *keys,
		      struct pm_buf *out, struct pm_err *err);

static int unwrap_jwe(const void *data, size_t len, const struct pm_crypt_keys *keys,
		      struct pm_buf *out, struct pm_err *err)
{
	_cleanup_jwe_ struct pm_jwe j = {0};
	int r = pm_jwe_parse(data, len, &j, err);
	if (r < 0)
		return r;
	r = -PM_E_NOSUCH;
	for (size_t i = 0; r == -PM_E_NOSUCH && i < keys->n_keys; i++)
		r = pm_jwe_decrypt(&j, keys->keys[i], out, err);
	return r;
}

static int unwrap_enveloped(const void *data, size_t len, const struct pm_crypt_keys *keys,
			    struct pm_buf *out, struct pm_err *err)
{
	struct pm_enveloped *e;
	int r = pm_enveloped_parse(data, len, &e, err);
	if (r < 0)
		return r;
	r = -PM_E_NOSUCH;
	for (size_t i = 0; r == -PM_E_NOSUCH && i < keys->n_certs; i++) {
		const EVP_PKEY *own = X509_get0_pubkey(keys->certs[i]);
		for (size_t k = 0; own && r == -PM_E_NOSUCH && k < keys->n_keys; k++) {
			if (EVP_PKEY_eq(own, keys->keys[k]) == 1)
				r = pm_enveloped_open(e, keys->certs[i], keys->keys[k], out, err);
		}
	}
	pm_enveloped_free(e);
	return r;
}

static const struct scheme {
	const char *name, *annotation;
	unwrap_fn *unwrap;
} schemes[] = {{"jwe", KEYS "jwe", unwrap_jwe}, {"pkcs7", KEYS "pkcs7", unwrap_enveloped}};

static int unwrap_all(const struct scheme *s, const char *annotation, const struct pm_crypt_keys *keys,
		      struct pm_buf *out, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	pm_strv_split(&parts, annotation, ',');
	if (parts.n > WRAPPED_MAX)
		return pm_fail(err, PM_E_FORMAT, "its annotation %s holds more than %d keys", s->annotation,
			       WRAPPED_MAX);
	int r = -PM_E_NOSUCH;
	for (size_t i = 0; r == -PM_E_NOSUCH && i < parts.n; i++) {
		size_t len;
		_cleanup_free_ char *bytes = pm_base64_decode(parts.v[i], &len);
		r = bytes ? s->unwrap(bytes, len, keys, out, err)
			  : pm_fail(err, PM_E_FORMAT, "its annotation %s is not base64", s->annotation);
	}
	return r;
}

/* How its key is wrapped, for messages: "jwe, pgp". */
static void list_schemes(const struct pm_json *annotations, struct pm_buf *out)
{
	for (size_t i = 0; i < pm_json_len(annotations); i++) {
		const char *name = annotations->members[i].name;
		if (pm_startswith(name, KEYS))
			pm_buf_printf(out, "%s%.40s", out->len ? ", " : "", name + strlen(KEYS));
	}
}

static int no_key(const struct pm_json *annotations, const struct pm_crypt_keys *keys,
		  struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf how = PM_BUF_INIT;
	list_schemes(annotations, &how);
	if (!how.len)
		return pm_fail(err, PM_E_FORMAT, "it has no annotation with a wrapped key (" KEYS "...)");
	bool known = false, pkcs7 = false;
	for (size_t i = 0; i < PM_ARRAY_SIZE(schemes); i++) {
		bool has = pm_json_get_str(annotations, schemes[i].annotation);
		known |= has;
		pkcs7 |= has && strcmp(schemes[i].name, "pkcs7") == 0;
	}
	if (!known)
		return pm_fail(err, PM_E_UNSUPPORTED, "its key is wrapped by %s, which is not supported",
			       pm_buf_str(&how));
	return pm_fail(err, PM_E_USAGE, "none of the keys given decrypts it (its key is wrapped by %s)%s",
		       pm_buf_str(&how),
		       pkcs7 && !keys->n_certs ? "; pkcs7 needs the certificate as well: --decryption-key "
						 "CERTIFICATE"
					       : "");
}

static int unlock(const struct pm_json *annotations, const struct pm_crypt_keys *keys,
		  struct pm_layer_secret *ret, struct pm_err *err)
{
	_cleanup_(wipe) struct pm_buf text = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = read_public(pm_json_get_str(annotations, PUBOPTS), ret, err);
	if (r < 0)
		return r;
	r = -PM_E_NOSUCH;
	for (size_t i = 0; r < 0 && i < PM_ARRAY_SIZE(schemes); i++) {
		const char *v = pm_json_get_str(annotations, schemes[i].annotation);
		struct pm_err this = PM_ERR_INIT;
		if (!v)
			continue;
		r = unwrap_all(&schemes[i], v, keys, &text, &this);
		/* a malformed one is told when no other opens it */
		if (r < 0 && r != -PM_E_NOSUCH && !why.code)
			why = this;
	}
	if (r >= 0)
		return read_private(&text, ret, err);
	if (!why.code)
		return no_key(annotations, keys, err);
	if (err)
		*err = why;
	return -why.code;
}

int pm_layer_unlock(const struct pm_descriptor *d, const struct pm_crypt_keys *keys,
		    struct pm_layer_secret *ret, struct pm_err *err)
{
	_cleanup_layer_secret_ struct pm_layer_secret secret = {0};
	int r = unlock(d->annotations, keys, &secret, err);
	if (r < 0)
		return pm_wrap(err, "decrypting layer %s", d->digest);
	*ret = secret;
	return 0;
}

/* --- locking ------------------------------------------------------------------------------------- */

static void add_annotation(struct pm_strv *ret, const char *name, const struct pm_buf *bytes)
{
	pm_strv_add(ret, name);
	pm_strv_take(ret, pm_base64_encode(pm_buf_str(bytes), bytes->len));
}

int pm_layer_lock(const struct pm_layer_secret *secret, const char *digest,
		  const struct pm_crypt_keys *recipients, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_(wipe) struct pm_buf text = PM_BUF_INIT;
	_cleanup_buf_ struct pm_buf jwe = PM_BUF_INIT, enveloped = PM_BUF_INIT, open = PM_BUF_INIT;
	int r = 0;
	write_private(secret, digest, &text);
	if (recipients->n_keys)
		r = pm_jwe_encrypt(recipients->keys, recipients->n_keys, text.data, text.len, &jwe, err);
	if (r >= 0 && recipients->n_certs)
		r = pm_enveloped_seal(recipients->certs, recipients->n_certs, text.data, text.len,
				      &enveloped, err);
	if (r < 0)
		return r;
	if (jwe.len)
		add_annotation(ret, schemes[0].annotation, &jwe);
	if (enveloped.len)
		add_annotation(ret, schemes[1].annotation, &enveloped);
	write_public(secret, &open);
	add_annotation(ret, PUBOPTS, &open);
	return 0;
}

struct pm_json *pm_layer_annotations(struct pm_json_pool *pool, const struct pm_json *annotations,
				     const struct pm_strv *more)
{
	struct pm_json *ret = pm_json_object(pool);
	for (size_t i = 0; pm_json_is(annotations, PM_JSON_OBJECT) && i < annotations->len; i++) {
		const struct pm_json_member *m = &annotations->members[i];
		if (!pm_startswith(m->name, PREFIX))
			pm_json_set(pool, ret, m->name, pm_json_copy(pool, m->value));
	}
	for (size_t i = 0; more && i + 1 < more->n; i += 2)
		pm_json_set_str(pool, ret, more->v[i], more->v[i + 1]);
	return ret->len ? ret : NULL;
}
