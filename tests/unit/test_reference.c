#include "registry/reference.h"

#include "registry/digest.h"
#include "tests/unit/test.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void check(const char *text, const char *domain, const char *path, const char *tag,
		  const char *digest)
{
	_cleanup_reference_ struct pm_reference r = PM_REFERENCE_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_reference_parse(text, &r, &err), err);
	CHECK_STR(r.domain ? r.domain : "-", domain ? domain : "-");
	CHECK_STR(r.path, path);
	CHECK_STR(r.tag ? r.tag : "-", tag ? tag : "-");
	CHECK_STR(r.digest ? r.digest : "-", digest ? digest : "-");
	_cleanup_free_ char *again = pm_reference_str(&r);
	CHECK_STR(again, text);
}

TEST(forms)
{
	check("busybox", NULL, "busybox", NULL, NULL);
	check("busybox:1.36", NULL, "busybox", "1.36", NULL);
	check("library/busybox", NULL, "library/busybox", NULL, NULL);
	check("docker.io/library/busybox:latest", "docker.io", "library/busybox", "latest", NULL);
	check("127.0.0.1:5000/a/b:x", "127.0.0.1:5000", "a/b", "x", NULL);
	check("localhost/a", "localhost", "a", NULL, NULL);
	check("localhost:5000/a:V_1.-", "localhost:5000", "a", "V_1.-", NULL);
	check("[::1]:5000/a:t", "[::1]:5000", "a", "t", NULL);
	check("a.b/c__d/e---f.g@sha256:" HEX, "a.b", "c__d/e---f.g", NULL, "sha256:" HEX);
	check("a.b/c:t@sha256:" HEX, "a.b", "c", "t", "sha256:" HEX);
	check("host:80/x", "host:80", "x", NULL, NULL);
}

TEST(refused)
{
	static const char *const bad[] = {
		"", ":", "@", "/", "a:", ":t", "a/", "/a", "a//b", "a/../b", "../a", "a/.b", "a.b/..", "-a", "a-",
		"a___b", "a._b", "A", "a/B", "a b", "a\nb", "a:b c", "a:.t", "a:-t", "host:99999999/a", "host:x/a",
		"h..h/a", "-h.x/a", "a@sha256:0", "a@sha256:" HEX "0", "a@md5:" HEX, "a@sha256:../../x", HEX,
		"http://a/b", "a?b", "a#b", "a%2e%2e/b", "user@host/a", "a:t:u", "[::1/a", "\xc3\xa4",
		"a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pm_reference r = PM_REFERENCE_INIT;
		struct pm_err err = PM_ERR_INIT;
		int e = pm_reference_parse(bad[i], &r, &err);
		if (e != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "'%s' gave %d", bad[i], e);
		CHECK(err.text[0] && !r.path);
	}
}

TEST(length_limits)
{
	char name[400];
	memset(name, 'a', sizeof(name));
	struct pm_reference r = PM_REFERENCE_INIT;
	name[256] = '\0';
	CHECK_INT(pm_reference_parse(name, &r, NULL), -PM_E_USAGE);
	name[255] = '\0';
	CHECK_INT(pm_reference_parse(name, &r, NULL), 0);
	pm_reference_free(&r);
	name[0] = 'x';
	name[1] = ':';
	name[2 + 129] = '\0';
	CHECK_INT(pm_reference_parse(name, &r, NULL), -PM_E_USAGE);
	name[2 + 128] = '\0';
	CHECK_INT(pm_reference_parse(name, &r, NULL), 0);
	pm_reference_free(&r);
}

TEST(docker_hub_names)
{
	static const char *const pairs[][2] = {
		{"busybox", "docker.io/library/busybox:latest"},
		{"user/app:1", "docker.io/user/app:1"},
		{"docker.io/busybox", "docker.io/library/busybox:latest"},
		{"index.docker.io/busybox", "docker.io/library/busybox:latest"},
		{"quay.io/busybox", "quay.io/busybox:latest"},
		{"busybox@sha256:" HEX, "docker.io/library/busybox@sha256:" HEX},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		_cleanup_reference_ struct pm_reference r = PM_REFERENCE_INIT;
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(pm_reference_parse_docker(pairs[i][0], &r, &err), err);
		pm_reference_default_tag(&r);
		_cleanup_free_ char *full = pm_reference_str(&r);
		CHECK_STR(full, pairs[i][1]);
	}
}

TEST(digests)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK(pm_digest_valid("sha256:" HEX));
	CHECK(!pm_digest_valid("sha256:" HEX "/../x"));
	CHECK(!pm_digest_valid(NULL));
	CHECK_INT(pm_digest_check("sha512:" HEX HEX, "it", &err), -PM_E_UNSUPPORTED);
	CHECK_INT(pm_digest_check("sha256:../" HEX, "it", &err), -PM_E_FORMAT);
	CHECK_INT(pm_digest_check(NULL, "it", &err), -PM_E_FORMAT);
	CHECK_INT(pm_digest_verify("abc", 3, "sha256:ba7816bf8f01cfea414140de5dae2223"
					     "b00361a396177a9cb410ff61f20015ad", "it", &err), 0);
	CHECK_INT(pm_digest_verify("abd", 3, "sha256:ba7816bf8f01cfea414140de5dae2223"
					     "b00361a396177a9cb410ff61f20015ad", "it", &err),
		  -PM_E_DIGEST);
}

/* sha256("sha256:aaaa... sha256:bbbb..."), computed by sha256sum. */
TEST(chain_ids)
{
	char a[72], b[72], chain[65], lower[65];
	snprintf(a, sizeof(a), "sha256:");
	memset(a + 7, 'a', 64);
	a[71] = '\0';
	snprintf(b, sizeof(b), "sha256:");
	memset(b + 7, 'b', 64);
	b[71] = '\0';
	pm_chain_id(NULL, a, lower);
	CHECK_STR(lower, a + 7);
	pm_chain_id(lower, b, chain);
	CHECK_STR(chain, "ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c");
}
