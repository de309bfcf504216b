#include "engine/container/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/proc.h"
#include "engine/container/bundle.h"
#include "engine/container/create.h"
#include "engine/spec/user.h"
#include "netns/idmap.h"
#include "netns/subid.h"
#include "storage/image.h"
#include "storage/idmapped.h"
#include "storage/stage.h"
#include "storage/vfs.h"

#define AUTO_MIN_SIZE 1024
#define AUTO_USER "containers" /* whose ranges root takes */
#define MAX_FILE (16 << 20)

/* --- words of --userns -------------------------------------------------------------------------- */

struct words {
	const char *mode; /* up to the colon; NULL: none */
	uint32_t uid, gid, size;
	bool has_uid, has_gid, has_size;
	struct pm_strv uids, gids; /* uidmapping=, gidmapping= */
};

static void words_free(struct words *w)
{
	pm_strv_free(&w->uids);
	pm_strv_free(&w->gids);
}

static int word(struct words *w, const char *text, const char *opt, struct pm_err *err)
{
	bool keep = strcmp(w->mode, "keep-id") == 0;
	const char *value = strchr(opt, '=');
	_cleanup_free_ char *name = value ? pm_strndup(opt, (size_t)(value - opt)) : pm_strdup(opt);
	value = value ? value + 1 : "";
	if (keep && strcmp(name, "uid") == 0)
		w->has_uid = pm_spec_parse_id(value, &w->uid);
	else if (keep && strcmp(name, "gid") == 0)
		w->has_gid = pm_spec_parse_id(value, &w->gid);
	else if (strcmp(name, "size") == 0)
		w->has_size = pm_spec_parse_id(value, &w->size) && (w->size > 0 || !keep);
	else if (!keep && strcmp(name, "uidmapping") == 0)
		pm_strv_add(&w->uids, value);
	else if (!keep && strcmp(name, "gidmapping") == 0)
		pm_strv_add(&w->gids, value);
	else
		return pm_fail(err, PM_E_USAGE, "--userns %s: unknown option specified: \"%s\"", text, opt);
	if ((strcmp(name, "uid") == 0 && !w->has_uid) || (strcmp(name, "gid") == 0 && !w->has_gid) ||
	    (strcmp(name, "size") == 0 && !w->has_size))
		return pm_fail(err, PM_E_USAGE, "--userns %s: invalid number \"%s\"", text, value);
	if (w->has_size && !w->size) /* auto:size=0: as many as the image needs */
		w->has_size = false;
	return 0;
}

/* The modes with a colon of their own: the rest is a name or a path. */
static bool names_other(const char *text)
{
	return pm_startswith(text, "container:") || pm_startswith(text, "ns:");
}

static int parse(const char *text, struct words *w, struct pm_err *err)
{
	static const char *const plain[] = {"host", "private", "nomap", "keep-id", "auto", NULL};
	static const char *const with_options[] = {"keep-id", "auto", NULL};
	*w = (struct words){0};
	if (!text || !*text)
		return 0;
	if (names_other(text)) {
		const char *rest = strchr(text, ':') + 1;
		if (!*rest || (text[0] == 'n' && *rest != '/'))
			return pm_fail(err, PM_E_USAGE, "--userns %s: must name a container or give an "
							"absolute path", text);
		return 0;
	}
	size_t n = strcspn(text, ":");
	for (const char *const *p = plain; *p; p++)
		if (strlen(*p) == n && strncmp(text, *p, n) == 0)
			w->mode = *p;
	if (!w->mode || (text[n] && !pm_str_in(w->mode, with_options)))
		return pm_fail(err, PM_E_USAGE, "--userns: unrecognized namespace mode %s passed", text);
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	if (text[n])
		pm_strv_split(&l, text + n + 1, ',');
	int r = 0;
	for (size_t i = 0; i < l.n && r >= 0; i++)
		r = word(w, text, l.v[i], err);
	if (r < 0)
		words_free(w);
	return r;
}

