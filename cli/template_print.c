#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "base/utf8.h"
#include "cli/template_tree.h"

const struct pm_json pm_t_no_value = {.kind = PM_JSON_NULL};

bool pm_template_is_float(const struct pm_json *number)
{
	return strpbrk(number->string, ".eE") != NULL;
}

bool pm_template_truth(const struct pm_json *v)
{
	switch (v->kind) {
	case PM_JSON_NULL:
		return false;
	case PM_JSON_BOOL:
		return v->boolean;
	case PM_JSON_NUMBER:
		return strtod(v->string, NULL) != 0;
	case PM_JSON_STRING:
		return v->len > 0;
	case PM_JSON_ARRAY:
		return v->len > 0;
	case PM_JSON_OBJECT:
		return v->len > 0 || v->hint != PM_JSON_MAP;
	}
	return false;
}

static bool all_strings(const struct pm_json *v)
{
	for (size_t i = 0; i < v->len; i++) {
		const struct pm_json *m =
			v->kind == PM_JSON_ARRAY ? v->items[i] : v->members[i].value;
		if (m->kind != PM_JSON_STRING || m->hint == PM_JSON_TIME)
			return false;
	}
	return true;
}

const char *pm_template_type(const struct pm_json *v, const char *struct_type)
{
	switch (v->kind) {
	case PM_JSON_NULL:
		return v->hint == PM_JSON_MAP ? "map[string]string" : v->hint == PM_JSON_LIST ? "[]string" : "<nil>";
	case PM_JSON_BOOL:
		return "bool";
	case PM_JSON_NUMBER:
		return pm_template_is_float(v) ? "float64" : "int";
	case PM_JSON_STRING:
		return v->hint == PM_JSON_TIME ? "time.Time" : "string";
	case PM_JSON_ARRAY:
		return all_strings(v) ? "[]string" : "[]interface {}";
	case PM_JSON_OBJECT:
		if (v->hint != PM_JSON_MAP)
			return struct_type;
		return all_strings(v) ? "map[string]string" : "map[string]interface {}";
	}
	return "";
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct pm_json_member *)a)->name,
		      ((const struct pm_json_member *)b)->name);
}

struct pm_json_member *pm_template_sorted(const struct pm_json *map)
{
	struct pm_json_member *m = pm_calloc(map->len, sizeof(*m));
	if (map->len)
		memcpy(m, map->members, map->len * sizeof(*m));
	qsort(m, map->len, sizeof(*m), compare_members);
	return m;
}

void pm_template_quote(const char *s, size_t len, char quote, struct pm_buf *out)
{
	static const char letters[] = "abfnrtv", meanings[] = "\a\b\f\n\r\t\v";
	pm_buf_add_char(out, quote);
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = pm_utf8_decode(s + i, len - i, &c);
		const char *known = c && c < 0x20 ? strchr(meanings, (int)c) : NULL;
		if (n == 0)
			pm_buf_printf(out, "\\x%02x", (unsigned char)s[i]);
		else if (known)
			pm_buf_printf(out, "\\%c", letters[known - meanings]);
		else if (c == (uint32_t)quote || c == '\\')
			pm_buf_printf(out, "\\%c", (int)c);
		else if (c < 0x20 || c == 0x7f)
			pm_buf_printf(out, "\\x%02x", (unsigned int)c);
		else if ((c >= 0x80 && c <= 0xa0) || c == 0xad || c == 0xfeff ||
			 (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
			 (c >= 0x205f && c <= 0x206f) || (c >= 0xe000 && c <= 0xf8ff))
			pm_buf_printf(out, "\\u%04x", (unsigned int)c);
		else
			pm_buf_add(out, s + i, n);
		i += n ? n : 1;
	}
	pm_buf_add_char(out, quote);
}

/* --- one value by one verb ------------------------------------------------------------------ */

/* Go's fmt takes no larger width or precision. */
#define MAX_WIDTH 1000000
/* What one printf may write before widths are ignored. */
#define MAX_PADDED (64u << 20)

struct format {
	bool minus, plus, sharp, space, zero;
	bool plus_v, sharp_v; /* %+v and %#v, which mean other things than + and # */
	int width, precision; /* -1: none */
	char verb;
};

static const struct format plain = {.width = -1, .precision = -1, .verb = 'v'};

static void format_value(const struct format *f, const struct pm_json *v, struct pm_buf *out);

