/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "tests/contract/netns.h"
#include "tests/contract/wgdev-fixture.h"
#include "tests/unit/wire/wg-fixture.h"

/* What we write is what is read back, by us and by wg(8). */

#define LINK "adit0"

G_GNUC_PRINTF(2, 3) static void allow(AditWgPeer *peer, const char *format, ...)
{
    g_autofree char *text = NULL;
    AditPrefix prefix;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_assert_true(adit_prefix_parse(text, &prefix, NULL));
    adit_wg_peer_allow(peer, &prefix);
}

/* Peers by dice, whose allowed IPs do not meet: those of one peer would go to another. */
static AditWgDump *
model_new(guint n_peers)
{
    AditWgDump *dump = wg_fixture_device(n_peers, 0, FALSE);

    g_strlcpy(dump->device.link, LINK, sizeof(dump->device.link));
    adit_key_clamp(&dump->device.private_key);
    dump->device.listen_port = 51820;
    dump->device.fwmark = g_test_rand_bit() ? 0x3f000000 : 0;
    for (guint i = 0; i < n_peers; i++) {
        AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        g_strlcpy(peer->peer.link, LINK, sizeof(peer->peer.link));
        peer->peer.endpoint.port |= 1; /* wg(8) cannot print port 0 */
        peer->peer.endpoint.port =
            peer->peer.endpoint.addr.family == 0 ? 0 : peer->peer.endpoint.port;
        peer->status.endpoint = peer->peer.endpoint;
        if (i % 5 == 0)
            continue; /* none */
        allow(peer, "10.%u.%u.0/24", i >> 8, i & 255);
        allow(peer, "2001:db8:%x:%x::/64", i >> 8, i & 255);
    }
    g_assert_true(adit_wg_dump_seal(dump, NULL));
    return dump;
}

static void
apply_all(AditWgdev *wg, const AditWgDump *model)
{
    g_autofree AditPeerChange *peers = NULL;
    const AditWgSet set = wg_fixture_set(model, &peers);

    wgdev_set(wg, &set);
}

static void
assert_is(AditWgdev *wg, const AditWgDump *model)
{
    g_autoptr(AditWgDump) dump = wgdev_get(wg, LINK);

    /* Counters run by themselves: a keepalive may have been tried. */
    for (guint i = 0; i < dump->peers->len; i++) {
        AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        peer->status.tx_bytes = 0;
        g_assert_cmpint(peer->status.handshake_sec, ==, 0);
        g_assert_cmpuint(peer->status.rx_bytes, ==, 0);
    }
    wg_fixture_assert_equal(model, dump);
}

static int
cmp_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
sorted(const char *text, const char *separator)
{
    g_auto(GStrv) words = g_strsplit(text, separator, -1);

    qsort(words, g_strv_length(words), sizeof(char *), cmp_words);
    return g_strjoinv(separator, words);
}

static char *
allowed_words(const AditPeer *peer)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < peer->n_allowed; i++) {
        g_autofree char *prefix = adit_prefix_to_string(&peer->allowed[i]);

        g_string_append_printf(text, "%s%s", i > 0 ? "," : "", prefix);
    }
    return peer->n_allowed > 0 ? sorted(text->str, ",") : g_strdup("(none)");
}

/* A line of `wg show LINK dump`, without the counters. */
static char *
peer_words(const AditPeer *peer)
{
    g_autofree char *key = adit_key_to_string(&peer->public_key);
    g_autofree char *psk = adit_key_is_zero(&peer->preshared_key)
                               ? g_strdup("(none)")
                               : adit_key_to_string(&peer->preshared_key);
    g_autofree char *endpoint = adit_addr_is_set(&peer->endpoint.addr)
                                    ? adit_sockaddr_to_string(&peer->endpoint)
                                    : g_strdup("(none)");
    g_autofree char *allowed = allowed_words(peer);
    g_autofree char *keepalive =
        peer->keepalive > 0 ? g_strdup_printf("%u", peer->keepalive) : g_strdup("off");

    return g_strdup_printf("%s\t%s\t%s\t%s\t%s", key, psk, endpoint, allowed, keepalive);
}

