#include "engine/container/checkpoint_config.h"

#include <string.h>

#include "tests/unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define WHO "\"id\":\"" HEX64 "\",\"name\":\"web\""

static int parse(const char *config, const char *spec, struct pm_ctr_config *k, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv caps = PM_STRV_INIT;
	struct pm_json *c, *s;
	pm_strv_add(&caps, "CAP_CHOWN");
	pm_strv_add(&caps, "CAP_KILL");
	CHECK_OK(pm_json_parse(pool, config, strlen(config), &c, err), *err);
	CHECK_OK(pm_json_parse(pool, spec, strlen(spec), &s, err), *err);
	pm_ctr_config_init(k);
	return pm_checkpoint_config(c, s, &caps, k, err);
}

/* Of pm's own document: what is added to it, and what it comes to; NULL: it is taken. */
TEST(checkpoint_grants)
{
	static const struct {
		const char *add, *want;
	} cases[] = {
		{"", NULL},
		{",\"privileged\":true", "all privileges"},
		{",\"devices\":[{\"host\":\"/dev/kvm\"}]", "devices"},
		{",\"cap_add\":[\"SYS_ADMIN\"]", "capabilities"},
		{",\"security_opt\":[\"no-new-privileges\",\"mask=/proc\"]", NULL},
		{",\"security_opt\":[\"seccomp=unconfined\"]", "security options"},
		{",\"sysctls\":[\"net.ipv4.ip_forward=1\"]", "sysctls"},
		{",\"secrets\":[\"id=x\"]", "secrets"},
		{",\"pidns\":\"host\"", "a PID namespace"},
		{",\"ipcns\":\"container:" HEX64 "\"", "an IPC namespace"},
		{",\"userns\":\"ns:/proc/1/ns/user\"", "a user namespace"},
		{",\"rootfs\":\"/\"", "a root file system"},
		{",\"runtime\":\"/tmp/x\"", "a program as its runtime"},
		{",\"runtime\":\"runc\"", NULL},
		{",\"annotations\":[\"run.oci.keep_original_groups=1\"]", "annotations"},
		{",\"annotations\":[\"io.podman.annotations.label=disable\"]", NULL},
		{",\"hosts_file\":\"/etc/shadow\"", "a file"},
		{",\"hosts_file\":\"none\"", NULL},
		{",\"is_infra\":true", "a pod's namespaces"},
		{",\"mounts\":[{\"type\":\"bind\",\"source\":\"/\",\"dest\":\"/host\"}]", "a directory"},
		{",\"mounts\":[{\"type\":\"tmpfs\",\"dest\":\"/t\"}]", NULL},
		{",\"mounts\":[{\"type\":\"tmpfs\"}]", "a mount without a place"},
		{",\"mounts\":[{\"type\":\"volume\",\"name\":\"v\",\"dest\":\"/v\"}]", NULL},
		{",\"mounts\":[{\"type\":\"volume\",\"name\":\"../v\",\"dest\":\"/v\"}]", "volume of the checkpoint"},
		{",\"mounts\":[{\"type\":\"volume\",\"name\":\"v\",\"dest\":\"/v\",\"driver_options\":[\"device=/\"]}]",
		 "driver's options"},
		{",\"ports\":[{\"container_port\":70000}]", "malformed port"},
		{",\"ports\":[{\"container_port\":80,\"host_port\":8080}]", NULL},
		{",\"ulimits\":[{\"soft\":1}]", "malformed limit"},
		{",\"stop_signal\":99", "malformed stop signal"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		struct pm_ctr_config k;
		_cleanup_free_ char *text = pm_asprintf("{\"pm\":{\"version\":1," WHO ",\"image_id\":\"" HEX64
							"\",\"network\":\"none\"%s}}", cases[i].add);
		int r = parse(text, "{}", &k, &err);
		if (!cases[i].want)
			CHECK_OK(r, err);
		else if (r >= 0 || !strstr(err.text, cases[i].want))
			CHECK_STR(r >= 0 ? cases[i].add : err.text, cases[i].want);
		pm_ctr_config_free(&k);
	}
}

TEST(checkpoint_drops)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_ctr_config k;
	CHECK_OK(parse("{\"ociRuntime\":\"runc\",\"pm\":{\"version\":1," WHO ",\"image_id\":\"" HEX64 "\","
		       "\"network\":\"none\",\"pid_file\":\"/etc/x\",\"cidfile\":\"/etc/x\",\"log_path\":\"/etc/x\","
		       "\"conmon_pid_file\":\"/etc/x\",\"init_path\":\"/bin/sh\",\"env_host\":true,\"pod\":\"p\","
		       "\"log_driver\":\"json-file\",\"log_opts\":[\"path=/etc/x\",\"max-size=1k\"],"
		       "\"health_log_destination\":\"/etc\",\"checkpointed\":true,"
		       "\"mounts\":[{\"type\":\"volume\",\"name\":\"v\",\"dest\":\"/v\",\"source\":\"/etc\"}]}}",
		       "{}", &k, &err), err);
	CHECK(!k.pid_file && !k.cidfile && !k.log_path && !k.conmon_pid_file && !k.init_path && !k.pod);
	CHECK(!k.env_host && !k.health_log_destination && !k.checkpointed && !k.mounts[0].source);
	CHECK_STR(k.runtime, "runc");
	CHECK_INT(k.log_opts.n, 1);
	CHECK_STR(k.log_opts.v[0], "max-size=1k");
	pm_ctr_config_free(&k);
}

