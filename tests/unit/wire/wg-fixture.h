/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/wgmodel.h"

/* Devices made by dice (g_test_rand, whose seed is printed), for both protocols. */

/* A key that g_test_rand made. */
AditKey wg_fixture_key(void);
/* A sealed device with @n_peers peers of up to @max_allowed allowed IPs; with counters and
 * handshakes if @status. */
AditWgDump *wg_fixture_device(guint n_peers, guint max_allowed, gboolean status);
/* Everything of @dump as additions; borrows from it. Free the peers with g_free(). */
AditWgSet wg_fixture_set(const AditWgDump *dump, AditPeerChange **ret_peers);
void wg_fixture_assert_equal(const AditWgDump *a, const AditWgDump *b);
