#include "engine/kube/doc.h"
#include "engine/kube/env.h"
#include "engine/kube/quantity.h"
#include "engine/kube/schema.h"
#include "tests/unit/test.h"

TEST(kube_quantities)
{
	static const struct {
		const char *text;
		int64_t milli; /* -1: refused */
	} cases[] = {
		{"0", 0}, {"1", 1000}, {"500m", 500}, {"0.5", 500}, {"1.5", 1500}, {"100n", 1}, {"2.5m", 3},
		{"64Mi", INT64_C(67108864000)}, {"1Ki", 1024000}, {"1k", 1000000}, {"1.5G", INT64_C(1500000000000)},
		{"1e3", 1000000}, {"1E2", 100000}, {"12e-1", 1200}, {".5", 500}, {"5.", 5000}, {"+2", 2000},
		{"", -1}, {"-1", -1}, {"1 Mi", -1}, {"Mi", -1}, {"1Zi", -1}, {"1.2.3", -1}, {"1e", -1},
		{"1e99", -1}, {"99999999999999999999999999999999", -1}, {"1Ei", -1}, {"0x10", -1}, {".", -1},
		{"9.0000000000000000000000000000001", -1},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		int64_t milli = -1;
		int r = pm_kube_quantity(cases[i].text, &milli, NULL);
		if (cases[i].milli < 0)
			CHECK_INT(r, -PM_E_FORMAT);
		else
			CHECK_INT(milli, cases[i].milli);
	}
	int64_t whole;
	CHECK_INT(pm_kube_quantity_whole("1500m", &whole, NULL), 0);
	CHECK_INT(whole, 2);
}

TEST(kube_expand)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"plain", "plain"}, {"$(A)", "1"}, {"x$(A)y$(B)z", "x1y$(A)z"}, {"$$(A)", "$(A)"},
		{"$$$(A)", "$1"}, {"$(NONE)", "$(NONE)"}, {"$(A", "$(A"}, {"$A", "$A"}, {"$", "$"},
		{"$()", "$()"}, {"$$", "$"}, {"$(A)$(A)", "11"},
	};
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	pm_strv_add(&env, "A=1");
	pm_strv_add(&env, "B=$(A)"); /* expanded once */
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = pm_kube_expand(cases[i].text, &env);
		CHECK_STR(got, cases[i].want);
	}
}

/* Rows that a reader could not make sense of. */
static void check_table(const struct pm_kube_type *t, unsigned int depth)
{
	CHECK(depth < 12);
	for (const struct pm_kube_field *f = t->fields; f->name; f++) {
		bool inner = f->kind == PM_KUBE_OBJECT || f->kind == PM_KUBE_LIST;
		/* apiVersion, kind and metadata begin a document */
		CHECK(f == t->fields || strcmp(f[-1].name, f->name) < 0 || strcmp(f[-1].name, "metadata") == 0);
		CHECK(f->rule == PM_KUBE_HONOURED || f->note);
		CHECK(!inner || f->type || f->rule != PM_KUBE_HONOURED);
		CHECK(f->kind != PM_KUBE_ANY || f->rule != PM_KUBE_HONOURED);
		if (f->type)
			check_table(f->type, depth + 1);
	}
}

TEST(kube_table)
{
	static const char *const kinds[] = {"Pod", "Deployment", "DaemonSet", "Job", "ConfigMap", "Secret",
					    "PersistentVolumeClaim"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++)
		check_table(pm_kube_type_of(kinds[i]), 0);
	CHECK(!pm_kube_type_of("Service"));
	CHECK(!pm_kube_type_of(""));
}

static void parse(const char *yaml, int code, const char *said)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_kube_set_ struct pm_kube_set set = {0};
	CHECK_INT(pm_kube_set_parse(&set, "F", yaml, strlen(yaml), true, &err), code);
	CHECK_STR(err.text, said);
}

#define POD "kind: Pod\nmetadata: {name: p}\nspec:\n"

