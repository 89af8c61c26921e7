/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/msg.h"

/* Generic netlink: families have names, and a number for the life of the running kernel. */

/* Starts a message of a family; attributes follow. */
void adit_genl_begin(AditMsg *m, guint16 family, guint16 flags, guint8 cmd, guint8 version);
/* Asks for the number of @name; a modular kernel loads the module for it. */
void adit_genl_resolve_put(AditMsg *m, const char *name);
/* FALSE: not an answer about @name. */
gboolean adit_genl_resolve_get(const struct nlmsghdr *nlh, const char *name,
                               guint16 *ret_family);
