#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/image_common.h"
#include "cli/value.h"
#include "engine/image/query.h"
#include "registry/registries_conf.h"

enum { LIMIT = 25, DESCRIPTION_MAX = 44 };

struct search_opts {
	const char *authfile, *cert_dir, *creds, *format;
	struct pm_strv filter;
	bool compatible, list_tags, no_trunc, tls_verify;
	int64_t limit;
};

static const struct pm_opt search_table[] = {
	{"authfile", 0, PM_STRING(struct search_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct search_opts, cert_dir),
	 "Pathname of a directory containing TLS certificates and keys",
	 .complete = PM_COMPLETE_DIR},
	{"compatible", 0, PM_BOOL(struct search_opts, compatible),
	 "List stars, official and automated columns (Docker compatibility)"},
	{"creds", 0, PM_STRING(struct search_opts, creds),
	 "Credentials (USERNAME:PASSWORD) to use for authenticating to a registry"},
	{"filter", 'f', PM_LIST(struct search_opts, filter),
	 "Filter output based on conditions provided: is-official, is-automated (=true, =false), "
	 "stars=NUMBER"},
	{"format", 0, PM_STRING(struct search_opts, format),
	 "Change the output format to JSON or a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Automated|.Description|.Index|.Name|.Official|.Stars|.Tag"},
	{"limit", 0, PM_INT(struct search_opts, limit), "Limit the number of results"},
	{"list-tags", 0, PM_BOOL(struct search_opts, list_tags),
	 "List the tags of the input registry"},
	{"no-trunc", 0, PM_BOOL(struct search_opts, no_trunc), "Do not truncate the output"},
	{"tls-verify", 0, PM_BOOL(struct search_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{0},
};

struct search {
	const struct search_opts *o;
	struct pm_query_options q;
	struct pm_json_pool *pool;
	struct pm_json *rows;
	int64_t limit, stars;
	int official, automated; /* -1: either */
};

static int parse_filters(struct search *s, struct pm_err *err)
{
	s->official = s->automated = -1;
	for (size_t i = 0; i < s->o->filter.n; i++) {
		const char *f = s->o->filter.v[i], *eq = strchr(f, '=');
		_cleanup_free_ char *name = pm_strndup(f, eq ? (size_t)(eq - f) : strlen(f));
		bool yes = true;
		int r = 0;
		if (strcmp(name, "stars") == 0) {
			r = pm_parse_int(eq ? eq + 1 : "", &s->stars, err);
		} else if (strcmp(name, "is-official") == 0 || strcmp(name, "is-automated") == 0) {
			if (eq)
				r = pm_parse_bool(eq + 1, &yes, err);
			*(name[3] == 'o' ? &s->official : &s->automated) = yes;
		} else {
			return pm_fail(err, PM_E_USAGE, "invalid filter type \"%s\"", f);
		}
		if (r < 0)
			return pm_wrap(err, "invalid filter \"%s\"", f);
	}
	return 0;
}

static bool passes(const struct search *s, const struct pm_json *v)
{
	return pm_json_get_int(v, "star_count", 0) >= s->stars &&
	       (s->official < 0 || pm_json_get_bool(v, "is_official", false) == (s->official == 1)) &&
	       (s->automated < 0 ||
		pm_json_get_bool(v, "is_automated", false) == (s->automated == 1));
}

static void add_row(struct search *s, const char *host, const struct pm_json *v)
{
	struct pm_json_pool *p = s->pool;
	struct pm_json *row = pm_json_object(p);
	const char *name = pm_json_get_str(v, "name"), *text = pm_json_get_str(v, "description");
	bool hub = strcmp(host, "docker.io") == 0;
	_cleanup_free_ char *full = pm_asprintf("%s/%s%s", host,
						hub && !strchr(name, '/') ? "library/" : "", name);
	_cleanup_free_ char *description = pm_strdup(text ? text : "");
	for (char *c = description; *c; c++)
		*c = (char)(*c == '\n' ? ' ' : *c);
	if (!s->o->no_trunc && strlen(description) > DESCRIPTION_MAX)
		memcpy(description + DESCRIPTION_MAX, "...", 4);
	pm_json_set_str(p, row, "Index", host);
	pm_json_set_str(p, row, "Name", full);
	pm_json_set_str(p, row, "Description", description);
	pm_json_set_int(p, row, "Stars", pm_json_get_int(v, "star_count", 0));
	pm_json_set_str(p, row, "Official", pm_json_get_bool(v, "is_official", false) ? "[OK]" : "");
	pm_json_set_str(p, row, "Automated", pm_json_get_bool(v, "is_automated", false) ? "[OK]" : "");
	pm_json_set_str(p, row, "Tag", "");
	pm_json_add(p, s->rows, row);
}

static int search_registry(struct search *s, const char *host, const char *term, struct pm_err *err)
{
	struct pm_json *list;
	int r = pm_query_search(host, term, s->limit, &s->q, s->pool, &list, err);
	for (size_t i = 0; r >= 0 && i < list->len; i++) {
		if (passes(s, list->items[i]))
			add_row(s, host, list->items[i]);
	}
	return r;
}

static int search_tags(struct search *s, const char *name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	_cleanup_free_ char *full = NULL;
	_cleanup_free_ char *source = strstr(name, "://") ? pm_strdup(name)
							  : pm_asprintf("docker://%s", name);
	int r = pm_query_tags(source, &s->q, &full, &tags, err);
	for (size_t i = 0; r >= 0 && i < tags.n && (int64_t)i < s->limit; i++) {
		struct pm_json *row = pm_json_object(s->pool);
		pm_json_set_str(s->pool, row, "Name", full);
		pm_json_set_str(s->pool, row, "Tag", tags.v[i]);
		pm_json_add(s->pool, s->rows, row);
	}
	return r;
}

/* "HOST/TERM", or TERM in each of the search registries. One that fails does not hide the others' results. */
static int search_all(struct pm_cli *cli, struct search *s, const char *term, struct pm_err *err)
{
	_cleanup_registries_ struct pm_registries conf = PM_REGISTRIES_INIT;
	const char *slash = strchr(term, '/');
	_cleanup_free_ char *host = slash ? pm_strndup(term, (size_t)(slash - term)) : NULL;
	if (host && (strpbrk(host, ".:") || strcmp(host, "localhost") == 0))
		return search_registry(s, host, slash + 1, err);
	int r = pm_registries_load(&conf, err);
	if (r < 0)
		return r;
	if (!conf.search.n)
		return pm_fail(err, PM_E_USAGE, "no registries to search: name one (HOST/%s), or set "
						"unqualified-search-registries in registries.conf",
			       term);
	for (size_t i = 0; i < conf.search.n; i++) {
		if (search_registry(s, conf.search.v[i], term, err) < 0)
			pm_cli_note(cli, err);
	}
	return 0;
}

static int print(const struct search *s, struct pm_err *err)
{
	const struct search_opts *o = s->o;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_format f = {
		.name = "search",
		.format = o->format,
		.table_default = o->list_tags	 ? "table {{.Name}}\t{{.Tag}}"
				 : o->compatible ? "table {{.Name}}\t{{.Description}}\t{{.Stars}}\t"
						   "{{.Official}}\t{{.Automated}}"
						 : "table {{.Name}}\t{{.Description}}",
		.terminal = isatty(1),
		.opts = {.type = "entities.ImageSearchReport", .fold_case = true},
	};
	/* Nothing found prints nothing, not even headings. */
	if (!s->rows->len && !pm_format_is_json(o->format))
		return 0;
	int r = pm_format_list(&f, s->rows, &out, err);
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

static int search_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct search_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	struct search s = {.o = o, .pool = pool, .rows = pm_json_array(pool)};
	s.q.remote = (struct pm_remote)PM_REMOTE_INIT;
	s.q.remote.authfile = authfile;
	s.q.remote.cert_dir = o->cert_dir;
	s.q.remote.creds = o->creds;
	if (pm_cli_given(cli, "tls-verify"))
		s.q.remote.tls_verify = o->tls_verify;
	s.limit = o->limit > 0 ? o->limit : o->list_tags ? 10000 : LIMIT;
	if (o->limit < 0)
		return pm_fail(err, PM_E_USAGE, "--limit cannot be negative");
	if (o->list_tags && o->filter.n)
		return pm_fail(err, PM_E_USAGE, "filters are not applicable to list tags result");
	if (!*cli->args[0])
		return pm_fail(err, PM_E_USAGE, "search requires a TERM");
	int r = parse_filters(&s, err);
	if (r >= 0)
		r = o->list_tags ? search_tags(&s, cli->args[0], err)
				 : search_all(cli, &s, cli->args[0], err);
	if (r >= 0)
		r = print(&s, err);
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_search = {
	.path = "search|image search",
	.summary = "Search registry for image",
	.synopsis = "[options] TERM",
	.text = "Searches registries for images: the one that TERM begins with (HOST/TERM), else all "
		"search registries of registries.conf. Registries without a search are looked through "
		"by their catalogue, where they show it.",
	.examples = "%p --filter=is-official --limit 3 alpine\n%p registry.example/team\n"
		    "%p --list-tags registry.example/team/app",
	.min_args = 1,
	.max_args = 1,
	.opts_size = sizeof(struct search_opts),
	.tables = {{search_table, 0}, {0}},
	.run = search_run,
};
