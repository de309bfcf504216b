#include "engine/image/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "registry/digest.h"
#include "storage/image.h"
#include "storage/overlay.h"

enum { MOUNTINFO_MAX = 16 << 20 };

char *pm_image_mount_path(const struct pm_engine *e, const char *id)
{
	_cleanup_free_ char *name = pm_asprintf("images/%s", id);
	return pm_store_run_path(e->store, name);
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. In place. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++, to++) {
		unsigned int c;
		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1 && strlen(s) >= 4) {
			*to = (char)c;
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

int pm_image_mounted(struct pm_engine *e, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	_cleanup_free_ char *prefix = pm_store_run_path(e->store, "images/");
	int r = pm_fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, err);
	if (r < 0)
		return r;
	pm_strv_split(&lines, pm_buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct pm_strv fields = PM_STRV_INIT;
		pm_strv_split(&fields, lines.v[i], ' ');
		if (fields.n < 5)
			continue;
		unescape(fields.v[4]);
		const char *id = fields.v[4] + strlen(prefix);
		if (pm_startswith(fields.v[4], prefix) && pm_hex64_valid(id) && !pm_strv_has(ret, id))
			pm_strv_add(ret, id);
	}
	return 0;
}

static int mount_at(struct pm_engine *e, const struct pm_strv *lowers, const char *target,
		    struct pm_err *err)
{
	struct pm_overlay o = {
		.method = e->store->driver == PM_STORE_FUSE ? PM_OVERLAY_FUSE : PM_OVERLAY_NATIVE,
		.lowers = (const char *const *)lowers->v,
		.n_lowers = lowers->n,
		.target = target,
	};
	if (e->store->driver == PM_STORE_VFS)
		return pm_fail(err, PM_E_UNSUPPORTED, "images cannot be mounted with the driver vfs, "
						      "which copies layers: use overlay or "
						      "fuse-overlayfs");
	int r = pm_overlay_mount(&o, NULL, err);
	if (r != -PM_E_UNSUPPORTED || e->store->driver != PM_STORE_AUTO)
		return r;
	o.method = PM_OVERLAY_FUSE;
	return pm_overlay_mount(&o, NULL, err);
}

int pm_image_mount(struct pm_engine *e, const char *id, char **ret_path, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_image_mount_path(e, id);
	_cleanup_free_ char *name = pm_asprintf("images/%s", id);
	_cleanup_strv_ struct pm_strv mounted = PM_STRV_INIT, lowers = PM_STRV_INIT;
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = pm_image_mounted(e, &mounted, err);
	if (r >= 0 && pm_strv_has(&mounted, id)) {
		*ret_path = pm_steal(&path);
		return 0;
	}
	if (r >= 0)
		r = pm_image_layers(e->store, id, &layers, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < layers.n; i++)
		pm_strv_take(&lowers, pm_store_layer_path(e->store, layers.v[i].chain_id));
	_cleanup_close_ int dir = pm_store_run_dir(e->store, name, err);
	if (dir < 0)
		return dir;
	if (!lowers.n)
		return pm_fail(err, PM_E_UNSUPPORTED, "image %.12s has no layers to mount", id);
	r = mount_at(e, &lowers, path, err);
	if (r < 0) {
		rmdir(path);
		return pm_wrap(err, "mount image %.12s", id);
	}
	*ret_path = pm_steal(&path);
	return 0;
}

int pm_image_unmount(struct pm_engine *e, const char *id, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_image_mount_path(e, id);
	_cleanup_strv_ struct pm_strv mounted = PM_STRV_INIT;
	int r = pm_image_mounted(e, &mounted, err);
	if (r < 0 || !pm_strv_has(&mounted, id))
		return r;
	r = pm_overlay_umount(path, err);
	if (r < 0)
		return pm_wrap(err, "unmount image %.12s", id);
	rmdir(path); /* not empty: it is mounted there in another namespace; another's unmount does it */
	return 1;
}
