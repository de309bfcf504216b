#include "engine/container/top.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "engine/container/procs.h"
#include "engine/spec/caps.h"
#include "engine/spec/user.h"

#define PASSWD_MAX (16 << 20)
#define CMDLINE_MAX (1 << 20)

/* --- descriptors ------------------------------------------------------------------------------ */

struct line {
	const struct view *view;
	pid_t pid;
	struct pm_proc_stat stat;
	const char *status; /* text of /proc/PID/status */
};

/* What one call knows of the container and the host. */
struct view {
	struct pm_buf passwd, group; /* the container's */
	struct pm_buf host_passwd, host_group;
	struct pm_buf uid_map, gid_map; /* of its first process */
	int64_t now, boot_ns;           /* since the epoch, since boot */
};

/* A line of status without its name. */
static const char *status(const struct line *l, const char *name)
{
	const char *p = l->status;
	size_t len = strlen(name);
	for (; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, len) == 0 && p[len] == ':')
			return p + len + 1 + strspn(p + len + 1, " \t");
	}
	return "";
}

/* The k-th number of a line of status: real, effective, saved, file system id. */
static uint32_t status_id(const struct line *l, const char *name, int k)
{
	const char *p = status(l, name);
	char *end;
	unsigned long n = strtoul(p, &end, 10);
	while (k-- > 0)
		n = strtoul(end, &end, 10);
	return (uint32_t)n;
}

/* The container's id of one of ours. */
static uint32_t inside(const struct pm_buf *map, uint32_t id)
{
	const char *p = pm_buf_str(map);
	uint32_t in, out, n;
	int used;
	while (sscanf(p, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %n", &in, &out, &n, &used) == 3) {
		if (id >= out && id - out < n)
			return in + (id - out);
		p += used;
	}
	return map->len ? 65534 : id;
}

static void add_name(const struct pm_buf *file, uint32_t id, struct pm_buf *out)
{
	_cleanup_free_ char *name = pm_spec_name_of(pm_buf_str(file), id);
	if (name)
		pm_buf_add_str(out, name);
	else
		pm_buf_printf(out, "%" PRIu32, id);
}

static void put_user(const struct line *l, struct pm_buf *out)
{
	add_name(&l->view->passwd, inside(&l->view->uid_map, status_id(l, "Uid", 1)), out);
}

static void put_ruser(const struct line *l, struct pm_buf *out)
{
	add_name(&l->view->passwd, inside(&l->view->uid_map, status_id(l, "Uid", 0)), out);
}

static void put_huser(const struct line *l, struct pm_buf *out)
{
	add_name(&l->view->host_passwd, status_id(l, "Uid", 1), out);
}

static void put_group(const struct line *l, struct pm_buf *out)
{
	add_name(&l->view->group, inside(&l->view->gid_map, status_id(l, "Gid", 1)), out);
}

static void put_rgroup(const struct line *l, struct pm_buf *out)
{
	add_name(&l->view->group, inside(&l->view->gid_map, status_id(l, "Gid", 0)), out);
}

static void put_hgroup(const struct line *l, struct pm_buf *out)
{
	add_name(&l->view->host_group, status_id(l, "Gid", 1), out);
}

static void supplementary(const struct line *l, bool host, struct pm_buf *out)
{
	const char *p = status(l, "Groups");
	for (size_t n = 0; *p && *p != '\n'; n++) {
		char *end;
		uint32_t id = (uint32_t)strtoul(p, &end, 10);
		if (end == p)
			break;
		if (n)
			pm_buf_add_char(out, ',');
		if (host)
			add_name(&l->view->host_group, id, out);
		else
			add_name(&l->view->group, inside(&l->view->gid_map, id), out);
		p = end + strspn(end, " ");
	}
}

static void put_groups(const struct line *l, struct pm_buf *out)
{
	supplementary(l, false, out);
}

static void put_hgroups(const struct line *l, struct pm_buf *out)
{
	supplementary(l, true, out);
}

/* The number in the innermost pid namespace, the last one of the line. */
static void inner(const struct line *l, const char *name, struct pm_buf *out)
{
	const char *p = status(l, name), *last = p;
	for (; *p && *p != '\n'; p++)
		if (*p == '\t')
			last = p + 1;
	pm_buf_add(out, last, strcspn(last, "\n"));
}

static void put_pid(const struct line *l, struct pm_buf *out)
{
	inner(l, "NSpid", out);
}

static void put_pgid(const struct line *l, struct pm_buf *out)
{
	inner(l, "NSpgid", out);
}

static void put_hpid(const struct line *l, struct pm_buf *out)
{
	pm_buf_printf(out, "%d", (int)l->pid);
}

static size_t depth(const struct line *l)
{
	size_t n = 1;
	for (const char *p = status(l, "NSpid"); *p && *p != '\n'; p++)
		n += *p == '\t';
	return n;
}

/* 0 for a parent outside of the container, as a process in there sees it. */
static void put_ppid(const struct line *l, struct pm_buf *out)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct line parent = *l;
	snprintf(path, sizeof(path), "/proc/%d/status", l->stat.ppid);
	if (l->stat.ppid > 0 && pm_fs_read_file(AT_FDCWD, path, 1 << 16, &b, NULL) >= 0) {
		parent.status = pm_buf_str(&b);
		if (depth(&parent) == depth(l)) {
			inner(&parent, "NSpid", out);
			return;
		}
	}
	pm_buf_add_char(out, '0');
}

