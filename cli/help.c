#include "cli/help.h"

#include <string.h>

#define MAX_OPTIONS 300

const char *pm_help_arg(const struct pm_opt *o)
{
	if (o->kind == PM_OPT_BOOL)
		return "";
	if (o->arg)
		return o->arg;
	switch (o->kind) {
	case PM_OPT_STRINGS:
		return "stringArray";
	case PM_OPT_LIST:
		return "strings";
	case PM_OPT_INT:
		return "int";
	case PM_OPT_UINT:
		return "uint";
	case PM_OPT_FLOAT:
		return "float";
	case PM_OPT_SIZE:
		return "<number>[<unit>]";
	case PM_OPT_DURATION:
		return "duration";
	case PM_OPT_CHOICE:
		return "choice";
	case PM_OPT_STRING:
	case PM_OPT_BOOL:
	case PM_OPT_REFUSED:
		break;
	}
	return "string";
}

static int compare_options(const void *a, const void *b)
{
	const struct pm_opt *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static size_t add_visible(const struct pm_opt *table, const struct pm_opt **list, size_t n,
			  size_t max)
{
	for (const struct pm_opt *o = table; o->name && n < max; o++) {
		if (!o->hidden && o->kind != PM_OPT_REFUSED)
			list[n++] = o;
	}
	return n;
}

size_t pm_help_options(const struct pm_command *c, const struct pm_opt **list, size_t max)
{
	size_t n = 0;
	if (!c) {
		n = add_visible(pm_global_table, list, n, max);
	} else {
		for (const struct pm_opt_table *t = c->tables; t->opts; t++)
			n = add_visible(t->opts, list, n, max);
	}
	qsort(list, n, sizeof(const struct pm_opt *), compare_options);
	return n;
}

static void option_left(const struct pm_opt *o, struct pm_buf *out)
{
	const char *arg = pm_help_arg(o);
	if (o->letter)
		pm_buf_printf(out, "  -%c, --%s", o->letter, o->name);
	else
		pm_buf_printf(out, "      --%s", o->name);
	if (*arg)
		pm_buf_printf(out, " %s", arg);
	if (o->no_value && o->kind != PM_OPT_BOOL)
		pm_buf_printf(out, "[=\"%s\"]", o->no_value);
}

static void option_right(const struct pm_opt *o, struct pm_buf *out)
{
	pm_buf_add_str(out, o->help);
	if (o->kind == PM_OPT_CHOICE && o->choices) {
		pm_buf_add_str(out, " (\"");
		for (const char *p = o->choices; *p; p++) {
			if (*p == '|')
				pm_buf_add_str(out, "\"|\"");
			else
				pm_buf_add_char(out, *p);
		}
		pm_buf_add_str(out, "\")");
	}
	if (!o->def || !*o->def)
		return;
	bool text = o->kind == PM_OPT_STRING || o->kind == PM_OPT_CHOICE;
	bool list = o->kind == PM_OPT_STRINGS || o->kind == PM_OPT_LIST;
	if (strcmp(o->def, "0") == 0 || strcmp(o->def, "false") == 0)
		return;
	pm_buf_printf(out, list ? " (default [%s])" : text ? " (default \"%s\")" : " (default %s)",
		      o->def);
}

static void options_section(const struct pm_command *c, struct pm_buf *out)
{
	const struct pm_opt *list[MAX_OPTIONS];
	size_t n = pm_help_options(c, list, MAX_OPTIONS), width = 0;
	static const struct pm_opt root_only[] = {
		{"help", 0, PM_OPT_BOOL, 0, "Help for pm"},
		{"version", 'v', PM_OPT_BOOL, 0, "version for pm"},
	};
	if (!c) {
		list[n++] = &root_only[0];
		list[n++] = &root_only[1];
		qsort(list, n, sizeof(list[0]), compare_options);
	}
	if (n == 0)
		return;

	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct pm_buf left = PM_BUF_INIT;
		option_left(list[i], &left);
		if (left.len > width)
			width = left.len;
	}
	pm_buf_add_str(out, "\nOptions:\n");
	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct pm_buf left = PM_BUF_INIT;
		option_left(list[i], &left);
		pm_buf_printf(out, "%-*s   ", (int)width, left.data);
		option_right(list[i], out);
		pm_buf_add_char(out, '\n');
	}
}

struct listing {
	const char *group;
	struct pm_strv lines;
	size_t width;
	bool measure;
};

