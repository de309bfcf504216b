#include "engine/secret/subscriptions.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"

enum {
	TOTAL_MAX = 4 << 20,
	DEPTH_MAX = 16,
};

void pm_subscriptions_free(struct pm_subscriptions *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].dest);
		free(l->v[i].path);
		pm_buf_free(&l->v[i].data);
	}
	free(l->v);
	*l = (struct pm_subscriptions){0};
}

struct reading {
	struct pm_subscriptions *l;
	const char *dest;
	size_t group, total;
};

static int read_file(struct reading *rd, int dirfd, const char *name, const struct stat *st,
		     const char *path, struct pm_err *err)
{
	struct pm_buf data = PM_BUF_INIT;
	int r = pm_fs_read_file(dirfd, name, TOTAL_MAX - rd->total, &data, err);
	if (r < 0) {
		pm_buf_free(&data);
		return r;
	}
	rd->total += data.len;
	struct pm_subscriptions *l = rd->l;
	l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct pm_subscription){.dest = pm_strdup(rd->dest),
						.group = rd->group,
						.path = pm_strdup(path),
						.data = data,
						.mode = st->st_mode & 0777};
	return 0;
}

static int read_tree(struct reading *rd, int dirfd, const char *name, const char *path, int depth,
		     struct pm_err *err)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, 0) < 0) {
		pm_warn("mounts.conf: %s: %s", name, strerrordesc_np(errno));
		return 0;
	}
	if (S_ISREG(st.st_mode))
		return read_file(rd, dirfd, name, &st, path, err);
	if (!S_ISDIR(st.st_mode) || depth > DEPTH_MAX)
		return 0;
	_cleanup_close_ int fd = pm_fs_open(dirfd, name, O_RDONLY | O_DIRECTORY, 0, err);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = fd < 0 ? fd : pm_fs_list(fd, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *below =
			*path ? pm_asprintf("%s/%s", path, names.v[i]) : pm_strdup(names.v[i]);
		r = read_tree(rd, fd, names.v[i], below, depth + 1, err);
	}
	return r;
}

static int read_line(struct reading *rd, const char *line, struct pm_err *err)
{
	const char *colon = strchr(line, ':');
	_cleanup_free_ char *source =
		colon ? pm_strndup(line, (size_t)(colon - line)) : pm_strdup(line);
	_cleanup_free_ char *dest = pm_path_clean(colon ? colon + 1 : line);
	if (source[0] != '/' || dest[0] != '/' || !dest[1])
		return pm_fail(err, PM_E_USAGE, "mounts.conf: \"%s\" is not SOURCE:DEST with absolute "
						"paths", line);
	rd->dest = dest;
	rd->group++;
	return read_tree(rd, AT_FDCWD, source, "", 0, err);
}

/* 1: it was there. */
static int read_conf(struct reading *rd, const char *path, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, 1 << 20, &b, &why);
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : pm_fail(err, why.code, "%s", why.text);
	pm_strv_split(&lines, pm_buf_str(&b), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");
		line[strcspn(line, " \t\r")] = '\0';
		r = *line && *line != '#' ? read_line(rd, line, err) : 0;
		if (r < 0)
			return r;
	}
	return 1;
}

int pm_subscriptions_read(const char *file, struct pm_subscriptions *l, struct pm_err *err)
{
	struct reading rd = {.l = l};
	if (file && *file) {
		int r = read_conf(&rd, file, err);
		return r == 0 ? pm_fail(err, ENOENT, "--default-mounts-file %s: No such file or directory",
					file)
			      : r < 0 ? r : 0;
	}
	int r = 0;
	if (!pm_proc_for_system()) {
		const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
		_cleanup_free_ char *own =
			config && *config ? pm_asprintf("%s/containers/mounts.conf", config)
					  : pm_asprintf("%s/.config/containers/mounts.conf", home ? home : "");
		r = read_conf(&rd, own, err);
	}
	if (r == 0)
		r = read_conf(&rd, "/etc/containers/mounts.conf", err);
	if (r == 0)
		r = read_conf(&rd, "/usr/share/containers/mounts.conf", err);
	return r < 0 ? r : 0;
}
