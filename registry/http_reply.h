/*
 * http_reply - what came back for a request: the status, the headers that pm looks at, a body that is kept.
 */
#ifndef PM_REGISTRY_HTTP_REPLY_H
#define PM_REGISTRY_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct pm_http_reply {
	int status; /* 0: no reply came */
	char *content_type, *docker_digest, *location, *link, *content_range, *final_url;
	char *range, *oci_subject, *last_modified;
	bool signatures; /* X-Registry-Supports-Signatures: 1 */
	struct pm_strv www_authenticate;
	int64_t content_length; /* -1: not said */
	int64_t retry_after;    /* seconds, -1: not said */
	struct pm_buf body;     /* also of an error reply, up to 64 KiB */
};

/* As at the beginning; also of a zeroed record. Frees what it had. */
void pm_http_reply_clear(struct pm_http_reply *r);
/* One line of the headers, as it came (len bytes, not ended by NUL); a status line clears r. */
void pm_http_reply_header(struct pm_http_reply *r, const char *line, size_t len);

#endif
