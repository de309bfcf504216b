#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/ctr.h"
#include "storage/volume.h"

static struct pm_store *open_store(void)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/r", test_dir());
	_cleanup_free_ char *run = pm_asprintf("%s/run", test_dir());
	struct pm_store *s = NULL;
	CHECK_OK(pm_store_open(&(struct pm_store_options){.root = root, .runroot = run}, &s, &err), err);
	return s;
}

static struct pm_ctr_row simple(const char *id, const char *name)
{
	return (struct pm_ctr_row){
		.id = (char *)id, .name = (char *)name, .config = (char *)"{}", .config_len = 2};
}

#define ID_A "aaaa000000000000000000000000000000000000000000000000000000000001"
#define ID_B "aaaa000000000000000000000000000000000000000000000000000000000002"

TEST(round_trip)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	char *vols[] = {(char *)"data", NULL};
	struct pm_ctr_row a = {
		.id = (char *)ID_A, .name = (char *)"web", .image_name = (char *)"docker.io/library/x:1",
		.command = (char *)"sleep", .ports = (char *)"80", .labels = (char *)"{\"a\":\"b\"}",
		.config = (char *)"{\"x\":1}", .config_len = 7, .created = 5, .rm = true,
		.volumes = {.v = vols, .n = 1},
	};
	CHECK_INT(pm_ctr_insert(s, &a, &err), -PM_E_NOSUCH); /* no such volume */
	CHECK(strstr(err.text, "data"));
	struct pm_volume_row v = {.name = (char *)"data", .created = 1};
	CHECK_OK(pm_volume_insert(s, &v, &err), err);
	CHECK_OK(pm_ctr_insert(s, &a, &err), err);

	_cleanup_ctr_row_ struct pm_ctr_row got = {0};
	CHECK_OK(pm_ctr_find(s, "web", PM_CTR_CONFIG, &got, &err), err);
	CHECK_STR(got.id, ID_A);
	CHECK_STR(got.config, "{\"x\":1}");
	CHECK_STR(got.labels, "{\"a\":\"b\"}");
	CHECK(got.rm && got.created == 5 && got.word == PM_CTR_CREATED && !got.image_id && !got.boot_id);
	CHECK_INT(got.volumes.n, 1);

	got.word = PM_CTR_EXITED;
	got.exit_code = 7;
	got.started = 10;
	got.finished = 20;
	got.pid = 0;
	free(got.boot_id);
	got.boot_id = pm_strdup("boot");
	got.oom_killed = true;
	CHECK_OK(pm_ctr_set_state(s, &got, &err), err);
	CHECK_OK(pm_ctr_set_config(s, ID_A, "{}", 2, &err), err);
	CHECK_INT(pm_ctr_set_config(s, ID_B, "{}", 2, &err), -PM_E_NOSUCH);
	pm_ctr_row_free(&got);
	CHECK_OK(pm_ctr_find(s, ID_A, PM_CTR_CONFIG, &got, &err), err);
	CHECK_STR(got.config, "{}");
	pm_ctr_row_free(&got);
	CHECK_OK(pm_ctr_find(s, "aaaa0", 0, &got, &err), err);
	CHECK(!got.config && got.word == PM_CTR_EXITED && got.exit_code == 7 && got.finished == 20);
	CHECK_STR(got.boot_id, "boot");
	CHECK(got.oom_killed);

	CHECK_INT(pm_volume_remove(s, "data", &err), -PM_E_INUSE);
	CHECK(strstr(err.text, ID_A));
	CHECK_OK(pm_ctr_delete(s, ID_A, &err), err);
	CHECK_INT(pm_ctr_delete(s, ID_A, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_ctr_set_state(s, &got, &err), -PM_E_NOSUCH);
	CHECK_OK(pm_volume_remove(s, "data", &err), err);
	pm_store_free(s);
}

