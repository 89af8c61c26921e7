/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/uapi.h"

#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "tests/unit/wire/wg-fixture.h"

#define K1 "0100000000000000000000000000000000000000000000000000000000000000"
#define K2 "02000000000000000000000000000000000000000000000000000000000000ff"

static void
check_round_trip(guint n_peers, guint max_allowed)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(n_peers, max_allowed, TRUE);
    char *text = adit_uapi_dump_build(device);
    g_autoptr(GError) error = NULL;
    g_autoptr(AditWgDump) back = adit_uapi_dump_parse("wg0", text, strlen(text), &error);

    g_assert_no_error(error);
    wg_fixture_assert_equal(device, back);
    adit_key_string_free(text);
}

static void
test_round_trip(void)
{
    check_round_trip(0, 0);
    for (guint i = 0; i < 100; i++)
        check_round_trip(g_test_rand_int_range(0, 20), 20);
}

static void
test_many_peers(void)
{
    check_round_trip(10000, 4);
    check_round_trip(1, 5000);
}

static void
test_set_text(void)
{
    AditPrefix one[2] = { 0 };
    AditDevice device = { "wg0", { { 1 } }, 51820, 0x3f000000 };
    AditPeer before = { "wg0", .public_key = { { 1 } }, .allowed = one, .n_allowed = 1 };
    AditPeer after = { "wg0", .public_key = { { 1 } }, .allowed = one, .n_allowed = 2 };
    AditPeer gone = { "wg0", .public_key = { { 2, [31] = 0xff } } };
    const AditPeerChange changes[] = {
        { ADIT_OP_ADD, &before },
        { ADIT_OP_CHANGE, &after, &before },
        { ADIT_OP_CHANGE, &before, &after },
        { ADIT_OP_DELETE, &gone },
    };
    const AditWgSet set = { "wg0", &device, TRUE, changes, G_N_ELEMENTS(changes) };
    char *text;

    g_assert_true(adit_prefix_parse("10.0.0.0/8", &one[0], NULL));
    g_assert_true(adit_prefix_parse("2001:db8::/32", &one[1], NULL));
    g_assert_true(adit_sockaddr_parse("[2001:db8::1]:51820", &before.endpoint, NULL));
    after.endpoint = before.endpoint;
    after.keepalive = 25;
    after.preshared_key.bytes[0] = 1;
    text = adit_uapi_set_build(&set);
    g_assert_cmpstr(text, ==,
                    "set=1\nprivate_key=" K1 "\nlisten_port=51820\nfwmark=1056964608\n"
                    "replace_peers=true\n"
                    "public_key=" K1 "\npreshared_key="
                    "0000000000000000000000000000000000000000000000000000000000000000\n"
                    "endpoint=[2001:db8::1]:51820\npersistent_keepalive_interval=0\n"
                    "replace_allowed_ips=true\nallowed_ip=10.0.0.0/8\n"
                    "public_key=" K1 "\nupdate_only=true\npreshared_key=" K1
                    "\npersistent_keepalive_interval=25\nallowed_ip=2001:db8::/32\n"
                    "public_key=" K1 "\nupdate_only=true\npreshared_key="
                    "0000000000000000000000000000000000000000000000000000000000000000\n"
                    "persistent_keepalive_interval=0\n"
                    "replace_allowed_ips=true\nallowed_ip=10.0.0.0/8\n"
                    "public_key=" K2 "\nremove=true\n\n");
    adit_key_string_free(text);
}