static size_t count_runes(const char *s, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; count++) {
		uint32_t c;
		size_t n = pm_utf8_decode(s + i, len - i, &c);
		i += n ? n : 1;
	}
	return count;
}

static void add_times(struct pm_buf *out, char c, size_t n)
{
	char *p = pm_buf_reserve(out, n);
	memset(p, c, n);
	p[n] = '\0';
	out->len += n;
}

static void pad(const struct format *f, const char *s, size_t len, struct pm_buf *out)
{
	size_t n = count_runes(s, len);
	size_t fill = f->width > 0 && (size_t)f->width > n ? (size_t)f->width - n : 0;
	if (!f->minus)
		add_times(out, f->zero ? '0' : ' ', fill);
	pm_buf_add(out, s, len);
	if (f->minus)
		add_times(out, ' ', fill);
}

static void bad_verb(const struct format *f, const struct pm_json *v, struct pm_buf *out)
{
	pm_buf_printf(out, "%%!%c(", f->verb);
	if (v->kind == PM_JSON_NULL) {
		pm_buf_add_str(out, "<nil>)");
		return;
	}
	pm_buf_printf(out, "%s=", pm_template_type(v, "struct"));
	struct format value = *f;
	value.verb = 'v';
	format_value(&value, v, out);
	pm_buf_add_char(out, ')');
}

/* sign, prefix and digits, with zeros between them up to the precision or, by the flag, width. */
static void pad_number(const struct format *f, const char *sign, const char *digits,
		       struct pm_buf *out)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct format rest = *f;
	size_t len = strlen(digits), want = f->precision > 0 ? (size_t)f->precision : 0;
	rest.zero = false;
	if (f->precision < 0 && f->zero && !f->minus && f->width > 0 &&
	    (size_t)f->width > strlen(sign))
		want = (size_t)f->width - strlen(sign);
	pm_buf_add_str(&b, sign);
	if (want > len)
		add_times(&b, '0', want - len);
	pm_buf_add_str(&b, digits);
	pad(&rest, b.data, b.len, out);
}

static void format_rune(const struct format *f, uint64_t n, bool negative, struct pm_buf *out)
{
	char bytes[4];
	uint32_t c = negative || n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff) ? 0xfffd
									       : (uint32_t)n;
	size_t len = pm_utf8_encode(c, bytes);
	if (f->verb == 'c') {
		pad(f, bytes, len, out);
		return;
	}
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_template_quote(bytes, len, '\'', &b);
	pad(f, b.data, b.len, out);
}

static void format_int(const struct format *f, const struct pm_json *v, struct pm_buf *out)
{
	bool negative = v->string[0] == '-';
	uint64_t n = strtoull(v->string + negative, NULL, 10);
	char digits[80], sign[8] = "", *d = digits + sizeof(digits);
	unsigned int base = 10;
	const char *alphabet = f->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";

	switch (f->verb) {
	case 'v':
	case 'd':
		break;
	case 'b':
		base = 2;
		break;
	case 'o':
	case 'O':
		base = 8;
		break;
	case 'x':
	case 'X':
		base = 16;
		break;
	case 'c':
	case 'q':
		format_rune(f, n, negative, out);
		return;
	case 'U': {
		snprintf(digits, sizeof(digits), "U+%04" PRIX64, negative ? 0 - n : n);
		pad(f, digits, strlen(digits), out);
		return;
	}
	default:
		bad_verb(f, v, out);
		return;
	}
	*--d = '\0';
	uint64_t rest = n;
	do
		*--d = alphabet[rest % base];
	while ((rest /= base) > 0);
	if (f->precision == 0 && n == 0) {
		pad(&(struct format){.width = f->width, .minus = f->minus}, "", 0, out);
		return;
	}
	const char *prefix = "";
	if (f->verb == 'O')
		prefix = "0o";
	else if (f->sharp && base == 16)
		prefix = f->verb == 'X' ? "0X" : "0x";
	else if (f->sharp && base == 8)
		prefix = *d == '0' ? "" : "0";
	else if (f->sharp && base == 2)
		prefix = "0b";
	snprintf(sign, sizeof(sign), "%s%s",
		 negative && n    ? "-"
		 : f->plus        ? "+"
		 : f->space       ? " "
				  : "",
		 prefix);
	pad_number(f, sign, d, out);
}