int pm_ctr_userns_check(const char *mode, struct pm_err *err)
{
	struct words w;
	int r = parse(mode, &w, err);
	if (r >= 0)
		words_free(&w);
	return r;
}

/* --- the parent's ids ----------------------------------------------------------------------------- */

struct parent {
	bool rootless;
	struct pm_idmap uids, gids; /* rootless: of the namespace that monitors share */
	uint32_t n_uids, n_gids;    /* how many ids it has */
};

#define _cleanup_parent_ _cleanup_(parent_free)

static void parent_free(struct parent *p)
{
	pm_idmap_free(&p->uids);
	pm_idmap_free(&p->gids);
}

static uint32_t take_ranges(struct pm_idmap *to, const struct pm_idrange *v, size_t n)
{
	uint32_t total = 0;
	for (size_t i = 0; i < n; i++) {
		pm_idmap_add(to, v[i].container, v[i].host, v[i].length);
		total += v[i].length;
	}
	return total;
}

static int parent_get(struct parent *p, struct pm_err *err)
{
	p->rootless = pm_userns_needed();
	if (!p->rootless)
		return 0;
	_cleanup_userns_map_ struct pm_userns_map m = PM_USERNS_MAP_INIT;
	int r = pm_userns_default_map(&m, err);
	if (r < 0)
		return r;
	p->n_uids = take_ranges(&p->uids, m.uids, m.n_uids);
	p->n_gids = take_ranges(&p->gids, m.gids, m.n_gids);
	return 0;
}

static const struct pm_idmap *base(const struct parent *p, char kind)
{
	return !p->rootless ? NULL : kind == 'u' ? &p->uids : &p->gids;
}

/* The ranges of name in /etc/subuid or subgid, as ids of the parent: container ids from 0 on. */
static int named_ranges(const struct parent *p, const char *name, char kind, struct pm_idmap *ret,
			struct pm_err *err)
{
	_cleanup_subid_ struct pm_subid s = PM_SUBID_INIT;
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	const char *file = kind == 'u' ? PM_SUBUID_FILE : PM_SUBGID_FILE;
	uint32_t next = 0;
	int r = pm_subid_read(file, (uid_t)-1, name, &s, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n; i++) {
		pm_strv_addf(&options, "%u:@%u:%u", next, s.v[i].start, s.v[i].count);
		next += s.v[i].count;
	}
	if (s.n == 0)
		return pm_fail(err, PM_E_USAGE, "no sub%cid ranges found for user \"%s\" in %s", kind, name,
			       file);
	return pm_idmap_from_options(&options, base(p, kind), ret, err);
}

/* --- the maps of the modes ---------------------------------------------------------------------- */

static void options_of(const struct pm_ctr_config *k, char kind, struct pm_strv *ret)
{
	for (size_t i = 0; i < k->uid_map.n; i++)
		if (pm_idmap_option_is(k->uid_map.v[i], kind, kind == 'u' || !k->gid_map.n))
			pm_strv_add(ret, k->uid_map.v[i]);
	for (size_t i = 0; i < k->gid_map.n; i++)
		if (pm_idmap_option_is(k->gid_map.v[i], kind, kind == 'g' || !k->uid_map.n))
			pm_strv_add(ret, k->gid_map.v[i]);
}

static int from_options(const struct pm_ctr_config *k, const struct parent *p, char kind,
			struct pm_idmap *ret, struct pm_err *err)
{
	const char *own = kind == 'u' ? k->subuidname : k->subgidname;
	const char *other = kind == 'u' ? k->subgidname : k->subuidname;
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	options_of(k, kind, &options);
	if (options.n)
		return pm_idmap_from_options(&options, base(p, kind), ret, err);
	return named_ranges(p, own ? own : other, kind, ret, err);
}

