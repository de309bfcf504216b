#include "engine/quadlet/keys.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define TEXT(name, option) {name, PM_KEY_TEXT, option}
#define TEXTS(name, option) {name, PM_KEY_TEXTS, option}
#define WORDS(name, option) {name, PM_KEY_WORDS, option}
#define PATHS(name, option) {name, PM_KEY_PATHS, option}
#define PAIRS(name, option) {name, PM_KEY_PAIRS, option}
#define BOOL(name, option) {name, PM_KEY_BOOL, option}
#define PREFIXED(name, kind, option, prefix) {name, kind, option, prefix}
#define OTHER(name, option, help) {name, PM_KEY_OTHER, option, NULL, NULL, help}
#define REFUSED(name, option, why) {name, PM_KEY_TEXTS, option, NULL, why}

/* In every group. */
#define MODULE OTHER("ContainersConfModule", NULL, "--module=VALUE before the command")
#define GLOBAL_ARGS OTHER("GlobalArgs", NULL, "words put before the command")
#define PM_ARGS OTHER("PodmanArgs", NULL, "words put after the other options")
#define SERVICE_NAME OTHER("ServiceName", NULL, "name of the service, without .service")

static const struct pm_key container_keys[] = {
	WORDS("AddCapability", "cap-add"),
	OTHER("AddDevice", "device", "left out when it begins with - and is not there"),
	TEXTS("AddHost", "add-host"),
	PAIRS("Annotation", "annotation"),
	PREFIXED("AppArmor", PM_KEY_TEXT, "security-opt", "apparmor="),
	PREFIXED("AutoUpdate", PM_KEY_TEXT, "label", "io.containers.autoupdate="),
	OTHER("CgroupsMode", "cgroups", "default split"),
	OTHER("ContainerName", "name", "default systemd-%N"),
	MODULE,
	TEXTS("DNS", "dns"),
	TEXTS("DNSOption", "dns-option"),
	TEXTS("DNSSearch", "dns-search"),
	WORDS("DropCapability", "cap-drop"),
	OTHER("Entrypoint", "entrypoint", "an empty value is one too"),
	PAIRS("Environment", "env"),
	PATHS("EnvironmentFile", "env-file"),
	BOOL("EnvironmentHost", "env-host"),
	OTHER("Exec", NULL, "the container's command: words after the image"),
	TEXTS("ExposeHostPort", "expose"),
	TEXTS("GIDMap", "gidmap"),
	GLOBAL_ARGS,
	OTHER("Group", "user", "with User="),
	TEXTS("GroupAdd", "group-add"),
	TEXT("HealthCmd", "health-cmd"),
	TEXT("HealthInterval", "health-interval"),
	TEXT("HealthLogDestination", "health-log-destination"),
	TEXT("HealthMaxLogCount", "health-max-log-count"),
	TEXT("HealthMaxLogSize", "health-max-log-size"),
	TEXT("HealthOnFailure", "health-on-failure"),
	TEXT("HealthRetries", "health-retries"),
	TEXT("HealthStartPeriod", "health-start-period"),
	TEXT("HealthStartupCmd", "health-startup-cmd"),
	TEXT("HealthStartupInterval", "health-startup-interval"),
	TEXT("HealthStartupRetries", "health-startup-retries"),
	TEXT("HealthStartupSuccess", "health-startup-success"),
	TEXT("HealthStartupTimeout", "health-startup-timeout"),
	TEXT("HealthTimeout", "health-timeout"),
	TEXT("HostName", "hostname"),
	BOOL("HttpProxy", "http-proxy"),
	TEXT("IP", "ip"),
	TEXT("IP6", "ip6"),
	OTHER("Image", NULL, "image, NAME.image or NAME.build"),
	TEXT("ImageVolume", "image-volume"),
	PAIRS("Label", "label"),
	TEXT("LogDriver", "log-driver"),
	TEXTS("LogOpt", "log-opt"),
	PREFIXED("Mask", PM_KEY_WORDS, "security-opt", "mask="),
	TEXT("Memory", "memory"),
	OTHER("Mount", "mount", "source may be NAME.volume or NAME.image"),
	OTHER("Network", "network", "may be NAME.network or NAME.container"),
	TEXTS("NetworkAlias", "network-alias"),
	PREFIXED("NoNewPrivileges", PM_KEY_FLAG, "security-opt", "no-new-privileges"),
	OTHER("Notify", "sdnotify", "true: container; healthy; default conmon"),
	TEXT("PidsLimit", "pids-limit"),
	OTHER("Pod", "pod", "NAME.pod"),
	PM_ARGS,
	TEXTS("PublishPort", "publish"),
	TEXT("Pull", "pull"),
	BOOL("ReadOnly", "read-only"),
	BOOL("ReadOnlyTmpfs", "read-only-tmpfs"),
	OTHER("ReloadCmd", NULL, "ExecReload=: executed in the container"),
	OTHER("ReloadSignal", NULL, "ExecReload=: sent to the container"),
	TEXT("Retry", "retry"),
	TEXT("RetryDelay", "retry-delay"),
	OTHER("Rootfs", "rootfs", "a directory instead of an image"),
	BOOL("RunInit", "init"),
	PREFIXED("SeccompProfile", PM_KEY_TEXT, "security-opt", "seccomp="),
	WORDS("Secret", "secret"),
	PREFIXED("SecurityLabelDisable", PM_KEY_FLAG, "security-opt", "label=disable"),
	PREFIXED("SecurityLabelFileType", PM_KEY_TEXT, "security-opt", "label=filetype:"),
	PREFIXED("SecurityLabelLevel", PM_KEY_TEXT, "security-opt", "label=level:"),
	PREFIXED("SecurityLabelNested", PM_KEY_FLAG, "security-opt", "label=nested"),
	PREFIXED("SecurityLabelType", PM_KEY_TEXT, "security-opt", "label=type:"),
	SERVICE_NAME,
	TEXT("ShmSize", "shm-size"),
	OTHER("StartWithPod", NULL, "with Pod=: started by the pod's service (default true)"),
	TEXT("StopSignal", "stop-signal"),
	TEXT("StopTimeout", "stop-timeout"),
	TEXT("SubGIDMap", "subgidname"),
	TEXT("SubUIDMap", "subuidname"),
	WORDS("Sysctl", "sysctl"),
	TEXT("Timezone", "tz"),
	TEXTS("Tmpfs", "tmpfs"),
	TEXTS("UIDMap", "uidmap"),
	TEXTS("Ulimit", "ulimit"),
	TEXT("Umask", "umask"),
	PREFIXED("Unmask", PM_KEY_WORDS, "security-opt", "unmask="),
	OTHER("User", "user", ""),
	TEXT("UserNS", "userns"),
	OTHER("Volume", "volume", "source may be NAME.volume, or a path relative to the file when it begins with a dot"),
	TEXT("WorkingDir", "workdir"),
	{0},
};

