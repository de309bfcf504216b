#include "tests/unit/test.h"

#include "base/hash.h"

/* FIPS 180-4 examples. */
TEST(sha256)
{
	char hex[65];
	pm_sha256_of("", 0, hex);
	CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	pm_sha256_of("abc", 3, hex);
	CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct pm_sha256 h;
	pm_sha256_init(&h);
	for (int i = 0; i < 1000000; i++)
		pm_sha256_add(&h, "a", 1);
	pm_sha256_hex(&h, hex);
	CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha512)
{
	char hex[129];
	struct pm_sha512 h;
	pm_sha512_init(&h);
	pm_sha512_add(&h, "abc", 3);
	pm_sha512_hex(&h, hex);
	CHECK_STR(hex, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(random_hex)
{
	char a[65], b[65], big[2001];
	pm_random_hex(32, a);
	pm_random_hex(32, b);
	CHECK_INT(strlen(a), 64);
	CHECK_INT(strspn(a, "0123456789abcdef"), 64);
	CHECK(strcmp(a, b) != 0);
	pm_random_hex(1000, big);
	CHECK_INT(strlen(big), 2000);
	pm_random_hex(0, a);
	CHECK_STR(a, "");
}
