/*
 * schema_table - the rows: every field of the objects, as of Kubernetes 1.33. Declared in engine/kube/schema.h.
 */
#include "engine/kube/schema.h"

#include <string.h>

/* clang-format off */
#define YES PM_KUBE_HONOURED
#define INFO PM_KUBE_INFO
#define WARN PM_KUBE_WARNED
#define NO PM_KUBE_REFUSED

#define STR PM_KUBE_STRING
#define INT PM_KUBE_INT
#define BOOL PM_KUBE_BOOL
#define MODE PM_KUBE_MODE
#define QTY PM_KUBE_QUANTITY
#define IOS PM_KUBE_INT_OR_STRING
#define OBJ PM_KUBE_OBJECT
#define LIST PM_KUBE_LIST
#define STRS PM_KUBE_STRINGS
#define INTS PM_KUBE_INTS
#define MAP PM_KUBE_MAP
#define QTYS PM_KUBE_QUANTITIES
#define ANY PM_KUBE_ANY

#define NO_SCHEDULER "there is one host, and no scheduler"
#define NO_CLUSTER "there is no cluster behind it"
#define SERVER "a cluster's server writes it"
#define DRIVER "pm has no driver for it: mount it on the host and use hostPath"
#define WINDOWS "containers of Linux only"
#define SELINUX "pm sets no SELinux labels; accepted with a warning where SELinux is off"

#define FIELDS(var) static const struct pm_kube_field var##_fields[]
#define TYPE(var, title) static const struct pm_kube_type var = {title, var##_fields, false}
#define ONE_OF(var, title) static const struct pm_kube_type var = {title, var##_fields, true}

/* --- metadata ------------------------------------------------------------------------------------ */

FIELDS(meta) = {
	{"annotations", MAP, YES, .note = "those of Podman act, see below"},
	{"creationTimestamp", ANY, INFO, .note = SERVER},
	{"deletionGracePeriodSeconds", ANY, INFO, .note = SERVER},
	{"deletionTimestamp", ANY, INFO, .note = SERVER},
	{"finalizers", ANY, INFO, .note = SERVER},
	{"generateName", STR, NO, .note = "give the object a name"},
	{"generation", ANY, INFO, .note = SERVER},
	{"labels", MAP, YES},
	{"managedFields", ANY, INFO, .note = SERVER},
	{"name", STR, YES},
	{"namespace", STR, WARN, .values = "default|", .note = "pods of all namespaces are the user's"},
	{"ownerReferences", ANY, INFO, .note = SERVER},
	{"resourceVersion", ANY, INFO, .note = SERVER},
	{"selfLink", ANY, INFO, .note = SERVER},
	{"uid", ANY, INFO, .note = SERVER},
	{0},
};
TYPE(meta, "ObjectMeta");

/* --- environment --------------------------------------------------------------------------------- */

FIELDS(key_selector) = {
	{"key", STR, YES},
	{"name", STR, YES},
	{"optional", BOOL, YES},
	{0},
};
TYPE(key_selector, "KeySelector");

FIELDS(field_ref) = {
	{"apiVersion", STR, YES, .values = "v1"},
	{"fieldPath", STR, YES,
	 .note = "metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations (also with ['KEY']), "
		 "spec.nodeName, spec.serviceAccountName, status.hostIP, status.podIP; addresses and uid are not known before the "
		 "pod is made, and are refused"},
	{0},
};
TYPE(field_ref, "ObjectFieldSelector");

FIELDS(resource_ref) = {
	{"containerName", STR, YES},
	{"divisor", QTY, YES},
	{"resource", STR, YES, .values = "limits.cpu|limits.memory|requests.cpu|requests.memory"},
	{0},
};
TYPE(resource_ref, "ResourceFieldSelector");

FIELDS(env_source) = {
	{"configMapKeyRef", OBJ, YES, &key_selector},
	{"fieldRef", OBJ, YES, &field_ref},
	{"fileKeyRef", OBJ, NO, .note = "variables come from ConfigMaps and Secrets"},
	{"resourceFieldRef", OBJ, YES, &resource_ref},
	{"secretKeyRef", OBJ, YES, &key_selector},
	{0},
};
ONE_OF(env_source, "EnvVarSource");

