#include "registry/private_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "registry/auth.h"

/* What is written is what every reader takes; what is read is bounded: scrypt wants 128*N*r bytes, and time for p times
 * as many. */
enum {
	WRITE_N = 32768,
	WRITE_R = 8,
	WRITE_P = 1,
	N_MAX = 1 << 20,
	R_MAX = 64,
	P_MAX = 16,
	MEMORY_MAX = 256 << 20,
	SALT_SIZE = 32,
	SALT_MAX = 1024,
	TEXT_MAX = 64 << 10,
};

#define PEM_COSIGN "ENCRYPTED COSIGN PRIVATE KEY"
#define PEM_SIGSTORE "ENCRYPTED SIGSTORE PRIVATE KEY"

struct pm_private_key {
	EVP_PKEY *key;
};

void pm_private_key_free(struct pm_private_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

/* --- the box ------------------------------------------------------------------------------------- */

void pm_key_box_free(struct pm_key_box *b)
{
	free(b->salt);
	free(b->nonce);
	free(b->text);
	*b = (struct pm_key_box){0};
}

static char *get_base64(const struct pm_json *o, const char *name, size_t *ret_len)
{
	const char *text = pm_json_get_str(o, name);
	return text ? pm_base64_decode(text, ret_len) : NULL;
}

int pm_key_box_parse(const char *json, size_t len, struct pm_key_box *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_json_parse(pool, json, len, &root, err);
	if (r < 0)
		return r;
	const struct pm_json *kdf = pm_json_get(root, "kdf"), *cipher = pm_json_get(root, "cipher"),
			     *params = pm_json_get(kdf, "params");
	if (!pm_streq(pm_json_get_str(kdf, "name"), "scrypt") ||
	    !pm_streq(pm_json_get_str(cipher, "name"), "nacl/secretbox"))
		return pm_fail(err, PM_E_UNSUPPORTED, "it is not encrypted by scrypt and nacl/secretbox");
	int64_t n = pm_json_get_int(params, "N", 0), block = pm_json_get_int(params, "r", 0),
		p = pm_json_get_int(params, "p", 0);
	if (n < 2 || n > N_MAX || (n & (n - 1)) || block < 1 || block > R_MAX || p < 1 || p > P_MAX ||
	    128 * n * block > MEMORY_MAX)
		return pm_fail(err, PM_E_FORMAT, "its scrypt parameters are no such, or ask for more than "
						 "%d MiB",
			       MEMORY_MAX >> 20);
	size_t nonce_len = 0;
	struct pm_key_box b = {.n = (uint64_t)n, .r = (uint32_t)block, .p = (uint32_t)p};
	b.salt = get_base64(kdf, "salt", &b.salt_len);
	b.nonce = get_base64(cipher, "nonce", &nonce_len);
	b.text = get_base64(root, "ciphertext", &b.text_len);
	if (!b.salt || b.salt_len > SALT_MAX || !b.nonce || nonce_len != crypto_secretbox_NONCEBYTES ||
	    !b.text || b.text_len < crypto_secretbox_MACBYTES || b.text_len > TEXT_MAX) {
		pm_key_box_free(&b);
		return pm_fail(err, PM_E_FORMAT, "its salt, nonce or ciphertext is malformed");
	}
	*ret = b;
	return 0;
}

static int derive(const char *passphrase, const struct pm_key_box *b,
		  unsigned char key[crypto_secretbox_KEYBYTES], struct pm_err *err)
{
	/* libcrypto counts a little more than the algorithm's own blocks */
	if (EVP_PBE_scrypt(passphrase, strlen(passphrase), (const unsigned char *)b->salt, b->salt_len,
			   b->n, b->r, b->p, (uint64_t)MEMORY_MAX * 2, key,
			   crypto_secretbox_KEYBYTES) != 1)
		return pm_fail(err, PM_E_FORMAT, "scrypt does not take its parameters");
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------- */

static int open_box(const char *json, size_t len, const char *passphrase, EVP_PKEY **ret,
		    struct pm_err *err)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	struct pm_key_box b = {0};
	int r = pm_key_box_parse(json, len, &b, err);
	if (r >= 0)
		r = derive(passphrase, &b, key, err);
	if (r < 0) {
		pm_key_box_free(&b);
		return r;
	}
	size_t n = b.text_len - crypto_secretbox_MACBYTES;
	unsigned char *plain = pm_malloc(n + 1);
	if (crypto_secretbox_open_easy(plain, (const unsigned char *)b.text, b.text_len,
				       (const unsigned char *)b.nonce, key) != 0) {
		r = pm_fail(err, PM_E_UNAUTH, "the passphrase is wrong");
	} else {
		const unsigned char *at = plain;
		*ret = d2i_AutoPrivateKey(NULL, &at, (long)n);
		if (!*ret)
			r = pm_fail(err, PM_E_FORMAT, "what it holds is no private key");
	}
	sodium_memzero(key, sizeof(key));
	sodium_memzero(plain, n);
	free(plain);
	pm_key_box_free(&b);
	return r;
}

static int check_kind(const EVP_PKEY *key, struct pm_err *err)
{
	int kind = EVP_PKEY_base_id(key);
	return kind == EVP_PKEY_EC || kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_RSA
		       ? 0
		       : pm_fail(err, PM_E_UNSUPPORTED, "it is neither ECDSA, Ed25519 nor RSA");
}

int pm_private_key_load(const struct pm_buf *pem, const char *passphrase, struct pm_private_key **ret,
			struct pm_err *err)
{
	char *name = NULL, *header = NULL;
	unsigned char *json = NULL;
	long len = 0;
	EVP_PKEY *key = NULL;
	BIO *bio = BIO_new_mem_buf(pm_buf_str(pem), (int)pem->len);
	int r = 0;
	if (sodium_init() < 0)
		r = pm_fail(err, PM_E_INTERNAL, "libsodium does not start");
	if (r >= 0 && (!bio || PEM_read_bio(bio, &name, &header, &json, &len) != 1))
		r = pm_fail(err, PM_E_FORMAT, "it is no key in PEM form");
	if (r >= 0 && !pm_streq(name, PEM_COSIGN) && !pm_streq(name, PEM_SIGSTORE))
		r = pm_fail(err, PM_E_FORMAT, "it is a '%.100s', not an encrypted sigstore private key",
			    name);
	if (r >= 0)
		r = open_box((const char *)json, (size_t)len, passphrase, &key, err);
	if (r >= 0)
		r = check_kind(key, err);
	BIO_free(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(json);
	if (r < 0) {
		EVP_PKEY_free(key);
		return r;
	}
	*ret = PM_NEW(struct pm_private_key);
	(*ret)->key = key;
	return 0;
}

/* --- signing ------------------------------------------------------------------------------------- */

int pm_private_key_sign(const struct pm_private_key *k, const struct pm_buf *data, char **ret,
			struct pm_err *err)
{
	bool plain = EVP_PKEY_base_id(k->key) == EVP_PKEY_ED25519;
	const unsigned char *text = (const unsigned char *)pm_buf_str(data);
	size_t len = (size_t)EVP_PKEY_size(k->key);
	_cleanup_free_ unsigned char *sig = pm_malloc(len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx &&
		    EVP_DigestSignInit(ctx, NULL, plain ? NULL : EVP_sha256(), NULL, k->key) == 1 &&
		    EVP_DigestSign(ctx, sig, &len, text, data->len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!good)
		return pm_fail(err, PM_E_INTERNAL, "libcrypto does not sign");
	*ret = pm_base64_encode(sig, len);
	return 0;
}

/* --- making -------------------------------------------------------------------------------------- */

/* The key's PKCS #8 form, encrypted. */
static int seal(const unsigned char *der, size_t der_len, const char *passphrase, struct pm_buf *json,
		struct pm_err *err)
{
	unsigned char key[crypto_secretbox_KEYBYTES], nonce[crypto_secretbox_NONCEBYTES], salt[SALT_SIZE];
	const struct pm_key_box b = {.n = WRITE_N, .r = WRITE_R, .p = WRITE_P, .salt = (char *)salt,
				     .salt_len = sizeof(salt)};
	randombytes_buf(nonce, sizeof(nonce));
	randombytes_buf(salt, sizeof(salt));
	int r = derive(passphrase, &b, key, err);
	if (r < 0)
		return r;
	size_t len = der_len + crypto_secretbox_MACBYTES;
	_cleanup_free_ unsigned char *text = pm_malloc(len);
	crypto_secretbox_easy(text, der, der_len, nonce, key);
	sodium_memzero(key, sizeof(key));
	_cleanup_free_ char *salt64 = pm_base64_encode(salt, sizeof(salt)),
			    *nonce64 = pm_base64_encode(nonce, sizeof(nonce)),
			    *text64 = pm_base64_encode(text, len);
	/* Some readers compare parts of it as text: in the order that Go writes it. */
	pm_buf_printf(json,
		      "{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":%d,\"r\":%d,\"p\":%d},\"salt\":"
		      "\"%s\"},\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"%s\"},"
		      "\"ciphertext\":\"%s\"}",
		      WRITE_N, WRITE_R, WRITE_P, salt64, nonce64, text64);
	return 0;
}

static void add_bio(BIO *bio, struct pm_buf *out)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	pm_buf_add(out, data, n > 0 ? (size_t)n : 0);
}

int pm_private_key_generate(const char *passphrase, struct pm_buf *ret_private,
			    struct pm_buf *ret_public, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf json = PM_BUF_INIT;
	EVP_PKEY *key = sodium_init() < 0 ? NULL : EVP_EC_gen("P-256");
	PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
	unsigned char *der = NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	BIO *secret = BIO_new(BIO_s_mem()), *open = BIO_new(BIO_s_mem());
	int r = len > 0 && secret && open ? 0
					  : pm_fail(err, PM_E_INTERNAL, "libcrypto makes no key");
	if (r >= 0)
		r = seal(der, (size_t)len, passphrase, &json, err);
	/* readers of before 2023 know no other name than cosign's */
	if (r >= 0 && (PEM_write_bio(secret, PEM_COSIGN, "", (const unsigned char *)json.data,
				     (long)json.len) <= 0 ||
		       PEM_write_bio_PUBKEY(open, key) != 1))
		r = pm_fail(err, PM_E_INTERNAL, "libcrypto writes no key");
	if (r >= 0) {
		add_bio(secret, ret_private);
		add_bio(open, ret_public);
	}
	BIO_free(secret);
	BIO_free(open);
	if (der)
		OPENSSL_clear_free(der, (size_t)len);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	return r;
}
