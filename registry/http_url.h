/*
 * http_url - texts of URLs and headers, put together and taken apart (libcurl's URL parser). No request is made.
 */
#ifndef PM_REGISTRY_HTTP_URL_H
#define PM_REGISTRY_HTTP_URL_H

#include <stdint.h>

/* s percent-encoded for a query value; the caller frees. */
char *pm_http_escape(const char *s);

/* START of a Content-Range "bytes START-...", -1 when it is none (or NULL). */
int64_t pm_http_range_start(const char *content_range);

/* location, absolute or relative to base, as a URL; NULL when it is none. The caller frees. */
char *pm_http_join(const char *base, const char *location);

/* "https://host:port" of an http(s) URL in canonical form, default ports filled in; NULL when it is none or
 * has user information. The caller frees. */
char *pm_http_origin(const char *url);

#endif
