#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/build/copy_parts.h"
#include "engine/build/copy_sources.h"
#include "engine/build/copy_stream.h"
#include "engine/build/url.h"
#include "engine/spec/rootfs.h"
#include "engine/spec/user.h"
#include "storage/tree_tar.h"

struct work {
	struct pm_copy *c;
	int root; /* -1: a checksum */
	bool set_owner;
	uint32_t uid, gid;
	char *dest; /* absolute, in root, without symlinks and "/" at its end ("" for "/"); of a checksum "" */
	bool dest_dir;       /* what is copied goes into it */
	bool dest_is_other;  /* it is there and is no directory */
	struct pm_strv made; /* directories that the archive has */
	struct pm_copy_stream stream;
	struct pm_tar_files files;
	int64_t now;
};

static void work_free(struct work *k)
{
	free(k->dest);
	pm_strv_free(&k->made);
}

/* --- who files belong to ---------------------------------------------------------------------------- */

/* "UID" alone is UID:UID, a name has its group, ":GROUP" is root's. */
static int look_up_owner(struct work *k, struct pm_err *err)
{
	static const struct pm_strv none = PM_STRV_INIT;
	const char *text = k->c->chown;
	_cleanup_spec_user_ struct pm_spec_user u = {0};
	struct pm_rootfs_view view = {.dirs = &k->root, .n_dirs = 1};
	k->set_owner = text || !k->c->spec.keep_owner;
	if (!text)
		return 0;
	size_t n = strcspn(text, ":");
	_cleanup_free_ char *user = pm_strndup(text, n), *full = NULL;
	const char *group = text[n] ? text + n + 1 : "";
	bool number = pm_spec_parse_id(user, &k->uid);
	if (number && !*group)
		k->gid = k->uid;
	if (number && (!*group || pm_spec_parse_id(group, &k->gid)))
		return 0;
	if (k->root < 0) { /* names belong to the instruction's text */
		k->uid = k->gid = 0;
		return 0;
	}
	full = pm_asprintf("%s%s%s", *user ? user : "0", *group ? ":" : "", group);
	int r = pm_spec_user_lookup(&view, full, &none, &u, err);
	k->uid = u.uid;
	k->gid = u.gid;
	return r < 0 ? pm_wrap(err, "--chown=%.100s", text) : 0;
}

/* The owner of a source, as the copy gets it. */
static void own(const struct work *k, struct stat *st)
{
	const struct pm_idmaps *maps = k->c->spec.maps;
	if (k->set_owner) {
		st->st_uid = k->uid;
		st->st_gid = k->gid;
	} else if (maps && maps->uids.n) {
		/* what no container of that mapping can have made is left to nobody */
		if (!pm_idmap_to_container(&maps->uids, st->st_uid, &st->st_uid))
			st->st_uid = 65534;
		if (!pm_idmap_to_container(&maps->gids, st->st_gid, &st->st_gid))
			st->st_gid = 65534;
	}
}

/* --- where files go --------------------------------------------------------------------------------- */

static int look_at_dest(struct work *k, const char *workdir, struct pm_err *err)
{
	const struct pm_instruction *i = k->c->spec.i;
	const char *word = i->words[i->n_words - 1];
	const char *base = strrchr(word, '/');
	struct pm_rootfs_view view = {.dirs = &k->root, .n_dirs = 1};
	_cleanup_free_ char *clean = NULL, *real = NULL;
	struct stat st;
	base = base ? base + 1 : word;
	k->dest_dir = !*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ||
		      i->n_words > 2 || k->c->parents;
	if (k->root < 0) {
		k->dest = pm_strdup("");
		return 0;
	}
	clean = *word == '/' ? pm_path_clean(word) : pm_path_join(workdir, word);
	int r = k->c->link ? 0 : pm_rootfs_resolve(&view, clean, &real, err);
	if (r < 0)
		return pm_wrap(err, "the destination");
	k->dest = real ? pm_steal(&real) : pm_steal(&clean);
	if (strcmp(k->dest, "/") == 0)
		k->dest[0] = '\0';
	_cleanup_close_ int at =
		pm_fs_open_in(k->root, *k->dest ? k->dest : "/", O_PATH | O_NOFOLLOW, 0, NULL);
	if (at >= 0 && fstat(at, &st) == 0) {
		k->dest_dir = k->dest_dir || S_ISDIR(st.st_mode);
		k->dest_is_other = !S_ISDIR(st.st_mode) && !k->c->link;
	}
	return 0;
}

static int dest_must_be_dir(const struct work *k, struct pm_err *err)
{
	return k->dest_is_other
		       ? pm_fail(err, ENOTDIR,
				 "the destination \"%s\" is there and is no directory", k->dest)
		       : 0;
}

