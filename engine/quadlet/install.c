#include "engine/quadlet/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

void pm_quadlet_links_free(struct pm_quadlet_links *links)
{
	for (size_t i = 0; i < links->n; i++) {
		free(links->v[i].path);
		free(links->v[i].target);
	}
	free(links->v);
	*links = (struct pm_quadlet_links){0};
}

static void add_link(struct pm_quadlet_links *links, char *path, char *target)
{
	links->v = pm_reallocarray(links->v, links->n + 1, sizeof(*links->v));
	links->v[links->n++] = (struct pm_quadlet_link){.path = path, .target = target};
}

/* A unit's name: a part of a path, and with an ending. */
static bool is_unit(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && dot != name && dot[1] && !strchr(name, '/') && !strchr(name, '%');
}

void pm_quadlet_links(struct pm_quadlet_set *set, const struct pm_quadlet *q, struct pm_quadlet_links *ret)
{
	static const struct {
		const char *key, *dir;
	} kinds[] = {{"Alias", NULL}, {"WantedBy", "wants"}, {"RequiredBy", "requires"}, {"UpheldBy", "upholds"}};
	const char *at = strchr(q->service, '@');
	const bool template_ = at && at[1] == '.';
	const char *instance = template_ ? pm_unitfile_value(&q->in, "Install", "DefaultInstance") : NULL;
	_cleanup_free_ char *service =
		instance ? pm_asprintf("%.*s@%s.service", (int)(at - q->service), q->service, instance) : pm_strdup(q->service);
	for (size_t k = 0; k < PM_ARRAY_SIZE(kinds); k++) {
		for (const struct pm_unitline *l = NULL; (l = pm_unitfile_next(&q->in, "Install", kinds[k].key, l));) {
			_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
			if (pm_unit_words(l->value, &words, NULL) < 0 || (template_ && !instance))
				continue;
			for (size_t i = 0; i < words.n; i++) {
				if (!is_unit(words.v[i]))
					pm_quadlet_note(set, q, l, false, "%s: %s is no unit", l->key, words.v[i]);
				else if (!kinds[k].dir)
					add_link(ret, pm_strdup(words.v[i]), pm_strdup(q->service));
				else
					add_link(ret, pm_asprintf("%s.%s/%s", words.v[i], kinds[k].dir, service),
						 pm_asprintf("../%s", q->service));
			}
		}
	}
}

void pm_quadlet_text(const struct pm_quadlet *q, struct pm_buf *out)
{
	pm_buf_printf(out, "# made by pm of %s\n\n", q->name);
	pm_unitfile_write(&q->out, out);
}

int pm_quadlet_write(struct pm_quadlet_set *set, const struct pm_quadlet *q, const char *dir, struct pm_err *err)
{
	struct pm_quadlet_links links = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	pm_quadlet_text(q, &text);
	/* the directory is empty and only read when its generators have ended */
	_cleanup_close_ int out = pm_fs_open(fd, q->service, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, err);
	int r = out < 0 ? out : pm_fs_write_all(out, text.data, text.len, err);
	if (r < 0)
		return pm_wrap(err, "write %s/%s", dir, q->service);
	pm_quadlet_links(set, q, &links);
	for (size_t i = 0; i < links.n && r >= 0; i++) {
		const char *path = links.v[i].path, *slash = strchr(path, '/');
		_cleanup_free_ char *parent = slash ? pm_strndup(path, (size_t)(slash - path)) : NULL;
		r = parent ? pm_fs_mkdirs(fd, parent, 0755, err) : 0;
		if (r >= 0 && symlinkat(links.v[i].target, fd, path) < 0 && errno != EEXIST)
			r = pm_fail_sys(err, "link %s/%s", dir, path);
	}
	pm_quadlet_links_free(&links);
	return r;
}
