#include "cli/yaml.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static void node(const struct pm_json *v, unsigned int depth, bool in_list, struct pm_buf *out);

static void indent(unsigned int depth, struct pm_buf *out)
{
	for (unsigned int i = 0; i < depth; i++)
		pm_buf_add_str(out, "  ");
}

/* Would a plain scalar be read as something else than this string? */
static bool needs_quotes(const char *s)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "~",
					    "y", "n"};
	if (!*s || isspace((unsigned char)*s) || isspace((unsigned char)s[strlen(s) - 1]))
		return true;
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++) {
		if (strcasecmp(s, words[i]) == 0)
			return true;
	}
	if (strchr("-?:,[]{}#&*!|>'\"%@`=", *s) && !(*s == '-' && isalpha((unsigned char)s[1])))
		return true;
	if (strstr(s, ": ") || strstr(s, " #") || s[strlen(s) - 1] == ':')
		return true;
	char *end;
	strtod(s, &end);
	return *end == '\0';
}

static bool has_control(const char *s)
{
	for (; *s; s++) {
		if (iscntrl((unsigned char)*s) && *s != '\n')
			return true;
	}
	return false;
}

static void scalar(const char *s, unsigned int depth, struct pm_buf *out)
{
	/* what a block would lose: white space at its beginning, newlines at its end */
	bool block = strchr(s, '\n') && !isspace((unsigned char)*s) && !pm_endswith(s, "\n\n");
	if (has_control(s) || (strchr(s, '\n') && !block)) { /* a JSON string is a YAML one */
		struct pm_json_pool *pool = pm_json_pool_new();
		pm_json_write(pm_json_str(pool, s), 0, out);
		pm_json_pool_free(pool);
	} else if (block) {
		pm_buf_add_str(out, s[strlen(s) - 1] == '\n' ? "|" : "|-");
		for (const char *p = s; *p;) {
			size_t len = strcspn(p, "\n");
			pm_buf_add_char(out, '\n');
			if (len)
				indent(depth, out);
			pm_buf_add(out, p, len);
			p += len + (p[len] == '\n');
		}
	} else if (needs_quotes(s)) {
		bool number = isdigit((unsigned char)*s) || !*s;
		char quote = number ? '"' : '\'';
		pm_buf_add_char(out, quote);
		for (; *s; s++) {
			if (*s == quote)
				pm_buf_add_char(out, quote);
			pm_buf_add_char(out, *s);
		}
		pm_buf_add_char(out, quote);
	} else {
		pm_buf_add_str(out, s);
	}
	pm_buf_add_char(out, '\n');
}

static int compare_members(const void *a, const void *b)
{
	const struct pm_json_member *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static void object(const struct pm_json *v, unsigned int depth, bool in_list, struct pm_buf *out)
{
	struct pm_json_member *sorted = pm_calloc(v->len, sizeof(*sorted));
	memcpy(sorted, v->members, v->len * sizeof(*sorted));
	qsort(sorted, v->len, sizeof(*sorted), compare_members);
	for (size_t i = 0; i < v->len; i++) {
		const struct pm_json *value = sorted[i].value;
		bool nested = (pm_json_is(value, PM_JSON_OBJECT) || pm_json_is(value, PM_JSON_ARRAY)) &&
			      value->len;
		if (!in_list || i > 0)
			indent(depth, out);
		pm_buf_printf(out, "%s:%s", sorted[i].name, nested ? "\n" : " ");
		/* items of a list stand at the column of its name */
		node(value, pm_json_is(value, PM_JSON_ARRAY) ? depth : depth + 1, false, out);
	}
	free(sorted);
}

static void node(const struct pm_json *v, unsigned int depth, bool in_list, struct pm_buf *out)
{
	switch (v->kind) {
	case PM_JSON_NULL:
		pm_buf_add_str(out, "null\n");
		break;
	case PM_JSON_BOOL:
		pm_buf_add_str(out, v->boolean ? "true\n" : "false\n");
		break;
	case PM_JSON_NUMBER:
		pm_buf_printf(out, "%s\n", v->string);
		break;
	case PM_JSON_STRING:
		scalar(v->string, depth, out);
		break;
	case PM_JSON_ARRAY:
		if (v->len == 0)
			pm_buf_add_str(out, "[]\n");
		for (size_t i = 0; i < v->len; i++) {
			if (!in_list || i > 0)
				indent(depth, out);
			pm_buf_add_str(out, "- ");
			node(v->items[i], depth + 1, true, out);
		}
		break;
	case PM_JSON_OBJECT:
		if (v->len == 0)
			pm_buf_add_str(out, "{}\n");
		else
			object(v, depth, in_list, out);
		break;
	}
}

void pm_yaml_write(const struct pm_json *v, struct pm_buf *out)
{
	node(v, 0, false, out);
}
