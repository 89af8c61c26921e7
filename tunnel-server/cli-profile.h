/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/key.h"
#include "tunnel-server/cli.h"

/* Handing a profile over. The private key is made here, in the command, and goes nowhere but
 * into what is handed over: the daemon never sees it. */

typedef struct {
    AditKey private_key; /* zero: the device keeps it to itself */
    AditKey public_key;
} AditKeyPair;

/* @public_key NULL: a new pair. */
gboolean adit_key_pair_take(AditKeyPair *pair, const char *public_key, GError **error);
void adit_key_pair_clear(AditKeyPair *pair);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditKeyPair, adit_key_pair_clear)

/* How, as the options say. */
typedef struct {
    char *out;
    gboolean qr, full, split;
    char **networks;
} AditCliHandOver;

gboolean adit_cli_hand_over_check(const AditCliHandOver *how, gboolean is_client,
                                  GError **error);
gboolean adit_cli_hand_over(AditCli *cli, AditSrvManager *manager, const char *name,
                            const AditKeyPair *pair, const AditCliHandOver *how,
                            GError **error);
