/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* Lets through root, the daemon's own user and members of the group adit-admin. */
void adit_caller_guard(GDBusInterfaceSkeleton *skeleton);
/* Who asks, of a call that was let through: also of one who has left since. */
guint adit_caller_uid(GDBusMethodInvocation *call);
