/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* The guard a second time, as rules and blackholes of networkd's own, in a .network of lo:
 * pure. Each rule keeps one owner. networkd cannot tag rules, so it has a ladder of its own,
 * with other preferences and another metric: what aditd does not know by its tag, it does not
 * touch. */

#define ADIT_NETWORKD_LO "60-adit-lo.network"

/* Sections for a .network; NULL: nothing is guarded. */
char *adit_networkd_guard_sections(const AditState *want);
/* The whole of ADIT_NETWORKD_LO, or (@drop_in) of a drop-in of somebody else's .network for lo.
 * @sections NULL: one that asks for nothing. */
char *adit_networkd_guard_file(const char *sections, gboolean drop_in);