FIELDS(env) = {
	{"name", STR, YES},
	{"value", STR, YES, .note = "with $(NAME) of variables before it"},
	{"valueFrom", OBJ, YES, &env_source},
	{0},
};
TYPE(env, "EnvVar");

FIELDS(env_ref) = {
	{"name", STR, YES},
	{"optional", BOOL, YES},
	{0},
};
TYPE(env_ref, "ObjectReference");

FIELDS(env_from) = {
	{"configMapRef", OBJ, YES, &env_ref},
	{"prefix", STR, YES},
	{"secretRef", OBJ, YES, &env_ref},
	{0},
};
TYPE(env_from, "EnvFromSource");

/* --- security ------------------------------------------------------------------------------------ */

FIELDS(caps) = {
	{"add", STRS, YES},
	{"drop", STRS, YES},
	{0},
};
TYPE(caps, "Capabilities");

FIELDS(profile) = {
	{"localhostProfile", STR, YES, .note = "below --seccomp-profile-root; of AppArmor: the name of a loaded profile"},
	{"type", STR, YES, .values = "RuntimeDefault|Unconfined|Localhost"},
	{0},
};
TYPE(profile, "SecurityProfile");

FIELDS(selinux) = {
	{"level", STR, YES},
	{"role", STR, YES},
	{"type", STR, YES},
	{"user", STR, YES},
	{0},
};
TYPE(selinux, "SELinuxOptions");

FIELDS(security) = {
	{"allowPrivilegeEscalation", BOOL, YES},
	{"appArmorProfile", OBJ, YES, &profile},
	{"capabilities", OBJ, YES, &caps},
	{"privileged", BOOL, YES},
	{"procMount", STR, YES, .values = "Default|Unmasked"},
	{"readOnlyRootFilesystem", BOOL, YES},
	{"runAsGroup", INT, YES},
	{"runAsNonRoot", BOOL, YES, .note = "an image's user that is a name is refused then, as by Kubernetes"},
	{"runAsUser", INT, YES},
	{"seLinuxOptions", OBJ, YES, &selinux, .note = SELINUX},
	{"seccompProfile", OBJ, YES, &profile},
	{"windowsOptions", OBJ, NO, .note = WINDOWS},
	{0},
};
TYPE(security, "SecurityContext");

FIELDS(name_value) = {
	{"name", STR, YES},
	{"value", STR, YES},
	{0},
};
TYPE(name_value, "NameValue");

FIELDS(pod_security) = {
	{"appArmorProfile", OBJ, YES, &profile},
	{"fsGroup", INT, YES, .note = "a supplementary group of all containers, and the group of emptyDir, configMap and secret "
				      "volumes; other volumes keep their owners"},
	{"fsGroupChangePolicy", STR, YES, .values = "Always|OnRootMismatch"},
	{"runAsGroup", INT, YES},
	{"runAsNonRoot", BOOL, YES},
	{"runAsUser", INT, YES},
	{"seLinuxChangePolicy", STR, NO, .note = SELINUX},
	{"seLinuxOptions", OBJ, YES, &selinux, .note = SELINUX},
	{"seccompProfile", OBJ, YES, &profile},
	{"supplementalGroups", INTS, YES},
	{"supplementalGroupsPolicy", STR, NO, .values = "Merge", .note = "groups of the image's /etc/group are always merged"},
	{"sysctls", LIST, YES, &name_value},
	{"windowsOptions", OBJ, NO, .note = WINDOWS},
	{0},
};
TYPE(pod_security, "PodSecurityContext");

/* --- probes -------------------------------------------------------------------------------------- */

FIELDS(exec_action) = {
	{"command", STRS, YES},
	{0},
};
TYPE(exec_action, "ExecAction");

FIELDS(http_get) = {
	{"host", STR, YES, .note = "an address; default: the container's own 127.0.0.1"},
	{"httpHeaders", LIST, YES, &name_value},
	{"path", STR, YES},
	{"port", IOS, YES},
	{"scheme", STR, NO, .values = "HTTP", .note = "the monitor, which asks, speaks no TLS: use tcpSocket or exec"},
	{0},
};
TYPE(http_get, "HTTPGetAction");

FIELDS(tcp_socket) = {
	{"host", STR, YES, .note = "an address; default: the container's own 127.0.0.1"},
	{"port", IOS, YES},
	{0},
};
TYPE(tcp_socket, "TCPSocketAction");

