#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/fs.h"
#include "engine/image/crypt.h"
#include "engine/transfer/cipher_stream.h"
#include "engine/transfer/crypt.h"
#include "registry/auth.h"
#include "registry/enveloped.h"
#include "registry/jwe.h"
#include "registry/layer_crypt.h"
#include "tests/unit/crypt_vectors.h"
#include "tests/unit/test.h"

#define ENC "org.opencontainers.image.enc."

static EVP_PKEY *private_of(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	BIO_free(in);
	CHECK(key);
	return key;
}

/* Text as a file of the test's directory; static. */
static const char *file_of(const char *name, const char *text)
{
	static char path[4][300];
	static size_t next;
	struct pm_err err = PM_ERR_INIT;
	char *p = path[next++ % 4];
	snprintf(p, sizeof(path[0]), "%s/%s", test_dir(), name);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, p, text, strlen(text), 0600, false, &err), err);
	return p;
}

/* --- the cipher ---------------------------------------------------------------------------------- */

/* NIST SP 800-38A, F.5.5: CTR-AES256. */
static const struct pm_layer_secret nist = {
	.key = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
		0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4},
	.nonce = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff},
};
static const uint8_t nist_plain[32] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
				       0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
				       0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
static const uint8_t nist_secret[32] = {0x60, 0x1e, 0xc3, 0x13, 0x77, 0x57, 0x89, 0xa5, 0xb7, 0xa7, 0xf5,
					0x04, 0xbb, 0xf3, 0xd2, 0x28, 0xf4, 0x43, 0xe3, 0xca, 0x4d, 0x62,
					0xb5, 0x9a, 0xca, 0x84, 0xe9, 0x90, 0xca, 0xca, 0xf5, 0xc5};

TEST(layer_cipher_vector)
{
	struct pm_err err = PM_ERR_INIT;
	/* in pieces of every size */
	for (size_t piece = 1; piece <= sizeof(nist_plain); piece++) {
		struct pm_layer_secret s = nist;
		struct pm_layer_cipher *c;
		uint8_t text[32];
		memcpy(text, nist_plain, sizeof(text));
		CHECK_OK(pm_layer_cipher_new(&s, true, &c, &err), err);
		for (size_t at = 0; at < sizeof(text); at += piece)
			CHECK_OK(pm_layer_cipher_run(c, text + at, at + piece > sizeof(text) ? sizeof(text) - at : piece,
						     &err),
				 err);
		CHECK_OK(pm_layer_cipher_hmac(c, s.hmac, &err), err);
		pm_layer_cipher_free(c);
		CHECK(memcmp(text, nist_secret, sizeof(text)) == 0);

		CHECK_OK(pm_layer_cipher_new(&s, false, &c, &err), err);
		CHECK_OK(pm_layer_cipher_run(c, text, piece, &err), err);
		/* not all of it yet */
		CHECK_INT(pm_layer_cipher_check(c, NULL), piece == sizeof(text) ? 0 : -PM_E_DIGEST);
		CHECK_OK(pm_layer_cipher_run(c, text + piece, sizeof(text) - piece, &err), err);
		CHECK_OK(pm_layer_cipher_check(c, &err), err);
		CHECK(memcmp(text, nist_plain, sizeof(text)) == 0);
		pm_layer_cipher_free(c);

		memcpy(text, nist_secret, sizeof(text));
		text[piece - 1] ^= 1;
		CHECK_OK(pm_layer_cipher_new(&s, false, &c, &err), err);
		CHECK_OK(pm_layer_cipher_run(c, text, sizeof(text), &err), err);
		CHECK_INT(pm_layer_cipher_check(c, NULL), -PM_E_DIGEST);
		pm_layer_cipher_free(c);
	}
}

/* All that a stream gives, by reads of 7 bytes; the code of its end. */
static int drain(const struct pm_stream *in, struct pm_buf *out)
{
	for (;;) {
		char *to = pm_buf_reserve(out, 8);
		ssize_t n = in->read(in->arg, to, 7, NULL);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
	}
}

