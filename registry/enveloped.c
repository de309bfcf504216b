#include "registry/enveloped.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"

enum {
	KEY_MAX = 32,
	NONCE_SIZE = 12,
	TAG_SIZE = 16,
	BLOCK = 16,
	RSA_MAX = 2048, /* bytes of a modulus */
	WRITE_KEY = 16, /* AES-128 */
	/* SEQUENCE { nonce, INTEGER 16 } */
	GCM_PARAMS = 2 + 2 + NONCE_SIZE + 3,
	NONCE_AT = 4,
	TAG_OF_NONCE = 0x84,
	SEQUENCE = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED,
};

struct pm_enveloped {
	PKCS7 *p7;
	const EVP_CIPHER *cipher;
	bool gcm;
	unsigned char iv[BLOCK]; /* GCM: NONCE_SIZE of it */
	const unsigned char *text; /* p7's; GCM: without the tag, which follows */
	size_t len;
};

void pm_enveloped_free(struct pm_enveloped *e)
{
	if (!e)
		return;
	PKCS7_free(e->p7);
	free(e);
}

/* libcrypto takes no SEQUENCE that is not constructed, and ocicrypt no other around the parameters: the one byte is changed
 * before the one, or after the other has had it. */
static void change_params(unsigned char *der, size_t len, unsigned char from, unsigned char to)
{
	/* the cipher's name: 2.16.840.1.101.3.4.1.6 or .46 */
	static const unsigned char name[] = {V_ASN1_OBJECT, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1};
	const unsigned char params[] = {from, GCM_PARAMS, SEQUENCE, GCM_PARAMS - 2, TAG_OF_NONCE, NONCE_SIZE};
	for (unsigned char *p = der; (p = memmem(p, len - (size_t)(p - der), name, sizeof(name)));
	     p += sizeof(name)) {
		unsigned char *q = p + sizeof(name) + 1;
		if ((size_t)(q - der) + sizeof(params) > len)
			return;
		if ((q[-1] == 6 || q[-1] == 46) && memcmp(q, params, sizeof(params)) == 0) {
			*q = to;
			return;
		}
	}
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool read_gcm(struct pm_enveloped *e, const ASN1_TYPE *params)
{
	if (!params || params->type != V_ASN1_SEQUENCE)
		return false;
	const unsigned char *d = ASN1_STRING_get0_data(params->value.sequence);
	int len = ASN1_STRING_length(params->value.sequence);
	static const unsigned char end[] = {V_ASN1_INTEGER, 1, TAG_SIZE};
	if (len == GCM_PARAMS + 2) {
		d += 2;
		len -= 2;
	}
	if (len != GCM_PARAMS || d[0] != SEQUENCE || d[1] != GCM_PARAMS - 2 ||
	    (d[2] != TAG_OF_NONCE && d[2] != V_ASN1_OCTET_STRING) || d[3] != NONCE_SIZE ||
	    memcmp(d + NONCE_AT + NONCE_SIZE, end, sizeof(end)) != 0 || e->len < TAG_SIZE)
		return false;
	memcpy(e->iv, d + NONCE_AT, NONCE_SIZE);
	e->len -= TAG_SIZE;
	return true;
}

static bool read_cbc(struct pm_enveloped *e, const ASN1_TYPE *params)
{
	if (!params || params->type != V_ASN1_OCTET_STRING ||
	    ASN1_STRING_length(params->value.octet_string) != BLOCK || !e->len || e->len % BLOCK)
		return false;
	memcpy(e->iv, ASN1_STRING_get0_data(params->value.octet_string), BLOCK);
	return true;
}

static int read_content(struct pm_enveloped *e, const PKCS7_ENC_CONTENT *c, struct pm_err *err)
{
	int kind = c && c->algorithm ? OBJ_obj2nid(c->algorithm->algorithm) : NID_undef;
	const struct {
		int nid;
		const EVP_CIPHER *cipher;
		bool gcm;
	} known[] = {{NID_aes_128_gcm, EVP_aes_128_gcm(), true},
		     {NID_aes_256_gcm, EVP_aes_256_gcm(), true},
		     {NID_aes_128_cbc, EVP_aes_128_cbc(), false},
		     {NID_aes_256_cbc, EVP_aes_256_cbc(), false}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(known); i++) {
		if (known[i].nid == kind) {
			e->cipher = known[i].cipher;
			e->gcm = known[i].gcm;
		}
	}
	if (!e->cipher)
		return pm_fail(err, PM_E_UNSUPPORTED, "PKCS7: its cipher is not supported (%s)",
			       kind == NID_undef ? "unknown" : OBJ_nid2sn(kind));
	if (!c->enc_data)
		return pm_fail(err, PM_E_FORMAT, "PKCS7: it has no content");
	e->text = ASN1_STRING_get0_data(c->enc_data);
	e->len = (size_t)ASN1_STRING_length(c->enc_data);
	const ASN1_TYPE *params = c->algorithm->parameter;
	if (!(e->gcm ? read_gcm(e, params) : read_cbc(e, params)))
		return pm_fail(err, PM_E_FORMAT, "PKCS7: its cipher's parameters or content are malformed");
	return 0;
}

int pm_enveloped_parse(const void *data, size_t len, struct pm_enveloped **ret, struct pm_err *err)
{
	if (len > PM_ENVELOPED_MAX)
		return pm_fail(err, PM_E_FORMAT, "PKCS7: it is larger than %d bytes", PM_ENVELOPED_MAX);
	struct pm_enveloped *e = PM_NEW(struct pm_enveloped);
	_cleanup_free_ unsigned char *der = pm_malloc(len);
	const unsigned char *p = der;
	if (len)
		memcpy(der, data, len);
	change_params(der, len, V_ASN1_SEQUENCE, SEQUENCE);
	e->p7 = d2i_PKCS7(NULL, &p, (long)len);
	ERR_clear_error();
	int r = 0;
	if (!e->p7 || !PKCS7_type_is_enveloped(e->p7) || !e->p7->d.enveloped)
		r = pm_fail(err, PM_E_FORMAT, "PKCS7: it is no enveloped data by issuer and serial number");
	else if (sk_PKCS7_RECIP_INFO_num(e->p7->d.enveloped->recipientinfo) > PM_ENVELOPED_RECIPIENTS_MAX)
		r = pm_fail(err, PM_E_FORMAT, "PKCS7: it has more than %d recipients",
			    PM_ENVELOPED_RECIPIENTS_MAX);
	else
		r = read_content(e, e->p7->d.enveloped->enc_data, err);
	if (r < 0) {
		pm_enveloped_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

static bool is_for(const PKCS7_RECIP_INFO *q, const X509 *cert)
{
	return q->issuer_and_serial && q->enc_key &&
	       X509_NAME_cmp(q->issuer_and_serial->issuer, X509_get_issuer_name(cert)) == 0 &&
	       ASN1_INTEGER_cmp(q->issuer_and_serial->serial, X509_get0_serialNumber(cert)) == 0;
}

static bool unwrap(const PKCS7_RECIP_INFO *q, EVP_PKEY *key, unsigned char out[KEY_MAX], size_t want)
{
	unsigned char plain[RSA_MAX];
	size_t n = sizeof(plain), len = (size_t)ASN1_STRING_length(q->enc_key);
	if ((size_t)EVP_PKEY_get_size(key) > sizeof(plain) || len != (size_t)EVP_PKEY_get_size(key))
		return false;
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);
	bool good = x && EVP_PKEY_decrypt_init(x) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_PADDING) == 1 &&
		    EVP_PKEY_decrypt(x, plain, &n, ASN1_STRING_get0_data(q->enc_key), len) == 1 &&
		    n == want;
	if (good)
		memcpy(out, plain, want);
	OPENSSL_cleanse(plain, sizeof(plain));
	EVP_PKEY_CTX_free(x);
	return good;
}

/* out has room for the content and a block. */
static bool decipher(const struct pm_enveloped *e, const unsigned char *key, unsigned char *out,
		     size_t *ret_len)
{
	int n = 0, more = 0;
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool good = x && EVP_DecryptInit_ex(x, e->cipher, NULL, key, e->iv) == 1 &&
		    EVP_DecryptUpdate(x, out, &n, e->text, (int)e->len) == 1;
	if (good && e->gcm)
		good = EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE,
					   (void *)(e->text + e->len)) == 1;
	good = good && EVP_DecryptFinal_ex(x, out + n, &more) == 1;
	EVP_CIPHER_CTX_free(x);
	*ret_len = (size_t)(n + more);
	return good;
}

