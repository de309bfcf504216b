#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "storage/ctr.h"
#include "storage/image.h"

static struct pm_store *open_store(void)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/r", test_dir());
	_cleanup_free_ char *run = pm_asprintf("%s/run", test_dir());
	struct pm_store *s = NULL;
	CHECK_OK(pm_store_open(&(struct pm_store_options){.root = root, .runroot = run}, &s, &err), err);
	return s;
}

static size_t count(struct pm_store *s, const char *dir)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_fs_list(s->root_fd, dir, &l, NULL);
	return l.n;
}

static bool has_file(struct pm_store *s, const char *chain)
{
	struct stat st;
	_cleanup_free_ char *path = pm_asprintf("layers/%s/diff/f", chain);
	return fstatat(s->root_fd, path, &st, 0) == 0;
}

/* An image of n layers; layer i holds the text seeds[i]. */
struct sample {
	struct pm_image_row row;
	struct pm_layer_row layers[4];
	char chain[4][65], diff[4][80], blob[4][80], staged[4][8];
	size_t n;
	char id[65], digest[80], config[64];
	struct pm_image_name name;
};

static void make_sample(struct sample *m, const char *seeds, const char *name)
{
	char hex[65];
	*m = (struct sample){.n = strlen(seeds)};
	for (size_t i = 0; i < m->n; i++) {
		pm_sha256_of(&seeds[i], 1, hex);
		snprintf(m->diff[i], sizeof(m->diff[i]), "sha256:%s", hex);
		pm_layer_chain_id(i ? m->chain[i - 1] : NULL, m->diff[i], m->chain[i]);
		pm_sha256_of(hex, 64, m->blob[i] + 7);
		memcpy(m->blob[i], "sha256:", 7);
		snprintf(m->staged[i], sizeof(m->staged[i]), "%zu", i);
		m->layers[i] = (struct pm_layer_row){
			.chain_id = m->chain[i], .parent = i ? m->chain[i - 1] : NULL, .diff_id = m->diff[i],
			.size = 100, .blob = m->blob[i], .blob_size = 50, .media_type = (char *)"tar",
		};
	}
	snprintf(m->config, sizeof(m->config), "{\"seeds\":\"%s\"}", seeds);
	pm_sha256_of(m->config, strlen(m->config), m->id);
	snprintf(m->digest, sizeof(m->digest), "sha256:%s", m->id);
	m->name = (struct pm_image_name){.name = (char *)name, .digest = m->digest};
	m->row = (struct pm_image_row){
		.id = m->id, .digest = m->digest, .media_type = (char *)"manifest", .created = 1,
		.config = m->config, .config_len = strlen(m->config), .manifest = (char *)"m\0f",
		.manifest_len = 3, .size = 100 * (int64_t)m->n, .arch = (char *)"amd64",
		.os = (char *)"linux", .names = &m->name, .n_names = name ? 1 : 0,
	};
}

/* Stage those layers the store does not have, and commit. Returns what commit does. */
static int commit(struct pm_store *s, struct sample *m, struct pm_err *err)
{
	_cleanup_stage_ struct pm_stage *st = NULL;
	CHECK_OK(pm_stage_new(s, &st, err), *err);
	for (size_t i = 0; i < m->n; i++) {
		m->layers[i].staged = NULL;
		if (pm_layer_get(s, m->chain[i], NULL, err) == 1)
			continue;
		int fd = pm_stage_layer(st, m->staged[i], err);
		CHECK_OK(fd, *err);
		CHECK_OK(pm_fs_write_file(fd, "f", "x", 1, 0644, false, err), *err);
		close(fd);
		m->layers[i].staged = m->staged[i];
	}
	return pm_image_commit(s, &m->row, m->layers, m->n, st, err);
}

/* Each row has its directory, each directory its row, each name its image. */
static void check_consistent(struct pm_store *s)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_image_list_ struct pm_image_list l = {0};
	CHECK_OK(pm_image_list(s, PM_IMAGE_CONFIG, &l, &err), err);
	for (size_t i = 0; i < l.n; i++) {
		_cleanup_layer_list_ struct pm_layer_list layers = {0};
		CHECK_OK(pm_image_layers(s, l.v[i].id, &layers, &err), err);
		CHECK_INT(layers.n * 100, l.v[i].size);
		CHECK_STR(layers.v[layers.n - 1].chain_id, l.v[i].top);
		for (size_t n = 0; n < layers.n; n++)
			CHECK(has_file(s, layers.v[n].chain_id));
	}
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	pm_fs_list(s->root_fd, "layers", &dirs, NULL);
	for (size_t i = 0; i < dirs.n; i++)
		CHECK_INT(pm_layer_get(s, dirs.v[i], NULL, &err), 1);
	CHECK_INT(count(s, "staging"), 0);
	CHECK_INT(count(s, "trash"), 0);
}

