#include "registry/jwe.h"

#include <openssl/aes.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "registry/auth.h"

enum {
	KEY_MAX = 32,    /* of AES */
	FIELD_MAX = 66,  /* of P-521 */
	SECRET_MAX = FIELD_MAX,
	IV_SIZE = 12,
	TAG_SIZE = 16,
	WRAP_MORE = 8, /* bytes that AES key wrap adds */
	RSA_MAX = 2048, /* bytes of a modulus: 16384 bits */
};

/* --- names --------------------------------------------------------------------------------------- */

static const struct curve {
	const char *name, *group;
	size_t field; /* bytes of a coordinate */
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

static const struct curve *curve_named(const char *name)
{
	for (size_t i = 0; name && i < PM_ARRAY_SIZE(curves); i++) {
		if (strcmp(curves[i].name, name) == 0)
			return &curves[i];
	}
	return NULL;
}

static const struct curve *curve_of(const EVP_PKEY *key)
{
	char group[64];
	size_t len;
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), &len) != 1)
		return NULL;
	for (size_t i = 0; i < PM_ARRAY_SIZE(curves); i++) {
		if (strcmp(curves[i].group, group) == 0)
			return &curves[i];
	}
	return NULL;
}

const char *pm_jwe_curve(const EVP_PKEY *key)
{
	const struct curve *c = curve_of(key);
	return c ? c->name : NULL;
}

/* AES-GCM by the name of its content encryption. */
static const EVP_CIPHER *content_cipher(const char *enc, size_t *ret_key)
{
	*ret_key = strcmp(enc, "A128GCM") == 0 ? 16 : strcmp(enc, "A192GCM") == 0 ? 24 : 32;
	return strcmp(enc, "A128GCM") == 0   ? EVP_aes_128_gcm()
	       : strcmp(enc, "A192GCM") == 0 ? EVP_aes_192_gcm()
	       : strcmp(enc, "A256GCM") == 0 ? EVP_aes_256_gcm()
					     : NULL;
}

/* ECDH-ES with key wrap; NULL when alg is none of that. */
static const EVP_CIPHER *wrap_cipher(const char *alg, size_t *ret_key)
{
	static const char prefix[] = "ECDH-ES+";
	const char *kind = pm_startswith(alg, prefix) ? alg + strlen(prefix) : "";
	*ret_key = strcmp(kind, "A128KW") == 0 ? 16 : strcmp(kind, "A192KW") == 0 ? 24 : 32;
	return strcmp(kind, "A128KW") == 0   ? EVP_aes_128_wrap()
	       : strcmp(kind, "A192KW") == 0 ? EVP_aes_192_wrap()
	       : strcmp(kind, "A256KW") == 0 ? EVP_aes_256_wrap()
					     : NULL;
}

/* --- primitives: all return whether it went well ------------------------------------------------- */

static bool rsa_setup(EVP_PKEY_CTX *x, const char *alg)
{
	const EVP_MD *md = strcmp(alg, "RSA-OAEP-256") == 0 ? EVP_sha256() : EVP_sha1();
	return EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(x, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(x, md) == 1;
}

static bool rsa_unwrap(EVP_PKEY *key, const char *alg, const struct pm_jwe_bytes *in,
		       uint8_t out[KEY_MAX], size_t want)
{
	uint8_t plain[RSA_MAX];
	size_t len = sizeof(plain);
	if ((size_t)EVP_PKEY_get_size(key) > sizeof(plain) || in->len != (size_t)EVP_PKEY_get_size(key))
		return false;
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);
	bool good = x && EVP_PKEY_decrypt_init(x) == 1 && rsa_setup(x, alg) &&
		    EVP_PKEY_decrypt(x, plain, &len, in->data, in->len) == 1 && len == want;
	if (good)
		memcpy(out, plain, want);
	OPENSSL_cleanse(plain, sizeof(plain));
	EVP_PKEY_CTX_free(x);
	return good;
}

static bool rsa_wrap(EVP_PKEY *key, const uint8_t *in, size_t len, struct pm_buf *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(key);
	uint8_t *to = (uint8_t *)pm_buf_reserve(out, n);
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);
	bool good = x && EVP_PKEY_encrypt_init(x) == 1 && rsa_setup(x, "RSA-OAEP") &&
		    EVP_PKEY_encrypt(x, to, &n, in, len) == 1;
	if (good)
		out->len += n;
	EVP_PKEY_CTX_free(x);
	return good;
}

