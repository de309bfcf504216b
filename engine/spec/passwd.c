#include "engine/spec/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

#define MAX_FILE (16 << 20)

/* One of the two files: what the container has, and what is to be added. */
struct file {
	const char *path;
	struct pm_buf text, more;
	bool there;
};

static void load(const struct pm_gen *g, struct file *f)
{
	struct pm_err why = PM_ERR_INIT;
	for (size_t i = 0; i < g->c->n_mounts; i++)
		if (pm_streq(g->c->mounts[i].dest, f->path) || pm_streq(g->c->mounts[i].dest, "/etc"))
			return; /* not the image's */
	int r = pm_rootfs_read(g->env->view, f->path, MAX_FILE, &f->text, &why);
	if (r < 0 && r != -ENOENT)
		pm_debug("%s: no entry is added", why.text);
	f->there = r >= 0 && !(f->text.len && memchr(f->text.data, 0, f->text.len));
}

/* text with $NAME replaced; a name runs as far as it is known, longest first. */
static void fill(const char *text, const struct pm_passwd_var *vars, size_t n, struct pm_buf *out)
{
	while (*text) {
		size_t i = 0;
		while (i < n && !(text[0] == '$' && pm_startswith(text + 1, vars[i].name)))
			i++;
		if (i < n) {
			pm_buf_add_str(out, vars[i].value);
			text += 1 + strlen(vars[i].name);
		} else {
			pm_buf_add_char(out, *text++);
		}
	}
}

int pm_passwd_entry(const char *text, const struct pm_passwd_var *vars, size_t n,
		    struct pm_buf *out, struct pm_err *err)
{
	size_t start = out->len;
	fill(text, vars, n, out);
	const char *line = pm_buf_str(out) + start;
	size_t len = strlen(line);
	if (len > 0 && line[len - 1] == '\n')
		pm_buf_cut(out, out->len - 1);
	if (strchr(pm_buf_str(out) + start, '\n'))
		return pm_fail(err, PM_E_USAGE, "an entry of /etc/passwd or /etc/group is one line");
	pm_buf_add_char(out, '\n');
	return 0;
}

/* A field may hold neither what ends it nor what ends the entry. */
static const char *field(const char *s)
{
	return s && !strpbrk(s, ":\n") ? s : "";
}

static int add_user(const struct pm_gen *g, struct file *f, const char *name, const char *gecos,
		    uint32_t uid, uint32_t gid, const char *home, struct pm_err *err)
{
	char id[16], group[16];
	snprintf(id, sizeof(id), "%u", uid);
	snprintf(group, sizeof(group), "%u", gid);
	const struct pm_passwd_var vars[] = {
		{"USERNAME", field(name)}, {"UID", id},		  {"GID", group},
		{"NAME", field(gecos)},	   {"HOME", field(home)},
	};
	return pm_passwd_entry(g->c->passwd_entry ? g->c->passwd_entry
						  : "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh",
			       vars, PM_ARRAY_SIZE(vars), &f->more, err);
}

static int add_group(const struct pm_gen *g, struct file *f, const char *name, uint32_t gid,
		     const char *members, struct pm_err *err)
{
	char id[16];
	snprintf(id, sizeof(id), "%u", gid);
	const struct pm_passwd_var vars[] = {
		{"GROUPNAME", field(name)}, {"GID", id}, {"USERLIST", field(members)}};
	return pm_passwd_entry(g->c->group_entry ? g->c->group_entry : "$GROUPNAME:x:$GID:$USERLIST",
			       vars, PM_ARRAY_SIZE(vars), &f->more, err);
}

/* The home of a user of the host: its own where that is mounted, else the working directory. */
static const char *home_of(const struct pm_gen *g, const char *home)
{
	for (size_t i = 0; home && i < g->c->n_mounts; i++)
		if (pm_streq(g->c->mounts[i].dest, home))
			return home;
	return g->c->workdir && *g->c->workdir ? g->c->workdir : "/";
}

static int host_users(const struct pm_gen *g, struct file *passwd, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf host = PM_BUF_INIT;
	int r = 0;
	if (g->c->hostusers.n)
		r = pm_fs_read_file(AT_FDCWD, "/etc/passwd", MAX_FILE, &host, err);
	for (size_t i = 0; i < g->c->hostusers.n && r >= 0; i++) {
		_cleanup_spec_user_ struct pm_spec_user u = {0}, have = {0};
		const char *name = g->c->hostusers.v[i];
		uint32_t uid = 0;
		bool number = pm_spec_parse_id(name, &uid);
		if (!pm_spec_user_find(&host, name, uid, number, &u))
			return pm_fail(err, PM_E_USAGE, "--hostuser: unknown user %s", name);
		if (!pm_spec_user_find(&passwd->text, u.name, 0, false, &have))
			r = add_user(g, passwd, u.name, u.gecos, u.uid, u.gid, home_of(g, u.home), err);
	}
	return r;
}

