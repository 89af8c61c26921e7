/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/dataplane.h"
#include "tunnel-server/lease-plan.h"

/* Between lease-plan.c, which writes it, and lease-restore.c, which reads it.
 *
 * User data of an open port, so that a restarted server knows whose it is. nft(8) skips what it
 * does not know, if it comes as type, length, value. The last two octets are the inside port,
 * or, in a redirect, the outside port of the mapping it belongs to.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+---------------+---------------+
 *   |   Type 0x41   |  Length = 23  |     Flags     |               |
 *   +---------------+---------------+---------------+               |
 *   |                     Device's id (64 bits)     +---------------+
 *   |                                               |               |
 *   +-----------------------------------------------+               |
 *   |                     Nonce (96 bits)           +---------------+
 *   |                                               |     Port      :
 *   +-----------------------------------------------+---------------+
 */
#define ADIT_LEASE_USER_TYPE 0x41
#define ADIT_LEASE_USER_LEN 25
#define ADIT_LEASE_USER_SECOND 0x01
#define ADIT_LEASE_USER_REDIRECT 0x02
#define ADIT_LEASE_USER_HTTPS 0x04 /* of a redirect: its mode */