static struct pm_tar_entry entry_of(const struct work *k, enum pm_tar_type type, const char *path,
				    mode_t mode)
{
	return (struct pm_tar_entry){.type = type,
				     .path = path,
				     .link = "",
				     .mode = mode,
				     .uid = k->uid,
				     .gid = k->gid,
				     .mtime = k->now};
}

/* 1: the directory path ("/a/b") is there; 0: nothing is, or with --link something else, which is replaced. */
static int dir_is_there(const struct work *k, const char *path, struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd =
		pm_fs_open_in(k->root, path, O_PATH | (k->c->link ? O_NOFOLLOW : 0), 0, NULL);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return 1;
	return k->c->link ? 0 : pm_fail(err, ENOTDIR, "\"%s\" is there and is no directory", path);
}

/* Entries for what is missing of the directory path ("/a/b", "" for the root). */
static int make_dirs(struct work *k, const char *path, struct pm_err *err)
{
	if (k->root < 0 || !*path || pm_strv_has(&k->made, path))
		return 0;
	int r = dir_is_there(k, path, err);
	if (r != 0)
		return r < 0 ? r : 0;
	_cleanup_free_ char *above = pm_strndup(path, (size_t)(strrchr(path, '/') - path));
	r = make_dirs(k, above, err);
	if (r < 0)
		return r;
	struct pm_tar_entry e = entry_of(k, PM_TAR_DIR, path + 1, 0755);
	pm_strv_add(&k->made, path);
	return pm_tar_writer_entry(k->stream.w, &e, err);
}

/* The directory that path ("/a/b") is in. */
static int make_parents(struct work *k, const char *path, struct pm_err *err)
{
	_cleanup_free_ char *above = pm_strndup(path, (size_t)(strrchr(path, '/') - path));
	return make_dirs(k, above, err);
}

/* --- files ------------------------------------------------------------------------------------------ */

struct filter {
	struct work *k;
	const struct pm_ignore *ignore;
	const char *source; /* below the directory of sources; "": itself */
	const char *base;   /* its name at the destination */
	size_t target_len;  /* of the name in the archive */
	size_t taken;
};

static enum pm_tree_tar_do ask(void *arg, const char *path, struct stat *st)
{
	struct filter *f = arg;
	struct work *k = f->k;
	const char *below = path + f->target_len;
	below += f->target_len && *below == '/';
	bool top = !*below, dir = S_ISDIR(st->st_mode);
	_cleanup_free_ char *whole =
		pm_asprintf("%s%s%s", f->source, *f->source && !top ? "/" : "", below);
	enum pm_ignore_answer a = pm_ignore_match(f->ignore, whole);
	enum pm_ignore_answer b = pm_ignore_match(k->c->exclude, !top ? below : dir ? "" : f->base);
	if (a == PM_IGNORE_DROP || b == PM_IGNORE_DROP ||
	    (!dir && (a != PM_IGNORE_KEEP || b != PM_IGNORE_KEEP)))
		return PM_TREE_TAR_LEAVE;
	own(k, st);
	if (k->c->has_mode && !S_ISLNK(st->st_mode))
		st->st_mode = (st->st_mode & S_IFMT) | pm_mode_apply(&k->c->mode, st->st_mode, dir);
	if (k->root < 0)
		st->st_mtim = (struct timespec){0};
	f->taken++;
	if (top && dir)
		return PM_TREE_TAR_BELOW;
	return a != PM_IGNORE_KEEP || b != PM_IGNORE_KEEP ? PM_TREE_TAR_LATER : PM_TREE_TAR_TAKE;
}

/* A local archive of ADD goes into the destination, which is a directory then. 0: it is none. */
static int unpack(struct work *k, int fd, struct pm_err *err)
{
	int r = dest_must_be_dir(k, err);
	if (r >= 0)
		r = make_dirs(k, k->dest, err);
	if (r >= 0)
		r = pm_copy_stream_end(&k->stream, &k->files, NULL, err);
	if (k->c->has_mode)
		pm_warn("--chmod does not change the modes of what comes out of an archive");
	if (r >= 0)
		r = pm_copy_stream_unpack(&k->stream, fd, *k->dest ? k->dest : "/",
					  k->c->chown != NULL, k->uid, k->gid, err);
	return r < 0 ? r : 1;
}

/* A checksum is of the archive itself. */
static int unpack_if_archive(struct work *k, int fd, struct pm_err *err)
{
	if (k->root < 0)
		return 0;
	_cleanup_close_ int scratch = pm_fs_mkdir_in(k->c->stage->dir_fd, "try", 0700, err);
	int r = scratch < 0 ? scratch : pm_copy_is_archive(fd, scratch, err);
	return r <= 0 ? r : unpack(k, fd, err);
}

