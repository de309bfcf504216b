#include "cli/ctr_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

/* A command line "--memory 10m --name 'a b'" to the container's record, without a store. */
static int apply(const char *line, struct world *w, struct pm_err *err)
{
	struct pm_cli cli = {0};
	struct pm_ctr_opts o = {0};
	struct pm_engine e = {.conf_loaded = true};
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	static const struct pm_opt_table tables[] = {
		{pm_ctr_pod_table, 0}, {pm_ctr_pod_network_table, 0},
		{pm_ctr_pod_limits_table, 0}, {pm_ctr_table, 0},
		{pm_ctr_limits_table, 0}, {0}};
	char *no_args[] = {NULL};

	if (*line)
		pm_strv_split(&argv, line, ' ');
	for (size_t i = 0; i < argv.n; i++) /* "~" stands for a blank in an argument */
		for (char *p = argv.v[i]; *p; p++)
			*p = *p == '~' ? ' ' : *p;
	e.conf = w->conf;
	free(pm_steal(&w->c.name)); /* the options name it */
	char *none[] = {NULL};
	cli.argv = none;
	int r = pm_parse_add(&cli.parse, tables, &o, err);
	if (r >= 0)
		r = pm_parse_run(&cli.parse, argv.n ? argv.v : none, err);
	if (r >= 0)
		r = pm_ctr_options_apply(&cli, &e, &o, "image", no_args, &w->c, err);
	pm_parse_free(&cli.parse);
	return r;
}

struct want {
	const char *line, *path, *json;
};

static void check_json(const struct want *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pm_err err = PM_ERR_INIT;
		struct world w;
		world_init(&w);
		/* a host with all that cgroups offer */
		w.env.cgroup = PM_SPEC_CGROUP_FS;
		w.env.cgroup_path = "/a/b";
		if (apply(t[i].line, &w, &err) < 0 || world_make(&w, &err) < 0)
			test_fail(__FILE__, __LINE__, "%s: %s", t[i].line, err.text);
		if (strcmp(world_at(&w, t[i].path), t[i].json) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s is\n%s, not\n%s", t[i].line, t[i].path,
				  world_at(&w, t[i].path), t[i].json);
		world_free(&w);
	}
}