static char *
device_words(const AditDevice *device)
{
    AditKey public_key;
    g_autofree char *private_text = adit_key_to_string(&device->private_key);
    g_autofree char *public_text = NULL;
    g_autofree char *mark =
        device->fwmark != 0 ? g_strdup_printf("0x%x", device->fwmark) : g_strdup("off");

    adit_key_public(&device->private_key, &public_key);
    public_text = adit_key_to_string(&public_key);
    return g_strdup_printf("%s\t%s\t%u\t%s", private_text, public_text, device->listen_port,
                           mark);
}

/* The same from what wg(8) printed. */
static char *
normal_line(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, "\t", -1);
    g_autofree char *allowed = NULL;

    if (g_strv_length(words) != 8)
        return g_strdup(line);
    allowed = sorted(words[3], ",");
    return g_strdup_printf("%s\t%s\t%s\t%s\t%s", words[0], words[1], words[2], allowed,
                           words[7]);
}

static void
assert_wg_agrees(const AditWgDump *model)
{
    g_autofree char *text = wgdev_run("wg show " LINK " dump");
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    g_autoptr(GString) want = g_string_new(NULL);
    g_autoptr(GString) have = g_string_new(NULL);
    g_autofree char *device = device_words(&model->device);
    g_autofree char *want_sorted = NULL;
    g_autofree char *have_sorted = NULL;

    g_string_append_printf(want, "%s\n", device);
    for (guint i = 0; i < model->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(model->peers, i);
        g_autofree char *line = peer_words(&peer->peer);

        g_string_append_printf(want, "%s\n", line);
    }
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *line = normal_line(lines[i]);

        g_string_append_printf(have, "%s\n", line);
    }
    want_sorted = sorted(want->str, "\n");
    have_sorted = sorted(have->str, "\n");
    g_assert_cmpstr(have_sorted, ==, want_sorted);
}

static void
test_read_back(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);

    wgdev_create(wg, LINK);
    for (guint round = 0; round < 5; round++) {
        g_autoptr(AditWgDump) model = model_new(g_test_rand_int_range(0, 40));

        apply_all(wg, model); /* and what was there before goes */
        assert_is(wg, model);
        assert_wg_agrees(model);
    }
    wgdev_destroy(wg, LINK);
}

static void
change(AditWgdev *wg, AditOpVerb verb, const AditPeer *peer, const AditPeer *before)
{
    const AditPeerChange one = { verb, peer, before };
    const AditWgSet set = { .link = LINK, .peers = &one, .n_peers = 1 };

    wgdev_set(wg, &set);
}

static void
alter(AditWgPeer *peer, guint step)
{
    switch (step) {
    case 0: peer->peer.preshared_key = wg_fixture_key(); break;
    case 1: memset(&peer->peer.preshared_key, 0, ADIT_KEY_LEN); break;
    case 2: peer->peer.keepalive ^= 1; break;
    case 3: allow(peer, "192.0.2.9/32"); break; /* one more */
    case 4: peer->peer.n_allowed = 1; break;    /* fewer */
    default: peer->peer.n_allowed = 0; break;
    }
}

/* One peer is changed in every way, with and without knowing what was there; each time the
 * device is the model, and so are the others. */
static void
test_change(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);

    wgdev_create(wg, LINK);
    for (guint round = 0; round < 2; round++) {
        g_autoptr(AditWgDump) model = model_new(8);
        AditWgPeer *peer = g_ptr_array_index(model->peers, 3);

        apply_all(wg, model);
        for (guint step = 0; step < 6; step++) {
            AditPeer before;

            adit_object_copy(ADIT_KIND_PEER, &before, &peer->peer);
            alter(peer, step);
            g_assert_true(adit_wg_dump_seal(model, NULL));
            change(wg, ADIT_OP_CHANGE, &peer->peer, round == 0 ? &before : NULL);
            adit_object_clear(ADIT_KIND_PEER, &before);
            assert_is(wg, model);
        }
        assert_wg_agrees(model);
    }
    wgdev_destroy(wg, LINK);
}

