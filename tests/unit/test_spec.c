#include "engine/spec/spec.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/spec/etcfiles.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define CAPS                                                                                       \
	"[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\","          \
	"\"CAP_NET_BIND_SERVICE\",\"CAP_SETFCAP\",\"CAP_SETGID\",\"CAP_SETPCAP\",\"CAP_SETUID\","  \
	"\"CAP_SYS_CHROOT\"]"

TEST(rootless_default)
{
	struct world w;
	world_init(&w);
	world_make_ok(&w);
	static const char *const want[][2] = {
		{"process.args", "[\"true\"]"},
		{"process.user", "{\"uid\":0,\"gid\":0,\"umask\":18}"},
		{"process.cwd", "\"/\""},
		{"process.terminal", "-"},
		{"process.noNewPrivileges", "-"},
		{"process.capabilities.bounding", CAPS},
		{"process.capabilities.effective", CAPS},
		{"process.capabilities.permitted", CAPS},
		{"process.capabilities.inheritable", "-"},
		{"process.capabilities.ambient", "-"},
		{"root", "{\"path\":\"/bundle/merged\"}"},
		{"hostname", "\"0123456789ab\""},
		{"linux.namespaces", "[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
				     "{\"type\":\"mount\"},{\"type\":\"cgroup\"}]"},
		{"linux.resources", "{}"},
		{"linux.devices", "-"},
		{"linux.seccomp.defaultAction", "\"SCMP_ACT_ERRNO\""},
		{"linux.readonlyPaths", "[\"/proc/asound\",\"/proc/bus\",\"/proc/fs\",\"/proc/irq\","
					"\"/proc/sys\",\"/proc/sysrq-trigger\"]"},
		{"mounts:/proc", "proc proc nosuid,noexec,nodev"},
		{"mounts:/dev", "tmpfs tmpfs nosuid,noexec,strictatime,mode=755,size=65536k"},
		{"mounts:/sys", "sysfs sysfs nosuid,noexec,nodev,ro"},
		{"mounts:/dev/pts",
		 "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"mounts:/dev/shm", "tmpfs shm nosuid,noexec,nodev,mode=1777,size=67108864"},
		{"mounts:/etc/hosts", "bind /run/pm/ctr/x/hosts bind,rprivate"},
		{"mounts:/etc/resolv.conf", "bind /run/pm/ctr/x/resolv.conf bind,rprivate"},
		{"mounts:/run/.containerenv", "bind /run/pm/ctr/x/.containerenv bind,rprivate"},
		{"mounts:/sys/fs/cgroup", "cgroup cgroup rprivate,nosuid,noexec,nodev,relatime,ro"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(want); i++)
		if (strcmp(world_at(&w, want[i][0]), want[i][1]) != 0)
			test_fail(__FILE__, __LINE__, "%s is\n%s, not\n%s", want[i][0],
				  world_at(&w, want[i][0]), want[i][1]);
	CHECK(strstr(world_at(&w, "linux.maskedPaths"), "powercap"));
	CHECK_INT(w.plan.net_sysctls.n, 1);
	CHECK_STR(w.plan.net_sysctls.v[0], "net.ipv4.ping_group_range=0 0");
	CHECK(strstr(world_file(&w, "hosts"), "10.0.2.100\t0123456789ab test\n"));
	CHECK(pm_startswith(world_file(&w, "resolv.conf") , "nameserver 10.0.2.3\n") ||
	      strstr(world_file(&w, "resolv.conf"), "\nnameserver 10.0.2.3\n"));
	CHECK_STR(world_file(&w, "hostname"), "0123456789ab\n");
	world_free(&w);
}

static void set_host_net(struct world *w)
{
	w->env.netns = PM_SPEC_NETNS_HOST;
	w->env.slirp = false;
}
static void set_no_net(struct world *w)
{
	w->env.netns = PM_SPEC_NETNS_NEW;
	w->env.slirp = false;
}
static void set_tty(struct world *w)
{
	w->c.terminal = true;
}
static void set_init(struct world *w)
{
	w->c.init = true;
}
static void set_web(struct world *w)
{
	w->c.user = pm_strdup("web");
	pm_strv_add(&w->c.cap_add, "net_admin");
}
static void set_ro(struct world *w)
{
	w->c.read_only = true;
}
static void set_priv(struct world *w)
{
	w->c.privileged = true;
}
static void set_single(struct world *w)
{
	w->env.uids = w->env.gids = world_single;
	w->env.n_uids = w->env.n_gids = 1;
}
static void set_opts(struct world *w)
{
	pm_strv_add(&w->c.security_opt, "unmask=/proc/acpi:/proc/a*");
	pm_strv_add(&w->c.security_opt, "mask=/etc/x");
	pm_strv_add(&w->c.security_opt, "no-new-privileges");
	pm_strv_add(&w->c.security_opt, "seccomp=unconfined");
	pm_strv_add(&w->c.cap_drop, "all");
	w->c.umask = pm_strdup("077");
}
static void add_mount(struct world *w, const char *type, const char *src, const char *dst, const char *opts)
{
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(&w->c);
	m->type = pm_strdup(type);
	m->source = pm_strdup_null(src);
	m->dest = pm_strdup(dst);
	if (opts)
		pm_strv_split(&m->options, opts, ',');
}
static void set_mounts(struct world *w)
{
	add_mount(w, "bind", "/usr", "/b", "ro,z");
	add_mount(w, "volume", "/var", "/v", "U");
	add_mount(w, "volume", "/var", "/n", "nocopy,rslave");
	add_mount(w, "tmpfs", NULL, "/t", "size=1m,notmpcopyup");
	add_mount(w, "bind", "/usr", "/etc/hosts", NULL);
}
static void set_host_ns(struct world *w)
{
	w->c.pidns = pm_strdup("host");
	w->c.ipcns = pm_strdup("host");
	w->c.utsns = pm_strdup("host");
	w->c.cgroupns = pm_strdup("host");
}
static void set_limits(struct world *w)
{
	w->env.cgroup = PM_SPEC_CGROUP_FS;
	w->env.cgroup_path = "/a/b";
	w->c.memory = 64 << 20;
	w->c.cpu_quota = 50000;
	w->c.cpu_period = 100000;
	w->c.pids_limit = 10;
	struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(&w->c);
	u->name = pm_strdup("core");
	pm_strv_add(&w->c.cgroup_conf, "memory.high=1");
}
static void set_crun(struct world *w)
{
	w->env.runtime = "/usr/bin/crun";
}

static const struct {
	const char *name;
	void (*set)(struct world *w);
	const char *path, *want;
} options[] = {
	{"host net", set_host_net, "mounts:/sys",
	 "bind /sys rprivate,nosuid,noexec,nodev,ro,rro,rbind"},
	{"host net", set_host_net, "mounts:/sys/fs/cgroup", "-"},
	{"host net", set_host_net, "linux.sysctl", "-"},
	{"no net", set_no_net, "mounts:/etc/resolv.conf", "-"},
	{"no net", set_no_net, "linux.sysctl", "{\"net.ipv4.ping_group_range\":\"0 0\"}"},
	{"tty", set_tty, "process.terminal", "true"},
	{"init", set_init, "process.args", "[\"/run/podman-init\",\"--\",\"true\"]"},
	{"init", set_init, "mounts:/run/podman-init", "bind /libexec/pm-init bind,rprivate,ro,nosuid,nodev"},
	{"web", set_web, "process.user",
	 "{\"uid\":33,\"gid\":33,\"umask\":18,\"additionalGids\":[33,44]}"},
	{"web", set_web, "process.capabilities.effective", "[\"CAP_NET_ADMIN\"]"},
	{"web", set_web, "process.capabilities.ambient", "[\"CAP_NET_ADMIN\"]"},
	{"read-only", set_ro, "root", "{\"path\":\"/bundle/merged\",\"readonly\":true}"},
	{"read-only", set_ro, "mounts:/tmp", "tmpfs tmpfs rw,rprivate,nosuid,nodev,tmpcopyup"},
	{"read-only", set_ro, "mounts:/etc/hosts",
	 "bind /run/pm/ctr/x/hosts bind,rprivate,ro,nosuid,noexec,nodev"},
	{"read-only", set_ro, "mounts:/run/.containerenv",
	 "bind /run/pm/ctr/x/.containerenv bind,rprivate"},
	{"privileged", set_priv, "linux.maskedPaths", "-"},
	{"privileged", set_priv, "linux.seccomp", "-"},
	{"privileged", set_priv, "mounts:/sys", "sysfs sysfs rprivate,nosuid,noexec,nodev,rw"},
	{"single id", set_single, "mounts:/dev/pts",
	 "devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"},
	{"options", set_opts, "process.noNewPrivileges", "true"},
	{"options", set_opts, "linux.seccomp", "-"},
	{"options", set_opts, "process.capabilities", "{\"bounding\":[]}"},
	{"options", set_opts, "linux.readonlyPaths",
	 "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]"},
	{"options", set_opts, "process.user.umask", "63"},
	{"mounts", set_mounts, "mounts:/b", "bind /usr ro,rprivate,rbind"},
	{"mounts", set_mounts, "mounts:/v", "bind /var rw,rprivate,nosuid,nodev,rbind"},
	{"mounts", set_mounts, "mounts:/n", "bind /var rslave,rw,nosuid,nodev,rbind"},
	{"mounts", set_mounts, "mounts:/t", "tmpfs tmpfs size=1m,rw,rprivate,nosuid,nodev"},
	{"mounts", set_mounts, "linux.rootfsPropagation", "\"rslave\""},
	{"host namespaces", set_host_ns, "linux.namespaces", "[{\"type\":\"mount\"}]"},
	{"host namespaces", set_host_ns, "mounts:/proc", "bind /proc rbind,nosuid,noexec,nodev"},
	{"host namespaces", set_host_ns, "mounts:/dev/shm",
	 "bind /dev/shm bind,rprivate,nosuid,noexec,nodev"},
	{"host namespaces", set_host_ns, "hostname", "-"},
	{"limits", set_limits, "linux.resources",
	 "{\"memory\":{\"limit\":67108864,\"swap\":134217728},\"cpu\":{\"quota\":50000,"
	 "\"period\":100000},\"pids\":{\"limit\":10},\"unified\":{\"memory.high\":\"1\"}}"},
	{"limits", set_limits, "linux.cgroupsPath", "\"/a/b\""},
	{"crun", set_crun, "linux.seccomp", "-"},
};

TEST(options_one_by_one)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(options); i++) {
		struct world w;
		world_init(&w);
		options[i].set(&w);
		world_make_ok(&w);
		if (strcmp(world_at(&w, options[i].path), options[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s is\n%s, not\n%s", options[i].name,
				  options[i].path, world_at(&w, options[i].path), options[i].want);
		world_free(&w);
	}
}

TEST(the_plan_lists_what_the_monitor_makes)
{
	struct world w;
	world_init(&w);
	set_mounts(&w);
	w.c.user = pm_strdup("web");
	w.c.workdir = pm_strdup("/new/dir");
	w.c.workdir_made = true;
	world_make_ok(&w);
	CHECK_INT(w.plan.n_copyups, 2);
	CHECK_STR(w.plan.copyups[0].dest, "/v");
	/* nocopy: nothing is copied, but the volume gets its owner */
	CHECK_STR(w.plan.copyups[1].dest, "");
	CHECK_INT(w.plan.n_chowns, 1);
	CHECK_STR(w.plan.chowns[0].path, "/var");
	CHECK_INT(w.plan.chowns[0].uid, 33);
	CHECK_INT(w.plan.mkdirs.n, 1);
	CHECK_STR(w.plan.mkdirs.v[0], "/new/dir");
	w.c.workdir[0] = 0;
	world_make_ok(&w);
	CHECK_INT(w.plan.mkdirs.n, 0);
	world_free(&w);
}

/* Parents come before what lies in them. */
TEST(mounts_are_in_order)
{
	struct world w;
	world_init(&w);
	add_mount(&w, "tmpfs", NULL, "/a/b/c", NULL);
	add_mount(&w, "tmpfs", NULL, "/a", NULL);
	world_make_ok(&w);
	const char *p = w.plan.json;
	CHECK(strstr(p, "\"/a\"") < strstr(p, "\"/a/b/c\""));
	CHECK(strstr(p, "\"destination\":\"/dev\"") < strstr(p, "\"destination\":\"/dev/pts\""));
	world_free(&w);
}

static void bad_user(struct world *w)
{
	w->c.user = pm_strdup("nobody-here");
}
static void bad_id(struct world *w)
{
	w->c.user = pm_strdup("70000");
}
static void bad_cap(struct world *w)
{
	pm_strv_add(&w->c.cap_add, "flying");
}
static void bad_both(struct world *w)
{
	pm_strv_add(&w->c.cap_add, "chown");
	pm_strv_add(&w->c.cap_drop, "CAP_CHOWN");
}
static void bad_sysctl(struct world *w)
{
	pm_strv_add(&w->c.sysctls, "kernel.core_pattern=|/x");
}
static void bad_sysctl2(struct world *w)
{
	pm_strv_add(&w->c.sysctls, "net.../../kernel/core_pattern=x");
}
static void bad_sysctl3(struct world *w)
{
	set_host_net(w);
	pm_strv_add(&w->c.sysctls, "net.ipv4.ip_forward=1");
}
static void bad_memory(struct world *w)
{
	w->c.memory = 1 << 20;
}
static void bad_pids(struct world *w)
{
	w->c.pids_limit = 5;
}
static void bad_option(struct world *w)
{
	add_mount(w, "bind", "/usr", "/x", "frob");
}
static void bad_twice(struct world *w)
{
	add_mount(w, "bind", "/usr", "/x", "ro,rw");
}
static void bad_source(struct world *w)
{
	add_mount(w, "bind", "/nonexistent/x", "/x", NULL);
}
static void bad_dest(struct world *w)
{
	add_mount(w, "bind", "/usr", "/", NULL);
}
static void bad_dup(struct world *w)
{
	add_mount(w, "bind", "/usr", "/x", NULL);
	add_mount(w, "tmpfs", NULL, "/x", NULL);
}
static void bad_cwd(struct world *w)
{
	w->c.workdir = pm_strdup("rel");
}
static void bad_umask(struct world *w)
{
	w->c.umask = pm_strdup("8");
}
static void bad_command(struct world *w)
{
	pm_strv_free(&w->c.command);
}
static void bad_hostname(struct world *w)
{
	w->c.hostname = pm_strdup("a b");
}
static void bad_host(struct world *w)
{
	pm_strv_add(&w->c.add_hosts, "x:1.2.3");
}
static void bad_profile(struct world *w)
{
	pm_strv_add(&w->c.security_opt, "seccomp=/etc/passwd");
}
static void bad_zone(struct world *w)
{
	w->c.timezone = pm_strdup("../../../etc/shadow");
}
static void bad_ulimit(struct world *w)
{
	struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(&w->c);
	u->name = pm_strdup("nosuch");
}

TEST(what_cannot_be_is_an_error)
{
	static const struct {
		const char *name;
		void (*set)(struct world *w);
		int code;
	} t[] = {
		{"user", bad_user, PM_E_NOTEXEC},	{"id", bad_id, PM_E_UNSUPPORTED},
		{"cap", bad_cap, PM_E_USAGE},		{"both", bad_both, PM_E_USAGE},
		{"sysctl", bad_sysctl, PM_E_USAGE},	{"sysctl2", bad_sysctl2, PM_E_USAGE},
		{"sysctl3", bad_sysctl3, PM_E_USAGE},	{"memory", bad_memory, PM_E_UNSUPPORTED},
		{"pids", bad_pids, PM_E_UNSUPPORTED},	{"option", bad_option, PM_E_USAGE},
		{"twice", bad_twice, PM_E_USAGE},	{"source", bad_source, PM_E_USAGE},
		{"dest", bad_dest, PM_E_USAGE},		{"dup", bad_dup, PM_E_USAGE},
		{"cwd", bad_cwd, PM_E_USAGE},		{"umask", bad_umask, PM_E_USAGE},
		{"command", bad_command, PM_E_USAGE},	{"hostname", bad_hostname, PM_E_USAGE},
		{"add-host", bad_host, PM_E_USAGE},	{"profile", bad_profile, PM_E_FORMAT},
		{"zone", bad_zone, PM_E_USAGE},		{"ulimit", bad_ulimit, PM_E_USAGE},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		struct world w;
		world_init(&w);
		t[i].set(&w);
		int r = world_make(&w, &err);
		if (r != -t[i].code)
			test_fail(__FILE__, __LINE__, "%s: %d (%s)", t[i].name, r, err.text);
		CHECK(!w.plan.json && w.plan.n_files == 0);
		world_free(&w);
	}
}

TEST(environment_order_and_precedence)
{
	struct world w;
	world_init(&w);
	pm_strv_add(&w.c.env, "PATH=/image");
	pm_strv_add(&w.c.env, "A=1");
	world_make_ok(&w);
	CHECK_STR(world_at(&w, "process.env"),
		  "[\"PATH=/image\",\"TERM=xterm\",\"container=podman\",\"A=1\",\"HOME=/root\","
		  "\"HOSTNAME=0123456789ab\"]");
	pm_strv_add(&w.c.env, "HOME=/mine");
	w.c.hostname = pm_strdup("h");
	world_make_ok(&w);
	CHECK(strstr(world_at(&w, "process.env"), "HOME=/mine") && strstr(world_at(&w, "process.env"), "HOSTNAME=h"));
	world_free(&w);
}

TEST(compiled_filters_are_cached_and_foreign_ones_not_used)
{
	struct world w;
	world_init(&w);
	_cleanup_free_ char *cache = pm_asprintf("%s/cache", test_dir());
	w.env.seccomp_cache = cache;
	set_crun(&w);
	world_make_ok(&w);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK_INT(pm_fs_list(AT_FDCWD, cache, &names, NULL) < 0, 0);
	CHECK_INT(names.n, 1);
	_cleanup_free_ char *first = pm_strdup(w.plan.json);
	CHECK(strstr(first, "run.oci.seccomp_bpf_data"));
	world_make_ok(&w);
	CHECK_STR(w.plan.json, first);
	_cleanup_free_ char *path = pm_asprintf("%s/%s", cache, names.v[0]);
	world_put(path, "AAAA");
	CHECK(chmod(path, 0666) == 0);
	world_make_ok(&w);
	CHECK_STR(w.plan.json, first);
	world_free(&w);
}

TEST(exec_process)
{
	struct pm_err err = PM_ERR_INIT;
	struct world w;
	world_init(&w);
	w.c.init = true;
	pm_strv_add(&w.c.env, "A=1");
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT, env = PM_STRV_INIT;
	pm_strv_add(&argv, "id");
	pm_strv_add(&env, "A=2");
	w.pool = pm_json_pool_new();
	w.json = pm_json_object(w.pool);
	struct pm_json *p;
	CHECK_OK(pm_spec_exec_process(&w.c, &w.env, &argv, "web", "/etc", &env, true, false, w.pool,
				      &p, &err), err);
	pm_json_set(w.pool, w.json, "process", p);
	CHECK_STR(world_at(&w, "process.args"), "[\"id\"]");
	CHECK_STR(world_at(&w, "process.cwd"), "\"/etc\"");
	CHECK_STR(world_at(&w, "process.terminal"), "true");
	CHECK_STR(world_at(&w, "process.user.uid"), "33");
	CHECK(strstr(world_at(&w, "process.env"), "\"A=2\"") && strstr(world_at(&w, "process.env"), "HOME=/var/www"));
	world_free(&w);
}

TEST(spec_hosts_change)
{
	_cleanup_strv_ struct pm_strv none = PM_STRV_INIT, one = PM_STRV_INIT;
	static const struct {
		const char *text, *want;
		bool drop, add;
	} t[] = {
		{"1.1.1.1\tbox web\n9.9.9.9 mine\n", "9.9.9.9 mine\n", true, false},
		{"9.9.9.9 mine\n", "9.9.9.9 mine\n1.1.1.1\tbox web\n", false, true},
		/* once only; a line of the container's stays, a last one without newline gets it */
		{"1.1.1.1\tbox web\n1.1.1.1 box web", "1.1.1.1 box web\n1.1.1.1\tbox web\n", false, true},
		{"1.1.1.1\tbox web x\n\n", "1.1.1.1\tbox web x\n\n", true, false},
		{"", "1.1.1.1\tbox web\n", false, true},
	};
	pm_strv_add(&one, "1.1.1.1");
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		pm_hosts_change(t[i].text, t[i].drop ? &one : &none, t[i].add ? &one : &none, "box web", &out);
		CHECK_STR(pm_buf_str(&out), t[i].want);
	}
}

TEST(host_files_are_taken_apart)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv skip = PM_STRV_INIT;
	struct pm_resolv r = {0};
	pm_strv_add(&skip, "mine");
	pm_hosts_copy("# c\n127.0.0.1 localhost lo # x\n\n1.1.1.1\tmine\n2.2.2.2 mine other\nonly\n",
		      &skip, &b);
	CHECK_STR(pm_buf_str(&b), "127.0.0.1\tlocalhost lo\n2.2.2.2\tother\n");
	pm_resolv_parse("domain a\nsearch b c ; x\nnameserver 1.2.3.4\nnameserver evil\n"
			"nameserver ::1\noptions ndots:1 rotate\nnameserver fe80::1%eth0", &r);
	CHECK_INT(r.servers.n, 3);
	CHECK_INT(r.search.n, 2);
	CHECK_INT(r.options.n, 2);
	pm_resolv_free(&r);
	CHECK(pm_is_loopback("127.5.0.1") && pm_is_loopback("::1") && !pm_is_loopback("10.0.0.1"));
}