/* Highest id that the image knows by name; ids beyond auto's default size make it larger. */
static int image_max_id(struct pm_engine *e, const struct pm_container *c, uint32_t *ret,
			struct pm_err *err)
{
	static const char *const files[] = {"/etc/passwd", "/etc/group"};
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	int r = pm_container_lowers(e, c, &lowers, err);
	if (r < 0)
		return r;
	int *fds = pm_calloc(lowers.n + 1, sizeof(*fds));
	size_t n = 0;
	for (size_t i = lowers.n; i > 0 && r >= 0; i--) {
		r = pm_fs_open(AT_FDCWD, lowers.v[i - 1], O_PATH | O_DIRECTORY, 0, err);
		if (r >= 0)
			fds[n++] = r;
	}
	struct pm_rootfs_view view = {.dirs = fds, .n_dirs = n};
	for (size_t i = 0; i < PM_ARRAY_SIZE(files) && r >= 0; i++) {
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		if (pm_rootfs_read(&view, files[i], MAX_FILE, &text, NULL) < 0)
			continue;
		uint32_t id = pm_spec_max_id(pm_buf_str(&text));
		*ret = id > *ret ? id : *ret;
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	return r < 0 ? r : 0;
}

/* The parent's ids that other containers with auto have. */
static int used_by_auto(struct pm_engine *e, struct pm_idmap *uids, struct pm_idmap *gids,
			struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	int r = pm_ctr_list(e->store, PM_CTR_CONFIG | PM_CTR_EXTERNAL, &l, err);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		_cleanup_ctr_config_ struct pm_ctr_config k;
		struct pm_json *doc;
		pm_ctr_config_init(&k);
		if (!memmem(l.v[i].config, l.v[i].config_len, "\"auto", 5) ||
		    pm_json_parse(pool, l.v[i].config, l.v[i].config_len, &doc, NULL) < 0 ||
		    pm_ctr_config_from_json(doc, &k, NULL) < 0 || !k.userns ||
		    !pm_startswith(k.userns, "auto"))
			continue;
		r = pm_idmap_decode(&k.id_uids, uids, err);
		if (r >= 0)
			r = pm_idmap_decode(&k.id_gids, gids, err);
	}
	return r;
}

/* Which of the parent's ids auto may take: rootless, all but the user's own; root, those of "containers". */
static int free_ids(const struct parent *p, char kind, struct pm_idmap *ret, struct pm_err *err)
{
	if (p->rootless) {
		uint32_t n = kind == 'u' ? p->n_uids : p->n_gids;
		pm_idmap_add(ret, 0, 1, n > 0 ? n - 1 : 0);
		return 0;
	}
	return named_ranges(p, AUTO_USER, kind, ret, err);
}

static int automatic(struct pm_engine *e, const struct pm_container *c, const struct parent *p,
		     const struct words *w, struct pm_idmap *uids, struct pm_idmap *gids,
		     struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap used_u = PM_IDMAP_INIT, used_g = PM_IDMAP_INIT,
				 free_u = PM_IDMAP_INIT, free_g = PM_IDMAP_INIT,
				 fixed_u = PM_IDMAP_INIT, fixed_g = PM_IDMAP_INIT;
	uint32_t size = w->size, max = 0, id;
	int r = used_by_auto(e, &used_u, &used_g, err);
	if (r >= 0 && w->uids.n)
		r = pm_idmap_from_options(&w->uids, base(p, 'u'), &fixed_u, err);
	if (r >= 0 && w->gids.n)
		r = pm_idmap_from_options(&w->gids, base(p, 'g'), &fixed_g, err);
	if (r >= 0)
		r = free_ids(p, 'u', &free_u, err);
	if (r >= 0)
		r = free_ids(p, 'g', &free_g, err);
	if (r >= 0 && !w->has_size) {
		r = image_max_id(e, c, &max, err);
		_cleanup_free_ char *user = pm_strdup(c->config.user ? c->config.user : "");
		user[strcspn(user, ":")] = '\0';
		if (pm_spec_parse_id(user, &id) && id > max)
			max = id;
		size = max + 1 > AUTO_MIN_SIZE ? max + 1 : AUTO_MIN_SIZE;
	}
	if (r >= 0)
		r = pm_idmap_auto(size, &fixed_u, &free_u, &used_u, uids, err);
	if (r >= 0)
		r = pm_idmap_auto(size, &fixed_g, &free_g, &used_g, gids, err);
	return r < 0 ? r : 0;
}

