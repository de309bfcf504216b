#include "cli/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

void pm_quote(const char *s, struct pm_buf *out)
{
	pm_buf_add_char(out, '"');
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p == '"' || *p == '\\')
			pm_buf_printf(out, "\\%c", *p);
		else if (*p == '\n')
			pm_buf_add_str(out, "\\n");
		else if (*p == '\t')
			pm_buf_add_str(out, "\\t");
		else if (*p == '\r')
			pm_buf_add_str(out, "\\r");
		else if (*p < 0x20 || *p == 0x7f)
			pm_buf_printf(out, "\\x%02x", *p);
		else
			pm_buf_add_char(out, (char)*p);
	}
	pm_buf_add_char(out, '"');
}

static int fail_quoted(struct pm_err *err, const char *before, const char *s, const char *after)
{
	_cleanup_buf_ struct pm_buf q = PM_BUF_INIT;
	pm_quote(s, &q);
	return pm_fail(err, PM_E_USAGE, "%s%s%s", before, pm_buf_str(&q), after);
}

int pm_parse_bool(const char *s, bool *ret, struct pm_err *err)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(yes); i++) {
		if (strcmp(s, yes[i]) == 0) {
			*ret = true;
			return 0;
		}
		if (strcmp(s, no[i]) == 0) {
			*ret = false;
			return 0;
		}
	}
	return fail_quoted(err, "strconv.ParseBool: parsing ", s, ": invalid syntax");
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

/* Digits of a number whose sign was taken: 0, -EINVAL or -ERANGE. */
static int parse_magnitude(const char *s, uint64_t *ret)
{
	unsigned int base = 10;
	bool prefixed = false;
	if (s[0] == '0' && s[1]) {
		char c = (char)tolower((unsigned char)s[1]);
		base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
		s += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
		prefixed = true;
	}
	if (!*s)
		return -EINVAL;

	uint64_t n = 0;
	bool range = false, underscore = !prefixed; /* a '_' must follow a digit or the prefix */
	for (; *s; s++) {
		if (*s == '_') {
			if (underscore)
				return -EINVAL;
			underscore = true;
			continue;
		}
		unsigned int d = (unsigned int)digit_of(*s);
		if (d >= base)
			return -EINVAL;
		underscore = false;
		if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)d, &n))
			range = true;
	}
	if (underscore)
		return -EINVAL;
	*ret = n;
	return range ? -ERANGE : 0;
}