int pm_enveloped_open(const struct pm_enveloped *e, X509 *cert, EVP_PKEY *key, struct pm_buf *out,
		      struct pm_err *err)
{
	const STACK_OF(PKCS7_RECIP_INFO) *all = e->p7->d.enveloped->recipientinfo;
	unsigned char cek[KEY_MAX];
	size_t want = (size_t)EVP_CIPHER_get_key_length(e->cipher), len = 0;
	bool good = false;
	unsigned char *to = (unsigned char *)pm_buf_reserve(out, e->len + BLOCK + 1);
	for (int i = 0; !good && i < sk_PKCS7_RECIP_INFO_num(all); i++) {
		const PKCS7_RECIP_INFO *q = sk_PKCS7_RECIP_INFO_value(all, i);
		good = is_for(q, cert) && EVP_PKEY_is_a(key, "RSA") && unwrap(q, key, cek, want) &&
		       decipher(e, cek, to, &len);
	}
	OPENSSL_cleanse(cek, sizeof(cek));
	ERR_clear_error();
	if (!good)
		return pm_fail(err, PM_E_NOSUCH, "PKCS7: it is not for this certificate and key");
	to[len] = '\0';
	out->len += len;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------- */

static bool set_string(ASN1_STRING *s, const void *data, size_t len)
{
	return s && ASN1_STRING_set(s, data, (int)len) == 1;
}

static bool add_recipient(PKCS7 *p7, X509 *cert, const unsigned char cek[WRITE_KEY])
{
	unsigned char wrapped[RSA_MAX];
	size_t n = sizeof(wrapped);
	PKCS7_RECIP_INFO *q = PKCS7_RECIP_INFO_new();
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(X509_get0_pubkey(cert), NULL);
	bool good = q && x && PKCS7_RECIP_INFO_set(q, cert) == 1 && EVP_PKEY_encrypt_init(x) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_PADDING) == 1 &&
		    EVP_PKEY_encrypt(x, wrapped, &n, cek, WRITE_KEY) == 1 &&
		    set_string(q->enc_key, wrapped, n) && PKCS7_add_recipient_info(p7, q) == 1;
	EVP_PKEY_CTX_free(x);
	if (!good)
		PKCS7_RECIP_INFO_free(q);
	return good;
}

