#include "engine/build/cache_remote.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/image/push.h"
#include "storage/image.h"

int pm_cache_check_name(const char *option, const char *repository, struct pm_err *err)
{
	const char *slash = strrchr(repository, '/');
	_cleanup_free_ char *whole = pm_asprintf("%s:x", repository), *name = NULL;
	const char *transport;
	struct pm_err why = PM_ERR_INIT;
	bool tagged = strchr(slash ? slash : repository, ':') || strchr(repository, '@');
	int r = tagged || strstr(repository, "://") ? -PM_E_USAGE
						    : pm_push_destination(whole, &transport, &name, &why);
	return r < 0 ? pm_fail(err, PM_E_USAGE, "%s %s: must be a repository without transport, tag and digest", option,
			       repository)
		     : 0;
}

/* Does image id have below's layers and then its own? */
static bool continues(struct pm_store *s, const char *id, const char *below)
{
	_cleanup_layer_list_ struct pm_layer_list a = {0}, b = {0};
	if (pm_image_layers(s, id, &a, NULL) < 0)
		return false;
	if (below[0] && pm_image_layers(s, below, &b, NULL) < 0)
		return false;
	if (a.n < b.n || a.n > b.n + 1)
		return false;
	return b.n == 0 || strcmp(a.v[b.n - 1].chain_id, b.v[b.n - 1].chain_id) == 0;
}

static int pull_one(struct pm_store *s, const char *name, const char *below, const struct pm_pull_options *how,
		    char ret_id[65], struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
	struct pm_pull_options po = PM_PULL_OPTIONS_INIT;
	if (how)
		po = *how;
	po.os = po.arch = po.variant = NULL; /* the key says it */
	int r = pm_image_pull(s, name, &po, NULL, &ids, err);
	if (r < 0 || ids.n != 1)
		return r < 0 ? r : pm_fail(err, PM_E_FORMAT, "%s is not one image", name);
	bool good = continues(s, ids.v[0], below);
	pm_image_untag(s, name, NULL);
	if (!good)
		return pm_fail(err, PM_E_FORMAT, "%s is not made of the image below it", name);
	snprintf(ret_id, 65, "%s", ids.v[0]);
	return 0;
}

int pm_cache_pull(struct pm_store *s, const struct pm_strv *repositories, const char *key, const char *below,
		  const struct pm_pull_options *how, char ret_id[65], char **ret_from, struct pm_err *err)
{
	for (size_t i = 0; repositories && i < repositories->n; i++) {
		_cleanup_free_ char *name = pm_asprintf("%s:%s", repositories->v[i], key);
		struct pm_err why = PM_ERR_INIT;
		int r = pull_one(s, name, below, how, ret_id, &why);
		if (r >= 0) {
			*ret_from = pm_steal(&name);
			return 1;
		}
		if (r == -PM_E_CANCELLED)
			return pm_fail(err, why.code, "%s", why.text);
		if (r != -PM_E_NOSUCH)
			pm_warn("--cache-from %s: %s", repositories->v[i], why.text);
	}
	return 0;
}

int pm_cache_push(struct pm_store *s, const struct pm_strv *repositories, const char *key, const char *id,
		  const struct pm_pull_options *how, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && repositories && i < repositories->n; i++) {
		_cleanup_free_ char *word = pm_asprintf("%s:%s", repositories->v[i], key), *name = NULL;
		struct pm_push_options po = PM_PUSH_OPTIONS_INIT;
		struct pm_push_image image = {0};
		snprintf(image.id, sizeof(image.id), "%s", id);
		if (how) {
			po.authfile = how->authfile;
			po.creds = how->creds;
			po.cert_dir = how->cert_dir;
			po.tls_verify = how->tls_verify;
			po.retries = how->retries ? *how->retries : -1;
			po.retry_ms = how->retry_ms ? *how->retry_ms : -1;
		}
		r = pm_push_destination(word, &po.transport, &name, err);
		po.name = name;
		if (r >= 0)
			r = pm_image_push(s, &image, 1, &po, NULL, NULL, err);
		if (r < 0)
			return pm_wrap(err, "--cache-to %s", repositories->v[i]);
	}
	return r < 0 ? r : 0;
}
