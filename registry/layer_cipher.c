#include "registry/layer_cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/mem.h"

enum { PIECE_MAX = 1 << 20 };

struct pm_layer_cipher {
	struct pm_layer_secret secret;
	bool encrypt;
	EVP_CIPHER_CTX *aes;
	EVP_MAC_CTX *mac;
};

int pm_layer_secret_random(struct pm_layer_secret *ret, struct pm_err *err)
{
	if (RAND_priv_bytes(ret->key, sizeof(ret->key)) != 1 ||
	    RAND_bytes(ret->nonce, sizeof(ret->nonce)) != 1)
		return pm_fail(err, PM_E_INTERNAL, "libcrypto gives no random bytes");
	return 0;
}

void pm_layer_secret_wipe(struct pm_layer_secret *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}

static int broken(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "libcrypto fails at AES-256-CTR with HMAC-SHA256");
}

int pm_layer_cipher_new(const struct pm_layer_secret *secret, bool encrypt,
			struct pm_layer_cipher **ret, struct pm_err *err)
{
	struct pm_layer_cipher *c = PM_NEW(struct pm_layer_cipher);
	char name[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
			       OSSL_PARAM_construct_end()};
	c->secret = *secret;
	c->encrypt = encrypt;
	c->aes = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	c->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac);
	/* counter mode is its own inverse */
	if (!c->aes || !c->mac ||
	    EVP_EncryptInit_ex(c->aes, EVP_aes_256_ctr(), NULL, secret->key, secret->nonce) != 1 ||
	    EVP_MAC_init(c->mac, secret->key, sizeof(secret->key), params) != 1) {
		pm_layer_cipher_free(c);
		return broken(err);
	}
	*ret = c;
	return 0;
}

void pm_layer_cipher_free(struct pm_layer_cipher *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->aes);
	EVP_MAC_CTX_free(c->mac);
	pm_layer_secret_wipe(&c->secret);
	free(c);
}

int pm_layer_cipher_run(struct pm_layer_cipher *c, void *data, size_t len, struct pm_err *err)
{
	uint8_t *p = data;
	while (len > 0) {
		size_t n = len < PIECE_MAX ? len : PIECE_MAX;
		int out;
		/* the HMAC is of what is encrypted */
		if ((!c->encrypt && EVP_MAC_update(c->mac, p, n) != 1) ||
		    EVP_EncryptUpdate(c->aes, p, &out, p, (int)n) != 1 ||
		    (c->encrypt && EVP_MAC_update(c->mac, p, n) != 1))
			return broken(err);
		p += n;
		len -= n;
	}
	return 0;
}

int pm_layer_cipher_hmac(struct pm_layer_cipher *c, uint8_t ret[PM_LAYER_HMAC_SIZE], struct pm_err *err)
{
	size_t n = 0;
	EVP_MAC_CTX *last = EVP_MAC_CTX_dup(c->mac);
	bool good = last && EVP_MAC_final(last, ret, &n, PM_LAYER_HMAC_SIZE) == 1 && n == PM_LAYER_HMAC_SIZE;
	EVP_MAC_CTX_free(last);
	return good ? 0 : broken(err);
}

int pm_layer_cipher_check(struct pm_layer_cipher *c, struct pm_err *err)
{
	uint8_t got[PM_LAYER_HMAC_SIZE];
	int r = pm_layer_cipher_hmac(c, got, err);
	if (r >= 0 && CRYPTO_memcmp(got, c->secret.hmac, sizeof(got)) != 0)
		r = pm_fail(err, PM_E_DIGEST, "it was changed after it was encrypted: its HMAC is another");
	return r;
}
