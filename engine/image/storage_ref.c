#include "engine/image/storage_ref.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"

void pm_storage_ref_free(struct pm_storage_ref *ref)
{
	free(ref->driver);
	free(ref->root);
	free(ref->runroot);
	free(ref->image);
	*ref = (struct pm_storage_ref){0};
}

/* Where Podman keeps images unless told otherwise. */
static char *default_root(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (pm_proc_for_system())
		return pm_strdup("/var/lib/containers/storage");
	if (data && *data == '/')
		return pm_asprintf("%s/containers/storage", data);
	return home && *home == '/' ? pm_asprintf("%s/.local/share/containers/storage", home) : NULL;
}

/* spec: the text between the brackets; it is cut up. */
static int parse_spec(char *spec, struct pm_storage_ref *ret, struct pm_err *err)
{
	char *at = strchr(spec, '@'), *root = at ? at + 1 : spec;
	char *plus = strchr(root, '+'), *colon = strchr(plus ? plus : root, ':');
	if (at)
		*at = '\0';
	if (colon)
		*colon = '\0';
	if (plus)
		*plus = '\0';
	if (!at && !*root)
		return pm_fail(err, PM_E_USAGE, "the brackets name no store");
	if ((*root && *root != '/') || (plus && plus[1] && plus[1] != '/'))
		return pm_fail(err, PM_E_USAGE, "the directories of a store must be absolute paths");
	ret->driver = pm_strdup(at ? spec : "");
	ret->root = *root ? pm_path_clean(root) : default_root();
	ret->runroot = pm_strdup(plus ? plus + 1 : "");
	return ret->root ? 0 : pm_fail(err, PM_E_USAGE, "the store's directory is not known: HOME is not set");
}

int pm_storage_ref_parse(const char *text, struct pm_storage_ref *ret, struct pm_err *err)
{
	_cleanup_storage_ref_ struct pm_storage_ref ref = {0};
	if (*text == '[') {
		const char *end = strchr(text, ']');
		if (!end)
			return pm_fail(err, PM_E_USAGE, "containers-storage:%.300s: ']' is missing", text);
		_cleanup_free_ char *spec = pm_strndup(text + 1, (size_t)(end - text - 1));
		int r = parse_spec(spec, &ref, err);
		if (r < 0)
			return pm_wrap(err, "containers-storage:%.300s", text);
		text = end + 1;
	}
	if (!ref.root && !*text)
		return pm_fail(err, PM_E_USAGE, "containers-storage: names no image");
	ref.image = pm_strdup(text);
	*ret = ref;
	ref = (struct pm_storage_ref){0};
	return 0;
}
