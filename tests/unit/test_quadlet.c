#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/command.h"
#include "engine/quadlet/install.h"
#include "test.h"

/* --- unit files ------------------------------------------------------------------------------------ */

TEST(unit_file_syntax)
{
	static const struct {
		const char *text, *written, *error;
	} cases[] = {
		{"[A]\nx=1\n", "[A]\nx=1\n", NULL},
		{"# c\n ; c\n\n[A]\r\n x = 1 2 \r\n", "[A]\nx=1 2\n", NULL},
		{"\xef\xbb\xbf[A]\nx=", "[A]\nx=\n", NULL},
		{"[A]\nx=1 \\\n# between\n  ; too\n   2\ny=3", "[A]\nx=1  2\ny=3\n", NULL},
		{"[A]\nx=a\\\\\ny=b\n", "[A]\nx=a\\\\\ny=b\n", NULL},
		{"[A]\nx=a \\\n\ny=b\n", "[A]\nx=a\ny=b\n", NULL},
		{"[A]\nx=a\\", "[A]\nx=a\n", NULL},
		{"[A]\nx=a\\ \ny=b\n", "[A]\nx=a\\ \ny=b\n", NULL},
		{"[A]\nx=1\n[B]\ny=2\n[A]\nz=3=4\n", "[A]\nx=1\nz=3=4\n\n[B]\ny=2\n", NULL},
		{"x=1\n", NULL, "f:1: assignment outside of a section"},
		{"[A]\n\nword\n", NULL, "f:3: missing '=': 'word'"},
		{"[A]\n=1\n", NULL, "f:2: missing '=': '=1'"},
		{"[A\n", NULL, "f:1: invalid section header '[A'"},
		{"[]\n", NULL, "f:1: invalid section header '[]'"},
		{"[A]\nx=a \\\n b\nbad\n", NULL, "f:4: missing '=': 'bad'"},
		{"[A]\nx=\xff\n", NULL, "f: not a text in UTF-8"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_unitfile_ struct pm_unitfile f = {0};
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		struct pm_err err = PM_ERR_INIT;
		int r = pm_unitfile_parse(&f, "f", cases[i].text, strlen(cases[i].text), &err);
		if (cases[i].error) {
			CHECK_INT(r, -PM_E_FORMAT);
			CHECK_STR(err.text, cases[i].error);
			continue;
		}
		CHECK_OK(r, err);
		pm_unitfile_write(&f, &out);
		CHECK_STR(pm_buf_str(&out), cases[i].written);
	}
}

TEST(unit_file_lists_are_taken_back)
{
	static const char text[] = "[A]\nx=1\nx=2\nx=\nx=3\ny=a\nx=4\nz=1\nz=\n";
	_cleanup_unitfile_ struct pm_unitfile f = {0};
	CHECK(pm_unitfile_parse(&f, "f", text, strlen(text), NULL) >= 0);
	_cleanup_buf_ struct pm_buf seen = PM_BUF_INIT;
	for (const struct pm_unitline *l = NULL; (l = pm_unitfile_next(&f, "A", "x", l));)
		pm_buf_printf(&seen, "%s:%d ", l->value, l->line);
	CHECK_STR(pm_buf_str(&seen), "3:5 4:7 ");
	CHECK(!pm_unitfile_next(&f, "A", "z", NULL));
	CHECK(!pm_unitfile_value(&f, "A", "z"));
	CHECK_STR(pm_unitfile_value(&f, "A", "x"), "4");
	CHECK(!pm_unitfile_value(&f, "B", "x"));
}

TEST(unit_words)
{
	static const struct {
		const char *value, *words; /* joined by | */
	} cases[] = {
		{"", ""},
		{"a  b\tc", "a|b|c"},
		{"\"a b\" 'c d'", "a b|c d"},
		{"a\"b c\"d", "ab cd"},
		{"'a\"b' \"it's\"", "a\"b|it's"},
		{"\"\" x", "|x"},
		{"a\\ b", "a\\|b"},
		{"a\\sb", "a b"},
		{"\\110ello '\\x57orld' \\u00e4 \\U0001f600", "Hello|World|\xc3\xa4|\xf0\x9f\x98\x80"},
		{"a;b\\nc\\td \\\\ \\\"", "a;b\nc\td|\\|\""},
		{"test\\.com \\x00 \\400", "test\\.com|\\x00|\\400"},
		{"%n $x %% $$", "%n|$x|%%|$$"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(pm_unit_words(cases[i].value, &words, &err), err);
		_cleanup_free_ char *joined = pm_strv_join(&words, "|");
		CHECK_STR(joined, cases[i].words);
	}
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	CHECK_INT(pm_unit_words("a 'b", &words, NULL), -PM_E_USAGE);
}

/* --- keys ------------------------------------------------------------------------------------------ */

TEST(quadlet_keys_are_sorted_and_known_to_the_command)
{
	for (size_t i = 0; i < PM_QUADLET_TYPES; i++) {
		const struct pm_quadlet_kind *kind = &pm_quadlet_kinds[i];
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		size_t used;
		char path[64];
		pm_strv_split(&words, kind->command, ' ');
		const struct pm_command *cmd = pm_command_find(words.v, &used, path);
		bool there = cmd && used == words.n && !(cmd->flags & PM_CMD_GROUP);
		for (const struct pm_key *k = kind->keys; k->name; k++) {
			const struct pm_opt *opt = NULL;
			if (k[1].name && strcmp(k->name, k[1].name) >= 0)
				test_fail(__FILE__, __LINE__, "%s is not before %s", k->name, k[1].name);
			if (!there || !k->option)
				continue;
			for (const struct pm_opt_table *t = cmd->tables; t->opts && !opt; t++)
				for (const struct pm_opt *o = t->opts; o->name && !opt; o++)
					opt = strcmp(o->name, k->option) == 0 ? o : NULL;
			bool works = opt && opt->kind != PM_OPT_REFUSED;
			if (works == (k->refused != NULL))
				test_fail(__FILE__, __LINE__, "%s: --%s is %s option of pm %s", k->name, k->option,
					  works ? "an" : "no", kind->command);
		}
		if (!there)
			test_fail(__FILE__, __LINE__, "pm %s is not there", kind->command);
	}
}

/* "\fBKEY=\fR" lines of a section of the page, in order. */
static void page_keys(const char *page, const char *group, struct pm_strv *ret)
{
	_cleanup_free_ char *head = pm_asprintf("\n.SH [%s] IN", group);
	const char *s = strstr(page, head);
	CHECK(s != NULL);
	const char *end = strstr(s + 1, "\n.SH ");
	static const char item[] = "\n.TP\n\\fB";
	for (; (s = strstr(s, item)) && (!end || s < end); s += strlen(item))
		pm_strv_take(ret, pm_strndup(s + strlen(item), strcspn(s + strlen(item), "=\n")));
}

TEST(quadlet_manual_has_exactly_the_keys)
{
	_cleanup_buf_ struct pm_buf page = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_fs_read_file(AT_FDCWD, "docs/man/pm-systemd.unit.5", 1 << 20, &page, &err), err);
	for (size_t i = 0; i <= PM_QUADLET_TYPES; i++) {
		const bool all = i == PM_QUADLET_TYPES;
		_cleanup_strv_ struct pm_strv in_page = PM_STRV_INIT, in_table = PM_STRV_INIT;
		page_keys(pm_buf_str(&page), all ? "Quadlet" : pm_quadlet_kinds[i].group, &in_page);
		for (const struct pm_key *k = all ? pm_quadlet_keys : pm_quadlet_kinds[i].keys; k->name; k++)
			pm_strv_add(&in_table, k->name);
		_cleanup_free_ char *got = pm_strv_join(&in_page, " "), *want = pm_strv_join(&in_table, " ");
		CHECK_STR(got, want);
	}
}

/* --- conversion ------------------------------------------------------------------------------------ */

static void put(const char *dir, const char *name, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, name);
	_cleanup_free_ char *parent = pm_strndup(path, (size_t)(strrchr(path, '/') - path));
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, parent, 0755, &err), err);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, false, &err), err);
}

