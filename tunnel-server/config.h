/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/model.h"

/* The declarative file: the whole server as text.
 *
 *   [Server]   PrivateKey ListenPort Endpoint Wan MTU
 *   [Subnet]   Name Network IPv6 Wan DNS
 *   [Device]   Name Subnet Address PublicKey PresharedKey Kind Publish Routes
 *   [Forward]  External (ADDR:PORT[-PORT] or PORT[-PORT]) Protocol Device Port Label AllowFrom
 * Enabled [Pinhole]  Port (PORT[-PORT]) Protocol Device Internal Label AllowFrom Enabled
 *
 * Strict: "name:line: Key: value: why". The model comes settled. */
AditModel *adit_config_parse(const char *name, const char *bytes, gsize len, GError **error);
/* The file of a settled model: parsing it gives the same one. Holds keys: free it with
 * adit_key_string_free(). In config-print.c. */
char *adit_config_to_string(const AditModel *model);
/* What @next has that @now has not ("+ device nas ..."), and the other way round ("- ..."), a
 * line each; "" when they are alike. Shows no key. */
char *adit_config_difference(const AditModel *now, const AditModel *next);
