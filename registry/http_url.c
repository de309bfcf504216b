#include "registry/http_url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

char *pm_http_escape(const char *s)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c))
			pm_buf_add_char(&b, (char)c);
		else
			pm_buf_printf(&b, "%%%02X", c);
	}
	return pm_buf_take(&b);
}

char *pm_http_origin(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *ret = NULL;
	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		for (char *p = host; *p; p++)
			*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		ret = pm_asprintf("%s://%s:%s", scheme, host, port);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(user);
	curl_url_cleanup(u);
	return ret;
}

int64_t pm_http_range_start(const char *s)
{
	if (!s || strncmp(s, "bytes ", 6) != 0)
		return -1;
	char *end;
	errno = 0;
	long long v = strtoll(s + 6, &end, 10);
	return errno || end == s + 6 || *end != '-' || v < 0 ? -1 : v;
}

char *pm_http_join(const char *base, const char *location)
{
	CURLU *u = curl_url();
	char *full = NULL, *ret = NULL;
	if (u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &full, 0) == CURLUE_OK)
		ret = pm_strdup(full);
	curl_free(full);
	curl_url_cleanup(u);
	return ret;
}
