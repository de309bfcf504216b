#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "registry/registries_d.h"

enum { POLICY_MAX = 1 << 20 };

const struct pm_command pm_cmd_image_trust = {
	.path = "image trust",
	.summary = "Manage container image trust policy",
	.flags = PM_CMD_GROUP,
};

struct trust_opts {
	const char *policypath, *registrypath, *type;
	struct pm_strv keys;
	bool json, noheading, raw;
};

static char *user_policy(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	return config && *config ? pm_asprintf("%s/containers/policy.json", config)
	       : home && *home	 ? pm_asprintf("%s/.config/containers/policy.json", home)
				 : NULL;
}

/* The policy that counts. *ret_path: where it is, or for writing (a user's own) would be. */
static int read_policy(const struct trust_opts *o, bool writing, struct pm_buf *text, char **ret_path,
		       struct pm_err *err)
{
	_cleanup_free_ char *user = user_policy();
	const char *paths[] = {o->policypath, user, "/etc/containers/policy.json"};
	struct pm_err why = PM_ERR_INIT;
	for (size_t i = o->policypath ? 0 : 1; i < 3; i++) {
		if (!paths[i])
			continue;
		int r = pm_fs_read_file(AT_FDCWD, paths[i], POLICY_MAX, text, &why);
		if (r == -ENOENT && !o->policypath)
			continue;
		if (r < 0 && !(r == -ENOENT && writing)) {
			if (err)
				*err = why;
			return pm_wrap(err, "read the signature policy");
		}
		*ret_path = pm_strdup(writing && i == 2 && !pm_proc_for_system() && user ? user : paths[i]);
		return 0;
	}
	*ret_path = pm_strdup(writing && !pm_proc_for_system() && user ? user : paths[2]);
	return 0;
}

static int parse_policy(const struct pm_buf *text, struct pm_json_pool *pool, struct pm_json **ret,
			struct pm_err *err)
{
	static const char accept[] = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";
	int r = pm_json_parse(pool, text->len ? text->data : accept,
			      text->len ? text->len : strlen(accept), ret, err);
	if (r >= 0 && !pm_json_is(*ret, PM_JSON_OBJECT))
		r = pm_fail(err, PM_E_FORMAT, "it is not an object");
	return r < 0 ? pm_wrap(err, "the signature policy") : 0;
}

/* --- show ---------------------------------------------------------------------------------------- */

static const struct pm_opt show_table[] = {
	{"json", 'j', PM_BOOL(struct trust_opts, json), "Output as json"},
	{"noheading", 'n', PM_BOOL(struct trust_opts, noheading), "Do not print column headings"},
	{"policypath", 0, PM_STRING(struct trust_opts, policypath), "The policy file", .hidden = true},
	{"raw", 0, PM_BOOL(struct trust_opts, raw), "Output raw policy file"},
	{"registrypath", 0, PM_STRING(struct trust_opts, registrypath), "The registries.d directory",
	 .hidden = true},
	{0},
};

static const char *word_of(const char *type)
{
	return pm_streq(type, "insecureAcceptAnything") ? "accept"
	       : pm_streq(type, "signedBy")		? "signed"
	       : type					? type
							: "unknown";
}

/* Where its keys are. The caller frees. */
static char *keys_of(const struct pm_json *v)
{
	const char *path = pm_json_get_str(v, "keyPath");
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	if (path)
		return pm_strdup(path);
	pm_json_to_strv(pm_json_get(v, "keyPaths"), &l, NULL);
	return l.n ? pm_strv_join(&l, ", ") : pm_strdup("");
}

static void add_rows(struct pm_json_pool *p, struct pm_json *rows, const char *transport,
		     const char *name, const struct pm_json *list, const char *registries_d)
{
	_cleanup_places_ struct pm_signature_places places = {0};
	struct pm_reference ref;
	_cleanup_free_ char *image = pm_asprintf("%s%s", name, strchr(name, '/') ? "" : "/x");
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *v = pm_json_at(list, i);
		const char *type = pm_json_get_str(v, "type");
		bool is_signed = pm_streq(type, "signedBy") || pm_streq(type, "sigstoreSigned");
		struct pm_json *row = pm_json_object(p);
		_cleanup_free_ char *keys = keys_of(v);
		if (is_signed && !places.lookaside && strcmp(transport, "repository") == 0 &&
		    pm_reference_parse_docker(image, &ref, NULL) >= 0) {
			pm_registries_d_find(registries_d, &ref, &places, NULL);
			pm_reference_free(&ref);
		}
		pm_json_set_str(p, row, "transport", transport);
		pm_json_set_str(p, row, "name", name);
		pm_json_set_str(p, row, "repo_name", name);
		pm_json_set_str(p, row, "type", word_of(type));
		pm_json_set_str(p, row, "gpg_id", keys);
		pm_json_set_str(p, row, "sigstore",
				is_signed && places.lookaside ? places.lookaside : "");
		pm_json_add(p, rows, row);
	}
}

static void list_rows(struct pm_json_pool *p, struct pm_json *rows, const struct pm_json *root,
		      const char *only, const char *registries_d)
{
	const struct pm_json *transports = pm_json_get(root, "transports");
	if (!only)
		add_rows(p, rows, "all", "default", pm_json_get(root, "default"), registries_d);
	for (size_t i = 0; pm_json_is(transports, PM_JSON_OBJECT) && i < transports->len; i++) {
		const char *name = transports->members[i].name;
		const struct pm_json *scopes = transports->members[i].value;
		for (size_t k = 0; pm_json_is(scopes, PM_JSON_OBJECT) && k < scopes->len; k++) {
			if (only && strcmp(only, scopes->members[k].name) != 0)
				continue;
			add_rows(p, rows, strcmp(name, "docker") == 0 ? "repository" : name,
				 scopes->members[k].name, scopes->members[k].value, registries_d);
		}
	}
}

