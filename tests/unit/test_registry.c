#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "registry/auth.h"
#include "registry/challenge.h"
#include "registry/http.h"
#include "registry/policy.h"
#include "registry/registries_conf.h"
#include "registry/signature_payload.h"
#include "tests/unit/test.h"

/* --- WWW-Authenticate ---------------------------------------------------------------------------- */

TEST(challenge_bearer)
{
	_cleanup_challenges_ struct pm_challenges c = PM_CHALLENGES_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_challenges_parse("Bearer realm=\"https://auth.example/token?x=\\\"y\\\"\",service=reg,"
				     "scope=\"repository:a/b:pull,push\", Basic realm=\"r\"", &c, &err), err);
	CHECK_INT(c.n, 2);
	const struct pm_challenge *b = pm_challenges_find(&c, PM_CHALLENGE_BEARER);
	CHECK_STR(b->realm, "https://auth.example/token?x=\"y\"");
	CHECK_STR(b->service, "reg");
	CHECK_STR(b->scope, "repository:a/b:pull,push");
	CHECK_STR(pm_challenges_find(&c, PM_CHALLENGE_BASIC)->realm, "r");
}

TEST(challenge_others)
{
	_cleanup_challenges_ struct pm_challenges c = PM_CHALLENGES_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_challenges_parse("Negotiate abc==, Basic", &c, &err), err);
	CHECK_INT(c.n, 2);
	CHECK(pm_challenges_find(&c, PM_CHALLENGE_BASIC) != NULL);
	CHECK_INT(pm_challenges_parse("Bearer realm=\"open", &c, &err), -PM_E_FORMAT);
	CHECK_INT(pm_challenges_parse("Bearer realm=\"a\r\nb\"", &c, &err), -PM_E_FORMAT);
	CHECK_INT(pm_challenges_parse("=\"", &c, &err), -PM_E_FORMAT);
}

/* --- registries.conf ----------------------------------------------------------------------------- */

static const char conf_text[] =
	"unqualified-search-registries = [\"reg.example\", \"docker.io\"]\n"
	"[[registry]]\nprefix = \"reg.example/team\"\nlocation = \"127.0.0.1:5000/mirror\"\ninsecure = true\n"
	"[[registry.mirror]]\nlocation = \"m1.example/x\"\n"
	"[[registry.mirror]]\nlocation = \"m2.example\"\ninsecure = true\npull-from-mirror = \"digest-only\"\n"
	"[[registry]]\nlocation = \"bad.example\"\nblocked = true\n"
	"[[registry]]\nprefix = \"*.wild.example\"\nlocation = \"target.example\"\n"
	"[aliases]\n\"app\" = \"quay.io/me/app\"\n\"busybox\" = \"docker.io/library/busybox\"\n";

static void load_conf(struct pm_registries *c)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_registries_parse(c, conf_text, strlen(conf_text), "test.conf", &err), err);
}

static void endpoints(const char *name, struct pm_endpoints *e, int want)
{
	_cleanup_registries_ struct pm_registries c = PM_REGISTRIES_INIT;
	_cleanup_reference_ struct pm_reference r = PM_REFERENCE_INIT;
	struct pm_err err = PM_ERR_INIT;
	load_conf(&c);
	CHECK_OK(pm_reference_parse(name, &r, &err), err);
	CHECK_INT(pm_registries_endpoints(&c, &r, e, &err), want);
}

static void check_endpoint(const struct pm_endpoints *e, size_t i, const char *name, bool insecure)
{
	CHECK(i < e->n);
	_cleanup_free_ char *got = pm_reference_str(&e->v[i].ref);
	CHECK_STR(got, name);
	CHECK_INT(e->v[i].insecure, insecure);
}

TEST(mirrors_and_rewrites)
{
	_cleanup_endpoints_ struct pm_endpoints e = {0}, f = {0}, g = {0}, h = {0};
	endpoints("reg.example/team/app:1", &e, 0);
	CHECK_INT(e.n, 2);
	check_endpoint(&e, 0, "m1.example/x/app:1", false);
	check_endpoint(&e, 1, "127.0.0.1:5000/mirror/app:1", true);
	endpoints("reg.example/teams/app:1", &f, 0);
	CHECK_INT(f.n, 1);
	check_endpoint(&f, 0, "reg.example/teams/app:1", false);
	endpoints("a.wild.example/app:1", &g, 0);
	check_endpoint(&g, 0, "target.example/app:1", false);
	endpoints("bad.example/app:1", &h, -PM_E_REMOTE);
}