TEST(options_in_config_json)
{
	static const struct want t[] = {
		/* process */
		{"-w /tmp", "process.cwd", "\"/tmp\""},
		{"--workdir /tmp", "process.cwd", "\"/tmp\""},
		{"-u web", "process.user", "{\"uid\":33,\"gid\":33,\"umask\":18,\"additionalGids\":[33,44]}"},
		{"-u 7:8", "process.user", "{\"uid\":7,\"gid\":8,\"umask\":18,\"additionalGids\":[8]}"},
		{"--umask 077", "process.user.umask", "63"},
		{"--group-add 9 --group-add extra", "process.user.additionalGids", "[0,9,44]"},
		{"--group-add keep-groups", "annotations.run.oci.keep_original_groups", "-"},
		{"-t", "process.terminal", "true"},
		{"--oom-score-adj -500", "process.oomScoreAdj", "-500"},
		{"--ulimit host", "process.rlimits", "-"},
		{"--personality linux32", "linux.personality", "{\"domain\":\"LINUX32\"}"},
		{"--security-opt no-new-privileges", "process.noNewPrivileges", "true"},
		{"--security-opt no-new-privileges:true", "process.noNewPrivileges", "true"},
		{"--security-opt no-new-privileges=false", "process.noNewPrivileges", "-"},
		{"--cap-drop all --cap-add net_admin", "process.capabilities.bounding", "[\"CAP_NET_ADMIN\"]"},
		{"--cap-drop ALL", "process.capabilities.bounding", "[]"},
		{"--cap-drop=chown,CAP_KILL,dac_override,fowner,fsetid,net_bind_service,setfcap,setgid,setpcap",
		 "process.capabilities.bounding", "[\"CAP_SETUID\",\"CAP_SYS_CHROOT\"]"},
		/* mounts */
		{"--security-opt proc-opts=hidepid=2,subset=pid", "mounts:/proc",
		 "proc proc nosuid,noexec,nodev,hidepid=2,subset=pid"},
		{"--chrootdirs /var/x", "mounts:/var/x/etc/hosts", "bind /run/pm/ctr/x/hosts bind,rprivate"},
		{"--chrootdirs /var/x/", "mounts:/var/x/etc/resolv.conf",
		 "bind /run/pm/ctr/x/resolv.conf bind,rprivate"},
		{"--systemd always", "mounts:/run", "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup"},
		{"--systemd always --shm-size-systemd 1m", "mounts:/run/lock",
		 "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup,size=1048576"},
		{"--systemd always", "mounts:/sys/fs/cgroup",
		 "cgroup cgroup rprivate,nosuid,noexec,nodev,relatime,rw"},
		{"--systemd always", "annotations.org.opencontainers.image.stopSignal", "-"},
		{"--shm-size 1m", "mounts:/dev/shm", "tmpfs shm nosuid,noexec,nodev,mode=1777,size=1048576"},
		{"--ipc none", "mounts:/dev/shm", "-"},
		{"--ipc host", "mounts:/dev/shm", "bind /dev/shm bind,rprivate,nosuid,noexec,nodev"},
		{"--read-only", "root.readonly", "true"},
		{"--read-only", "mounts:/tmp", "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup"},
		{"--read-only --read-only-tmpfs=false", "mounts:/tmp", "-"},
		/* linux */
		{"--security-opt systempaths=unconfined", "linux.maskedPaths", "-"},
		{"--security-opt unmask=ALL", "linux.readonlyPaths", "-"},
		{"--security-opt seccomp=unconfined", "linux.seccomp", "-"},
		{"--sysctl kernel.msgmax=100", "linux.sysctl", "{\"kernel.msgmax\":\"100\"}"},
		{"--pid host", "linux.namespaces",
		 "[{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}]"},
		{"--cgroupns host --uts host --ipc host", "linux.namespaces",
		 "[{\"type\":\"pid\"},{\"type\":\"mount\"}]"},
		{"--pid ns:/proc/1/ns/pid --uts private --ipc shareable", "linux.namespaces",
		 "[{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
		 "{\"type\":\"mount\"},{\"type\":\"cgroup\"}]"},
		/* limits */
		{"-m 10m", "linux.resources.memory", "{\"limit\":10485760,\"swap\":20971520}"},
		{"-m 10m --memory-swap 15m --memory-reservation 5m", "linux.resources.memory",
		 "{\"limit\":10485760,\"reservation\":5242880,\"swap\":15728640}"},
		{"-m 10m --memory-swap -1", "linux.resources.memory", "{\"limit\":10485760,\"swap\":-1}"},
		{"--memory 0", "linux.resources.memory", "-"},
		{"--cpus 1.5", "linux.resources.cpu", "{\"quota\":150000,\"period\":100000}"},
		{"--cpu-period 50000 --cpu-quota 20000 -c 5", "linux.resources.cpu",
		 "{\"shares\":5,\"quota\":20000,\"period\":50000}"},
		{"--cpuset-cpus 0-1 --cpuset-mems 0", "linux.resources.cpu", "{\"cpus\":\"0-1\",\"mems\":\"0\"}"},
		{"--pids-limit 7", "linux.resources.pids", "{\"limit\":7}"},
		{"--pids-limit -1", "linux.resources.pids", "-"},
		{"--pids-limit 0", "linux.resources.pids", "-"},
		{"", "linux.resources.pids", "{\"limit\":2048}"},
		{"--blkio-weight 10", "linux.resources.blockIO", "{\"weight\":10}"},
		{"--cgroup-conf memory.high=5 --cgroup-conf pids.max=max", "linux.resources.unified",
		 "{\"memory.high\":\"5\",\"pids.max\":\"max\"}"},
	};
	check_json(t, PM_ARRAY_SIZE(t));
}