#define PODMAN                                                                                               \
	WHO ",\"rootfsImageID\":\"" HEX64 "\",\"rootfsImageName\":\"docker.io/library/busybox:latest\","     \
	    "\"createNetNS\":true,\"networks\":{\"blue\":{}},\"shmSize\":1024,\"stopSignal\":2,"               \
	    "\"stopTimeout\":7,\"ociRuntime\":\"runc\",\"labels\":{\"a\":\"b\"},"                              \
	    "\"namedVolumes\":[{\"volumeName\":\"data\",\"dest\":\"/data\",\"options\":[\"ro\"]}],"            \
	    "\"newPortMappings\":[{\"host_ip\":\"\",\"container_port\":80,\"host_port\":8080,\"range\":1,"     \
	    "\"protocol\":\"tcp\"}]"
#define SPEC(mounts, caps)                                                                                   \
	"{\"process\":{\"args\":[\"sh\",\"-c\",\"x\"],\"env\":[\"A=1\"],\"cwd\":\"/w\",\"user\":{\"uid\":5,\"gid\":6}," \
	"\"capabilities\":{\"bounding\":[" caps "]}},\"hostname\":\"h\",\"mounts\":[" mounts "],"                    \
	"\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/x\"}]}}"

TEST(checkpoint_of_podman)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_ctr_config k;
	CHECK_OK(parse("{" PODMAN "}",
		       SPEC("{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"/x\"},"
			    "{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/x\"},"
			    "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"size=1m\"]}",
			    "\"CAP_KILL\""), &k, &err), err);
	CHECK_STR(k.name, "web");
	CHECK_STR(k.image_id, HEX64);
	CHECK_STR(k.user, "5:6");
	CHECK_STR(k.workdir, "/w");
	CHECK_STR(k.hostname, "h");
	CHECK_STR(k.command.v[2], "x");
	CHECK_STR(k.labels.v[0], "a=b");
	CHECK_STR(k.network, "bridge");
	CHECK_STR(k.networks.v[0], "blue");
	CHECK_STR(k.cap_drop.v[0], "CAP_CHOWN");
	CHECK_INT(k.cap_add.n, 0);
	CHECK_INT(k.n_ports, 1);
	CHECK_INT(k.ports[0].host_port, 8080);
	CHECK_INT(k.n_mounts, 2);
	CHECK_STR(k.mounts[0].name, "data");
	CHECK_STR(k.mounts[1].dest, "/t");
	CHECK_INT(k.stop_signal, 2);
	CHECK_INT(k.stop_timeout, 7);
	CHECK_INT(k.shm_size, 1024);
	pm_ctr_config_free(&k);

	/* what it may not have is found in its words, too */
	CHECK(parse("{" PODMAN "}", SPEC("{\"destination\":\"/host\",\"type\":\"bind\",\"source\":\"/\"}", ""), &k,
		    &err) == -PM_E_UNSUPPORTED);
	CHECK(parse("{" PODMAN "}", SPEC("", "\"CAP_SYS_ADMIN\""), &k, &err) == -PM_E_UNSUPPORTED);
	CHECK(parse("{" PODMAN ",\"privileged\":true}", SPEC("", ""), &k, &err) == -PM_E_UNSUPPORTED);
	CHECK(parse("{" PODMAN "}", "{\"process\":{\"args\":[\"x\"]}}", &k, &err) == -PM_E_UNSUPPORTED);
	CHECK(parse("{" PODMAN "}", "{\"linux\":{\"namespaces\":[{\"type\":\"network\"}]}}", &k, &err) ==
	      -PM_E_FORMAT);
	CHECK(parse("{\"id\":\"../x\",\"name\":\"web\"}", SPEC("", ""), &k, &err) == -PM_E_FORMAT);
	CHECK(parse("[]", "{}", &k, &err) == -PM_E_FORMAT);
}
