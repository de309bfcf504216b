#include "netns/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/rtnl.h"

int pm_netns_lo_up(struct pm_err *err)
{
	_cleanup_close_ int nl = pm_rtnl_open(err);
	if (nl < 0)
		return nl;
	struct pm_rtnl b;
	pm_rtnl_init(&b);
	pm_rtnl_link_up(&b, PM_LO_INDEX, 0, "bring lo up");
	return pm_rtnl_run(&b, nl, err);
}

static int open_tun(const char *name, struct pm_err *err)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return pm_fail(err, errno, "open /dev/net/tun: %s: the user-mode network needs it "
			       "(as root: modprobe tun), or use --network none or host",
			       strerrordesc_np(errno));
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return pm_fail(err, errno, "open /dev/net/tun: %s: the user-mode network needs it "
			       "(as root: chmod 0666 /dev/net/tun), or use --network none or host",
			       strerrordesc_np(errno));
	if (fd < 0)
		return pm_fail_sys(err, "open /dev/net/tun");

	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return pm_fail_sys(err, "make the network device %s", name);
	return pm_steal_fd(&fd);
}

/* Best effort, and only where /proc is writable: routers' announcements bring nothing new. */
static void ignore_router_advertisements(const char *name)
{
	char path[96];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		return;
}

int pm_tap_open(const struct pm_tap_config *c, struct pm_err *err)
{
	_cleanup_close_ int fd = open_tun(c->name, err);
	if (fd < 0)
		return fd;
	_cleanup_close_ int nl = pm_rtnl_open(err);
	if (nl < 0)
		return nl;
	int index = pm_rtnl_index(nl, c->name, err);
	if (index < 0)
		return index;

	struct pm_rtnl b;
	pm_rtnl_init(&b);
	if (c->ipv6) {
		ignore_router_advertisements(c->name);
		pm_rtnl_no_autoconf(&b, index);
	}
	pm_rtnl_link_up(&b, PM_LO_INDEX, 0, "bring lo up");
	pm_rtnl_link_up(&b, index, c->mtu, "bring the tap device up");
	if (c->ipv6) {
		struct pm_ip addr = pm_ip_from_bytes(&c->addr6, 16);
		struct pm_ip gateway = pm_ip_from_bytes(&c->gateway6, 16);
		const struct pm_ipnet all = {.ip = {.family = AF_INET6}};
		pm_rtnl_address(&b, index, &addr, c->prefix_len6);
		pm_rtnl_route(&b, index, &all, &gateway, 0);
	}
	struct pm_ip addr = pm_ip_from_bytes(&c->addr, 4);
	struct pm_ip gateway = pm_ip_from_bytes(&c->gateway, 4);
	const struct pm_ipnet all = {.ip = {.family = AF_INET}};
	pm_rtnl_address(&b, index, &addr, c->prefix_len);
	pm_rtnl_route(&b, index, &all, &gateway, 0);
	int r = pm_rtnl_run(&b, nl, err);
	return r < 0 ? r : pm_steal_fd(&fd);
}
