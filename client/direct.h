/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "policy-routing/backend.h"

/* The direct backend: aditd makes the link itself, by netlink or the userspace device. The id
 * of a gateway is its name. @kernel is borrowed, and has a front for links. */
AditBackend *adit_direct_new(AditKernel *kernel);