static void put_args(const struct line *l, struct pm_buf *out)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)l->pid);
	if (pm_fs_read_file(AT_FDCWD, path, CMDLINE_MAX, &b, NULL) < 0 || b.len == 0) {
		pm_buf_printf(out, "[%s]", l->stat.comm);
		return;
	}
	while (b.len && !b.data[b.len - 1])
		b.len--;
	/* cells end at a tab, lines at a newline */
	for (size_t i = 0; i < b.len; i++)
		pm_buf_add_char(out, b.data[i] && b.data[i] != '\t' && b.data[i] != '\n' ? b.data[i]
											 : ' ');
}

static void put_comm(const struct line *l, struct pm_buf *out)
{
	pm_buf_add_str(out, l->stat.comm);
}

static int64_t elapsed(const struct line *l)
{
	int64_t ns = l->view->boot_ns - (int64_t)(l->stat.start * (PM_NS_PER_SEC / PM_PROC_HZ));
	return ns > 0 ? ns : 0;
}

static void put_etime(const struct line *l, struct pm_buf *out)
{
	char buf[PM_TIME_SIZE];
	pm_buf_add_str(out, pm_duration_go(elapsed(l), buf));
}

static void put_stime(const struct line *l, struct pm_buf *out)
{
	char buf[PM_TIME_SIZE];
	int64_t at = l->view->now - elapsed(l);
	pm_buf_add_str(out, pm_time_go_local(at - at % PM_NS_PER_SEC, buf));
}

static void put_time(const struct line *l, struct pm_buf *out)
{
	char buf[PM_TIME_SIZE];
	int64_t seconds = (int64_t)((l->stat.utime + l->stat.stime) / PM_PROC_HZ);
	pm_buf_add_str(out, pm_duration_go(seconds * PM_NS_PER_SEC, buf));
}

static void put_pcpu(const struct line *l, struct pm_buf *out)
{
	double used = (double)(l->stat.utime + l->stat.stime) / PM_PROC_HZ;
	double lived = (double)elapsed(l) / (double)PM_NS_PER_SEC;
	pm_buf_printf(out, "%.3f", lived > 0 ? used * 100 / lived : 0.0);
}