static void check_candidates(const char *name, bool local, const char *want)
{
	_cleanup_registries_ struct pm_registries c = PM_REGISTRIES_INIT;
	_cleanup_reference_ struct pm_reference r = PM_REFERENCE_INIT;
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	struct pm_err err = PM_ERR_INIT;
	load_conf(&c);
	CHECK_OK(pm_reference_parse(name, &r, &err), err);
	CHECK_OK(pm_registries_candidates(&c, &r, local, &l, &err), err);
	_cleanup_free_ char *got = pm_strv_join(&l, " ");
	CHECK_STR(got, want);
}

TEST(short_names)
{
	check_candidates("app", false, "quay.io/me/app:latest");
	check_candidates("app:2", true, "quay.io/me/app:2 localhost/app:2 reg.example/app:2 docker.io/library/app:2");
	check_candidates("other", false, "reg.example/other:latest docker.io/library/other:latest");
	check_candidates("docker.io/busybox", false, "docker.io/library/busybox:latest");
}

TEST(no_registry_for_a_short_name)
{
	_cleanup_registries_ struct pm_registries c = PM_REGISTRIES_INIT;
	_cleanup_reference_ struct pm_reference r = PM_REFERENCE_INIT;
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_reference_parse("x", &r, &err), err);
	CHECK_INT(pm_registries_candidates(&c, &r, false, &l, &err), -PM_E_USAGE);
	CHECK(strstr(err.text, "short-name \"x\""));
	CHECK_INT(pm_registries_parse(&c, "[[registry]]\nlocation='https://x'\n", 34, "f", &err),
		  -PM_E_FORMAT);
}

/* --- credentials --------------------------------------------------------------------------------- */

TEST(base64)
{
	static const char *const pairs[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < 5; i++) {
		size_t len;
		_cleanup_free_ char *e = pm_base64_encode(pairs[i][0], strlen(pairs[i][0]));
		CHECK_STR(e, pairs[i][1]);
		_cleanup_free_ char *d = pm_base64_decode(pairs[i][1], &len);
		CHECK_STR(d, pairs[i][0]);
		CHECK_INT(len, strlen(pairs[i][0]));
	}
	size_t len;
	CHECK(!pm_base64_decode("Z", &len));
	CHECK(!pm_base64_decode("Zm9v!", &len));
}

static char *put(const char *name, const char *text, mode_t mode)
{
	struct pm_err err = PM_ERR_INIT;
	char *path = pm_asprintf("%s/%s", test_dir(), name);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, path, text, strlen(text), mode, false, &err), err);
	return path;
}

static void check_user(const char *file, const char *domain, const char *path, const char *user)
{
	_cleanup_credentials_ struct pm_credentials c = PM_CREDENTIALS_INIT;
	struct pm_err err = PM_ERR_INIT;
	int r = pm_credentials_find(file, NULL, domain, path, &c, &err);
	CHECK_OK(r, err);
	CHECK_INT(r, user != NULL);
	CHECK_STR(c.user ? c.user : "-", user ? user : "-");
}

/* dTpw is u:p, djpw v:p, dzpw w:p */
TEST(auth_file)
{
	_cleanup_free_ char *f = put("auth.json",
		"{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"},\"r.example/a/b\":{\"auth\":\"djpw\"},"
		"\"https://index.docker.io/v1/\":{\"auth\":\"dzpw\"},\"n.example/x\":{\"auth\":\"djpw\"}}}", 0600);
	check_user(f, "r.example", "a", "u");
	check_user(f, "r.example", "a/b", "v");
	check_user(f, "r.example", "a/b/c", "v");
	check_user(f, "r.example", "a/bc", "u");
	check_user(f, "docker.io", "library/x", "w");
	check_user(f, "other.example", "a", NULL);
	check_user(f, "n.example", "y", NULL);
	_cleanup_free_ char *none = pm_asprintf("%s/none", test_dir());
	struct pm_credentials c = PM_CREDENTIALS_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(pm_credentials_find(none, NULL, "x.y", "z", &c, &err), -2 /* ENOENT */);
	_cleanup_free_ char *bad = put("bad.json", "{\"auths\":{\"x.y\":{\"auth\":\"dXA=\"}}}", 0600);
	CHECK_INT(pm_credentials_find(bad, NULL, "x.y", "z", &c, &err), -PM_E_FORMAT);
	CHECK(!strstr(err.text, "dXA"));
}