/* in of len bytes to out; AES key wrap checks what it unwraps. */
static bool aes_wrap(const EVP_CIPHER *cipher, const uint8_t *key, bool wrap, const uint8_t *in,
		     size_t len, uint8_t *out, size_t want)
{
	int n = 0, more = 0;
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	if (x)
		EVP_CIPHER_CTX_set_flags(x, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	bool good = x && EVP_CipherInit_ex(x, cipher, NULL, key, NULL, wrap) == 1 &&
		    EVP_CipherUpdate(x, out, &n, in, (int)len) == 1 &&
		    EVP_CipherFinal_ex(x, out + n, &more) == 1 && (size_t)(n + more) == want;
	EVP_CIPHER_CTX_free(x);
	return good;
}

/* Concat KDF (NIST SP 800-56A) as RFC 7518, 4.6.2 fills it in: one round of SHA-256 is enough. */
static bool derive(EVP_PKEY *own, EVP_PKEY *peer, const char *id, const struct pm_jwe_bytes *apu,
		   const struct pm_jwe_bytes *apv, uint8_t out[KEY_MAX], size_t key_len)
{
	uint8_t secret[SECRET_MAX], whole[32];
	size_t n = sizeof(secret);
	unsigned int whole_len = 0;
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(own, NULL);
	bool good = x && EVP_PKEY_derive_init(x) == 1 && EVP_PKEY_derive_set_peer(x, peer) == 1 &&
		    EVP_PKEY_derive(x, secret, &n) == 1;
	EVP_PKEY_CTX_free(x);
	const struct pm_jwe_bytes parts[] = {{(const uint8_t *)id, strlen(id)}, *apu, *apv};
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	good = good && h && EVP_DigestInit_ex(h, EVP_sha256(), NULL) == 1 &&
	       EVP_DigestUpdate(h, "\0\0\0\1", 4) == 1 && EVP_DigestUpdate(h, secret, n) == 1;
	for (size_t i = 0; good && i < PM_ARRAY_SIZE(parts); i++) {
		const uint8_t len[4] = {(uint8_t)(parts[i].len >> 24), (uint8_t)(parts[i].len >> 16),
					(uint8_t)(parts[i].len >> 8), (uint8_t)parts[i].len};
		good = EVP_DigestUpdate(h, len, 4) == 1 &&
		       EVP_DigestUpdate(h, parts[i].len ? parts[i].data : len, parts[i].len) == 1;
	}
	const uint8_t bits[4] = {0, 0, (uint8_t)(key_len * 8 >> 8), (uint8_t)(key_len * 8)};
	good = good && EVP_DigestUpdate(h, bits, 4) == 1 && EVP_DigestFinal_ex(h, whole, &whole_len) == 1;
	if (good)
		memcpy(out, whole, key_len);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(whole, sizeof(whole));
	EVP_MD_CTX_free(h);
	return good;
}

/* The ephemeral key of a recipient; NULL when it is none of the curve. */
static EVP_PKEY *ephemeral_key(const struct pm_jwe_recipient *q, const struct curve *c)
{
	uint8_t point[1 + 2 * FIELD_MAX] = {4 /* uncompressed */};
	EVP_PKEY *key = NULL;
	if (q->x.len != c->field || q->y.len != c->field)
		return NULL;
	memcpy(point + 1, q->x.data, c->field);
	memcpy(point + 1 + c->field, q->y.data, c->field);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)c->group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * c->field),
		OSSL_PARAM_construct_end()};
	/* a point that is not on the curve is refused here */
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (!x || EVP_PKEY_fromdata_init(x) != 1 ||
	    EVP_PKEY_fromdata(x, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(x);
	return key;
}

/* --- decrypting ---------------------------------------------------------------------------------- */

static bool ec_unwrap(EVP_PKEY *key, const struct pm_jwe_recipient *q, const char *enc,
		      uint8_t out[KEY_MAX], size_t want)
{
	uint8_t shared[KEY_MAX];
	size_t wrap_len = 0;
	const struct curve *c = curve_of(key);
	const EVP_CIPHER *wrap = wrap_cipher(q->alg, &wrap_len);
	if (!c || c != curve_named(q->curve))
		return false;
	EVP_PKEY *peer = ephemeral_key(q, c);
	bool good;
	if (!peer)
		good = false;
	else if (!wrap)
		good = derive(key, peer, enc, &q->apu, &q->apv, out, want);
	else
		good = q->key.len == want + WRAP_MORE &&
		       derive(key, peer, q->alg, &q->apu, &q->apv, shared, wrap_len) &&
		       aes_wrap(wrap, shared, false, q->key.data, q->key.len, out, want);
	OPENSSL_cleanse(shared, sizeof(shared));
	EVP_PKEY_free(peer);
	return good;
}

/* out has room for j->text. */
static bool open_content(const struct pm_jwe *j, const EVP_CIPHER *cipher, const uint8_t *key,
			 uint8_t *out)
{
	int n;
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool good = x && EVP_DecryptInit_ex(x, cipher, NULL, key, j->iv.data) == 1 &&
		    EVP_DecryptUpdate(x, NULL, &n, (const uint8_t *)j->protected_text,
				      (int)strlen(j->protected_text)) == 1;
	if (good && j->aad)
		good = EVP_DecryptUpdate(x, NULL, &n, (const uint8_t *)".", 1) == 1 &&
		       EVP_DecryptUpdate(x, NULL, &n, (const uint8_t *)j->aad, (int)strlen(j->aad)) == 1;
	good = good && EVP_DecryptUpdate(x, out, &n, j->text.data, (int)j->text.len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)j->tag.data) == 1 &&
	       EVP_DecryptFinal_ex(x, out + n, &n) == 1;
	EVP_CIPHER_CTX_free(x);
	return good;
}