static int keep_id(struct pm_ctr_config *k, const struct parent *p, const struct words *w,
		   struct pm_idmap *uids, struct pm_idmap *gids)
{
	uint32_t uid = w->has_uid ? w->uid : geteuid(), gid = w->has_gid ? w->gid : getegid();
	pm_idmap_keep(uid, p->n_uids, w->size, uids);
	pm_idmap_keep(gid, p->n_gids, w->size, gids);
	if (!w->has_uid && !w->has_gid) {
		k->keep_uid = uid;
		k->keep_gid = gid;
	}
	if (!k->user || !*k->user) {
		free(k->user);
		k->user = pm_asprintf("%u:%u", uid, gid);
	}
	return 0;
}

/* Modes that are maps of the namespace monitors share. */
static int rootless_mode(struct pm_ctr_config *k, const struct parent *p, const struct words *w,
			 struct pm_idmap *uids, struct pm_idmap *gids, struct pm_err *err)
{
	if (!p->rootless)
		return pm_fail(err, PM_E_USAGE, "%s is only supported in rootless mode", w->mode);
	if (strcmp(w->mode, "keep-id") == 0)
		return keep_id(k, p, w, uids, gids);
	uint32_t first = strcmp(w->mode, "nomap") == 0;
	if (p->n_uids <= first || p->n_gids <= first)
		return pm_fail(err, PM_E_UNSUPPORTED, "--userns=%s needs subordinate ids in /etc/subuid and "
						      "/etc/subgid", w->mode);
	pm_idmap_add(uids, 0, first, p->n_uids - first);
	pm_idmap_add(gids, 0, first, p->n_gids - first);
	return 0;
}

/* The maps of the container whose namespace is shared. */
static int of_other(struct pm_engine *e, struct pm_ctr_config *k, const char *name,
		    struct pm_err *err)
{
	_cleanup_container_ struct pm_container other;
	pm_container_init(&other);
	int r = pm_container_load(e, name, &other, err);
	if (r < 0)
		return pm_wrap(err, "container to share user namespace with");
	pm_strv_add_all(&k->id_uids, other.config.id_uids.v);
	pm_strv_add_all(&k->id_gids, other.config.id_gids.v);
	k->keep_uid = other.config.keep_uid;
	k->keep_gid = other.config.keep_gid;
	/* a pod with keep-id keeps its user in all of its containers */
	if (other.config.is_infra && k->keep_uid != PM_UNSET && (!k->user || !*k->user)) {
		free(k->user);
		k->user = pm_asprintf("%lld:%lld", (long long)k->keep_uid, (long long)k->keep_gid);
	}
	return 0;
}

/* One of the two maps of process pid, as ids of the parent. */
static int read_map(const struct parent *p, pid_t pid, char kind, struct pm_idmap *ret,
		    struct pm_err *err)
{
	char path[64];
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%d/%cid_map", pid, kind);
	int r = pm_fs_read_file(AT_FDCWD, path, 1 << 16, &b, err);
	uint32_t c, h, n, first;
	int used;
	for (const char *s = pm_buf_str(&b); r >= 0 && sscanf(s, "%u %u %u%n", &c, &h, &n, &used) == 3;
	     s += used) {
		if (!p->rootless)
			first = h;
		else if (!pm_idmap_to_container(base(p, kind), h, &first))
			return pm_fail(err, PM_E_UNSUPPORTED, "its ids are not this user's");
		pm_idmap_add(ret, c, first, n);
	}
	return r < 0 ? r : 0;
}