static void put_tty(const struct line *l, struct pm_buf *out)
{
	unsigned int major = (unsigned int)l->stat.tty >> 8 & 0xfff;
	unsigned int minor =
		((unsigned int)l->stat.tty & 0xff) | ((unsigned int)l->stat.tty >> 12 & 0xfff00);
	/* Documentation/admin-guide/devices.txt: 136 to 143 are Unix98's, 4 is consoles and
	 * serial lines */
	if (major >= 136 && major <= 143)
		pm_buf_printf(out, "pts/%u", minor + (major - 136) * 256);
	else if (major == 4)
		pm_buf_printf(out, minor < 64 ? "tty%u" : "ttyS%u",
			      minor < 64 ? minor : minor - 64);
	else
		pm_buf_add_char(out, '?');
}

static void put_nice(const struct line *l, struct pm_buf *out)
{
	pm_buf_printf(out, "%d", l->stat.nice);
}

static void put_rss(const struct line *l, struct pm_buf *out)
{
	pm_buf_printf(out, "%" PRId64, l->stat.rss * (sysconf(_SC_PAGESIZE) / 1024));
}

static void put_vsz(const struct line *l, struct pm_buf *out)
{
	pm_buf_printf(out, "%" PRIu64, l->stat.vsize / 1024);
}

static void put_state(const struct line *l, struct pm_buf *out)
{
	pm_buf_add_char(out, l->stat.state);
}

static void put_seccomp(const struct line *l, struct pm_buf *out)
{
	static const char *const modes[] = {"disabled", "strict", "filter"};
	uint32_t n = status_id(l, "Seccomp", 0);
	pm_buf_add_str(out, n < PM_ARRAY_SIZE(modes) ? modes[n] : "unknown");
}

static void put_label(const struct line *l, struct pm_buf *out)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/attr/current", (int)l->pid);
	if (pm_fs_read_file(AT_FDCWD, path, 4096, &b, NULL) < 0)
		pm_buf_cut(&b, 0);
	size_t len = b.len ? strcspn(pm_buf_str(&b), "\n") : 0;
	pm_buf_add(out, len ? b.data : "?", len ? len : 1);
}

static void caps(const struct line *l, const char *name, struct pm_buf *out)
{
	uint64_t mask = strtoull(status(l, name), NULL, 16);
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_caps_names(mask, &words);
	if (!mask || (mask & pm_caps_all()) == pm_caps_all()) {
		pm_buf_add_str(out, mask ? "full" : "none");
		return;
	}
	for (size_t i = 0; i < words.n; i++)
		pm_buf_printf(out, "%s%s", i ? "," : "", words.v[i] + strlen("CAP_"));
}

static void put_capamb(const struct line *l, struct pm_buf *out)
{
	caps(l, "CapAmb", out);
}

static void put_capbnd(const struct line *l, struct pm_buf *out)
{
	caps(l, "CapBnd", out);
}

static void put_capeff(const struct line *l, struct pm_buf *out)
{
	caps(l, "CapEff", out);
}

static void put_capinh(const struct line *l, struct pm_buf *out)
{
	caps(l, "CapInh", out);
}

static void put_capprm(const struct line *l, struct pm_buf *out)
{
	caps(l, "CapPrm", out);
}

/* Sorted by name. AIX's codes are psgo's, in which u and U, g and G are the other way round than
 * in ps(1). ps: the names by which ps -o calls it. */