TEST(contradictions_and_values)
{
	static const struct {
		const char *line, *error;
	} t[] = {
		{"--memory 10m --memory-swap 5m", "larger than memory limit"},
		{"--memory-swap 5m", "always set a memory limit"},
		{"--memory 10m --memory-reservation 20m", "less than memory reservation"},
		{"--memory-swappiness 200", "valid memory swappiness range is 0-100"},
		{"--memory-swappiness 20", "not supported on cgroups V2"},
		{"--oom-kill-disable", "not supported on cgroups V2"},
		{"--cpu-rt-runtime 5", "not supported on cgroups V2"},
		{"--cpu-rt-period 5", "not supported on cgroups V2"},
		{"--cpus 1 --cpu-quota 5000", "--cpu-quota and --cpus cannot be set together"},
		{"--cpus 1 --cpu-period 5000", "--cpu-period and --cpus cannot be set together"},
		{"--cpus -1", "out of range"},
		{"--cpu-period 10", "CPU cfs period cannot be less than 1ms"},
		{"--cpu-period 1000001", "larger than 1s"},
		{"--cpu-quota 10", "CPU cfs quota cannot be less than 1ms"},
		{"--blkio-weight 9", "from 10 to 1000"},
		{"--blkio-weight 1001", "from 10 to 1000"},
		{"--blkio-weight-device /dev/vda", "bad format"},
		{"--blkio-weight-device /dev/vda:5", "invalid weight for device"},
		{"--device-read-bps foo", "bad format"},
		{"--device-read-bps vda:5", "bad format for device path"},
		{"--device-read-bps /dev/vda:x", "invalid rate for device"},
		{"--device-write-iops /dev/vda:1k", "invalid rate for device"},
		{"--device-write-iops /dev/vda:-1", "invalid rate for device"},
		{"--oom-score-adj 1001", "-1000 to 1000"},
		{"--oom-score-adj -1001", "-1000 to 1000"},
		{"--ipc host --shm-size 1m", "cannot set shmsize"},
		{"--ipc container:a --shm-size 1m", "cannot set shmsize"},
		{"--cgroups foo", "cgroups"},
		{"--cgroups disabled --memory 10m", "cannot specify resource limits"},
		{"--cgroups disabled --pids-limit 10", "cannot specify resource limits"},
		{"--cgroups disabled --cgroup-parent /a", "cannot specify --cgroup-parent"},
		{"--cgroup-conf foo", "--cgroup-conf must be formatted KEY=VALUE"},
		{"--cgroup-conf =foo", "--cgroup-conf must be formatted KEY=VALUE"},
		{"--pid foo", "unrecognized namespace mode foo passed"},
		{"--pid shareable", "unrecognized namespace mode"},
		{"--ipc foo", "unrecognized namespace mode foo passed"},
		{"--uts foo", "unrecognized namespace mode foo passed"},
		{"--cgroupns foo", "unrecognized namespace mode foo passed"},
		{"--pid container:", "must name a container"},
		{"--pid ns:proc", "absolute path"},
		{"--pid host --init", "PID namespace isn't private"},
		{"--hostname a --uts container:b", "container's UTS namespace"},
		{"--network container:b --add-host a:1.1.1.1", "extra host entries"},
		{"--security-opt foo", "invalid --security-opt 1: \"foo\""},
		{"--security-opt foo=bar", "invalid --security-opt 2: \"foo=bar\""},
		{"--security-opt no-new-privileges:maybe", "invalid --security-opt 2"},
		{"--security-opt mask=foo", "paths must be absolute"},
		{"--security-opt unmask=/a:foo", "paths must be absolute"},
		{"--security-opt systempaths=foo", "invalid --security-opt 2"},
		{"--security-opt seccomp=/nonexistent", "No such file"},
		{"--cap-add FOO", "unknown capability"},
		{"--cap-add chown --cap-drop chown", "cannot be dropped and added"},
		{"--cap-add all --cap-drop all", "contradictory"},
		{"--seccomp-policy foo", "invalid seccomp policy \"foo\""},
		{"--systemd foo", "--systemd values must be one of"},
		{"--init --systemd always", "cannot use container-init binary with systemd=always"},
		{"--replace", "cannot replace container without --name being set"},
		{"--rmi --rm=false", "--rmi option does not work without --rm"},
		{"--personality foo", "LINUX or LINUX32"},
		{"--preserve-fds 500", "is not available"},
		{"--preserve-fds 1 --preserve-fd 5", "cannot be set together"},
		{"--preserve-fd 2", "is not available"},
		{"--preserve-fd x", "--preserve-fd"},
		{"--umask 999", "invalid umask"},
		{"--umask 07777", "invalid umask"},
		{"--umask ~", "invalid umask"},
		{"--shm-size -1", "invalid size"},
		{"--storage-opt size=-1", "invalid size"},
		{"--workdir foo", "needs to be an absolute path"},
		{"--group-add keep-groups --group-add 1", "not allowed with any other"},
		{"--env-merge foo", "must be NAME=VALUE"},
		{"--ulimit foo", "requires name=SOFT:HARD"},
		{"--ulimit nofile=5:3", "soft limit is above"},
		{"--ulimit nofile=1:2:3", "requires name=SOFT:HARD"},
		{"--annotation foo", "must be formatted KEY=VALUE"},
		{"--sysctl foo", "must be in the form of KEY=VALUE"},
		{"--stop-signal foo", "invalid signal"},
		{"--timeout -1", "timeout"},
		{"--attach foo", "must be one of stdin"},
		{"--detach-keys foo", "detach keys"},
		{"--chrootdirs foo", "absolute path"},
		{"--storage-opt foo=1", "only size= and inodes= are supported"},
		{"--storage-opt size=x", "cannot convert size x to integer"},
		{"--storage-opt inodes=-1", "cannot convert inodes -1 to integer"},
		{"--device foo", "invalid device"},
		{"--device /dev/null:/dev/x:q", "invalid device mode"},
		{"--rdt-class x", "not supported"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		struct world w;
		world_init(&w);
		if (apply(t[i].line, &w, &err) >= 0)
			test_fail(__FILE__, __LINE__, "%s is taken", t[i].line);
		if (!strstr(err.text, t[i].error))
			test_fail(__FILE__, __LINE__, "%s: '%s' does not hold '%s'", t[i].line, err.text,
				  t[i].error);
		world_free(&w);
	}
}

TEST(record_members)
{
	struct pm_err err = PM_ERR_INIT;
	struct world w;
	world_init(&w);
	CHECK_OK(apply("--timeout 5 --passwd=false --hostuser a,b --env-host --requires x --requires y "
		       "--seccomp-policy image --rmi --attach STDOUT", &w, &err), err);
	CHECK_INT(w.c.timeout, 5);
	CHECK(w.c.passwd_off && w.c.env_host && w.c.rm && w.c.autoremove_image);
	CHECK_INT(w.c.hostusers.n, 2);
	CHECK_INT(w.c.requires_ctrs.n, 2);
	CHECK_STR(w.c.seccomp_policy, "image");
	world_free(&w);
}

TEST(systemd_by_the_command)
{
	static const struct {
		const char *command, *systemd;
		bool init, want;
	} t[] = {
		{"/sbin/init", NULL, false, true},  {"/usr/lib/systemd/systemd", NULL, false, true},
		{"/sbin/init", "false", false, false}, {"/bin/sh", NULL, false, false},
		{"/bin/sh", "always", false, true},  {"/sbin/init", NULL, true, false},
		{"init", NULL, false, false},	     {"systemd", NULL, false, true},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		_cleanup_ctr_config_ struct pm_ctr_config c;
		pm_ctr_config_init(&c);
		pm_strv_add(&c.command, t[i].command);
		c.systemd = pm_strdup_null(t[i].systemd);
		c.init = t[i].init;
		CHECK_INT(pm_ctr_config_is_systemd(&c), t[i].want);
	}
}
