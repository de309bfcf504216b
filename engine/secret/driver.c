#include "engine/secret/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

extern char **environ;

void pm_secret_wipe(struct pm_buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	pm_buf_free(b);
}

/* --- programs ------------------------------------------------------------------------------------ */

static int write_and_close(int fd, const struct pm_buf *data, struct pm_err *err)
{
	_cleanup_close_ int own = fd;
	signal(SIGPIPE, SIG_IGN);
	int r = data ? pm_fs_write_all(own, data->data, data->len, err) : 0;
	signal(SIGPIPE, SIG_DFL);
	return r == -EPIPE ? 0 : r; /* it did not want all of it: its exit code tells */
}

/* Run argv with data on its standard input; what it prints is appended to out (NULL: not wanted). */
static int run(char *const *argv, const char *id, const struct pm_buf *data, struct pm_buf *out,
	       struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	_cleanup_close_ int in_r = -1, in_w = -1, out_r = -1, out_w = -1;
	int p[2], status = 0;
	pid_t pid;

	pm_strv_add_all(&env, environ);
	pm_env_set(&env, "SECRET_ID", id);
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");
	in_r = p[0];
	in_w = p[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "pipe");
	out_r = p[0];
	out_w = p[1];
	struct pm_proc_fd fds[] = {{in_r, 0}, {out_w, 1}, {STDERR_FILENO, 2}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = argv[0];
	spec.argv = argv;
	spec.envp = pm_strv_argv(&env);
	spec.fds = fds;
	spec.n_fds = PM_ARRAY_SIZE(fds);
	int r = pm_proc_spawn(&spec, &pid, NULL, err);
	if (r < 0)
		return r;
	close(pm_steal_fd(&in_r));
	close(pm_steal_fd(&out_w));
	/* at most PM_SECRET_MAX: none of these programs answers before it has read its input */
	r = write_and_close(pm_steal_fd(&in_w), data, err);
	_cleanup_secret_ struct pm_buf said = PM_BUF_INIT;
	if (r >= 0)
		r = pm_fs_read_fd(out_r, PM_SECRET_MAX, &said, err);
	close(pm_steal_fd(&out_r));
	int w = pm_proc_wait(pid, &status, err);
	if (r < 0 || w < 0)
		return r < 0 ? r : w;
	if (status != 0)
		return pm_fail(err, EIO, "%s: exit status %d", argv[0], pm_proc_exit_code(status));
	if (out)
		pm_buf_add(out, said.data, said.len);
	return 0;
}

static int shell(const struct pm_secret_place *p, const char *which, const struct pm_buf *data,
		 struct pm_buf *out, struct pm_err *err)
{
	char sh[] = "/bin/sh", c[] = "-c";
	const char *command = pm_json_get_str(p->options, which);
	char *argv[] = {sh, c, (char *)(uintptr_t)(command ? command : "false"), NULL};
	int r = run(argv, p->id, data, out, err);
	return r < 0 ? pm_wrap(err, "secret driver shell: %s", which) : 0;
}

static char *gpg_path(const struct pm_secret_place *p)
{
	return pm_asprintf("%s/%s.gpg", pm_json_get_str(p->options, "root"), p->id);
}

static int gpg(const struct pm_secret_place *p, bool encrypt, const struct pm_buf *data,
	       struct pm_buf *out, struct pm_err *err)
{
	_cleanup_free_ char *program = NULL, *path = gpg_path(p);
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	const char *home = pm_json_get_str(p->options, "gpghomedir");
	const char *key = pm_json_get_str(p->options, "key");
	int r = pm_proc_find("gpg", getenv("PATH"), &program, NULL);
	if (r < 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "secret driver pass: the program gpg was not found: install gnupg");
	pm_strv_add(&argv, program);
	if (home && *home) {
		pm_strv_add(&argv, "--homedir");
		pm_strv_add(&argv, home);
	}
	if (encrypt) {
		pm_strv_add_all(&argv, (char *const[]){(char[]){"--batch"}, (char[]){"--encrypt"},
						       (char[]){"-r"}, NULL});
		pm_strv_add(&argv, key ? key : "");
		pm_strv_add(&argv, "-o");
	} else {
		pm_strv_add(&argv, "--quiet");
		pm_strv_add(&argv, "--decrypt");
	}
	pm_strv_add(&argv, path);
	r = run(argv.v, p->id, data, out, err);
	return r < 0 ? pm_wrap(err, "secret driver pass") : 0;
}

/* --- options ------------------------------------------------------------------------------------- */

struct option {
	const char *name;
	bool required;
};

static const struct option file_options[] = {{"path", true}, {NULL, false}};
static const struct option pass_options[] = {
	{"root", true}, {"key", true}, {"gpghomedir", false}, {NULL, false}};
static const struct option shell_options[] = {
	{"list", true}, {"lookup", true}, {"store", true}, {"delete", true}, {NULL, false}};

static const struct option *options_of(const char *driver)
{
	return pm_streq(driver, "file")	   ? file_options
	       : pm_streq(driver, "pass")  ? pass_options
	       : pm_streq(driver, "shell") ? shell_options
					   : NULL;
}

/* The password store's own default key. */
static void default_key(struct pm_json_pool *pool, struct pm_json *o)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/.gpg-id", pm_json_get_str(o, "root"));
	if (pm_json_get(o, "key") || pm_fs_read_file(AT_FDCWD, path, 4096, &b, NULL) < 0)
		return;
	b.data[strcspn(b.data, "\n")] = '\0';
	pm_json_set_str(pool, o, "key", b.data);
}