static bool set_cipher(PKCS7_ENC_CONTENT *c, const unsigned char nonce[NONCE_SIZE])
{
	unsigned char params[GCM_PARAMS + 2] = {SEQUENCE, GCM_PARAMS, SEQUENCE, GCM_PARAMS - 2, TAG_OF_NONCE,
						NONCE_SIZE};
	memcpy(params + 2 + NONCE_AT, nonce, NONCE_SIZE);
	memcpy(params + 2 + NONCE_AT + NONCE_SIZE, (unsigned char[]){V_ASN1_INTEGER, 1, TAG_SIZE}, 3);
	ASN1_STRING *s = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	if (set_string(s, params, sizeof(params)) &&
	    X509_ALGOR_set0(c->algorithm, OBJ_nid2obj(NID_aes_128_gcm), V_ASN1_SEQUENCE, s) == 1)
		return true;
	ASN1_STRING_free(s);
	return false;
}

static bool set_content(PKCS7_ENC_CONTENT *c, const unsigned char cek[WRITE_KEY], const void *data,
			size_t len)
{
	unsigned char nonce[NONCE_SIZE];
	int n, more;
	_cleanup_free_ unsigned char *out = pm_malloc(len + TAG_SIZE + BLOCK);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool good = x && RAND_bytes(nonce, sizeof(nonce)) == 1 &&
		    EVP_EncryptInit_ex(x, EVP_aes_128_gcm(), NULL, cek, nonce) == 1 &&
		    EVP_EncryptUpdate(x, out, &n, data, (int)len) == 1 &&
		    EVP_EncryptFinal_ex(x, out + n, &more) == 1 &&
		    EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + len) == 1 &&
		    set_cipher(c, nonce);
	EVP_CIPHER_CTX_free(x);
	c->content_type = OBJ_nid2obj(NID_pkcs7_data);
	if (good && !c->enc_data)
		c->enc_data = ASN1_OCTET_STRING_new();
	return good && set_string(c->enc_data, out, len + TAG_SIZE);
}

int pm_enveloped_seal(X509 *const *certs, size_t n, const void *data, size_t len, struct pm_buf *out,
		      struct pm_err *err)
{
	unsigned char cek[WRITE_KEY], *der = NULL;
	if (n < 1 || n > PM_ENVELOPED_RECIPIENTS_MAX)
		return pm_fail(err, PM_E_USAGE, "a layer is encrypted for %d certificates at most",
			       PM_ENVELOPED_RECIPIENTS_MAX);
	PKCS7 *p7 = PKCS7_new();
	bool good = p7 && PKCS7_set_type(p7, NID_pkcs7_enveloped) == 1 &&
		    RAND_priv_bytes(cek, sizeof(cek)) == 1;
	for (size_t i = 0; good && i < n; i++)
		good = add_recipient(p7, certs[i], cek);
	good = good && set_content(p7->d.enveloped->enc_data, cek, data, len);
	int der_len = good ? i2d_PKCS7(p7, &der) : -1;
	if (der_len > 0)
		change_params(der, (size_t)der_len, SEQUENCE, V_ASN1_SEQUENCE);
	if (der_len > 0)
		pm_buf_add(out, der, (size_t)der_len);
	OPENSSL_cleanse(cek, sizeof(cek));
	OPENSSL_free(der);
	PKCS7_free(p7);
	ERR_clear_error();
	return der_len > 0 ? 0 : pm_fail(err, PM_E_INTERNAL, "PKCS7: libcrypto fails to encrypt");
}