FIELDS(probe) = {
	{"exec", OBJ, YES, &exec_action},
	{"failureThreshold", INT, YES},
	{"grpc", OBJ, NO, .note = "the monitor, which asks, speaks no gRPC: use tcpSocket or exec"},
	{"httpGet", OBJ, YES, &http_get},
	{"initialDelaySeconds", INT, YES, .note = "failures in that time do not count"},
	{"periodSeconds", INT, YES},
	{"successThreshold", INT, NO, .values = "1", .note = "one success is enough"},
	{"tcpSocket", OBJ, YES, &tcp_socket},
	{"terminationGracePeriodSeconds", INT, NO, .note = "the pod's own counts"},
	{"timeoutSeconds", INT, YES},
	{0},
};
TYPE(probe, "Probe");

/* --- containers ---------------------------------------------------------------------------------- */

FIELDS(lifecycle) = {
	{"postStart", OBJ, NO, .note = "start it from the container's command"},
	{"preStop", OBJ, NO, .note = "handle the stop signal"},
	{"stopSignal", STR, YES},
	{0},
};
TYPE(lifecycle, "Lifecycle");

FIELDS(port) = {
	{"containerPort", INT, YES, .note = "published when hostPort is given, or with --publish-all"},
	{"hostIP", STR, YES},
	{"hostPort", INT, YES},
	{"name", STR, YES},
	{"protocol", STR, YES, .values = "TCP|UDP|SCTP|tcp|udp|sctp"},
	{0},
};
TYPE(port, "ContainerPort");

FIELDS(resources) = {
	{"claims", LIST, NO, .note = "there are no device claims"},
	{"limits", QTYS, YES, .note = "cpu, memory; ephemeral-storage is refused, as all others"},
	{"requests", QTYS, YES, .note = "cpu as a weight, memory as a reservation, where the host lets the user set them"},
	{0},
};
TYPE(resources, "ResourceRequirements");

FIELDS(mount) = {
	{"mountPath", STR, YES},
	{"mountPropagation", STR, YES, .values = "None|HostToContainer|Bidirectional"},
	{"name", STR, YES},
	{"readOnly", BOOL, YES},
	{"recursiveReadOnly", STR, NO, .values = "Disabled|IfPossible", .note = "what is mounted below stays as it is"},
	{"subPath", STR, YES},
	{"subPathExpr", STR, YES},
	{0},
};
TYPE(mount, "VolumeMount");

#define CONTAINER(PROBE, PROBE_NOTE, READY_NOTE, RESTART_NOTE) \
	{"args", STRS, YES, .note = "with $(NAME)"}, \
	{"command", STRS, YES, .note = "with $(NAME)"}, \
	{"env", LIST, YES, &env}, \
	{"envFrom", LIST, YES, &env_from}, \
	{"image", STR, YES}, \
	{"imagePullPolicy", STR, YES, .values = "Always|IfNotPresent|Never"}, \
	{"lifecycle", OBJ, YES, &lifecycle}, \
	{"livenessProbe", OBJ, PROBE, &probe, .note = PROBE_NOTE}, \
	{"name", STR, YES}, \
	{"ports", LIST, YES, &port}, \
	{"readinessProbe", OBJ, PROBE, &probe, .note = READY_NOTE}, \
	{"resizePolicy", ANY, INFO, .note = "limits are changed by pm update"}, \
	{"resources", OBJ, YES, &resources}, \
	{"restartPolicy", STR, NO, .note = RESTART_NOTE}, \
	{"restartPolicyRules", ANY, NO, .note = "the pod's restart policy counts"}, \
	{"securityContext", OBJ, YES, &security}, \
	{"startupProbe", OBJ, PROBE, &probe, .note = PROBE_NOTE}, \
	{"stdin", BOOL, YES}, \
	{"stdinOnce", BOOL, WARN, .values = "false", .note = "standard input stays open for the next client"}, \
	{"terminationMessagePath", STR, WARN, .values = "/dev/termination-log", .note = "nobody reads it: use pm logs"}, \
	{"terminationMessagePolicy", STR, WARN, .values = "File", .note = "nobody reads it: use pm logs"}, \
	{"tty", BOOL, YES}, \
	{"volumeDevices", LIST, NO, .note = "use a hostPath volume of type BlockDevice"}, \
	{"volumeMounts", LIST, YES, &mount}, \
	{"workingDir", STR, YES}, \
	{0}