TEST(cipher_stream_there_and_back)
{
	struct pm_err err = PM_ERR_INIT;
	static const char text[] = "a layer's blob of some length, which is no multiple of anything";
	struct pm_stream_text from = {text, strlen(text), 0};
	struct pm_stream in = pm_stream_of_text(&from);
	struct pm_layer_secret s = {0};
	struct pm_cipher_stream *c;
	_cleanup_buf_ struct pm_buf locked = PM_BUF_INIT, open = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE], want[PM_DIGEST_SIZE];
	CHECK_OK(pm_layer_secret_random(&s, &err), err);
	CHECK_OK(pm_cipher_stream_new(&in, &s, true, &c, &err), err);
	struct pm_stream out = pm_cipher_stream(c);
	CHECK_INT(pm_cipher_stream_finish(c, digest, &s, NULL), -PM_E_INTERNAL);
	CHECK_INT(drain(&out, &locked), 0);
	CHECK_OK(pm_cipher_stream_finish(c, digest, &s, &err), err);
	pm_cipher_stream_free(c);
	pm_digest_of(text, strlen(text), want);
	CHECK_STR(digest, want);
	CHECK(locked.len == strlen(text) && memcmp(locked.data, text, locked.len) != 0);

	for (size_t cut = 0; cut < 2; cut++) {
		struct pm_stream_text back = {locked.data, locked.len - cut, 0};
		in = pm_stream_of_text(&back);
		CHECK_OK(pm_cipher_stream_new(&in, &s, false, &c, &err), err);
		out = pm_cipher_stream(c);
		pm_buf_cut(&open, 0);
		CHECK_INT(drain(&out, &open), cut ? -PM_E_DIGEST : 0);
		CHECK(open.len == back.len && memcmp(open.data, text, open.len) == 0);
		pm_cipher_stream_free(c);
	}
}

/* --- JWE ----------------------------------------------------------------------------------------- */

TEST(jwe_of_the_rfcs)
{
	static const struct {
		const char *key, *jwe, *begin;
	} cases[] = {
		{RFC7516_KEY, RFC7516_JWE, "The true sign of intelligence is not knowledge but imagination."},
		{RFC7520_KEY, RFC7520_JWE, "You can trust us to stick with you"},
		{RFC7518_KEY, RFC7518_JWE, "derived as Alice and Bob do"},
	};
	struct pm_err err = PM_ERR_INIT;
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_jwe_ struct pm_jwe j = {0};
		CHECK_OK(pm_jwe_parse(cases[i].jwe, strlen(cases[i].jwe), &j, &err), err);
		for (size_t k = 0; k < PM_ARRAY_SIZE(cases); k++) {
			_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
			EVP_PKEY *key = private_of(cases[k].key);
			int r = pm_jwe_decrypt(&j, key, &out, &err);
			CHECK_INT(r, i == k ? 0 : -PM_E_NOSUCH);
			CHECK(i != k || pm_startswith(pm_buf_str(&out), cases[i].begin));
			CHECK(i == k || out.len == 0);
			EVP_PKEY_free(key);
		}
		/* any character that is another is found out */
		_cleanup_free_ char *text = pm_strdup(cases[i].jwe);
		for (size_t at = strlen(text) - 40; at < strlen(text) - 1; at++) {
			char was = text[at];
			_cleanup_jwe_ struct pm_jwe bad = {0};
			_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
			EVP_PKEY *key = private_of(cases[i].key);
			text[at] = was == 'A' ? 'B' : 'A';
			if (was != '.' && pm_jwe_parse(text, strlen(text), &bad, NULL) >= 0)
				CHECK(pm_jwe_decrypt(&bad, key, &out, NULL) < 0 && out.len == 0);
			text[at] = was;
			EVP_PKEY_free(key);
		}
	}
}

