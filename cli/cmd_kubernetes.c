#include <stdio.h>

#include "cli/commands.h"
#include "engine/kube/annotation.h"
#include "engine/kube/schema.h"

static int kubernetes_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	(void)cli;
	(void)opts;
	(void)err;
	pm_kube_document(&out);
	pm_kube_annotations_document(&out);
	fputs(pm_buf_str(&out), stdout);
	return 0;
}

const struct pm_command pm_cmd_kubernetes = {
	.path = "__kubernetes",
	.summary = "The table of Kubernetes fields, as docs/kubernetes.md",
	.flags = PM_CMD_HIDDEN,
	.run = kubernetes_run,
};
