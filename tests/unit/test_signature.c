#include <string.h>

#include "engine/image/signing.h"
#include "registry/private_key.h"
#include "registry/public_key.h"
#include "registry/signature.h"
#include "registry/signature_payload.h"
#include "tests/unit/test.h"

/* --- as bytes ------------------------------------------------------------------------------------ */

#define SIGSTORE "\0sigstore-json\n"
#define LIT(s) (s), sizeof(s) - 1

TEST(signature_parse)
{
	static const struct {
		const char *text;
		size_t len;
		int want;
	} cases[] = {
		{LIT("\xa3\x01\x9b"), 0},
		{LIT("\x90 message"), 0},
		{LIT("\0simple-signing\nmessage"), 0},
		{LIT(SIGSTORE "{\"mimeType\":\"t\",\"payload\":\"cGF5\",\"annotations\":{\"a\":\"b\"}}"), 0},
		{LIT(SIGSTORE "{\"mimeType\":\"t\",\"payload\":\"cGF5\"}"), 0},
		{LIT(""), -PM_E_FORMAT},
		{LIT("text"), -PM_E_FORMAT},
		{LIT("-----BEGIN PGP MESSAGE-----\n"), -PM_E_FORMAT},
		{LIT("\0"), -PM_E_FORMAT},
		{LIT("\0sigstore-json"), -PM_E_FORMAT},
		{LIT("\0notary\n{}"), -PM_E_UNSUPPORTED},
		{LIT("\0\n"), -PM_E_UNSUPPORTED},
		{LIT(SIGSTORE), -PM_E_FORMAT},
		{LIT(SIGSTORE "{}"), -PM_E_FORMAT},
		{LIT(SIGSTORE "[]"), -PM_E_FORMAT},
		{LIT(SIGSTORE "{\"mimeType\":\"t\",\"payload\":\"!\"}"), -PM_E_FORMAT},
		{LIT(SIGSTORE "{\"mimeType\":1,\"payload\":\"cGF5\"}"), -PM_E_FORMAT},
		{LIT(SIGSTORE "{\"mimeType\":\"t\",\"payload\":\"cGF5\",\"annotations\":{\"a\":1}}"),
		 -PM_E_FORMAT},
		{LIT(SIGSTORE "{\"mimeType\":\"t\",\"mimeType\":\"u\",\"payload\":\"cGF5\"}"), -PM_E_FORMAT},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_signatures_ struct pm_signatures s = {0};
		struct pm_err err = PM_ERR_INIT;
		int r = pm_signature_parse(cases[i].text, cases[i].len, &s, &err);
		CHECK_INT(r, cases[i].want);
		CHECK_INT(s.n, r == 0);
	}
	/* what is too large is not looked at */
	_cleanup_signatures_ struct pm_signatures s = {0};
	CHECK_INT(pm_signature_parse("\x90", PM_SIGNATURE_MAX + 1, &s, NULL), -PM_E_FORMAT);
}

