#include "engine/network/netfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/network/place.h"
#include "engine/spec/etcfiles.h"

#define FILE_MAX (1 << 20)

/* In place: it is mounted in the container. */
static int rewrite(int fd, const struct pm_buf *text, struct pm_err *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return pm_fail_sys(err, "write a file of the container");
	int r = pm_fs_write_all(fd, text->data, text->len, err);
	if (r >= 0 && ftruncate(fd, (off_t)text->len) < 0)
		r = pm_fail_sys(err, "write a file of the container");
	return r;
}

/* The file's descriptor and text; -ENOENT: this container has none. */
static int open_file(int dir, const char *name, struct pm_buf *text, struct pm_err *err)
{
	_cleanup_close_ int fd = pm_fs_open(dir, name, O_RDWR | O_NOFOLLOW, 0, err);
	if (fd == -ENOENT)
		pm_err_clear(err);
	if (fd < 0)
		return fd;
	int r = pm_fs_read_fd(fd, FILE_MAX, text, err);
	return r < 0 ? r : pm_steal_fd(&fd);
}

static int change_hosts(int dir, const struct pm_container *c, const struct pm_place_files *before,
			const struct pm_place_files *after, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, hostname = PM_BUF_INIT, out = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv drop = PM_STRV_INIT, add = PM_STRV_INIT;
	_cleanup_close_ int fd = open_file(dir, "hosts", &text, err);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	int r = pm_fs_read_file(dir, "hostname", 256, &hostname, err);
	if (r == -ENOENT) { /* --no-hostname */
		pm_err_clear(err);
		pm_buf_printf(&hostname, "%.*s", c->config.hostname ? 64 : PM_SHORT_ID,
			      c->config.hostname ? c->config.hostname : c->row.id);
	} else if (r < 0) {
		return r;
	}
	if (hostname.len && hostname.data[hostname.len - 1] == '\n')
		pm_buf_cut(&hostname, hostname.len - 1);
	_cleanup_free_ char *names = pm_hosts_names(pm_buf_str(&hostname), c->row.name);
	for (size_t i = 0; i < before->addresses.n; i++)
		if (!pm_strv_has(&after->addresses, before->addresses.v[i]))
			pm_strv_add(&drop, before->addresses.v[i]);
	for (size_t i = 0; i < after->addresses.n; i++)
		if (!pm_strv_has(&before->addresses, after->addresses.v[i]))
			pm_strv_add(&add, after->addresses.v[i]);
	pm_hosts_change(pm_buf_str(&text), &drop, &add, names, &out);
	return rewrite(fd, &out, err);
}

static bool resolv_text(struct pm_engine *e, const struct pm_container *c, const struct pm_place_files *f,
			struct pm_buf *out)
{
	const struct pm_spec_env env = {.conf = &e->conf, .netns = PM_SPEC_NETNS_INHERIT,
					.name_servers = &f->servers, .network_dns = f->network_dns};
	return pm_resolv_text(&c->config, &env, out);
}

/* Only a file that is as pm wrote it is pm's to change. */
static int change_resolv(struct pm_engine *e, int dir, const struct pm_container *c,
			 const struct pm_place_files *before, const struct pm_place_files *after,
			 struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, was = PM_BUF_INIT, is = PM_BUF_INIT;
	if (!resolv_text(e, c, before, &was) || !resolv_text(e, c, after, &is))
		return 0;
	_cleanup_close_ int fd = open_file(dir, "resolv.conf", &text, err);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return strcmp(pm_buf_str(&text), pm_buf_str(&was)) == 0 ? rewrite(fd, &is, err) : 0;
}

static int change(struct pm_engine *e, const struct pm_container *c, const char *network, bool joined,
		  struct pm_err *err)
{
	_cleanup_netd_config_ struct pm_netd_config n = {0};
	_cleanup_place_files_ struct pm_place_files with = {0}, without = {0};
	_cleanup_free_ char *path = pm_asprintf("ctr/%s", c->row.id);
	int r = pm_place_plan_again(e, c, &n, err);
	if (r < 0)
		return r;
	pm_place_files(&n, NULL, &with);
	pm_place_files(&n, network, &without);
	_cleanup_close_ int dir = pm_store_run_dir(e->store, path, err);
	r = dir < 0 ? dir : change_hosts(dir, c, joined ? &without : &with, joined ? &with : &without, err);
	if (r >= 0)
		r = change_resolv(e, dir, c, joined ? &without : &with, joined ? &with : &without, err);
	return r < 0 ? pm_wrap(err, "container %s: its hosts and resolv.conf", c->row.name) : 0;
}

int pm_netfiles_joined(struct pm_engine *e, const struct pm_container *c, const char *network,
		       struct pm_err *err)
{
	return change(e, c, network, true, err);
}

int pm_netfiles_left(struct pm_engine *e, const struct pm_container *c, const char *network,
		     struct pm_err *err)
{
	return change(e, c, network, false, err);
}