/* Where a file called name goes: "/dest/name", or the destination itself. The caller frees. */
static char *target_of(const struct work *k, const char *name)
{
	return k->dest_dir ? pm_asprintf("%s/%s", k->dest, name) : pm_strdup(k->dest);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* What --parents keeps of a source's name: what is behind "/./", else all. */
static const char *kept_parents(const struct pm_copy_match *m, const char *word)
{
	const char *pivot = strstr(word, "/./");
	const char *s = m->name;
	if (!pivot)
		return s;
	_cleanup_free_ char *before = pm_strndup(word, (size_t)(pivot - word)),
			    *rooted = pm_asprintf("/%s", before);
	_cleanup_free_ char *clean = pm_path_clean(rooted);
	for (const char *p = clean; *p && p[1] && *s; p++)
		if (*p == '/') {
			s += strcspn(s, "/");
			s += *s == '/';
		}
	return s;
}

/* The directories that --parents keeps are as they are in the source. */
static int copy_parents(struct work *k, const struct pm_copy_match *m, const char *kept,
			struct pm_err *err)
{
	size_t skip = strlen(m->name) - strlen(kept);
	int r = 0;
	for (const char *p = strchr(kept, '/'); r >= 0 && p; p = strchr(p + 1, '/')) {
		_cleanup_free_ char *at = pm_strndup(m->name, skip + (size_t)(p - kept));
		_cleanup_free_ char *target =
			pm_asprintf("%s/%.*s", k->dest, (int)(p - kept), kept);
		_cleanup_close_ int fd =
			pm_fs_open_in(k->c->spec.from, at, O_RDONLY | O_DIRECTORY, 0, NULL);
		struct stat st;
		if (pm_strv_has(&k->made, target) || fd < 0 || fstat(fd, &st) < 0)
			continue;
		r = make_parents(k, target, err);
		own(k, &st);
		if (k->root < 0)
			st.st_mtim = (struct timespec){0};
		pm_strv_add(&k->made, target);
		if (r >= 0)
			r = pm_tar_files_dir(&k->files, fd, &st, target + 1, err);
	}
	return r;
}

/* What is found of a word, opened: 1 it was an archive, and is unpacked. */
static int copy_file(struct work *k, int at, struct pm_err *err)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, self, O_RDONLY | O_NONBLOCK, 0, err);
	return fd < 0 ? fd : unpack_if_archive(k, fd, err);
}

