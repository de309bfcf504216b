/*
 * ctr_options_rows - rows of option tables of struct pm_ctr_opts (cli/ctr_options.h) that several commands have: run and create, build,
 * buildah from, buildah run. Each is said once, here.
 */
#ifndef PM_CLI_CTR_OPTIONS_ROWS_H
#define PM_CLI_CTR_OPTIONS_ROWS_H

#include "cli/ctr_options.h"
#include "cli/option.h"

#define PM_ROW_ADD_HOST \
	{"add-host", 0, PM_LIST(struct pm_ctr_opts, add_host), \
	 "Add a custom host-to-IP mapping (host:ip)", .arg = "host:ip"}
#define PM_ROW_CAP_ADD \
	{"cap-add", 0, PM_LIST(struct pm_ctr_opts, cap_add), "Add capabilities to the container", \
	 .complete = PM_COMPLETE_CAP}
#define PM_ROW_CAP_DROP \
	{"cap-drop", 0, PM_LIST(struct pm_ctr_opts, cap_drop), "Drop capabilities from the container", \
	 .complete = PM_COMPLETE_CAP}
#define PM_ROW_CGROUP_PARENT \
	{"cgroup-parent", 0, PM_STRING(struct pm_ctr_opts, cgroup_parent), \
	 "Parent cgroup for the container"}
#define PM_ROW_CGROUPNS \
	{"cgroupns", 0, PM_STRING(struct pm_ctr_opts, cgroupns), "Cgroup namespace to use", \
	 .choices = "container:|host|ns:|private"}
#define PM_ROW_CPU_PERIOD \
	{"cpu-period", 0, PM_UINT(struct pm_ctr_opts, cpu_period), \
	 "Limit the CPU CFS period, in microseconds"}
#define PM_ROW_CPU_QUOTA \
	{"cpu-quota", 0, PM_INT(struct pm_ctr_opts, cpu_quota), \
	 "Limit the CPU CFS quota, in microseconds"}
#define PM_ROW_CPU_SHARES \
	{"cpu-shares", 'c', PM_UINT(struct pm_ctr_opts, cpu_shares), "CPU shares (relative weight)"}
#define PM_ROW_CPUSET_CPUS \
	{"cpuset-cpus", 0, PM_STRING(struct pm_ctr_opts, cpuset_cpus), \
	 "CPUs in which to allow execution (0-3, 0,1)"}
#define PM_ROW_CPUSET_MEMS \
	{"cpuset-mems", 0, PM_STRING(struct pm_ctr_opts, cpuset_mems), \
	 "Memory nodes in which to allow execution (0-3, 0,1)"}
#define PM_ROW_DEVICE \
	{"device", 0, PM_LIST(struct pm_ctr_opts, device), \
	 "Add a host device to the container", .arg = "host[:container[:rwm]]", .complete = PM_COMPLETE_FILE}
#define PM_ROW_DNS \
	{"dns", 0, PM_LIST(struct pm_ctr_opts, dns), "Set custom DNS servers"}
#define PM_ROW_DNS_OPTION \
	{"dns-option", 0, PM_LIST(struct pm_ctr_opts, dns_option), "Set custom DNS options"}
#define PM_ROW_DNS_SEARCH \
	{"dns-search", 0, PM_LIST(struct pm_ctr_opts, dns_search), "Set custom DNS search domains"}
#define PM_ROW_GROUP_ADD \
	{"group-add", 0, PM_LIST(struct pm_ctr_opts, group_add), \
	 "Add additional groups to the container's process"}
#define PM_ROW_IPC \
	{"ipc", 0, PM_STRING(struct pm_ctr_opts, ipc), "IPC namespace to use", \
	 .choices = "container:|host|none|ns:|private|shareable"}
#define PM_ROW_MEMORY \
	{"memory", 'm', PM_SIZE(struct pm_ctr_opts, memory), "Memory limit", .arg = "<number>[<unit>]"}
#define PM_ROW_MEMORY_SWAP \
	{"memory-swap", 0, PM_STRING(struct pm_ctr_opts, memory_swap), \
	 "Swap limit equal to memory plus swap, -1 for unlimited", .arg = "<number>[<unit>]"}
#define PM_ROW_NO_HOSTNAME \
	{"no-hostname", 0, PM_BOOL(struct pm_ctr_opts, no_hostname), \
	 "Do not create /etc/hostname within the container, the image's tells instead"}
#define PM_ROW_NO_HOSTS \
	{"no-hosts", 0, PM_BOOL(struct pm_ctr_opts, no_hosts), \
	 "Do not create /etc/hosts within the container"}
#define PM_ROW_PID \
	{"pid", 0, PM_STRING(struct pm_ctr_opts, pid), "PID namespace to use", \
	 .choices = "container:|host|ns:|private"}
#define PM_ROW_SECURITY_OPT \
	{"security-opt", 0, PM_STRINGS(struct pm_ctr_opts, security_opt), "Security options", \
	 .choices = "apparmor=|label=|mask=|no-new-privileges|proc-opts=|seccomp=|systempaths=unconfined|unmask="}
#define PM_ROW_SHM_SIZE \
	{"shm-size", 0, PM_SIZE(struct pm_ctr_opts, shm_size), \
	 "Size of /dev/shm", .arg = "<number>[<unit>]"}
#define PM_ROW_ULIMIT \
	{"ulimit", 0, PM_LIST(struct pm_ctr_opts, ulimit), "Ulimit options", .arg = "name=soft[:hard]"}
#define PM_ROW_UTS \
	{"uts", 0, PM_STRING(struct pm_ctr_opts, uts), "UTS namespace to use", \
	 .choices = "container:|host|ns:|private"}

#endif
