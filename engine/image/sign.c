#include "engine/image/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "registry/digest.h"
#include "registry/gpg.h"
#include "registry/reference.h"
#include "registry/registries_d.h"
#include "registry/signature.h"
#include "registry/signature_payload.h"
#include "storage/image.h"

/* The storage's directory. The caller frees. */
static int find_directory(const struct pm_reference *ref, const struct pm_sign_options *o, char **ret,
			  struct pm_err *err)
{
	_cleanup_places_ struct pm_signature_places places = {0};
	if (o->directory) {
		*ret = pm_strdup(o->directory);
		return 0;
	}
	int r = pm_registries_d_find(o->registries_d, ref, &places, err);
	return r < 0 ? r : pm_signature_places_directory(&places, ref, ret, err);
}

/* The first number that is free; O_EXCL settles who gets it. */
static int store(const char *dir, const struct pm_buf *message, struct pm_err *err)
{
	int r = pm_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	for (unsigned int i = 1; r >= 0 && i <= PM_SIGNATURES_MAX; i++) {
		_cleanup_free_ char *path = pm_asprintf("%s/signature-%u", dir, i);
		_cleanup_close_ int fd =
			open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return pm_fail_sys(err, "write the signature %s", path);
		r = pm_fs_write_all(fd, pm_buf_str(message), message->len, err);
		if (r < 0)
			unlink(path);
		return r;
	}
	return r < 0 ? r : pm_fail(err, PM_E_STATE, "%s holds %d signatures already", dir,
				   PM_SIGNATURES_MAX);
}

int pm_image_sign(const char *name, const char *digest, const struct pm_sign_options *o,
		  struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT, as = PM_REFERENCE_INIT;
	_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT, message = PM_BUF_INIT;
	_cleanup_free_ char *base = NULL;
	int r = pm_reference_parse_docker(name, &ref, err);
	if (r >= 0)
		r = pm_reference_parse_docker(o->identity ? o->identity : name, &as, err);
	if (r < 0)
		return r;
	pm_reference_default_tag(&ref);
	pm_reference_default_tag(&as);
	r = find_directory(&ref, o, &base, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *identity = pm_reference_str(&as);
	_cleanup_free_ char *dir = pm_asprintf("%s/%s@sha256=%s", base, ref.path, pm_digest_hex(digest));
	pm_payload_make(PM_PAYLOAD_SIMPLE, identity, digest, &payload);
	r = pm_gpg_sign(o->key, o->passphrase, &payload, &message, err);
	return r < 0 ? r : store(dir, &message, err);
}

int pm_image_sign_stored(struct pm_store *store, const char *id, char *const *names, size_t n, const char *key,
			 struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_signatures_ struct pm_signatures all = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, out = PM_BUF_INIT;
	int r = pm_image_by_id(store, id, 0, &row, err);
	if (r >= 0)
		r = pm_image_signatures(store, id, &text, err);
	if (r >= 0 && text.len)
		r = pm_signatures_read(pm_buf_str(&text), text.len, &all, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT;
		pm_payload_make(PM_PAYLOAD_SIMPLE, names[i], row.digest, &payload);
		r = pm_gpg_sign(key, NULL, &payload, &pm_signatures_add(&all, PM_SIGNATURE_SIMPLE)->payload, err);
	}
	if (r >= 0)
		r = pm_signatures_check_size(&all, id, err);
	if (r < 0)
		return pm_wrap(err, "signing image %.12s", id);
	pm_signatures_write(&all, &out);
	return pm_image_set_signatures(store, id, row.digest, &out, err);
}
