/*
 * timefmt - times, durations and sizes as Go and Podman write and read them. Libc-only; depends on
 * neither the locale nor, but for the functions that say "local", on the time zone. Times are
 * nanoseconds since the epoch, from 1678 to 2261.
 */
#ifndef PM_BASE_TIMEFMT_H
#define PM_BASE_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PM_NS_PER_SEC INT64_C(1000000000)

/* CLOCK_REALTIME. */
int64_t pm_time_now(void);

/* RFC 3339 with as many digits of the fraction as needed: "2026-11-23T23:17:22.1234Z". offset: the
 * zone's seconds east of UTC (0 gives "Z"). Each of the buffers below needs PM_TIME_SIZE bytes;
 * functions return ret. */
#define PM_TIME_SIZE 64
char *pm_time_rfc3339(int64_t ns, int offset, char *ret);
/* The same with always nine digits, as conmon's and Docker's logs have it. */
char *pm_time_rfc3339_fixed(int64_t ns, int offset, char *ret);
/* Go's Time.String(): "2026-11-23 23:17:22.1234 +0000 UTC"; zone NULL: "UTC" for offset 0, else the
 * offset once more, as Go does for a zone without a name. */
char *pm_time_go(int64_t ns, int offset, const char *zone, char *ret);
/* Both for the local zone (TZ, /etc/localtime). */
char *pm_time_rfc3339_local(int64_t ns, char *ret);
char *pm_time_go_local(int64_t ns, char *ret);
/* Go's Time.Format by layout ("2006-01-02 15:04:05 -0700 MST", also Jan Mon 3 PM .000 .999 _2
 * Z07:00). Cut at size - 1 bytes. */
void pm_time_layout(int64_t ns, int offset, const char *zone, const char *layout, char *ret,
		    size_t size);
/* The local zone's offset and name (8 bytes at least) at ns. */
int pm_time_local_zone(int64_t ns, char *ret_name, size_t size);

/* RFC 3339, strictly, with any fraction; ret_offset may be NULL. PM_E_FORMAT, ERANGE. Go's zero
 * time "0001-01-01T00:00:00Z" gives PM_TIME_ZERO. */
#define PM_TIME_ZERO INT64_MIN
int pm_time_parse_rfc3339(const char *s, int64_t *ret, int *ret_offset, struct pm_err *err);

/* A point in time given by a user (--since, --until): RFC 3339, the same without zone (local) or
 * cut after date, hour, minute or second; seconds since the epoch with a fraction ("1700000000.5");
 * or a Go duration, which is taken from now when before ("10m" for --since), else added to it
 * (--until). PM_E_USAGE. */
int pm_time_parse_user(const char *s, int64_t now, bool before, int64_t *ret, struct pm_err *err);

/* Go's time.ParseDuration: "1h2m3.5s", "300ms", "-1.5h", "0"; units ns us µs ms s m h.
 * PM_E_USAGE. */
int pm_duration_parse(const char *s, int64_t *ret_ns, struct pm_err *err);
/* Go's Duration.String(): "1h2m3.5s", "1.5ms", "0s". */
char *pm_duration_go(int64_t ns, char *ret);
/* units.HumanDuration: "Less than a second", "About a minute", "3 hours", "2 weeks"; without
 * "ago". */
char *pm_duration_human(int64_t ns, char *ret);

/* units.HumanSize: base 1000, four digits: "4.953MB". space: three digits and a space, "4.95 MB",
 * as in the list of images. */
char *pm_size_human(double bytes, bool space, char *ret);
/* units.BytesSize: base 1024, "4.7MiB". */
char *pm_size_bytes(double bytes, char *ret);
/* units.RAMInBytes: "512m", "1.5GiB", "100b", "4096": base 1024, letters in any case.
 * PM_E_USAGE. */
int pm_size_parse(const char *s, int64_t *ret, struct pm_err *err);

#endif