TEST(jwe_there_and_back)
{
	static const char *const groups[] = {"P-256", "P-384", "P-521", NULL};
	struct pm_err err = PM_ERR_INIT;
	EVP_PKEY *keys[4];
	for (size_t i = 0; i < PM_ARRAY_SIZE(keys); i++)
		keys[i] = groups[i] ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", groups[i]) : private_of(SKOPEO_RSA);
	EVP_PKEY *other = private_of(SKOPEO_EC);
	for (size_t n = 1; n <= PM_ARRAY_SIZE(keys); n++) {
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		_cleanup_jwe_ struct pm_jwe j = {0};
		CHECK_OK(pm_jwe_encrypt(keys, n, "secret", 6, &text, &err), err);
		CHECK_OK(pm_jwe_parse(text.data, text.len, &j, &err), err);
		CHECK_INT(j.n, n);
		for (size_t k = 0; k < PM_ARRAY_SIZE(keys); k++) {
			_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
			CHECK_INT(pm_jwe_decrypt(&j, keys[k], &out, NULL), k < n ? 0 : -PM_E_NOSUCH);
			CHECK_STR(pm_buf_str(&out), k < n ? "secret" : "");
		}
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		CHECK_INT(pm_jwe_decrypt(&j, other, &out, NULL), -PM_E_NOSUCH);
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(keys); i++)
		EVP_PKEY_free(keys[i]);
	EVP_PKEY_free(other);
}

/* {"alg":"RSA-OAEP","enc":"A256GCM"} and others, in base64url */
#define OAEP "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ"
#define ENC_ONLY "eyJlbmMiOiJBMjU2R0NNIn0"
#define REST ",\"iv\":\"AAAA\",\"ciphertext\":\"AAAA\",\"tag\":\"AAAA\"}"

TEST(jwe_parse)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{"{\"protected\":\"" OAEP "\",\"encrypted_key\":\"AAAA\"" REST, 0},
		{"{\"protected\":\"" ENC_ONLY "\",\"recipients\":[{\"header\":{\"alg\":\"x\"},\"encrypted_key\":\"AA\"}]" REST, 0},
		{"{\"unprotected\":{\"enc\":\"x\"},\"header\":{\"alg\":\"x\"}" REST, 0},
		{OAEP ".AAAA.AAAA.AAAA.AAAA", 0},
		{OAEP "....", 0},
		{"", -PM_E_FORMAT},
		{"....", -PM_E_FORMAT},
		{OAEP "...", -PM_E_FORMAT},
		{OAEP ".....", -PM_E_FORMAT},
		{OAEP ".A A.AAAA.AAAA.AAAA", -PM_E_FORMAT},
		{OAEP ".AAAA=.AAAA.AAAA.AAAA", -PM_E_FORMAT},
		{OAEP ".A.AAAA.AAAA.AAAA", -PM_E_FORMAT},
		{"[]", -PM_E_FORMAT},
		{"{}", -PM_E_FORMAT},
		{"{\"protected\":1}", -PM_E_FORMAT},
		{"{\"protected\":\"W10\"}", -PM_E_FORMAT},      /* [] */
		{"{\"protected\":\"e30\"}", -PM_E_FORMAT},      /* {} */
		{"{\"protected\":\"bm9uc2Vuc2U\"}", -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"header\":{\"alg\":\"y\"}" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"header\":[]" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"unprotected\":\"x\"" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"recipients\":[]" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"recipients\":{}" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"recipients\":[1]" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"iv\":7}", -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"iv\":\"A\\u0000B\"}", -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"header\":{\"zip\":\"DEF\"}" REST, -PM_E_UNSUPPORTED},
		{"{\"protected\":\"" OAEP "\",\"header\":{\"crit\":[\"x\"]}" REST, -PM_E_UNSUPPORTED},
		{"{\"protected\":\"" OAEP "\",\"header\":{\"epk\":{\"kty\":\"OKP\"}}" REST, -PM_E_UNSUPPORTED},
		{"{\"protected\":\"" OAEP "\",\"header\":{\"epk\":{\"kty\":\"EC\"}}" REST, -PM_E_FORMAT},
		{"{\"protected\":\"" OAEP "\",\"header\":{\"epk\":\"x\"}" REST, -PM_E_FORMAT},
		{"{\"recipients\":[{\"header\":{\"alg\":\"x\",\"enc\":\"y\"}},{\"header\":{\"alg\":\"x\",\"enc\":\"z\"}}]" REST,
		 -PM_E_FORMAT},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_jwe_ struct pm_jwe j = {0};
		struct pm_err err = PM_ERR_INIT;
		int r = pm_jwe_parse(cases[i].text, strlen(cases[i].text), &j, &err);
		if (r != cases[i].want)
			test_fail(__FILE__, __LINE__, "%s: %d, not %d", cases[i].text, r, cases[i].want);
	}
	/* bounds */
	_cleanup_buf_ struct pm_buf many = PM_BUF_INIT;
	_cleanup_jwe_ struct pm_jwe j = {0};
	pm_buf_add_str(&many, "{\"protected\":\"" OAEP "\",\"recipients\":[{}");
	for (int i = 0; i < PM_JWE_RECIPIENTS_MAX; i++)
		pm_buf_add_str(&many, ",{}");
	pm_buf_add_str(&many, "]" REST);
	CHECK_INT(pm_jwe_parse(many.data, many.len, &j, NULL), -PM_E_FORMAT);
	for (int i = 0; i < PM_JWE_MAX; i++)
		pm_buf_add_char(&many, ' ');
	CHECK_INT(pm_jwe_parse(many.data, many.len, &j, NULL), -PM_E_FORMAT);
}

