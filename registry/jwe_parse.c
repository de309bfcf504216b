#include <string.h>

#include "registry/auth.h"
#include "registry/jwe.h"

enum { HEADER_MAX = 64 << 10, COMPACT_PARTS = 5 };

void pm_jwe_free(struct pm_jwe *j)
{
	pm_json_pool_free(j->pool);
	*j = (struct pm_jwe){0};
}

static int malformed(const char *what, struct pm_err *err)
{
	return pm_fail(err, PM_E_FORMAT, "JWE: %s is malformed", what);
}

/* base64url without padding; NULL decodes to nothing. */
static int decode(struct pm_json_pool *pool, const char *text, const char *what,
		  struct pm_jwe_bytes *ret, struct pm_err *err)
{
	if (!text || !*text)
		return 0;
	_cleanup_free_ char *plain = pm_strdup(text);
	if (plain[strcspn(plain, "+/= \t\r\n")])
		return malformed(what, err);
	for (char *c = plain; *c; c++)
		*c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
	size_t len;
	_cleanup_free_ char *bytes = pm_base64_decode(plain, &len);
	if (!bytes)
		return malformed(what, err);
	uint8_t *copy = pm_json_pool_alloc(pool, len + 1);
	memcpy(copy, bytes, len);
	*ret = (struct pm_jwe_bytes){copy, len};
	return 0;
}

/* A member that must be a string when it is there. */
static int get_text(const struct pm_json *o, const char *name, const char **ret, struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(o, name);
	*ret = NULL;
	if (!v)
		return 0;
	if (!pm_json_is(v, PM_JSON_STRING) || strlen(v->string) != v->len)
		return malformed(name, err);
	*ret = v->string;
	return 0;
}

static int get_bytes(struct pm_json_pool *pool, const struct pm_json *o, const char *name,
		     struct pm_jwe_bytes *ret, struct pm_err *err)
{
	const char *text;
	int r = get_text(o, name, &text, err);
	return r < 0 ? r : decode(pool, text, name, ret, err);
}

/* --- headers ------------------------------------------------------------------------------------- */

/* The three parts of a recipient's header: what is authenticated, what is not, what is its own. */
struct headers {
	const struct pm_json *v[3];
};

/* The object of the part that has name: one at most may. NULL: none has it. */
static int holder(const struct headers *h, const char *name, const struct pm_json **ret,
		  struct pm_err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < PM_ARRAY_SIZE(h->v); i++) {
		if (!pm_json_get(h->v[i], name))
			continue;
		if (*ret)
			return pm_fail(err, PM_E_FORMAT, "JWE: two headers have a \"%s\"", name);
		*ret = h->v[i];
	}
	return 0;
}

static int header_text(const struct headers *h, const char *name, const char **ret,
		       struct pm_err *err)
{
	const struct pm_json *o;
	int r = holder(h, name, &o, err);
	return r < 0 ? r : get_text(o, name, ret, err);
}

static int parse_ephemeral(struct pm_json_pool *pool, const struct headers *h,
			   struct pm_jwe_recipient *ret, struct pm_err *err)
{
	const struct pm_json *o;
	const char *kind, *text;
	int r = holder(h, "epk", &o, err);
	const struct pm_json *epk = pm_json_get(o, "epk");
	if (r < 0 || !epk)
		return r;
	if (!pm_json_is(epk, PM_JSON_OBJECT))
		return malformed("epk", err);
	r = get_text(epk, "kty", &kind, err);
	if (r >= 0 && !pm_streq(kind, "EC"))
		r = pm_fail(err, PM_E_UNSUPPORTED, "JWE: its ephemeral key is of kind '%.50s', not EC",
			    kind ? kind : "");
	if (r >= 0)
		r = get_text(epk, "crv", &ret->curve, err);
	if (r >= 0 && !ret->curve)
		r = malformed("epk", err);
	if (r >= 0)
		r = get_bytes(pool, epk, "x", &ret->x, err);
	if (r >= 0)
		r = get_bytes(pool, epk, "y", &ret->y, err);
	if (r >= 0)
		r = header_text(h, "apu", &text, err);
	if (r >= 0)
		r = decode(pool, text, "apu", &ret->apu, err);
	if (r >= 0)
		r = header_text(h, "apv", &text, err);
	return r < 0 ? r : decode(pool, text, "apv", &ret->apv, err);
}

/* o: where "encrypted_key" stands. */
static int parse_recipient(struct pm_jwe *j, const struct headers *h, const struct pm_json *o,
			   struct pm_jwe_recipient *ret, struct pm_err *err)
{
	static const char *const refused[] = {"zip", "crit"};
	const struct pm_json *found;
	const char *enc = NULL;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < PM_ARRAY_SIZE(refused); i++) {
		r = holder(h, refused[i], &found, err);
		if (r >= 0 && found)
			r = pm_fail(err, PM_E_UNSUPPORTED, "JWE: its header asks for \"%s\", which is not "
							   "supported",
				    refused[i]);
	}
	if (r >= 0)
		r = header_text(h, "alg", &ret->alg, err);
	if (r >= 0)
		r = header_text(h, "enc", &enc, err);
	if (r >= 0 && (!ret->alg || !enc))
		r = pm_fail(err, PM_E_FORMAT, "JWE: its header has no \"%s\"", ret->alg ? "enc" : "alg");
	if (r >= 0 && j->enc && strcmp(j->enc, enc) != 0)
		r = pm_fail(err, PM_E_FORMAT, "JWE: its recipients have several \"enc\"");
	if (r >= 0) {
		j->enc = enc;
		r = get_bytes(j->pool, o, "encrypted_key", &ret->key, err);
	}
	return r < 0 ? r : parse_ephemeral(j->pool, h, ret, err);
}

