/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>
#include <linux/netlink.h>

/* Reads the kernel's verdict on a request: an NLMSG_ERROR or NLMSG_DONE. TRUE: carried out.
 * FALSE: @error has the kernel's own words, and with @request (may be NULL) the attribute that
 * displeased it. Codes: EEXIST is BUSY, ENOENT, ESRCH and ENODEV are NOT_FOUND, EPERM and
 * EACCES are DENIED, the rest KERNEL; a verdict that makes no sense is PROTOCOL. */
gboolean adit_ack_get(const struct nlmsghdr *nlh, const struct nlmsghdr *request,
                      GError **error);
