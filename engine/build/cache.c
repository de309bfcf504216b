#include "engine/build/cache.h"

#include <stdio.h>
#include <string.h>

#include "base/db.h"
#include "base/timefmt.h"

/* Changes when equal texts come to mean something else. */
#define CACHE_VERSION "pm-build-1"

void pm_cache_key_init(struct pm_cache_key *k, const char *image_id)
{
	pm_sha256_init(&k->hash);
	pm_cache_key_add(k, "version", CACHE_VERSION);
	pm_cache_key_add(k, "image", image_id ? image_id : "scratch");
}

static void add_counted(struct pm_cache_key *k, const char *text)
{
	char len[32];
	int n = snprintf(len, sizeof(len), "%zu:", strlen(text));
	pm_sha256_add(&k->hash, len, (size_t)n);
	pm_sha256_add(&k->hash, text, strlen(text));
}

void pm_cache_key_add(struct pm_cache_key *k, const char *what, const char *text)
{
	add_counted(k, what);
	add_counted(k, text ? text : "");
}

void pm_cache_key_hex(struct pm_cache_key *k, char ret[65])
{
	pm_sha256_hex(&k->hash, ret);
}

int pm_cache_find(struct pm_store *s, const char *key, int64_t max_age, char ret_id[65], struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int64_t since = max_age > 0 ? pm_time_now() - max_age : 0;
	int r = pm_db_query(s->db, &q, err, "SELECT image FROM build_cache WHERE key=? AND created>=?", "si", key,
			    since);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r != 1)
		return r;
	snprintf(ret_id, 65, "%s", pm_stmt_str(q, 0));
	return 1;
}

int pm_cache_add(struct pm_store *s, const char *key, const char *image_id, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "INSERT OR REPLACE INTO build_cache(key, image, created) VALUES(?, ?, ?)", "ssi",
			   key, image_id, pm_time_now());
	if (r == -PM_E_INUSE) {
		pm_err_clear(err);
		return 0;
	}
	return r < 0 ? r : 0;
}