/* Is it wrapped in a way that key could undo? */
static bool fits(const struct pm_jwe_recipient *q, const EVP_PKEY *key)
{
	size_t len;
	if (EVP_PKEY_is_a(key, "RSA"))
		return strcmp(q->alg, "RSA-OAEP") == 0 || strcmp(q->alg, "RSA-OAEP-256") == 0;
	return EVP_PKEY_is_a(key, "EC") &&
	       (strcmp(q->alg, "ECDH-ES") == 0 || wrap_cipher(q->alg, &len));
}

int pm_jwe_decrypt(const struct pm_jwe *j, EVP_PKEY *key, struct pm_buf *out, struct pm_err *err)
{
	uint8_t cek[KEY_MAX];
	size_t len;
	bool good = false;
	const EVP_CIPHER *cipher = content_cipher(j->enc, &len);
	if (!cipher)
		return pm_fail(err, PM_E_UNSUPPORTED, "JWE: content encryption '%.50s' is not supported",
			       j->enc);
	if (j->iv.len != IV_SIZE || j->tag.len != TAG_SIZE || !j->text.len)
		return pm_fail(err, PM_E_FORMAT, "JWE: its iv, tag or ciphertext is malformed");
	uint8_t *to = (uint8_t *)pm_buf_reserve(out, j->text.len + 1);
	for (size_t i = 0; !good && i < j->n; i++) {
		const struct pm_jwe_recipient *q = &j->recipients[i];
		if (!fits(q, key))
			continue;
		good = (EVP_PKEY_is_a(key, "RSA") ? rsa_unwrap(key, q->alg, &q->key, cek, len)
						  : ec_unwrap(key, q, j->enc, cek, len)) &&
		       open_content(j, cipher, cek, to);
	}
	OPENSSL_cleanse(cek, sizeof(cek));
	if (!good)
		return pm_fail(err, PM_E_NOSUCH, "JWE: it is not for this key");
	to[j->text.len] = '\0';
	out->len += j->text.len;
	return 0;
}

/* --- encrypting ---------------------------------------------------------------------------------- */

static int failed(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "JWE: libcrypto fails to encrypt");
}

