#include "engine/build/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/image/helper.h"

bool pm_url_is(const char *word)
{
	return pm_startswith(word, "http://") || pm_startswith(word, "https://");
}

bool pm_url_is_git(const char *word)
{
	static const char *const prefixes[] = {"git://", "git@", "ssh://", "github.com/"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(prefixes); i++)
		if (pm_startswith(word, prefixes[i]))
			return true;
	size_t n = strcspn(word, "#?");
	return pm_url_is(word) && n > 4 && strncmp(word + n - 4, ".git", 4) == 0;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef",
		   *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
	return p ? (int)(p - digits) : -1;
}

char *pm_url_name(const char *url)
{
	const char *s = strstr(url, "://"), *end;
	s = s ? s + 3 : url;
	end = s + strcspn(s, "?#");
	const char *slash = memrchr(s, '/', (size_t)(end - s));
	if (!slash || slash + 1 == end)
		return NULL;
	_cleanup_buf_ struct pm_buf name = PM_BUF_INIT;
	for (s = slash + 1; s < end; s++) {
		int hi = *s == '%' ? hex(s[1]) : -1, lo = hi >= 0 ? hex(s[2]) : -1;
		char c = lo >= 0 ? (char)(hi * 16 + lo) : *s;
		s += lo >= 0 ? 2 : 0;
		if (!c || c == '/' || c == '\n')
			return NULL;
		pm_buf_add_char(&name, c);
	}
	if (strcmp(name.data, ".") == 0 || strcmp(name.data, "..") == 0)
		return NULL;
	return pm_buf_take(&name);
}

static int talk(struct pm_helper *h, const char *url, int fd, const struct pm_remote *remote,
		struct pm_url_file *ret, struct pm_err *err)
{
	static const struct pm_remote defaults = PM_REMOTE_INIT;
	_cleanup_wire_ struct pm_wire request = PM_WIRE_INIT;
	pm_wire_add(&request, "type", "request");
	pm_wire_add(&request, "op", "fetch-url");
	pm_wire_add(&request, "fds", "output");
	pm_wire_add(&request, "name", url);
	pm_remote_add(&request, "", remote ? remote : &defaults);
	int r = pm_helper_begin(h, err);
	if (r >= 0)
		r = pm_wire_send(h->sock, &request, &fd, 1, err);
	while (r >= 0) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		r = pm_helper_next(h, &w, NULL, NULL, err);
		const char *type = r < 0 ? NULL : pm_wire_get(&w, "type");
		if (r < 0 || pm_streq(type, "end"))
			break;
		if (!pm_streq(type, "fetched"))
			continue;
		const char *kind = pm_wire_get(&w, "content_type");
		r = pm_wire_get_int(&w, "size", 0, &ret->size, err);
		if (r >= 0)
			r = pm_wire_get_int(&w, "mtime", -1, &ret->mtime, err);
		snprintf(ret->content_type, sizeof(ret->content_type), "%s", kind ? kind : "");
	}
	return r < 0 ? r : 0;
}

int pm_url_fetch(const char *url, int fd, const struct pm_remote *remote, struct pm_url_file *ret,
		 struct pm_err *err)
{
	struct pm_helper h = PM_HELPER_INIT;
	*ret = (struct pm_url_file){.mtime = -1};
	int r = talk(&h, url, fd, remote, ret, err);
	pm_helper_finish(&h);
	pm_helper_unmask(&h);
	return r;
}