/* --userns=keep-id: the user is known by its name of the host. */
static int current_user(const struct pm_gen *g, struct file *passwd, struct file *group,
			struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf host = PM_BUF_INIT;
	_cleanup_spec_user_ struct pm_spec_user u = {0}, have = {0};
	uint32_t gid;
	if (!g->env->keep_id || g->env->keep_uid == 0)
		return 0;
	pm_fs_read_file(AT_FDCWD, "/etc/passwd", MAX_FILE, &host, NULL);
	if (!pm_spec_user_find(&host, NULL, getuid(), true, &u))
		u.name = pm_asprintf("%u", g->env->keep_uid);
	int r = 0;
	if (passwd->there && !pm_spec_user_find(&passwd->text, u.name, g->env->keep_uid, true, &have))
		r = add_user(g, passwd, u.name, u.gecos, g->env->keep_uid, g->env->keep_gid,
			     home_of(g, u.home), err);
	if (r >= 0 && group->there && !pm_spec_group_find(&group->text, u.name, &gid) &&
	    !pm_spec_group_has(&group->text, g->env->keep_gid))
		r = add_group(g, group, u.name, g->env->keep_gid, u.name, err);
	return r;
}

/* --user with a number that the container's files do not know. */
static int container_user(const struct pm_gen *g, struct file *passwd, struct file *group,
			  struct pm_err *err)
{
	_cleanup_free_ char *words = pm_strdup(g->c->user ? g->c->user : "");
	char *colon = strchr(words, ':'), name[16];
	uint32_t uid, gid;
	if (colon)
		*colon++ = '\0';
	bool number = pm_spec_parse_id(words, &uid);
	snprintf(name, sizeof(name), "%u", g->user.uid);
	bool listed = g->user.name || (g->env->keep_id && g->user.uid == g->env->keep_uid);
	int r = 0;
	if (passwd->there && number && !listed && g->user.uid != 0)
		r = add_user(g, passwd, name, "container user", g->user.uid, g->user.gid,
			     g->c->workdir && *g->c->workdir ? g->c->workdir : "/", err);
	if (r >= 0 && group->there && pm_spec_parse_id(colon && *colon ? colon : words, &gid) &&
	    gid != 0 && !pm_spec_group_has(&group->text, gid) &&
	    !(g->env->keep_id && gid == g->env->keep_gid)) {
		char number_text[16];
		snprintf(number_text, sizeof(number_text), "%u", gid);
		r = add_group(g, group, number_text, gid, g->user.name ? g->user.name : name, err);
	}
	return r;
}

static void plan(struct pm_gen *g, struct file *f)
{
	struct pm_spec_plan *p = g->plan;
	if (!f->there || !f->more.len)
		return;
	bool line = !f->text.len || f->text.data[f->text.len - 1] == '\n';
	p->appends = pm_reallocarray(p->appends, p->n_appends + 1, sizeof(*p->appends));
	p->appends[p->n_appends++] = (struct pm_spec_append){
		.path = pm_strdup(f->path),
		.text = pm_asprintf("%s%s", line ? "" : "\n", pm_buf_str(&f->more))};
}

int pm_gen_passwd(struct pm_gen *g, struct pm_err *err)
{
	struct file passwd = {.path = "/etc/passwd"}, group = {.path = "/etc/group"};
	/* most containers: root, and nobody else */
	if (g->c->passwd_off ||
	    (g->root_user && !(g->c->user && strchr(g->c->user, ':')) && !g->c->hostusers.n && !g->env->keep_id))
		return 0;
	load(g, &passwd);
	load(g, &group);
	int r = host_users(g, &passwd, err);
	if (r >= 0)
		r = current_user(g, &passwd, &group, err);
	if (r >= 0)
		r = container_user(g, &passwd, &group, err);
	if (r >= 0) {
		plan(g, &passwd);
		plan(g, &group);
	}
	pm_buf_free(&passwd.text);
	pm_buf_free(&passwd.more);
	pm_buf_free(&group.text);
	pm_buf_free(&group.more);
	return r;
}