static void defaults(struct pm_engine *e, const char *driver, struct pm_json_pool *pool,
		     struct pm_json *o)
{
	if (pm_streq(driver, "file") && !pm_json_get(o, "path")) {
		_cleanup_free_ char *dir = pm_store_path(e->store, "secrets");
		pm_json_set_str(pool, o, "path", dir);
	}
	if (pm_streq(driver, "pass")) {
		const char *store = getenv("PASSWORD_STORE_DIR"), *home = getenv("HOME");
		_cleanup_free_ char *root = store ? pm_strdup(store)
						  : pm_asprintf("%s/.password-store", home ? home : "");
		if (!pm_json_get(o, "root"))
			pm_json_set_str(pool, o, "root", root);
		default_key(pool, o);
	}
}

int pm_secret_options(struct pm_engine *e, const char *driver, const struct pm_strv *given,
		      struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	const struct option *known = options_of(driver);
	struct pm_json *o = pm_json_object(pool);
	o->hint = PM_JSON_MAP;
	if (!known)
		return pm_fail(err, PM_E_USAGE, "invalid driver \"%s\": choose file, pass or shell",
			       driver);
	for (size_t i = 0; given && i < given->n; i++) {
		const char *eq = strchr(given->v[i], '=');
		if (!eq)
			return pm_fail(err, PM_E_USAGE, "%s must be formatted as key=value",
				       given->v[i]);
		_cleanup_free_ char *name = pm_strndup(given->v[i], (size_t)(eq - given->v[i]));
		size_t k = 0;
		while (known[k].name && strcmp(known[k].name, name) != 0)
			k++;
		if (!known[k].name)
			return pm_fail(err, PM_E_USAGE, "invalid option %s of the secret driver %s",
				       name, driver);
		pm_json_set_str(pool, o, name, eq + 1);
	}
	defaults(e, driver, pool, o);
	for (size_t k = 0; known[k].name; k++)
		if (known[k].required && !pm_json_get(o, known[k].name))
			return pm_fail(err, PM_E_USAGE,
				       "missing config value: the secret driver %s needs --driver-opts %s=",
				       driver, known[k].name);
	*ret = o;
	return 0;
}

/* --- the three deeds ----------------------------------------------------------------------------- */

static int open_dir(const struct pm_secret_place *p, bool make, struct pm_err *err)
{
	const char *path = pm_json_get_str(p->options, "path");
	if (make) {
		int r = pm_fs_mkdirs(AT_FDCWD, path, 0700, err);
		if (r < 0)
			return r;
	}
	return pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
}

int pm_secret_store(struct pm_engine *e, const struct pm_secret_place *p, const struct pm_buf *data,
		    struct pm_err *err)
{
	(void)e;
	if (pm_streq(p->driver, "shell"))
		return shell(p, "store", data, NULL, err);
	if (pm_streq(p->driver, "pass")) {
		int r = pm_fs_mkdirs(AT_FDCWD, pm_json_get_str(p->options, "root"), 0700, err);
		return r < 0 ? r : gpg(p, true, data, NULL, err);
	}
	_cleanup_close_ int dir = open_dir(p, true, err);
	return dir < 0 ? dir
		       : pm_fs_write_file(dir, p->id, data->data, data->len, 0600, true, err);
}

int pm_secret_lookup(struct pm_engine *e, const struct pm_secret_place *p, struct pm_buf *out,
		     struct pm_err *err)
{
	(void)e;
	if (pm_streq(p->driver, "shell"))
		return shell(p, "lookup", NULL, out, err);
	if (pm_streq(p->driver, "pass"))
		return gpg(p, false, NULL, out, err);
	_cleanup_close_ int dir = open_dir(p, false, err);
	return dir < 0 ? dir : pm_fs_read_file(dir, p->id, PM_SECRET_MAX, out, err);
}

int pm_secret_forget(struct pm_engine *e, const struct pm_secret_place *p, struct pm_err *err)
{
	(void)e;
	if (pm_streq(p->driver, "shell"))
		return shell(p, "delete", NULL, NULL, err);
	if (pm_streq(p->driver, "pass")) {
		_cleanup_free_ char *path = gpg_path(p);
		return unlink(path) < 0 && errno != ENOENT ? pm_fail_sys(err, "remove %s", path) : 0;
	}
	_cleanup_close_ int dir = open_dir(p, false, NULL);
	if (dir >= 0 && unlinkat(dir, p->id, 0) < 0 && errno != ENOENT)
		return pm_fail_sys(err, "remove the data of secret %s", p->id);
	return 0;
}
