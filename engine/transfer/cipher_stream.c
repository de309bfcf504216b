#include "engine/transfer/cipher_stream.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"

struct pm_cipher_stream {
	struct pm_stream in;
	struct pm_layer_cipher *cipher;
	bool encrypt, ended;
	struct pm_sha256 plain; /* encrypting: of what comes in */
};

int pm_cipher_stream_new(const struct pm_stream *in, const struct pm_layer_secret *secret, bool encrypt,
			 struct pm_cipher_stream **ret, struct pm_err *err)
{
	struct pm_layer_cipher *cipher;
	int r = pm_layer_cipher_new(secret, encrypt, &cipher, err);
	if (r < 0)
		return r;
	struct pm_cipher_stream *s = PM_NEW(struct pm_cipher_stream);
	s->in = *in;
	s->cipher = cipher;
	s->encrypt = encrypt;
	pm_sha256_init(&s->plain);
	*ret = s;
	return 0;
}

void pm_cipher_stream_free(struct pm_cipher_stream *s)
{
	if (!s)
		return;
	pm_layer_cipher_free(s->cipher);
	free(s);
}

static ssize_t cipher_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_cipher_stream *s = arg;
	ssize_t n = s->in.read(s->in.arg, buf, len, err);
	if (n == 0 && !s->ended) {
		int r = s->encrypt ? 0 : pm_layer_cipher_check(s->cipher, err);
		if (r < 0)
			return r;
		s->ended = true;
	}
	if (n <= 0)
		return n;
	if (s->encrypt)
		pm_sha256_add(&s->plain, buf, (size_t)n);
	int r = pm_layer_cipher_run(s->cipher, buf, (size_t)n, err);
	return r < 0 ? r : n;
}

struct pm_stream pm_cipher_stream(struct pm_cipher_stream *s)
{
	return (struct pm_stream){.read = cipher_read, .arg = s};
}

int pm_cipher_stream_check(const struct pm_cipher_stream *s, struct pm_err *err)
{
	return s->ended ? 0 : pm_fail(err, PM_E_DIGEST, "more was encrypted than the layer that is in it");
}

int pm_cipher_stream_finish(struct pm_cipher_stream *s, char ret_digest[PM_DIGEST_SIZE],
			    struct pm_layer_secret *secret, struct pm_err *err)
{
	char hex[65];
	if (!s->ended)
		return pm_fail(err, PM_E_INTERNAL, "a layer was not encrypted to its end");
	pm_sha256_hex(&s->plain, hex);
	snprintf(ret_digest, PM_DIGEST_SIZE, "sha256:%s", hex);
	return pm_layer_cipher_hmac(s->cipher, secret->hmac, err);
}
