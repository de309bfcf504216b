#include "registry/crypt_keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/fs.h"
#include "registry/jwe.h"

enum { FILE_MAX = 1 << 20 };

void pm_crypt_keys_free(struct pm_crypt_keys *k)
{
	for (size_t i = 0; i < k->n_keys; i++)
		EVP_PKEY_free(k->keys[i]);
	for (size_t i = 0; i < k->n_certs; i++)
		X509_free(k->certs[i]);
	*k = (struct pm_crypt_keys){0};
}

/* --- what a file holds --------------------------------------------------------------------------- */

static void wipe(struct pm_buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	pm_buf_free(b);
}

static BIO *bio_of(const struct pm_buf *b)
{
	return BIO_new_mem_buf(pm_buf_str(b), (int)b->len);
}

static X509 *find_cert(const struct pm_buf *text)
{
	BIO *in = bio_of(text);
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	if (!cert) {
		in = bio_of(text);
		cert = d2i_X509_bio(in, NULL);
		BIO_free(in);
	}
	ERR_clear_error();
	return cert;
}

static EVP_PKEY *find_public(const struct pm_buf *text)
{
	BIO *in = bio_of(text);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
	BIO_free(in);
	if (!key) {
		in = bio_of(text);
		key = d2i_PUBKEY_bio(in, NULL);
		BIO_free(in);
	}
	ERR_clear_error();
	return key;
}

struct asked {
	const char *passphrase;
	bool wanted; /* the key is encrypted */
};

static int give_passphrase(char *buf, int size, int writing, void *arg)
{
	struct asked *a = arg;
	size_t n = a->passphrase ? strlen(a->passphrase) : 0;
	(void)writing;
	a->wanted = true;
	if (!n || n > (size_t)size)
		return -1;
	memcpy(buf, a->passphrase, n);
	return (int)n;
}

static EVP_PKEY *find_private(const struct pm_buf *text, struct asked *a)
{
	BIO *in = bio_of(text);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, give_passphrase, a);
	BIO_free(in);
	if (!key && !a->wanted) {
		in = bio_of(text);
		key = d2i_PrivateKey_bio(in, NULL);
		BIO_free(in);
	}
	if (!key && !a->wanted) {
		in = bio_of(text);
		key = d2i_PKCS8PrivateKey_bio(in, NULL, give_passphrase, a);
		BIO_free(in);
	}
	ERR_clear_error();
	return key;
}

/* --- adding -------------------------------------------------------------------------------------- */

static int check_kind(const EVP_PKEY *key, const char *path, struct pm_err *err)
{
	if (EVP_PKEY_is_a(key, "RSA") || pm_jwe_curve(key))
		return 0;
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "%s: the key is neither RSA nor EC of the curve P-256, P-384 or P-521", path);
}

/* Both take what they are given. */
static int add_key(struct pm_crypt_keys *k, EVP_PKEY *key, const char *path, struct pm_err *err)
{
	int r = check_kind(key, path, err);
	if (r >= 0 && k->n_keys == PM_CRYPT_KEYS_MAX)
		r = pm_fail(err, PM_E_USAGE, "more than %d keys", PM_CRYPT_KEYS_MAX);
	if (r < 0)
		EVP_PKEY_free(key);
	else
		k->keys[k->n_keys++] = key;
	return r;
}

static int add_cert(struct pm_crypt_keys *k, X509 *cert, struct pm_err *err)
{
	if (k->n_certs == PM_CRYPT_KEYS_MAX) {
		X509_free(cert);
		return pm_fail(err, PM_E_USAGE, "more than %d certificates", PM_CRYPT_KEYS_MAX);
	}
	k->certs[k->n_certs++] = cert;
	return 0;
}

int pm_crypt_keys_recipient(struct pm_crypt_keys *k, const char *word, struct pm_err *err)
{
	bool jwe = pm_startswith(word, "jwe:");
	if (!jwe && !pm_startswith(word, "pkcs7:"))
		return pm_fail(err, PM_E_USAGE, "'%.200s' names no recipient: give jwe:FILE or pkcs7:FILE",
			       word);
	const char *path = strchr(word, ':') + 1;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, FILE_MAX, &text, err);
	if (r < 0)
		return r;
	if (jwe) {
		EVP_PKEY *key = find_public(&text);
		return key ? add_key(k, key, path, err)
			   : pm_fail(err, PM_E_USAGE, "%s: it is not a public key (PEM or DER)", path);
	}
	X509 *cert = find_cert(&text);
	if (!cert)
		return pm_fail(err, PM_E_USAGE, "%s: it is not an X.509 certificate (PEM or DER)", path);
	const EVP_PKEY *own = X509_get0_pubkey(cert);
	if (!own || !EVP_PKEY_is_a(own, "RSA")) {
		X509_free(cert);
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: pkcs7 needs a certificate with an RSA key", path);
	}
	return add_cert(k, cert, err);
}

int pm_crypt_keys_private(struct pm_crypt_keys *k, const char *path, const char *passphrase,
			  struct pm_err *err)
{
	_cleanup_(wipe) struct pm_buf text = PM_BUF_INIT;
	struct asked a = {.passphrase = passphrase && *passphrase ? passphrase : NULL};
	int r = pm_fs_read_file(AT_FDCWD, path, FILE_MAX, &text, err);
	if (r < 0)
		return r;
	EVP_PKEY *key = find_private(&text, &a);
	if (!key && a.wanted)
		return pm_fail(err, PM_E_USAGE,
			       a.passphrase ? "%s: the passphrase is wrong"
					    : "%s: the key is encrypted: give its passphrase (FILE:pass=..., "
					      "FILE:file=... or FILE:fd=...)",
			       path);
	X509 *cert = find_cert(&text);
	if (!key && !cert)
		return pm_fail(err, PM_E_USAGE, "%s: it holds neither a private key nor a certificate (PEM "
						"or DER)",
			       path);
	if (cert)
		r = add_cert(k, cert, err);
	if (!key)
		return r;
	if (r < 0) {
		EVP_PKEY_free(key);
		return r;
	}
	return add_key(k, key, path, err);
}
