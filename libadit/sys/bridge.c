/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/bridge.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The driver says it; sysfs may be that of another namespace. */
gboolean
adit_link_is_bridge(const char *link)
{
    struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
    struct ifreq request = { .ifr_data = (gpointer)&info };
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gboolean is;

    if (fd < 0)
        return FALSE;
    g_strlcpy(request.ifr_name, link, sizeof(request.ifr_name));
    is = ioctl(fd, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, "bridge") == 0;
    close(fd);
    return is;
}
