#include "registry/cred_helper.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"

enum { OUTPUT_MAX = 1 << 20 };

/* A server name by which a helper knows domain: Docker Hub's is a URL. */
static const char *helper_server(const char *domain)
{
	return strcmp(domain, "docker.io") == 0 ? "https://index.docker.io/v1/" : domain;
}

static int helper_talk(const char *program, const char *verb, const char *input, struct pm_buf *out,
		       int *ret_code, struct pm_err *err)
{
	int from[2];
	/* As a file the request cannot block, and a helper that does not read it is no matter. */
	_cleanup_close_ int in = memfd_create("pm-request", MFD_CLOEXEC);
	if (in < 0)
		return pm_fail_sys(err, "memfd_create");
	int r = pm_fs_write_all(in, input, strlen(input), err);
	if (r < 0)
		return r;
	if (lseek(in, 0, SEEK_SET) < 0)
		return pm_fail_sys(err, "lseek");
	if (pipe2(from, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");
	_cleanup_close_ int out_r = from[0], out_w = from[1];
	char *argv[] = {(char *)program, (char *)verb, NULL};
	struct pm_proc_fd fds[] = {{in, 0}, {out_w, 1}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = program;
	spec.argv = argv;
	spec.fds = fds;
	spec.n_fds = 2;
	spec.death_signal = 9;
	pid_t pid;
	r = pm_proc_spawn(&spec, &pid, NULL, err);
	if (r < 0)
		return r;
	close(pm_steal_fd(&out_w));
	int r2 = pm_fs_read_fd(out_r, OUTPUT_MAX, out, err);
	close(pm_steal_fd(&out_r));
	int status = 0;
	int r3 = pm_proc_wait(pid, &status, r2 < 0 ? NULL : err);
	if (r2 < 0 || r3 < 0)
		return r2 < 0 ? r2 : r3;
	*ret_code = pm_proc_exit_code(status);
	return 0;
}

static int run(const char *name, const char *verb, const char *input, struct pm_buf *out,
	       int *ret_code, struct pm_err *err)
{
	if (!*name || strchr(name, '/'))
		return pm_fail(err, PM_E_FORMAT, "'%.100s' is not a credential helper's name", name);
	_cleanup_free_ char *program = pm_asprintf("docker-credential-%s", name);
	_cleanup_free_ char *path = NULL;
	int r = pm_proc_find(program, getenv("PATH"), &path, err);
	if (r < 0)
		return pm_wrap(err, "find credential helper");
	r = helper_talk(path, verb, input, out, ret_code, err);
	return r < 0 ? pm_wrap(err, "credential helper %s", program) : 0;
}

int pm_cred_helper_get(const char *name, const char *domain, struct pm_credentials *ret,
		       struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int code = 0;
	int r = run(name, "get", helper_server(domain), &out, &code, err);
	if (r < 0)
		return r;
	if (code != 0) {
		/* The protocol's way to say "none" is this text and a non-zero exit code. */
		if (out.data && (strstr(out.data, "credentials not found") ||
				 strstr(out.data, "no credentials server URL")))
			return 0;
		return pm_fail(err, PM_E_UNAUTH, "credential helper %s failed (exit code %d)",
			       name, code);
	}
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	if (pm_json_parse(pool, pm_buf_str(&out), out.len, &root, NULL) < 0)
		return pm_fail(err, PM_E_FORMAT, "credential helper %s: its answer is not JSON",
			       name);
	const char *user = pm_json_get_str(root, "Username");
	const char *secret = pm_json_get_str(root, "Secret");
	if (!user || !secret)
		return 0;
	if (strcmp(user, "<token>") == 0)
		*ret = (struct pm_credentials){.identity_token = pm_strdup(secret)};
	else
		*ret = (struct pm_credentials){.user = pm_strdup(user),
					       .password = pm_strdup(secret)};
	explicit_bzero(out.data, out.len);
	return 1;
}

/* What it prints is meant for the user, but may hold anything: the first line, printable characters only. */
static int failed(const char *name, const char *verb, const struct pm_buf *out, int code,
		  struct pm_err *err)
{
	char line[200];
	size_t n = 0;
	for (const char *s = pm_buf_str(out); *s && *s != '\n' && n + 1 < sizeof(line); s++)
		line[n++] = (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s;
	line[n] = '\0';
	return pm_fail(err, PM_E_UNAUTH, "credential helper %s: %s failed (exit code %d)%s%s", name,
		       verb, code, n ? ": " : "", line);
}

int pm_cred_helper_store(const char *name, const char *domain, const struct pm_credentials *c,
			 struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf in = PM_BUF_INIT, out = PM_BUF_INIT;
	struct pm_json *v = pm_json_object(pool);
	int code = 0;
	pm_json_set_str(pool, v, "ServerURL", helper_server(domain));
	pm_json_set_str(pool, v, "Username", c->user);
	pm_json_set_str(pool, v, "Secret", c->password);
	pm_json_write(v, 0, &in);
	int r = run(name, "store", pm_buf_str(&in), &out, &code, err);
	explicit_bzero(in.data, in.len);
	if (r >= 0 && code != 0)
		r = failed(name, "store", &out, code, err);
	return r;
}

int pm_cred_helper_erase(const char *name, const char *domain, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	int code = 0;
	int r = run(name, "erase", helper_server(domain), &out, &code, err);
	if (r < 0)
		return r;
	if (code != 0 && !(out.data && strstr(out.data, "credentials not found")))
		return failed(name, "erase", &out, code, err);
	return code == 0;
}