/* A change never brings back what somebody removed meanwhile; an addition does. */
static void
test_removed_meanwhile(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);
    g_autoptr(AditWgDump) model = model_new(3);
    AditWgPeer *peer = g_ptr_array_index(model->peers, 1);
    AditPeer wanted;

    wgdev_create(wg, LINK);
    apply_all(wg, model);
    adit_object_copy(ADIT_KIND_PEER, &wanted, &peer->peer);
    g_ptr_array_remove_index(model->peers, 1);
    change(wg, ADIT_OP_DELETE, &wanted, NULL);
    assert_is(wg, model);
    change(wg, ADIT_OP_DELETE, &wanted, NULL); /* again: nothing to do */
    wanted.keepalive ^= 1;
    change(wg, ADIT_OP_CHANGE, &wanted, NULL);
    assert_is(wg, model);

    change(wg, ADIT_OP_ADD, &wanted, NULL);
    {
        g_autoptr(AditWgDump) dump = wgdev_get(wg, LINK);

        g_assert_cmpuint(dump->peers->len, ==, 3);
        g_assert_nonnull(adit_wg_dump_find(dump, &wanted.public_key));
    }
    adit_object_clear(ADIT_KIND_PEER, &wanted);
    wgdev_destroy(wg, LINK);
}

/* An allowed IP goes from one peer to another in one change. */
static void
test_moved(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);
    g_autoptr(AditWgDump) model = model_new(3);
    AditWgPeer *from = g_ptr_array_index(model->peers, 1);
    AditWgPeer *to = g_ptr_array_index(model->peers, 2);
    AditPeer before[2];
    const AditPeerChange changes[] = { { ADIT_OP_CHANGE, &from->peer, &before[0] },
                                       { ADIT_OP_CHANGE, &to->peer, &before[1] } };
    const AditWgSet set = { .link = LINK, .peers = changes, .n_peers = 2 };

    wgdev_create(wg, LINK);
    apply_all(wg, model);
    adit_object_copy(ADIT_KIND_PEER, &before[0], &from->peer);
    adit_object_copy(ADIT_KIND_PEER, &before[1], &to->peer);
    adit_wg_peer_allow(to, &from->peer.allowed[--from->peer.n_allowed]);
    g_assert_true(adit_wg_dump_seal(model, NULL));
    wgdev_set(wg, &set);
    assert_is(wg, model);
    adit_object_clear(ADIT_KIND_PEER, &before[0]);
    adit_object_clear(ADIT_KIND_PEER, &before[1]);
    wgdev_destroy(wg, LINK);
}

/* More than fits a message, in both directions. */
static void
test_many(const WgdevKind *kind)
{
    const guint n_peers = kind->options.no_kernel ? 500 : 10000; /* three threads each */
    g_autoptr(AditWgdev) wg = wgdev_open(kind);
    g_autoptr(AditWgDump) model = model_new(n_peers);

    for (guint i = 0; i < 5000; i++)
        allow(g_ptr_array_index(model->peers, 7), "172.16.%u.%u/32", i >> 8, i & 255);
    g_assert_true(adit_wg_dump_seal(model, NULL));
    wgdev_create(wg, LINK);
    apply_all(wg, model);
    assert_is(wg, model);
    assert_wg_agrees(model);
    wgdev_destroy(wg, LINK);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!wgdev_enter(&why))
        return test_netns_skip(why);
    wgdev_add_test("read-back", test_read_back);
    wgdev_add_test("change", test_change);
    wgdev_add_test("removed-meanwhile", test_removed_meanwhile);
    wgdev_add_test("moved", test_moved);
    wgdev_add_test("many", test_many);
    return g_test_run();
}