static const struct pm_key pod_keys[] = {
	TEXTS("AddHost", "add-host"),
	MODULE,
	TEXTS("DNS", "dns"),
	TEXTS("DNSOption", "dns-option"),
	TEXTS("DNSSearch", "dns-search"),
	OTHER("ExitPolicy", "exit-policy", "default stop"),
	TEXTS("GIDMap", "gidmap"),
	GLOBAL_ARGS,
	TEXT("HostName", "hostname"),
	TEXT("IP", "ip"),
	TEXT("IP6", "ip6"),
	PAIRS("Label", "label"),
	OTHER("Network", "network", "may be NAME.network"),
	TEXTS("NetworkAlias", "network-alias"),
	OTHER("PodName", "name", "default systemd-NAME"),
	PM_ARGS,
	TEXTS("PublishPort", "publish"),
	SERVICE_NAME,
	TEXT("ShmSize", "shm-size"),
	OTHER("StopTimeout", NULL, "--time of pod stop (default 10)"),
	TEXT("SubGIDMap", "subgidname"),
	TEXT("SubUIDMap", "subuidname"),
	TEXTS("UIDMap", "uidmap"),
	TEXT("UserNS", "userns"),
	OTHER("Volume", "volume", "as in [Container]"),
	{0},
};

static const struct pm_key kube_keys[] = {
	OTHER("AutoUpdate", "annotation", "registry, local, or CONTAINER/registry and CONTAINER/local"),
	PATHS("ConfigMap", "configmap"),
	MODULE,
	TEXT("ExitCodePropagation", "service-exit-code-propagation"),
	GLOBAL_ARGS,
	OTHER("KubeDownForce", NULL, "--force of kube down"),
	TEXT("LogDriver", "log-driver"),
	OTHER("Network", "network", "may be NAME.network"),
	PM_ARGS,
	TEXTS("PublishPort", "publish"),
	SERVICE_NAME,
	OTHER("SetWorkingDirectory", NULL, "yaml or unit: WorkingDirectory= of the service"),
	TEXT("UserNS", "userns"),
	OTHER("Yaml", NULL, "the files to play"),
	{0},
};

