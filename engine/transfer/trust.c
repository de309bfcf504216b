#include "engine/transfer/trust.h"

#include <string.h>

#include "registry/policy.h"
#include "registry/signature.h"

/* Verify for one digest. */
static int verify(const struct pm_json *list, struct pm_client *client, const struct pm_reference *ref,
		  const struct pm_signature_places *places, const char *digest, const char *where,
		  struct pm_err *err)
{
	_cleanup_signatures_ struct pm_signatures s = {0};
	int r = client ? pm_signatures_fetch(client, ref, places, digest, &s, err) : 0;
	return r < 0 ? r : pm_signatures_verify(list, &s, client ? ref : NULL, digest, where, err);
}

int pm_trust_verify(struct pm_session *s, const char *transport, const char *scope,
		    struct pm_client *client, const char *digest, const char *list,
		    struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	_cleanup_places_ struct pm_signature_places places = {0};
	const struct pm_json *wanted = NULL;
	if (!pm_streq(pm_wire_get(&s->request, "signed"), "1"))
		return 0;
	int r = pm_policy_find(pm_wire_get(&s->request, "policy"), transport, scope, pool, &wanted, err);
	if (r <= 0 || !wanted)
		return r;
	if (client) {
		r = pm_reference_parse_docker(scope, &ref, err);
		if (r >= 0)
			pm_reference_default_tag(&ref);
		if (r >= 0)
			r = pm_registries_d_find(pm_wire_get(&s->request, "registries_d"), &ref, &places,
						 err);
		if (r < 0)
			return r;
	}
	_cleanup_free_ char *where = pm_asprintf("%s:%s%s", transport, client ? "//" : "", scope);
	struct pm_err why = PM_ERR_INIT;
	r = verify(wanted, client, &ref, &places, digest, where, &why);
	if (r < 0 && list && strcmp(list, digest) != 0 &&
	    verify(wanted, client, &ref, &places, list, where, NULL) >= 0)
		return 0;
	if (r < 0 && err)
		*err = why;
	return r;
}