FIELDS(container) = {
	CONTAINER(YES, NULL, "the container's health where it has no livenessProbe; else a warning, unless they are the same",
		  "give the pod a restart policy"),
};
TYPE(container, "Container");

FIELDS(init_container) = {
	CONTAINER(NO, "an init container ends before anybody could ask", "an init container ends before anybody could ask",
		  "a side car is an ordinary container of the pod"),
};
TYPE(init_container, "Container (initContainers)");

/* --- volumes ------------------------------------------------------------------------------------- */

FIELDS(key_path) = {
	{"key", STR, YES},
	{"mode", MODE, YES},
	{"path", STR, YES},
	{0},
};
TYPE(key_path, "KeyToPath");

FIELDS(v_config_map) = {
	{"defaultMode", MODE, YES},
	{"items", LIST, YES, &key_path},
	{"name", STR, YES},
	{"optional", BOOL, YES},
	{0},
};
TYPE(v_config_map, "ConfigMapVolumeSource");

FIELDS(v_secret) = {
	{"defaultMode", MODE, YES},
	{"items", LIST, YES, &key_path},
	{"optional", BOOL, YES},
	{"secretName", STR, YES},
	{0},
};
TYPE(v_secret, "SecretVolumeSource");

FIELDS(downward_file) = {
	{"fieldRef", OBJ, YES, &field_ref, .note = "metadata.name, namespace, labels, annotations, labels['KEY'], annotations['KEY']"},
	{"mode", MODE, YES},
	{"path", STR, YES},
	{"resourceFieldRef", OBJ, YES, &resource_ref, .note = "with containerName"},
	{0},
};
TYPE(downward_file, "DownwardAPIVolumeFile");

FIELDS(v_downward) = {
	{"defaultMode", MODE, YES},
	{"items", LIST, YES, &downward_file},
	{0},
};
TYPE(v_downward, "DownwardAPIVolumeSource");

FIELDS(projected_secret) = {
	{"items", LIST, YES, &key_path},
	{"name", STR, YES},
	{"optional", BOOL, YES},
	{0},
};
TYPE(projected_secret, "SecretProjection");

FIELDS(projected_config_map) = {
	{"items", LIST, YES, &key_path},
	{"name", STR, YES},
	{"optional", BOOL, YES},
	{0},
};
TYPE(projected_config_map, "ConfigMapProjection");

FIELDS(projected_downward) = {
	{"items", LIST, YES, &downward_file},
	{0},
};
TYPE(projected_downward, "DownwardAPIProjection");

FIELDS(projection) = {
	{"clusterTrustBundle", OBJ, NO, .note = "there is no cluster"},
	{"configMap", OBJ, YES, &projected_config_map},
	{"downwardAPI", OBJ, YES, &projected_downward},
	{"podCertificate", OBJ, NO, .note = "there is no cluster"},
	{"secret", OBJ, YES, &projected_secret},
	{"serviceAccountToken", OBJ, NO, .note = "there is no API server"},
	{0},
};
ONE_OF(projection, "VolumeProjection");

FIELDS(v_projected) = {
	{"defaultMode", MODE, YES},
	{"sources", LIST, YES, &projection},
	{0},
};
TYPE(v_projected, "ProjectedVolumeSource");

FIELDS(v_empty_dir) = {
	{"medium", STR, YES, .values = "|Memory"},
	{"sizeLimit", QTY, YES, .note = "of a memory volume; a warning for others: directories have no quota"},
	{0},
};
TYPE(v_empty_dir, "EmptyDirVolumeSource");

FIELDS(v_host_path) = {
	{"path", STR, YES, .note = "without a slash: the name of a volume, as for Podman"},
	{"type", STR, YES,
	 .values = "|DirectoryOrCreate|Directory|FileOrCreate|File|Socket|CharDevice|BlockDevice"},
	{0},
};
TYPE(v_host_path, "HostPathVolumeSource");