static const struct pm_key network_keys[] = {
	MODULE,
	TEXTS("DNS", "dns"),
	BOOL("DisableDNS", "disable-dns"),
	TEXT("Driver", "driver"),
	OTHER("Gateway", "gateway", "of the Subnet= in the same place of the list"),
	GLOBAL_ARGS,
	TEXT("IPAMDriver", "ipam-driver"),
	OTHER("IPRange", "ip-range", "of the Subnet= in the same place of the list"),
	BOOL("IPv6", "ipv6"),
	TEXT("InterfaceName", "interface-name"),
	BOOL("Internal", "internal"),
	PAIRS("Label", "label"),
	OTHER("NetworkDeleteOnStop", NULL, "the network is removed when the service stops"),
	OTHER("NetworkName", NULL, "default systemd-NAME"),
	PAIRS("Options", "opt"),
	PM_ARGS,
	SERVICE_NAME,
	OTHER("Subnet", "subnet", ""),
	{0},
};

#define NO_OWNER "pm gives a volume its owner where it is first used: User= and Group= set it for a mounted one"

static const struct pm_key volume_keys[] = {
	MODULE,
	OTHER("Copy", "opt", "copy or nocopy: the image's files at the mount point (default true)"),
	OTHER("Device", "opt", "device=VALUE"),
	TEXT("Driver", "driver"),
	REFUSED("GID", "gid", NO_OWNER),
	GLOBAL_ARGS,
	OTHER("Group", "opt", "o=gid=VALUE; names are looked up when the service is generated"),
	OTHER("Image", "opt", "image=VALUE with Driver=image; may be NAME.image or NAME.build"),
	PAIRS("Label", "label"),
	OTHER("Options", "opt", "o=VALUE, as mount(8) takes it"),
	PM_ARGS,
	SERVICE_NAME,
	OTHER("Type", "opt", "type=VALUE of Device="),
	REFUSED("UID", "uid", NO_OWNER),
	OTHER("User", "opt", "o=uid=VALUE; names are looked up when the service is generated"),
	OTHER("VolumeName", NULL, "default systemd-NAME"),
	{0},
};

