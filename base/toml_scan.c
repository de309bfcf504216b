#include "base/toml_scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

int pm_toml_fail(struct pm_toml_text *t, const char *fmt, ...)
{
	char reason[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	/* a quoted key can hold anything; an error is one line */
	for (char *c = reason; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return pm_fail(t->err, PM_E_FORMAT, "TOML: line %zu: %s", t->line, reason);
}

int pm_toml_peek(const struct pm_toml_text *t)
{
	return t->p < t->end ? (unsigned char)*t->p : -1;
}

bool pm_toml_at(const struct pm_toml_text *t, const char *s)
{
	size_t n = strlen(s);
	return (size_t)(t->end - t->p) >= n && memcmp(t->p, s, n) == 0;
}

void pm_toml_skip_space(struct pm_toml_text *t)
{
	while (pm_toml_peek(t) == ' ' || pm_toml_peek(t) == '\t')
		t->p++;
}

/* Bytes that may stand in strings and comments as they are. */
static bool is_control(int c)
{
	return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

/* How many bytes from here on are neither control characters nor a backslash nor the quote. */
static size_t plain_span(const struct pm_toml_text *t, char quote)
{
	const char *p = t->p;
	while (p < t->end && (unsigned char)*p >= 0x20 && *p != 0x7f && *p != '\\' && *p != quote)
		p++;
	return (size_t)(p - t->p);
}

/* The length of the newline at p, 0 when there is none. */
static size_t newline(const struct pm_toml_text *t)
{
	if (pm_toml_peek(t) == '\n')
		return 1;
	return pm_toml_at(t, "\r\n") ? 2 : 0;
}

static bool take_newline(struct pm_toml_text *t)
{
	size_t n = newline(t);
	t->p += n;
	t->line += n > 0;
	return n > 0;
}

static int skip_comment(struct pm_toml_text *t)
{
	pm_toml_skip_space(t);
	if (pm_toml_peek(t) != '#')
		return 0;
	for (;;) {
		t->p += plain_span(t, '\n');
		if (t->p == t->end || newline(t))
			return 0;
		if (is_control(pm_toml_peek(t)))
			return pm_toml_fail(t, "control character in a comment");
		t->p++;
	}
}

int pm_toml_end_line(struct pm_toml_text *t)
{
	int r = skip_comment(t);
	if (r < 0)
		return r;
	if (t->p < t->end && !take_newline(t))
		return pm_toml_fail(t, "something follows where the line should end");
	return 0;
}

int pm_toml_skip_lines(struct pm_toml_text *t)
{
	do {
		int r = skip_comment(t);
		if (r < 0)
			return r;
	} while (take_newline(t));
	return 0;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* At the character after the backslash. */
static int escape(struct pm_toml_text *t, struct pm_buf *out)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	int c = pm_toml_peek(t);
	const char *l = c > 0 ? strchr(letters, c) : NULL;
	if (l) {
		pm_buf_add_char(out, meanings[l - letters]);
		t->p++;
		return 0;
	}
	if (c != 'u' && c != 'U')
		return pm_toml_fail(t, "unknown escape in a string");
	t->p++;
	uint32_t point = 0;
	for (int n = c == 'u' ? 4 : 8; n > 0; n--) {
		int d = hex_digit(pm_toml_peek(t));
		if (d < 0)
			return pm_toml_fail(t, "\\%c needs %d hexadecimal digits", c,
					    c == 'u' ? 4 : 8);
		point = point << 4 | (uint32_t)d;
		t->p++;
	}
	if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return pm_toml_fail(t, "\\%c names no Unicode character", c);
	char bytes[4];
	pm_buf_add(out, bytes, pm_utf8_encode(point, bytes));
	return 0;
}

/* Until the one closing quote, on one line. */
static int one_line(struct pm_toml_text *t, char quote, struct pm_buf *out)
{
	t->p++;
	for (;;) {
		size_t plain = plain_span(t, quote);
		pm_buf_add(out, t->p, plain);
		t->p += plain;
		int c = pm_toml_peek(t);
		if (c < 0 || newline(t))
			return pm_toml_fail(t, "string without its closing quote");
		if (is_control(c))
			return pm_toml_fail(t, "control character in a string");
		t->p++;
		if (c == quote)
			return 0;
		if (c == '\\' && quote == '"') {
			int r = escape(t, out);
			if (r < 0)
				return r;
		} else {
			pm_buf_add_char(out, (char)c);
		}
	}
}

/* A backslash that ends a line: eats all white space up to the next character. */
static bool line_ending_backslash(struct pm_toml_text *t)
{
	struct pm_toml_text ahead = *t;
	pm_toml_skip_space(&ahead);
	if (!newline(&ahead))
		return false;
	*t = ahead;
	do
		pm_toml_skip_space(t);
	while (take_newline(t));
	return true;
}

/* At a quote within or at the end of a multi-line string: up to two quotes may stand before the
 * three that close. True when closed. */
static bool closing_quotes(struct pm_toml_text *t, char quote, struct pm_buf *out)
{
	size_t n = 0;
	while (n < 5 && t->p + n < t->end && t->p[n] == quote)
		n++;
	t->p += n;
	for (size_t i = n >= 3 ? 3 : 0; i < n; i++)
		pm_buf_add_char(out, quote);
	return n >= 3;
}

static int multi_line(struct pm_toml_text *t, char quote, struct pm_buf *out)
{
	size_t first = t->line;
	t->p += 3;
	take_newline(t);
	for (;;) {
		int c = pm_toml_peek(t);
		if (c < 0) {
			t->line = first;
			return pm_toml_fail(t, "string without its closing quotes");
		}
		if (c == quote) {
			if (closing_quotes(t, quote, out))
				return 0;
		} else if (take_newline(t)) {
			pm_buf_add_char(out, '\n');
		} else if (is_control(c)) {
			return pm_toml_fail(t, "control character in a string");
		} else if (t->p++, c != '\\' || quote != '"') {
			pm_buf_add_char(out, (char)c);
		} else if (!line_ending_backslash(t)) {
			int r = escape(t, out);
			if (r < 0)
				return r;
		}
	}
}

int pm_toml_string(struct pm_toml_text *t, struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	char quote = *t->p;
	bool multi = pm_toml_at(t, quote == '"' ? "\"\"\"" : "'''");
	int r = multi ? multi_line(t, quote, &b) : one_line(t, quote, &b);
	if (r < 0)
		return r;
	*ret = pm_json_strn(t->pool, pm_buf_str(&b), b.len);
	return 0;
}

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
	       c == '_';
}

int pm_toml_key_part(struct pm_toml_text *t, const char **ret)
{
	int c = pm_toml_peek(t);
	if (c == '"' || c == '\'') {
		if (pm_toml_at(t, c == '"' ? "\"\"\"" : "'''"))
			return pm_toml_fail(t, "a multi-line string cannot be a key");
		struct pm_json *s;
		int r = pm_toml_string(t, &s);
		if (r < 0)
			return r;
		if (strlen(s->string) != s->len)
			return pm_toml_fail(t, "a key holds a NUL");
		*ret = s->string;
		return 0;
	}
	const char *start = t->p;
	while (is_bare(pm_toml_peek(t)))
		t->p++;
	if (t->p == start)
		return pm_toml_fail(t, "a key is missing or needs quotes");
	*ret = pm_json_strn(t->pool, start, (size_t)(t->p - start))->string;
	return 0;
}

/* --- numbers and date-times: a token is cut out first, then must match as a whole ------------ */

/* Digits with single underscores between them; returns the end, NULL when there are none or an
 * underscore is misplaced. clean gets the digits. */
static const char *digits(const char *s, int base, struct pm_buf *clean)
{
	bool after_digit = false;
	for (;; s++) {
		int d = hex_digit(*s);
		if (d >= 0 && d < base) {
			pm_buf_add_char(clean, *s);
			after_digit = true;
		} else if (*s == '_' && after_digit) {
			after_digit = false;
		} else {
			return after_digit ? s : NULL;
		}
	}
}

static int integer(struct pm_toml_text *t, const char *text, int base, struct pm_json **ret)
{
	errno = 0;
	long long n = strtoll(text, NULL, base);
	if (errno)
		return pm_toml_fail(t, "integer beyond 64 bits");
	*ret = pm_json_int(t->pool, n);
	return 0;
}

static int number(struct pm_toml_text *t, const char *s, struct pm_json **ret)
{
	_cleanup_buf_ struct pm_buf clean = PM_BUF_INIT;
	const char *whole = s;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b')) {
		int base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
		s = digits(s + 2, base, &clean);
		if (!s || *s)
			return pm_toml_fail(t, "malformed number '%.40s'", whole);
		return integer(t, clean.data, base, ret);
	}
	if (*s == '-')
		pm_buf_add_char(&clean, '-');
	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "inf") == 0 || strcmp(s, "nan") == 0) {
		*ret = pm_json_str(t->pool, whole);
		return 0;
	}
	bool leading_zero = *s == '0' && (is_digit(s[1]) || s[1] == '_'), is_float = false;
	s = digits(s, 10, &clean);
	if (s && *s == '.') {
		is_float = true;
		pm_buf_add_char(&clean, '.');
		s = digits(s + 1, 10, &clean);
	}
	if (s && (*s == 'e' || *s == 'E')) {
		is_float = true;
		pm_buf_add_char(&clean, 'e');
		s++;
		if (*s == '-')
			pm_buf_add_char(&clean, '-');
		s = digits(*s == '-' || *s == '+' ? s + 1 : s, 10, &clean);
	}
	if (!s || *s || leading_zero)
		return pm_toml_fail(t, "malformed value '%.40s'", whole);
	if (!is_float)
		return integer(t, clean.data, 10, ret);
	*ret = pm_json_number(t->pool, clean.data, clean.len);
	return 0;
}

