#include "engine/spec/hooks.h"

#include "engine/spec/cdi.h"
#include "tests/unit/test.h"

#define HOOK "\"version\":\"1.0.0\",\"hook\":{\"path\":\"/bin/sh\"},\"stages\":[\"prestart\"]"

/* 1, 0, or -code */
static int match(const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *annotations = pm_json_object(pool), *hook;
	const struct pm_json *stages;
	pm_json_set_str(pool, annotations, "com.example.a", "yes");
	struct pm_hook_facts facts = {.annotations = annotations,
				      .command = "/usr/bin/sleep",
				      .has_bind_mounts = true};
	return pm_hook_match(pool, text, strlen(text), &facts, &hook, &stages, &err);
}

TEST(conditions)
{
	static const struct {
		const char *text;
		int want;
	} t[] = {
		{"{" HOOK ",\"when\":{\"always\":true}}", 1},
		{"{" HOOK ",\"when\":{\"always\":false}}", 0},
		{"{" HOOK ",\"when\":{}}", 0},
		{"{" HOOK ",\"when\":{\"hasBindMounts\":true}}", 1},
		{"{" HOOK ",\"when\":{\"commands\":[\"sleep$\"]}}", 1},
		{"{" HOOK ",\"when\":{\"commands\":[\"^sleep\",\"/s\"]}}", 1},
		{"{" HOOK ",\"when\":{\"commands\":[\"^sleep\"]}}", 0},
		{"{" HOOK ",\"when\":{\"annotations\":{\"^com\\\\.example\":\"^y\"}}}", 1},
		{"{" HOOK ",\"when\":{\"annotations\":{\"^com\":\"^n\"}}}", 0},
		{"{" HOOK ",\"when\":{\"annotations\":{\"^com\":\"y\",\"other\":\".\"}}}", 0},
		{"{" HOOK ",\"when\":{\"always\":true,\"commands\":[\"nope\"]}}", 0},
		{"{" HOOK ",\"when\":{\"commands\":[\"(\"]}}", -PM_E_FORMAT},
		{"{" HOOK ",\"when\":{\"sometimes\":true}}", -PM_E_FORMAT},
		{"{" HOOK "}", -PM_E_FORMAT},
		{"{\"version\":\"0.1.0\",\"hook\":{\"path\":\"/bin/sh\"},\"stages\":[\"prestart\"],"
		 "\"when\":{\"always\":true}}", -PM_E_FORMAT},
		{"{\"version\":\"1.0.0\",\"hook\":{\"path\":\"sh\"},\"stages\":[\"prestart\"],"
		 "\"when\":{\"always\":true}}", -PM_E_FORMAT},
		{"{\"version\":\"1.0.0\",\"hook\":{\"path\":\"/bin/sh\"},\"stages\":[],"
		 "\"when\":{\"always\":true}}", -PM_E_FORMAT},
		{"[]", -PM_E_FORMAT},
		{"", -PM_E_FORMAT},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++)
		if (match(t[i].text) != t[i].want)
			test_fail(__FILE__, __LINE__, "%s: %d", t[i].text, match(t[i].text));
}

TEST(cdi_names)
{
	static const char *const good[] = {"nvidia.com/gpu=all", "a/b=c", "vendor.com/class=dev:0"};
	static const char *const bad[] = {"/dev/null", "/dev/null:/dev/x", "a/b", "a/b=", "a=b", "/b=c",
					  "a/=c", "a/b=c d", "a/b=/c", "a b/c=d", ""};
	for (size_t i = 0; i < PM_ARRAY_SIZE(good); i++)
		CHECK(pm_cdi_is_name(good[i]));
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++)
		CHECK(!pm_cdi_is_name(bad[i]));
}
