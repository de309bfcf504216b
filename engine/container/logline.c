#include "engine/container/logline.h"

#include <string.h>
#include <time.h>

/* n decimal digits at s; -1 when there is another byte among them. */
static int digits(const char *s, size_t n)
{
	int v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

/* "Z" or "+hh:mm" up to the end; seconds east of Greenwich. */
static int parse_zone(const char *s, size_t len, int *ret_offset)
{
	if (len == 1 && (s[0] == 'Z' || s[0] == 'z')) {
		*ret_offset = 0;
		return 0;
	}
	if (len != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':')
		return -PM_E_FORMAT;
	int h = digits(s + 1, 2), m = digits(s + 4, 2);
	if (h < 0 || h > 23 || m < 0 || m > 59)
		return -PM_E_FORMAT;
	*ret_offset = (h * 3600 + m * 60) * (s[0] == '-' ? -1 : 1);
	return 0;
}

int pm_log_parse_time(const char *s, size_t len, int64_t *ret_sec, int32_t *ret_nsec)
{
	if (len < 20 || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != 't') ||
	    s[13] != ':' || s[16] != ':')
		return -PM_E_FORMAT;

	int year = digits(s, 4), mon = digits(s + 5, 2), day = digits(s + 8, 2);
	int hour = digits(s + 11, 2), min = digits(s + 14, 2), sec = digits(s + 17, 2);
	if (year < 0 || mon < 1 || mon > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
	    min < 0 || min > 59 || sec < 0 || sec > 60)
		return -PM_E_FORMAT;

	size_t i = 19;
	int32_t nsec = 0;
	if (s[i] == '.') {
		int32_t unit = 100000000;
		size_t start = ++i;
		for (; i < len && s[i] >= '0' && s[i] <= '9'; i++, unit /= 10)
			nsec += unit * (s[i] - '0');
		if (i == start || i - start > 9)
			return -PM_E_FORMAT;
	}
	int offset;
	if (parse_zone(s + i, len - i, &offset) < 0)
		return -PM_E_FORMAT;

	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = mon - 1,
			.tm_mday = day,
			.tm_hour = hour,
			.tm_min = min,
			.tm_sec = sec};
	*ret_sec = (int64_t)timegm(&tm) - offset;
	*ret_nsec = nsec;
	return 0;
}

static int stream_of(const char *s, size_t len, enum pm_log_stream *ret)
{
	if (len != 6)
		return -PM_E_FORMAT;
	if (memcmp(s, "stdout", 6) == 0)
		*ret = PM_LOG_STDOUT;
	else if (memcmp(s, "stderr", 6) == 0)
		*ret = PM_LOG_STDERR;
	else
		return -PM_E_FORMAT;
	return 0;
}

/* TIME SP STREAM SP TAG[:TAG...] SP TEXT */
static int parse_k8s(const char *line, size_t len, struct pm_log_entry *ret)
{
	const char *end = line + len;
	const char *a = memchr(line, ' ', len);
	if (!a)
		return -PM_E_FORMAT;
	const char *stream = a + 1;
	const char *b = memchr(stream, ' ', (size_t)(end - stream));
	if (!b)
		return -PM_E_FORMAT;
	const char *tag = b + 1;
	/* conmon leaves out the space after the tag of an empty end-of-line entry */
	const char *c = memchr(tag, ' ', (size_t)(end - tag));
	const char *tag_end = c ? c : end;
	if (tag == tag_end || (*tag != 'F' && *tag != 'P') || (tag_end - tag > 1 && tag[1] != ':'))
		return -PM_E_FORMAT;

	ret->time = line;
	ret->time_len = (size_t)(a - line);
	ret->partial = *tag == 'P';
	ret->text = c ? c + 1 : end;
	ret->len = (size_t)(end - ret->text);
	if (stream_of(stream, (size_t)(b - stream), &ret->stream) < 0)
		return -PM_E_FORMAT;
	return pm_log_parse_time(ret->time, ret->time_len, &ret->sec, &ret->nsec);
}

/* --- the JSON subset that the writers make, and any JSON object else ----------------- */

