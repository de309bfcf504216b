#include "registry/http_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

enum { CA_MAX = 16 << 20 };

void pm_http_tls_free(struct pm_http_tls *t)
{
	pm_buf_free(&t->ca);
	free(t->cert);
	free(t->key);
	*t = (struct pm_http_tls){0};
}

/* The system's bundle: libcurl takes either its own or ours, so ours must hold both. */
static void add_system_ca(struct pm_buf *out)
{
	const char *env = getenv("SSL_CERT_FILE");
	const char *paths[] = {env && *env ? env : "/etc/ssl/certs/ca-certificates.crt",
			       "/etc/pki/tls/certs/ca-bundle.crt"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(paths); i++) {
		if (pm_fs_read_file(AT_FDCWD, paths[i], CA_MAX, out, NULL) >= 0)
			break;
	}
	pm_buf_add_char(out, '\n');
}

int pm_http_tls_load(struct pm_http_tls *t, const char *dir, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_list(AT_FDCWD, dir, &names, &why);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return pm_wrap(err, "read certificates");
	}
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];
		_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, name);
		if (pm_endswith(name, ".crt")) {
			if (!t->ca.len)
				add_system_ca(&t->ca);
			r = pm_fs_read_file(AT_FDCWD, path, CA_MAX, &t->ca, err);
			if (r < 0)
				return r;
			pm_buf_add_char(&t->ca, '\n');
		} else if (pm_endswith(name, ".cert") && !t->cert) {
			char *key = pm_asprintf("%.*s.key", (int)(strlen(path) - 5), path);
			if (access(key, F_OK) < 0) {
				free(key);
				return pm_fail(err, PM_E_FORMAT,
					       "missing key for client certificate %s: it must be "
					       "beside it, ending in .key",
					       path);
			}
			t->cert = pm_steal(&path);
			t->key = key;
		}
	}
	return 0;
}
