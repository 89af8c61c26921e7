/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/wire/wg-fixture.h"

#include <string.h>
#include <sys/socket.h>

static void
roll(guint8 *bytes, gsize len)
{
    for (gsize i = 0; i < len; i++)
        bytes[i] = g_test_rand_int_range(0, 256);
}

AditKey
wg_fixture_key(void)
{
    AditKey key;

    roll(key.bytes, sizeof(key.bytes));
    return key;
}

static AditAddr
roll_addr(void)
{
    guint8 bytes[16];

    roll(bytes, sizeof(bytes));
    return adit_addr_from_bytes(bytes[15] & 1 ? AF_INET : AF_INET6, bytes);
}

static void
roll_peer(AditWgPeer *peer, guint max_allowed, gboolean status)
{
    const guint n = g_test_rand_int_range(0, max_allowed + 1);

    if (g_test_rand_bit())
        peer->peer.preshared_key = wg_fixture_key();
    if (g_test_rand_bit()) {
        peer->peer.endpoint.addr = roll_addr();
        peer->peer.endpoint.port = g_test_rand_int_range(0, 65536);
        peer->status.endpoint = peer->peer.endpoint;
    }
    peer->peer.keepalive = g_test_rand_int_range(0, 65536);
    for (guint i = 0; i < n; i++) {
        const AditAddr addr = roll_addr();
        const AditPrefix prefix = adit_prefix_make(
            &addr, g_test_rand_int_range(0, adit_family_bits(addr.family) + 1));

        adit_wg_peer_allow(peer, &prefix);
    }
    if (!status)
        return;
    roll((guint8 *)&peer->status.rx_bytes, 8);
    roll((guint8 *)&peer->status.tx_bytes, 8);
    peer->status.handshake_sec = g_test_rand_int_range(0, G_MAXINT32);
    peer->status.handshake_nsec = g_test_rand_int_range(0, 1000000000);
}

AditWgDump *
wg_fixture_device(guint n_peers, guint max_allowed, gboolean status)
{
    AditWgDump *dump = adit_wg_dump_new("wg0");
    g_autoptr(GError) error = NULL;

    dump->device.private_key = wg_fixture_key();
    dump->device.listen_port = g_test_rand_int_range(0, 65536);
    dump->device.fwmark = g_test_rand_int();
    for (guint i = 0; i < n_peers; i++) {
        const AditKey key = wg_fixture_key();

        roll_peer(adit_wg_dump_peer(dump, &key), max_allowed, status);
    }
    adit_wg_dump_seal(dump, &error);
    g_assert_no_error(error);
    return dump;
}

AditWgSet
wg_fixture_set(const AditWgDump *dump, AditPeerChange **ret_peers)
{
    AditPeerChange *peers = g_new0(AditPeerChange, dump->peers->len + 1);

    for (guint i = 0; i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        peers[i].verb = ADIT_OP_ADD;
        peers[i].peer = &peer->peer;
    }
    *ret_peers = peers;
    return (AditWgSet){ .link = dump->device.link,
                        .device = &dump->device,
                        .replace_peers = TRUE,
                        .peers = peers,
                        .n_peers = dump->peers->len };
}

static void
assert_peer_equal(const AditWgPeer *a, const AditWgPeer *b)
{
    g_assert_cmpmem(&a->peer.public_key, ADIT_KEY_LEN, &b->peer.public_key, ADIT_KEY_LEN);
    g_assert_cmpmem(&a->peer.preshared_key, ADIT_KEY_LEN, &b->peer.preshared_key, ADIT_KEY_LEN);
    g_assert_cmpint(adit_sockaddr_cmp(&a->peer.endpoint, &b->peer.endpoint), ==, 0);
    g_assert_cmpint(adit_sockaddr_cmp(&a->status.endpoint, &b->status.endpoint), ==, 0);
    g_assert_cmpuint(a->peer.keepalive, ==, b->peer.keepalive);
    g_assert_cmpstr(a->peer.link, ==, b->peer.link);
    g_assert_cmpuint(a->peer.n_allowed, ==, b->peer.n_allowed);
    for (guint i = 0; i < a->peer.n_allowed; i++)
        g_assert_cmpint(adit_prefix_cmp(&a->peer.allowed[i], &b->peer.allowed[i]), ==, 0);
    g_assert_cmpint(a->status.handshake_sec, ==, b->status.handshake_sec);
    g_assert_cmpuint(a->status.handshake_nsec, ==, b->status.handshake_nsec);
    g_assert_cmpuint(a->status.rx_bytes, ==, b->status.rx_bytes);
    g_assert_cmpuint(a->status.tx_bytes, ==, b->status.tx_bytes);
}

void
wg_fixture_assert_equal(const AditWgDump *a, const AditWgDump *b)
{
    g_assert_cmpstr(a->device.link, ==, b->device.link);
    g_assert_cmpmem(&a->device.private_key, ADIT_KEY_LEN, &b->device.private_key, ADIT_KEY_LEN);
    g_assert_cmpuint(a->device.listen_port, ==, b->device.listen_port);
    g_assert_cmpuint(a->device.fwmark, ==, b->device.fwmark);
    g_assert_cmpuint(a->peers->len, ==, b->peers->len);
    for (guint i = 0; i < a->peers->len; i++)
        assert_peer_equal(g_ptr_array_index(a->peers, i), g_ptr_array_index(b->peers, i));
}
