/* crypt: annotations of an encrypted layer, the JWE and the enveloped data in them; keys that open none, or all. */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/enveloped.h"
#include "registry/jwe.h"
#include "registry/layer_crypt.h"
#include "tests/unit/crypt_vectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read once. */
static const struct pm_crypt_keys *all_keys(void)
{
	static struct pm_crypt_keys k;
	static const char *const pems[] = {SKOPEO_EC, SKOPEO_RSA, SKOPEO_CERT_KEY};
	if (k.n_keys)
		return &k;
	for (size_t i = 0; i < PM_ARRAY_SIZE(pems); i++) {
		BIO *in = BIO_new_mem_buf(pems[i], -1);
		k.keys[k.n_keys++] = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
		BIO_free(in);
	}
	BIO *in = BIO_new_mem_buf(SKOPEO_CERT, -1);
	k.certs[k.n_certs++] = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	return &k;
}

static void try_jwe(const struct pm_crypt_keys *k, const uint8_t *data, size_t size)
{
	_cleanup_jwe_ struct pm_jwe j = {0};
	if (pm_jwe_parse((const char *)data, size, &j, NULL) < 0)
		return;
	if (!j.n || j.n > PM_JWE_RECIPIENTS_MAX || !j.enc || !j.recipients[j.n - 1].alg)
		abort();
	for (size_t i = 0; i < k->n_keys; i++) {
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		if (pm_jwe_decrypt(&j, k->keys[i], &out, NULL) < 0 && out.len)
			abort();
	}
}

static void try_enveloped(const struct pm_crypt_keys *k, const uint8_t *data, size_t size)
{
	struct pm_enveloped *e;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	if (pm_enveloped_parse(data, size, &e, NULL) < 0)
		return;
	if (pm_enveloped_open(e, k->certs[0], k->keys[2], &out, NULL) < 0 && out.len)
		abort();
	pm_enveloped_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pm_crypt_keys *k = all_keys();
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	struct pm_layer_secret s;
	try_jwe(k, data, size);
	try_enveloped(k, data, size);
	if (pm_json_parse(pool, (const char *)data, size, &root, NULL) >= 0 &&
	    pm_json_is(root, PM_JSON_OBJECT)) {
		struct pm_descriptor d = {.media_type = "x+encrypted", .digest = "x", .annotations = root};
		struct pm_json *left = pm_layer_annotations(pool, root, NULL);
		pm_layer_unlock(&d, k, &s, NULL);
		if (pm_json_get(left, "org.opencontainers.image.enc.pubopts"))
			abort();
	}
	return 0;
}
