#include "engine/spec/seccomp_parse.h"

#include <errno.h>
#include <string.h>

#include "engine/spec/caps.h"
#include "engine/spec/seccomp_arch.h"

#define MAX_RULES 10000

static const struct {
	const char *name;
	enum pm_seccomp_action action;
} actions[] = {
	{"SCMP_ACT_ALLOW", PM_SECCOMP_ALLOW},
	{"SCMP_ACT_ERRNO", PM_SECCOMP_ERRNO},
	{"SCMP_ACT_KILL_THREAD", PM_SECCOMP_KILL_THREAD},
	{"SCMP_ACT_KILL", PM_SECCOMP_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", PM_SECCOMP_KILL_PROCESS},
	{"SCMP_ACT_TRAP", PM_SECCOMP_TRAP},
	{"SCMP_ACT_LOG", PM_SECCOMP_LOG},
	{"SCMP_ACT_TRACE", PM_SECCOMP_TRACE},
};

static const struct {
	const char *name;
	enum pm_seccomp_op op;
} ops[] = {
	{"SCMP_CMP_NE", PM_SECCOMP_NE}, {"SCMP_CMP_LT", PM_SECCOMP_LT},
	{"SCMP_CMP_LE", PM_SECCOMP_LE}, {"SCMP_CMP_EQ", PM_SECCOMP_EQ},
	{"SCMP_CMP_GE", PM_SECCOMP_GE}, {"SCMP_CMP_GT", PM_SECCOMP_GT},
	{"SCMP_CMP_MASKED_EQ", PM_SECCOMP_MASKED_EQ},
};

const char *pm_seccomp_action_name(enum pm_seccomp_action a)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(actions); i++)
		if (actions[i].action == a)
			return actions[i].name;
	return "";
}

const char *pm_seccomp_op_name(enum pm_seccomp_op op)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(ops); i++)
		if (ops[i].op == op)
			return ops[i].name;
	return "";
}

static int parse_action(const struct pm_json *o, const char *name, enum pm_seccomp_action *ret,
			struct pm_err *err)
{
	const char *s = pm_json_get_str(o, name);
	for (size_t i = 0; s && i < PM_ARRAY_SIZE(actions); i++) {
		if (pm_streq(actions[i].name, s)) {
			*ret = actions[i].action;
			return 0;
		}
	}
	if (pm_streq(s, "SCMP_ACT_NOTIFY"))
		return pm_fail(err, PM_E_UNSUPPORTED, "SCMP_ACT_NOTIFY is not supported");
	return pm_fail(err, PM_E_FORMAT, "unknown %s \"%s\"", name, s ? s : "");
}

/* A member "caps" or "arches" of includes/excludes. */
static int parse_filter(const struct pm_json *o, const char *which, uint64_t *ret_caps,
			struct pm_strv *ret_arches, struct pm_err *err)
{
	const struct pm_json *f = pm_json_get(o, which);
	const struct pm_json *caps = pm_json_get(f, "caps"), *arches = pm_json_get(f, "arches");
	for (size_t i = 0; i < pm_json_len(caps); i++) {
		const struct pm_json *v = pm_json_at(caps, i);
		int n = pm_json_is(v, PM_JSON_STRING) ? pm_cap_number(v->string) : -1;
		if (n < 0)
			return pm_fail(err, PM_E_FORMAT, "%s: unknown capability", which);
		*ret_caps |= UINT64_C(1) << n;
	}
	if (arches && pm_json_is(arches, PM_JSON_ARRAY) &&
	    pm_json_to_strv(arches, ret_arches, err) < 0)
		return pm_wrap(err, "%s", which);
	return 0;
}

static int parse_args(const struct pm_json *o, struct pm_seccomp_rule *r, struct pm_err *err)
{
	const struct pm_json *args = pm_json_get(o, "args");
	if (pm_json_len(args) > PM_ARRAY_SIZE(r->args))
		return pm_fail(err, PM_E_FORMAT, "more than six arguments");
	for (size_t i = 0; i < pm_json_len(args); i++) {
		const struct pm_json *a = pm_json_at(args, i);
		struct pm_seccomp_arg *to = &r->args[r->n_args++];
		int64_t index = pm_json_get_int(a, "index", -1);
		const char *op = pm_json_get_str(a, "op");
		const char *const members[] = {"value", "valueTwo"};
		if (index < 0 || index > 5)
			return pm_fail(err, PM_E_FORMAT, "argument's index is not 0 to 5");
		to->index = (unsigned int)index;
		for (size_t k = 0; k < 2; k++) {
			const struct pm_json *v = pm_json_get(a, members[k]);
			if (!v)
				continue;
			char *end = NULL;
			errno = 0;
			uint64_t n = pm_json_is(v, PM_JSON_NUMBER) && v->string[0] != '-'
					     ? strtoull(v->string, &end, 10)
					     : 0;
			if (!end || *end || errno)
				return pm_fail(err, PM_E_FORMAT, "argument's %s is no number",
					       members[k]);
			*(k == 0 ? &to->value : &to->value2) = n;
		}
		size_t k = 0;
		while (op && k < PM_ARRAY_SIZE(ops) && !pm_streq(ops[k].name, op))
			k++;
		if (!op || k == PM_ARRAY_SIZE(ops))
			return pm_fail(err, PM_E_FORMAT, "unknown comparison \"%s\"", op ? op : "");
		to->op = ops[k].op;
	}
	return 0;
}