static const struct pm_key image_keys[] = {
	BOOL("AllTags", "all-tags"),
	TEXT("Arch", "arch"),
	TEXT("AuthFile", "authfile"),
	TEXT("CertDir", "cert-dir"),
	MODULE,
	TEXT("Creds", "creds"),
	TEXT("DecryptionKey", "decryption-key"),
	GLOBAL_ARGS,
	OTHER("Image", NULL, "what is pulled"),
	OTHER("ImageTag", NULL, "its name, where other files say NAME.image and Image= is an archive"),
	TEXT("OS", "os"),
	PM_ARGS,
	TEXT("Policy", "policy"),
	TEXT("Retry", "retry"),
	TEXT("RetryDelay", "retry-delay"),
	SERVICE_NAME,
	BOOL("TLSVerify", "tls-verify"),
	TEXT("Variant", "variant"),
	{0},
};

static const struct pm_key build_keys[] = {
	PAIRS("Annotation", "annotation"),
	TEXT("Arch", "arch"),
	TEXT("AuthFile", "authfile"),
	PAIRS("BuildArg", "build-arg"),
	MODULE,
	TEXTS("DNS", "dns"),
	TEXTS("DNSOption", "dns-option"),
	TEXTS("DNSSearch", "dns-search"),
	PAIRS("Environment", "env"),
	OTHER("File", "file", "a path, relative to SetWorkingDirectory=, or a URL"),
	BOOL("ForceRM", "force-rm"),
	GLOBAL_ARGS,
	TEXTS("GroupAdd", "group-add"),
	TEXT("IgnoreFile", "ignorefile"),
	TEXTS("ImageTag", "tag"),
	PAIRS("Label", "label"),
	OTHER("Network", "network", "may be NAME.network"),
	PM_ARGS,
	TEXT("Pull", "pull"),
	TEXT("Retry", "retry"),
	TEXT("RetryDelay", "retry-delay"),
	WORDS("Secret", "secret"),
	SERVICE_NAME,
	OTHER("SetWorkingDirectory", NULL, "the context: file, unit, a path or a URL"),
	BOOL("TLSVerify", "tls-verify"),
	TEXT("Target", "target"),
	TEXT("Variant", "variant"),
	OTHER("Volume", "volume", "as in [Container]"),
	{0},
};

const struct pm_key pm_quadlet_keys[] = {
	OTHER("DefaultDependencies", NULL, "false: no Wants= and After= of the network"),
	OTHER("SetMountsDependency", NULL, "Requires (default), Wants or None: ...MountsFor= of sources on the host"),
	{0},
};

const struct pm_quadlet_kind pm_quadlet_kinds[PM_QUADLET_TYPES] = {
	[PM_QUADLET_BUILD] = {PM_QUADLET_BUILD, ".build", "Build", "-build", "build", build_keys},
	[PM_QUADLET_CONTAINER] = {PM_QUADLET_CONTAINER, ".container", "Container", "", "run", container_keys},
	[PM_QUADLET_IMAGE] = {PM_QUADLET_IMAGE, ".image", "Image", "-image", "image pull", image_keys},
	[PM_QUADLET_KUBE] = {PM_QUADLET_KUBE, ".kube", "Kube", "", "kube play", kube_keys},
	[PM_QUADLET_NETWORK] = {PM_QUADLET_NETWORK, ".network", "Network", "-network", "network create",
				network_keys},
	[PM_QUADLET_POD] = {PM_QUADLET_POD, ".pod", "Pod", "-pod", "pod create", pod_keys},
	[PM_QUADLET_VOLUME] = {PM_QUADLET_VOLUME, ".volume", "Volume", "-volume", "volume create", volume_keys},
};

const struct pm_quadlet_kind *pm_quadlet_kind_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && dot != name && i < PM_QUADLET_TYPES; i++)
		if (strcmp(pm_quadlet_kinds[i].ext, dot) == 0)
			return &pm_quadlet_kinds[i];
	return NULL;
}

const struct pm_key *pm_key_find(const struct pm_key *keys, const char *name, const char **ret_near)
{
	for (const struct pm_key *k = keys; k->name; k++) {
		if (strcmp(k->name, name) == 0)
			return k;
		if (ret_near && strcasecmp(k->name, name) == 0)
			*ret_near = k->name;
	}
	return NULL;
}