TEST(chain_ids)
{
	/* image-spec: ChainID(L0|L1) = SHA256(ChainID(L0) + " " + DiffID(L1)) */
	char a[65], b[65], want[65];
	const char *zero = "0000000000000000000000000000000000000000000000000000000000000000";
	pm_layer_chain_id(NULL, "sha256:0000000000000000000000000000000000000000000000000000000000000000", a);
	CHECK_STR(a, zero);
	pm_layer_chain_id(a, zero, b);
	_cleanup_free_ char *text = pm_asprintf("sha256:%s sha256:%s", zero, zero);
	pm_sha256_of(text, strlen(text), want);
	CHECK_STR(b, want);
}

TEST(commit_and_lookup)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct sample m;
	make_sample(&m, "abc", "docker.io/library/x:1");
	CHECK_OK(commit(s, &m, &err), err);
	check_consistent(s);

	_cleanup_image_row_ struct pm_image_row got = {0};
	CHECK_OK(pm_image_by_name(s, "docker.io/library/x:1", PM_IMAGE_MANIFEST, &got, &err), err);
	CHECK_STR(got.id, m.id);
	CHECK_STR(got.top, m.chain[2]);
	CHECK(!got.config && got.manifest_len == 3 && memcmp(got.manifest, "m\0f", 4) == 0);
	CHECK_INT(got.n_names, 1);
	CHECK_STR(got.names[0].digest, m.digest);
	CHECK(!got.variant);
	pm_image_row_free(&got);
	char part[16];
	snprintf(part, sizeof(part), "%.8s", m.id);
	CHECK_OK(pm_image_by_id(s, part, PM_IMAGE_CONFIG, &got, &err), err);
	CHECK_STR(got.config, m.config);
	pm_image_row_free(&got);
	CHECK_OK(pm_image_by_id(s, m.digest, 0, &got, &err), err); /* sha256:... */
	pm_image_row_free(&got);
	CHECK_OK(pm_image_by_digest(s, "docker.io/library/x", m.digest, 0, &got, &err), err);
	CHECK_INT(pm_image_by_digest(s, "docker.io/library/y", m.digest, 0, &got, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_image_by_digest(s, "docker.io/library", m.digest, 0, &got, &err), -PM_E_NOSUCH);
	pm_image_row_free(&got);
	CHECK_INT(pm_image_by_id(s, "", 0, &got, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_image_by_id(s, "xyz", 0, &got, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_image_by_name(s, "x", 0, &got, &err), -PM_E_NOSUCH);
	CHECK_STR(err.text, "x: image not known");

	/* enough images that two ids begin alike */
	bool ambiguous = false;
	for (char c = 'a'; c <= 'z'; c++) {
		struct sample o;
		char seed[3] = {'a', c, 0};
		make_sample(&o, seed, NULL);
		CHECK_OK(commit(s, &o, &err), err);
	}
	for (const char *p = "0123456789abcdef"; *p; p++) {
		char one[2] = {*p, 0};
		int r = pm_image_by_id(s, one, 0, &got, &err);
		ambiguous = ambiguous || r == -PM_E_AMBIGUOUS;
		pm_image_row_free(&got);
	}
	CHECK(ambiguous);
	_cleanup_image_list_ struct pm_image_list l = {0};
	CHECK_OK(pm_image_list(s, 0, &l, &err), err);
	CHECK_INT(l.n, 27);

	char *diff = NULL;
	CHECK_INT(pm_blob_diff_id(s, m.blob[1], &diff, &err), 1);
	CHECK_STR(diff, m.diff[1]);
	free(diff);
	CHECK_INT(pm_blob_diff_id(s, "sha256:none", &diff, &err), 0);
	pm_store_free(s);
}

TEST(commit_refuses)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct sample m;
	make_sample(&m, "abc", "x:1");
	/* a layer that is neither staged nor there */
	CHECK_INT(pm_image_commit(s, &m.row, m.layers, m.n, NULL, &err), -PM_E_NOSUCH);
	/* the last one's directory is missing: the ones before are taken back */
	struct pm_stage *st = NULL;
	CHECK_OK(pm_stage_new(s, &st, &err), err);
	close(pm_stage_layer(st, "0", &err));
	close(pm_stage_layer(st, "1", &err));
	for (size_t i = 0; i < 3; i++)
		m.layers[i].staged = m.staged[i];
	CHECK_INT(pm_image_commit(s, &m.row, m.layers, m.n, st, &err), -ENOENT);
	pm_stage_free(st);
	CHECK_INT(count(s, "layers"), 0);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	_cleanup_image_list_ struct pm_image_list l = {0};
	CHECK_OK(pm_image_list(s, 0, &l, &err), err);
	CHECK_INT(l.n, 0);
	/* names that would leave the directory */
	m.layers[0].chain_id = (char *)"../../x";
	m.layers[1].parent = (char *)"../../x";
	CHECK_INT(pm_image_commit(s, &m.row, m.layers, m.n, NULL, &err), -PM_E_INTERNAL);
	check_consistent(s);
	pm_store_free(s);
}

TEST(crash_left_a_directory)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct sample m;
	make_sample(&m, "ab", "x:1");
	_cleanup_free_ char *junk = pm_asprintf("layers/%s/diff/half-unpacked", m.chain[0]);
	CHECK_OK(pm_fs_mkdirs(s->root_fd, junk, 0700, &err), err);
	CHECK_OK(commit(s, &m, &err), err);
	struct stat st;
	CHECK(fstatat(s->root_fd, junk, &st, 0) < 0);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	check_consistent(s);
	pm_store_free(s);
}