/* The text wireguard-go 0.0.20220316 gave, shortened. */
static void
test_real_answer(void)
{
    static const char text[] = "private_key=" K1 "\nlisten_port=53333\nfwmark=123\n"
                               "public_key=" K2 "\npreshared_key=" K1 "\nprotocol_version=1\n"
                               "endpoint=[fe80::1%eth0]:33\nlast_handshake_time_sec=17\n"
                               "last_handshake_time_nsec=5\ntx_bytes=1\nrx_bytes=2\n"
                               "persistent_keepalive_interval=25\nallowed_ip=fd00::/64\n"
                               "allowed_ip=10.0.0.0/24\nerrno=0\n\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(AditWgDump) dump = adit_uapi_dump_parse("wg0", text, sizeof(text) - 1, &error);
    const AditWgPeer *peer;
    g_autofree char *endpoint = NULL;
    g_autofree char *first = NULL;

    g_assert_no_error(error);
    g_assert_cmpuint(dump->device.listen_port, ==, 53333);
    g_assert_cmpuint(dump->device.fwmark, ==, 123);
    g_assert_cmpuint(dump->peers->len, ==, 1);
    peer = g_ptr_array_index(dump->peers, 0);
    endpoint = adit_sockaddr_to_string(&peer->status.endpoint);
    g_assert_cmpstr(endpoint, ==, "[fe80::1]:33");
    g_assert_cmpint(peer->status.handshake_sec, ==, 17);
    g_assert_cmpuint(peer->status.handshake_nsec, ==, 5);
    g_assert_cmpuint(peer->status.tx_bytes, ==, 1);
    g_assert_cmpuint(peer->status.rx_bytes, ==, 2);
    g_assert_cmpuint(peer->peer.n_allowed, ==, 2);
    first = adit_prefix_to_string(&peer->peer.allowed[0]);
    g_assert_cmpstr(first, ==, "10.0.0.0/24");
}

static const struct {
    const char *text, *why;
} bad[] = {
    { "", "line 1: does not end in errno and an empty line" },
    { "\n", "line 1: not a key=value line" },
    { "errno=0", "line 1: not a line" },
    { "errno=0\n", "line 2: does not end in errno and an empty line" },
    { "errno=0\n\n\n", "line 2: does not end in errno and an empty line" },
    { "errno=0\n\nerrno=0\n\n", "line 2: does not end in errno and an empty line" },
    { "errno=x\n\n", "line 1: the value is malformed" },
    { "errno=5000\n\n", "line 1: the value is malformed" },
    { "listen_port=1\nlisten_port=1\nerrno=0\n\n", "line 2: the key stands twice" },
    { "listen_port=65536\nerrno=0\n\n", "line 1: the value is malformed" },
    { "listen_port=+1\nerrno=0\n\n", "line 1: the value is malformed" },
    { "listen_port=01\nerrno=0\n\n", "line 1: the value is malformed" },
    { "listen_port= 1\nerrno=0\n\n", "line 1: the value is malformed" },
    { "listen_port=1\r\nerrno=0\n\n", "line 1: the value is malformed" },
    { "fwmark=4294967296\nerrno=0\n\n", "line 1: the value is malformed" },
    { "private_key=00\nerrno=0\n\n", "line 1: the value is malformed" },
    { "private_key=0" K1 "\nerrno=0\n\n", "line 1: the value is malformed" },
    { "set=1\nerrno=0\n\n", "line 1: the key is unknown here" },
    { "allowed_ip=10.0.0.0/8\nerrno=0\n\n", "line 1: the key is unknown here" },
    { "public_key=" K1 "\nlisten_port=1\nerrno=0\n\n", "line 2: the key is unknown here" },
    { "public_key=" K1 "\npublic_key=" K1 "\nerrno=0\n\n", "line 2: the value is malformed" },
    { "public_key=" K1 "\nallowed_ip=10.0.0.0/33\nerrno=0\n\n",
      "line 2: the value is malformed" },
    { "public_key=" K1 "\nallowed_ip=10.0.0.0\nerrno=0\n\n", "line 2: the value is malformed" },
    { "public_key=" K1 "\nendpoint=example.com:1\nerrno=0\n\n",
      "line 2: the value is malformed" },
    { "public_key=" K1 "\nendpoint=[fe80::1%]:1\nerrno=0\n\n",
      "line 2: the value is malformed" },
    { "public_key=" K1 "\nendpoint=10.0.0.1%1]:1\nerrno=0\n\n",
      "line 2: the value is malformed" },
    { "public_key=" K1 "\nprotocol_version=2\nerrno=0\n\n", "line 2: the value is malformed" },
    { "public_key=" K1 "\nlast_handshake_time_nsec=1000000000\nerrno=0\n\n",
      "line 2: the value is malformed" },
};

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const gsize len = strlen(bad[i].text);
        g_autofree char *copy = g_memdup2(bad[i].text, len); /* no NUL behind */
        g_autofree char *want = g_strdup_printf("wg0: answer of WireGuard: %s", bad[i].why);
        g_autoptr(GError) error = NULL;

        g_assert_null(adit_uapi_dump_parse("wg0", copy, len, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, want);
    }
}