/* --- enveloped data ------------------------------------------------------------------------------ */

/* What base64 text holds for the certificate's owner. */
static int open_enveloped(const char *base64, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_crypt_keys_ struct pm_crypt_keys k = {0};
	struct pm_enveloped *e;
	size_t len;
	_cleanup_free_ char *der = pm_base64_decode(base64, &len);
	CHECK_OK(pm_crypt_keys_private(&k, file_of("key", SKOPEO_CERT_KEY), NULL, err), *err);
	CHECK_OK(pm_crypt_keys_private(&k, file_of("cert", SKOPEO_CERT), NULL, err), *err);
	int r = pm_enveloped_parse(der, len, &e, err);
	if (r < 0)
		return r;
	r = pm_enveloped_open(e, k.certs[0], k.keys[0], out, err);
	pm_enveloped_free(e);
	return r;
}

TEST(enveloped_of_others)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf cbc = PM_BUF_INIT, gcm = PM_BUF_INIT, none = PM_BUF_INIT;
	CHECK_OK(open_enveloped(OPENSSL_CBC, &cbc, &err), err);
	CHECK_STR(pm_buf_str(&cbc), "by openssl smime");
	CHECK_OK(open_enveloped(SKOPEO_PKCS7, &gcm, &err), err);
	CHECK(pm_startswith(pm_buf_str(&gcm), "{\"symkey\":\""));
	CHECK_INT(open_enveloped(OPENSSL_3DES, &none, &err), -PM_E_UNSUPPORTED);
	CHECK_INT(open_enveloped(OPENSSL_KEYID, &none, &err), -PM_E_FORMAT);
	CHECK_INT(open_enveloped("", &none, &err), -PM_E_FORMAT);
	CHECK_INT(open_enveloped("MIIB", &none, &err), -PM_E_FORMAT);
	CHECK_INT(none.len, 0);
}

