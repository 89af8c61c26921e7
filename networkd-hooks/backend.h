/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "policy-routing/backend.h"

/* systemd-networkd makes the links, from files of ours (networkd-hooks/render.h). The id of a
 * gateway is the name of its link. @folder: NULL for networkd's own. @kernel is borrowed.
 * networkd need not run: operations say so (TIMEOUT). */
AditBackend *adit_networkd_backend_new(AditKernel *kernel, const char *folder);
