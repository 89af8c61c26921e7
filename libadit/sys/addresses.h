/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* The addresses of this machine, on whatever link, but loopback's and link-local ones: a GArray
 * of AditAddress (link and prefix). */
GArray *adit_addresses_read(GError **error);