FIELDS(v_image) = {
	{"pullPolicy", STR, YES, .values = "Always|IfNotPresent|Never"},
	{"reference", STR, YES},
	{0},
};
TYPE(v_image, "ImageVolumeSource");

FIELDS(v_claim) = {
	{"claimName", STR, YES, .note = "the name of a volume, which is made when it is not there"},
	{"readOnly", BOOL, YES},
	{0},
};
TYPE(v_claim, "PersistentVolumeClaimVolumeSource");

FIELDS(volume) = {
	{"awsElasticBlockStore", OBJ, NO, .note = DRIVER},
	{"azureDisk", OBJ, NO, .note = DRIVER},
	{"azureFile", OBJ, NO, .note = DRIVER},
	{"cephfs", OBJ, NO, .note = DRIVER},
	{"cinder", OBJ, NO, .note = DRIVER},
	{"configMap", OBJ, YES, &v_config_map},
	{"csi", OBJ, NO, .note = DRIVER},
	{"downwardAPI", OBJ, YES, &v_downward},
	{"emptyDir", OBJ, YES, &v_empty_dir},
	{"ephemeral", OBJ, NO, .note = DRIVER},
	{"fc", OBJ, NO, .note = DRIVER},
	{"flexVolume", OBJ, NO, .note = DRIVER},
	{"flocker", OBJ, NO, .note = DRIVER},
	{"gcePersistentDisk", OBJ, NO, .note = DRIVER},
	{"gitRepo", OBJ, NO, .note = DRIVER},
	{"glusterfs", OBJ, NO, .note = DRIVER},
	{"hostPath", OBJ, YES, &v_host_path},
	{"image", OBJ, YES, &v_image},
	{"iscsi", OBJ, NO, .note = DRIVER},
	{"name", STR, YES},
	{"nfs", OBJ, NO, .note = DRIVER},
	{"persistentVolumeClaim", OBJ, YES, &v_claim},
	{"photonPersistentDisk", OBJ, NO, .note = DRIVER},
	{"portworxVolume", OBJ, NO, .note = DRIVER},
	{"projected", OBJ, YES, &v_projected, .note = "written once, as all of these: it does not follow later changes"},
	{"quobyte", OBJ, NO, .note = DRIVER},
	{"rbd", OBJ, NO, .note = DRIVER},
	{"scaleIO", OBJ, NO, .note = DRIVER},
	{"secret", OBJ, YES, &v_secret},
	{"storageos", OBJ, NO, .note = DRIVER},
	{"vsphereVolume", OBJ, NO, .note = DRIVER},
	{0},
};
ONE_OF(volume, "Volume");

/* --- pods ---------------------------------------------------------------------------------------- */

FIELDS(dns_option) = {
	{"name", STR, YES},
	{"value", STR, YES},
	{0},
};
TYPE(dns_option, "PodDNSConfigOption");

FIELDS(dns) = {
	{"nameservers", STRS, YES},
	{"options", LIST, YES, &dns_option},
	{"searches", STRS, YES},
	{0},
};
TYPE(dns, "PodDNSConfig");

FIELDS(host_alias) = {
	{"hostnames", STRS, YES},
	{"ip", STR, YES},
	{0},
};
TYPE(host_alias, "HostAlias");

FIELDS(os) = {
	{"name", STR, NO, .values = "linux", .note = WINDOWS},
	{0},
};
TYPE(os, "PodOS");