static int list_command(const struct pm_command *c, const char *path, const char *aliases,
			void *arg)
{
	struct listing *l = arg;
	size_t n = strlen(l->group);
	(void)aliases;
	if (c->flags & PM_CMD_HIDDEN)
		return 0;
	if (n && (!pm_startswith(path, l->group) || path[n] != ' '))
		return 0;
	const char *name = n ? path + n + 1 : path;
	if (strchr(name, ' '))
		return 0;
	if (l->measure) {
		if (strlen(name) > l->width)
			l->width = strlen(name);
	} else {
		pm_strv_addf(&l->lines, "  %-*s %s\n", (int)l->width, name, c->summary);
	}
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void commands_section(const char *group, struct pm_buf *out)
{
	struct listing l = {.group = group, .width = 11, .measure = true};
	pm_command_each(list_command, &l);
	l.measure = false;
	pm_command_each(list_command, &l);
	qsort(l.lines.v, l.lines.n, sizeof(char *), compare_strings);
	pm_buf_add_str(out, "\nAvailable Commands:\n");
	for (size_t i = 0; i < l.lines.n; i++)
		pm_buf_add_str(out, l.lines.v[i]);
	pm_strv_free(&l.lines);
}

/* Every line of text indented by two; %p becomes "pm PATH". */
static void indented(const char *text, const char *path, struct pm_buf *out)
{
	bool start = true;
	for (const char *p = text; *p; p++) {
		if (start && *p != '\n')
			pm_buf_add_str(out, "  ");
		start = *p == '\n';
		if (p[0] == '%' && p[1] == 'p') {
			pm_buf_printf(out, "pm %s", path);
			p++;
		} else {
			pm_buf_add_char(out, *p);
		}
	}
	pm_buf_add_char(out, '\n');
}

static void usage_line(const struct pm_command *c, const char *path, struct pm_buf *out)
{
	pm_buf_add_str(out, "Usage:\n");
	if (!c)
		pm_buf_add_str(out, "  pm [options] [command]\n");
	else if (c->flags & PM_CMD_GROUP)
		pm_buf_printf(out, "  pm %s [command]\n", path);
	else
		pm_buf_printf(out, "  pm %s%s%s\n", path, c->synopsis ? " " : "",
			      c->synopsis ? c->synopsis : "");
}

struct alias_search {
	const char *path;
	char aliases[64];
};

static int find_aliases(const struct pm_command *c, const char *path, const char *aliases,
			void *arg)
{
	struct alias_search *s = arg;
	(void)c;
	if (strcmp(path, s->path) != 0)
		return 0;
	snprintf(s->aliases, sizeof(s->aliases), "%s", aliases);
	return 1;
}

static void aliases_section(const char *path, struct pm_buf *out)
{
	struct alias_search s = {.path = path};
	pm_command_each(find_aliases, &s);
	if (!s.aliases[0])
		return;
	const char *last = strrchr(path, ' ');
	pm_buf_printf(out, "\nAliases:\n  %s", last ? last + 1 : path);
	for (const char *p = s.aliases; *p;) {
		size_t len = strcspn(p, ",");
		pm_buf_printf(out, ", %.*s", (int)len, p);
		p += len + (p[len] == ',');
	}
	pm_buf_add_char(out, '\n');
}

void pm_help_usage(const struct pm_command *c, const char *path, struct pm_buf *out)
{
	usage_line(c, path, out);
	if (!c || c->flags & PM_CMD_GROUP)
		commands_section(path, out);
	if (!c || !(c->flags & PM_CMD_GROUP))
		options_section(c, out);
}

void pm_help_command(const struct pm_command *c, const char *path, struct pm_buf *out)
{
	if (!c) {
		pm_buf_add_str(out, "Manage containers and images\n\n");
		pm_help_usage(NULL, "", out);
		return;
	}
	pm_buf_printf(out, "%s\n\nDescription:\n", c->summary);
	indented(c->text ? c->text : c->summary, path, out);
	pm_buf_add_char(out, '\n');
	usage_line(c, path, out);
	if (c->flags & PM_CMD_GROUP) {
		commands_section(path, out);
		return;
	}
	aliases_section(path, out);
	if (c->examples) {
		pm_buf_add_str(out, "\nExamples:\n");
		indented(c->examples, path, out);
	}
	options_section(c, out);
}