/* n digits as a number from low to high; moves *s behind them. */
static bool field(const char **s, int n, int low, int high, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++, (*s)++) {
		if (!is_digit(**s))
			return false;
		*ret = *ret * 10 + (**s - '0');
	}
	return *ret >= low && *ret <= high;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool date(const char **s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	if (!field(s, 4, 0, 9999, &year) || !literal(s, '-') || !field(s, 2, 1, 12, &month) ||
	    !literal(s, '-') || !field(s, 2, 1, 31, &day))
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (month == 2 && leap);
}

static bool time_of_day(const char **s)
{
	int n;
	/* 60: a leap second (RFC 3339, section 5.7) */
	if (!field(s, 2, 0, 23, &n) || !literal(s, ':') || !field(s, 2, 0, 59, &n) ||
	    !literal(s, ':') || !field(s, 2, 0, 60, &n))
		return false;
	if (!literal(s, '.'))
		return true;
	const char *start = *s;
	while (is_digit(**s))
		(*s)++;
	return *s > start;
}

static bool zone(const char **s)
{
	int n;
	if (**s == '\0' || literal(s, 'Z') || literal(s, 'z'))
		return true;
	return (literal(s, '+') || literal(s, '-')) && field(s, 2, 0, 23, &n) && literal(s, ':') &&
	       field(s, 2, 0, 59, &n);
}