static int show_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct trust_opts *o = opts;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, out = PM_BUF_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *path = NULL;
	static const char *const headings[] = {"gpg_id", "ID", "sigstore", "STORE", NULL};
	struct pm_json *root, *rows = pm_json_array(pool);
	int r = read_policy(o, false, &text, &path, err);
	if (r >= 0)
		r = parse_policy(&text, pool, &root, err);
	if (r < 0)
		return r;
	if (o->raw) {
		fputs(pm_buf_str(&text), stdout);
		return 0;
	}
	list_rows(pool, rows, root, cli->n_args ? cli->args[0] : NULL, o->registrypath);
	struct pm_format f = {
		.name = "trust",
		.format = o->json ? "json" : NULL,
		.table_default = "table {{.transport}}\t{{.name}}\t{{.type}}\t{{.gpg_id}}\t{{.sigstore}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
	};
	r = pm_format_list(&f, rows, &out, err);
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_image_trust_show = {
	.path = "image trust show",
	.summary = "Display trust policy for the system",
	.synopsis = "[options] [REGISTRY]",
	.text = "Prints what policy.json demands of images, by registry or repository. ID is where the "
		"keys are, STORE where signatures are looked for.",
	.examples = "%p\n%p registry.example/team",
	.max_args = 1,
	.opts_size = sizeof(struct trust_opts),
	.tables = {{show_table, 0}, {0}},
	.run = show_run,
};

/* --- set ----------------------------------------------------------------------------------------- */

static const struct pm_opt set_table[] = {
	{"policypath", 0, PM_STRING(struct trust_opts, policypath), "The policy file", .hidden = true},
	{"pubkeysfile", 'f', PM_LIST(struct trust_opts, keys),
	 "Path of installed public key(s) to trust for TARGET", .complete = PM_COMPLETE_FILE},
	{"type", 't', PM_CHOICE(struct trust_opts, type), "Trust type", .def = "signedBy",
	 .arg = "string", .choices = "signedBy|sigstoreSigned|accept|reject"},
	{0},
};

static int make_requirements(const struct trust_opts *o, struct pm_json_pool *pool,
			     struct pm_json *list, struct pm_err *err)
{
	bool plain = strcmp(o->type, "accept") == 0 || strcmp(o->type, "reject") == 0;
	if (plain == (o->keys.n > 0))
		return pm_fail(err, PM_E_USAGE, plain ? "--pubkeysfile goes with type signedBy and "
							"sigstoreSigned only"
						      : "at least one public key must be defined for "
							"type '%s' (--pubkeysfile)",
			       o->type);
	for (size_t i = 0; i < o->keys.n || (plain && i == 0); i++) {
		struct pm_json *v = pm_json_object(pool);
		pm_json_set_str(pool, v, "type",
				strcmp(o->type, "accept") == 0 ? "insecureAcceptAnything" : o->type);
		if (!plain && (o->keys.v[i][0] != '/' || access(o->keys.v[i], R_OK) < 0))
			return pm_fail(err, PM_E_USAGE, "%s: a key's file must be there and named by its "
							"absolute path",
				       o->keys.v[i]);
		if (strcmp(o->type, "signedBy") == 0)
			pm_json_set_str(pool, v, "keyType", "GPGKeys");
		if (!plain)
			pm_json_set_str(pool, v, "keyPath", o->keys.v[i]);
		pm_json_add(pool, list, v);
	}
	return 0;
}

static struct pm_json *member(struct pm_json_pool *pool, struct pm_json *o, const char *name)
{
	struct pm_json *v = pm_json_get(o, name);
	return pm_json_is(v, PM_JSON_OBJECT) ? v : pm_json_set(pool, o, name, pm_json_object(pool));
}

static int set_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct trust_opts *o = opts;
	const char *scope = cli->args[0];
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, out = PM_BUF_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *path = NULL;
	struct pm_json *root, *list = pm_json_array(pool);
	if (!*scope || strpbrk(scope, " \t\n"))
		return pm_fail(err, PM_E_USAGE, "invalid image scope '%s'", scope);
	int r = make_requirements(o, pool, list, err);
	if (r >= 0)
		r = read_policy(o, true, &text, &path, err);
	if (r >= 0)
		r = parse_policy(&text, pool, &root, err);
	if (r < 0)
		return r;
	if (strcmp(scope, "default") == 0)
		pm_json_set(pool, root, "default", list);
	else
		pm_json_set(pool, member(pool, member(pool, root, "transports"), "docker"), scope, list);
	pm_json_write(root, 4, &out);
	pm_buf_add_char(&out, '\n');
	_cleanup_free_ char *dir = pm_strndup(path, (size_t)(strrchr(path, '/') ? strrchr(path, '/') - path : 0));
	if (*dir)
		r = pm_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	if (r >= 0)
		r = pm_fs_write_file(AT_FDCWD, path, pm_buf_str(&out), out.len, 0644, true, err);
	return r < 0 ? pm_wrap(err, "write the signature policy") : 0;
}

const struct pm_command pm_cmd_image_trust_set = {
	.path = "image trust set",
	.summary = "Set default trust policy or a new trust policy for a registry",
	.synopsis = "[options] REGISTRY",
	.text = "Sets what policy.json demands of the images of a registry, a repository, or (\"default\") "
		"of all. A user who is not root gets a policy of his own, begun with the system's.",
	.examples = "%p --type reject default\n%p --type signedBy --pubkeysfile /etc/pki/key.asc registry.example",
	.min_args = 1,
	.max_args = 1,
	.opts_size = sizeof(struct trust_opts),
	.tables = {{set_table, 0}, {0}},
	.run = set_run,
};