/* The maps of the user namespace at path: a child's that enters it. */
static int of_path(const struct parent *p, const char *path, struct pm_idmap *uids,
		   struct pm_idmap *gids, struct pm_err *err)
{
	int pair[2];
	char c;
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (setns(fd, CLONE_NEWUSER) == 0 && send(pair[1], "", 1, MSG_NOSIGNAL) == 1)
			recv(pair[1], &c, 1, 0);
		_exit(0);
	}
	close(pair[1]);
	int r = pid < 0 ? pm_fail_sys(err, "fork") : 0;
	if (r >= 0 && recv(pair[0], &c, 1, 0) != 1)
		r = pm_fail(err, PM_E_UNSUPPORTED, "it cannot be entered");
	if (r >= 0)
		r = read_map(p, pid, 'u', uids, err);
	if (r >= 0)
		r = read_map(p, pid, 'g', gids, err);
	close(pair[0]);
	if (pid > 0)
		pm_proc_wait(pid, NULL, NULL);
	return r < 0 ? pm_wrap(err, "user namespace %s", path) : 0;
}

int pm_ctr_userns_resolve(struct pm_engine *e, struct pm_container *c, int *ret_lock,
			  struct pm_err *err)
{
	struct pm_ctr_config *k = &c->config;
	bool maps = k->uid_map.n || k->gid_map.n || k->subuidname || k->subgidname;
	_cleanup_(words_free) struct words w = {0};
	*ret_lock = -1;
	if (!maps && (!k->userns || !*k->userns || strcmp(k->userns, "host") == 0))
		return 0;
	if (!maps && pm_startswith(k->userns, "container:"))
		return of_other(e, k, k->userns + strlen("container:"), err);

	_cleanup_parent_ struct parent p = {0};
	_cleanup_idmap_ struct pm_idmap uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
	int r = parse(maps ? NULL : k->userns, &w, err);
	if (r >= 0)
		r = parent_get(&p, err);
	if (r < 0)
		return r;
	if (!maps && pm_startswith(k->userns, "ns:")) {
		r = of_path(&p, k->userns + strlen("ns:"), &uids, &gids, err);
	} else if (maps) {
		r = from_options(k, &p, 'u', &uids, err);
		if (r >= 0)
			r = from_options(k, &p, 'g', &gids, err);
	} else if (strcmp(w.mode, "auto") == 0) {
		/* two that choose at once must not choose the same */
		r = *ret_lock = pm_store_lock(e->store, "userns", "auto", PM_LOCK_EXCLUSIVE, true, err);
		if (r >= 0)
			r = automatic(e, c, &p, &w, &uids, &gids, err);
	} else {
		r = rootless_mode(k, &p, &w, &uids, &gids, err);
	}
	if (r >= 0 && p.rootless) {
		pm_idmap_split(&uids, &p.uids);
		pm_idmap_split(&gids, &p.gids);
	}
	if (r >= 0)
		r = pm_idmap_check(&uids, err);
	if (r >= 0)
		r = pm_idmap_check(&gids, err);
	if (r < 0)
		return r;
	pm_idmap_encode(&uids, &k->id_uids);
	pm_idmap_encode(&gids, &k->id_gids);
	return 0;
}

bool pm_ctr_userns_own(const struct pm_ctr_config *k)
{
	return k->id_uids.n || (k->userns && pm_startswith(k->userns, "ns:"));
}

/* --- files with other owners ---------------------------------------------------------------------- */

struct job {
	const struct pm_strv *lowers;
	struct pm_idmaps maps;
	char *stage; /* where it is made, and */
	char *target; /* renamed to */
};

