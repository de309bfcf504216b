#include "cli/commands.h"

const struct pm_command pm_cmd_container = {
	.path = "container",
	.summary = "Manage containers",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_image = {
	.path = "image",
	.summary = "Manage images",
	.flags = PM_CMD_GROUP,
};

const struct pm_command pm_cmd_system = {
	.path = "system",
	.summary = "Manage pm",
	.flags = PM_CMD_GROUP,
};

const struct pm_command *const pm_commands[] = {
	/* groups */
	&pm_cmd_container,
	&pm_cmd_image,
	&pm_cmd_system,
	/* images */
	&pm_cmd_images,
	&pm_cmd_import,
	&pm_cmd_load,
	&pm_cmd_pull,
	/* general */
	&pm_cmd_complete,
	&pm_cmd_completion,
	&pm_cmd_help,
	&pm_cmd_version,
	NULL,
};
