#include "registry/signature.h"

#include <string.h>

#include "base/json.h"
#include "registry/auth.h"

#define SIGSTORE_FORM "sigstore-json"
#define SIMPLE_FORM "simple-signing"

void pm_signatures_free(struct pm_signatures *s)
{
	for (size_t i = 0; i < s->n; i++) {
		pm_buf_free(&s->v[i].payload);
		free(s->v[i].media_type);
		pm_strv_free(&s->v[i].notes);
	}
	free(s->v);
	*s = (struct pm_signatures){0};
}

struct pm_signature *pm_signatures_add(struct pm_signatures *s, enum pm_signature_kind kind)
{
	s->v = pm_reallocarray(s->v, s->n + 1, sizeof(*s->v));
	struct pm_signature *one = &s->v[s->n++];
	*one = (struct pm_signature){.kind = kind};
	return one;
}

void pm_signatures_append(struct pm_signatures *to, struct pm_signatures *from)
{
	if (from->n) {
		to->v = pm_reallocarray(to->v, to->n + from->n, sizeof(*to->v));
		memcpy(&to->v[to->n], from->v, from->n * sizeof(*from->v));
		to->n += from->n;
	}
	free(from->v);
	*from = (struct pm_signatures){0};
}

int pm_signatures_check_size(const struct pm_signatures *s, const char *where, struct pm_err *err)
{
	size_t sum = 0;
	for (size_t i = 0; i < s->n; i++) {
		sum += s->v[i].payload.len;
		for (size_t k = 0; k < s->v[i].notes.n; k++)
			sum += strlen(s->v[i].notes.v[k]);
	}
	return sum > PM_SIGNATURES_BYTES_MAX
		       ? pm_fail(err, PM_E_FORMAT, "signatures in %s: more than %d bytes", where,
				 PM_SIGNATURES_BYTES_MAX)
		       : 0;
}

bool pm_signatures_have(const struct pm_signatures *s, enum pm_signature_kind kind)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].kind == kind)
			return true;
	}
	return false;
}

const char *pm_signature_note(const struct pm_signature *s, const char *name)
{
	for (size_t i = 0; i + 1 < s->notes.n; i += 2) {
		if (strcmp(s->notes.v[i], name) == 0)
			return s->notes.v[i + 1];
	}
	return NULL;
}

/* --- as bytes ------------------------------------------------------------------------------------ */

static int parse_sigstore(const char *text, size_t len, struct pm_signatures *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_json_parse(pool, text, len, &root, err);
	if (r < 0)
		return r;
	const char *type = pm_json_get_str(root, "mimeType"), *payload = pm_json_get_str(root, "payload");
	const struct pm_json *notes = pm_json_get(root, "annotations");
	size_t n = 0;
	_cleanup_free_ char *data = payload ? pm_base64_decode(payload, &n) : NULL;
	if (!type || !data)
		return pm_fail(err, PM_E_FORMAT, "it has no mimeType, or no payload in base64");
	if (pm_json_len(notes) > PM_SIGNATURE_NOTES_MAX)
		return pm_fail(err, PM_E_FORMAT, "it has more than %d annotations",
			       PM_SIGNATURE_NOTES_MAX);
	for (size_t i = 0; pm_json_is(notes, PM_JSON_OBJECT) && i < notes->len; i++) {
		if (!pm_json_is(notes->members[i].value, PM_JSON_STRING))
			return pm_fail(err, PM_E_FORMAT, "an annotation is no text");
	}
	struct pm_signature *one = pm_signatures_add(ret, PM_SIGNATURE_SIGSTORE);
	one->media_type = pm_strdup(type);
	pm_buf_add(&one->payload, data, n);
	for (size_t i = 0; pm_json_is(notes, PM_JSON_OBJECT) && i < notes->len; i++) {
		pm_strv_add(&one->notes, notes->members[i].name);
		pm_strv_add(&one->notes, notes->members[i].value->string);
	}
	return 0;
}

