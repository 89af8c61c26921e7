/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft.h"

/* The boot guard: what keeps traffic in while no program of ours runs yet, as static files for
 * ip(8) and nft(8) (data/adit-guard.service). */

/* Rules and guard routes of @want, for `ip -4 -force -batch` or `ip -6 -force -batch`; what
 * needs a link is left out. */
char *adit_guard_ip(const AditState *want, guint8 family);
/* The table and its elements, for `nft -f`; idempotent. */
char *adit_guard_nft(const AditNftBlueprint *bp, const AditState *elements);