static void set_bytes(struct pm_json_pool *pool, struct pm_json *o, const char *name,
		      const void *data, size_t len)
{
	_cleanup_free_ char *text = pm_base64_encode(data, len);
	text[strcspn(text, "=")] = '\0';
	for (char *c = text; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	pm_json_set_str(pool, o, name, text);
}

static bool set_coordinate(struct pm_json_pool *pool, struct pm_json *jwk, const char *name,
			   const EVP_PKEY *key, const char *param, size_t field)
{
	uint8_t bytes[FIELD_MAX];
	BIGNUM *n = NULL;
	bool good = EVP_PKEY_get_bn_param(key, param, &n) == 1 && BN_bn2binpad(n, bytes, (int)field) >= 0;
	if (good)
		set_bytes(pool, jwk, name, bytes, field);
	BN_free(n);
	return good;
}

/* header gets "epk". */
static bool ec_wrap(struct pm_json_pool *pool, EVP_PKEY *key, const uint8_t cek[KEY_MAX],
		    struct pm_json *header, struct pm_buf *out)
{
	static const struct pm_jwe_bytes none = {0};
	uint8_t shared[KEY_MAX];
	const struct curve *c = curve_of(key);
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", c->group);
	struct pm_json *jwk = pm_json_object(pool);
	pm_json_set_str(pool, jwk, "kty", "EC");
	pm_json_set_str(pool, jwk, "crv", c->name);
	bool good = own && set_coordinate(pool, jwk, "x", own, OSSL_PKEY_PARAM_EC_PUB_X, c->field) &&
		    set_coordinate(pool, jwk, "y", own, OSSL_PKEY_PARAM_EC_PUB_Y, c->field) &&
		    derive(own, key, "ECDH-ES+A256KW", &none, &none, shared, sizeof(shared)) &&
		    aes_wrap(EVP_aes_256_wrap(), shared, true, cek, KEY_MAX,
			     (uint8_t *)pm_buf_reserve(out, KEY_MAX + WRAP_MORE), KEY_MAX + WRAP_MORE);
	if (good)
		out->len += KEY_MAX + WRAP_MORE;
	pm_json_set(pool, header, "epk", jwk);
	OPENSSL_cleanse(shared, sizeof(shared));
	EVP_PKEY_free(own);
	return good;
}

/* root gets "iv", "ciphertext" and "tag"; its "protected" is there. */
static bool seal_content(struct pm_json_pool *pool, struct pm_json *root, const uint8_t cek[KEY_MAX],
			 const void *data, size_t len)
{
	const char *aad = pm_json_get_str(root, "protected");
	uint8_t iv[IV_SIZE], tag[TAG_SIZE];
	int n;
	_cleanup_free_ uint8_t *out = pm_malloc(len + 1);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool good = x && RAND_bytes(iv, sizeof(iv)) == 1 &&
		    EVP_EncryptInit_ex(x, EVP_aes_256_gcm(), NULL, cek, iv) == 1 &&
		    EVP_EncryptUpdate(x, NULL, &n, (const uint8_t *)aad, (int)strlen(aad)) == 1 &&
		    EVP_EncryptUpdate(x, out, &n, data, (int)len) == 1 &&
		    EVP_EncryptFinal_ex(x, out + n, &n) == 1 &&
		    EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) == 1;
	EVP_CIPHER_CTX_free(x);
	if (good) {
		set_bytes(pool, root, "iv", iv, sizeof(iv));
		set_bytes(pool, root, "ciphertext", out, len);
		set_bytes(pool, root, "tag", tag, sizeof(tag));
	}
	return good;
}

/* alg and what goes with it into header, the key into o. */
static bool add_recipient(struct pm_json_pool *pool, EVP_PKEY *key, const uint8_t cek[KEY_MAX],
			  struct pm_json *header, struct pm_json *o)
{
	_cleanup_buf_ struct pm_buf wrapped = PM_BUF_INIT;
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	pm_json_set_str(pool, header, "alg", rsa ? "RSA-OAEP" : "ECDH-ES+A256KW");
	if (!(rsa ? rsa_wrap(key, cek, KEY_MAX, &wrapped) : ec_wrap(pool, key, cek, header, &wrapped)))
		return false;
	set_bytes(pool, o, "encrypted_key", wrapped.data, wrapped.len);
	return true;
}

int pm_jwe_encrypt(EVP_PKEY *const *keys, size_t n, const void *data, size_t len, struct pm_buf *out,
		   struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf header_text = PM_BUF_INIT;
	struct pm_json *root = pm_json_object(pool), *shared = pm_json_object(pool);
	struct pm_json *list = pm_json_array(pool), *inner = pm_json_object(pool);
	uint8_t cek[KEY_MAX];
	if (n < 1 || n > PM_JWE_RECIPIENTS_MAX)
		return pm_fail(err, PM_E_USAGE, "a layer is encrypted for %d recipients at most",
			       PM_JWE_RECIPIENTS_MAX);
	bool good = RAND_priv_bytes(cek, sizeof(cek)) == 1;
	/* what is one recipient's own is protected, too, when it is the only one */
	for (size_t i = 0; good && i < n; i++) {
		struct pm_json *o = n == 1 ? inner : pm_json_add(pool, list, pm_json_object(pool));
		struct pm_json *header =
			n == 1 ? shared : pm_json_set(pool, o, "header", pm_json_object(pool));
		good = add_recipient(pool, keys[i], cek, header, o);
	}
	pm_json_set_str(pool, shared, "enc", "A256GCM");
	pm_json_write(shared, 0, &header_text);
	set_bytes(pool, root, "protected", header_text.data, header_text.len);
	if (n == 1)
		pm_json_set(pool, root, "encrypted_key", pm_json_get(inner, "encrypted_key"));
	else
		pm_json_set(pool, root, "recipients", list);
	good = good && seal_content(pool, root, cek, data, len);
	OPENSSL_cleanse(cek, sizeof(cek));
	if (!good)
		return failed(err);
	pm_json_write(root, 0, out);
	return 0;
}