static struct pm_quadlet_set load(const char *dir)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	struct pm_quadlet_set set = {.user = false, .pm = "/bin/pm"};
	pm_strv_add(&dirs, dir);
	pm_quadlet_load(&set, &dirs);
	pm_quadlet_convert(&set);
	return set;
}

/* All values of KEY in [GROUP] of what became of name, joined by newlines. */
static char *values(const struct pm_quadlet_set *set, const char *name, const char *group, const char *key)
{
	_cleanup_strv_ struct pm_strv all = PM_STRV_INIT;
	const struct pm_quadlet *q = pm_quadlet_find(set, name);
	CHECK(q != NULL);
	for (const struct pm_unitline *l = NULL; !q->failed && (l = pm_unitfile_next(&q->out, group, key, l));)
		pm_strv_add(&all, l->value);
	return pm_strv_join(&all, "\n");
}

/* Beside the file under test there are these. */
static void put_others(const char *dir)
{
	put(dir, "n.network", "[Network]\n");
	put(dir, "named.network", "[Network]\nNetworkName=other\nServiceName=netsvc\n");
	put(dir, "v.volume", "[Volume]\n");
	put(dir, "i.image", "[Image]\nImage=quay.io/a/b:1\n");
	put(dir, "archive.image", "[Image]\nImage=docker-archive:/a.tar\nImageTag=quay.io/c/d:2\n");
	put(dir, "c.container", "[Container]\nImage=x\n");
	put(dir, "p.pod", "[Pod]\n");
}

/* A line of the own group of NAME.EXT, and what it becomes. */
struct key_case {
	const char *lines;
	const char *args;  /* of ExecStart, between what is always there; NULL: a note */
	const char *note;  /* after "PATH", of an error */
};

static void check_cases(const char *ext, const char *base_lines, const char *before, const char *after,
			const struct key_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *dir = pm_asprintf("%s/%s%zu", test_dir(), ext + 1, i);
		_cleanup_free_ char *name = pm_asprintf("x%s", ext), *path = pm_asprintf("%s/%s", dir, name);
		const struct pm_quadlet_kind *kind = pm_quadlet_kind_of(name);
		_cleanup_free_ char *text = pm_asprintf("[%s]\n%s%s\n", kind->group, cases[i].lines, base_lines);
		put_others(dir);
		put(dir, name, text);
		_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
		if (cases[i].note) {
			_cleanup_free_ char *want = pm_asprintf("%s%s", path, cases[i].note);
			if (set.n_notes != 1)
				test_fail(__FILE__, __LINE__, "%s: %zu notes: %s", cases[i].lines, set.n_notes,
					  set.n_notes ? set.notes[1].text : "");
			CHECK_STR(set.notes[0].text, want);
			CHECK(set.notes[0].error && pm_quadlet_find(&set, name)->failed);
			continue;
		}
		if (set.n_notes)
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].lines, set.notes[0].text);
		_cleanup_free_ char *got = values(&set, name, "Service", "ExecStart");
		_cleanup_buf_ struct pm_buf want = PM_BUF_INIT;
		pm_buf_add_str(&want, before);
		for (const char *s = cases[i].args; *s; s++) { /* @: the directory */
			if (*s == '@' && (s[1] == '/' || !s[1]))
				pm_buf_add_str(&want, dir);
			else
				pm_buf_add_char(&want, *s);
		}
		pm_buf_add_str(&want, after);
		CHECK_STR(got, pm_buf_str(&want));
	}
}

