#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/image_common.h"
#include "engine/image/query.h"
#include "registry/auth_store.h"
#include "registry/registries_conf.h"

struct login_opts {
	const char *authfile, *cert_dir, *password, *username;
	bool get_login, password_stdin, tls_verify, verbose;
};

static const struct pm_opt login_table[] = {
	{"authfile", 0, PM_STRING(struct login_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct login_opts, cert_dir),
	 "Use certificates at the specified path to access the registry",
	 .complete = PM_COMPLETE_DIR},
	{"get-login", 0, PM_BOOL(struct login_opts, get_login),
	 "Return the current login user for the registry"},
	{"password", 'p', PM_STRING(struct login_opts, password), "Password for registry"},
	{"password-stdin", 0, PM_BOOL(struct login_opts, password_stdin),
	 "Take the password from stdin"},
	{"tls-verify", 0, PM_BOOL(struct login_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{"username", 'u', PM_STRING(struct login_opts, username), "Username for registry"},
	{"verbose", 'v', PM_BOOL(struct login_opts, verbose),
	 "Write more detailed information to stdout"},
	{0},
};

/* "https://index.docker.io/v1/" and such are old names of registries. *ret_key keeps the namespace. */
static int registry_name(struct pm_cli *cli, const struct pm_registries *conf, char **ret_key,
			 char **ret_host, struct pm_err *err)
{
	const char *name = cli->n_args ? cli->args[0] : conf->search.n ? conf->search.v[0] : NULL;
	if (!name)
		return pm_fail(err, PM_E_USAGE, "please specify a registry to log in to: none is set "
						"in registries.conf");
	bool url = true;
	if (pm_startswith(name, "https://"))
		name += strlen("https://");
	else if (pm_startswith(name, "http://"))
		name += strlen("http://");
	else
		url = false;
	size_t len = url ? strcspn(name, "/") : strlen(name);
	while (len && name[len - 1] == '/')
		len--;
	char *key = pm_strndup(name, len);
	if (pm_streq(key, "index.docker.io") || pm_streq(key, "registry-1.docker.io")) {
		free(key);
		key = pm_strdup("docker.io");
	}
	*ret_key = key;
	*ret_host = pm_strndup(key, strcspn(key, "/"));
	return 0;
}

static int get_credentials(struct pm_cli *cli, const struct login_opts *o,
			   const struct pm_credentials *known, struct pm_credentials *ret,
			   struct pm_err *err)
{
	int r = 0;
	if (o->password_stdin) {
		if (o->password)
			return pm_fail(err, PM_E_USAGE, "Can't specify both --password-stdin and "
							"--password");
		if (!o->username)
			return pm_fail(err, PM_E_USAGE, "Must provide --username with "
							"--password-stdin");
		ret->user = pm_strdup(o->username);
		r = pm_ask("", true, &ret->password, err);
		return r;
	}
	(void)cli;
	ret->user = pm_strdup_null(o->username);
	ret->password = pm_strdup_null(o->password);
	if (!ret->user) {
		_cleanup_free_ char *question =
			known->user ? pm_asprintf("Username (%s): ", known->user)
				    : pm_strdup("Username: ");
		r = pm_ask(question, false, &ret->user, err);
		if (r >= 0 && !*ret->user && known->user) {
			free(ret->user);
			ret->user = pm_strdup(known->user);
		}
	}
	if (r >= 0 && !ret->password)
		r = pm_ask("Password: ", true, &ret->password, err);
	if (r >= 0 && (!*ret->user || strchr(ret->user, ':')))
		return pm_fail(err, PM_E_USAGE, "a user name cannot be empty or hold a colon");
	return r;
}

static int verify(struct pm_cli *cli, const struct login_opts *o, const char *host,
		  const struct pm_credentials *c, struct pm_err *err)
{
	struct pm_query_options q = {.remote = PM_REMOTE_INIT};
	char *creds = pm_asprintf("%s:%s", c->user, c->password);
	q.remote.creds = creds;
	q.remote.cert_dir = o->cert_dir;
	if (pm_cli_given(cli, "tls-verify"))
		q.remote.tls_verify = o->tls_verify;
	int r = pm_query_login(host, &q, err);
	explicit_bzero(creds, strlen(creds));
	free(creds);
	return r;
}

static int login_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct login_opts *o = opts;
	_cleanup_registries_ struct pm_registries conf = PM_REGISTRIES_INIT;
	_cleanup_credentials_ struct pm_credentials known = PM_CREDENTIALS_INIT,
						    c = PM_CREDENTIALS_INIT;
	_cleanup_free_ char *key = NULL, *host = NULL, *where = NULL;
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	int r = pm_registries_load(&conf, err);
	if (r >= 0)
		r = registry_name(cli, &conf, &key, &host, err);
	if (r < 0)
		return r;
	struct pm_err why = PM_ERR_INIT;
	const char *path = key[strlen(host)] ? key + strlen(host) + 1 : "";
	r = pm_credentials_find(authfile, &conf.helpers, host, path, &known, &why);
	/* A file that is to be made by this login may be missing. */
	if (r < 0 && (o->get_login || why.code != 2)) {
		if (err)
			*err = why;
		return r;
	}
	if (o->get_login) {
		if (!known.user)
			return pm_fail(err, PM_E_UNAUTH, "not logged into %s", key);
		puts(known.user);
		return 0;
	}
	/* Credentials that are there and still good need no question. */
	if (known.user && !o->username && !o->password && !o->password_stdin) {
		printf("Authenticating with existing credentials for %s\n", key);
		fflush(stdout);
		if (verify(cli, o, host, &known, &why) >= 0) {
			printf("Existing credentials are valid. Already logged in to %s\n", key);
			return 0;
		}
		puts("Existing credentials are invalid, please enter valid username and password");
		fflush(stdout);
	}
	r = get_credentials(cli, o, &known, &c, err);
	if (r >= 0)
		r = verify(cli, o, host, &c, err);
	if (r < 0)
		return r;
	r = pm_auth_store(authfile, &conf.helpers, key, &c, &where, err);
	if (r < 0)
		return r;
	if (o->verbose)
		printf("Used: %s\n", where);
	puts("Login Succeeded!");
	return 0;
}

const struct pm_command pm_cmd_login = {
	.path = "login",
	.summary = "Login to a container registry",
	.synopsis = "[options] [REGISTRY]",
	.text = "Logs in to a registry with a username and password, and keeps them for later.\n"
		"REGISTRY may name a namespace too (quay.io/team): the credentials are used for it only. "
		"Without REGISTRY the first search registry of registries.conf is meant.",
	.examples = "%p quay.io\n%p --username ... --password ... quay.io\n%p --authfile dir/auth.json quay.io",
	.max_args = 1,
	.opts_size = sizeof(struct login_opts),
	.tables = {{login_table, 0}, {0}},
	.run = login_run,
};

struct logout_opts {
	const char *authfile;
	bool all;
};

static const struct pm_opt logout_table[] = {
	{"all", 'a', PM_BOOL(struct logout_opts, all),
	 "Remove the cached credentials for all registries in the auth file"},
	{"authfile", 0, PM_STRING(struct logout_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"tls-verify", 0, PM_REFUSED, "a logout speaks with no registry", .no_value = "true"},
	{0},
};

static int logout_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct logout_opts *o = opts;
	_cleanup_registries_ struct pm_registries conf = PM_REGISTRIES_INIT;
	_cleanup_credentials_ struct pm_credentials known = PM_CREDENTIALS_INIT;
	_cleanup_free_ char *key = NULL, *host = NULL;
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	if (o->all && cli->n_args)
		return pm_fail(err, PM_E_USAGE, "--all takes no arguments");
	if (o->all) {
		int r = pm_auth_erase_all(authfile, err);
		if (r >= 0)
			puts("Removed login credentials for all registries");
		return r;
	}
	int r = pm_registries_load(&conf, err);
	if (r >= 0)
		r = registry_name(cli, &conf, &key, &host, err);
	if (r >= 0)
		r = pm_auth_erase(authfile, &conf.helpers, key, err);
	if (r < 0)
		return r;
	if (r > 0) {
		printf("Removed login credentials for %s\n", key);
		return 0;
	}
	const char *path = key[strlen(host)] ? key + strlen(host) + 1 : "";
	if (pm_credentials_find(authfile, &conf.helpers, host, path, &known, NULL) > 0)
		return pm_fail(err, PM_E_STATE, "not logged into %s with the current tool: its "
						"credentials are in another file (docker's?)",
			       key);
	return pm_fail(err, PM_E_UNAUTH, "not logged into %s", key);
}

const struct pm_command pm_cmd_logout = {
	.path = "logout",
	.summary = "Logout of a container registry",
	.synopsis = "[options] [REGISTRY]",
	.text = "Forgets the cached username and password for the registry.",
	.examples = "%p quay.io\n%p --all",
	.max_args = 1,
	.opts_size = sizeof(struct logout_opts),
	.tables = {{logout_table, 0}, {0}},
	.run = logout_run,
};