TEST(enveloped_there_and_back)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_crypt_keys_ struct pm_crypt_keys k = {0};
	_cleanup_buf_ struct pm_buf der = PM_BUF_INIT, out = PM_BUF_INIT;
	_cleanup_free_ char *word = pm_asprintf("pkcs7:%s", file_of("cert", SKOPEO_CERT));
	CHECK_OK(pm_crypt_keys_recipient(&k, word, &err), err);
	CHECK_OK(pm_enveloped_seal(k.certs, 1, "secret", 6, &der, &err), err);
	_cleanup_free_ char *base64 = pm_base64_encode(der.data, der.len);
	CHECK_OK(open_enveloped(base64, &out, &err), err);
	CHECK_STR(pm_buf_str(&out), "secret");
	/* the last byte is of the tag */
	der.data[der.len - 1] ^= 1;
	_cleanup_free_ char *changed = pm_base64_encode(der.data, der.len);
	pm_buf_cut(&out, 0);
	CHECK_INT(open_enveloped(changed, &out, &err), -PM_E_NOSUCH);
	CHECK_INT(out.len, 0);
}

/* --- annotations --------------------------------------------------------------------------------- */

static struct pm_descriptor layer_with(struct pm_json_pool *pool, const char *const *annotations)
{
	struct pm_json *notes = pm_json_object(pool);
	for (; *annotations; annotations += 2)
		pm_json_set_str(pool, notes, annotations[0], annotations[1]);
	return (struct pm_descriptor){.media_type = "x+encrypted", .digest = "sha256:x", .annotations = notes};
}

TEST(layer_unlock_of_skopeo)
{
	static const struct {
		const char *key, *cert;
		int want;
	} cases[] = {{SKOPEO_RSA, NULL, 0},
		     {SKOPEO_EC, NULL, 0},
		     {SKOPEO_CERT_KEY, SKOPEO_CERT, 0},
		     {SKOPEO_CERT_KEY, NULL, -PM_E_USAGE},
		     {SKOPEO_CERT, NULL, -PM_E_USAGE},
		     {RFC7516_KEY, SKOPEO_CERT, -PM_E_USAGE},
		     {RFC7520_KEY, NULL, -PM_E_USAGE}};
	static const char *const notes[] = {"other",	       "kept",	     ENC "keys.jwe", SKOPEO_JWE,
					    ENC "keys.pkcs7", SKOPEO_PKCS7, ENC "pubopts",  SKOPEO_PUBOPTS,
					    NULL};
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_descriptor d = layer_with(pool, notes);
	struct pm_layer_secret first = {0};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_crypt_keys_ struct pm_crypt_keys k = {0};
		struct pm_layer_secret s = {0};
		CHECK_OK(pm_crypt_keys_private(&k, file_of("key", cases[i].key), NULL, &err), err);
		if (cases[i].cert)
			CHECK_OK(pm_crypt_keys_private(&k, file_of("cert", cases[i].cert), NULL, &err), err);
		CHECK_INT(pm_layer_unlock(&d, &k, &s, &err), cases[i].want);
		if (i == 0)
			first = s;
		else if (!cases[i].want)
			CHECK(memcmp(&s, &first, sizeof(s)) == 0);
	}
	struct pm_json *kept = pm_layer_annotations(pool, d.annotations, NULL);
	CHECK_INT(pm_json_len(kept), 1);
	CHECK_STR(pm_json_get_str(kept, "other"), "kept");
	CHECK(!pm_layer_annotations(pool, NULL, NULL));
}

TEST(layer_lock_and_unlock)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_crypt_keys_ struct pm_crypt_keys to = {0}, own = {0};
	_cleanup_strv_ struct pm_strv notes = PM_STRV_INIT;
	_cleanup_free_ char *word = pm_asprintf("pkcs7:%s", file_of("cert", SKOPEO_CERT));
	struct pm_layer_secret s = {0}, got = {0};
	CHECK_OK(pm_layer_secret_random(&s, &err), err);
	CHECK_OK(pm_crypt_keys_recipient(&to, word, &err), err);
	to.keys[to.n_keys++] = private_of(SKOPEO_EC); /* its public half is all that counts */
	CHECK_OK(pm_layer_lock(&s, "sha256:x", &to, &notes, &err), err);
	CHECK_INT(notes.n, 6);
	struct pm_descriptor d = {.media_type = "x+encrypted", .digest = "sha256:x"};
	d.annotations = pm_layer_annotations(pool, NULL, &notes);
	CHECK_OK(pm_crypt_keys_private(&own, file_of("key", SKOPEO_EC), NULL, &err), err);
	CHECK_OK(pm_layer_unlock(&d, &own, &got, &err), err);
	CHECK(memcmp(&s, &got, sizeof(s)) == 0);
}

