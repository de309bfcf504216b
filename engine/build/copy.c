#include "engine/build/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "engine/build/copy_parts.h"
#include "engine/build/digest_cache.h"
#include "engine/build/url.h"
#include "netns/userns.h"

static int check_flags(struct pm_copy *c, struct pm_err *err)
{
	const struct pm_instruction *i = c->spec.i;
	const char *chmod = pm_instruction_flag(i, "chmod"),
		   *unpack = pm_instruction_flag(i, "unpack");
	c->chown = pm_instruction_flag(i, "chown");
	int r = pm_instruction_flag_bool(i, "link", &c->link, err);
	if (r >= 0)
		r = pm_instruction_flag_bool(i, "parents", &c->parents, err);
	c->unpack_local = i->kind == PM_DF_ADD;
	if (r >= 0 && unpack) {
		r = pm_instruction_flag_bool(i, "unpack", &c->unpack_local, err);
		c->unpack_fetched = c->unpack_local;
	}
	if (r < 0)
		return r;
	if (c->chown && !*c->chown)
		return pm_instruction_fail(i, err, PM_E_USAGE, "--chown without a user");
	if (chmod) {
		c->has_mode = true;
		if (pm_mode_parse(chmod, &c->mode, err) < 0)
			return pm_wrap(err, "%s:%u: --chmod", i->file, i->line);
	}
	for (size_t k = 0; k < i->n_flags; k++) {
		if (strcmp(i->flags[k].name, "exclude") != 0)
			continue;
		if (pm_ignore_add(c->exclude, i->flags[k].value ? i->flags[k].value : "", err) < 0)
			return pm_wrap(err, "%s:%u: --exclude", i->file, i->line);
	}
	if (pm_instruction_flag(i, "keep-git-dir"))
		return pm_instruction_fail(i, err, PM_E_UNSUPPORTED,
					   "--keep-git-dir: pm does not fetch git repositories");
	return 0;
}

/* --checksum=sha256:HEX of a file that was fetched. */
static int check_sum(struct pm_copy *c, int fd, struct pm_err *err)
{
	const char *want = pm_instruction_flag(c->spec.i, "checksum");
	struct pm_sha256 h;
	_cleanup_free_ char *buf = pm_malloc(1 << 16);
	char hex[65];
	ssize_t n;
	if (!want)
		return 0;
	pm_sha256_init(&h);
	for (off_t at = 0; (n = pread(fd, buf, 1 << 16, at)) > 0; at += n)
		pm_sha256_add(&h, buf, (size_t)n);
	if (n < 0)
		return pm_fail_sys(err, "read what was fetched");
	pm_sha256_hex(&h, hex);
	if (strcmp(want + strlen("sha256:"), hex) != 0)
		return pm_fail(err, PM_E_DIGEST, "the checksum is sha256:%s, not %s", hex, want);
	return 0;
}

