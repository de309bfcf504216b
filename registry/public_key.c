#include "registry/public_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "registry/auth.h"

int pm_public_key_verify(const struct pm_buf *pem, const struct pm_buf *data, const char *signature,
			 struct pm_err *err)
{
	size_t len;
	_cleanup_free_ char *sig = pm_base64_decode(signature, &len);
	if (!sig)
		return pm_fail(err, PM_E_REMOTE, "the signature is not base64");
	BIO *bio = BIO_new_mem_buf(pm_buf_str(pem), (int)pem->len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	if (!key)
		return pm_fail(err, PM_E_FORMAT, "policy: a key is not a public key in PEM form");
	int kind = EVP_PKEY_base_id(key);
	bool plain = kind == EVP_PKEY_ED25519;
	int r = 0;
	if (!plain && kind != EVP_PKEY_EC && kind != EVP_PKEY_RSA)
		r = pm_fail(err, PM_E_UNSUPPORTED, "policy: a key is neither ECDSA, Ed25519 nor RSA");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (r >= 0 &&
	    (!ctx || EVP_DigestVerifyInit(ctx, NULL, plain ? NULL : EVP_sha256(), NULL, key) != 1 ||
	     EVP_DigestVerify(ctx, (const unsigned char *)sig, len,
			      (const unsigned char *)pm_buf_str(data), data->len) != 1))
		r = pm_fail(err, PM_E_REMOTE, "the signature is not by a key of the policy");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return r;
}
