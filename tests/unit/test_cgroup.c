#include "tests/unit/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/cgroup/cgroup.h"

TEST(decision_is_consistent)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_cgroup_ struct pm_cgroup c = {0};
	CHECK_OK(pm_cgroup_detect(NULL, &c, &err), err);
	CHECK(c.own && c.own[0] == '/');
	CHECK((c.manager == PM_CGROUP_CGROUPFS) == (c.path != NULL));
	CHECK((c.manager == PM_CGROUP_DISABLED) == (c.why_disabled != NULL));
	CHECK(c.private_mount == (c.host != PM_CGROUP_HOST_UNIFIED));
	if (c.manager == PM_CGROUP_DISABLED)
		CHECK_INT(c.controllers, 0);
}

TEST(a_limit_that_cannot_be_set_is_an_error)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_cgroup_ struct pm_cgroup c = {0};
	CHECK_OK(pm_cgroup_detect("disabled", &c, &err), err);
	CHECK_INT(c.manager, PM_CGROUP_DISABLED);
	CHECK_OK(pm_cgroup_check_limits(&c, 0, "--memory", &err), err);
	CHECK_INT(pm_cgroup_check_limits(&c, PM_CGROUP_MEMORY, "--memory", &err),
		  -PM_E_UNSUPPORTED);
	CHECK_STR(err.text,
		  "--memory cannot be applied: cgroups are disabled for this container");

	struct pm_cgroup some = {.host = PM_CGROUP_HOST_UNIFIED,
				 .manager = PM_CGROUP_CGROUPFS,
				 .controllers = PM_CGROUP_MEMORY | PM_CGROUP_PIDS};
	CHECK_OK(pm_cgroup_check_limits(&some, PM_CGROUP_MEMORY, "--memory", &err), err);
	CHECK_INT(pm_cgroup_check_limits(&some, PM_CGROUP_CPU | PM_CGROUP_MEMORY, "--cpus", &err),
		  -PM_E_UNSUPPORTED);
	CHECK(strstr(err.text, "--cpus cannot be applied: "));
	CHECK(strstr(err.text, "cgroup controller cpu"));
}

TEST(names)
{
	_cleanup_free_ char *l = pm_cgroup_controllers(PM_CGROUP_PIDS | PM_CGROUP_CPU);
	CHECK_STR(l, "cpu,pids");
	_cleanup_free_ char *none = pm_cgroup_controllers(0);
	CHECK_STR(none, "");
	struct pm_err err = PM_ERR_INIT;
	struct pm_cgroup c;
	CHECK_INT(pm_cgroup_detect("lxc", &c, &err), -PM_E_USAGE);
}
