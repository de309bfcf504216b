#include "tests/unit/test.h"

#include "engine/labels.h"

TEST(labels_filters_as_podman)
{
	static const struct {
		const char *filter;
		bool match, has;
	} cases[] = {
		{"com.example.tier", true, true},      {"com.example.tier=web", true, true},
		{"com.example.tier=", true, true},     {"com.example.tier=we", false, false},
		{"com.example.tier=w*", false, false}, {"com.example.t", false, false},
		{"com*", true, false},		       {"*tier", true, false},
		{"tier*", true, false},		       {"xam*=web", true, false},
		{"xam*=db", false, false},	       {"no*", false, false},
		{"com.example.tie?", false, false},    {"path/t*", true, false},
		{"*", true, false},		       {"path/to=1=2", true, true},
	};
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	pm_strv_add(&words, "com.example.tier=web");
	pm_strv_add(&words, "path/to=1=2");
	const struct pm_json *labels = pm_labels_tree(pool, &words);
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		if (pm_labels_match(labels, cases[i].filter) != cases[i].match)
			test_fail(__FILE__, __LINE__, "match %s", cases[i].filter);
		if (pm_labels_has(labels, cases[i].filter) != cases[i].has)
			test_fail(__FILE__, __LINE__, "has %s", cases[i].filter);
	}
}
