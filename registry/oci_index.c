#include "registry/oci_index.h"

#include <errno.h>

#include "base/buf.h"
#include "base/fs.h"

enum { INDEX_MAX = 4 << 20 };

int pm_oci_index_read(int dir, bool must_exist, struct pm_json_pool *pool, struct pm_json **ret,
		      struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = dir < 0 ? -ENOENT : pm_fs_read_file(dir, "index.json", INDEX_MAX, &text, &why);
	if (r == -ENOENT && !must_exist) {
		struct pm_json *root = pm_json_object(pool);
		pm_json_set_int(pool, root, "schemaVersion", 2);
		pm_json_set(pool, root, "manifests", pm_json_array(pool));
		*ret = root;
		return 0;
	}
	if (r < 0)
		return pm_fail(err, why.code, "%s", why.text);
	r = pm_json_parse(pool, pm_buf_str(&text), text.len, ret, err);
	if (r >= 0 && !pm_json_is(pm_json_get(*ret, "manifests"), PM_JSON_ARRAY))
		r = pm_fail(err, PM_E_FORMAT, "it has no list of manifests");
	return r < 0 ? pm_wrap(err, "index.json") : 0;
}

const char *pm_oci_index_name(const struct pm_json *descriptor)
{
	const char *s = pm_json_get_str(pm_json_get(descriptor, "annotations"), PM_LAYOUT_REF_NAME);
	return s ? s : "";
}