struct reader {
	const char *p, *end;
	char *out; /* decoded strings are put here, one after the other */
};

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static int hex4(struct reader *r)
{
	if (r->end - r->p < 4)
		return -1;
	int v = 0;
	for (int i = 0; i < 4; i++) {
		char c = *r->p++;
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static void put_utf8(struct reader *r, int c)
{
	if (c < 0x80) {
		*r->out++ = (char)c;
	} else if (c < 0x800) {
		*r->out++ = (char)(0xc0 | c >> 6);
		*r->out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*r->out++ = (char)(0xe0 | c >> 12);
		*r->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*r->out++ = (char)(0xf0 | c >> 18);
		*r->out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*r->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (c & 0x3f));
	}
}

/* After "\u". A lone surrogate becomes U+FFFD. The result is never longer than its escape. */
static int unicode_escape(struct reader *r)
{
	int c = hex4(r);
	if (c < 0)
		return -PM_E_FORMAT;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
		const char *back = r->p;
		r->p += 2;
		int low = hex4(r);
		if (low < 0)
			return -PM_E_FORMAT;
		if (low >= 0xdc00 && low < 0xe000) {
			put_utf8(r, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return 0;
		}
		r->p = back;
	}
	put_utf8(r, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 0;
}

static int parse_string(struct reader *r, const char **ret, size_t *ret_len)
{
	if (!take(r, '"'))
		return -PM_E_FORMAT;
	*ret = r->out;
	while (r->p < r->end && *r->p != '"') {
		char c = *r->p++;
		if (c != '\\') {
			*r->out++ = c;
			continue;
		}
		if (r->p == r->end)
			return -PM_E_FORMAT;
		static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
		char e = *r->p++;
		const char *known = e ? strchr(from, e) : NULL;
		if (known)
			*r->out++ = to[known - from];
		else if (e != 'u' || unicode_escape(r) < 0)
			return -PM_E_FORMAT;
	}
	if (r->p == r->end)
		return -PM_E_FORMAT;
	r->p++;
	*ret_len = (size_t)(r->out - *ret);
	return 0;
}

/* Over any value; objects and arrays by counting brackets outside of strings. */
static int skip_value(struct reader *r)
{
	int depth = 0;
	do {
		skip_space(r);
		if (r->p == r->end)
			return -PM_E_FORMAT;
		if (*r->p == '"') {
			const char *s;
			size_t n;
			if (parse_string(r, &s, &n) < 0)
				return -PM_E_FORMAT;
			continue;
		}
		char c = *r->p;
		if (depth == 0 && (c == ',' || c == '}' || c == ']' || c == ':'))
			return -PM_E_FORMAT;
		r->p++;
		if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth--;
		} else if (depth == 0) {
			while (r->p < r->end && *r->p != ',' && *r->p != '}')
				r->p++;
		}
	} while (depth > 0);
	return 0;
}

static bool is(const char *s, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(s, name, len) == 0;
}

static int parse_json(const char *line, size_t len, char *scratch, struct pm_log_entry *ret)
{
	struct reader r = {.p = line, .end = line + len, .out = scratch};
	const char *stream = NULL;
	size_t stream_len = 0;

	if (!take(&r, '{'))
		return -PM_E_FORMAT;
	do {
		const char *name;
		size_t name_len;
		int q = parse_string(&r, &name, &name_len);
		if (q < 0 || !take(&r, ':'))
			return -PM_E_FORMAT;
		if (is(name, name_len, "log"))
			q = parse_string(&r, &ret->text, &ret->len);
		else if (is(name, name_len, "stream"))
			q = parse_string(&r, &stream, &stream_len);
		else if (is(name, name_len, "time"))
			q = parse_string(&r, &ret->time, &ret->time_len);
		else
			q = skip_value(&r);
		if (q < 0)
			return q;
	} while (take(&r, ','));
	if (!take(&r, '}') || !ret->text || !ret->time || !stream)
		return -PM_E_FORMAT;

	ret->partial = ret->len == 0 || ret->text[ret->len - 1] != '\n';
	if (!ret->partial)
		ret->len--;
	if (stream_of(stream, stream_len, &ret->stream) < 0)
		return -PM_E_FORMAT;
	return pm_log_parse_time(ret->time, ret->time_len, &ret->sec, &ret->nsec);
}

int pm_log_parse_line(enum pm_log_driver driver, const char *line, size_t len, char *scratch,
		      struct pm_log_entry *ret, struct pm_err *err)
{
	int r = -PM_E_FORMAT;
	memset(ret, 0, sizeof(*ret));
	if (driver == PM_LOG_DRIVER_K8S_FILE)
		r = parse_k8s(line, len, ret);
	else if (driver == PM_LOG_DRIVER_JSON_FILE)
		r = parse_json(line, len, scratch, ret);
	if (r < 0)
		return pm_fail(err, PM_E_FORMAT, "not a line of a %s log",
			       pm_log_driver_name(driver));
	return 0;
}
