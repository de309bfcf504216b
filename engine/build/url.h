/*
 * url - a file of a web server, fetched by pm-transfer (pm itself has no network code): sources of ADD, build
 * contexts, Containerfiles. Redirects, proxies and certificates as for registries (registry/http.h). Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_URL_H
#define PM_ENGINE_BUILD_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/image/remote.h"

struct pm_url_file {
	int64_t size;
	int64_t mtime;      /* Last-Modified, seconds since the epoch; -1: not said */
	char content_type[100]; /* "" : not said */
};

/* http:// or https:// */
bool pm_url_is(const char *word);
/* A git repository: git://, git@HOST:, ssh://, github.com/..., or an http(s) URL whose path ends with .git (before a
 * "#REF:DIR"). */
bool pm_url_is_git(const char *word);
/* The last part of the URL's path, unescaped; NULL: it has none that could name a file. The caller frees. */
char *pm_url_name(const char *url);

/* Fetch url into the file fd, from its current offset. remote may be NULL. PM_E_REMOTE: no such file, no such host,
 * ... */
int pm_url_fetch(const char *url, int fd, const struct pm_remote *remote, struct pm_url_file *ret,
		 struct pm_err *err);

#endif
