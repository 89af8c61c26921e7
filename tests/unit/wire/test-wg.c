/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/wg.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "libadit/wire/genl.h"
#include "tests/unit/wire/wg-fixture.h"

#define FAMILY 29

/* Runs every message of @m through adit_wg_get(), each in memory of its exact length. */
static AditWgDump *
read_back(AditMsg *m, GError **error)
{
    g_autoptr(AditWgDump) dump = adit_wg_dump_new("wg0");
    gsize len;
    const guint8 *bytes = adit_msg_data(m, &len);

    for (gsize at = 0; at < len;) {
        const struct nlmsghdr *nlh = (gconstpointer)(bytes + at);
        g_autofree struct nlmsghdr *copy = g_memdup2(nlh, nlh->nlmsg_len);

        g_assert_cmpuint(nlh->nlmsg_type, ==, FAMILY);
        g_assert_cmpuint(nlh->nlmsg_len, <=, 32768);
        g_assert_true(adit_wg_get(copy, dump));
        at += NLMSG_ALIGN(nlh->nlmsg_len);
    }
    if (!adit_wg_dump_seal(dump, error))
        return NULL;
    return g_steal_pointer(&dump);
}

static AditMsg *
build(const AditWgDump *device)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autofree AditPeerChange *peers = NULL;
    g_autoptr(GError) error = NULL;
    const AditWgSet set = wg_fixture_set(device, &peers);

    adit_wg_set_put(m, FAMILY, &set);
    adit_msg_check(m, &error);
    g_assert_no_error(error);
    return g_steal_pointer(&m);
}

static void
check_round_trip(guint n_peers, guint max_allowed, guint min_messages)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(n_peers, max_allowed, FALSE);
    g_autoptr(AditMsg) m = build(device);
    g_autoptr(GError) error = NULL;
    g_autoptr(AditWgDump) back = read_back(m, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(adit_msg_count(m), >=, min_messages);
    wg_fixture_assert_equal(device, back);
}

static void
test_round_trip(void)
{
    check_round_trip(0, 0, 1);
    for (guint i = 0; i < 200; i++)
        check_round_trip(g_test_rand_int_range(0, 40), 30, 1);
}

static void
test_many_peers(void)
{
    check_round_trip(10000, 4, 10);
}

/* The list of one peer spans messages; what takes away stands only in the first of them. */
static void
test_long_peer(void)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(3, 0, FALSE);
    g_autoptr(AditMsg) m = NULL;
    g_autoptr(AditWgDump) back = NULL;
    const AditWgPeer *middle = g_ptr_array_index(device->peers, 1);

    for (guint i = 0; i < 5000; i++) {
        const guint8 bytes[4] = { 10, i >> 8, i & 255, 1 };
        const AditAddr addr = adit_addr_from_bytes(AF_INET, bytes);
        const AditPrefix prefix = adit_prefix_host(&addr);

        adit_wg_peer_allow(g_ptr_array_index(device->peers, 1), &prefix);
    }
    g_assert_true(adit_wg_dump_seal(device, NULL));
    m = build(device);
    g_assert_cmpuint(adit_msg_count(m), >=, 5);
    back = read_back(m, NULL);
    g_assert_cmpuint(middle->peer.n_allowed, ==, 5000);
    wg_fixture_assert_equal(device, back);
}

/* Flags of each peer piece in @m, in order. */
static GArray *
piece_flags(AditMsg *m)
{
    static const AditAttrType device_types[] = { [WGDEVICE_A_PEERS] = { ADIT_ATTR_NESTED } };
    static const AditAttrType peer_types[] = { [WGPEER_A_FLAGS] = { ADIT_ATTR_U32 } };
    GArray *flags = g_array_new(FALSE, FALSE, sizeof(guint32));
    gsize len, peers_len;
    const guint8 *bytes = adit_msg_data(m, &len);

    for (gsize at = 0; at < len;) {
        const struct nlmsghdr *nlh = (gconstpointer)(bytes + at);
        const struct nlattr *tb[WGDEVICE_A_PEERS + 1];
        const guint8 *peers;

        g_assert_true(
            adit_attrs_parse_msg(nlh, GENL_HDRLEN, device_types, G_N_ELEMENTS(tb), tb));
        peers = adit_attr_data(tb[WGDEVICE_A_PEERS], &peers_len);
        for (gsize p = 0; p < peers_len;) {
            const struct nlattr *peer = (gconstpointer)(peers + p);
            const struct nlattr *ptb[WGPEER_A_FLAGS + 1];
            guint32 value;

            g_assert_true(adit_attrs_parse_nested(peer, peer_types, G_N_ELEMENTS(ptb), ptb));
            value = adit_attr_u32(ptb[WGPEER_A_FLAGS]);
            g_array_append_val(flags, value);
            p += NLA_ALIGN(peer->nla_len);
        }
        at += NLMSG_ALIGN(nlh->nlmsg_len);
    }
    return flags;
}