static const struct desc {
	const char *name, *heading;
	char aix;
	const char *ps;
	void (*put)(const struct line *l, struct pm_buf *out);
} descs[] = {
	{"args", "COMMAND", 'a', "cmd command", put_args},
	{"capamb", "AMBIENT CAPS", 0, "", put_capamb},
	{"capbnd", "BOUNDING CAPS", 0, "", put_capbnd},
	{"capeff", "EFFECTIVE CAPS", 0, "", put_capeff},
	{"capinh", "INHERITED CAPS", 0, "", put_capinh},
	{"capprm", "PERMITTED CAPS", 0, "", put_capprm},
	{"comm", "COMMAND", 'c', "ucmd ucomm", put_comm},
	{"etime", "ELAPSED", 't', "", put_etime},
	{"group", "GROUP", 'G', "egroup", put_group},
	{"groups", "GROUPS", 0, "supgrp", put_groups},
	{"hgroup", "HGROUP", 0, "", put_hgroup},
	{"hgroups", "HGROUPS", 0, "", put_hgroups},
	{"hpid", "HPID", 0, "", put_hpid},
	{"huser", "HUSER", 0, "", put_huser},
	{"label", "LABEL", 0, "context", put_label},
	{"nice", "NI", 'n', "ni", put_nice},
	{"pcpu", "%CPU", 'C', "%cpu c", put_pcpu},
	{"pgid", "PGID", 'r', "pgrp", put_pgid},
	{"pid", "PID", 'p', "tgid", put_pid},
	{"ppid", "PPID", 'P', "", put_ppid},
	{"rgroup", "RGROUP", 'g', "", put_rgroup},
	{"rss", "RSS", 0, "rssize rsz", put_rss},
	{"ruser", "RUSER", 'u', "", put_ruser},
	{"seccomp", "SECCOMP", 0, "", put_seccomp},
	{"state", "STATE", 0, "s stat", put_state},
	{"stime", "STIME", 0, "start start_time lstart", put_stime},
	{"time", "TIME", 'x', "cputime", put_time},
	{"tty", "TTY", 'y', "tt tname", put_tty},
	{"user", "USER", 'U', "euser uname", put_user},
	{"vsz", "VSZ", 'z', "vsize", put_vsz},
};

const char *pm_top_name(size_t i)
{
	return i < PM_ARRAY_SIZE(descs) ? descs[i].name : NULL;
}

/* --- arguments -------------------------------------------------------------------------------- */

/* Is word one of the words in list? */
static bool listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = list; (p = strstr(p, word)); p++)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return len > 0;
	return false;
}

static const struct desc *find(const char *word, bool ps)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(descs); i++) {
		const struct desc *d = &descs[i];
		if (strcmp(word, d->name) == 0 || (ps && listed(d->ps, word)) ||
		    (word[0] == '%' && word[1] && word[1] == d->aix && !word[2]))
			return d;
	}
	return NULL;
}

static int add_list(const char *list, bool ps, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_strv_split(&words, list, ',');
	for (size_t i = 0; i < words.n; i++) {
		const struct desc *d = find(words.v[i], ps);
		if (!d)
			return pm_fail(err, PM_E_USAGE,
				       "unknown descriptor '%s': see pm-top(1) for those there are",
				       words.v[i]);
		pm_strv_add(ret, d->name);
	}
	return 0;
}

/* One word of ps's own: a set of letters, of which "o" takes the list that follows. */
static int ps_word(const char *word, const struct pm_strv *args, size_t *i, bool *ret_full,
		   bool *ret_bsd, struct pm_strv *ret, struct pm_err *err)
{
	static const char harmless[] = "eAaxdwH";
	const char *p = word + (word[0] == '-');
	for (; *p; p++) {
		if (*p == 'f' || *p == 'F') {
			*ret_full = true;
		} else if (*p == 'u' && word[0] != '-') {
			*ret_bsd = true;
		} else if (*p == 'o') {
			const char *list = p[1] ? p + 1 : *i + 1 < args->n ? args->v[++*i] : NULL;
			return list ? add_list(list, true, ret, err)
				    : pm_fail(err, PM_E_USAGE, "ps argument %s: a list must follow",
					      word);
		} else if (!strchr(harmless, *p)) {
			return pm_fail(
				err, PM_E_UNSUPPORTED,
				"ps argument '%s' is not supported: pm runs no ps in the "
				"container; "
				"choose format descriptors of pm-top(1), -ef, aux or -o LIST",
				word);
		}
	}
	return 0;
}

static bool is_ps_word(const char *word)
{
	if (word[0] == '-')
		return true;
	return *word && strspn(word, "aux") == strlen(word);
}

