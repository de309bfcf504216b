#include "engine/transfer/layout.h"

#include <string.h>

enum { INDEX_MAX = 4 << 20, IMAGES_MAX = 1000 };

int pm_layout_read(struct pm_files *f, struct pm_json_pool *pool, struct pm_json **ret,
		   struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root;
	int r = pm_files_read(f, "index.json", INDEX_MAX, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&text), text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "index.json");
	struct pm_json *list = pm_json_get(root, "manifests");
	if (!pm_json_is(list, PM_JSON_ARRAY) || !list->len || list->len > IMAGES_MAX)
		return pm_fail(err, PM_E_FORMAT, "index.json names no images, or more than %d",
			       IMAGES_MAX);
	*ret = list;
	return 0;
}

static bool is_for(const struct pm_json *d, const struct pm_platform *p)
{
	const struct pm_json *platform = pm_json_get(d, "platform");
	const char *os = pm_json_get_str(platform, "os");
	const char *arch = pm_json_get_str(platform, "architecture");
	return pm_streq(os, p->os) && pm_streq(arch, p->arch);
}

/* The one image meant when none was named: the only one, or the only one for this platform. */
static const struct pm_json *only_one(const struct pm_json *list, const struct pm_platform *p)
{
	const struct pm_json *found = NULL;
	if (pm_json_len(list) == 1)
		return list->items[0];
	for (size_t i = 0; i < pm_json_len(list); i++) {
		if (!is_for(list->items[i], p))
			continue;
		if (found)
			return NULL;
		found = list->items[i];
	}
	return found;
}

static bool is_called(const struct pm_json *d, size_t index, const char *which)
{
	if (which[0] == '@') {
		char text[24];
		snprintf(text, sizeof(text), "@%zu", index);
		return strcmp(text, which) == 0;
	}
	return pm_streq(pm_oci_index_name(d), which);
}

int pm_layout_choose(const struct pm_json *list, const char *which, const struct pm_platform *p,
		     const struct pm_json **ret, struct pm_err *err)
{
	for (size_t i = 0; which && i < list->len; i++) {
		if (is_called(list->items[i], i, which)) {
			*ret = list->items[i];
			return 0;
		}
	}
	if (which)
		return pm_fail(err, PM_E_NOSUCH, "no image is named '%.200s' there", which);
	const struct pm_json *one = only_one(list, p);
	if (!one)
		return pm_fail(err, PM_E_USAGE, "it holds more than one image: name one (PATH:TAG)");
	*ret = one;
	return 0;
}