TEST(signature_written_and_read)
{
	_cleanup_signatures_ struct pm_signatures s = {0}, back = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_signature *one = pm_signatures_add(&s, PM_SIGNATURE_SIGSTORE);
	one->media_type = pm_strdup(PM_SIGSTORE_PAYLOAD);
	pm_buf_add(&one->payload, "p\0\xff", 3);
	pm_strv_add(&one->notes, PM_SIGSTORE_SIGNATURE);
	pm_strv_add(&one->notes, "c2ln");
	pm_signature_format(one, &text);
	CHECK_INT(pm_signature_parse(text.data, text.len, &back, NULL), 0);
	CHECK_INT(back.v[0].kind, PM_SIGNATURE_SIGSTORE);
	CHECK_STR(back.v[0].media_type, PM_SIGSTORE_PAYLOAD);
	CHECK_INT(back.v[0].payload.len, 3);
	CHECK(memcmp(back.v[0].payload.data, "p\0\xff", 3) == 0);
	CHECK_STR(pm_signature_note(&back.v[0], PM_SIGSTORE_SIGNATURE), "c2ln");
	CHECK(pm_signature_note(&back.v[0], "c2ln") == NULL);
	/* an OpenPGP message is kept as it is; what could be taken for something else is marked */
	static const char *const messages[] = {"\xa3message", "armoured"};
	for (size_t i = 0; i < 2; i++) {
		_cleanup_signatures_ struct pm_signatures simple = {0};
		pm_buf_cut(&text, 0);
		one = pm_signatures_add(&s, PM_SIGNATURE_SIMPLE);
		pm_buf_add_str(&one->payload, messages[i]);
		pm_signature_format(one, &text);
		CHECK_INT(text.data[0] != '\0', i == 0);
		CHECK_INT(pm_signature_parse(text.data, text.len, &simple, NULL), 0);
		CHECK_STR(pm_buf_str(&simple.v[0].payload), messages[i]);
	}
	CHECK(pm_signatures_have(&s, PM_SIGNATURE_SIMPLE));
	CHECK(!pm_signatures_have(&back, PM_SIGNATURE_SIMPLE));
	pm_signatures_append(&back, &s);
	CHECK_INT(back.n, 4);
	CHECK_INT(s.n, 0);
	/* all of them as the store keeps them */
	_cleanup_signatures_ struct pm_signatures stored = {0};
	pm_buf_cut(&text, 0);
	pm_signatures_write(&back, &text);
	CHECK_INT(pm_signatures_read(text.data, text.len, &stored, NULL), 0);
	CHECK_INT(stored.n, 4);
	CHECK_INT(stored.v[0].kind, PM_SIGNATURE_SIGSTORE);
	CHECK_STR(pm_signature_note(&stored.v[1], PM_SIGSTORE_SIGNATURE), "c2ln");
	CHECK_STR(pm_buf_str(&stored.v[3].payload), "armoured");
	CHECK_INT(pm_signatures_read("[1]", 3, &stored, NULL), -PM_E_FORMAT);
	CHECK_INT(pm_signatures_read("{", 1, &stored, NULL), -PM_E_FORMAT);
}

TEST(signature_sizes_together)
{
	_cleanup_signatures_ struct pm_signatures s = {0};
	for (int i = 0; i < 5; i++) {
		struct pm_signature *one = pm_signatures_add(&s, PM_SIGNATURE_SIMPLE);
		memset(pm_buf_reserve(&one->payload, PM_SIGNATURE_MAX), 'x', PM_SIGNATURE_MAX);
		one->payload.len = PM_SIGNATURE_MAX - 1;
		CHECK_INT(pm_signatures_check_size(&s, "x", NULL), i < 2 ? 0 : -PM_E_FORMAT);
	}
}

/* --- payloads ------------------------------------------------------------------------------------ */

#define D64 "0123456789012345678901234567890123456789012345678901234567890123"
#define IMAGE "\"image\":{\"docker-manifest-digest\":\"sha256:" D64 "\"}"
#define NAMED "\"identity\":{\"docker-reference\":\"h.io/a:1\"}"

TEST(payload_read)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{"{\"critical\":{\"type\":\"t\"," IMAGE "," NAMED "},\"optional\":{}}", 0},
		{"{\"critical\":{\"type\":\"t\"," IMAGE "," NAMED "},\"optional\":null}", 0},
		{"{\"critical\":{\"type\":\"t\"," IMAGE "," NAMED "},\"optional\":{\"creator\":\"x\",\"timestamp\":1}}", 0},
		{"{\"critical\":{\"type\":\"t\"," IMAGE "," NAMED "}}", -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"u\"," IMAGE "," NAMED "},\"optional\":{}}", -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"t\"," IMAGE "},\"optional\":{}}", -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"t\"," NAMED "},\"optional\":{}}", -PM_E_FORMAT},
		/* critical: what a reader does not know it must not pass over */
		{"{\"critical\":{\"type\":\"t\"," IMAGE "," NAMED ",\"more\":1},\"optional\":{}}", -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"t\"," IMAGE "," NAMED "},\"optional\":{},\"more\":1}", -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"t\",\"image\":{\"docker-manifest-digest\":\"sha256:" D64
		 "\",\"more\":1}," NAMED "},\"optional\":{}}",
		 -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"t\",\"type\":\"t\"," IMAGE "," NAMED "},\"optional\":{}}", -PM_E_FORMAT},
		{"{\"critical\":{\"type\":\"t\",\"image\":{\"docker-manifest-digest\":\"sha256:0\"}," NAMED
		 "},\"optional\":{}}",
		 -PM_E_REMOTE},
		{"{}", -PM_E_FORMAT},
		{"[]", -PM_E_FORMAT},
		{"", -PM_E_FORMAT},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = NULL;
		struct pm_err err = PM_ERR_INIT;
		int r = pm_payload_read(cases[i].text, strlen(cases[i].text), "t", "sha256:" D64, &name, &err);
		CHECK_INT(r, cases[i].want);
		if (r == 0)
			CHECK_STR(name, "h.io/a:1");
	}
	/* what is made is read */
	_cleanup_buf_ struct pm_buf made = PM_BUF_INIT;
	_cleanup_free_ char *name = NULL;
	pm_payload_make(PM_PAYLOAD_SIGSTORE, "h.io/b:2", "sha256:" D64, &made);
	CHECK_INT(pm_payload_read(made.data, made.len, PM_PAYLOAD_SIGSTORE, "sha256:" D64, &name, NULL), 0);
	CHECK_STR(name, "h.io/b:2");
}