TEST(names_move)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct sample a, b;
	make_sample(&a, "a", "x:1");
	make_sample(&b, "b", "x:1");
	CHECK_OK(commit(s, &a, &err), err);
	CHECK_OK(commit(s, &b, &err), err);
	_cleanup_image_row_ struct pm_image_row got = {0};
	CHECK_OK(pm_image_by_id(s, a.id, 0, &got, &err), err);
	CHECK_INT(got.n_names, 0); /* dangling now */
	char *was = NULL;
	CHECK_OK(pm_image_tag(s, a.id, "x:1", NULL, &was, &err), err);
	CHECK_STR(was, b.id);
	free(was);
	CHECK_OK(pm_image_tag(s, a.id, "x:1", NULL, &was, &err), err);
	CHECK(!was);
	CHECK_OK(pm_image_tag(s, a.id, "y:1", NULL, &was, &err), err);
	CHECK(!was);
	CHECK_INT(pm_image_tag(s, "feed", "z:1", NULL, NULL, &err), -PM_E_NOSUCH);
	CHECK_OK(pm_image_untag(s, "y:1", &err), err);
	CHECK_INT(pm_image_untag(s, "y:1", &err), -PM_E_NOSUCH);
	pm_store_free(s);
}

TEST(several_names)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct sample a;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT, past = PM_STRV_INIT;
	make_sample(&a, "a", "x:1");
	CHECK_OK(commit(s, &a, &err), err);
	pm_strv_add(&names, "y:1");
	pm_strv_add(&names, "z:1");
	CHECK_OK(pm_image_tag_all(s, a.id, &names, &err), err);
	CHECK_OK(pm_image_past_names(s, a.id, &past, &err), err);
	CHECK_INT(past.n, 3);
	CHECK_STR(past.v[0], "z:1");
	CHECK_STR(past.v[2], "x:1");

	/* one that is not its: nothing is taken */
	pm_strv_add(&names, "nope:1");
	CHECK_INT(pm_image_untag_all(s, a.id, &names, &err), -PM_E_NOSUCH);
	CHECK_STR(err.text, "nope:1: tag not known");
	CHECK_INT(pm_image_remove_name(s, a.id, NULL, NULL, &err), -PM_E_AMBIGUOUS);
	CHECK_INT(pm_image_remove_name(s, a.id, "nope:1", NULL, &err), -PM_E_NOSUCH);

	struct pm_image_removed rm = {0};
	CHECK_OK(pm_image_remove_name(s, a.id, "y:1", &rm, &err), err);
	CHECK_INT(rm.untagged.n, 1);
	CHECK_INT(rm.deleted.n, 0);
	pm_image_removed_free(&rm);
	pm_strv_free(&names);
	pm_strv_add(&names, "x:1");
	pm_strv_add(&names, "z:1");
	CHECK_OK(pm_image_untag_all(s, a.id, &names, &err), err);
	rm = (struct pm_image_removed){0};
	CHECK_OK(pm_image_remove_name(s, a.id, NULL, &rm, &err), err);
	CHECK_STR(rm.deleted.v[0], a.id);
	pm_image_removed_free(&rm);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	check_consistent(s);
	pm_store_free(s);
}