static void
test_flags(void)
{
    enum { REPLACE = WGPEER_F_REPLACE_ALLOWEDIPS, UPDATE = WGPEER_F_UPDATE_ONLY };
    AditPrefix many[2000], few[1];
    AditPeer longer = { "wg0", .allowed = many, .n_allowed = 2000 };
    AditPeer shorter = { "wg0", .allowed = few, .n_allowed = 1 };
    const AditPeerChange changes[] = {
        { ADIT_OP_ADD, &shorter },             /* replaces whatever was there */
        { ADIT_OP_CHANGE, &shorter, &longer }, /* something goes */
        { ADIT_OP_CHANGE, &longer, &shorter }, /* something comes, in two messages */
        { ADIT_OP_DELETE, &longer },
        { ADIT_OP_CHANGE, &longer, NULL }, /* not known what was there */
    };
    const AditWgSet set = { "wg0", .peers = changes, .n_peers = G_N_ELEMENTS(changes) };
    const guint32 want[] = {
        REPLACE,          UPDATE | REPLACE, UPDATE, UPDATE, WGPEER_F_REMOVE_ME,
        UPDATE | REPLACE, UPDATE,           UPDATE
    };
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GArray) flags = NULL;

    for (guint i = 0; i < 2000; i++) {
        const guint8 bytes[4] = { 10, i >> 8, i & 255, 1 };
        const AditAddr addr = adit_addr_from_bytes(AF_INET, bytes);

        many[i] = adit_prefix_host(&addr);
    }
    few[0] = many[7];
    adit_wg_set_put(m, FAMILY, &set);
    flags = piece_flags(m);
    g_assert_cmpmem(flags->data, flags->len * sizeof(guint32), want, sizeof(want));
}

/* Compared with a message written down by hand from linux/wireguard.h (little endian). */
static void
test_bytes(void)
{
    static const guint8 want[] = {
        /* clang-format off */
        152, 0, 0, 0,  29, 0, 5, 0,  0, 0, 0, 0,  0, 0, 0, 0,    /* nlmsghdr: request, ack */
        1, 1, 0, 0,                                              /* genlmsghdr: set, version 1 */
        8, 0, 2, 0,  'w', 'g', '0', 0,                           /* IFNAME */
        124, 0, 8, 0x80,                                         /* PEERS */
        120, 0, 0, 0x80,                                         /* 0 */
        36, 0, 1, 0,  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
                      7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* PUBLIC_KEY */
        8, 0, 3, 0,  4, 0, 0, 0,                                 /* FLAGS: UPDATE_ONLY */
        20, 0, 4, 0,  2, 0, 0xca, 0x6c, 203, 0, 113, 7, 0, 0, 0, 0, 0, 0, 0, 0, /* ENDPOINT */
        6, 0, 5, 0,  25, 0, 0, 0,                                /* KEEPALIVE */
        44, 0, 9, 0x80,                                          /* ALLOWEDIPS */
        40, 0, 0, 0x80,                                          /* 0 */
        6, 0, 1, 0,  10, 0, 0, 0,                                /* FAMILY: AF_INET6 */
        20, 0, 2, 0,  0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* IPADDR */
        5, 0, 3, 0,  32, 0, 0, 0,                                /* CIDR_MASK */
        /* clang-format on */
    };
    static const guint8 doc6[16] = { 0x20, 1, 0xd, 0xb8 };
    static const guint8 doc4[4] = { 203, 0, 113, 7 };
    AditPrefix allowed = { .addr = adit_addr_from_bytes(AF_INET6, doc6), .len = 32 };
    AditPeer before = { "wg0" };
    AditPeer peer = { "wg0", .keepalive = 25, .allowed = &allowed, .n_allowed = 1 };
    const AditPeerChange change = { ADIT_OP_CHANGE, &peer, &before };
    const AditWgSet set = { "wg0", .peers = &change, .n_peers = 1 };
    g_autoptr(AditMsg) m = adit_msg_new();
    const guint8 *bytes;
    gsize len;

    memset(peer.public_key.bytes, 7, ADIT_KEY_LEN);
    peer.endpoint.addr = adit_addr_from_bytes(AF_INET, doc4);
    peer.endpoint.port = 51820;
    adit_wg_set_put(m, FAMILY, &set);
    bytes = adit_msg_data(m, &len);
    g_assert_cmpmem(bytes, len, want, sizeof(want));
}