static void
test_bad_bytes(void)
{
    static const char nul[] = "listen_port=1\0\nerrno=0\n\n";
    g_autofree char *long_line = g_strnfill(300, '1');
    g_autofree char *text = g_strdup_printf("fwmark=%s\nerrno=0\n\n", long_line);

    g_assert_null(adit_uapi_dump_parse("wg0", nul, sizeof(nul) - 1, NULL));
    g_assert_null(adit_uapi_dump_parse("wg0", text, strlen(text), NULL));
}

static void
test_ack(void)
{
    static const struct {
        const char *text;
        gboolean ok;
        AditError code;
        const char *message;
    } rows[] = {
        { "errno=0\n\n", TRUE },
        { "errno=-22\n\n", FALSE, ADIT_ERROR_KERNEL,
          "wg0: WireGuard refused: Invalid argument" },
        { "errno=22\n\n", FALSE, ADIT_ERROR_KERNEL,
          "wg0: WireGuard refused: Invalid argument" },
        { "fwmark=1\nerrno=0\n\n", FALSE, ADIT_ERROR_PROTOCOL,
          "wg0: answer of WireGuard: line 1: errno expected" },
        { "errno=0\n", FALSE, ADIT_ERROR_PROTOCOL,
          "wg0: answer of WireGuard: line 2: does not end in errno and an empty line" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(adit_uapi_ack_parse("wg0", rows[i].text, strlen(rows[i].text), &error),
                        ==, rows[i].ok);
        if (rows[i].ok)
            continue;
        g_assert_error(error, ADIT_ERROR, (int)rows[i].code);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

static void
test_truncated(void)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(3, 5, TRUE);
    char *text = adit_uapi_dump_build(device);
    const gsize len = strlen(text);

    for (gsize cut = 0; cut < len; cut++) {
        g_autofree char *copy = g_memdup2(text, cut);
        g_autoptr(GError) error = NULL;

        g_assert_null(adit_uapi_dump_parse("wg0", copy, cut, &error));
        g_assert_nonnull(error);
    }
    adit_key_string_free(text);
}

/* Refused, or a value that prints and reads back as itself. */
static void
check_corrupted(const char *text, gsize len, gsize at, guint8 flip)
{
    g_autofree char *copy = g_memdup2(text, len);
    g_autoptr(AditWgDump) dump = NULL;
    g_autoptr(AditWgDump) back = NULL;
    char *again;

    copy[at] ^= flip;
    dump = adit_uapi_dump_parse("wg0", copy, len, NULL);
    if (dump == NULL)
        return;
    again = adit_uapi_dump_build(dump);
    back = adit_uapi_dump_parse("wg0", again, strlen(again), NULL);
    g_assert_nonnull(back);
    wg_fixture_assert_equal(dump, back);
    adit_key_string_free(again);
}

static void
test_corrupted(void)
{
    g_autoptr(AditWgDump) device = wg_fixture_device(2, 3, TRUE);
    char *text = adit_uapi_dump_build(device);
    const gsize len = strlen(text);

    for (gsize at = 0; at < len; at++)
        for (guint flip = 1; flip <= 255; flip++)
            check_corrupted(text, len, at, (guint8)flip);
    adit_key_string_free(text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uapi/set-text", test_set_text);
    g_test_add_func("/uapi/real-answer", test_real_answer);
    g_test_add_func("/uapi/bad", test_bad);
    g_test_add_func("/uapi/bad-bytes", test_bad_bytes);
    g_test_add_func("/uapi/ack", test_ack);
    g_test_add_func("/uapi/round-trip", test_round_trip);
    g_test_add_func("/uapi/many-peers", test_many_peers);
    g_test_add_func("/uapi/truncated", test_truncated);
    g_test_add_func("/uapi/corrupted", test_corrupted);
    return g_test_run();
}
