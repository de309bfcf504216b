#include "registry/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "registry/cred_helper.h"

enum { AUTH_FILE_MAX = 4 << 20 };

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void pm_credentials_free(struct pm_credentials *c)
{
	wipe(c->user);
	wipe(c->password);
	wipe(c->identity_token);
	*c = (struct pm_credentials)PM_CREDENTIALS_INIT;
}

int pm_credentials_parse(const char *text, struct pm_credentials *ret, struct pm_err *err)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	if (n == 0)
		return pm_fail(err, PM_E_USAGE, "credentials must be USER[:PASSWORD]");
	*ret = (struct pm_credentials){
		.user = pm_strndup(text, n),
		.password = pm_strdup(colon ? colon + 1 : ""),
	};
	return 0;
}

/* --- base64 -------------------------------------------------------------------------------------- */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *pm_base64_encode(const void *data, size_t len)
{
	const unsigned char *in = data;
	char *out = pm_malloc((len + 2) / 3 * 4 + 1), *p = out;
	for (size_t i = 0; i < len; i += 3) {
		unsigned int v = (unsigned int)in[i] << 16;
		if (i + 1 < len)
			v |= (unsigned int)in[i + 1] << 8;
		if (i + 2 < len)
			v |= in[i + 2];
		*p++ = base64_digits[v >> 18];
		*p++ = base64_digits[v >> 12 & 63];
		*p++ = i + 1 < len ? base64_digits[v >> 6 & 63] : '=';
		*p++ = i + 2 < len ? base64_digits[v & 63] : '=';
	}
	*p = '\0';
	return out;
}

char *pm_base64_decode(const char *text, size_t *ret_len)
{
	size_t len = strlen(text);
	while (len && strchr("=\r\n \t", text[len - 1]))
		len--;
	char *out = pm_malloc(len / 4 * 3 + 4);
	size_t n = 0, bits = 0;
	unsigned int acc = 0;
	for (size_t i = 0; i < len; i++) {
		const char *d = strchr(base64_digits, text[i]);
		if (!d || len % 4 == 1) {
			wipe(out);
			return NULL;
		}
		acc = acc << 6 | (unsigned int)(d - base64_digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(acc >> bits & 0xff);
		}
	}
	out[n] = '\0';
	*ret_len = n;
	return out;
}

char *pm_credentials_basic(const struct pm_credentials *c)
{
	char *plain = pm_asprintf("%s:%s", c->user, c->password);
	char *code = pm_base64_encode(plain, strlen(plain));
	char *ret = pm_asprintf("Basic %s", code);
	wipe(plain);
	wipe(code);
	return ret;
}

/* --- files --------------------------------------------------------------------------------------- */

static int entry(const struct pm_json *v, const char *file, const char *key,
		 struct pm_credentials *ret, struct pm_err *err)
{
	const char *token = pm_json_get_str(v, "identitytoken");
	if (token && *token) {
		*ret = (struct pm_credentials){.identity_token = pm_strdup(token)};
		return 1;
	}
	const char *auth = pm_json_get_str(v, "auth");
	if (!auth || !*auth) {
		const char *user = pm_json_get_str(v, "username");
		const char *password = pm_json_get_str(v, "password");
		if (!user || !*user)
			return 0;
		*ret = (struct pm_credentials){.user = pm_strdup(user),
					       .password = pm_strdup(password ? password : "")};
		return 1;
	}
	size_t len;
	char *plain = pm_base64_decode(auth, &len);
	char *colon = plain ? memchr(plain, ':', len) : NULL;
	if (!colon || colon == plain || memchr(plain, '\0', len)) {
		if (plain)
			explicit_bzero(plain, len);
		free(plain);
		return pm_fail(err, PM_E_FORMAT, "%s: the auth of '%.100s' is not a base64 "
						 "USER:PASSWORD",
			       file, key);
	}
	*ret = (struct pm_credentials){.user = pm_strndup(plain, (size_t)(colon - plain)),
				       .password = pm_strdup(colon + 1)};
	wipe(plain);
	return 1;
}

/* The host of an old key such as "https://index.docker.io/v1/". The caller frees. */
static char *key_host(const char *key)
{
	if (pm_startswith(key, "https://"))
		key += 8;
	else if (pm_startswith(key, "http://"))
		key += 7;
	char *host = pm_strndup(key, strcspn(key, "/"));
	if (strcmp(host, "index.docker.io") == 0 || strcmp(host, "registry-1.docker.io") == 0) {
		free(host);
		return pm_strdup("docker.io");
	}
	return host;
}