static bool has_go_arch(const struct pm_strv *l)
{
	const char *go = pm_seccomp_native_go();
	/* Go's name for 32-bit x86 is 386, profiles write x86. */
	return pm_strv_has(l, go) || (pm_streq(go, "386") && pm_strv_has(l, "x86"));
}

/* 1: a rule; 0: not for this machine. */
static int parse_rule(const struct pm_json *o, struct pm_seccomp_profile *p,
		      struct pm_seccomp_rule *r, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv incl = PM_STRV_INIT, excl = PM_STRV_INIT, names = PM_STRV_INIT;
	if (!pm_json_is(o, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "no object");
	int x = parse_action(o, "action", &r->action, err);
	if (x < 0 || (x = parse_args(o, r, err)) < 0 ||
	    (x = parse_filter(o, "includes", &r->caps_all, &incl, err)) < 0 ||
	    (x = parse_filter(o, "excludes", &r->caps_none, &excl, err)) < 0)
		return x;
	const struct pm_json *l = pm_json_get(o, "names");
	if (l && (x = pm_json_to_strv(l, &names, err)) < 0)
		return x;
	const char *one = pm_json_get_str(o, "name");
	if (one && *one)
		pm_strv_add(&names, one);
	if (names.n == 0)
		return pm_fail(err, PM_E_FORMAT, "no names");
	int64_t e = pm_json_get_int(o, "errnoRet", EPERM);
	if (e < 0 || e > 4095)
		return pm_fail(err, PM_E_FORMAT, "errnoRet is no error number");
	r->errno_ret = (unsigned int)e;
	if ((incl.n && !has_go_arch(&incl)) || has_go_arch(&excl))
		return 0;
	/* The words live in the profile's pool, the list is the rule's. */
	struct pm_json *copy = pm_json_strv(p->pool, &names);
	const char **list = pm_calloc(names.n + 1, sizeof(*list));
	for (size_t i = 0; i < copy->len; i++)
		list[i] = copy->items[i]->string;
	r->names = list;
	return 1;
}

static int parse_arches(const struct pm_json *root, struct pm_seccomp_profile *p,
			struct pm_err *err)
{
	const struct pm_json *map = pm_json_get(root, "archMap"), *l = pm_json_get(root, "architectures");
	if (pm_json_len(l))
		return pm_json_to_strv(l, &p->arches, err);
	for (size_t i = 0; i < pm_json_len(map); i++) {
		const struct pm_json *m = pm_json_at(map, i);
		if (!pm_streq(pm_json_get_str(m, "architecture"), pm_seccomp_native_scmp()))
			continue;
		pm_strv_add(&p->arches, pm_seccomp_native_scmp());
		const struct pm_json *subs = pm_json_get(m, "subArchitectures");
		return subs && pm_json_is(subs, PM_JSON_ARRAY)
			       ? pm_json_to_strv(subs, &p->arches, err)
			       : 0;
	}
	if (map)
		pm_strv_add(&p->arches, pm_seccomp_native_scmp());
	return 0;
}

int pm_seccomp_parse(const char *text, size_t len, struct pm_seccomp_profile *ret,
		     struct pm_err *err)
{
	_cleanup_seccomp_profile_ struct pm_seccomp_profile p = {.pool = pm_json_pool_new()};
	struct pm_json *root;
	int r = pm_json_parse(p.pool, text, len, &root, err);
	if (r < 0 || (r = parse_action(root, "defaultAction", &p.action, err)) < 0 ||
	    (r = parse_arches(root, &p, err)) < 0)
		return pm_wrap(err, "seccomp profile");
	int64_t e = pm_json_get_int(root, "defaultErrnoRet", EPERM);
	p.errno_ret = e >= 0 && e <= 4095 ? (unsigned int)e : EPERM;
	const struct pm_json *calls = pm_json_get(root, "syscalls");
	if (pm_json_len(calls) > MAX_RULES)
		return pm_fail(err, PM_E_FORMAT, "seccomp profile: too many rules");
	p.rules = pm_calloc(pm_json_len(calls) + 1, sizeof(*p.rules));
	for (size_t i = 0; i < pm_json_len(calls); i++) {
		struct pm_seccomp_rule rule = {0};
		r = parse_rule(pm_json_at(calls, i), &p, &rule, err);
		if (r < 0)
			return pm_wrap(err, "seccomp profile: rule %zu", i + 1);
		if (r > 0)
			p.rules[p.n_rules++] = rule;
	}
	*ret = p;
	p = (struct pm_seccomp_profile){0};
	return 0;
}