TEST(kube_check)
{
	parse(POD " containers: []\n", 0, "");
	parse(POD " containers: null\n status: null\n", -PM_E_FORMAT,
	      "F: Pod p: line 5: spec.status: unknown field of PodSpec");
	parse(POD " hostPID: yes\n", -PM_E_FORMAT, "F: Pod p: line 4: spec.hostPID: must be true or false");
	parse(POD " terminationGracePeriodSeconds: 1.5\n", -PM_E_FORMAT,
	      "F: Pod p: line 4: spec.terminationGracePeriodSeconds: must be an integer");
	parse(POD " restartPolicy: always\n", -PM_E_FORMAT,
	      "F: Pod p: line 4: spec.restartPolicy: must be one of Always|OnFailure|Never");
	parse(POD " volumes:\n - name: v\n   emptyDir: {}\n   secret: {}\n", -PM_E_FORMAT,
	      "F: Pod p: line 7: spec.volumes[0].secret: only one source can be given");
	parse(POD " volumes: [{name: v, secret: {defaultMode: 0999}}]\n", -PM_E_FORMAT,
	      "F: Pod p: line 4: spec.volumes[0].secret.defaultMode: must be a mode, as 0644");
	parse(POD " volumes: [{name: v, secret: {defaultMode: 0o400}}, {name: w, secret: {defaultMode: 0400}}]\n",
	      0, "");
	parse(POD " hostname: \"a\\0b\"\n", -PM_E_FORMAT, "F: Pod p: line 4: spec.hostname: must be a string");
	parse(POD " setHostnameAsFQDN: false\n", 0, "");
	parse(POD " setHostnameAsFQDN: true\n", -PM_E_UNSUPPORTED,
	      "F: Pod p: line 4: spec.setHostnameAsFQDN: \"true\" is not supported: there is no cluster domain");
	parse(POD " readinessGates: []\n resources: {}\n", 0, "");
	parse("kind: Pod\nmetadata: {}\n", -PM_E_FORMAT, "F: line 1: the Pod has no name");
	parse("a: 1\n", -PM_E_FORMAT, "F: line 1: a Kubernetes object has a kind");
	parse(POD "---\n" POD, -PM_E_FORMAT, "F: line 5: Pod p is given twice");
	parse("kind: List\nitems: [{kind: List, items: [{}]}]\n", -PM_E_FORMAT,
	      "F: line 2: a List holds a list of objects");
	parse("kind: ConfigMap\nmetadata: {name: c}\ndata: {k: 1}\n", -PM_E_FORMAT,
	      "F: ConfigMap c: line 3: data: must be an object of strings");
}

TEST(kube_warnings)
{
	static const char yaml[] = POD " nodeName: n\n schedulerName: default-scheduler\n tolerations: []\n";
	_cleanup_kube_set_ struct pm_kube_set set = {0};
	CHECK_INT(pm_kube_set_parse(&set, "F", yaml, strlen(yaml), true, NULL), 0);
	CHECK_INT(set.warnings.n, 1);
	CHECK_STR(set.warnings.v[0], "Pod p: line 4: spec.nodeName: the field has no effect: there is one host, "
				     "and no scheduler");
}

TEST(kube_data)
{
	static const char yaml[] = "kind: Secret\nmetadata: {name: s}\ndata:\n  a: |\n    aGVs\n    bG8=\n  b: eA==\n"
				   "stringData: {b: y}\n---\nkind: Secret\nmetadata: {name: bad}\ndata: {a: '%'}\n"
				   "---\nkind: ConfigMap\nmetadata: {name: keys}\ndata: {'a/b': x}\n";
	_cleanup_kube_set_ struct pm_kube_set set = {0};
	_cleanup_kube_data_ struct pm_kube_data data = {0}, other = {0}, third = {0};
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_kube_set_parse(&set, "F", yaml, strlen(yaml), true, &err), err);
	CHECK_OK(pm_kube_object_data(pm_kube_set_find(&set, "Secret", "s"), &data, &err), err);
	CHECK_INT(data.n, 2);
	CHECK_STR(pm_buf_str(&pm_kube_data_get(&data, "a")->value), "hello");
	CHECK_STR(pm_buf_str(&pm_kube_data_get(&data, "b")->value), "y");
	CHECK_INT(pm_kube_object_data(pm_kube_set_find(&set, "Secret", "bad"), &other, &err), -PM_E_FORMAT);
	CHECK_INT(pm_kube_object_data(pm_kube_set_find(&set, "ConfigMap", "keys"), &third, &err),
		  -PM_E_FORMAT);
}