static int parse_protected(struct pm_jwe *j, const char *text, struct pm_json **ret,
			   struct pm_err *err)
{
	struct pm_jwe_bytes bytes = {0};
	*ret = NULL;
	j->protected_text = text ? text : "";
	if (!text || !*text)
		return 0;
	int r = strlen(text) > HEADER_MAX ? malformed("protected", err)
					  : decode(j->pool, text, "protected", &bytes, err);
	if (r >= 0)
		r = pm_json_parse(j->pool, (const char *)bytes.data, bytes.len, ret, err);
	if (r >= 0 && !pm_json_is(*ret, PM_JSON_OBJECT))
		r = malformed("protected", err);
	return r < 0 ? pm_wrap(err, "JWE's protected header") : 0;
}

static int get_header(const struct pm_json *o, const char *name, const struct pm_json **ret,
		      struct pm_err *err)
{
	*ret = pm_json_get(o, name);
	return *ret && !pm_json_is(*ret, PM_JSON_OBJECT) ? malformed(name, err) : 0;
}

/* --- the two forms ------------------------------------------------------------------------------- */

/* "header.key.iv.text.tag" as an object of these members. */
static int from_compact(struct pm_json_pool *pool, const char *text, size_t len,
			struct pm_json **ret, struct pm_err *err)
{
	static const char *const names[COMPACT_PARTS] = {"protected", "encrypted_key", "iv",
							 "ciphertext", "tag"};
	_cleanup_free_ char *copy = pm_strndup(text, len);
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	if (strlen(copy) != len || copy[strcspn(copy, "{}\" \n")])
		return malformed("the text", err);
	pm_strv_split(&parts, copy, '.');
	if (parts.n != COMPACT_PARTS)
		return malformed("the text", err);
	*ret = pm_json_object(pool);
	for (size_t i = 0; i < parts.n; i++)
		pm_json_set_str(pool, *ret, names[i], parts.v[i]);
	return 0;
}

static int parse(struct pm_jwe *j, const char *text, size_t len, struct pm_err *err)
{
	struct pm_json *root, *authentic;
	const struct pm_json *open;
	const char *protected_text;
	int r = len && text[0] == '{' ? pm_json_parse(j->pool, text, len, &root, err)
				      : from_compact(j->pool, text, len, &root, err);
	if (r >= 0)
		r = get_text(root, "protected", &protected_text, err);
	if (r >= 0)
		r = parse_protected(j, protected_text, &authentic, err);
	if (r >= 0)
		r = get_header(root, "unprotected", &open, err);
	if (r >= 0)
		r = get_text(root, "aad", &j->aad, err);
	if (r >= 0)
		r = get_bytes(j->pool, root, "iv", &j->iv, err);
	if (r >= 0)
		r = get_bytes(j->pool, root, "ciphertext", &j->text, err);
	if (r >= 0)
		r = get_bytes(j->pool, root, "tag", &j->tag, err);
	if (r < 0)
		return r;
	/* ocicrypt repeats the first recipient's key beside the list */
	const struct pm_json *list = pm_json_get(root, "recipients");
	if (list && (!pm_json_is(list, PM_JSON_ARRAY) || !list->len || list->len > PM_JWE_RECIPIENTS_MAX))
		return pm_fail(err, PM_E_FORMAT, "JWE: it has no recipients, or more than %d",
			       PM_JWE_RECIPIENTS_MAX);
	j->n = list ? list->len : 1;
	j->recipients = pm_json_pool_alloc(j->pool, j->n * sizeof(*j->recipients));
	for (size_t i = 0; r >= 0 && i < j->n; i++) {
		const struct pm_json *o = list ? list->items[i] : root;
		struct headers h = {{authentic, open}};
		if (!pm_json_is(o, PM_JSON_OBJECT))
			return malformed("a recipient", err);
		r = get_header(o, "header", &h.v[2], err);
		if (r >= 0)
			r = parse_recipient(j, &h, o, &j->recipients[i], err);
	}
	return r;
}

int pm_jwe_parse(const char *text, size_t len, struct pm_jwe *ret, struct pm_err *err)
{
	if (len > PM_JWE_MAX)
		return pm_fail(err, PM_E_FORMAT, "JWE: it is larger than %d bytes", PM_JWE_MAX);
	_cleanup_jwe_ struct pm_jwe j = {.pool = pm_json_pool_new()};
	int r = parse(&j, text, len, err);
	if (r < 0)
		return r;
	*ret = j;
	j.pool = NULL;
	return 0;
}