TEST(layer_unlock_malformed)
{
	/* pubopts: {"cipher":"ROT13"}; {"cipher":"AES_256_CTR_HMAC_SHA256"}; ... with hmac "AAAA" */
	static const char rot13[] = "eyJjaXBoZXIiOiJST1QxMyJ9",
			  bare[] = "eyJjaXBoZXIiOiJBRVNfMjU2X0NUUl9ITUFDX1NIQTI1NiJ9",
			  brief[] = "eyJjaXBoZXIiOiJBRVNfMjU2X0NUUl9ITUFDX1NIQTI1NiIsImhtYWMiOiJBQUFBIn0=";
	static const struct {
		const char *notes[7];
		int want;
		const char *text;
	} cases[] = {
		{{NULL}, -PM_E_FORMAT, "pubopts"},
		{{ENC "keys.jwe", SKOPEO_JWE, NULL}, -PM_E_FORMAT, "pubopts"},
		{{ENC "pubopts", SKOPEO_PUBOPTS, NULL}, -PM_E_FORMAT, "no annotation with a wrapped key"},
		{{ENC "pubopts", "!", ENC "keys.jwe", SKOPEO_JWE, NULL}, -PM_E_FORMAT, "not base64"},
		{{ENC "pubopts", "AAAA", ENC "keys.jwe", SKOPEO_JWE, NULL}, -PM_E_FORMAT, "pubopts"},
		{{ENC "pubopts", rot13, ENC "keys.jwe", SKOPEO_JWE, NULL}, -PM_E_UNSUPPORTED, "'ROT13'"},
		{{ENC "pubopts", bare, ENC "keys.jwe", SKOPEO_JWE, NULL}, -PM_E_FORMAT, "hmac"},
		{{ENC "pubopts", brief, ENC "keys.jwe", SKOPEO_JWE, NULL}, -PM_E_FORMAT, "hmac"},
		{{ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.jwe", "AAAA", NULL}, -PM_E_FORMAT, "JWE"},
		{{ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.jwe", "!", NULL}, -PM_E_FORMAT, "not base64"},
		{{ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.pkcs7", "AAAA", NULL}, -PM_E_FORMAT, "PKCS7"},
		{{ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.pgp", "AAAA", NULL}, -PM_E_UNSUPPORTED, "wrapped by pgp"},
		{{ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.provider.x", "AAAA", NULL},
		 -PM_E_UNSUPPORTED,
		 "wrapped by provider.x"},
		/* a bad one before the good one, in the list or in another scheme */
		{{ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.jwe", SKOPEO_JWE, ENC "keys.pkcs7", "AAAA", NULL}, 0, ""},
	};
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_crypt_keys_ struct pm_crypt_keys k = {0};
	CHECK_OK(pm_crypt_keys_private(&k, file_of("key", SKOPEO_EC), NULL, &err), err);
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_descriptor d = layer_with(pool, cases[i].notes);
		struct pm_layer_secret s;
		pm_err_clear(&err);
		int r = pm_layer_unlock(&d, &k, &s, &err);
		if (r != cases[i].want || !strstr(err.text, cases[i].text))
			test_fail(__FILE__, __LINE__, "case %zu: %d, not %d: %s", i, r, cases[i].want, err.text);
	}
	_cleanup_buf_ struct pm_buf many = PM_BUF_INIT;
	for (int i = 0; i < 100; i++)
		pm_buf_add_str(&many, "AAAA,");
	const char *notes[] = {ENC "pubopts", SKOPEO_PUBOPTS, ENC "keys.jwe", many.data, NULL};
	struct pm_descriptor d = layer_with(pool, notes);
	struct pm_layer_secret s;
	CHECK_INT(pm_layer_unlock(&d, &k, &s, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "more than 64 keys"));
}

/* --- words --------------------------------------------------------------------------------------- */

TEST(decryption_words)
{
	const char *phrase = file_of("phrase", "from a file\nsecond line\n");
	const struct {
		const char *word;
		int want;
		const char *file, *passphrase;
	} cases[] = {
		{"key.pem", 0, "key.pem", ""},
		{"key.pem:secret", 0, "key.pem", "secret"},
		{"key.pem:pass=a:b", 0, "key.pem", "a:b"},
		{"key.pem:pass=", 0, "key.pem", ""},
		{"key.pem:fd=x", -PM_E_USAGE, NULL, NULL},
		{"key.pem:fd=-1", -PM_E_USAGE, NULL, NULL},
		{"key.pem:file=/nonexistent/x", -ENOENT, NULL, NULL},
		{"", -PM_E_USAGE, NULL, NULL},
		{":secret", -PM_E_USAGE, NULL, NULL},
		{"pkcs11:object=x", -PM_E_UNSUPPORTED, NULL, NULL},
		{"provider:x:y", -PM_E_UNSUPPORTED, NULL, NULL},
	};
	struct pm_err err = PM_ERR_INIT;
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		_cleanup_decryption_ struct pm_decryption d = {0};
		pm_strv_add(&words, cases[i].word);
		CHECK_INT(pm_decryption_parse(&words, &d, &err), cases[i].want);
		if (cases[i].want < 0)
			continue;
		CHECK_STR(d.files.v[0], cases[i].file);
		CHECK_STR(d.passphrases.v[0], cases[i].passphrase);
	}
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	_cleanup_decryption_ struct pm_decryption d = {0};
	pm_strv_addf(&words, "k:file=%s", phrase);
	CHECK_OK(pm_decryption_parse(&words, &d, &err), err);
	CHECK_STR(d.passphrases.v[0], "from a file");
}

TEST(encrypt_layer_choice)
{
	static const struct {
		const char *layers;
		int want;
		const char *chosen; /* of 4 */
	} cases[] = {
		{"", 0, "1111"},	 {"0", 0, "1000"},	   {"-1", 0, "0001"},
		{"0,-1,0", 0, "1001"},	 {"3,1", 0, "0101"},	   {"-4", 0, "1000"},
		{"4", -PM_E_USAGE, NULL}, {"-5", -PM_E_USAGE, NULL},
	};
	struct pm_err err = PM_ERR_INIT;
	const char *path = file_of("key.pub", "");
	EVP_PKEY *key = private_of(SKOPEO_EC);
	BIO *out = BIO_new_file(path, "w");
	CHECK(out && PEM_write_bio_PUBKEY(out, key) == 1);
	BIO_free(out);
	EVP_PKEY_free(key);
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv keys = PM_STRV_INIT, layers = PM_STRV_INIT;
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		struct pm_tx_crypt c;
		bool chosen[4];
		pm_strv_addf(&keys, "jwe:%s", path);
		if (*cases[i].layers)
			pm_strv_split(&layers, cases[i].layers, ',');
		struct pm_encryption e = {&keys, &layers};
		CHECK_OK(pm_encryption_check(&e, &err), err);
		pm_encryption_add(&w, &e);
		CHECK_OK(pm_tx_crypt_load(&w, &c, &err), err);
		CHECK(c.encrypts && !c.decrypts);
		CHECK_INT(pm_tx_crypt_choose(&c, 4, chosen, &err), cases[i].want);
		for (size_t k = 0; !cases[i].want && k < 4; k++)
			CHECK_INT(chosen[k], cases[i].chosen[k] == '1');
		pm_tx_crypt_free(&c);
	}
}