static int make_copy(void *arg, struct pm_err *err)
{
	struct job *j = arg;
	struct pm_vfs_owners owners = {.map = pm_idmaps_owner_to_host, .arg = &j->maps};
	if (mkdir(j->stage, 0700) < 0)
		return pm_fail_sys(err, "make directory %s", j->stage);
	int r = pm_vfs_populate((const char *const *)j->lowers->v, j->lowers->n, j->stage, &owners, err);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, j->stage, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	if (syncfs(fd) < 0)
		return pm_fail_sys(err, "write the copy to disk");
	/* who was faster has made the same */
	if (rename(j->stage, j->target) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return pm_fail_sys(err, "put the copy at %s", j->target);
	return 0;
}

static bool identical(const struct pm_idmap *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].container != m->v[i].host)
			return false;
	return true;
}

static char *target_of(const struct pm_ctr_config *k, const struct pm_strv *lowers)
{
	char hex[65];
	struct pm_sha256 h;
	pm_sha256_init(&h);
	for (size_t i = 0; i < k->id_uids.n; i++)
		pm_sha256_add(&h, k->id_uids.v[i], strlen(k->id_uids.v[i]) + 1);
	pm_sha256_add(&h, "gids", 5);
	for (size_t i = 0; i < k->id_gids.n; i++)
		pm_sha256_add(&h, k->id_gids.v[i], strlen(k->id_gids.v[i]) + 1);
	pm_sha256_hex(&h, hex);
	const char *top = lowers->v[lowers->n - 1], *slash = strrchr(top, '/');
	return pm_asprintf("%.*s/mapped-%.32s", (int)(slash - top), top, hex);
}

/* --- the same without a copy --------------------------------------------------------------------- */

/* Tried once per boot and file system; a refusal is tried again: it may be mended meanwhile. */
static int idmap_works(struct pm_engine *e, const char *layer, struct pm_err *err)
{
	char mark[64];
	struct stat st;
	struct pm_err why = PM_ERR_INIT;
	if (stat(layer, &st) < 0)
		return pm_fail_sys(err, "look at %s", layer);
	snprintf(mark, sizeof(mark), "idmap/%u:%u", major(st.st_dev), minor(st.st_dev));
	if (faccessat(e->store->runroot_fd, mark, F_OK, 0) == 0)
		return 1;
	_cleanup_stage_ struct pm_stage *stage = NULL;
	int r = pm_stage_new(e->store, &stage, err);
	if (r >= 0)
		r = pm_idmapped_probe(layer, stage->path, &why, err);
	_cleanup_close_ int marks = r > 0 ? pm_store_run_dir(e->store, "idmap", NULL) : -1;
	if (marks >= 0)
		pm_fs_write_file(e->store->runroot_fd, mark, "", 0, 0600, false, NULL);
	else if (r == 0)
		pm_debug("the image is copied for the user namespace: %s", why.text);
	return r;
}

bool pm_ctr_userns_differs(const struct pm_ctr_config *k)
{
	_cleanup_idmap_ struct pm_idmap uids = PM_IDMAP_INIT, gids = PM_IDMAP_INIT;
	return k->id_uids.n && pm_idmap_decode(&k->id_uids, &uids, NULL) >= 0 &&
	       pm_idmap_decode(&k->id_gids, &gids, NULL) >= 0 && !(identical(&uids) && identical(&gids));
}

int pm_ctr_userns_choose_idmap(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	enum pm_store_driver driver = PM_STORE_AUTO;
	c->config.idmapped = false;
	/* a build's grows below the container */
	if (c->config.working || !pm_ctr_userns_differs(&c->config) || pm_userns_needed())
		return 0;
	int r = pm_container_lowers(e, c, &lowers, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r < 0 || !lowers.n || driver != PM_STORE_OVERLAY)
		return r;
	r = 1;
	for (size_t i = 0; r > 0 && i < lowers.n; i++)
		r = idmap_works(e, lowers.v[i], err);
	c->config.idmapped = r > 0;
	return r < 0 ? r : 0;
}

