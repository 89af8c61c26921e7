/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "policy-routing/backend.h"

/* NetworkManager makes the links. The id of a gateway is the UUID of its connection. How an
 * adopted connection was before is kept in @state_dir. @kernel is borrowed. NetworkManager need
 * not run: it may come and go, and operations say so (TIMEOUT). */
AditBackend *adit_nm_backend_new(AditKernel *kernel, const char *state_dir);
