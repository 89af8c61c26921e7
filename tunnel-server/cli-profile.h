/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/cli.h"
#include "tunnel-server/key-pair.h"

/* Handing a profile over. The private key is made here, in the command, and goes nowhere but
 * into what is handed over: the daemon never sees it. */

/* --public-key, or a new pair. */
gboolean adit_cli_take_key_pair(AditKeyPair *pair, const char *public_key, GError **error);

/* How, as the options say. */
typedef struct {
    char *out;
    gboolean qr, full, split;
    char **networks;
} AditCliHandOver;

/* With --json: @text NULL: nothing is to be handed over. */
void adit_cli_print_handed(AditCli *cli, const char *name, const char *text, const char *out);
gboolean adit_cli_hand_over_check(const AditCliHandOver *how, gboolean is_client,
                                  GError **error);
gboolean adit_cli_hand_over(AditCli *cli, AditSrvManager *manager, const char *name,
                            const AditKeyPair *pair, const AditCliHandOver *how,
                            GError **error);
