#include "engine/image/remote.h"

#include <stdio.h>
#include <string.h>

#include "engine/image/pull.h"

void pm_remote_add(struct pm_wire *w, const char *prefix, const struct pm_remote *r)
{
	const struct {
		const char *name, *value;
	} texts[] = {{"authfile", r->authfile},
		     {"creds", r->creds},
		     {"token", r->token},
		     {"cert_dir", r->cert_dir}};
	const struct {
		const char *name;
		int64_t value, missing;
	} numbers[] = {{"tls_verify", r->tls_verify, -1},
		       {"no_creds", r->no_creds, 0},
		       {"retries", r->retries, -1},
		       {"retry_ms", r->retry_ms, -1}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *name = pm_asprintf("%s%s", prefix, texts[i].name);
		if (texts[i].value && *texts[i].value)
			pm_wire_add(w, name, texts[i].value);
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++) {
		_cleanup_free_ char *name = pm_asprintf("%s%s", prefix, numbers[i].name);
		if (numbers[i].value != numbers[i].missing)
			pm_wire_add_int(w, name, numbers[i].value);
	}
}

int pm_transport_split(const char *name, const char **ret_transport, const char **ret_rest,
		       struct pm_err *err)
{
	const char *transport = pm_transport_of(name);
	if (!transport)
		return pm_fail(err, PM_E_USAGE,
			       "invalid image name \"%s\": expected colon-separated transport:reference "
			       "(docker://, oci:, oci-archive:, dir:, docker-archive:, docker-daemon:, "
			       "containers-storage:)",
			       name);
	*ret_transport = transport;
	*ret_rest = name + strlen(transport) + (strcmp(transport, "docker") == 0 ? 3 : 1);
	return 0;
}

int pm_written_read(const struct pm_wire *w, struct pm_written *ret, struct pm_err *err)
{
	const char *digest = pm_wire_get(w, "digest"), *type = pm_wire_get(w, "media_type");
	struct pm_written v = {0};
	if (!pm_digest_valid(digest) || !type || strlen(type) >= sizeof(v.media_type) ||
	    pm_wire_get_int(w, "size", -1, &v.size, err) < 0 || v.size < 0)
		return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	snprintf(v.digest, sizeof(v.digest), "%s", digest);
	snprintf(v.media_type, sizeof(v.media_type), "%s", type);
	*ret = v;
	return 0;
}
