#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/limits.h"
#include "engine/container/stats.h"

/* A directory with the files of a group, all empty. */
static int make_group(struct pm_group *g)
{
	static const char *const files[] = {"memory.max", "memory.low", "memory.swap.max", "cpu.weight", "cpu.max",
					    "cpuset.cpus", "cpuset.mems", "pids.max", "io.weight"};
	*g = (struct pm_group){.fd = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			       .path = pm_strdup(test_dir())};
	for (size_t i = 0; i < PM_ARRAY_SIZE(files); i++)
		pm_fs_write_file(g->fd, files[i], "", 0, 0600, false, NULL);
	return g->fd;
}

static void check_file(const struct pm_group *g, const char *file, const char *want)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_fs_read_file(g->fd, file, 100, &b, NULL);
	CHECK_STR(pm_buf_str(&b), want);
}

TEST(update_writes_what_was_given)
{
	_cleanup_ctr_config_ struct pm_ctr_config all, given;
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK(make_group(&g) >= 0);
	pm_ctr_config_init(&all);
	pm_ctr_config_init(&given);
	given.memory = 100 << 20;
	given.cpu_shares = 1024;
	given.cpu_quota = 50000;
	given.cpuset_cpus = pm_strdup("0-1");
	given.pids_limit = -1;
	given.blkio_weight = 500;
	pm_limits_merge(&all, &given);
	CHECK_OK(pm_limits_write(&g, &given, &all, &err), err);
	check_file(&g, "memory.max", "104857600");
	check_file(&g, "memory.swap.max", "104857600"); /* as much swap again */
	check_file(&g, "memory.low", "");
	check_file(&g, "cpu.weight", "39");
	check_file(&g, "cpu.max", "50000 100000");
	check_file(&g, "cpuset.cpus", "0-1");
	check_file(&g, "cpuset.mems", "");
	check_file(&g, "pids.max", "max");
	check_file(&g, "io.weight", "default 4950");
}

TEST(update_joins_old_and_new_limits)
{
	_cleanup_ctr_config_ struct pm_ctr_config all, given;
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK(make_group(&g) >= 0);
	pm_ctr_config_init(&all);
	pm_ctr_config_init(&given);
	all.memory = 1000;
	all.cpu_period = 20000;
	all.pids_limit = 7;
	given.memory_swap = 1500;
	given.cpu_quota = 10000;
	pm_limits_merge(&all, &given);
	CHECK_INT(all.memory, 1000);
	CHECK_INT(all.memory_swap, 1500);
	CHECK_OK(pm_limits_write(&g, &given, &all, &err), err);
	check_file(&g, "memory.max", ""); /* not given: not touched */
	check_file(&g, "memory.swap.max", "500");
	check_file(&g, "cpu.max", "10000 20000");
	check_file(&g, "pids.max", "");
	given.memory_swap = -1;
	given.cpu_quota = PM_UNSET;
	pm_limits_merge(&all, &given);
	CHECK_OK(pm_limits_write(&g, &given, &all, &err), err);
	check_file(&g, "memory.swap.max", "max");
}

TEST(update_without_the_controller)
{
	_cleanup_ctr_config_ struct pm_ctr_config given;
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK(make_group(&g) >= 0);
	unlinkat(g.fd, "memory.max", 0);
	pm_ctr_config_init(&given);
	given.memory = 5;
	CHECK_INT(pm_limits_write(&g, &given, &given, &err), -ENOENT);
}

TEST(group_counters)
{
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	int64_t n = -1;
	CHECK(make_group(&g) >= 0);
	static const char io[] = "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=1\n";
	pm_fs_write_file(g.fd, "io.stat", io, sizeof(io) - 1, 0600, false, NULL);
	pm_fs_write_file(g.fd, "memory.stat", "anon 7\ninactive_file 9\nfile 1\n", 30, 0600, false, NULL);
	pm_fs_write_file(g.fd, "memory.max", "max\n", 4, 0600, false, NULL);
	CHECK(pm_group_io(&g, "rbytes", &n));
	CHECK_INT(n, 15);
	CHECK(pm_group_io(&g, "wbytes", &n));
	CHECK_INT(n, 21);
	CHECK(pm_group_key(&g, "memory.stat", "inactive_file", &n));
	CHECK_INT(n, 9);
	CHECK(!pm_group_key(&g, "memory.stat", "inactive", &n));
	CHECK(pm_group_number(&g, "memory.max", &n));
	CHECK(n == INT64_MAX);
	CHECK(!pm_group_number(&g, "memory.current", &n));
}

TEST(netdev_sums)
{
	static const char text[] =
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
		"carrier compressed\n"
		"    lo:     999       9    0    0    0     0          0         0      999       9    0    0    0     0   "
		"    0          0\n"
		"  tap0:     100       1    0    0    0     0          0         0       50       1    0    0    0     0   "
		"    0          0\n"
		"eth1:7 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0\nbad: x\n";
	int64_t in, out;
	pm_stats_parse_netdev(text, &in, &out);
	CHECK_INT(in, 107);
	CHECK_INT(out, 53);
	pm_stats_parse_netdev("", &in, &out);
	CHECK_INT(in + out, 0);
}
