#include "netns/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

static void route(struct pm_rtnl *b, int family, uint32_t mark, bool add)
{
	struct fib_rule_hdr *h = pm_rtnl_begin(b, add ? RTM_NEWRULE : RTM_DELRULE,
					       add ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*h),
					       "the rule for published ports");
	pm_rtnl_ignore(b, family == AF_INET ? 0 : PM_RTNL_NO_IPV6);
	h->family = (uint8_t)family;
	h->action = FR_ACT_TO_TBL;
	pm_rtnl_attr_u32(b, FRA_FWMARK, mark);
	pm_rtnl_attr_u32(b, FRA_FWMASK, UINT32_MAX);
	pm_rtnl_attr_u32(b, FRA_TABLE, mark);
	struct rtmsg *r = pm_rtnl_begin(b, add ? RTM_NEWROUTE : RTM_DELROUTE,
					add ? NLM_F_CREATE | NLM_F_REPLACE : 0, sizeof(*r),
					"the route for published ports");
	pm_rtnl_ignore(b, family == AF_INET ? 0 : PM_RTNL_NO_IPV6);
	r->rtm_family = (unsigned char)family;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_scope = RT_SCOPE_HOST;
	r->rtm_type = RTN_LOCAL;
	pm_rtnl_attr_u32(b, RTA_TABLE, mark);
	pm_rtnl_attr_u32(b, RTA_OIF, PM_LO_INDEX);
}

int pm_mark_route(int nl, uint32_t mark, bool add, struct pm_err *err)
{
	struct pm_rtnl b;
	pm_rtnl_init(&b);
	route(&b, AF_INET, mark, add);
	route(&b, AF_INET6, mark, add);
	return pm_rtnl_run(&b, nl, err);
}

int pm_mark_own_netns(struct pm_err *err)
{
	_cleanup_close_ int fd = open("/proc/sys/net/ipv4/tcp_fwmark_accept", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		return 0;
	_cleanup_close_ int nl = pm_rtnl_open(err);
	if (nl < 0)
		return nl;
	int r = pm_mark_route(nl, PM_MARK, true, err);
	return r < 0 ? r : 1;
}
