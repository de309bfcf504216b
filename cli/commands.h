/*
 * commands - the list of all commands. A new command adds its record here and in commands.c.
 */
#ifndef PM_CLI_COMMANDS_H
#define PM_CLI_COMMANDS_H

#include "cli/command.h"

/* All records, in no particular order, ended by NULL. */
extern const struct pm_command *const pm_commands[];

extern const struct pm_command pm_cmd_buildah; /* groups */
extern const struct pm_command pm_cmd_container;
extern const struct pm_command pm_cmd_generate;
extern const struct pm_command pm_cmd_image;
extern const struct pm_command pm_cmd_kube;
extern const struct pm_command pm_cmd_machine;
extern const struct pm_command pm_cmd_network;
extern const struct pm_command pm_cmd_play;
extern const struct pm_command pm_cmd_quadlet;
extern const struct pm_command pm_cmd_secret;
extern const struct pm_command pm_cmd_system;
extern const struct pm_command pm_cmd_system_connection;
extern const struct pm_command pm_cmd_volume;

extern const struct pm_command pm_cmd_buildah_add; /* images made by hand */
extern const struct pm_command pm_cmd_buildah_commit;
extern const struct pm_command pm_cmd_buildah_config;
extern const struct pm_command pm_cmd_buildah_containers;
extern const struct pm_command pm_cmd_buildah_copy;
extern const struct pm_command pm_cmd_buildah_from;
extern const struct pm_command pm_cmd_buildah_inspect;
extern const struct pm_command pm_cmd_buildah_rm;
extern const struct pm_command pm_cmd_buildah_run;

extern const struct pm_command pm_cmd_cleanup; /* containers */
extern const struct pm_command pm_cmd_attach;
extern const struct pm_command pm_cmd_container_checkpoint;
extern const struct pm_command pm_cmd_container_clone;
extern const struct pm_command pm_cmd_container_exists;
extern const struct pm_command pm_cmd_container_prune;
extern const struct pm_command pm_cmd_container_restore;
extern const struct pm_command pm_cmd_container_runlabel;
extern const struct pm_command pm_cmd_generate_spec;
extern const struct pm_command pm_cmd_init;
extern const struct pm_command pm_cmd_logs;
extern const struct pm_command pm_cmd_commit;
extern const struct pm_command pm_cmd_container_diff;
extern const struct pm_command pm_cmd_cp;
extern const struct pm_command pm_cmd_mount;
extern const struct pm_command pm_cmd_unmount;
extern const struct pm_command pm_cmd_diff;
extern const struct pm_command pm_cmd_export;
extern const struct pm_command pm_cmd_create;
extern const struct pm_command pm_cmd_exec;
extern const struct pm_command pm_cmd_kill;
extern const struct pm_command pm_cmd_pause;
extern const struct pm_command pm_cmd_port;
extern const struct pm_command pm_cmd_pod_clone;
extern const struct pm_command pm_cmd_pod_create;
extern const struct pm_command pm_cmd_pod_exists;
extern const struct pm_command pm_cmd_pod_inspect;
extern const struct pm_command pm_cmd_pod_kill;
extern const struct pm_command pm_cmd_pod_logs;
extern const struct pm_command pm_cmd_pod_pause;
extern const struct pm_command pm_cmd_pod_prune;
extern const struct pm_command pm_cmd_pod_ps;
extern const struct pm_command pm_cmd_pod_restart;
extern const struct pm_command pm_cmd_pod_rm;
extern const struct pm_command pm_cmd_pod_start;
extern const struct pm_command pm_cmd_pod_stats;
extern const struct pm_command pm_cmd_pod_stop;
extern const struct pm_command pm_cmd_pod_top;
extern const struct pm_command pm_cmd_pod_unpause;
extern const struct pm_command pm_cmd_ps;
extern const struct pm_command pm_cmd_rename;
extern const struct pm_command pm_cmd_restart;
extern const struct pm_command pm_cmd_rm;
extern const struct pm_command pm_cmd_run;
extern const struct pm_command pm_cmd_start;
extern const struct pm_command pm_cmd_stats;
extern const struct pm_command pm_cmd_stop;
extern const struct pm_command pm_cmd_top;
extern const struct pm_command pm_cmd_unpause;
extern const struct pm_command pm_cmd_update;
extern const struct pm_command pm_cmd_wait;

extern const struct pm_command pm_cmd_network_connect; /* networks */
extern const struct pm_command pm_cmd_network_create;
extern const struct pm_command pm_cmd_network_disconnect;
extern const struct pm_command pm_cmd_network_exists;
extern const struct pm_command pm_cmd_network_inspect;
extern const struct pm_command pm_cmd_network_ls;
extern const struct pm_command pm_cmd_network_prune;
extern const struct pm_command pm_cmd_network_reload;
extern const struct pm_command pm_cmd_network_rm;
extern const struct pm_command pm_cmd_network_update;

