#include "engine/transfer/crypt.h"

#include <stdlib.h>

#include "engine/transfer/cipher_stream.h"

void pm_tx_crypt_free(struct pm_tx_crypt *c)
{
	pm_crypt_keys_free(&c->own);
	pm_crypt_keys_free(&c->recipients);
	free(c->layers);
	*c = (struct pm_tx_crypt){0};
}

static int load(const struct pm_wire *w, struct pm_tx_crypt *c, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv files = PM_STRV_INIT, phrases = PM_STRV_INIT, words = PM_STRV_INIT,
				      layers = PM_STRV_INIT;
	int r = 0;
	pm_wire_get_list(w, "decryption_key", &files);
	pm_wire_get_list(w, "decryption_passphrase", &phrases);
	pm_wire_get_list(w, "encryption_key", &words);
	pm_wire_get_list(w, "encrypt_layer", &layers);
	if (files.n != phrases.n)
		return pm_fail(err, PM_E_INTERNAL, "malformed request");
	for (size_t i = 0; r >= 0 && i < files.n; i++)
		r = pm_crypt_keys_private(&c->own, files.v[i], phrases.v[i], err);
	if (r < 0)
		return pm_wrap(err, "decryption key");
	for (size_t i = 0; r >= 0 && i < words.n; i++)
		r = pm_crypt_keys_recipient(&c->recipients, words.v[i], err);
	if (r < 0)
		return pm_wrap(err, "encryption key");
	c->decrypts = files.n > 0;
	c->encrypts = words.n > 0;
	c->layers = pm_calloc(layers.n, sizeof(*c->layers));
	for (; c->n_layers < layers.n; c->n_layers++)
		c->layers[c->n_layers] = strtoll(layers.v[c->n_layers], NULL, 10);
	return 0;
}

int pm_tx_crypt_load(const struct pm_wire *request, struct pm_tx_crypt *ret, struct pm_err *err)
{
	struct pm_tx_crypt c = {0};
	int r = load(request, &c, err);
	if (r < 0) {
		pm_tx_crypt_free(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int pm_tx_crypt_unlock(const struct pm_tx_crypt *c, const struct pm_descriptor *d,
		       struct pm_layer_secret *ret, struct pm_err *err)
{
	if (!c->decrypts)
		return pm_fail(err, PM_E_USAGE, "layer %s is encrypted: a key that decrypts it is needed "
						"(--decryption-key)",
			       d->digest);
	return pm_layer_unlock(d, &c->own, ret, err);
}

int pm_tx_crypt_choose(const struct pm_tx_crypt *c, size_t n, bool *ret, struct pm_err *err)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = c->encrypts && !c->n_layers;
	for (size_t i = 0; i < c->n_layers; i++) {
		int64_t index = c->layers[i] < 0 ? c->layers[i] + (int64_t)n : c->layers[i];
		if (index < 0 || index >= (int64_t)n)
			return pm_fail(err, PM_E_USAGE, "--encrypt-layer: there is no layer %lld, the image has "
							"%zu",
				       (long long)c->layers[i], n);
		ret[index] = true;
	}
	return 0;
}

int pm_tx_crypt_put(const struct pm_tx_crypt *c, struct pm_destination *d, const struct pm_stream *in,
		    char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_strv *ret_locked,
		    struct pm_err *err)
{
	_cleanup_layer_secret_ struct pm_layer_secret secret = {0};
	struct pm_cipher_stream *locked = NULL;
	char plain[PM_DIGEST_SIZE];
	int r = pm_layer_secret_random(&secret, err);
	if (r >= 0)
		r = pm_cipher_stream_new(in, &secret, true, &locked, err);
	if (r < 0)
		return r;
	struct pm_stream out = pm_cipher_stream(locked);
	r = pm_destination_put_blob(d, &out, PM_BLOB_LAYER, NULL, -1, ret_digest, ret_size, err);
	if (r >= 0)
		r = pm_cipher_stream_finish(locked, plain, &secret, err);
	if (r >= 0)
		r = pm_layer_lock(&secret, plain, &c->recipients, ret_locked, err);
	pm_cipher_stream_free(locked);
	return r;
}