TEST(credential_helper)
{
	_cleanup_free_ char *prog = put("docker-credential-t",
		"#!/bin/sh\nread s\n[ \"$1\" = get ] || exit 9\n"
		"case $s in r.example) echo '{\"Username\":\"hu\",\"Secret\":\"hp\"}';;\n"
		"s.example) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}';;\n"
		"*) echo 'credentials not found in native keychain'; exit 1;; esac\n", 0700);
	_cleanup_free_ char *f = put("auth.json", "{\"credHelpers\":{\"r.example\":\"t\"},\"credsStore\":\"t\"}", 0600);
	_cleanup_free_ char *path = pm_asprintf("%s:/usr/bin:/bin", test_dir());
	setenv("PATH", path, 1);
	check_user(f, "r.example", "a", "hu");
	check_user(f, "x.example", "a", NULL);
	_cleanup_credentials_ struct pm_credentials c = PM_CREDENTIALS_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(pm_credentials_find(f, NULL, "s.example", "a", &c, &err), 1);
	CHECK_STR(c.identity_token, "tok");
	_cleanup_free_ char *evil = put("evil.json", "{\"credsStore\":\"../../bin/sh\"}", 0600);
	CHECK_INT(pm_credentials_find(evil, NULL, "s.example", "a", &c, &err), -PM_E_FORMAT);
}

/* --- addresses ----------------------------------------------------------------------------------- */

static void check_origin(const char *url, const char *want)
{
	_cleanup_free_ char *got = pm_http_origin(url);
	CHECK_STR(got ? got : "-", want);
}

TEST(origins)
{
	check_origin("https://Host.Example/x?y", "https://host.example:443");
	check_origin("http://h:80/", "http://h:80");
	check_origin("https://h:5000/v2/", "https://h:5000");
	check_origin("https://user:pw@h/", "-");
	check_origin("ftp://h/", "-");
	check_origin("file:///etc/passwd", "-");
	check_origin("nonsense", "-");
}

/* --- policy -------------------------------------------------------------------------------------- */

static int decide(const char *transport, const char *scope)
{
	static const char text[] =
		"{\"default\":[{\"type\":\"reject\"}],\"transports\":{\"docker\":{"
		"\"good.example\":[{\"type\":\"insecureAcceptAnything\"}],"
		"\"good.example/bad\":[{\"type\":\"reject\"}],\"*.w.example\":[{\"type\":\"insecureAcceptAnything\"}],"
		"\"s.example\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}],"
		"\"t.example\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"AA==\"}],"
		"\"t.example/both\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"AA==\",\"keyPath\":\"/k\"}],"
		"\"t.example/none\":[{\"type\":\"sigstoreSigned\"}],"
		"\"t.example/rekor\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\"}],"
		"\"t.example/new\":[{\"type\":\"somethingNew\"}]},"
		"\"oci\":{\"\":[{\"type\":\"insecureAcceptAnything\"}]}}}";
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	return pm_policy_decide(text, strlen(text), "p", transport, scope, pool, NULL, NULL);
}

TEST(policies)
{
	CHECK_INT(decide("docker", "good.example/a:1"), 0);
	CHECK_INT(decide("docker", "good.example/bad:1"), -PM_E_REMOTE);
	CHECK_INT(decide("docker", "good.example/bad/x:1"), -PM_E_REMOTE);
	CHECK_INT(decide("docker", "good.example:5000/a:1"), -PM_E_REMOTE);
	CHECK_INT(decide("docker", "a.w.example/a:1"), 0);
	CHECK_INT(decide("docker", "b.a.w.example/a:1"), 0);
	CHECK_INT(decide("docker", "s.example/a:1"), 1);
	CHECK_INT(decide("docker", "t.example/a:1"), 1);
	CHECK_INT(decide("docker", "t.example/both:1"), -PM_E_FORMAT);
	CHECK_INT(decide("docker", "t.example/none:1"), -PM_E_FORMAT);
	CHECK_INT(decide("docker", "t.example/rekor:1"), -PM_E_UNSUPPORTED);
	CHECK_INT(decide("docker", "t.example/new:1"), -PM_E_FORMAT);
	CHECK_INT(decide("docker", "other.example/a:1"), -PM_E_REMOTE);
	CHECK_INT(decide("oci", "/tmp/x:1"), 0);
	CHECK_INT(decide("dir", "/tmp/x"), -PM_E_REMOTE);
}