/* What only the kernel writes: public key, handshake, counters. */
static void
test_status(void)
{
    const gint64 when[2] = { 1700000000, 123456789 };
    const AditKey key = { { 1, 2, 3 } };
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(AditWgDump) dump = NULL;
    const AditWgPeer *peer;

    adit_genl_begin(m, FAMILY, NLM_F_MULTI, WG_CMD_GET_DEVICE, 1);
    adit_msg_u32(m, WGDEVICE_A_IFINDEX, 5);
    adit_msg_string(m, WGDEVICE_A_IFNAME, "wg0");
    adit_msg_bytes(m, WGDEVICE_A_PUBLIC_KEY, &key, sizeof(key));
    adit_msg_u16(m, WGDEVICE_A_LISTEN_PORT, 51820);
    adit_msg_nest(m, WGDEVICE_A_PEERS);
    adit_msg_nest(m, 0);
    adit_msg_bytes(m, WGPEER_A_PUBLIC_KEY, &key, sizeof(key));
    adit_msg_bytes(m, WGPEER_A_LAST_HANDSHAKE_TIME, when, sizeof(when));
    adit_msg_bytes(m, WGPEER_A_UNSPEC, NULL, 0); /* the kernel aligns 64 bits with it */
    adit_msg_u64(m, WGPEER_A_RX_BYTES, G_MAXUINT64);
    adit_msg_u64(m, WGPEER_A_TX_BYTES, 2);
    adit_msg_u32(m, WGPEER_A_PROTOCOL_VERSION, 1);
    adit_msg_unnest(m);
    adit_msg_unnest(m);
    dump = read_back(m, NULL);

    peer = adit_wg_dump_find(dump, &key);
    g_assert_nonnull(peer);
    g_assert_cmpint(peer->status.handshake_sec, ==, when[0]);
    g_assert_cmpuint(peer->status.handshake_nsec, ==, when[1]);
    g_assert_cmpuint(peer->status.rx_bytes, ==, G_MAXUINT64);
    g_assert_cmpuint(peer->status.tx_bytes, ==, 2);
    g_assert_cmpuint(dump->device.listen_port, ==, 51820);
    adit_wg_dump_reset(dump);
    g_assert_null(adit_wg_dump_find(dump, &key));
}

static void
put_piece(AditMsg *m, const char *name, const AditKey *key, const char *allowed)
{
    AditPrefix prefix;

    g_assert_true(adit_prefix_parse(allowed, &prefix, NULL));
    adit_genl_begin(m, FAMILY, NLM_F_MULTI, WG_CMD_GET_DEVICE, 1);
    if (name != NULL)
        adit_msg_string(m, WGDEVICE_A_IFNAME, name);
    adit_msg_nest(m, WGDEVICE_A_PEERS);
    adit_msg_nest(m, 0);
    adit_msg_bytes(m, WGPEER_A_PUBLIC_KEY, key, sizeof(*key));
    adit_msg_nest(m, WGPEER_A_ALLOWEDIPS);
    adit_msg_nest(m, 0);
    adit_msg_u16(m, WGALLOWEDIP_A_FAMILY, prefix.addr.family);
    adit_msg_bytes(m, WGALLOWEDIP_A_IPADDR, prefix.addr.bytes, adit_addr_size(&prefix.addr));
    adit_msg_u8(m, WGALLOWEDIP_A_CIDR_MASK, prefix.len);
    for (guint i = 0; i < 4; i++)
        adit_msg_unnest(m);
}

/* Only the first message of a dump names the device. */
static void
test_continued(void)
{
    const AditKey a = { { 1 } }, b = { { 2 } };
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(AditMsg) nameless = adit_msg_new();
    g_autoptr(AditWgDump) dump = NULL;
    g_autoptr(AditWgDump) none = adit_wg_dump_new("wg0");
    gsize len;

    put_piece(m, "wg0", &a, "10.1.0.0/16");
    put_piece(m, NULL, &a, "10.0.0.0/16");
    put_piece(m, NULL, &b, "2001:db8::/32");
    dump = read_back(m, NULL);
    g_assert_cmpuint(dump->peers->len, ==, 2);
    g_assert_cmpuint(adit_wg_dump_find(dump, &a)->peer.n_allowed, ==, 2);
    g_assert_cmpuint(adit_wg_dump_find(dump, &b)->peer.n_allowed, ==, 1);

    put_piece(nameless, NULL, &a, "10.1.0.0/16");
    g_assert_false(adit_wg_get((gconstpointer)adit_msg_data(nameless, &len), none));
}