static int find_in_auths(const struct pm_json *auths, const char *file, const char *domain,
			 const char *path, struct pm_credentials *ret, struct pm_err *err)
{
	/* host/a/b, host/a, host */
	_cleanup_free_ char *key = pm_asprintf("%s/%s", domain, path);
	for (;;) {
		const struct pm_json *v = pm_json_get(auths, key);
		if (v) {
			int r = entry(v, file, key, ret, err);
			if (r != 0)
				return r;
		}
		char *slash = strrchr(key, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	for (size_t i = 0; auths && auths->kind == PM_JSON_OBJECT && i < auths->len; i++) {
		const char *name = auths->members[i].name;
		/* A namespaced key is for its namespace only; URLs are Docker's old host keys. */
		if (strchr(name, '/') && !pm_startswith(name, "http://") &&
		    !pm_startswith(name, "https://"))
			continue;
		_cleanup_free_ char *host = key_host(name);
		if (strcmp(host, domain) != 0)
			continue;
		int r = entry(auths->members[i].value, file, name, ret, err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int find_in_file(const char *file, bool must, bool dockercfg, const char *domain,
			const char *path, struct pm_credentials *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_read_file(AT_FDCWD, file, AUTH_FILE_MAX, &text, &why);
	if ((r == -ENOENT || r == -ENOTDIR) && !must)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return pm_wrap(err, "read credentials");
	}
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	if (!text.len)
		return 0;
	r = pm_json_parse(pool, text.data, text.len, &root, err);
	explicit_bzero(text.data, text.len);
	if (r < 0)
		return pm_wrap(err, "read credentials from %s", file);
	if (dockercfg)
		return find_in_auths(root, file, domain, path, ret, err);
	const struct pm_json *helpers = pm_json_get(root, "credHelpers");
	const char *helper = pm_json_get_str(helpers, domain);
	if (!helper && strcmp(domain, "docker.io") == 0)
		helper = pm_json_get_str(helpers, "index.docker.io");
	if (helper && *helper)
		return pm_cred_helper_get(helper, domain, ret, err);
	r = find_in_auths(pm_json_get(root, "auths"), file, domain, path, ret, err);
	if (r != 0)
		return r;
	const char *store = pm_json_get_str(root, "credsStore");
	if (store && *store)
		return pm_cred_helper_get(store, domain, ret, err);
	return 0;
}

static char *env_path(const char *name, const char *below)
{
	const char *v = getenv(name);
	return v && *v ? pm_asprintf("%s%s", v, below) : NULL;
}

static int find_in_files(const char *authfile, const char *domain, const char *path,
			 struct pm_credentials *ret, struct pm_err *err)
{
	if (!authfile || !*authfile)
		authfile = getenv("REGISTRY_AUTH_FILE");
	if (authfile && *authfile)
		return find_in_file(authfile, true, false, domain, path, ret, err);
	char *files[5] = {0};
	size_t n = 0;
	files[n++] = env_path("XDG_RUNTIME_DIR", "/containers/auth.json");
	if (!files[0])
		files[0] = pm_asprintf("/run/containers/%u/auth.json", (unsigned int)pm_proc_outer_uid());
	files[n] = env_path("XDG_CONFIG_HOME", "/containers/auth.json");
	if (!files[n])
		files[n] = env_path("HOME", "/.config/containers/auth.json");
	n++;
	files[n] = env_path("DOCKER_CONFIG", "/config.json");
	if (!files[n])
		files[n] = env_path("HOME", "/.docker/config.json");
	n++;
	files[n++] = env_path("HOME", "/.dockercfg");
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		if (files[i])
			r = find_in_file(files[i], false, i == 3, domain, path, ret, err);
	}
	for (size_t i = 0; i < n; i++)
		free(files[i]);
	return r;
}

int pm_credentials_find(const char *authfile, const struct pm_strv *helpers, const char *domain,
			const char *path, struct pm_credentials *ret, struct pm_err *err)
{
	if (!helpers || !helpers->n || (authfile && *authfile))
		return find_in_files(authfile, domain, path, ret, err);
	for (size_t i = 0; i < helpers->n; i++) {
		int r = strcmp(helpers->v[i], PM_HELPER_FILES) == 0
				? find_in_files(NULL, domain, path, ret, err)
				: pm_cred_helper_get(helpers->v[i], domain, ret, err);
		if (r != 0)
			return r;
	}
	return 0;
}
