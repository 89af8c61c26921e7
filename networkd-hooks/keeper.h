/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "networkd-hooks/network1.h"

/* Has networkd keep the guard as well (networkd-hooks/guard-network.h): writes its file, or a
 * drop-in where somebody else has a .network for lo, and tells networkd. */

typedef struct _AditNetworkdKeeper AditNetworkdKeeper;

/* @folders: where networkd looks, ours to write to first; NULL-terminated, borrowed. */
AditNetworkdKeeper *adit_networkd_keeper_new(const char *const *folders);
/* @want NULL: nothing is kept (any more), and no file is left. @network1 NULL: no bus; what is
 * written is read when networkd starts. Nobody waits; failures are logged. */
void adit_networkd_keeper_set(AditNetworkdKeeper *keeper, AditNetwork1 *network1,
                              const AditState *want);
void adit_networkd_keeper_free(AditNetworkdKeeper *keeper);
