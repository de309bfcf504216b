#include "engine/build/mode.h"

#include <stdlib.h>
#include <string.h>

static int bad(const char *text, struct pm_err *err)
{
	return pm_fail(err, PM_E_USAGE,
		       "\"%.100s\" is no mode: it must be octal digits or like u=rwX,go=rX", text);
}

static void take_perms(const char **s, struct pm_mode_op *op)
{
	for (; **s; ++*s) {
		switch (**s) {
		case 'r':
			op->bits |= 0444;
			continue;
		case 'w':
			op->bits |= 0222;
			continue;
		case 'x':
			op->bits |= 0111;
			continue;
		case 'X':
			op->if_exec = true;
			continue;
		case 's':
			op->bits |= 06000;
			continue;
		case 't':
			op->bits |= 01000;
			continue;
		default:
			return;
		}
	}
}

/* "ugo+rwx-x" up to a comma. */
static bool take_clause(const char **s, struct pm_mode *m)
{
	mode_t who = 0;
	for (; **s && strchr("ugoa", **s); ++*s)
		who |= **s == 'u' ? 0700 : **s == 'g' ? 0070 : **s == 'o' ? 0007 : 0777;
	if (!**s || !strchr("+-=", **s))
		return false;
	while (**s && strchr("+-=", **s)) {
		if (m->n == PM_MODE_OPS)
			return false;
		struct pm_mode_op *op = &m->ops[m->n++];
		*op = (struct pm_mode_op){.op = *(*s)++, .who = who ? who : 0777};
		if (**s && strchr("ugo", **s))
			op->copy = *(*s)++;
		else
			take_perms(s, op);
	}
	return true;
}

int pm_mode_parse(const char *text, struct pm_mode *ret, struct pm_err *err)
{
	const char *s = text;
	*ret = (struct pm_mode){0};
	if (*s >= '0' && *s <= '7') {
		char *end;
		unsigned long mode = strtoul(s, &end, 8);
		if (*end || mode > 07777)
			return bad(text, err);
		ret->n = 1;
		ret->ops[0] = (struct pm_mode_op){.op = '=', .who = 0777, .bits = (mode_t)mode};
		return 0;
	}
	do {
		if (!take_clause(&s, ret))
			return bad(text, err);
	} while (*s++ == ',');
	return s[-1] ? bad(text, err) : 0;
}

/* The set-id bits of who; the sticky bit is everyone's. */
static mode_t special(mode_t who)
{
	return (who & 0700 ? 04000U : 0) | (who & 0070 ? 02000U : 0) | 01000U;
}

mode_t pm_mode_apply(const struct pm_mode *m, mode_t old, bool is_dir)
{
	mode_t mode = old & 07777;
	for (size_t i = 0; i < m->n; i++) {
		const struct pm_mode_op *op = &m->ops[i];
		mode_t bits = op->bits;
		if (op->copy) {
			mode_t three = (op->copy == 'u'   ? mode >> 6
					: op->copy == 'g' ? mode >> 3
							  : mode) &
				       7;
			bits = three * 0111;
		}
		if (op->if_exec && (is_dir || mode & 0111))
			bits |= 0111;
		bits &= op->who | special(op->who);
		if (op->op == '+')
			mode |= bits;
		else if (op->op == '-')
			mode &= ~bits;
		else
			mode = (mode & ~(op->who | special(op->who))) | bits;
	}
	return mode;
}