/* Shortest digits that read back, or as many as asked for, in Go's %e, %f or %g. */
static void float_text(double n, char verb, int precision, char *out, size_t size)
{
	if (isinf(n) || isnan(n)) {
		snprintf(out, size, "%s", isnan(n) ? "NaN" : "Inf");
		return;
	}
	char e[80];
	int digits = 0;
	if (precision > 300)
		precision = 300;
	if (precision < 0) {
		for (; digits <= 16; digits++) {
			snprintf(e, sizeof(e), "%.*e", digits, n);
			if (strtod(e, NULL) == n)
				break;
		}
		int exponent = (int)strtol(strchr(e, 'e') + 1, NULL, 10);
		/* as strconv's 'g' with the shortest precision */
		if (verb == 'e' || (verb == 'g' && (exponent < -4 || exponent >= 6)))
			snprintf(out, size, "%s", e);
		else
			snprintf(out, size, "%.*f", digits > exponent ? digits - exponent : 0, n);
		return;
	}
	char spec[8] = {'%', '.', '*', verb, '\0'};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(out, size, spec, precision, n);
#pragma GCC diagnostic pop
}

static void format_float(const struct format *f, const struct pm_json *v, struct pm_buf *out)
{
	char text[700], verb = f->verb;
	double n = strtod(v->string, NULL);
	int precision = f->precision;

	if (!strchr("vgGeEfF", verb)) {
		bad_verb(f, v, out);
		return;
	}
	bool upper = verb == 'G' || verb == 'E';
	verb = verb == 'v' || verb == 'G' ? 'g' : verb == 'E' ? 'e' : verb == 'F' ? 'f' : verb;
	if (precision < 0 && verb != 'g')
		precision = 6;
	float_text(fabs(n), verb, precision, text, sizeof(text));
	for (char *c = text; upper && *c; c++)
		if (*c == 'e')
			*c = 'E';
	struct format whole = *f;
	whole.precision = -1;
	pad_number(&whole, signbit(n) ? "-" : f->plus ? "+" : f->space ? " " : "", text, out);
}

static void format_bytes_hex(const struct format *f, const char *s, size_t len, struct pm_buf *out)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (f->sharp && len && !f->space)
		pm_buf_add_str(&b, f->verb == 'x' ? "0x" : "0X");
	for (size_t i = 0; i < len; i++) {
		if (f->space && i)
			pm_buf_add_char(&b, ' ');
		if (f->sharp && f->space)
			pm_buf_add_str(&b, f->verb == 'x' ? "0x" : "0X");
		pm_buf_printf(&b, f->verb == 'x' ? "%02x" : "%02X", (unsigned char)s[i]);
	}
	pad(f, pm_buf_str(&b), b.len, out);
}

/* The length of at most max characters. */
static size_t cut_runes(const char *s, size_t len, size_t max)
{
	size_t i = 0;
	for (; max > 0 && i < len; max--) {
		uint32_t c;
		size_t n = pm_utf8_decode(s + i, len - i, &c);
		i += n ? n : 1;
	}
	return i;
}

static void format_string(const struct format *f, const struct pm_json *v, struct pm_buf *out)
{
	const char *s = v->string;
	size_t len = v->len;
	char time[PM_TIME_SIZE];
	int64_t ns;
	int offset;

	if (v->hint == PM_JSON_TIME && pm_time_parse_rfc3339(s, &ns, &offset, NULL) >= 0) {
		s = pm_time_go(ns, offset, NULL, time);
		len = strlen(time);
	}
	if (f->precision >= 0 && f->verb != 'x' && f->verb != 'X')
		len = cut_runes(s, len, (size_t)f->precision);
	else if (f->precision >= 0 && (size_t)f->precision < len)
		len = (size_t)f->precision;

	if (f->verb == 'q' || (f->verb == 'v' && f->sharp_v)) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		if (f->verb == 'q' && f->sharp && !memchr(s, '`', len))
			pm_buf_printf(&b, "`%.*s`", (int)len, s);
		else
			pm_template_quote(s, len, '"', &b);
		pad(f, b.data, b.len, out);
	} else if (f->verb == 's' || f->verb == 'v') {
		pad(f, s, len, out);
	} else if (f->verb == 'x' || f->verb == 'X') {
		format_bytes_hex(f, s, len, out);
	} else {
		bad_verb(f, v, out);
	}
}

