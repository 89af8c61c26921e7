/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <linux/netlink.h>

/* The next whole netlink message of what is left, or NULL. mnl_nlmsg_ok() would take a length
 * beyond 2^31, which only the kernel is trusted not to write. @at is 4-aligned. */
static inline const struct nlmsghdr *
next_message(const guint8 **at, gsize *left)
{
    const struct nlmsghdr *nlh = (gconstpointer)*at;
    gsize step;

    if (*left < NLMSG_HDRLEN || nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > *left)
        return NULL;
    step = MIN(*left, NLMSG_ALIGN((gsize)nlh->nlmsg_len));
    *at += step;
    *left -= step;
    return nlh;
}