int pm_signature_parse(const void *data, size_t len, struct pm_signatures *ret, struct pm_err *err)
{
	const char *text = data;
	if (!len)
		return pm_fail(err, PM_E_FORMAT, "a signature is empty");
	if (len > PM_SIGNATURE_MAX)
		return pm_fail(err, PM_E_FORMAT, "a signature is larger than %d bytes", PM_SIGNATURE_MAX);
	/* OpenPGP packets begin with bit 7 (RFC 4880, 4.2), which no text does. */
	if ((unsigned char)text[0] & 0x80) {
		pm_buf_add(&pm_signatures_add(ret, PM_SIGNATURE_SIMPLE)->payload, text, len);
		return 0;
	}
	const char *end = text[0] == '\0' ? memchr(text, '\n', len) : NULL;
	if (!end)
		return pm_fail(err, PM_E_FORMAT, "a signature is neither an OpenPGP message nor one of "
						 "sigstore's");
	size_t name = (size_t)(end - text) - 1, rest = len - name - 2;
	if (name == strlen(SIMPLE_FORM) && memcmp(text + 1, SIMPLE_FORM, name) == 0) {
		pm_buf_add(&pm_signatures_add(ret, PM_SIGNATURE_SIMPLE)->payload, end + 1, rest);
		return 0;
	}
	if (name != strlen(SIGSTORE_FORM) || memcmp(text + 1, SIGSTORE_FORM, name) != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "a signature is of an unknown kind");
	int r = parse_sigstore(end + 1, rest, ret, err);
	return r < 0 ? pm_wrap(err, "a signature") : 0;
}

void pm_signature_format(const struct pm_signature *s, struct pm_buf *out)
{
	if (s->kind == PM_SIGNATURE_SIMPLE) {
		/* What would not be known again by its first byte says what it is. */
		if (!s->payload.len || !((unsigned char)s->payload.data[0] & 0x80))
			pm_buf_add(out, "\0" SIMPLE_FORM "\n", sizeof(SIMPLE_FORM) + 1);
		pm_buf_add(out, pm_buf_str(&s->payload), s->payload.len);
		return;
	}
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *payload = pm_base64_encode(pm_buf_str(&s->payload), s->payload.len);
	struct pm_json *root = pm_json_object(pool), *notes = pm_json_object(pool);
	for (size_t i = 0; i + 1 < s->notes.n; i += 2)
		pm_json_set_str(pool, notes, s->notes.v[i], s->notes.v[i + 1]);
	pm_json_set_str(pool, root, "mimeType", s->media_type);
	pm_json_set_str(pool, root, "payload", payload);
	pm_json_set(pool, root, "annotations", notes);
	pm_buf_add(out, "\0" SIGSTORE_FORM "\n", sizeof(SIGSTORE_FORM) + 1);
	pm_json_write(root, 0, out);
}

void pm_signatures_write(const struct pm_signatures *s, struct pm_buf *out)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *list = pm_json_array(pool);
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		pm_signature_format(&s->v[i], &text);
		_cleanup_free_ char *encoded = pm_base64_encode(pm_buf_str(&text), text.len);
		pm_json_add(pool, list, pm_json_str(pool, encoded));
	}
	pm_json_write(list, 0, out);
}

int pm_signatures_read(const char *text, size_t len, struct pm_signatures *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *list;
	int r = pm_json_parse(pool, text, len, &list, err);
	for (size_t i = 0; r >= 0 && i < pm_json_len(list); i++) {
		const struct pm_json *v = pm_json_at(list, i);
		size_t n = 0;
		_cleanup_free_ char *data =
			pm_json_is(v, PM_JSON_STRING) ? pm_base64_decode(v->string, &n) : NULL;
		r = data ? pm_signature_parse(data, n, ret, err)
			 : pm_fail(err, PM_E_FORMAT, "a stored signature is malformed");
	}
	return r < 0 ? r : 0;
}