/* A peer that comes back after another one is not a continuation. */
static void
test_listed_twice(void)
{
    g_autoptr(AditWgDump) dump = adit_wg_dump_new("wg0");
    const AditKey a = { { 1 } }, b = { { 2 } };
    g_autoptr(GError) error = NULL;

    adit_wg_dump_peer(dump, &a);
    adit_wg_dump_peer(dump, &b);
    adit_wg_dump_peer(dump, &a);
    g_assert_false(adit_wg_dump_seal(dump, &error));
    g_assert_cmpstr(error->message, ==,
                    "wg0: peer AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=: listed twice");
}

/* A cut message is refused, but where it is cut between two attributes of the top: that is a
 * shorter message, whole in itself. */
static void
test_truncated(void)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(3, 5, FALSE);
    g_autoptr(AditMsg) m = build(device);
    const struct nlmsghdr *nlh;
    gsize len, boundary = NLMSG_HDRLEN + GENL_HDRLEN;
    guint accepted = 0, boundaries = 0;

    nlh = (gconstpointer)adit_msg_data(m, &len);
    g_assert_cmpuint(adit_msg_count(m), ==, 1);
    for (gsize cut = NLMSG_HDRLEN; cut < len; cut++) {
        g_autoptr(AditWgDump) dump = adit_wg_dump_new("wg0");
        g_autofree struct nlmsghdr *copy = g_memdup2(nlh, cut);
        const gboolean padding = cut < boundary && boundary - cut < 4 && boundaries > 0;

        copy->nlmsg_len = cut;
        if (adit_wg_get(copy, dump)) {
            g_assert_true(cut == boundary || padding);
            accepted++;
        }
        if (cut == boundary) {
            const struct nlattr *next = (gconstpointer)((const guint8 *)nlh + cut);

            boundary += NLA_ALIGN(next->nla_len);
            boundaries++;
        }
    }
    g_assert_cmpuint(accepted, <=, boundaries + 2);
    g_assert_cmpuint(boundaries, ==, 6);
}

static void
check_corrupted(const struct nlmsghdr *nlh, gsize at, guint8 flip)
{
    g_autoptr(AditWgDump) dump = adit_wg_dump_new("wg0");
    g_autofree struct nlmsghdr *copy = g_memdup2(nlh, nlh->nlmsg_len);
    g_autoptr(AditMsg) again = NULL;
    g_autoptr(AditMsg) third = NULL;
    g_autoptr(AditWgDump) back = NULL;
    const guint8 *bytes, *third_bytes;
    gsize len, third_len;

    ((guint8 *)copy)[at] ^= flip;
    if (!adit_wg_get(copy, dump) || !adit_wg_dump_seal(dump, NULL))
        return;
    again = build(dump);
    bytes = adit_msg_data(again, &len);
    back = read_back(again, NULL);
    g_assert_nonnull(back);
    third = build(back);
    third_bytes = adit_msg_data(third, &third_len);
    g_assert_cmpmem(bytes, len, third_bytes, third_len); /* status is not written */
}

static void
test_corrupted(void)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(2, 3, FALSE);
    g_autoptr(AditMsg) m = build(device);
    gsize len;
    const struct nlmsghdr *nlh = (gconstpointer)adit_msg_data(m, &len);

    for (gsize at = NLMSG_HDRLEN; at < len; at++)
        for (guint flip = 1; flip <= 255; flip++)
            check_corrupted(nlh, at, (guint8)flip);
}

static void
test_foreign(void)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(AditWgDump) dump = adit_wg_dump_new("wg1");
    gsize len;

    adit_wg_get_put(m, FAMILY, "wg0");
    g_assert_false(adit_wg_get((gconstpointer)adit_msg_data(m, &len), dump));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wg/bytes", test_bytes);
    g_test_add_func("/wg/status", test_status);
    g_test_add_func("/wg/flags", test_flags);
    g_test_add_func("/wg/foreign", test_foreign);
    g_test_add_func("/wg/continued", test_continued);
    g_test_add_func("/wg/listed-twice", test_listed_twice);
    g_test_add_func("/wg/round-trip", test_round_trip);
    g_test_add_func("/wg/long-peer", test_long_peer);
    g_test_add_func("/wg/many-peers", test_many_peers);
    g_test_add_func("/wg/truncated", test_truncated);
    g_test_add_func("/wg/corrupted", test_corrupted);
    return g_test_run();
}
