#include "engine/transfer/trust.h"

#include <string.h>

#include "registry/policy.h"
#include "registry/signature_places.h"
#include "registry/signature_policy.h"

bool pm_trust_wanted(const struct pm_session *s)
{
	return pm_streq(pm_wire_get(&s->request, "signed"), "1");
}

int pm_trust_fetch_registry(void *arg, const char *digest, struct pm_signatures *ret,
			    struct pm_err *err)
{
	const struct pm_trust_registry *t = arg;
	_cleanup_places_ struct pm_signature_places places = {0};
	int r = pm_registries_d_find(t->registries_d, t->ref, &places, err);
	return r < 0 ? r : pm_signatures_fetch(t->client, t->ref, &places, digest, ret, err);
}

/* Is the image good for its list's sake? */
static bool list_is_good(const struct pm_trust_image *i, const struct pm_json *wanted,
			 const struct pm_reference *ref, const char *where)
{
	_cleanup_signatures_ struct pm_signatures s = {0};
	return i->list && strcmp(i->list, i->digest) != 0 && i->fetch &&
	       i->fetch(i->arg, i->list, &s, NULL) >= 0 &&
	       pm_signatures_verify(wanted, &s, ref, i->list, where, NULL) >= 0;
}

int pm_trust_verify(struct pm_session *session, const struct pm_trust_image *i,
		    const struct pm_signatures *s, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	const struct pm_json *wanted = NULL;
	bool docker = strcmp(i->transport, "docker") == 0;
	if (!pm_trust_wanted(session))
		return 0;
	int r = pm_policy_find(pm_wire_get(&session->request, "policy"), i->transport, i->scope, pool,
			       &wanted, err);
	if (r <= 0 || !wanted)
		return r;
	if (docker) {
		r = pm_reference_parse_docker(i->scope, &ref, err);
		if (r < 0)
			return r;
		pm_reference_default_tag(&ref);
	}
	_cleanup_free_ char *where = pm_asprintf("%s:%s%s", i->transport, docker ? "//" : "", i->scope);
	struct pm_err why = PM_ERR_INIT;
	r = pm_signatures_verify(wanted, s, docker ? &ref : NULL, i->digest, where, &why);
	if (r < 0 && list_is_good(i, wanted, docker ? &ref : NULL, where))
		return 0;
	if (r < 0 && err)
		*err = why;
	return r;
}