TEST(remove_shared_layers)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct sample a, b;
	make_sample(&a, "abc", "x:1");
	make_sample(&b, "abd", "x:2");
	CHECK_OK(commit(s, &a, &err), err);
	CHECK_OK(commit(s, &b, &err), err);
	CHECK_INT(count(s, "layers"), 4);

	struct pm_ctr_row c = {.id = (char *)a.chain[0], .name = (char *)"c", .image_id = a.id,
			       .config = (char *)"{}", .config_len = 2};
	CHECK_OK(pm_ctr_insert(s, &c, &err), err);
	CHECK_INT(pm_image_remove(s, a.id, NULL, &err), -PM_E_INUSE);
	CHECK(strstr(err.text, c.id));
	CHECK_OK(pm_ctr_delete(s, c.id, &err), err);

	struct pm_image_removed rm = {0};
	CHECK_OK(pm_image_remove(s, a.id, &rm, &err), err);
	CHECK_INT(rm.untagged.n, 1);
	CHECK_STR(rm.untagged.v[0], "x:1");
	CHECK_INT(rm.deleted.n, 2); /* the image, its own layer; not what b needs */
	CHECK_STR(rm.deleted.v[0], a.id);
	CHECK_STR(rm.deleted.v[1], a.chain[2]);
	pm_image_removed_free(&rm);
	CHECK_INT(count(s, "layers"), 3);
	CHECK_INT(pm_image_remove(s, a.id, NULL, &err), -PM_E_NOSUCH);

	/* somebody relies on the top layer, say a pull that found it: it stays, and goes next time */
	_cleanup_close_ int pin = pm_store_lock(s, "layer", b.chain[2], PM_LOCK_SHARED, true, &err);
	rm = (struct pm_image_removed){0};
	CHECK_OK(pm_image_remove(s, b.id, &rm, &err), err);
	pm_image_removed_free(&rm);
	CHECK_INT(pm_layer_get(s, b.chain[2], NULL, &err), 1);
	CHECK(has_file(s, b.chain[2]));
	close(pm_steal_fd(&pin));
	CHECK_OK(commit(s, &a, &err), err);
	CHECK_OK(pm_image_remove(s, a.id, NULL, &err), err);
	CHECK_INT(count(s, "layers"), 0);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	check_consistent(s);
	pm_store_free(s);
}

/* Processes commit images that share layers, and others remove them. */
TEST(concurrent_commits)
{
	pm_store_free(open_store());
	static const char *const seeds[] = {"abc", "abd", "abc", "ab"};
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			struct pm_err err = PM_ERR_INIT;
			struct pm_store *s = open_store();
			for (int n = 0; n < 12; n++) {
				struct sample m;
				make_sample(&m, seeds[i], NULL);
				int r = commit(s, &m, &err);
				/* a layer found before was removed meanwhile: pull again */
				if (r < 0 && r != -PM_E_NOSUCH)
					CHECK_OK(r, err);
				r = pm_image_remove(s, m.id, NULL, &err);
				if (r < 0 && r != -PM_E_NOSUCH)
					CHECK_OK(r, err);
				CHECK_OK(pm_sweep(s, NULL, &err), err);
			}
			pm_store_free(s);
			_exit(0);
		}
	}
	int status;
	while (wait(&status) > 0)
		CHECK_INT(status, 0);
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	check_consistent(s);
	pm_store_free(s);
}

#ifdef PM_FAULTS
/* kill -9 at each step of a commit and of a removal: the next process finds the image whole or not at
 * all, and its sweep leaves nothing that no row names. */
static void die_at(const char *where, bool removing, bool want_new, bool want_old)
{
	struct pm_err err = PM_ERR_INIT;
	struct sample old, new;
	make_sample(&old, "ab", "old:1");
	make_sample(&new, "acd", "new:1");
	struct pm_store *s = open_store();
	CHECK_OK(commit(s, &old, &err), err);
	pm_store_free(s);

	pid_t pid = fork();
	if (pid == 0) {
		setenv("PM_TEST_FAULT", where, 1);
		s = open_store();
		if (removing)
			pm_image_remove(s, old.id, NULL, NULL);
		else
			commit(s, &new, NULL);
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		test_fail(__FILE__, __LINE__, "it did not come to '%s'", where);

	s = open_store();
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	check_consistent(s);
	_cleanup_image_row_ struct pm_image_row got = {0}, other = {0};
	CHECK_INT(pm_image_by_name(s, "new:1", 0, &got, &err), want_new ? 0 : -PM_E_NOSUCH);
	CHECK_INT(pm_image_by_name(s, "old:1", 0, &other, &err), want_old ? 0 : -PM_E_NOSUCH);
	/* and it can be done again */
	CHECK_OK(commit(s, &new, &err), err);
	CHECK_OK(commit(s, &old, &err), err);
	check_consistent(s);
	CHECK_OK(pm_image_remove(s, old.id, NULL, &err), err);
	CHECK_OK(pm_image_remove(s, new.id, NULL, &err), err);
	CHECK_OK(pm_sweep(s, NULL, &err), err);
	CHECK_INT(count(s, "layers"), 0);
	check_consistent(s);
	pm_store_free(s);
}

TEST(killed_in_commit)
{
	die_at("image-begin", false, false, true);
	die_at("image-staged-synced", false, false, true);
	die_at("image-layer-moved", false, false, true);
	die_at("image-layers-synced", false, false, true);
	die_at("image-rows-written", false, false, true);
	die_at("image-committed", false, true, true);
}

TEST(killed_in_removal)
{
	die_at("image-remove-rows", true, false, false);
}
#endif
