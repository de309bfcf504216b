#include "engine/image/signing.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/yaml.h"
#include "engine/image/helper.h"

enum { PARAMS_MAX = 1 << 20 };

void pm_signing_add(struct pm_wire *w, const struct pm_signing *o)
{
	if (!pm_signing_wanted(o))
		return;
	const struct {
		const char *name, *value;
	} texts[] = {{"sign_by", o->gpg_key},
		     {"sign_passphrase", o->gpg_passphrase},
		     {"sign_key", o->private_key},
		     {"sign_key_passphrase", o->key_passphrase},
		     {"sign_identity", o->identity}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(texts); i++) {
		if (texts[i].value)
			pm_wire_add(w, texts[i].name, texts[i].value);
	}
}

int pm_signing_generate(const char *passphrase, struct pm_buf *ret_private, struct pm_buf *ret_public,
			struct pm_err *err)
{
	struct pm_helper h = PM_HELPER_INIT;
	_cleanup_wire_ struct pm_wire request = PM_WIRE_INIT, answer = PM_WIRE_INIT;
	pm_wire_add(&request, "type", "request");
	pm_wire_add(&request, "op", "generate-key");
	pm_wire_add(&request, "passphrase", passphrase);
	int r = pm_helper_begin(&h, err);
	if (r >= 0)
		r = pm_wire_send(h.sock, &request, NULL, 0, err);
	if (r >= 0)
		r = pm_helper_next(&h, &answer, NULL, NULL, err);
	const char *secret = pm_wire_get(&answer, "private"), *open = pm_wire_get(&answer, "public");
	if (r >= 0 && (!secret || !open))
		r = pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	if (r >= 0) {
		pm_buf_add_str(ret_private, secret);
		pm_buf_add_str(ret_public, open);
	}
	pm_helper_finish(&h);
	pm_helper_unmask(&h);
	return r;
}

void pm_signing_params_free(struct pm_signing_params *p)
{
	free(p->private_key);
	free(p->passphrase_file);
	*p = (struct pm_signing_params){0};
}

int pm_signing_params_parse(const char *text, size_t len, struct pm_signing_params *ret,
			    struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_yaml_parse(pool, text, len, &root, err);
	if (r < 0)
		return r;
	if (!pm_json_is(root, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "it says nothing about signing");
	for (size_t i = 0; i < root->len; i++) {
		const struct pm_json_member *m = &root->members[i];
		if (strcmp(m->name, "fulcio") == 0 || strcmp(m->name, "rekorURL") == 0)
			return pm_fail(err, PM_E_UNSUPPORTED, "%s: signing by way of Fulcio and Rekor is "
							      "not supported, only with a private key",
				       m->name);
		if (strcmp(m->name, "privateKeyFile") != 0 &&
		    strcmp(m->name, "privateKeyPassphraseFile") != 0)
			return pm_fail(err, PM_E_FORMAT, "unknown member \"%.100s\"", m->name);
		if (!pm_json_is(m->value, PM_JSON_STRING) || !*m->value->string)
			return pm_fail(err, PM_E_FORMAT, "%s is not a path", m->name);
	}
	const char *key = pm_json_get_str(root, "privateKeyFile");
	if (!key)
		return pm_fail(err, PM_E_FORMAT, "it names no privateKeyFile");
	ret->private_key = pm_strdup(key);
	ret->passphrase_file = pm_strdup_null(pm_json_get_str(root, "privateKeyPassphraseFile"));
	return 0;
}

int pm_signing_params_load(const char *path, struct pm_signing_params *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, PARAMS_MAX, &text, err);
	if (r >= 0)
		r = pm_signing_params_parse(pm_buf_str(&text), text.len, ret, err);
	return r < 0 ? pm_wrap(err, "sigstore signing parameters %s", path) : 0;
}
