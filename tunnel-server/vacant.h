/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/model.h"

/* An address of a subnet's IPv6 prefix that nobody has, for `adit-server check` to ask the
 * router from: no neighbour can know it from before. Pure. */

#define ADIT_VACANT_DICE 16

/* FALSE: none was found; all are taken. @dice: random. */
gboolean adit_vacant_pick(const AditModel *model, const AditSubnet *subnet,
                          const guint8 dice[ADIT_VACANT_DICE], AditAddr *ret);