TEST(quadlet_container_keys)
{
	static const struct key_case cases[] = {
		{"", " --sdnotify=conmon -d", NULL},
		{"AddCapability=CAP_A CAP_B\nAddCapability=C\n",
		 " --sdnotify=conmon -d --cap-add=CAP_A --cap-add=CAP_B --cap-add=C", NULL},
		{"AddCapability=A\nAddCapability=\nAddCapability=B\n", " --sdnotify=conmon -d --cap-add=B", NULL},
		{"AddDevice=/dev/null:/dev/x:r -/dev/nonesuch -/dev/zero\n",
		 " --sdnotify=conmon -d --device=/dev/null:/dev/x:r --device=/dev/zero", NULL},
		{"AddHost=a:1.2.3.4\nAddHost=b:::1\n", " --sdnotify=conmon -d --add-host=a:1.2.3.4 --add-host=b:::1", NULL},
		{"Annotation=a=1 \"b=x y\"\nAnnotation=a=2\n",
		 " --sdnotify=conmon -d --annotation=a=2 \"--annotation=b=x y\"", NULL},
		{"AppArmor=prof\n", " --sdnotify=conmon -d --security-opt=apparmor=prof", NULL},
		{"AutoUpdate=registry\n", " --sdnotify=conmon -d --label=io.containers.autoupdate=registry", NULL},
		{"ContainersConfModule=/a.conf\nGlobalArgs=--log-level debug\n", NULL, NULL},
		{"DNS=1.1.1.1\nDNSOption=ndots:1\nDNSSearch=.\n",
		 " --sdnotify=conmon -d --dns=1.1.1.1 --dns-option=ndots:1 --dns-search=.", NULL},
		{"DropCapability=all\n", " --sdnotify=conmon -d --cap-drop=all", NULL},
		{"Entrypoint=/foo.sh\n", " --sdnotify=conmon -d --entrypoint=/foo.sh", NULL},
		{"Entrypoint=\n", " --sdnotify=conmon -d --entrypoint=", NULL},
		{"Entrypoint=[\"a\", \"b\"]\n", " --sdnotify=conmon -d \"--entrypoint=[\\\"a\\\", \\\"b\\\"]\"", NULL},
		{"Environment=A=1 \"B=a b\" 'C=%n $x' D\n",
		 " --sdnotify=conmon -d --env=A=1 \"--env=B=a b\" \"--env=C=%n $x\" --env=D", NULL},
		{"Environment=\"A=b\n", NULL, ":2: Environment: a quote does not end: \"A=b"},
		{"EnvironmentFile=/a b/c %h/d -/e -f\n",
		 " --sdnotify=conmon -d --env-file=/a --env-file=@/b/c --env-file=%h/d --env-file=-/e --env-file=-@/f", NULL},
		{"EnvironmentHost=yes\n", " --sdnotify=conmon -d --env-host", NULL},
		{"EnvironmentHost=no\n", " --sdnotify=conmon -d --env-host=false", NULL},
		{"EnvironmentHost=perhaps\n", NULL, ":2: EnvironmentHost: 'perhaps' is neither true nor false"},
		{"ExposeHostPort=50-59\n", " --sdnotify=conmon -d --expose=50-59", NULL},
		{"GIDMap=0:1:2\nUIDMap=0:1:2\nUIDMap=3:4:5\n",
		 " --sdnotify=conmon -d --gidmap=0:1:2 --uidmap=0:1:2 --uidmap=3:4:5", NULL},
		{"Group=7\n", NULL, ":2: Group without User"},
		{"Group=7\nUser=u\n", " --sdnotify=conmon -d --user=u:7", NULL},
		{"User=1000\n", " --sdnotify=conmon -d --user=1000", NULL},
		{"GroupAdd=keep-groups\n", " --sdnotify=conmon -d --group-add=keep-groups", NULL},
		{"HealthCmd=test -e /x\nHealthInterval=1s\nHealthOnFailure=kill\nHealthRetries=3\nHealthStartPeriod=1m\n"
		 "HealthTimeout=2s\nHealthLogDestination=local\nHealthMaxLogCount=5\nHealthMaxLogSize=9\n",
		 " --sdnotify=conmon -d \"--health-cmd=test -e /x\" --health-interval=1s --health-log-destination=local "
		 "--health-max-log-count=5 --health-max-log-size=9 --health-on-failure=kill --health-retries=3 "
		 "--health-start-period=1m --health-timeout=2s", NULL},
		{"HealthStartupCmd=x\nHealthStartupInterval=1s\nHealthStartupRetries=2\nHealthStartupSuccess=3\n"
		 "HealthStartupTimeout=4s\n",
		 " --sdnotify=conmon -d --health-startup-cmd=x --health-startup-interval=1s --health-startup-retries=2 "
		 "--health-startup-success=3 --health-startup-timeout=4s", NULL},
		{"HostName=h\nHttpProxy=false\n", " --sdnotify=conmon -d --hostname=h --http-proxy=false", NULL},
		{"IP=1.2.3.4\nIP6=::1\nImageVolume=tmpfs\n",
		 " --sdnotify=conmon -d --ip=1.2.3.4 --ip6=::1 --image-volume=tmpfs", NULL},
		{"Label=a=b c\n", " --sdnotify=conmon -d --label=a=b --label=c", NULL},
		{"LogDriver=journald\nLogOpt=tag=x\nLogOpt=path=/y\n",
		 " --sdnotify=conmon -d --log-driver=journald --log-opt=tag=x --log-opt=path=/y", NULL},
		{"Mask=/a:/b\nUnmask=ALL\n", " --sdnotify=conmon -d --security-opt=mask=/a:/b --security-opt=unmask=ALL", NULL},
		{"Memory=1g\nPidsLimit=9\nPull=never\n", " --sdnotify=conmon -d --memory=1g --pids-limit=9 --pull=never", NULL},
		{"Mount=type=volume,source=v.volume,destination=/x\n",
		 " --sdnotify=conmon -d --mount=type=volume,source=systemd-v,destination=/x", NULL},
		{"Mount=type=image,src=i.image,dst=/x\n",
		 " --sdnotify=conmon -d --mount=type=image,src=quay.io/a/b:1,dst=/x", NULL},
		{"Mount=type=bind,source=./d,target=/x\n",
		 " --sdnotify=conmon -d --mount=type=bind,source=@/d,target=/x", NULL},
		{"Mount=type=tmpfs,\"dst=/a,b\"\n", " --sdnotify=conmon -d \"--mount=type=tmpfs,\\\"dst=/a,b\\\"\"", NULL},
		{"Mount=type=volume,source=no.volume,destination=/x\n", NULL, ":2: Mount: there is no no.volume"},
		{"Network=host\n", " --sdnotify=conmon -d --network=host", NULL},
		{"Network=n.network:ip=1.2.3.4\nNetwork=named.network\nNetworkAlias=web\n",
		 " --sdnotify=conmon -d --network=systemd-n:ip=1.2.3.4 --network=other --network-alias=web", NULL},
		{"Network=c.container\n", " --sdnotify=conmon -d --network=container:systemd-c", NULL},
		{"Network=c.container:x=y\n", NULL,
		 ":2: Network: c.container:x=y: another container's network takes no options, and is for containers"},
		{"Network=no.network\n", NULL, ":2: Network: there is no no.network"},
		{"NoNewPrivileges=true\nSecurityLabelDisable=true\nSecurityLabelFileType=f\nSecurityLabelLevel=s0:c1,c2\n"
		 "SecurityLabelNested=true\nSecurityLabelType=t\nSeccompProfile=unconfined\n",
		 " --sdnotify=conmon -d --security-opt=no-new-privileges --security-opt=seccomp=unconfined "
		 "--security-opt=label=disable --security-opt=label=filetype:f --security-opt=label=level:s0:c1,c2 "
		 "--security-opt=label=nested --security-opt=label=type:t", NULL},
		{"NoNewPrivileges=false\n", " --sdnotify=conmon -d", NULL},
		{"Notify=true\n", " --sdnotify=container -d", NULL},
		{"Notify=healthy\n", " --sdnotify=healthy -d", NULL},
		{"Pod=p.pod\n", " --sdnotify=conmon -d --pod=systemd-p", NULL},
		{"Pod=p\n", NULL, ":2: Pod: p is no .pod file"},
		{"Pod=no.pod\n", NULL, ":2: Pod: there is no no.pod"},
		{"PodmanArgs=--cpus 2 \"--env=a b\"\nReadOnly=true\n",
		 " --sdnotify=conmon -d --read-only --cpus 2 \"--env=a b\"", NULL},
		{"PublishPort=8080:80\nPublishPort=[::]:1:2/udp\n",
		 " --sdnotify=conmon -d --publish=8080:80 --publish=[::]:1:2/udp", NULL},
		{"ReadOnlyTmpfs=false\nRunInit=true\n", " --sdnotify=conmon -d --read-only-tmpfs=false --init", NULL},
		{"ReloadCmd=a\nReloadSignal=HUP\n", NULL, ":2: ReloadCmd and ReloadSignal cannot both be set"},
		{"Retry=3\nRetryDelay=1s\n", " --sdnotify=conmon -d --retry=3 --retry-delay=1s", NULL},
		{"Rootfs=/r\n", NULL, ":2: Image and Rootfs cannot both be set"},
		{"Secret=a b,type=env\n", " --sdnotify=conmon -d --secret=a --secret=b,type=env", NULL},
		{"ShmSize=1m\nStopSignal=INT\nStopTimeout=5\nSubGIDMap=g\nSubUIDMap=u\n",
		 " --sdnotify=conmon -d --shm-size=1m --stop-signal=INT --stop-timeout=5 --subgidname=g --subuidname=u", NULL},
		{"Sysctl=a=1 b=2\nTimezone=local\nTmpfs=/a:rw\nUlimit=nofile=1:2\nUmask=0077\nUserNS=keep-id:uid=1\n",
		 " --sdnotify=conmon -d --sysctl=a=1 --sysctl=b=2 --tz=local --tmpfs=/a:rw --ulimit=nofile=1:2 --umask=0077 "
		 "--userns=keep-id:uid=1", NULL},
		{"Volume=v.volume:/v:ro\nVolume=/h:/h\nVolume=./d:/d\nVolume=/anon\nVolume=plain:/p\n",
		 " --sdnotify=conmon -d --volume=systemd-v:/v:ro --volume=/h:/h --volume=@/d:/d --volume=/anon --volume=plain:/p",
		 NULL},
		{"Volume=no.volume:/x\n", NULL, ":2: Volume: there is no no.volume"},
		{"WorkingDir=/a b\n", " --sdnotify=conmon -d \"--workdir=/a b\"", NULL},
		{"ServiceName=a.service\n", NULL, ":2: ServiceName: not the name of a unit without .service: a.service"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++)
		if (cases[i].args || cases[i].note)
			check_cases(".container", "Image=img", "/bin/pm run --name=systemd-x --replace --rm --cgroups=split",
				    " img", &cases[i], 1);
}

TEST(quadlet_container_command)
{
	static const struct {
		const char *lines, *start;
	} cases[] = {
		{"[Container]\nImage=i\nContainersConfModule=/a.conf\nGlobalArgs=--log-level debug\n",
		 "/bin/pm --module=/a.conf --log-level debug run --name=systemd-x --replace --rm --cgroups=split "
		 "--sdnotify=conmon -d i"},
		{"[Container]\nImage=\"i\"\nContainerName=%H-n\nCgroupsMode=no-conmon\nExec=sh -c 'echo \"$$x\" %%' \"\" a;b\\n\n",
		 "/bin/pm run --name=%H-n --replace --rm --cgroups=no-conmon --sdnotify=conmon -d i sh -c \"echo \\\"$$x\\\" %%\" "
		 "\"\" \"a;b\\n\""},
		{"[Container]\nRootfs=/r:O\nExec=x\n",
		 "/bin/pm run --name=systemd-x --replace --rm --cgroups=split --sdnotify=conmon -d --rootfs /r:O x"},
		{"[Container]\nImage=i.image\n",
		 "/bin/pm run --name=systemd-x --replace --rm --cgroups=split --sdnotify=conmon -d quay.io/a/b:1"},
		{"[Container]\nImage=archive.image\n",
		 "/bin/pm run --name=systemd-x --replace --rm --cgroups=split --sdnotify=conmon -d quay.io/c/d:2"},
		{"[Container]\nImage=i\n[Service]\nType=oneshot\n",
		 "/bin/pm run --name=systemd-x --replace --rm --cgroups=split i"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *dir = pm_asprintf("%s/%zu", test_dir(), i);
		put_others(dir);
		put(dir, "x.container", cases[i].lines);
		_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
		_cleanup_free_ char *got = values(&set, "x.container", "Service", "ExecStart");
		CHECK_STR(got, cases[i].start);
	}
}

TEST(quadlet_other_kinds)
{
	static const struct key_case pods[] = {
		{"AddHost=a:1\nDNS=1.1.1.1\nExitPolicy=continue\nHostName=h\nIP=1.2.3.4\nLabel=a=b\nPublishPort=80\nShmSize=1m\n"
		 "UserNS=auto\nVolume=v.volume:/v\nNetwork=n.network\nPodmanArgs=--cpus 2\n", "", NULL},
		{"StopTimeout=3\n", "", NULL},
		{"Network=c.container\n", NULL,
		 ":2: Network: c.container: another container's network takes no options, and is for containers"},
	};
	check_cases(".pod", "", "/bin/pm pod start systemd-x", "", pods, PM_ARRAY_SIZE(pods));
	static const struct key_case kubes[] = {
		{"Yaml=a.yml\n", "@/a.yml", NULL},
		{"Yaml=/a.yml\nAutoUpdate=registry\nAutoUpdate=c/local\nConfigMap=m.yml\nExitCodePropagation=all\nLogDriver=none\n"
		 "Network=n.network\nPublishPort=80\nUserNS=auto\nPodmanArgs=--x\n",
		 "--annotation=io.containers.autoupdate=registry --annotation=io.containers.autoupdate/c=local --network=systemd-n "
		 "--configmap=@/m.yml --service-exit-code-propagation=all --log-driver=none --publish=80 --userns=auto --x /a.yml",
		 NULL},
		{"SetWorkingDirectory=yaml\nYaml=a b\n", NULL, ":2: SetWorkingDirectory: yaml is for one Yaml only"},
		{"", NULL, ": there is no Yaml"},
	};
	check_cases(".kube", "", "/bin/pm kube play --replace --service-container=true ", "", kubes, PM_ARRAY_SIZE(kubes));
	static const struct key_case networks[] = {
		{"", "", NULL},
		{"Subnet=10.0.0.0/24\nGateway=10.0.0.1\nIPRange=10.0.0.128/25\nSubnet=10.1.0.0/24\nDNS=1.1.1.1\nDisableDNS=true\n"
		 "Driver=bridge\nIPAMDriver=host-local\nIPv6=yes\nInterfaceName=br9\nInternal=true\nLabel=a=b\nOptions=isolate=true\n",
		 " --subnet=10.0.0.0/24 --gateway=10.0.0.1 --ip-range=10.0.0.128/25 --subnet=10.1.0.0/24 --dns=1.1.1.1 --disable-dns "
		 "--driver=bridge --ipam-driver=host-local --ipv6 --interface-name=br9 --internal --label=a=b --opt=isolate=true",
		 NULL},
		{"Gateway=10.0.0.1\n", NULL, ":2: Gateway without a Subnet of its own"},
	};
	check_cases(".network", "", "/bin/pm network create --ignore", " systemd-x", networks, PM_ARRAY_SIZE(networks));
	static const struct key_case volumes[] = {
		{"", "", NULL},
		{"Device=tmpfs\nType=tmpfs\nOptions=size=1m\nUser=root\nGroup=7\nCopy=false\nLabel=a=b\n",
		 " --opt=device=tmpfs --opt=type=tmpfs --opt=nocopy --opt=o=uid=0,gid=7,size=1m --label=a=b", NULL},
		{"Driver=image\nImage=i.image\n", " --opt=image=quay.io/a/b:1 --driver=image", NULL},
		{"Driver=image\n", NULL, ":2: Driver=image without Image"},
		{"Type=tmpfs\n", NULL, ":2: Type without Device"},
		{"User=no such\n", NULL, ":2: User: no such is not in /etc/passwd"},
		{"UID=5\n", NULL, ":2: UID is not supported: pm gives a volume its owner where it is first used: User= and Group= "
				  "set it for a mounted one"},
	};
	check_cases(".volume", "", "/bin/pm volume create --ignore", " systemd-x", volumes, PM_ARRAY_SIZE(volumes));
	static const struct key_case images[] = {
		{"Image=a\nAllTags=true\nArch=arm64\nAuthFile=/a\nCertDir=/c\nCreds=u:p\nOS=linux\nTLSVerify=false\nVariant=v8\n",
		 " --all-tags --arch=arm64 --authfile=/a --cert-dir=/c --creds=u:p --os=linux --tls-verify=false --variant=v8 a",
		 NULL},
		{"", NULL, ": there is no Image"},
		{"Image=a\nPolicy=missing\nRetry=2\nRetryDelay=2s\n", " --policy=missing --retry=2 --retry-delay=2s a", NULL},
		{"Image=a\nDecryptionKey=/k:file=/p\n", " --decryption-key=/k:file=/p a", NULL},
	};
	check_cases(".image", "", "/bin/pm image pull", "", images, PM_ARRAY_SIZE(images));
}

TEST(quadlet_builds)
{
	static const struct key_case builds[] = {
		{"ImageTag=a\nSetWorkingDirectory=unit\n", " --tag=a @", NULL},
		{"ImageTag=a\nImageTag=b:1\nFile=/d/Containerfile\n", " --file=/d/Containerfile --tag=a --tag=b:1 /d", NULL},
		{"ImageTag=a\nFile=sub/Containerfile\nSetWorkingDirectory=file\n", " --file=@/sub/Containerfile --tag=a @/sub", NULL},
		{"ImageTag=a\nSetWorkingDirectory=https://git.example.com/x.git\n", " --tag=a https://git.example.com/x.git", NULL},
		{"ImageTag=a\nSetWorkingDirectory=rel\nFile=C\n", " --file=C --tag=a @/rel", NULL},
		{"ImageTag=a\nSetWorkingDirectory=unit\nAnnotation=x=y\nArch=arm64\nAuthFile=/auth\nBuildArg=A=1 \"B=2 3\"\nDNS=10.0.0.1\n"
		 "DNSOption=ndots:1\nDNSSearch=lan\nEnvironment=E=1\nForceRM=false\nGroupAdd=keep-groups\nIgnoreFile=.ign\nLabel=l=m\n"
		 "Network=n.network\nPull=newer\nRetry=2\nRetryDelay=3s\nSecret=id=s\nTLSVerify=false\nTarget=t\nVariant=v8\n"
		 "Volume=v.volume:/d\nPodmanArgs=--squash\n",
		 " --network=systemd-n --volume=systemd-v:/d --annotation=x=y --arch=arm64 --authfile=/auth --build-arg=A=1 \"--build-arg=B=2 3\" "
		 "--dns=10.0.0.1 --dns-option=ndots:1 --dns-search=lan --env=E=1 --force-rm=false --group-add=keep-groups "
		 "--ignorefile=.ign --tag=a --label=l=m --pull=newer --retry=2 --retry-delay=3s --secret=id=s --tls-verify=false "
		 "--target=t --variant=v8 --squash @", NULL},
		{"SetWorkingDirectory=unit\n", NULL, ": there is no ImageTag"},
		{"ImageTag=a\n", NULL, ": there is neither File nor SetWorkingDirectory"},
		{"ImageTag=a\nFile=Containerfile\n", NULL, ":3: File: Containerfile needs SetWorkingDirectory"},
		{"ImageTag=a\nSetWorkingDirectory=file\n", NULL, ":3: SetWorkingDirectory=file without the path of a File"},
		{"ImageTag=a\nSetWorkingDirectory=unit\nNetwork=none.network\n", NULL, ":4: Network: there is no none.network"},
	};
	check_cases(".build", "", "/bin/pm build", "", builds, PM_ARRAY_SIZE(builds));
}

/* One "GROUP KEY VALUES" of a service. */
static void check_values(const struct pm_quadlet_set *set, const char *name, const char *group, const char *key,
			 const char *want)
{
	_cleanup_free_ char *got = values(set, name, group, key);
	CHECK_STR(got, want);
}

TEST(quadlet_dependencies_and_service)
{
	const char *dir = test_dir();
	put_others(dir);
	put(dir, "x.container", "[Unit]\nAfter=c.container other.service\nWants=\n[Container]\nImage=i.image\n"
	    "Network=named.network\nVolume=v.volume:/v\nVolume=/h p:/h\nPod=p.pod\nReloadSignal=HUP\n"
	    "[Service]\nRestart=always\nEnvironment=A=b\n[Install]\nWantedBy=a.target b.target\nAlias=y.service bad/z\n");
	put(dir, "y.container", "[Container]\nImage=i\nPod=p.pod\nStartWithPod=false\nReloadCmd=a 'b c'\n"
	    "[Quadlet]\nDefaultDependencies=no\n");
	_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
	check_values(&set, "x.container", "Unit", "After",
		     "network-online.target\nc.service other.service\nnetsvc.service\nv-volume.service\np-pod.service\ni-image.service");
	/* the file took the network's back */
	check_values(&set, "x.container", "Unit", "Wants", "");
	check_values(&set, "x.container", "Unit", "Requires", "netsvc.service\nv-volume.service\ni-image.service");
	check_values(&set, "x.container", "Unit", "BindsTo", "p-pod.service");
	check_values(&set, "x.container", "Unit", "RequiresMountsFor", "%t/pm\n\"/h p\"");
	check_values(&set, "x.container", "Service", "Environment", "A=b\nPODMAN_SYSTEMD_UNIT=%n");
	check_values(&set, "x.container", "Service", "Restart", "always");
	check_values(&set, "x.container", "Service", "Type", "notify");
	check_values(&set, "x.container", "Service", "NotifyAccess", "all");
	check_values(&set, "x.container", "Service", "KillMode", "mixed");
	check_values(&set, "x.container", "Service", "Delegate", "yes");
	check_values(&set, "x.container", "Service", "ExecStop", "/bin/pm rm -v -f -i systemd-x");
	check_values(&set, "x.container", "Service", "ExecStopPost", "-/bin/pm rm -v -f -i systemd-x");
	check_values(&set, "x.container", "Service", "ExecReload", "/bin/pm kill --signal=HUP systemd-x");
	check_values(&set, "y.container", "Service", "ExecReload", "/bin/pm exec systemd-y a \"b c\"");
	check_values(&set, "y.container", "Unit", "After", "p-pod.service");
	check_values(&set, "p.pod", "Unit", "Wants", "network-online.target\nx.service");
	check_values(&set, "p.pod", "Unit", "Before", "x.service");
	check_values(&set, "p.pod", "Service", "ExecStartPre",
		     "/bin/pm pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy=stop "
		     "--infra-name=systemd-p-infra --name=systemd-p");
	check_values(&set, "p.pod", "Service", "ExecStop", "/bin/pm pod stop --ignore --time=10 systemd-p");
	check_values(&set, "p.pod", "Service", "Type", "forking");
	check_values(&set, "v.volume", "Service", "RemainAfterExit", "yes");
	struct pm_quadlet_links links = {0};
	pm_quadlet_links(&set, pm_quadlet_find(&set, "x.container"), &links);
	CHECK_INT(links.n, 3);
	CHECK_STR(links.v[0].path, "y.service");
	CHECK_STR(links.v[0].target, "x.service");
	CHECK_STR(links.v[2].path, "b.target.wants/x.service");
	CHECK_STR(links.v[2].target, "../x.service");
	pm_quadlet_links_free(&links);
	CHECK_INT(set.n_notes, 1);
	CHECK(strstr(set.notes[0].text, ":16: Alias: bad/z is no unit") != NULL);
}

TEST(quadlet_wrong_services)
{
	static const struct {
		const char *text, *note;
	} cases[] = {
		{"[Container]\nImage=i\n[Service]\nType=simple\n", ":4: Type=simple does not work here: notify or oneshot"},
		{"[Container]\nImage=i\n[Service]\nKillMode=process\n",
		 ":4: KillMode=process does not work here: mixed or control-group"},
		{"[Container]\nImage=i\n[Service]\nUser=x\n",
		 ":4: User= of [Service] does not work: put the file where that user's are"},
		{"[Container]\n", ": there is neither Image nor Rootfs"},
		{"[Container]\nImage=i\n[Unit]\nRequires=no.pod\n", ":4: Requires: there is no no.pod"},
		{"[Container]\nImage=i\n[Quadlet]\nSetMountsDependency=x\n",
		 ":4: SetMountsDependency: x is none of Requires, Wants and None"},
		{"[Container]\nImage=i\nServiceName=a/b\n",
		 ":3: ServiceName: not the name of a unit without .service: a/b"},
		{"[Container]\nImage=t@.image\n", ":2: t@.image is a template, and this is none: it has no instance"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *dir = pm_asprintf("%s/%zu", test_dir(), i);
		put(dir, "x.container", cases[i].text);
		put(dir, "t@.image", "[Image]\nImage=a\n");
		_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
		_cleanup_free_ char *want = pm_asprintf("%s/x.container%s", dir, cases[i].note);
		CHECK_INT(set.n_notes, 1);
		CHECK_STR(set.notes[0].text, want);
		CHECK(pm_quadlet_find(&set, "x.container")->failed);
	}
}

TEST(quadlet_unknown_keys_are_told)
{
	const char *dir = test_dir();
	put(dir, "x.container", "[Container]\nImage=i\nimagevolume=x\nNope=1\n[Quadlet]\nY=1\n[X-Own]\nz=1\n[Pod]\n");
	_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
	static const char *const notes[] = {":3: unknown key 'imagevolume' in section [Container]: did you mean ImageVolume",
					    ":4: unknown key 'Nope' in section [Container]",
					    ":6: unknown key 'Y' in section [Quadlet]",
					    ":9: unknown section [Pod]"};
	CHECK_INT(set.n_notes, PM_ARRAY_SIZE(notes));
	for (size_t i = 0; i < PM_ARRAY_SIZE(notes); i++) {
		_cleanup_free_ char *want = pm_asprintf("%s/x.container%s", dir, notes[i]);
		CHECK_STR(set.notes[i].text, want);
		CHECK(!set.notes[i].error);
	}
	CHECK(!pm_quadlet_find(&set, "x.container")->failed);
}

TEST(quadlet_files_and_drop_ins)
{
	_cleanup_free_ char *one = pm_asprintf("%s/1", test_dir()), *two = pm_asprintf("%s/2", test_dir());
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	_cleanup_quadlet_set_ struct pm_quadlet_set set = {.pm = "/bin/pm"};
	put(two, "a-b-c.container", "[Container]\nImage=two\n");
	put(two, "masked.container", "[Container]\nImage=two\n");
	put(two, "sub/deep/s.volume", "[Volume]\n");
	put(two, "t@.container", "[Container]\nImage=t\n");
	put(two, ".hidden.container", "[Container]\nImage=h\n");
	put(two, "container.d/10.conf", "[Container]\nLabel=type\n");
	put(two, "container.d/20.conf", "[Container]\nLabel=twenty\n");
	put(two, "a-.container.d/10.conf", "[Container]\nLabel=dash\n");
	put(two, "a-b-.container.d/30.conf", "[Container]\nLabel=dashes\nLabel=\n");
	put(two, "a-b-c.container.d/40.conf", "[Container]\nLabel=own\n");
	put(two, "a-b-c.container.d/not", "[Container]\nLabel=not\n");
	put(two, "t@.container.d/10.conf", "[Container]\nLabel=template\n");
	put(two, "t@1.container.d/15.conf", "[Container]\nLabel=instance\n");
	put(one, "a-b-c.container", "[Container]\nImage=one\n");
	put(one, "x/a-b-c.container", "[Container]\nImage=later\n");
	put(one, "a-b-c.container.d/50.conf", "[Container]\nLabel=elsewhere\n");
	CHECK(chdir(one) == 0 && symlink("/dev/null", "masked.container") == 0 && symlink("..", "zloop") == 0);
	CHECK(chdir(two) == 0 && symlink("t@.container", "t@1.container") == 0);
	pm_strv_add(&dirs, one);
	pm_strv_add(&dirs, two);
	pm_quadlet_load(&set, &dirs);
	pm_quadlet_convert(&set);
	CHECK_INT(set.n_notes, 0);
	CHECK_INT(set.n, 5);
	const char *const run = "/bin/pm run --name=systemd-a-b-c --replace --rm --cgroups=split --sdnotify=conmon -d "
				"--label=own --label=elsewhere one";
	check_values(&set, "a-b-c.container", "Service", "ExecStart", run);
	check_values(&set, "t@1.container", "Service", "ExecStart",
		     "/bin/pm run --name=systemd-%p_%i --replace --rm --cgroups=split --sdnotify=conmon -d "
		     "--label=template --label=instance --label=twenty t");
	check_values(&set, "t@.container", "Service", "ExecStart",
		     "/bin/pm run --name=systemd-%p_%i --replace --rm --cgroups=split --sdnotify=conmon -d "
		     "--label=template --label=twenty t");
	CHECK_STR(pm_quadlet_find(&set, "t@1.container")->service, "t@1.service");
	CHECK_STR(pm_quadlet_find(&set, "s.volume")->service, "s-volume.service");
	CHECK(!pm_quadlet_find(&set, "masked.container") && !pm_quadlet_find(&set, ".hidden.container"));
}

TEST(quadlet_paths_are_literal)
{
	_cleanup_free_ char *dir = pm_asprintf("%s/5%% $x", test_dir());
	put(dir, "x.container", "[Container]\nImage=i\nEnvironmentFile=e\n");
	_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
	_cleanup_free_ char *start = pm_asprintf("/bin/pm run --name=systemd-x --replace --rm --cgroups=split --sdnotify=conmon -d "
						 "\"--env-file=%s/5%%%% $$x/e\" i", test_dir());
	_cleanup_free_ char *source = pm_asprintf("%s/5%%%% $x/x.container", test_dir());
	check_values(&set, "x.container", "Service", "ExecStart", start);
	check_values(&set, "x.container", "Unit", "SourcePath", source);
}

TEST(quadlet_templates_refer_to_instances)
{
	const char *dir = test_dir();
	put(dir, "d@.volume", "[Volume]\n");
	put(dir, "t@.container", "[Container]\nImage=i\nVolume=d@.volume:/d\n[Install]\nDefaultInstance=7\nRequiredBy=a.target\n");
	put(dir, "n@.container", "[Container]\nImage=i\n[Install]\nWantedBy=a.target\n");
	_cleanup_quadlet_set_ struct pm_quadlet_set set = load(dir);
	CHECK_INT(set.n_notes, 0);
	check_values(&set, "t@.container", "Unit", "Requires", "d-volume@%i.service");
	check_values(&set, "d@.volume", "Service", "ExecStart", "/bin/pm volume create --ignore systemd-d-%i");
	struct pm_quadlet_links links = {0};
	pm_quadlet_links(&set, pm_quadlet_find(&set, "n@.container"), &links);
	CHECK_INT(links.n, 0);
	pm_quadlet_links(&set, pm_quadlet_find(&set, "t@.container"), &links);
	CHECK_INT(links.n, 1);
	CHECK_STR(links.v[0].path, "a.target.requires/t@7.service");
	CHECK_STR(links.v[0].target, "../t@.service");
	pm_quadlet_links_free(&links);
}
