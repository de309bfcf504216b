#include "registry/reference.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "registry/digest.h"

#define NAME_MAX_LEN 255
#define TAG_MAX_LEN 128

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

void pm_reference_free(struct pm_reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct pm_reference)PM_REFERENCE_INIT;
}

bool pm_tag_valid(const char *s)
{
	if (!s || (!is_alnum(s[0]) && s[0] != '_'))
		return false;
	size_t n = 0;
	while (is_alnum(s[n]) || (s[n] && strchr("_.-", s[n])))
		n++;
	return s[n] == '\0' && n <= TAG_MAX_LEN;
}

/* One component of a host name or IPv4 address. */
static bool host_component(const char *s, size_t len)
{
	if (len == 0 || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	}
	return true;
}

static bool port_valid(const char *s, size_t len)
{
	if (len == 0 || len > 5)
		return false;
	unsigned int port = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		port = port * 10 + (unsigned int)(s[i] - '0');
	}
	return port <= 65535;
}

static bool domain_valid(const char *s, size_t len)
{
	size_t host = len;
	if (len > 2 && s[0] == '[') {
		const char *end = memchr(s, ']', len);
		if (!end)
			return false;
		host = (size_t)(end - s) + 1;
		for (size_t i = 1; i + 1 < host; i++) {
			if (!isxdigit((unsigned char)s[i]) && s[i] != ':')
				return false;
		}
		return host == len ||
		       (s[host] == ':' && port_valid(s + host + 1, len - host - 1));
	}
	const char *colon = memchr(s, ':', len);
	if (colon) {
		host = (size_t)(colon - s);
		if (!port_valid(colon + 1, len - host - 1))
			return false;
	}
	for (size_t at = 0;;) {
		const char *dot = memchr(s + at, '.', host - at);
		size_t n = dot ? (size_t)(dot - s) - at : host - at;
		if (!host_component(s + at, n))
			return false;
		if (!dot)
			return true;
		at += n + 1;
	}
}

/* [a-z0-9]+ joined by ".", "_", "__" or any number of "-". */
static bool path_component(const char *s, size_t len)
{
	size_t i = 0;
	for (;;) {
		size_t start = i;
		while (i < len && is_lower_alnum(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == len)
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i++;
			if (i < len && s[i] == '_')
				i++;
		} else if (s[i] == '-') {
			while (i < len && s[i] == '-')
				i++;
		} else {
			return false;
		}
	}
}

static bool path_valid(const char *s, size_t len)
{
	for (size_t at = 0;;) {
		const char *slash = memchr(s + at, '/', len - at);
		size_t n = slash ? (size_t)(slash - s) - at : len - at;
		if (!path_component(s + at, n))
			return false;
		if (!slash)
			return true;
		at += n + 1;
	}
}

static bool looks_like_domain(const char *s, size_t len)
{
	if (memchr(s, '.', len) || memchr(s, ':', len) || s[0] == '[')
		return true;
	if (len == 9 && memcmp(s, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (s[i] >= 'A' && s[i] <= 'Z')
			return true;
	}
	return false;
}

static int bad(struct pm_err *err, const char *s, const char *why)
{
	return pm_fail(err, PM_E_USAGE, "invalid reference '%.300s': %s", s, why);
}

static const char *path_problem(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] >= 'A' && s[i] <= 'Z')
			return "repository name must be lowercase";
	}
	return "repository name must be lower-case letters and digits, joined by '.', '_', "
	       "'-' and '/'";
}

int pm_reference_parse(const char *s, struct pm_reference *ret, struct pm_err *err)
{
	if (!*s)
		return pm_fail(err, PM_E_USAGE, "invalid reference: it is empty");
	const char *at = strchr(s, '@');
	size_t len = at ? (size_t)(at - s) : strlen(s);
	if (at && !pm_digest_valid(at + 1))
		return bad(err, s, "the part after '@' must be sha256: and 64 lower-case hex digits");
	const char *tag = NULL;
	size_t name_len = len;
	for (size_t i = len; i > 0 && s[i - 1] != '/'; i--) {
		if (s[i - 1] == ':') {
			tag = s + i;
			name_len = i - 1;
		}
	}
	_cleanup_free_ char *tag_text = tag ? pm_strndup(tag, (size_t)(s + len - tag)) : NULL;
	if (tag_text && !pm_tag_valid(tag_text))
		return bad(err, s, "the tag must be 1 to 128 of [A-Za-z0-9_.-], not starting with "
				   "'.' or '-'");
	const char *slash = memchr(s, '/', name_len);
	size_t domain_len = slash ? (size_t)(slash - s) : 0;
	bool has_domain = domain_len > 0 && looks_like_domain(s, domain_len);
	if (has_domain && !domain_valid(s, domain_len))
		return bad(err, s, "the part before the first '/' is not a host name");
	const char *path = has_domain ? slash + 1 : s;
	size_t path_len = name_len - (size_t)(path - s);
	if (!path_valid(path, path_len))
		return bad(err, s, path_problem(path, path_len));
	if (name_len > NAME_MAX_LEN)
		return bad(err, s, "the name is longer than 255 bytes");
	struct pm_reference r = {
		.domain = has_domain ? pm_strndup(s, domain_len) : NULL,
		.path = pm_strndup(path, path_len),
	};
	if (!has_domain && pm_hex64_valid(r.path)) {
		pm_reference_free(&r);
		return bad(err, s, "64 hexadecimal digits are an id, not a name");
	}
	r.tag = pm_steal(&tag_text);
	r.digest = at ? pm_strdup(at + 1) : NULL;
	*ret = r;
	return 0;
}

void pm_reference_normalize(struct pm_reference *r)
{
	if (!r->domain)
		return;
	if (strcmp(r->domain, "index.docker.io") == 0 ||
	    strcmp(r->domain, "registry-1.docker.io") == 0) {
		free(r->domain);
		r->domain = pm_strdup("docker.io");
	}
	if (strcmp(r->domain, "docker.io") == 0 && !strchr(r->path, '/')) {
		char *path = pm_asprintf("library/%s", r->path);
		free(r->path);
		r->path = path;
	}
}

int pm_reference_parse_docker(const char *s, struct pm_reference *ret, struct pm_err *err)
{
	int r = pm_reference_parse(s, ret, err);
	if (r < 0)
		return r;
	if (!ret->domain)
		ret->domain = pm_strdup("docker.io");
	pm_reference_normalize(ret);
	return 0;
}

void pm_reference_default_tag(struct pm_reference *r)
{
	if (!r->tag && !r->digest)
		r->tag = pm_strdup("latest");
}

void pm_reference_copy(const struct pm_reference *from, struct pm_reference *ret)
{
	*ret = (struct pm_reference){
		.domain = pm_strdup_null(from->domain),
		.path = pm_strdup_null(from->path),
		.tag = pm_strdup_null(from->tag),
		.digest = pm_strdup_null(from->digest),
	};
}

char *pm_reference_name(const struct pm_reference *r)
{
	return r->domain ? pm_asprintf("%s/%s", r->domain, r->path) : pm_strdup(r->path);
}

char *pm_reference_str(const struct pm_reference *r)
{
	return pm_asprintf("%s%s%s%s%s%s%s", r->domain ? r->domain : "", r->domain ? "/" : "",
			   r->path, r->tag ? ":" : "", r->tag ? r->tag : "", r->digest ? "@" : "",
			   r->digest ? r->digest : "");
}