FIELDS(pod_spec) = {
	{"activeDeadlineSeconds", INT, NO, .note = "nobody ends the pod then: stop it by a timer"},
	{"affinity", OBJ, WARN, .note = NO_SCHEDULER},
	{"automountServiceAccountToken", BOOL, WARN, .values = "false", .note = NO_CLUSTER},
	{"containers", LIST, YES, &container},
	{"dnsConfig", OBJ, YES, &dns},
	{"dnsPolicy", STR, YES, .values = "ClusterFirst|ClusterFirstWithHostNet|Default|None"},
	{"enableServiceLinks", BOOL, INFO, .note = "there are no services"},
	{"ephemeralContainers", LIST, NO, .note = "use pm exec"},
	{"hostAliases", LIST, YES, &host_alias},
	{"hostIPC", BOOL, YES},
	{"hostNetwork", BOOL, YES},
	{"hostPID", BOOL, YES},
	{"hostUsers", BOOL, YES, .note = "false: a user namespace of its own, as --userns=auto"},
	{"hostname", STR, YES},
	{"hostnameOverride", STR, NO, .note = "use hostname"},
	{"imagePullSecrets", LIST, WARN, .note = "use pm login, --authfile or --creds"},
	{"initContainers", LIST, YES, &init_container},
	{"nodeName", STR, WARN, .note = NO_SCHEDULER},
	{"nodeSelector", MAP, WARN, .note = NO_SCHEDULER},
	{"os", OBJ, YES, &os},
	{"overhead", ANY, WARN, .note = NO_SCHEDULER},
	{"preemptionPolicy", STR, WARN, .note = NO_SCHEDULER},
	{"priority", INT, WARN, .note = NO_SCHEDULER},
	{"priorityClassName", STR, WARN, .note = NO_SCHEDULER},
	{"readinessGates", LIST, NO, .note = NO_CLUSTER},
	{"resourceClaims", LIST, NO, .note = "there are no device claims"},
	{"resources", OBJ, NO, .note = "give limits to the containers"},
	{"restartPolicy", STR, YES, .values = "Always|OnFailure|Never"},
	{"runtimeClassName", STR, NO, .note = "use pm --runtime"},
	{"schedulerName", STR, WARN, .values = "default-scheduler", .note = NO_SCHEDULER},
	{"schedulingGates", LIST, WARN, .note = NO_SCHEDULER},
	{"securityContext", OBJ, YES, &pod_security},
	{"serviceAccount", STR, WARN, .values = "default", .note = NO_CLUSTER},
	{"serviceAccountName", STR, WARN, .values = "default", .note = NO_CLUSTER},
	{"setHostnameAsFQDN", BOOL, NO, .values = "false", .note = "there is no cluster domain"},
	{"shareProcessNamespace", BOOL, YES},
	{"subdomain", STR, WARN, .note = "there is no cluster domain"},
	{"terminationGracePeriodSeconds", INT, YES},
	{"tolerations", LIST, WARN, .note = NO_SCHEDULER},
	{"topologySpreadConstraints", LIST, WARN, .note = NO_SCHEDULER},
	{"volumes", LIST, YES, &volume},
	{0},
};
TYPE(pod_spec, "PodSpec");

#define DOCUMENT \
	{"apiVersion", STR, YES}, \
	{"kind", STR, YES}, \
	{"metadata", OBJ, YES, &meta}

FIELDS(pod) = {
	DOCUMENT,
	{"spec", OBJ, YES, &pod_spec},
	{"status", ANY, INFO, .note = SERVER},
	{0},
};
TYPE(pod, "Pod");

FIELDS(pod_template) = {
	{"metadata", OBJ, YES, &meta},
	{"spec", OBJ, YES, &pod_spec},
	{0},
};
TYPE(pod_template, "PodTemplateSpec");

/* --- controllers --------------------------------------------------------------------------------- */

FIELDS(deployment_spec) = {
	{"minReadySeconds", INT, WARN, .note = NO_CLUSTER},
	{"paused", BOOL, NO, .values = "false", .note = "a pod that is not to run is made with --start=false"},
	{"progressDeadlineSeconds", INT, INFO, .note = NO_CLUSTER},
	{"replicas", INT, YES, .note = "one pod is made, with a warning when more are wanted; 0 is refused"},
	{"revisionHistoryLimit", INT, INFO, .note = NO_CLUSTER},
	{"selector", ANY, INFO, .note = "the template is the pod"},
	{"strategy", ANY, INFO, .note = "--replace takes the old pod down first"},
	{"template", OBJ, YES, &pod_template},
	{0},
};
TYPE(deployment_spec, "DeploymentSpec");

FIELDS(deployment) = {
	DOCUMENT,
	{"spec", OBJ, YES, &deployment_spec},
	{"status", ANY, INFO, .note = SERVER},
	{0},
};
TYPE(deployment, "Deployment");

FIELDS(daemon_set_spec) = {
	{"minReadySeconds", INT, WARN, .note = NO_CLUSTER},
	{"revisionHistoryLimit", INT, INFO, .note = NO_CLUSTER},
	{"selector", ANY, INFO, .note = "the template is the pod"},
	{"template", OBJ, YES, &pod_template},
	{"updateStrategy", ANY, INFO, .note = "--replace takes the old pod down first"},
	{0},
};
TYPE(daemon_set_spec, "DaemonSetSpec");