int pm_top_parse(const struct pm_strv *args, struct pm_strv *ret, struct pm_err *err)
{
	bool full = false, bsd = false;
	int r = 0;
	for (size_t i = 0; i < args->n && r >= 0; i++)
		r = is_ps_word(args->v[i]) ? ps_word(args->v[i], args, &i, &full, &bsd, ret, err)
					   : add_list(args->v[i], false, ret, err);
	if (r < 0 || ret->n)
		return r;
	return add_list(bsd    ? "user,pid,pcpu,vsz,rss,tty,state,stime,time,args"
			: full ? "user,pid,ppid,pcpu,stime,tty,time,args"
			       : "user,pid,ppid,pcpu,etime,tty,time,args",
			false, ret, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void read_map(pid_t pid, const char *file, struct pm_buf *out)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	if (pm_fs_read_file(AT_FDCWD, path, 1 << 16, out, NULL) < 0)
		pm_buf_cut(out, 0);
}

static void view_open(pid_t pid, struct view *v)
{
	struct timespec boot;
	char path[64];
	clock_gettime(CLOCK_BOOTTIME, &boot);
	v->boot_ns = (int64_t)boot.tv_sec * PM_NS_PER_SEC + boot.tv_nsec;
	v->now = pm_time_now();
	read_map(pid, "uid_map", &v->uid_map);
	read_map(pid, "gid_map", &v->gid_map);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	_cleanup_close_ int root = pm_fs_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, NULL);
	/* what cannot be read is shown as numbers */
	if (root >= 0) {
		pm_fs_read_in(root, "/etc/passwd", PASSWD_MAX, &v->passwd, NULL);
		pm_fs_read_in(root, "/etc/group", PASSWD_MAX, &v->group, NULL);
	}
	pm_fs_read_file(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &v->host_passwd, NULL);
	pm_fs_read_file(AT_FDCWD, "/etc/group", PASSWD_MAX, &v->host_group, NULL);
}

static void view_free(struct view *v)
{
	struct pm_buf *const all[] = {&v->passwd,     &v->group,   &v->host_passwd,
				      &v->host_group, &v->uid_map, &v->gid_map};
	for (size_t i = 0; i < PM_ARRAY_SIZE(all); i++)
		pm_buf_free(all[i]);
}

static void put_line(const struct view *v, pid_t pid, const struct pm_strv *names,
		     struct pm_buf *out)
{
	struct line l = {.view = v, .pid = pid};
	char path[64];
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!pm_proc_stat(pid, &l.stat) ||
	    pm_fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return; /* it has just ended */
	l.status = pm_buf_str(&text);
	for (size_t k = 0; k < names->n; k++) {
		if (k)
			pm_buf_add_char(out, '\t');
		find(names->v[k], false)->put(&l, out);
	}
	pm_buf_add_char(out, '\n');
}

int pm_container_top(struct pm_engine *e, const struct pm_container *c, const struct pm_strv *args,
		     struct pm_buf *out, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_procs_ struct pm_procs procs = {0};
	_cleanup_buf_ struct pm_buf pids = PM_BUF_INIT;
	struct view v = {0};
	(void)e;
	int r = pm_top_parse(args, &names, err);
	if (r < 0)
		return r;
	if (!pm_ctr_is_up(&c->state))
		return pm_fail(err, PM_E_STATE, "top can only be used on running containers");

	pm_procs_of(&procs, c->row.id, c->state.pid, &pids);
	view_open(c->state.pid, &v);
	for (size_t k = 0; k < names.n; k++)
		pm_buf_printf(out, "%s%s", k ? "\t" : "", find(names.v[k], false)->heading);
	pm_buf_add_char(out, '\n');
	for (size_t i = 0; i < pids.len / sizeof(pid_t); i++)
		put_line(&v, ((const pid_t *)(const void *)pids.data)[i], &names, out);
	view_free(&v);
	return 0;
}
