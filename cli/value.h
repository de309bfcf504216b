/*
 * value - single values as they are written on a command line: numbers, sizes, durations, CSV.
 *
 * The grammars are Go's strconv and time packages' and pflag's, since scripts are written for
 * those. Failures are PM_E_USAGE with a text that says what is wrong with s, without naming an option.
 */
#ifndef PM_CLI_VALUE_H
#define PM_CLI_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* strconv.ParseBool: 1 t T true TRUE True and their opposites. */
int pm_parse_bool(const char *s, bool *ret, struct pm_err *err);
/* strconv.ParseInt(s, 0, 64): sign, 0x 0o 0b prefixes, a leading 0 is octal. */
int pm_parse_int(const char *s, int64_t *ret, struct pm_err *err);
int pm_parse_uint(const char *s, uint64_t *ret, struct pm_err *err);
int pm_parse_float(const char *s, double *ret, struct pm_err *err);
/* Bytes: "10", "10b", "64k", "1.5g", "64MB", "1GiB", by powers of 1024. */
int pm_parse_size(const char *s, int64_t *ret_bytes, struct pm_err *err);
/* time.ParseDuration ("1h2m3.5s", "250ms"), or a plain number of seconds. */
int pm_parse_duration(const char *s, int64_t *ret_ns, struct pm_err *err);
/* One line of CSV (encoding/csv), its fields appended to l. */
int pm_parse_csv(const char *s, struct pm_strv *l, struct pm_err *err);

/* Append s to out as Go's %q prints it. Bytes that are no UTF-8 become \x... */
void pm_quote(const char *s, struct pm_buf *out);

#endif