/* --- what signatures claim ----------------------------------------------------------------------- */

#define D64 "0123456789012345678901234567890123456789012345678901234567890123"

static int claims(const char *signed_as, const char *identity, const char *asked)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	struct pm_json *v = NULL;
	_cleanup_free_ char *text = pm_asprintf(
		"{\"critical\":{\"identity\":{\"docker-reference\":\"%s\"},\"image\":{\"docker-manifest-digest\":"
		"\"sha256:" D64 "\"},\"type\":\"t\"},\"optional\":{}}",
		signed_as);
	if (identity)
		CHECK_INT(pm_json_parse(pool, identity, strlen(identity), &v, NULL), 0);
	if (asked)
		CHECK_INT(pm_reference_parse_docker(asked, &ref, NULL), 0);
	return pm_payload_check(text, strlen(text), "t", v, asked ? &ref : NULL, "sha256:" D64, NULL);
}

TEST(signature_identities)
{
	static const char exact[] = "{\"type\":\"matchExact\"}", repo[] = "{\"type\":\"matchRepository\"}",
			  reference[] = "{\"type\":\"exactReference\",\"dockerReference\":\"h.io/v/p:2\"}",
			  repository[] = "{\"type\":\"exactRepository\",\"dockerRepository\":\"h.io/v/p\"}",
			  bare[] = "{\"type\":\"exactReference\",\"dockerReference\":\"h.io/v/p\"}",
			  port[] = "{\"type\":\"remapIdentity\",\"prefix\":\"mirror.io\",\"signedPrefix\":\"h.io\"}",
			  remap[] = "{\"type\":\"remapIdentity\",\"prefix\":\"mirror.io/x\",\"signedPrefix\":\"h.io/v\"}";
	/* without one: by tag exactly, by digest the repository */
	CHECK_INT(claims("h.io/a:1", NULL, "h.io/a:1"), 0);
	CHECK_INT(claims("h.io/a:2", NULL, "h.io/a:1"), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/b:1", NULL, "h.io/a:1"), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/a:2", NULL, "h.io/a@sha256:" D64), 0);
	CHECK_INT(claims("h.io/a", NULL, "h.io/a:1"), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/a:1", exact, "h.io/a:1"), 0);
	CHECK_INT(claims("h.io/a:1", exact, "h.io/a@sha256:" D64), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/a@sha256:" D64, exact, "h.io/a@sha256:" D64), 0);
	CHECK_INT(claims("h.io/a@sha256:" D64, NULL, "h.io/a:1"), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/a", repo, "h.io/a:1"), 0);
	CHECK_INT(claims("h.io/ab", repo, "h.io/a:1"), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/v/p:2", reference, NULL), 0);
	CHECK_INT(claims("h.io/v/p:3", reference, NULL), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/v/p:3", repository, NULL), 0);
	CHECK_INT(claims("h.io/v/p:1", remap, "mirror.io/x/p:1"), 0);
	CHECK_INT(claims("h.io/v/p:1", remap, "mirror.io/xy/p:1"), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/v:1", remap, "mirror.io/x:1"), 0);
	CHECK_INT(claims("other.io/p:1", remap, "other.io/p:1"), 0);
	/* a host's port does not end a component */
	CHECK_INT(claims("h.io:5000/p:1", port, "mirror.io:5000/p:1"), -PM_E_REMOTE);
	CHECK_INT(claims("mirror.io:5000/p:1", port, "mirror.io:5000/p:1"), 0);
	/* a repository is nothing exact */
	CHECK_INT(claims("h.io/v/p", bare, NULL), -PM_E_REMOTE);
	CHECK_INT(claims("docker.io/library/a:1", exact, "a:1"), 0);
	CHECK_INT(claims("h.io/a:1", NULL, NULL), -PM_E_REMOTE);
	CHECK_INT(claims("h.io/a:1", "{\"type\":\"anything\"}", "h.io/a:1"), -PM_E_FORMAT);
	/* another manifest, another kind of document */
	CHECK_INT(pm_payload_check("{}", 2, "t", NULL, NULL, "sha256:" D64, NULL), -PM_E_FORMAT);
}