TEST(names)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct pm_ctr_row a = simple(ID_A, "x"), b = simple(ID_B, "x");
	CHECK_OK(pm_ctr_insert(s, &a, &err), err);
	CHECK_INT(pm_ctr_insert(s, &b, &err), -PM_E_EXISTS);
	CHECK_STR(err.text, "the container name \"x\" is already in use by " ID_A
			    ". You have to remove that container to be able to reuse that name: "
			    "that name is already in use");
	b.name = (char *)"aaaa"; /* a name that looks like an id wins over the prefix */
	CHECK_OK(pm_ctr_insert(s, &b, &err), err);
	_cleanup_ctr_row_ struct pm_ctr_row got = {0};
	CHECK_OK(pm_ctr_find(s, "aaaa", 0, &got, &err), err);
	CHECK_STR(got.id, ID_B);
	CHECK_INT(pm_ctr_find(s, "aaa", 0, &got, &err), -PM_E_AMBIGUOUS);
	CHECK_INT(pm_ctr_find(s, "none", 0, &got, &err), -PM_E_NOSUCH);
	CHECK_STR(err.text, "no container with name or ID \"none\" found: no such container");
	CHECK_INT(pm_ctr_find(s, "", 0, &got, &err), -PM_E_USAGE);
	CHECK_INT(pm_ctr_find(s, "x' OR 1=1 --", 0, &got, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_ctr_find(s, "%", 0, &got, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_ctr_rename(s, ID_B, "x", &err), -PM_E_EXISTS);
	CHECK_OK(pm_ctr_rename(s, ID_B, "y", &err), err);
	CHECK_INT(pm_ctr_rename(s, "feed", "z", &err), -PM_E_NOSUCH);
	pm_store_free(s);
}

TEST(dependencies)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	char *needs[] = {(char *)ID_A, NULL};
	struct pm_ctr_row a = simple(ID_A, "a"), b = simple(ID_B, "b");
	b.deps = (struct pm_strv){.v = needs, .n = 1};
	CHECK_INT(pm_ctr_insert(s, &b, &err), -PM_E_NOSUCH);
	CHECK_OK(pm_ctr_insert(s, &a, &err), err);
	CHECK_OK(pm_ctr_insert(s, &b, &err), err);
	CHECK_INT(pm_ctr_delete(s, ID_A, &err), -PM_E_INUSE);
	CHECK(strstr(err.text, ID_B));
	CHECK_OK(pm_ctr_delete(s, ID_B, &err), err);
	CHECK_OK(pm_ctr_delete(s, ID_A, &err), err);
	b.image_id = (char *)ID_A;
	b.deps.n = 0;
	CHECK_INT(pm_ctr_insert(s, &b, &err), -PM_E_NOSUCH); /* no such image */
	pm_store_free(s);
}

TEST(list_of_a_thousand)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	CHECK_OK(pm_db_begin(s->db, false, &err), err);
	char config[4000];
	memset(config, 'x', sizeof(config));
	for (int i = 0; i < 1000; i++) {
		char id[65], name[32];
		snprintf(id, sizeof(id), "%064x", i * 7919);
		snprintf(name, sizeof(name), "n%d", i);
		struct pm_ctr_row row = simple(id, name);
		row.config = config;
		row.config_len = sizeof(config);
		CHECK_OK(pm_ctr_insert(s, &row, &err), err); /* in our transaction */
	}
	CHECK_OK(pm_db_commit(s->db, &err), err);
	struct timespec t0, t1;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	CHECK_OK(pm_ctr_list(s, 0, &l, &err), err);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	CHECK_INT(l.n, 1000);
	CHECK_STR(l.v[0].name, "n0");
	CHECK_STR(l.v[999].name, "n999");
	CHECK(!l.v[0].config);
	double ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
	CHECK(ms < 200); /* 3 ms without sanitizers on a quiet machine */
	pm_store_free(s);
}

TEST(volumes)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_store *s = open_store();
	struct pm_volume_row v = {.name = (char *)"b", .labels = (char *)"{}", .created = 1, .anon = true};
	CHECK_OK(pm_volume_insert(s, &v, &err), err);
	CHECK_INT(pm_volume_insert(s, &v, &err), -PM_E_EXISTS);
	v.name = (char *)"a";
	CHECK_OK(pm_volume_insert(s, &v, &err), err);
	v.name = (char *)"../a";
	CHECK_INT(pm_volume_insert(s, &v, &err), -PM_E_USAGE);
	_cleanup_volume_list_ struct pm_volume_list l = {0};
	CHECK_OK(pm_volume_list(s, &l, &err), err);
	CHECK_INT(l.n, 2);
	CHECK_STR(l.v[0].name, "a");
	CHECK_STR(l.v[1].driver, "local");
	_cleanup_free_ char *path = pm_volume_path(s, &l.v[0]);
	struct stat st;
	CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	CHECK_OK(pm_volume_remove(s, "a", &err), err);
	CHECK(stat(path, &st) < 0);
	CHECK_INT(pm_volume_remove(s, "a", &err), -PM_E_NOSUCH);
	_cleanup_volume_row_ struct pm_volume_row got = {0};
	CHECK_INT(pm_volume_get(s, "a", &got, &err), -PM_E_NOSUCH);
	CHECK_OK(pm_volume_get(s, "b", &got, &err), err);
	CHECK(got.anon);
	pm_store_free(s);
}