static void format_members(const struct format *f, const struct pm_json *v, struct pm_buf *out)
{
	bool map = v->hint == PM_JSON_MAP;
	struct pm_json_member *sorted = map ? pm_template_sorted(v) : NULL;
	const struct pm_json_member *m = map ? sorted : v->members;

	pm_buf_add_str(out, map ? "map[" : "{");
	for (size_t i = 0; i < v->len; i++) {
		struct pm_json name = {.kind = PM_JSON_STRING, .string = m[i].name,
				       .len = strlen(m[i].name)};
		if (i)
			pm_buf_add_char(out, ' ');
		if (map)
			format_value(f, &name, out);
		else if (f->plus_v)
			pm_buf_add_str(out, m[i].name);
		if (map || f->plus_v)
			pm_buf_add_char(out, ':');
		format_value(f, m[i].value, out);
	}
	pm_buf_add_char(out, map ? ']' : '}');
	free(sorted);
}

/* Recurses as deep as data is nested, which its parsers bound. */
static void format_value(const struct format *f, const struct pm_json *v, struct pm_buf *out)
{
	switch (v->kind) {
	case PM_JSON_NULL:
		if (v->hint == PM_JSON_MAP)
			pm_buf_add_str(out, "map[]");
		else if (v->hint == PM_JSON_LIST)
			pm_buf_add_str(out, "[]");
		else if (f->verb == 'v')
			pad(f, "<nil>", 5, out);
		else
			bad_verb(f, v, out);
		break;
	case PM_JSON_BOOL:
		if (f->verb == 'v' || f->verb == 't')
			pad(f, v->boolean ? "true" : "false", v->boolean ? 4 : 5, out);
		else
			bad_verb(f, v, out);
		break;
	case PM_JSON_NUMBER:
		if (pm_template_is_float(v))
			format_float(f, v, out);
		else
			format_int(f, v, out);
		break;
	case PM_JSON_STRING:
		format_string(f, v, out);
		break;
	case PM_JSON_ARRAY:
		pm_buf_add_char(out, '[');
		for (size_t i = 0; i < v->len; i++) {
			if (i)
				pm_buf_add_char(out, ' ');
			format_value(f, v->items[i], out);
		}
		pm_buf_add_char(out, ']');
		break;
	case PM_JSON_OBJECT:
		format_members(f, v, out);
		break;
	}
}

void pm_template_print(const struct pm_json *v, struct pm_buf *out)
{
	if (v == &pm_t_no_value)
		pm_buf_add_str(out, "<no value>");
	else
		format_value(&plain, v, out);
}

void pm_template_print_all(const struct pm_json *const *args, size_t n, bool line,
			   struct pm_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		/* Print: a space between operands when neither is a string; Println: always */
		if (i && (line || (args[i]->kind != PM_JSON_STRING &&
				   args[i - 1]->kind != PM_JSON_STRING)))
			pm_buf_add_char(out, ' ');
		format_value(&plain, args[i], out);
	}
	if (line)
		pm_buf_add_char(out, '\n');
}

/* --- printf --------------------------------------------------------------------------------- */

struct printer {
	const struct pm_json *const *args;
	size_t n, next;
	bool reordered;
	struct pm_buf *out;
};

/* "[2]": the next argument to take. False when it is malformed or there is no such argument. */
static bool parse_index(struct printer *p, const char **s, const char *end)
{
	if (*s >= end || **s != '[')
		return true;
	size_t n = 0, digits = 0;
	const char *q = *s + 1;
	for (; q < end && *q >= '0' && *q <= '9' && n <= p->n; q++, digits++)
		n = n * 10 + (size_t)(*q - '0');
	bool closed = q < end && *q == ']';
	if (!closed) {
		const char *close = memchr(*s, ']', (size_t)(end - *s));
		*s = close ? close + 1 : *s + 1;
	} else {
		*s = q + 1;
	}
	p->reordered = true;
	if (!closed || digits == 0 || n == 0 || n > p->n)
		return false;
	p->next = n - 1;
	return true;
}