int pm_ctr_userns_open(const struct pm_ctr_config *k, struct pm_err *err)
{
	return pm_idmapped_userns(&k->id_uids, &k->id_gids, err);
}

/* A build's container, whose image grew: below its changes are those that became layers, as it made them, and the copy
 * of the image that it began with. */
static int grown(struct pm_engine *e, const struct pm_container *c, struct pm_strv *lowers, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = c->config.mapped_image ? pm_image_layers(e->store, c->config.mapped_image, &layers, err) : 0;
	pm_strv_free(lowers);
	for (size_t i = 0; r >= 0 && i < layers.n; i++)
		pm_strv_take(lowers, pm_store_layer_path(e->store, layers.v[i].chain_id));
	return r;
}

static int mapped_copy(struct pm_engine *e, const struct pm_ctr_config *k, struct pm_strv *lowers, struct pm_err *err)
{
	struct job j = {.lowers = lowers};
	_cleanup_stage_ struct pm_stage *stage = NULL;
	_cleanup_close_ int userns = -1;
	int r = pm_idmaps_decode(&k->id_uids, &k->id_gids, &j.maps, err);
	if (r < 0 || (identical(&j.maps.uids) && identical(&j.maps.gids)))
		goto out;
	j.target = target_of(k, lowers);
	if (access(j.target, F_OK) < 0) {
		pm_log(PM_LOG_INFO, "copying the image %s with the owners of the container's user namespace",
		       k->image ? k->image : k->image_id);
		r = pm_stage_new(e->store, &stage, err);
		if (r >= 0)
			r = pm_userns_get(e->store->runroot_fd, &userns, err);
		if (r >= 0) {
			j.stage = pm_path_join(stage->path, "diff");
			r = pm_userns_run(userns, make_copy, &j, err);
		}
	}
	if (r >= 0) {
		pm_strv_free(lowers);
		pm_strv_add(lowers, j.target);
	} else {
		r = pm_wrap(err, "copy the image for the container's user namespace");
	}
out:
	pm_idmaps_free(&j.maps);
	free(j.stage);
	free(j.target);
	return r < 0 ? r : 0;
}

int pm_ctr_userns_lowers(struct pm_engine *e, const struct pm_container *c, struct pm_strv *lowers, struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	int r = k->id_uids.n && k->mapped_dirs ? grown(e, c, lowers, err) : 0;
	if (r >= 0 && k->id_uids.n && lowers->n && !k->idmapped)
		r = mapped_copy(e, k, lowers, err);
	for (int64_t i = 0; r >= 0 && i < k->mapped_dirs; i++)
		pm_strv_addf(lowers, "%s/" PM_CTR_MAPPED_DIR, dir, (long long)i);
	return r;
}

struct gift {
	char *path;
	struct pm_idmaps maps;
};

static int give(void *arg, struct pm_err *err)
{
	struct gift *g = arg;
	uid_t uid = 0;
	gid_t gid = 0;
	int r = pm_idmaps_owner_to_host(&g->maps, &uid, &gid, err);
	if (r >= 0 && chown(g->path, uid, gid) < 0)
		r = pm_fail_sys(err, "give %s to the container's root", g->path);
	return r;
}

int pm_ctr_userns_give(struct pm_engine *e, const struct pm_container *c, const char *name, struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, k->id);
	_cleanup_close_ int userns = -1;
	struct gift g = {0};
	if (!k->id_uids.n)
		return 0;
	int r = pm_idmaps_decode(&k->id_uids, &k->id_gids, &g.maps, err);
	if (r >= 0)
		r = pm_userns_get(e->store->runroot_fd, &userns, err);
	g.path = pm_path_join(dir, name);
	if (r >= 0)
		r = pm_userns_run(userns, give, &g, err);
	free(g.path);
	pm_idmaps_free(&g.maps);
	return r < 0 ? r : 0;
}