FIELDS(daemon_set) = {
	DOCUMENT,
	{"spec", OBJ, YES, &daemon_set_spec},
	{"status", ANY, INFO, .note = SERVER},
	{0},
};
TYPE(daemon_set, "DaemonSet");

FIELDS(job_spec) = {
	{"activeDeadlineSeconds", INT, NO, .note = "nobody ends the pod then: stop it by a timer"},
	{"backoffLimit", INT, YES, .note = "so often is a container restarted"},
	{"backoffLimitPerIndex", INT, NO, .note = "one pod is made"},
	{"completionMode", STR, NO, .values = "NonIndexed", .note = "one pod is made"},
	{"completions", INT, NO, .values = "1", .note = "one pod is made"},
	{"managedBy", STR, NO, .note = NO_CLUSTER},
	{"manualSelector", BOOL, INFO, .note = "the template is the pod"},
	{"maxFailedIndexes", INT, NO, .note = "one pod is made"},
	{"parallelism", INT, NO, .values = "1", .note = "one pod is made"},
	{"podFailurePolicy", OBJ, NO, .note = "the restart policy decides"},
	{"podReplacementPolicy", STR, INFO, .note = "one pod is made"},
	{"selector", ANY, INFO, .note = "the template is the pod"},
	{"successPolicy", OBJ, NO, .note = "one pod is made"},
	{"suspend", BOOL, NO, .values = "false", .note = "a pod that is not to run is made with --start=false"},
	{"template", OBJ, YES, &pod_template},
	{"ttlSecondsAfterFinished", INT, WARN, .note = "the pod stays until kube down"},
	{0},
};
TYPE(job_spec, "JobSpec");

FIELDS(job) = {
	DOCUMENT,
	{"spec", OBJ, YES, &job_spec},
	{"status", ANY, INFO, .note = SERVER},
	{0},
};
TYPE(job, "Job");

/* --- data ---------------------------------------------------------------------------------------- */

FIELDS(config_map) = {
	DOCUMENT,
	{"binaryData", MAP, YES, .note = "in volumes; variables take data only"},
	{"data", MAP, YES},
	{"immutable", BOOL, INFO, .note = "what a pod was given never changes"},
	{0},
};
TYPE(config_map, "ConfigMap");

FIELDS(secret) = {
	DOCUMENT,
	{"data", MAP, YES},
	{"immutable", BOOL, INFO, .note = "what a pod was given never changes"},
	{"stringData", MAP, YES},
	{"type", STR, INFO, .note = "all are treated as Opaque"},
	{0},
};
TYPE(secret, "Secret");

FIELDS(claim_spec) = {
	{"accessModes", ANY, INFO, .note = "a volume of one host"},
	{"dataSource", OBJ, NO, .note = "use pm volume import"},
	{"dataSourceRef", OBJ, NO, .note = "use pm volume import"},
	{"resources", ANY, INFO, .note = "a volume has the space of its file system"},
	{"selector", ANY, WARN, .note = NO_CLUSTER},
	{"storageClassName", STR, INFO, .note = NO_CLUSTER},
	{"volumeAttributesClassName", STR, INFO, .note = NO_CLUSTER},
	{"volumeMode", STR, NO, .values = "Filesystem", .note = "use a hostPath volume of type BlockDevice"},
	{"volumeName", STR, WARN, .note = "the volume has the claim's name"},
	{0},
};
TYPE(claim_spec, "PersistentVolumeClaimSpec");

FIELDS(claim) = {
	DOCUMENT,
	{"spec", OBJ, YES, &claim_spec},
	{"status", ANY, INFO, .note = SERVER},
	{0},
};
TYPE(claim, "PersistentVolumeClaim");
/* clang-format on */

const struct pm_kube_type *pm_kube_type_of(const char *kind)
{
	static const struct pm_kube_type *const types[] = {&pod,	&deployment, &daemon_set, &job,
							   &config_map, &secret,     &claim};
	for (size_t i = 0; i < PM_ARRAY_SIZE(types); i++)
		if (strcmp(types[i]->name, kind) == 0)
			return types[i];
	return NULL;
}
