#include "cli/remote_options.h"

#include <string.h>

const struct pm_opt pm_remote_table[] = {
	{"authfile", 0, PM_STRING(struct pm_remote_opts, authfile),
	 "Path of the authentication file for the registry", .complete = PM_COMPLETE_FILE},
	{"cert-dir", 0, PM_STRING(struct pm_remote_opts, cert_dir),
	 "Use certificates at PATH (*.crt, *.cert, *.key) to connect to the registry", .arg = "PATH",
	 .complete = PM_COMPLETE_DIR},
	{"creds", 0, PM_STRING(struct pm_remote_opts, creds),
	 "Use USERNAME[:PASSWORD] for accessing the registry",
	 .arg = "USERNAME[:PASSWORD]"},
	{"no-creds", 0, PM_BOOL(struct pm_remote_opts, no_creds),
	 "Access the registry anonymously"},
	{"password", 0, PM_STRING(struct pm_remote_opts, password),
	 "Password for accessing the registry"},
	{"registry-token", 0, PM_STRING(struct pm_remote_opts, token),
	 "Provide a Bearer token for accessing the registry"},
	{"tls-verify", 0, PM_BOOL(struct pm_remote_opts, tls_verify),
	 "Require HTTPS and verify certificates when talking to the registry", .def = "true"},
	{"username", 0, PM_STRING(struct pm_remote_opts, username),
	 "Username for accessing the registry"},
	{0},
};

const struct pm_opt pm_src_remote_table[] = {
	{"src-authfile", 0, PM_STRING(struct pm_remote_opts, authfile),
	 "Path of the authentication file for the source registry", .complete = PM_COMPLETE_FILE},
	{"src-cert-dir", 0, PM_STRING(struct pm_remote_opts, cert_dir),
	 "Use certificates at PATH (*.crt, *.cert, *.key) to connect to the source registry", .arg = "PATH",
	 .complete = PM_COMPLETE_DIR},
	{"src-creds", 0, PM_STRING(struct pm_remote_opts, creds),
	 "Use USERNAME[:PASSWORD] for accessing the source registry",
	 .arg = "USERNAME[:PASSWORD]"},
	{"src-no-creds", 0, PM_BOOL(struct pm_remote_opts, no_creds),
	 "Access the source registry anonymously"},
	{"src-password", 0, PM_STRING(struct pm_remote_opts, password),
	 "Password for accessing the source registry"},
	{"src-registry-token", 0, PM_STRING(struct pm_remote_opts, token),
	 "Provide a Bearer token for accessing the source registry"},
	{"src-tls-verify", 0, PM_BOOL(struct pm_remote_opts, tls_verify),
	 "Require HTTPS and verify certificates when talking to the source registry", .def = "true"},
	{"src-username", 0, PM_STRING(struct pm_remote_opts, username),
	 "Username for accessing the source registry"},
	{0},
};

const struct pm_opt pm_dest_remote_table[] = {
	{"dest-authfile", 0, PM_STRING(struct pm_remote_opts, authfile),
	 "Path of the authentication file for the destination registry", .complete = PM_COMPLETE_FILE},
	{"dest-cert-dir", 0, PM_STRING(struct pm_remote_opts, cert_dir),
	 "Use certificates at PATH (*.crt, *.cert, *.key) to connect to the destination registry", .arg = "PATH",
	 .complete = PM_COMPLETE_DIR},
	{"dest-creds", 0, PM_STRING(struct pm_remote_opts, creds),
	 "Use USERNAME[:PASSWORD] for accessing the destination registry",
	 .arg = "USERNAME[:PASSWORD]"},
	{"dest-no-creds", 0, PM_BOOL(struct pm_remote_opts, no_creds),
	 "Access the destination registry anonymously"},
	{"dest-password", 0, PM_STRING(struct pm_remote_opts, password),
	 "Password for accessing the destination registry"},
	{"dest-registry-token", 0, PM_STRING(struct pm_remote_opts, token),
	 "Provide a Bearer token for accessing the destination registry"},
	{"dest-tls-verify", 0, PM_BOOL(struct pm_remote_opts, tls_verify),
	 "Require HTTPS and verify certificates when talking to the destination registry", .def = "true"},
	{"dest-username", 0, PM_STRING(struct pm_remote_opts, username),
	 "Username for accessing the destination registry"},
	{0},
};

void pm_remote_wipe(char **buf)
{
	if (*buf)
		explicit_bzero(*buf, strlen(*buf));
	free(*buf);
}

int pm_remote_from(const struct pm_cli *cli, const struct pm_remote_opts *o, const char *prefix,
		   const char *authfile, struct pm_remote *ret, char **ret_buf, struct pm_err *err)
{
	_cleanup_free_ char *verify = pm_asprintf("%stls-verify", prefix);
	struct pm_remote r = PM_REMOTE_INIT;
	r.authfile = o->authfile ? o->authfile : authfile;
	r.creds = o->creds;
	r.token = o->token;
	r.cert_dir = o->cert_dir;
	r.no_creds = o->no_creds;
	if (pm_cli_given(cli, verify))
		r.tls_verify = o->tls_verify;
	if ((o->username == NULL) != (o->password == NULL))
		return pm_fail(err, PM_E_USAGE, "--%susername and --%spassword go together", prefix,
			       prefix);
	if (o->username && (o->creds || o->no_creds))
		return pm_fail(err, PM_E_USAGE, "--%susername cannot be used with --%s%s", prefix,
			       prefix, o->creds ? "creds" : "no-creds");
	if (o->creds && o->no_creds)
		return pm_fail(err, PM_E_USAGE, "creds and no-creds cannot be specified at the same "
						"time");
	if (o->username) {
		if (strchr(o->username, ':'))
			return pm_fail(err, PM_E_USAGE, "a user name cannot hold a colon");
		r.creds = *ret_buf = pm_asprintf("%s:%s", o->username, o->password);
	}
	*ret = r;
	return 0;
}
