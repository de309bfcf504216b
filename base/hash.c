/* The low-level functions are deprecated in OpenSSL 3, but they alone link statically without the
 * provider machinery (the library's start-up and 3 MB of other algorithms). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct pm_sha256), "struct pm_sha256 is too small");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(struct pm_sha512), "struct pm_sha512 is too small");

static void hex(const unsigned char *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

void pm_sha256_init(struct pm_sha256 *h)
{
	SHA256_Init((SHA256_CTX *)h->state);
}

void pm_sha256_add(struct pm_sha256 *h, const void *data, size_t len)
{
	SHA256_Update((SHA256_CTX *)h->state, data, len);
}

void pm_sha256_hex(struct pm_sha256 *h, char ret[65])
{
	unsigned char md[32];
	SHA256_Final(md, (SHA256_CTX *)h->state);
	hex(md, sizeof(md), ret);
}

void pm_sha256_of(const void *data, size_t len, char ret[65])
{
	struct pm_sha256 h;
	pm_sha256_init(&h);
	pm_sha256_add(&h, data, len);
	pm_sha256_hex(&h, ret);
}

void pm_sha512_init(struct pm_sha512 *h)
{
	SHA512_Init((SHA512_CTX *)h->state);
}

void pm_sha512_add(struct pm_sha512 *h, const void *data, size_t len)
{
	SHA512_Update((SHA512_CTX *)h->state, data, len);
}

void pm_sha512_hex(struct pm_sha512 *h, char ret[129])
{
	unsigned char md[64];
	SHA512_Final(md, (SHA512_CTX *)h->state);
	hex(md, sizeof(md), ret);
}

void pm_random_hex(size_t n, char *ret)
{
	unsigned char bytes[256];
	ret[0] = '\0';
	for (size_t done = 0; done < n;) {
		size_t want = n - done < sizeof(bytes) ? n - done : sizeof(bytes);
		ssize_t got = getrandom(bytes, want, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* only a kernel older than 3.17 */
		hex(bytes, (size_t)got, ret + 2 * done);
		done += (size_t)got;
	}
}