/* --- private keys -------------------------------------------------------------------------------- */

/* Made by PyNaCl, hashlib's scrypt and openssl. */
static const char foreign_key[] =
	"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n"
	"eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjoxMDI0LCJyIjo4\n"
	"LCJwIjoxfSwic2FsdCI6IllPV1dBTkpERHdhNlZvOElmVzB0d01pYlN2YzY3OVkw\n"
	"RGswRTNoQmNrazA9In0sImNpcGhlciI6eyJuYW1lIjoibmFjbC9zZWNyZXRib3gi\n"
	"LCJub25jZSI6IitUemVLbDRlVG5sN3VDUjh1dGZFcFRUeENGQVlFaEhUIn0sImNp\n"
	"cGhlcnRleHQiOiJwL1c5V3Nkb09BenhtdTFLY3lvbXlGdCtmcGFzYzQzZ0Nsdisr\n"
	"azVuWVdiUWFyclVjM2NtUzJEemtxTk0xZmJSdXhEMkMxSTZzYkRuVGpGRFM0WVJ1\n"
	"azlJYVRuWDI0RjZsTUR1UzBySFFNeTJSeFhodDlrS0YwOXFXazdzSkxUeHNMTmcv\n"
	"MSt4bWpvNkJzRHF4Q0Jmemg2TW9MZ1RuRDVDdVFZT1JwYytDWTRZRUppK1kwK2xE\n"
	"dDk1KzI2RTFsNGJlM0RwZXFKVS94MWVJdz09In0=\n"
	"-----END ENCRYPTED COSIGN PRIVATE KEY-----\n";
static const char foreign_public[] = "-----BEGIN PUBLIC KEY-----\n"
				     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3DE5fSIp7HouZ+wAYlkzLTq32waD\n"
				     "nFljvxo5Yh9DeseXLkWHrv5au/PtsXCZ2TT+cNQz8wak7phpWvyWpkE4EQ==\n"
				     "-----END PUBLIC KEY-----\n";

static int load(const char *pem, const char *passphrase, struct pm_private_key **ret)
{
	struct pm_buf text = {.data = (char *)pem, .len = strlen(pem)};
	return pm_private_key_load(&text, passphrase, ret, NULL);
}

/* Does what k signs hold by that public key, and nothing else? */
static void check_pair(const struct pm_private_key *k, const char *public_pem)
{
	struct pm_buf pem = {.data = (char *)public_pem, .len = strlen(public_pem)};
	struct pm_buf data = {.data = (char *)"text", .len = 4}, other = {.data = (char *)"Text", .len = 4};
	_cleanup_free_ char *sig = NULL;
	CHECK_INT(pm_private_key_sign(k, &data, &sig, NULL), 0);
	CHECK_INT(pm_public_key_verify(&pem, &data, sig, NULL), 0);
	CHECK_INT(pm_public_key_verify(&pem, &other, sig, NULL), -PM_E_REMOTE);
}

TEST(private_key_of_another_tool)
{
	struct pm_private_key *k = NULL;
	CHECK_INT(load(foreign_key, "correct horse", &k), 0);
	check_pair(k, foreign_public);
	pm_private_key_free(k);
	CHECK_INT(load(foreign_key, "wrong horse", &k), -PM_E_UNAUTH);
	CHECK_INT(load(foreign_key, "", &k), -PM_E_UNAUTH);
	CHECK_INT(load(foreign_public, "correct horse", &k), -PM_E_FORMAT);
	CHECK_INT(load("", "", &k), -PM_E_FORMAT);
	CHECK_INT(load("text\n", "", &k), -PM_E_FORMAT);
}