/* A width or precision: digits or '*'. -1: none; what is wrong is said in the output, as by Go. */
static int parse_width(struct printer *p, const char **s, const char *end, const char *bad,
		       bool *ret_minus)
{
	if (*s < end && **s == '*') {
		int64_t n = 0;
		(*s)++;
		bool good = p->next < p->n &&
			    pm_json_as_int(p->args[p->next], &n, NULL) >= 0 && n <= MAX_WIDTH &&
			    n >= -MAX_WIDTH && (n >= 0 || ret_minus);
		p->next += p->next < p->n;
		if (!good) {
			pm_buf_add_str(p->out, bad);
			return -1;
		}
		if (n < 0)
			*ret_minus = true;
		return (int)(n < 0 ? -n : n);
	}
	int n = -1;
	for (; *s < end && **s >= '0' && **s <= '9'; (*s)++) {
		n = (n < 0 ? 0 : n) * 10 + (**s - '0');
		if (n > MAX_WIDTH)
			return -1;
	}
	return n;
}

static const char *parse_flags(struct format *f, const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s == '-')
			f->minus = true, f->zero = false;
		else if (*s == '+')
			f->plus = true;
		else if (*s == '#')
			f->sharp = true;
		else if (*s == ' ')
			f->space = true;
		else if (*s == '0')
			f->zero = !f->minus;
		else
			break;
	}
	return s;
}

/* Behind a '%'; returns where the text goes on. */
static const char *one_verb(struct printer *p, const char *s, const char *end)
{
	struct format f = plain;
	s = parse_flags(&f, s, end);
	bool good_index = parse_index(p, &s, end);
	f.width = parse_width(p, &s, end, "%!(BADWIDTH)", &f.minus);
	if (f.minus)
		f.zero = false;
	/* many wide verbs would fill the memory before execution can say that it is too much */
	if (p->out->len > MAX_PADDED)
		f.width = -1;
	if (s + 1 < end && *s == '.') {
		s++;
		good_index &= parse_index(p, &s, end);
		f.precision = parse_width(p, &s, end, "%!(BADPREC)", NULL);
		if (f.precision < 0 || p->out->len > MAX_PADDED)
			f.precision = 0;
	}
	good_index &= parse_index(p, &s, end);
	if (s >= end) {
		pm_buf_add_str(p->out, "%!(NOVERB)");
		return s;
	}
	uint32_t c;
	size_t n = pm_utf8_decode(s, (size_t)(end - s), &c);
	n = n ? n : 1;
	if (c == '%') {
		pm_buf_add_char(p->out, '%');
	} else if (!good_index) {
		pm_buf_printf(p->out, "%%!%.*s(BADINDEX)", (int)n, s);
	} else if (p->next >= p->n) {
		pm_buf_printf(p->out, "%%!%.*s(MISSING)", (int)n, s);
	} else if (n > 1) {
		pm_buf_printf(p->out, "%%!%.*s(", (int)n, s);
		const struct pm_json *v = p->args[p->next++];
		if (v->kind != PM_JSON_NULL)
			pm_buf_printf(p->out, "%s=", pm_template_type(v, "struct"));
		format_value(&plain, v, p->out);
		pm_buf_add_char(p->out, ')');
	} else {
		const struct pm_json *v = p->args[p->next++];
		f.verb = *s;
		if (f.verb == 'T') {
			const char *type = pm_template_type(v, "struct");
			pad(&f, type, strlen(type), p->out);
		} else {
			if (f.verb == 'v') {
				f.plus_v = f.plus;
				f.sharp_v = f.sharp;
				f.plus = f.sharp = false;
			}
			format_value(&f, v, p->out);
		}
	}
	return s + n;
}

void pm_template_printf(const struct pm_json *format, const struct pm_json *const *args, size_t n,
			struct pm_buf *out)
{
	struct printer p = {.args = args, .n = n, .out = out};
	const char *s = format->string, *end = s + format->len;
	while (s < end) {
		const char *percent = memchr(s, '%', (size_t)(end - s));
		const char *stop = percent ? percent : end;
		pm_buf_add(out, s, (size_t)(stop - s));
		s = percent ? one_verb(&p, percent + 1, end) : end;
	}
	if (p.reordered || p.next >= n)
		return;
	pm_buf_add_str(out, "%!(EXTRA ");
	for (size_t i = p.next; i < n; i++) {
		if (i > p.next)
			pm_buf_add_str(out, ", ");
		if (args[i]->kind != PM_JSON_NULL)
			pm_buf_printf(out, "%s=", pm_template_type(args[i], "struct"));
		format_value(&plain, args[i], out);
	}
	pm_buf_add_char(out, ')');
}