static int copy_match(struct work *k, const struct pm_copy_match *m, const char *word,
		      size_t *taken, struct pm_err *err)
{
	const struct pm_copy_spec *s = &k->c->spec;
	const char *name = k->c->parents ? kept_parents(m, word) : last_part(m->name);
	struct filter f = {
		.k = k, .ignore = s->ignore, .source = m->path, .base = last_part(m->name)};
	struct stat st;
	_cleanup_close_ int at =
		pm_fs_open_in(s->from, *m->path ? m->path : "/", O_PATH | O_NOFOLLOW, 0, err);
	if (at < 0)
		return at;
	if (fstat(at, &st) < 0)
		return pm_fail_sys(err, "look at \"%s\"", m->name);
	bool dir = S_ISDIR(st.st_mode),
	     keep = pm_ignore_match(s->ignore, m->path) == PM_IGNORE_KEEP;
	int r = pm_copy_stream_begin(&k->stream, &k->files, err);
	if (r >= 0 && S_ISREG(st.st_mode) && k->c->unpack_local && keep) {
		r = copy_file(k, at, err);
		*taken += r > 0;
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (r >= 0 && (dir || k->dest_dir))
		r = dest_must_be_dir(k, err);
	if (r < 0 || pm_ignore_match(s->ignore, m->path) == PM_IGNORE_DROP)
		return r;
	_cleanup_free_ char *target =
		dir && !k->c->parents ? pm_strdup(k->dest) : target_of(k, name);
	if (k->c->parents)
		r = copy_parents(k, m, name, err);
	if (r >= 0 && (dir || keep))
		r = dir ? make_dirs(k, target, err) : make_parents(k, target, err);
	f.target_len = strlen(target + (*target == '/'));
	if (r >= 0)
		r = pm_tree_tar_walk(&k->files, at, target + (*target == '/'), 0, ask, &f, err);
	*taken += f.taken;
	return r;
}

/* A source word that names files. */
static int copy_word(struct work *k, const char *word, struct pm_err *err)
{
	_cleanup_copy_matches_ struct pm_copy_matches m = {0};
	size_t taken = 0;
	if (k->c->spec.from < 0)
		return pm_fail(err, PM_E_USAGE,
			       "\"%.300s\": there is no build context to copy from", word);
	int r = pm_copy_find(k->c->spec.from, word, &m, err);
	if (r == -ENOENT || r == -ENOTDIR || (r >= 0 && !m.n))
		return pm_fail(err, PM_E_NOSUCH, "\"%.300s\": no such file or directory", word);
	if (m.n > 1)
		k->dest_dir = true;
	for (size_t i = 0; r >= 0 && i < m.n; i++)
		r = copy_match(k, &m.v[i], word, &taken, err);
	if (r >= 0 && !taken)
		return pm_fail(err, PM_E_NOSUCH,
			       "\"%.300s\": the ignore file or --exclude leaves nothing of it",
			       word);
	return r;
}

static int copy_heredoc(struct work *k, const struct pm_heredoc *h, struct pm_err *err)
{
	_cleanup_free_ char *target = target_of(k, h->name);
	int r = k->dest_dir ? dest_must_be_dir(k, err) : 0;
	if (r >= 0)
		r = pm_copy_stream_begin(&k->stream, &k->files, err);
	if (r >= 0)
		r = make_parents(k, target, err);
	struct pm_tar_entry e =
		entry_of(k, PM_TAR_FILE, target + (*target == '/'),
			 k->c->has_mode ? pm_mode_apply(&k->c->mode, 0644, false) : 0644);
	e.size = h->len;
	if (r >= 0)
		r = pm_tar_writer_entry(k->stream.w, &e, err);
	return r < 0 ? r : pm_tar_writer_data(k->stream.w, h->content, h->len, err);
}

static int copy_fetched(struct work *k, const struct pm_copy_fetched *f, struct pm_err *err)
{
	struct stat st;
	if (k->c->unpack_fetched) {
		int r = pm_copy_stream_begin(&k->stream, &k->files, err);
		if (r >= 0)
			r = unpack_if_archive(k, f->fd, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (k->dest_dir && !f->name)
		return pm_fail(err, PM_E_USAGE, "%.300s names no file: the destination must be one",
			       f->url);
	_cleanup_free_ char *target = target_of(k, f->name ? f->name : "");
	int r = k->dest_dir ? dest_must_be_dir(k, err) : 0;
	if (r >= 0 && fstat(f->fd, &st) < 0)
		r = pm_fail_sys(err, "look at what was fetched");
	if (r >= 0)
		r = pm_copy_stream_begin(&k->stream, &k->files, err);
	if (r >= 0)
		r = make_parents(k, target, err);
	if (r < 0)
		return r;
	st.st_uid = k->uid;
	st.st_gid = k->gid;
	st.st_mode = S_IFREG | (k->c->has_mode ? pm_mode_apply(&k->c->mode, 0600, false) : 0600);
	st.st_mtim = (struct timespec){.tv_sec = k->root < 0     ? 0
						 : f->mtime >= 0 ? f->mtime
								 : k->now};
	return pm_tar_files_regular(&k->files, f->fd, &st, target + (*target == '/'), err);
}

static int copy_all(struct work *k, struct pm_err *err)
{
	const struct pm_instruction *i = k->c->spec.i;
	size_t n_fetched = 0;
	int r = 0;
	for (size_t n = 0; r >= 0 && n + 1 < i->n_words; n++) {
		const struct pm_heredoc *h = pm_instruction_heredoc(i, i->words[n]);
		if (k->root <
		    0) { /* every source has a place of its own, so that none can be another's */
			free(k->dest);
			k->dest = pm_asprintf("/%zu", n);
			k->dest_dir = true;
		}
		if (h)
			r = copy_heredoc(k, h, err);
		else if (i->kind == PM_DF_ADD && pm_url_is(i->words[n]))
			r = copy_fetched(k, &k->c->fetched[n_fetched++], err);
		else
			r = copy_word(k, i->words[n], err);
	}
	return r;
}

int pm_copy_work(struct pm_copy *c, int root, const struct pm_idmaps *maps, const char *workdir, char *digest,
		 struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	_cleanup_(work_free) struct work k = {.c = c,
					      .root = root,
					      .stream = PM_COPY_STREAM_INIT,
					      .now = digest ? 0 : time(NULL)};
	k.stream.root = root;
	k.stream.maps = maps;
	k.stream.digests = c->digests;
	k.stream.single_id = c->spec.single_id;
	k.stream.devices = c->spec.devices;
	signal(SIGPIPE, SIG_IGN);
	int r = look_up_owner(&k, &why);
	if (r >= 0)
		r = look_at_dest(&k, workdir, &why);
	if (r >= 0)
		r = copy_all(&k, &why);
	r = pm_copy_stream_end(&k.stream, &k.files, r < 0 ? &why : NULL, err);
	if (r >= 0 && digest)
		pm_sha256_hex(&k.stream.hash, digest);
	return r;
}