extern const struct pm_command pm_cmd_quadlet_check; /* Quadlet files */
extern const struct pm_command pm_cmd_quadlet_install;
extern const struct pm_command pm_cmd_quadlet_list;
extern const struct pm_command pm_cmd_quadlet_print;
extern const struct pm_command pm_cmd_quadlet_rm;
extern const struct pm_command pm_cmd_machine_info;
extern const struct pm_command pm_cmd_machine_inspect;
extern const struct pm_command pm_cmd_machine_list;
extern const struct pm_command pm_cmd_machine_rm;
extern const struct pm_command pm_cmd_machine_set;
extern const struct pm_command pm_cmd_machine_ssh;
extern const struct pm_command pm_cmd_machine_start;
extern const struct pm_command pm_cmd_machine_stop;

extern const struct pm_command pm_cmd_secret_create; /* secrets */
extern const struct pm_command pm_cmd_secret_exists;
extern const struct pm_command pm_cmd_secret_inspect;
extern const struct pm_command pm_cmd_secret_ls;
extern const struct pm_command pm_cmd_secret_rm;

extern const struct pm_command pm_cmd_volume_create; /* volumes */
extern const struct pm_command pm_cmd_volume_exists;
extern const struct pm_command pm_cmd_volume_export;
extern const struct pm_command pm_cmd_volume_import;
extern const struct pm_command pm_cmd_volume_inspect;
extern const struct pm_command pm_cmd_volume_ls;
extern const struct pm_command pm_cmd_volume_mount;
extern const struct pm_command pm_cmd_volume_prune;
extern const struct pm_command pm_cmd_volume_reload;
extern const struct pm_command pm_cmd_volume_rm;
extern const struct pm_command pm_cmd_volume_unmount;

extern const struct pm_command pm_cmd_auto_update;
extern const struct pm_command pm_cmd_build;
extern const struct pm_command pm_cmd_buildx;
extern const struct pm_command pm_cmd_buildx_build;
extern const struct pm_command pm_cmd_complete;
extern const struct pm_command pm_cmd_complete_no_desc;
extern const struct pm_command pm_cmd_completion;
extern const struct pm_command pm_cmd_events;
extern const struct pm_command pm_cmd_generate_sigstore_key;
extern const struct pm_command pm_cmd_generate_systemd;
extern const struct pm_command pm_cmd_healthcheck;
extern const struct pm_command pm_cmd_healthcheck_run;
extern const struct pm_command pm_cmd_help;
extern const struct pm_command pm_cmd_copy;
extern const struct pm_command pm_cmd_delete;
extern const struct pm_command pm_cmd_image_trust;
extern const struct pm_command pm_cmd_image_sign;
extern const struct pm_command pm_cmd_image_trust_set;
extern const struct pm_command pm_cmd_image_trust_show;
extern const struct pm_command pm_cmd_list_tags;
extern const struct pm_command pm_cmd_login;
extern const struct pm_command pm_cmd_logout;
extern const struct pm_command pm_cmd_manifest;
extern const struct pm_command pm_cmd_manifest_digest;
extern const struct pm_command pm_cmd_manifest_add;
extern const struct pm_command pm_cmd_manifest_annotate;
extern const struct pm_command pm_cmd_manifest_create;
extern const struct pm_command pm_cmd_manifest_exists;
extern const struct pm_command pm_cmd_manifest_inspect;
extern const struct pm_command pm_cmd_manifest_push;
extern const struct pm_command pm_cmd_manifest_remove;
extern const struct pm_command pm_cmd_manifest_rm;
extern const struct pm_command pm_cmd_images;
extern const struct pm_command pm_cmd_import;
extern const struct pm_command pm_cmd_image_exists;
extern const struct pm_command pm_cmd_image_inspect;
extern const struct pm_command pm_cmd_image_mount;
extern const struct pm_command pm_cmd_image_prune;
extern const struct pm_command pm_cmd_image_scp;
extern const struct pm_command pm_cmd_image_unmount;
extern const struct pm_command pm_cmd_container_inspect;
extern const struct pm_command pm_cmd_inspect;
extern const struct pm_command pm_cmd_info;
extern const struct pm_command pm_cmd_load;
extern const struct pm_command pm_cmd_pull;
extern const struct pm_command pm_cmd_history;
extern const struct pm_command pm_cmd_image_diff;
extern const struct pm_command pm_cmd_image_tree;
extern const struct pm_command pm_cmd_push;
extern const struct pm_command pm_cmd_rmi;
extern const struct pm_command pm_cmd_system_check;
extern const struct pm_command pm_cmd_system_connection_list;
extern const struct pm_command pm_cmd_system_df;
extern const struct pm_command pm_cmd_system_migrate;
extern const struct pm_command pm_cmd_save;
extern const struct pm_command pm_cmd_search;
extern const struct pm_command pm_cmd_standalone_sign;
extern const struct pm_command pm_cmd_standalone_verify;
extern const struct pm_command pm_cmd_sync;
extern const struct pm_command pm_cmd_system_prune;
extern const struct pm_command pm_cmd_system_renumber;
extern const struct pm_command pm_cmd_system_reset;
extern const struct pm_command pm_cmd_kube_down;
extern const struct pm_command pm_cmd_kube_generate;
extern const struct pm_command pm_cmd_kube_play;
extern const struct pm_command pm_cmd_kubernetes;
extern const struct pm_command pm_cmd_tables;
extern const struct pm_command pm_cmd_tag;
extern const struct pm_command pm_cmd_unshare;
extern const struct pm_command pm_cmd_untag;
extern const struct pm_command pm_cmd_version;

#endif