static bool is_date_time(const char *s)
{
	if (is_digit(s[0]) && is_digit(s[1]) && s[2] == ':')
		return time_of_day(&s) && *s == '\0';
	if (!date(&s))
		return false;
	if (*s == '\0')
		return true;
	if (*s != 'T' && *s != 't' && *s != ' ')
		return false;
	s++;
	return time_of_day(&s) && zone(&s) && *s == '\0';
}

int pm_toml_scalar(struct pm_toml_text *t, struct pm_json **ret)
{
	const char *start = t->p;
	for (;;) {
		int c = pm_toml_peek(t);
		/* the one space of "1979-05-27 07:32:00" */
		bool space = c == ' ' && t->p - start == 10 && start[4] == '-' &&
			     t->end - t->p >= 4 && is_digit(t->p[1]) && is_digit(t->p[2]) &&
			     t->p[3] == ':';
		if (!is_bare(c) && c != '+' && c != '.' && c != ':' && !space)
			break;
		t->p++;
	}
	size_t len = (size_t)(t->p - start);
	if (len == 0)
		return pm_toml_fail(t, "a value is missing");

	_cleanup_free_ char *token = pm_strndup(start, len);
	if (strcmp(token, "true") == 0 || strcmp(token, "false") == 0) {
		*ret = pm_json_bool(t->pool, token[0] == 't');
		return 0;
	}
	if (is_date_time(token)) {
		*ret = pm_json_strn(t->pool, token, len);
		return 0;
	}
	return number(t, token, ret);
}
