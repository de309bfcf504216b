#include "engine/build/output.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/container/export.h"
#include "engine/unpack.h"

void pm_build_output_free(struct pm_build_output *o)
{
	free(o->dest);
	*o = (struct pm_build_output){0};
}

static int parse_pairs(const char *text, struct pm_build_output *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	const char *type = NULL;
	pm_strv_split(&parts, text, ',');
	for (size_t i = 0; i < parts.n; i++) {
		char *value = strchr(parts.v[i], '=');
		if (!value)
			return pm_fail(err, PM_E_USAGE, "--output %s: invalid build output options: must be type=TYPE,"
				       "dest=PATH", text);
		*value++ = '\0';
		if (strcmp(parts.v[i], "type") == 0 && !type) {
			type = value;
		} else if (strcmp(parts.v[i], "dest") == 0 && !ret->dest) {
			ret->dest = pm_strdup(value);
		} else {
			return pm_fail(err, PM_E_USAGE, "--output %s: unrecognized or repeated key \"%s\"", text,
				       parts.v[i]);
		}
	}
	if (!type || (strcmp(type, "local") != 0 && strcmp(type, "tar") != 0))
		return pm_fail(err, PM_E_USAGE, "--output %s: invalid type \"%s\": local or tar", text, type ? type : "");
	ret->tar = strcmp(type, "tar") == 0;
	if (!ret->dest || !*ret->dest)
		return pm_fail(err, PM_E_USAGE, "--output %s: missing required key \"dest\"", text);
	if (!ret->tar && strcmp(ret->dest, "-") == 0)
		return pm_fail(err, PM_E_USAGE, "--output %s: only tar goes to standard output", text);
	return 0;
}

int pm_build_output_parse(const char *text, struct pm_build_output *ret, struct pm_err *err)
{
	struct pm_build_output o = {0};
	if (!*text)
		return pm_fail(err, PM_E_USAGE, "--output: no destination");
	if (strchr(text, '=')) {
		int r = parse_pairs(text, &o, err);
		if (r < 0) {
			pm_build_output_free(&o);
			return r;
		}
	} else {
		o.tar = strcmp(text, "-") == 0;
		o.dest = pm_strdup(text);
	}
	*ret = o;
	return 0;
}

static int write_tar(struct pm_engine *e, const char *image_id, const char *dest, struct pm_err *err)
{
	if (strcmp(dest, "-") == 0)
		return pm_image_export(e->store, image_id, STDOUT_FILENO, err);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, dest, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
	return fd < 0 ? fd : pm_image_export(e->store, image_id, fd, err);
}

static int write_dir(struct pm_engine *e, const char *image_id, const char *dest, struct pm_err *err)
{
	struct pm_unpack u = PM_UNPACK_INIT;
	struct pm_unpacker x = PM_UNPACKER_INIT;
	struct pm_err why = PM_ERR_INIT;
	int pipes[2];
	int r = pm_fs_mkdirs(AT_FDCWD, dest, 0755, err);
	if (r < 0)
		return r;
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, dest, O_RDONLY | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	_cleanup_close_ int from = pipes[0], to = pipes[1];
	u.input = from;
	u.dir = dir;
	/* root's copy has the image's owners */
	u.single_id = !pm_proc_for_system();
	u.devices = pm_proc_for_system();
	r = pm_unpack_start(&u, &x, err);
	close(pm_steal_fd(&from));
	if (r >= 0)
		r = pm_image_export(e->store, image_id, to, err);
	close(pm_steal_fd(&to));
	/* why the reader ended says more than that it did */
	int y = pm_unpack_finish(&x, &why);
	return y < 0 ? pm_fail(err, why.code, "%s", why.text) : r;
}

int pm_build_output_write(struct pm_engine *e, const char *image_id, const struct pm_build_output *o,
			  struct pm_err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigaction(SIGPIPE, &ignore, &old);
	int r = o->tar ? write_tar(e, image_id, o->dest, err) : write_dir(e, image_id, o->dest, err);
	sigaction(SIGPIPE, &old, NULL);
	return r < 0 ? pm_wrap(err, "--output %s", o->dest) : 0;
}