TEST(private_key_generated)
{
	_cleanup_buf_ struct pm_buf secret = PM_BUF_INIT, open = PM_BUF_INIT;
	struct pm_private_key *k = NULL;
	CHECK_INT(pm_private_key_generate("word", &secret, &open, NULL), 0);
	CHECK(pm_startswith(pm_buf_str(&secret), "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n"));
	CHECK_INT(load(pm_buf_str(&secret), "words", &k), -PM_E_UNAUTH);
	CHECK_INT(load(pm_buf_str(&secret), "word", &k), 0);
	check_pair(k, pm_buf_str(&open));
	pm_private_key_free(k);
}

static int box(const char *kdf, const char *params, const char *cipher, const char *text)
{
	static const char nonce[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct pm_key_box b = {0};
	_cleanup_free_ char *json = pm_asprintf(
		"{\"kdf\":{\"name\":\"%s\",\"params\":{%s},\"salt\":\"AAAA\"},\"cipher\":{\"name\":\"%s\","
		"\"nonce\":\"%s\"},\"ciphertext\":\"%s\"}",
		kdf, params, cipher, nonce, text);
	int r = pm_key_box_parse(json, strlen(json), &b, NULL);
	pm_key_box_free(&b);
	return r;
}

TEST(private_key_boxes)
{
	static const char good[] = "\"N\":32768,\"r\":8,\"p\":1", text[] = "AAAAAAAAAAAAAAAAAAAAAAAA";
	CHECK_INT(box("scrypt", good, "nacl/secretbox", text), 0);
	CHECK_INT(box("pbkdf2", good, "nacl/secretbox", text), -PM_E_UNSUPPORTED);
	CHECK_INT(box("scrypt", good, "aes", text), -PM_E_UNSUPPORTED);
	CHECK_INT(box("scrypt", good, "nacl/secretbox", ""), -PM_E_FORMAT);
	CHECK_INT(box("scrypt", good, "nacl/secretbox", "AAAA"), -PM_E_FORMAT);
	CHECK_INT(box("scrypt", good, "nacl/secretbox", "!"), -PM_E_FORMAT);
	/* work and memory are bounded */
	static const char *const bad[] = {
		"\"N\":0,\"r\":8,\"p\":1",	 "\"N\":1,\"r\":8,\"p\":1",
		"\"N\":32767,\"r\":8,\"p\":1",	 "\"N\":2097152,\"r\":1,\"p\":1",
		"\"N\":1048576,\"r\":64,\"p\":1", "\"N\":32768,\"r\":0,\"p\":1",
		"\"N\":32768,\"r\":8,\"p\":17",	 "\"N\":32768,\"r\":8,\"p\":0",
		"\"N\":-32768,\"r\":8,\"p\":1",	 "\"N\":\"32768\",\"r\":8,\"p\":1",
		"\"N\":32768,\"r\":1e9,\"p\":1",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++)
		CHECK_INT(box("scrypt", bad[i], "nacl/secretbox", text), -PM_E_FORMAT);
}

/* --- parameters ---------------------------------------------------------------------------------- */

static int params(const char *text, struct pm_signing_params *ret)
{
	return pm_signing_params_parse(text, strlen(text), ret, NULL);
}

TEST(signing_params)
{
	_cleanup_signing_params_ struct pm_signing_params p = {0}, none = {0};
	CHECK_INT(params("privateKeyFile: /k\nprivateKeyPassphraseFile: \"/p\"\n", &p), 0);
	CHECK_STR(p.private_key, "/k");
	CHECK_STR(p.passphrase_file, "/p");
	CHECK_INT(params("privateKeyFile: /k\nrekorURL: https://r\n", &none), -PM_E_UNSUPPORTED);
	CHECK_INT(params("fulcio: {fulcioURL: https://f}\n", &none), -PM_E_UNSUPPORTED);
	CHECK_INT(params("privateKeyPassphraseFile: /p\n", &none), -PM_E_FORMAT);
	CHECK_INT(params("privateKeyFile: /k\nmore: 1\n", &none), -PM_E_FORMAT);
	CHECK_INT(params("privateKeyFile: [/k]\n", &none), -PM_E_FORMAT);
	CHECK_INT(params("privateKeyFile: ''\n", &none), -PM_E_FORMAT);
	CHECK_INT(params("", &none), -PM_E_FORMAT);
	CHECK(!none.private_key);
}