int pm_parse_int(const char *s, int64_t *ret, struct pm_err *err)
{
	bool negative = *s == '-';
	uint64_t n = 0, limit = (uint64_t)INT64_MAX + negative;
	int r = parse_magnitude(*s == '-' || *s == '+' ? s + 1 : s, &n);
	if (r == -EINVAL)
		return fail_quoted(err, "strconv.ParseInt: parsing ", s, ": invalid syntax");
	if (r < 0 || n > limit)
		return fail_quoted(err, "strconv.ParseInt: parsing ", s, ": value out of range");
	*ret = negative ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

int pm_parse_uint(const char *s, uint64_t *ret, struct pm_err *err)
{
	uint64_t n = 0;
	int r = parse_magnitude(s, &n);
	if (r == -EINVAL)
		return fail_quoted(err, "strconv.ParseUint: parsing ", s, ": invalid syntax");
	if (r < 0)
		return fail_quoted(err, "strconv.ParseUint: parsing ", s, ": value out of range");
	*ret = n;
	return 0;
}

int pm_parse_float(const char *s, double *ret, struct pm_err *err)
{
	char *end;
	errno = 0;
	double d = strtod(s, &end);
	if (!*s || *end || isspace((unsigned char)*s))
		return fail_quoted(err, "strconv.ParseFloat: parsing ", s, ": invalid syntax");
	if (errno == ERANGE && isinf(d))
		return fail_quoted(err, "strconv.ParseFloat: parsing ", s, ": value out of range");
	*ret = d;
	return 0;
}

int pm_parse_size(const char *s, int64_t *ret_bytes, struct pm_err *err)
{
	char *end;
	if (!isdigit((unsigned char)*s) || (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')))
		return pm_fail(err, PM_E_USAGE, "invalid size: '%s'", s);
	double n = strtod(s, &end);
	if (*end == ' ')
		end++;

	static const char units[] = "kmgtp";
	double factor = 1;
	const char *unit = *end ? memchr(units, tolower((unsigned char)*end), sizeof(units) - 1)
				: NULL;
	if (unit) {
		for (const char *u = units; u <= unit; u++)
			factor *= 1024;
		end++;
		if (*end == 'i')
			end++;
	}
	if (*end == 'b' || *end == 'B')
		end++;
	if (*end || !(n * factor < 9.2e18))
		return pm_fail(err, PM_E_USAGE, "invalid size: '%s'", s);
	*ret_bytes = (int64_t)(n * factor);
	return 0;
}

/* One "1.5h" at *s, which is moved on. */
static int parse_duration_part(const char **s, double *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {
		{"ns", 1},    {"us", 1e3},  {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
		{"ms", 1e6},  {"s", 1e9},   {"m", 60e9},        {"h", 3600e9},
	};

	const char *p = *s;
	while (isdigit((unsigned char)*p) || *p == '.')
		p++;
	if (p == *s || p - *s > 30)
		return -EINVAL;

	char number[32], *end;
	memcpy(number, *s, (size_t)(p - *s));
	number[p - *s] = '\0';
	double n = strtod(number, &end);
	if (*end || end == number)
		return -EINVAL;

	size_t len = 0;
	while (p[len] && p[len] != '.' && !isdigit((unsigned char)p[len]))
		len++;
	for (size_t i = 0; i < PM_ARRAY_SIZE(units); i++) {
		if (strlen(units[i].unit) == len && memcmp(units[i].unit, p, len) == 0) {
			*ret_ns = n * units[i].ns;
			*s = p + len;
			return 0;
		}
	}
	return -EINVAL;
}

int pm_parse_duration(const char *s, int64_t *ret_ns, struct pm_err *err)
{
	const char *p = s;
	bool negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;

	double total = 0;
	const char *digits = p;
	while (isdigit((unsigned char)*digits))
		digits++;
	if (*p && !*digits) {
		total = strtod(p, NULL) * 1e9; /* seconds, an extension for all of pm's options */
	} else {
		if (!*p)
			return fail_quoted(err, "time: invalid duration ", s, "");
		while (*p) {
			double part;
			if (parse_duration_part(&p, &part) < 0)
				return fail_quoted(err, "time: invalid duration ", s, "");
			total += part;
		}
	}
	if (!(total < 9.2e18))
		return fail_quoted(err, "time: invalid duration ", s, "");
	*ret_ns = negative ? -(int64_t)total : (int64_t)total;
	return 0;
}

/* A quoted field; *s is behind the opening quote and is moved behind the closing one. */
static int csv_quoted(const char *line, const char **s, struct pm_buf *field, struct pm_err *err)
{
	const char *p = *s;
	for (;; p++) {
		if (!*p)
			return pm_fail(err, PM_E_USAGE,
				       "parse error on line 1, column %zu: extraneous or missing "
				       "\" in quoted-field",
				       (size_t)(p - line) + 1);
		if (*p == '"' && p[1] == '"')
			p++;
		else if (*p == '"')
			break;
		pm_buf_add_char(field, *p);
	}
	p++;
	if (*p && *p != ',')
		return pm_fail(err, PM_E_USAGE,
			       "parse error on line 1, column %zu: extraneous or missing \" in "
			       "quoted-field",
			       (size_t)(p - line));
	*s = p;
	return 0;
}

int pm_parse_csv(const char *s, struct pm_strv *l, struct pm_err *err)
{
	if (!*s)
		return 0;
	for (const char *p = s;; p++) {
		_cleanup_buf_ struct pm_buf field = PM_BUF_INIT;
		if (*p == '"') {
			p++;
			int r = csv_quoted(s, &p, &field, err);
			if (r < 0)
				return r;
		} else {
			for (; *p && *p != ','; p++) {
				if (*p == '"')
					return pm_fail(err, PM_E_USAGE,
						       "parse error on line 1, column %zu: bare "
						       "\" in non-quoted-field",
						       (size_t)(p - s) + 1);
				pm_buf_add_char(&field, *p);
			}
		}
		pm_strv_add(l, pm_buf_str(&field));
		if (!*p)
			return 0;
	}
}
