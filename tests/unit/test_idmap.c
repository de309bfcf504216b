#include "netns/idmap.h"

#include <stdlib.h>

#include "tests/unit/test.h"

/* "0:1000:1,1:100000:65536" */
static struct pm_idmap map_of(const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_idmap m = PM_IDMAP_INIT;
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	if (*text)
		pm_strv_split(&l, text, ',');
	CHECK_OK(pm_idmap_decode(&l, &m, &err), err);
	return m;
}

static const char *text_of(const struct pm_idmap *m)
{
	static char text[512];
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_idmap_encode(m, &l);
	_cleanup_free_ char *s = pm_strv_join(&l, ",");
	snprintf(text, sizeof(text), "%s", s);
	return text;
}

#define BASE "0:1000:1,1:100000:65536"

TEST(options)
{
	static const struct {
		const char *options, *base, *want; /* want NULL: refused */
	} t[] = {
		{"0:5:10", BASE, "0:5:10"},
		{"0:5", BASE, "0:5:1"},
		{"0:1:1000,1000:0:1", BASE, "0:1:1000,1000:0:1"},
		{"0:@1000", BASE, "0:0:1"},
		{"0:@100000:10", BASE, "0:1:10"},
		{"0:@100010:10", NULL, "0:100010:10"},
		{"0:@99999", BASE, NULL},
		{"0:@165530:10", BASE, NULL},
		{"u0:5:10", BASE, "0:5:10"},
		{"+2000:5", BASE, "2000:5:1,0:0:1,1:1:4,5:6:1995,2001:2001:63536"},
		{"+0:@1000", BASE, "0:0:1,1:1:65536"},
		{"+5:@1000", BASE, "5:0:1,0:1:5,6:6:65531"},
		{"0:5:0", BASE, NULL},
		{"0", BASE, NULL},
		{"0:", BASE, NULL},
		{":5", BASE, NULL},
		{"", BASE, NULL},
		{"a:5", BASE, NULL},
		{"0:5:1:1", BASE, NULL},
		{"-1:5", BASE, NULL},
		{"0:4294967296", BASE, NULL},
		{"4294967295:0", BASE, NULL},
		{"0:4294967290:10", BASE, NULL},
		{"0:0:10,5:20:2", BASE, NULL},
		{"0:0:10,20:5:2", BASE, NULL},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
		_cleanup_idmap_ struct pm_idmap m = PM_IDMAP_INIT, base = PM_IDMAP_INIT;
		if (t[i].base)
			base = map_of(t[i].base);
		pm_strv_split(&l, t[i].options, ',');
		int r = pm_idmap_from_options(&l, t[i].base ? &base : NULL, &m, &err);
		if ((r >= 0) != (t[i].want != NULL))
			test_fail(__FILE__, __LINE__, "%s: %s", t[i].options, err.text);
		if (t[i].want && strcmp(text_of(&m), t[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s is %s, not %s", t[i].options, text_of(&m),
				  t[i].want);
	}
}

TEST(option_kinds)
{
	CHECK(pm_idmap_option_is("0:1:2", 'u', true));
	CHECK(!pm_idmap_option_is("0:1:2", 'g', false));
	CHECK(pm_idmap_option_is("g0:1:2", 'g', false));
	CHECK(!pm_idmap_option_is("g0:1:2", 'u', true));
	CHECK(pm_idmap_option_is("+ug0:1:2", 'u', true) && pm_idmap_option_is("+ug0:1:2", 'g', false));
}

TEST(keep_id)
{
	static const struct {
		uint32_t id, total, size;
		const char *want;
	} t[] = {
		/* as Podman 4.3 has them */
		{1005, 65537, 0, "0:1:1005,1005:0:1,1006:1006:64531"},
		{7, 65537, 0, "0:1:7,7:0:1,8:8:65529"},
		{0, 65537, 0, "0:0:1,1:1:65536"},
		{1000, 1, 0, "1000:0:1"},
		{70000, 65537, 0, "0:1:65536,70000:0:1"},
		{5, 65537, 10, "0:1:5,5:0:1,6:6:4"},
		{20, 65537, 10, "0:1:9,20:0:1"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		_cleanup_idmap_ struct pm_idmap m = PM_IDMAP_INIT;
		struct pm_err err = PM_ERR_INIT;
		pm_idmap_keep(t[i].id, t[i].total, t[i].size, &m);
		CHECK_STR(text_of(&m), t[i].want);
		CHECK_OK(pm_idmap_check(&m, &err), err);
	}
}

TEST(automatic)
{
	static const struct {
		uint32_t size;
		const char *fixed, *free_, *used, *want;
	} t[] = {
		{1024, "", "0:1:65536", "", "0:1:1024"},
		{1024, "", "0:1:65536", "0:1:1024", "0:1025:1024"},
		{10, "", "0:1:8,0:100:8", "", "0:1:8,8:100:2"},
		{10, "", "0:1:65536", "0:1:5,0:10:100", "0:6:4,4:110:6"},
		{10, "0:0:1", "0:1:65536", "", "0:0:1,1:1:9"},
		{10, "4:3:2", "0:1:100", "", "4:3:2,0:1:2,2:5:2,6:7:4"},
		{100, "", "0:1:65536", "0:1:65500", NULL},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_idmap_ struct pm_idmap fixed = map_of(t[i].fixed), free_ = map_of(t[i].free_),
					 used = map_of(t[i].used), m = PM_IDMAP_INIT;
		int r = pm_idmap_auto(t[i].size, &fixed, &free_, &used, &m, &err);
		CHECK((r >= 0) == (t[i].want != NULL));
		if (t[i].want)
			CHECK_STR(text_of(&m), t[i].want);
	}
}

TEST(split_at_the_parents_ranges)
{
	_cleanup_idmap_ struct pm_idmap base = map_of("0:1000:1,1:100000:10,11:300000:10"),
				 m = map_of("0:0:15,50:15:100");
	pm_idmap_split(&m, &base);
	CHECK_STR(text_of(&m), "0:0:1,1:1:10,11:11:4,50:15:6");
}

TEST(there_and_back)
{
	_cleanup_idmap_ struct pm_idmap m = map_of("0:1:10,20:0:1");
	uint32_t id;
	CHECK(pm_idmap_to_host(&m, 9, &id) && id == 10);
	CHECK(!pm_idmap_to_host(&m, 10, &id));
	CHECK(pm_idmap_to_container(&m, 0, &id) && id == 20);
	CHECK(!pm_idmap_to_container(&m, 11, &id));
}

TEST(of_mounts)
{
	static const struct {
		const char *value, *uids, *gids; /* uids NULL: refused */
	} t[] = {
		{NULL, "0:1000:1,1:100000:65536", "0:50:10"},
		{"", NULL, NULL},
		{"uids=0-1-10", "0:1:10", "0:50:10"},
		{"uids=0-1-10#10-11-10;gids=0-100-10", "0:1:10,10:11:10", "0:100:10"},
		{"gids=5-6-1;uids=7-8-1", "7:8:1", "5:6:1"},
		{"uids=@0-1-10;gids=@3-9-1", "0:100000:10", "3:59:1"},
		{"uids=@0-0-2", NULL, NULL}, /* two ranges */
		{"uids=@0-1-65537", NULL, NULL},
		{"gids=@0-5-0", NULL, NULL},
		{"uids=0-1-10;uids=0-1-10", NULL, NULL},
		{"uids=0-1-10#5-50-10", NULL, NULL},
		{"uids=0-1", NULL, NULL},
		{"uids=0-1-", NULL, NULL},
		{"uids=0-1-2-3", NULL, NULL},
		{"uids=0:1:2", NULL, NULL},
		{"uids=-1-2-3", NULL, NULL},
		{"uids=", NULL, NULL},
		{"true", NULL, NULL},
		{"uids=0-4294967295-2", NULL, NULL},
	};
	_cleanup_idmap_ struct pm_idmap own_uids = map_of(BASE), own_gids = map_of("0:50:10");
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_idmap_ struct pm_idmap uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
		int r = pm_idmap_from_mount(t[i].value, &own_uids, &own_gids, &uids, &gids, &err);
		if ((r < 0) != !t[i].uids)
			printf("case %zu '%s': %d %s\n", i, t[i].value, r, err.text);
		CHECK_INT(r, t[i].uids ? 0 : -PM_E_USAGE);
		if (!t[i].uids)
			continue;
		CHECK_STR(text_of(&uids), t[i].uids);
		CHECK_STR(text_of(&gids), t[i].gids);
	}
	struct pm_err err = PM_ERR_INIT;
	_cleanup_idmap_ struct pm_idmap none = PM_IDMAP_INIT, uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
	CHECK_INT(pm_idmap_from_mount(NULL, &none, &none, &uids, &gids, &err), -PM_E_USAGE);
	CHECK_INT(pm_idmap_from_mount("uids=0-1-1", &none, &none, &uids, &gids, &err), -PM_E_USAGE);
}
