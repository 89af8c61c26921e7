/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/request.h"

/* What every request passes before a handler sees it: host, origin, size, identity, permission,
 * body. */

void adit_web_gate_install(AditWeb *web);
