#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/template_tree.h"

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Letters and digits; of what is not ASCII, everything that is no letter is let through, too. */
static bool is_word(int c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static int at(const struct pm_tlexer *l, size_t ahead)
{
	return l->pos + ahead < l->len ? (unsigned char)l->source[l->pos + ahead] : -1;
}

static bool looks_at(const struct pm_tlexer *l, const char *s)
{
	size_t n = strlen(s);
	return l->len - l->pos >= n && memcmp(l->source + l->pos, s, n) == 0;
}

static struct pm_ttoken token(const struct pm_tlexer *l, enum pm_ttoken_kind kind, size_t start)
{
	return (struct pm_ttoken){.kind = kind, .start = start, .end = l->pos};
}

static struct pm_ttoken error(const struct pm_tlexer *l, const char *why)
{
	struct pm_ttoken t = token(l, PM_TT_ERROR, l->pos);
	t.why = pm_json_pool_strdup(l->pool, why);
	return t;
}

static struct pm_ttoken error_char(const struct pm_tlexer *l, const char *why)
{
	char text[100], shown[8] = "";
	uint32_t c;
	if (l->pos >= l->len)
		return error(l, why);
	size_t n = pm_utf8_decode(l->source + l->pos, l->len - l->pos, &c);
	if (n && c >= 0x20 && c != 0x7f)
		memcpy(shown, l->source + l->pos, n);
	snprintf(text, sizeof(text), "%s U+%04X%s%s%s", why, (unsigned int)c, *shown ? " '" : "",
		 shown, *shown ? "'" : "");
	return error(l, text);
}

/* At "}}" or " -}}"; *ret_trim tells which. */
static bool at_right(const struct pm_tlexer *l, bool *ret_trim)
{
	*ret_trim = is_space(at(l, 0)) && at(l, 1) == '-' && at(l, 2) == '}' && at(l, 3) == '}';
	return *ret_trim || looks_at(l, "}}");
}

static bool at_end_of_word(const struct pm_tlexer *l)
{
	int c = at(l, 0);
	return c < 0 || is_space(c) || strchr(".,|:()", c) || looks_at(l, "}}");
}

static void skip_spaces(struct pm_tlexer *l)
{
	while (is_space(at(l, 0)))
		l->pos++;
}

/* Text up to the next {{, less what a trim marker there takes. */
static struct pm_ttoken lex_text(struct pm_tlexer *l)
{
	size_t start = l->pos;
	const char *left = memmem(l->source + start, l->len - start, "{{", 2);
	l->pos = left ? (size_t)(left - l->source) : l->len;
	struct pm_ttoken t = token(l, PM_TT_TEXT, start);
	if (left && at(l, 2) == '-' && is_space(at(l, 3)))
		while (t.end > start && is_space((unsigned char)l->source[t.end - 1]))
			t.end--;
	return t;
}

static void leave(struct pm_tlexer *l, bool trim)
{
	l->pos += trim ? 4 : 2;
	l->inside = false;
	if (trim)
		skip_spaces(l);
}

/* At the comment's opening mark. False: *ret is the error. */
static bool skip_comment(struct pm_tlexer *l, struct pm_ttoken *ret)
{
	const char *from = l->source + l->pos + 2;
	const char *end = memmem(from, l->len - l->pos - 2, "*/", 2);
	bool trim;
	if (!end) {
		*ret = error(l, "unclosed comment");
		return false;
	}
	l->pos = (size_t)(end - l->source) + 2;
	if (!at_right(l, &trim)) {
		*ret = error(l, "comment ends before closing delimiter");
		return false;
	}
	leave(l, trim);
	return true;
}

static struct pm_ttoken lex_outside(struct pm_tlexer *l)
{
	for (;;) {
		struct pm_ttoken t = lex_text(l);
		if (t.end > t.start)
			return t;
		if (l->pos >= l->len)
			return token(l, PM_TT_EOF, l->pos);
		size_t start = l->pos;
		l->pos += 2;
		if (at(l, 0) == '-' && is_space(at(l, 1)))
			l->pos += 2;
		if (!looks_at(l, "/*")) {
			l->inside = true;
			l->parens = 0;
			t = token(l, PM_TT_LEFT, start);
			t.end = start + 2;
			return t;
		}
		if (!skip_comment(l, &t))
			return t;
	}
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A number of count digits in base at l->pos; -1 when they are not all there. */
static int64_t escape_number(struct pm_tlexer *l, int count, int base)
{
	int64_t n = 0;
	for (; count > 0; count--, l->pos++) {
		int d = hex_digit(at(l, 0));
		if (d < 0 || d >= base)
			return -1;
		n = n * base + d;
	}
	return n;
}

/* Behind a backslash. False when it is no escape of Go's. */
static bool escape(struct pm_tlexer *l, char quote, struct pm_buf *out)
{
	static const char letters[] = "abfnrtv\\", meanings[] = "\a\b\f\n\r\t\v\\";
	int c = at(l, 0);
	const char *known = c > 0 ? strchr(letters, c) : NULL;
	int64_t n;
	if (known || c == quote) {
		pm_buf_add_char(out, known ? meanings[known - letters] : quote);
		l->pos++;
		return true;
	}
	if (c >= '0' && c <= '7') {
		n = escape_number(l, 3, 8);
		if (n < 0 || n > 255)
			return false;
		pm_buf_add_char(out, (char)n);
		return true;
	}
	if (c != 'x' && c != 'u' && c != 'U')
		return false;
	l->pos++;
	n = escape_number(l, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
	if (n < 0 || n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff))
		return false;
	if (c == 'x') {
		pm_buf_add_char(out, (char)n);
	} else {
		char bytes[4];
		pm_buf_add(out, bytes, pm_utf8_encode((uint32_t)n, bytes));
	}
	return true;
}

/* "..." and '...', at the opening quote. */
static struct pm_ttoken lex_quoted(struct pm_tlexer *l, char quote)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	size_t start = l->pos++;
	for (;;) {
		int c = at(l, 0);
		if (c < 0 || c == '\n')
			return error(l, quote == '"' ? "unterminated quoted string"
						     : "unterminated character constant");
		l->pos++;
		if (c == quote)
			break;
		if (c != '\\')
			pm_buf_add_char(&b, (char)c);
		else if (!escape(l, quote, &b))
			return error(l, "invalid syntax");
	}
	struct pm_ttoken t = token(l, quote == '"' ? PM_TT_STRING : PM_TT_NUMBER, start);
	if (quote == '"') {
		t.value = pm_json_strn(l->pool, pm_buf_str(&b), b.len);
		return t;
	}
	uint32_t c;
	if (b.len == 0 || pm_utf8_decode(b.data, b.len, &c) != b.len)
		return error(l, "malformed character constant");
	t.value = pm_json_int(l->pool, c);
	return t;
}

static struct pm_ttoken lex_raw(struct pm_tlexer *l)
{
	size_t start = l->pos;
	const char *end = memchr(l->source + start + 1, '`', l->len - start - 1);
	if (!end)
		return error(l, "unterminated raw quoted string");
	l->pos = (size_t)(end - l->source) + 1;
	struct pm_ttoken t = token(l, PM_TT_STRING, start);
	t.value = pm_json_strn(l->pool, l->source + start + 1, l->pos - start - 2);
	return t;
}

/* The value of a number's text, underscores taken out; NULL when malformed. */
static struct pm_json *number_value(struct pm_tlexer *l, const char *text)
{
	const char *digits = text + (*text == '+' || *text == '-');
	bool hex = digits[0] == '0' && (digits[1] | 0x20) == 'x';
	bool is_float = strpbrk(digits, hex ? ".pP" : ".eEpP") != NULL;
	int base = 10;
	char *end;

	if (is_float) {
		double d = strtod(text, &end);
		if (*end || end == text || (!hex && strpbrk(digits, "pP")))
			return NULL;
		if (d - d != 0) /* infinite */
			return NULL;
		/* keep it a float for printing: pm_json_double writes 1.0 as 1 */
		struct pm_json *v = pm_json_double(l->pool, d);
		if (strpbrk(v->string, ".e"))
			return v;
		_cleanup_free_ char *with_point = pm_asprintf("%s.0", v->string);
		return pm_json_number(l->pool, with_point, strlen(with_point));
	}
	if (digits[0] == '0' && digits[1]) {
		int c = digits[1] | 0x20;
		base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
		digits += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
	}
	if (hex_digit((unsigned char)*digits) < 0 || hex_digit((unsigned char)*digits) >= base)
		return NULL;
	errno = 0;
	unsigned long long n = strtoull(digits, &end, base);
	bool minus = *text == '-';
	if (*end || errno || n > (unsigned long long)INT64_MAX + minus)
		return NULL;
	return pm_json_int(l->pool, minus ? (int64_t)(0 - n) : (int64_t)n);
}

static struct pm_ttoken lex_number(struct pm_tlexer *l)
{
	size_t start = l->pos;
	char clean[80];
	size_t n = 0;
	int last = 0;
	for (;; last = at(l, 0), l->pos++) {
		int c = at(l, 0);
		bool sign = (c == '+' || c == '-') &&
			    (l->pos == start || (last | 0x20) == 'e' || (last | 0x20) == 'p');
		if (!sign && c != '.' && (c < 0 || !is_word(c)))
			break;
		if (c != '_' && n + 1 < sizeof(clean))
			clean[n++] = (char)c;
	}
	clean[n] = '\0';
	struct pm_ttoken t = token(l, PM_TT_NUMBER, start);
	t.value = n + 1 < sizeof(clean) ? number_value(l, clean) : NULL;
	if (!t.value) {
		char why[120];
		snprintf(why, sizeof(why), "bad number syntax: \"%s\"", clean);
		return error(l, why);
	}
	return t;
}

static struct pm_ttoken lex_name(struct pm_tlexer *l)
{
	static const char *const keywords[] = {"block", "break", "continue", "define", "else",
					       "end", "if", "range", "template", "with"};
	size_t start = l->pos;
	while (is_word(at(l, 0)))
		l->pos++;
	if (!at_end_of_word(l))
		return error_char(l, "bad character");
	struct pm_ttoken t = token(l, PM_TT_NAME, start);
	size_t n = l->pos - start;
	const char *s = l->source + start;
	for (size_t i = 0; i < PM_ARRAY_SIZE(keywords); i++)
		if (strlen(keywords[i]) == n && memcmp(keywords[i], s, n) == 0)
			t.kind = PM_TT_KEYWORD;
	if ((n == 4 && memcmp(s, "true", 4) == 0) || (n == 5 && memcmp(s, "false", 5) == 0)) {
		t.kind = PM_TT_BOOL;
		t.value = pm_json_bool(l->pool, n == 4);
	}
	if (n == 3 && memcmp(s, "nil", 3) == 0)
		t.kind = PM_TT_NIL;
	return t;
}

/* ".name" or "$name", also "." and "$" alone. */
static struct pm_ttoken lex_field(struct pm_tlexer *l)
{
	size_t start = l->pos;
	bool variable = at(l, 0) == '$';
	l->pos++;
	if (at_end_of_word(l))
		return token(l, variable ? PM_TT_VARIABLE : PM_TT_DOT, start);
	while (is_word(at(l, 0)))
		l->pos++;
	if (!at_end_of_word(l))
		return error_char(l, "bad character");
	return token(l, variable ? PM_TT_VARIABLE : PM_TT_FIELD, start);
}

static struct pm_ttoken lex_space(struct pm_tlexer *l)
{
	size_t start = l->pos;
	bool trim;
	while (is_space(at(l, 0)) && !(at_right(l, &trim) && trim))
		l->pos++;
	return token(l, PM_TT_SPACE, start);
}

static struct pm_ttoken lex_paren(struct pm_tlexer *l)
{
	bool left = at(l, 0) == '(';
	if (!left && l->parens == 0)
		return error_char(l, "unexpected right paren");
	l->parens += left ? 1 : (size_t)-1;
	l->pos++;
	return token(l, left ? PM_TT_LPAREN : PM_TT_RPAREN, l->pos - 1);
}

static struct pm_ttoken one_char(struct pm_tlexer *l, enum pm_ttoken_kind kind)
{
	l->pos++;
	return token(l, kind, l->pos - 1);
}

static struct pm_ttoken lex_inside(struct pm_tlexer *l)
{
	bool trim;
	size_t start = l->pos;
	if (at_right(l, &trim)) {
		if (l->parens)
			return error(l, "unclosed left paren");
		leave(l, trim);
		struct pm_ttoken t = token(l, PM_TT_RIGHT, start + (trim ? 2 : 0));
		t.end = t.start + 2;
		return t;
	}
	int c = at(l, 0);
	bool digit_next = at(l, 1) >= '0' && at(l, 1) <= '9';
	if (c < 0)
		return error(l, "unclosed action");
	if (is_space(c))
		return lex_space(l);
	if (c == '+' || c == '-' || (c >= '0' && c <= '9') || (c == '.' && digit_next))
		return lex_number(l);
	switch (c) {
	case '=':
		return one_char(l, PM_TT_ASSIGN);
	case ':':
		if (at(l, 1) != '=')
			return error(l, "expected :=");
		l->pos += 2;
		return token(l, PM_TT_DECLARE, start);
	case '|':
		return one_char(l, PM_TT_PIPE);
	case ',':
		return one_char(l, PM_TT_COMMA);
	case '"':
	case '\'':
		return lex_quoted(l, (char)c);
	case '`':
		return lex_raw(l);
	case '$':
	case '.':
		return lex_field(l);
	case '(':
	case ')':
		return lex_paren(l);
	default:
		return is_word(c) ? lex_name(l)
				  : error_char(l, "unrecognized character in action:");
	}
}

struct pm_ttoken pm_template_lex(struct pm_tlexer *l)
{
	return l->inside ? lex_inside(l) : lex_outside(l);
}
