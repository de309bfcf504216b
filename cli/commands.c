#include "cli/commands.h"

const struct pm_command pm_cmd_buildah = {
	.path = "buildah",
	.summary = "Make images by hand",
	.text = "Commands of buildah(1) on working containers, for scripts that make images without a Containerfile. Called as "
		"buildah, pm has them without the group's name.",
	.flags = PM_CMD_GROUP,
};

/* Docker's name for build, which Podman takes too. */
const struct pm_command pm_cmd_buildx = {
	.path = "buildx,builder",
	.summary = "Build images",
	.flags = PM_CMD_GROUP | PM_CMD_HIDDEN,
};

const struct pm_command pm_cmd_container = {
	.path = "container",
	.summary = "Manage containers",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_generate = {
	.path = "generate",
	.summary = "Generate structured data based on containers, pods or volumes",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_healthcheck = {
	.path = "healthcheck",
	.summary = "Manage health checks on containers",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_image = {
	.path = "image",
	.summary = "Manage images",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_kube = {
	.path = "kube",
	.summary = "Play containers, pods or volumes from a structured file",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_machine = {
	.path = "machine",
	.summary = "Manage virtual machines, of which there are none",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_network = {
	.path = "network",
	.summary = "Manage networks",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_quadlet = {
	.path = "quadlet",
	.summary = "Manage Quadlet files",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_secret = {
	.path = "secret",
	.summary = "Manage secrets",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_pod = {
	.path = "pod",
	.summary = "Manage pods",
	.text = "Pods are a group of one or more containers sharing the same network, pid and ipc "
		"namespaces.",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_play = {
	.path = "play",
	.summary = "Play containers, pods or volumes from a structured file",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_system = {
	.path = "system",
	.summary = "Manage pm",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_system_connection = {
	.path = "system connection",
	.summary = "Manage connections to services, of which there are none",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_volume = {
	.path = "volume",
	.summary = "Manage volumes",
	.flags = PM_CMD_GROUP,
};

const struct pm_command *const pm_commands[] = {
	/* groups */
	&pm_cmd_buildah,
	&pm_cmd_buildx,
	&pm_cmd_container,
	&pm_cmd_generate,
	&pm_cmd_kube,
	&pm_cmd_play,
	&pm_cmd_healthcheck,
	&pm_cmd_image,
	&pm_cmd_image_trust,
	&pm_cmd_manifest,
	&pm_cmd_machine,
	&pm_cmd_network,
	&pm_cmd_pod,
	&pm_cmd_quadlet,
	&pm_cmd_secret,
	&pm_cmd_system,
	&pm_cmd_system_connection,
	&pm_cmd_volume,
	/* images made by hand */
	&pm_cmd_buildah_add,
	&pm_cmd_buildah_commit,
	&pm_cmd_buildah_config,
	&pm_cmd_buildah_containers,
	&pm_cmd_buildah_copy,
	&pm_cmd_buildah_from,
	&pm_cmd_buildah_inspect,
	&pm_cmd_buildah_rm,
	&pm_cmd_buildah_run,
	/* images */
	&pm_cmd_copy,
	&pm_cmd_delete,
	&pm_cmd_history,
	&pm_cmd_image_sign,
	&pm_cmd_image_trust_set,
	&pm_cmd_image_trust_show,
	&pm_cmd_list_tags,
	&pm_cmd_login,
	&pm_cmd_logout,
	&pm_cmd_manifest_digest,
	&pm_cmd_manifest_add,
	&pm_cmd_manifest_annotate,
	&pm_cmd_manifest_create,
	&pm_cmd_manifest_exists,
	&pm_cmd_manifest_inspect,
	&pm_cmd_manifest_push,
	&pm_cmd_manifest_remove,
	&pm_cmd_manifest_rm,
	&pm_cmd_images,
	&pm_cmd_import,
	&pm_cmd_image_diff,
	&pm_cmd_image_exists,
	&pm_cmd_image_inspect,
	&pm_cmd_image_mount,
	&pm_cmd_image_prune,
	&pm_cmd_image_tree,
	&pm_cmd_image_scp,
	&pm_cmd_image_unmount,
	&pm_cmd_load,
	&pm_cmd_pull,
	&pm_cmd_push,
	&pm_cmd_rmi,
	&pm_cmd_save,
	&pm_cmd_search,
	&pm_cmd_standalone_sign,
	&pm_cmd_standalone_verify,
	&pm_cmd_sync,
	&pm_cmd_tag,
	&pm_cmd_untag,
	/* containers */
	&pm_cmd_attach,
	&pm_cmd_cleanup,
	&pm_cmd_commit,
	&pm_cmd_cp,
	&pm_cmd_mount,
	&pm_cmd_unmount,
	&pm_cmd_create,
	&pm_cmd_diff,
	&pm_cmd_exec,
	&pm_cmd_export,
	&pm_cmd_auto_update,
	&pm_cmd_build,
	&pm_cmd_buildx_build,
	&pm_cmd_generate_spec,
	&pm_cmd_generate_sigstore_key,
	&pm_cmd_generate_systemd,
	&pm_cmd_init,
	&pm_cmd_healthcheck_run,
	&pm_cmd_inspect,
	&pm_cmd_container_checkpoint,
	&pm_cmd_container_clone,
	&pm_cmd_container_diff,
	&pm_cmd_container_exists,
	&pm_cmd_container_inspect,
	&pm_cmd_container_prune,
	&pm_cmd_container_restore,
	&pm_cmd_container_runlabel,
	&pm_cmd_kill,
	&pm_cmd_logs,
	&pm_cmd_pause,
	&pm_cmd_port,
	&pm_cmd_ps,
	&pm_cmd_rename,
	&pm_cmd_restart,
	&pm_cmd_rm,
	&pm_cmd_run,
	&pm_cmd_start,
	&pm_cmd_stats,
	&pm_cmd_stop,
	&pm_cmd_top,
	&pm_cmd_unpause,
	&pm_cmd_update,
	&pm_cmd_wait,
	/* networks */
	&pm_cmd_network_connect,
	&pm_cmd_network_create,
	&pm_cmd_network_disconnect,
	&pm_cmd_network_exists,
	&pm_cmd_network_inspect,
	&pm_cmd_network_ls,
	&pm_cmd_network_prune,
	&pm_cmd_network_reload,
	&pm_cmd_network_rm,
	&pm_cmd_network_update,
	/* Quadlet files */
	&pm_cmd_quadlet_check,
	&pm_cmd_quadlet_install,
	&pm_cmd_quadlet_list,
	&pm_cmd_quadlet_print,
	&pm_cmd_quadlet_rm,
	/* machines */
	&pm_cmd_machine_info,
	&pm_cmd_machine_inspect,
	&pm_cmd_machine_list,
	&pm_cmd_machine_rm,
	&pm_cmd_machine_set,
	&pm_cmd_machine_ssh,
	&pm_cmd_machine_start,
	&pm_cmd_machine_stop,
	/* secrets */
	&pm_cmd_secret_create,
	&pm_cmd_secret_exists,
	&pm_cmd_secret_inspect,
	&pm_cmd_secret_ls,
	&pm_cmd_secret_rm,
	/* volumes */
	&pm_cmd_volume_create,
	&pm_cmd_volume_exists,
	&pm_cmd_volume_export,
	&pm_cmd_volume_import,
	&pm_cmd_volume_inspect,
	&pm_cmd_volume_ls,
	&pm_cmd_volume_mount,
	&pm_cmd_volume_prune,
	&pm_cmd_volume_reload,
	&pm_cmd_volume_rm,
	&pm_cmd_volume_unmount,
	/* pods */
	&pm_cmd_pod_clone,
	&pm_cmd_pod_create,
	&pm_cmd_pod_exists,
	&pm_cmd_pod_inspect,
	&pm_cmd_pod_kill,
	&pm_cmd_pod_logs,
	&pm_cmd_pod_pause,
	&pm_cmd_pod_prune,
	&pm_cmd_pod_ps,
	&pm_cmd_pod_restart,
	&pm_cmd_pod_rm,
	&pm_cmd_pod_start,
	&pm_cmd_pod_stats,
	&pm_cmd_pod_stop,
	&pm_cmd_pod_top,
	&pm_cmd_pod_unpause,
	/* Kubernetes YAML */
	&pm_cmd_kube_down,
	&pm_cmd_kube_generate,
	&pm_cmd_kube_play,
	/* general */
	&pm_cmd_complete,
	&pm_cmd_complete_no_desc,
	&pm_cmd_completion,
	&pm_cmd_events,
	&pm_cmd_help,
	&pm_cmd_info,
	&pm_cmd_system_check,
	&pm_cmd_system_connection_list,
	&pm_cmd_system_df,
	&pm_cmd_system_migrate,
	&pm_cmd_system_prune,
	&pm_cmd_system_renumber,
	&pm_cmd_system_reset,
	&pm_cmd_unshare,
	&pm_cmd_kubernetes,
	&pm_cmd_tables,
	&pm_cmd_version,
	NULL,
};
