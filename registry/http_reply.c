#include "registry/http_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

void pm_http_reply_clear(struct pm_http_reply *r)
{
	free(r->content_type);
	free(r->last_modified);
	free(r->docker_digest);
	free(r->location);
	free(r->link);
	free(r->content_range);
	free(r->range);
	free(r->oci_subject);
	free(r->final_url);
	pm_strv_free(&r->www_authenticate);
	pm_buf_free(&r->body);
	*r = (struct pm_http_reply){.content_length = -1, .retry_after = -1};
}

static bool is_header(const char *line, size_t len, const char *name, const char **ret_value,
		      size_t *ret_len)
{
	size_t n = strlen(name);
	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	const char *v = line + n + 1, *end = line + len;
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && strchr(" \t\r\n", end[-1]))
		end--;
	*ret_value = v;
	*ret_len = (size_t)(end - v);
	return true;
}

static int64_t small_number(const char *s, size_t len)
{
	int64_t v = 0;
	if (!len || len > 18)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

void pm_http_reply_header(struct pm_http_reply *r, const char *line, size_t len)
{
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
		pm_http_reply_clear(r);
		const char *sp = memchr(line, ' ', len);
		if (sp && (size_t)(line + len - sp) > 3)
			r->status = (int)small_number(sp + 1, 3);
		return;
	}
	const struct {
		const char *name;
		char **slot;
	} kept[] = {{"content-type", &r->content_type},
		    {"last-modified", &r->last_modified},
		    {"docker-content-digest", &r->docker_digest},
		    {"location", &r->location},
		    {"link", &r->link},
		    {"content-range", &r->content_range},
		    {"range", &r->range},
		    {"oci-subject", &r->oci_subject}};
	const char *v;
	size_t vlen;
	for (size_t i = 0; i < PM_ARRAY_SIZE(kept); i++) {
		if (is_header(line, len, kept[i].name, &v, &vlen)) {
			free(*kept[i].slot);
			*kept[i].slot = pm_strndup(v, vlen);
			return;
		}
	}
	if (is_header(line, len, "www-authenticate", &v, &vlen))
		pm_strv_take(&r->www_authenticate, pm_strndup(v, vlen));
	else if (is_header(line, len, "retry-after", &v, &vlen))
		r->retry_after = small_number(v, vlen);
	else if (is_header(line, len, "x-registry-supports-signatures", &v, &vlen))
		r->signatures = vlen == 1 && *v == '1';
	else if (is_header(line, len, "content-length", &v, &vlen))
		r->content_length = small_number(v, vlen);
}