static int fetch(struct pm_copy *c, const char *url, struct pm_err *err)
{
	struct pm_copy_fetched f = {.url = url, .fd = -1};
	struct pm_url_file info;
	_cleanup_close_ int fd =
		openat(c->stage->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return pm_fail_sys(err, "make a temporary file in the store");
	int r = pm_url_fetch(url, fd, c->spec.remote, &info, err);
	if (r >= 0)
		r = check_sum(c, fd, err);
	if (r < 0)
		return r;
	f.name = pm_url_name(url);
	f.mtime = info.mtime;
	f.fd = pm_steal_fd(&fd);
	c->fetched[c->n_fetched++] = f;
	return 0;
}

static int check_sum_flag(const struct pm_copy *c, size_t n_urls, struct pm_err *err)
{
	const struct pm_instruction *i = c->spec.i;
	const char *sum = pm_instruction_flag(i, "checksum");
	if (!sum)
		return 0;
	if (!pm_startswith(sum, "sha256:") || strlen(sum) != strlen("sha256:") + 64 ||
	    sum[7 + strspn(sum + 7, "0123456789abcdef")])
		return pm_instruction_fail(
			i, err, PM_E_USAGE,
			"--checksum must be sha256: and 64 hexadecimal digits, not \"%.100s\"",
			sum);
	if (n_urls != 1 || i->n_words != 2)
		return pm_instruction_fail(i, err, PM_E_USAGE,
					   "--checksum is for one source, and that a URL");
	return 0;
}

/* What ADD names by URL. */
static int fetch_all(struct pm_copy *c, struct pm_err *err)
{
	const struct pm_instruction *i = c->spec.i;
	size_t n = 0;
	for (size_t k = 0; i->kind == PM_DF_ADD && k + 1 < i->n_words; k++) {
		const char *word = i->words[k];
		if (pm_url_is_git(word))
			return pm_instruction_fail(
				i, err, PM_E_UNSUPPORTED,
				"ADD %.200s: pm does not fetch git repositories; clone it and "
				"build with --build-context",
				word);
		n += pm_url_is(word);
	}
	int r = check_sum_flag(c, n, err);
	if (r < 0 || i->kind != PM_DF_ADD)
		return r;
	c->fetched = pm_calloc(n + 1, sizeof(*c->fetched));
	r = pm_store_need_dirs(c->spec.store, err);
	if (r >= 0)
		r = pm_stage_new(c->spec.store, &c->stage, err);
	for (size_t k = 0; r >= 0 && k + 1 < i->n_words; k++)
		if (pm_url_is(i->words[k]))
			r = fetch(c, i->words[k], err);
	return r < 0 ? pm_wrap(err, "%s:%u: ADD", i->file, i->line) : 0;
}

int pm_copy_open(const struct pm_copy_spec *spec, struct pm_copy **ret, struct pm_err *err)
{
	_cleanup_copy_ struct pm_copy *c = PM_NEW(struct pm_copy);
	c->spec = *spec;
	c->exclude = pm_ignore_new();
	c->digests = -1;
	int r = check_flags(c, err);
	if (r >= 0)
		r = fetch_all(c, err);
	if (r >= 0)
		*ret = pm_steal(&c);
	return r;
}

void pm_copy_close(struct pm_copy *c)
{
	if (!c)
		return;
	for (size_t k = 0; k < c->n_fetched; k++) {
		free(c->fetched[k].name);
		close(c->fetched[k].fd);
	}
	free(c->fetched);
	if (c->digests >= 0)
		close(c->digests);
	pm_ignore_free(c->exclude);
	pm_stage_free(c->stage);
	free(c);
}

/* --- in the user namespace ------------------------------------------------------------------------ */

struct job {
	struct pm_copy *c;
	int root;
	const struct pm_idmaps *maps;
	const char *workdir;
	char *digest; /* shared memory, 65 bytes; NULL: copy */
};

static int work(void *arg, struct pm_err *err)
{
	const struct job *j = arg;
	return pm_copy_work(j->c, j->root, j->maps, j->workdir, j->digest, err);
}

static int place(const struct pm_copy *c, struct pm_err *err)
{
	const struct pm_instruction *i = c->spec.i;
	return i->line ? pm_wrap(err, "%s:%u: %s", i->file, i->line, pm_instruction_name(i->kind))
		       : pm_wrap(err, "%s: %s", i->file, pm_instruction_name(i->kind));
}

int pm_copy_digest(struct pm_copy *c, char ret[65], struct pm_err *err)
{
	char *shared = mmap(NULL, 65, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return pm_fail_sys(err, "map memory");
	struct job j = {.c = c, .root = -1, .digest = shared};
	if (c->digests < 0 && c->spec.store && c->spec.store->root_fd >= 0)
		c->digests = pm_digest_cache_open(c->spec.store->root_fd);
	int r = pm_userns_run(c->spec.userns, work, &j, err);
	memcpy(ret, shared, 65);
	munmap(shared, 65);
	return r < 0 ? place(c, err) : 0;
}

int pm_copy_run(struct pm_copy *c, int root, const struct pm_idmaps *maps, const char *workdir, struct pm_err *err)
{
	struct job j = {.c = c, .root = root, .maps = maps && maps->uids.n ? maps : NULL, .workdir = workdir};
	int r = pm_userns_run(c->spec.userns, work, &j, err);
	return r < 0 ? place(c, err) : 0;
}
