/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/pcp-ask.h"
#include "tunnel-server/pcp-notice.h"
#include "tunnel-server/rotation.h"

#include <string.h>
#include <sys/socket.h>

#define NOW 1800000000
#define HOUR 3600

static const AditServerFacts no_facts = { .wan = "eth0" };

static AditModel *
make_model(void)
{
    AditModel *model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    g_autoptr(GError) error = NULL;

    sample_add_device(model, "nas", "", 1, &error);
    sample_add_device(model, "disk", "", 2, &error);
    g_assert_no_error(error);
    g_assert_true(adit_model_settle(model, &error));
    for (guint i = 0; i < 2; i++) {
        AditDeviceEntry *device = g_ptr_array_index(model->devices, i);

        device->id = i + 1;
        memset(device->preshared_key.bytes, 0x50 + (int)i, ADIT_KEY_LEN);
    }
    return model;
}

static AditKey
key_of(guint8 octet)
{
    AditKey key;

    memset(key.bytes, octet, sizeof(key.bytes));
    return key;
}

static AditWgDump *
make_dump(const AditKey *key, gint64 handshake)
{
    AditWgDump *dump = adit_wg_dump_new("adit0");

    adit_wg_dump_peer(dump, key)->status.handshake_sec = handshake;
    g_assert_true(adit_wg_dump_seal(dump, NULL));
    return dump;
}

static void
offer(AditModel *model, const AditKey *key, gint64 now)
{
    g_autoptr(GError) error = NULL;

    adit_rotation_offer(model, 0, key, now, &error);
    g_assert_no_error(error);
    g_assert_true(adit_model_settle(model, &error));
}

static gint64
count_peers(const AditModel *model, const AditKey *key, guint *ret_allowed)
{
    g_autoptr(AditState) want = adit_server_plan_rest(model, &no_facts);
    gint64 n = 0;

    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_PEER); i++) {
        const AditPeer *peer = adit_state_get(want, ADIT_KIND_PEER, i);

        if (!adit_key_equal(&peer->public_key, key))
            continue;
        *ret_allowed = peer->n_allowed;
        n++;
    }
    return n;
}

/* Offered: a peer that owns nothing. Its handshake: the owner of everything, and the old one is
 * gone. */
static void
test_whole(void)
{
    g_autoptr(AditModel) model = make_model();
    const AditDeviceEntry *nas = adit_model_device(model, 0);
    const AditKey old = nas->public_key, next = key_of(9);
    g_autoptr(AditWgDump) silent = make_dump(&next, 0), spoken = make_dump(&next, NOW);
    guint allowed;
    AditDue due;

    offer(model, &next, NOW);
    g_assert_cmpint(count_peers(model, &next, &allowed), ==, 1);
    g_assert_cmpuint(allowed, ==, 0);
    g_assert_cmpint(count_peers(model, &old, &allowed), ==, 1);
    g_assert_cmpuint(allowed, ==, 2);
    g_assert_true(adit_rotation_is_on(model));
    g_assert_cmpint(adit_rotation_due(model, silent, &no_facts, NOW).kind, ==,
                    ADIT_DUE_NOTHING);
    g_assert_cmpint(adit_rotation_due(model, NULL, &no_facts, NOW).kind, ==, ADIT_DUE_NOTHING);

    due = adit_rotation_due(model, spoken, &no_facts, NOW);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_ROTATE);
    g_assert_cmpstr(adit_rotation_object(model, &due), ==, "nas");
    g_assert_true(adit_rotation_do(model, &due, NOW, 0, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    g_assert_true(adit_key_equal(&nas->public_key, &next));
    g_assert_cmpint(count_peers(model, &next, &allowed), ==, 1);
    g_assert_cmpuint(allowed, ==, 2);
    g_assert_cmpint(count_peers(model, &old, &allowed), ==, 0);
    g_assert_false(adit_rotation_is_on(model));
    g_assert_cmpint(adit_rotation_due(model, spoken, &no_facts, NOW).kind, ==,
                    ADIT_DUE_NOTHING);
}

/* Not taken up, taken back, repeated, too often. */
static void
test_offers(void)
{
    g_autoptr(AditModel) model = make_model();
    const AditDeviceEntry *nas = adit_model_device(model, 0);
    const AditKey present = nas->public_key, one = key_of(9), two = key_of(10);
    g_autoptr(GError) error = NULL;
    AditDue due;

    offer(model, &one, NOW);
    offer(model, &one, NOW + 1); /* the answer was lost */
    g_assert_false(adit_rotation_offer(model, 0, &two, NOW + 2, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    offer(model, &two, NOW + 1 + ADIT_ROTATION_GAP_S);
    g_assert_true(adit_key_equal(&nas->next_key, &two));
    offer(model, &present, NOW + 5);
    g_assert_true(adit_key_is_zero(&nas->next_key));
    g_assert_false(adit_rotation_offer(model, 0, &one, NOW + 6, NULL)); /* no way around it */

    offer(model, &one, NOW + HOUR);
    due = adit_rotation_due(model, NULL, &no_facts, NOW + HOUR + ADIT_ROTATION_STANDS_S - 1);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_NOTHING);
    due = adit_rotation_due(model, NULL, &no_facts, NOW + HOUR + ADIT_ROTATION_STANDS_S);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_VOID);
    g_assert_true(adit_rotation_do(model, &due, NOW, 0, NULL));
    g_assert_true(adit_key_equal(&nas->public_key, &present));
    g_assert_false(adit_rotation_is_on(model));
}

/* Whoever can send from the device's address could offer a key of his own. */
static void
test_no_preshared_key(void)
{
    g_autoptr(AditModel) model = make_model();
    AditDeviceEntry *nas = g_ptr_array_index(model->devices, 0);
    const AditKey next = key_of(9);
    g_autoptr(GError) error = NULL;

    memset(&nas->preshared_key, 0, sizeof(nas->preshared_key));
    g_assert_false(adit_rotation_offer(model, 0, &next, NOW, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    g_assert_true(adit_key_is_zero(&nas->next_key));
}

/* An invitation: taken up once, then its key is looked out for; one that nobody takes up ends.
 */
static void
test_invite(void)
{
    g_autoptr(AditModel) model = make_model();
    AditDeviceEntry *nas = g_ptr_array_index(model->devices, 0);
    const AditKey first = nas->public_key, next = key_of(9);
    g_autoptr(AditWgDump) spoken = make_dump(&next, NOW);
    g_autoptr(AditWgDump) before = make_dump(&first, NOW), again = make_dump(&first, NOW + 5);
    g_autoptr(AditWgDump) late = NULL;
    guint allowed;
    AditDue due;

    nas->invite_until = NOW + 60;
    offer(model, &next, NOW);
    due = adit_rotation_due(model, spoken, &no_facts, NOW);
    g_assert_true(adit_rotation_do(model, &due, NOW, 0, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    g_assert_cmpint(nas->invite_until, ==, 0);
    g_assert_true(adit_rotation_looks_out(model));
    g_assert_cmpint(count_peers(model, &first, &allowed), ==, 1);
    g_assert_cmpuint(allowed, ==, 0);
    /* What it shook hands with when it was good is no reuse; what comes later is, once. */
    g_assert_cmpint(adit_rotation_due(model, before, &no_facts, NOW).kind, ==,
                    ADIT_DUE_NOTHING);
    due = adit_rotation_due(model, again, &no_facts, NOW + 5);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_REUSED);
    g_assert_cmpstr(adit_rotation_object(model, &due), ==, "nas");
    g_assert_true(adit_rotation_do(model, &due, NOW + 5, 0, NULL));
    g_assert_cmpint(count_peers(model, &first, &allowed), ==, 0);
    g_assert_false(adit_rotation_looks_out(model));

    late = make_dump(&adit_model_device(model, 1)->public_key, NOW + 60);
    ((AditDeviceEntry *)g_ptr_array_index(model->devices, 1))->invite_until = NOW + 60;
    g_assert_cmpint(adit_rotation_due(model, NULL, &no_facts, NOW + 59).kind, ==,
                    ADIT_DUE_NOTHING);
    due = adit_rotation_due(model, NULL, &no_facts, NOW + 60);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_INVITE);
    g_assert_true(adit_rotation_do(model, &due, NOW + 60, 0, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    g_assert_cmpuint(model->devices->len, ==, 1);
    g_assert_false(adit_model_spent(model, 0)->taken);
    /* It ran out, so whoever comes in the same second has come too late as well. */
    g_assert_cmpint(adit_rotation_due(model, late, &no_facts, NOW + 60).kind, ==,
                    ADIT_DUE_REUSED);
    due = adit_rotation_due(model, NULL, &no_facts, NOW + 60 + ADIT_SPENT_STANDS_S);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_FORGET);
}

/* Nobody may offer what is another's, offered or in force. */
static void
test_others_key(void)
{
    g_autoptr(AditModel) model = make_model();
    const AditKey disk = adit_model_device(model, 1)->public_key, next = key_of(9);

    g_assert_true(adit_rotation_offer(model, 0, &disk, NOW, NULL));
    g_assert_false(adit_model_settle(model, NULL));
    offer(model, &next, NOW + HOUR);
    g_assert_true(adit_rotation_offer(model, 1, &next, NOW + HOUR, NULL));
    g_assert_false(adit_model_settle(model, NULL));
}

static void
set_prefix(AditModel *model, const char *text)
{
    const AditPrefix before = adit_model_subnet(model, 0)->net6;
    AditPrefix net;

    g_assert_true(adit_edit_set_ipv6(model, "home", text, &net, NULL));
    adit_edit_keep_old(model, 0, &before, NOW + HOUR);
    g_assert_true(adit_model_settle(model, NULL));
}

static char *
text_of(const AditAddr *addr)
{
    return adit_addr_is_set(addr) ? adit_addr_to_string(addr) : g_strdup("-");
}

static void
assert_addresses(const AditModel *model, const char *now, const char *old)
{
    const AditDeviceEntry *nas = adit_model_device(model, 0);
    g_autofree char *a = text_of(&nas->addr6), *b = text_of(&nas->old6);

    g_assert_cmpstr(a, ==, now);
    g_assert_cmpstr(b, ==, old);
}

static void
test_renumber(void)
{
    g_autoptr(AditModel) model = make_model();
    guint allowed;
    AditDue due;

    set_prefix(model, "2a11:1:3::/64");
    assert_addresses(model, "2a11:1:3::a3b:2", "2a11:1:2::a3b:2");
    count_peers(model, &adit_model_device(model, 0)->public_key, &allowed);
    g_assert_cmpuint(allowed, ==, 3);
    set_prefix(model, "2a11:1:3::/64"); /* the same again: the overlap goes on */
    assert_addresses(model, "2a11:1:3::a3b:2", "2a11:1:2::a3b:2");
    g_assert_cmpint(adit_rotation_due(model, NULL, &no_facts, NOW + HOUR - 1).kind, ==,
                    ADIT_DUE_NOTHING);
    due = adit_rotation_due(model, NULL, &no_facts, NOW + HOUR);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_PREFIX);
    g_assert_true(adit_rotation_do(model, &due, NOW, 0, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    assert_addresses(model, "2a11:1:3::a3b:2", "-");
    set_prefix(model, "2a11:1:2::/64");
    set_prefix(model, "2a11:1:3::/64"); /* and back: nobody is in its own way */
    assert_addresses(model, "2a11:1:3::a3b:2", "2a11:1:2::a3b:2");
    set_prefix(model, ""); /* closed is closed */
    assert_addresses(model, "-", "-");
    count_peers(model, &adit_model_device(model, 0)->public_key, &allowed);
    g_assert_cmpuint(allowed, ==, 1);
}

/* A subnet that follows the WAN, one that does not, a WAN that has lost its network. */
static void
test_follow(void)
{
    g_autoptr(AditModel) model = make_model();
    AditPrefix wan[] = { sample_prefix("203.0.113.7/24"), sample_prefix("2a11:1:7::1/64") };
    AditServerFacts facts = { .wan = "eth0", .wan_prefixes = wan, .n_wan_prefixes = 2 };
    AditSubnet *subnet = g_ptr_array_index(model->subnets, 0);
    AditDue due;

    g_assert_cmpint(adit_rotation_due(model, NULL, &facts, NOW).kind, ==, ADIT_DUE_NOTHING);
    subnet->auto6 = TRUE;
    due = adit_rotation_due(model, NULL, &facts, NOW);
    g_assert_cmpint(due.kind, ==, ADIT_DUE_FOLLOW);
    g_assert_true(adit_rotation_do(model, &due, NOW, NOW + HOUR, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    assert_addresses(model, "2a11:1:7::a3b:2", "2a11:1:2::a3b:2");
    g_assert_cmpint(adit_rotation_due(model, NULL, &facts, NOW).kind, ==, ADIT_DUE_NOTHING);
    facts.n_wan_prefixes = 1;
    g_assert_cmpint(adit_rotation_due(model, NULL, &facts, NOW).kind, ==, ADIT_DUE_NOTHING);
}

static AditPcpSite *
make_site(const AditModel *model, const AditServerSettings *rules)
{
    return adit_pcp_site_new(model, &no_facts, rules, NULL);
}

static const AditPcpHost *
host_of(const AditPcpSite *site, const char *text)
{
    const AditAddr addr = sample_prefix(text).addr;

    return adit_pcp_site_host(site, &addr);
}

/* By all of its addresses a device hears the same of itself. */
static void
test_answer(void)
{
    g_autoptr(AditModel) model = make_model();
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autoptr(AditPcpSite) site = NULL;
    AditPcpDesk desk = { .rules = rules, .epoch = 7, .wall_s = NOW + 100 };
    AditAsk ask = { .kind = ADIT_ASK_ADDRESS };
    AditAskReply reply, again;

    set_prefix(model, "2a11:1:3::/64");
    desk.site = site = make_site(model, rules);
    g_assert_false(adit_pcp_ask_answer(&desk, host_of(site, "10.59.0.2"), &ask, &reply));
    g_assert_cmpuint(reply.result, ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(reply.site.old_left, ==, HOUR - 100);
    g_assert_cmpuint(reply.lifetime, ==, ADIT_ASK_AGAIN_S);
    g_assert_true(adit_key_equal(&reply.site.key, &adit_model_device(model, 0)->public_key));
    g_assert_false(adit_pcp_ask_answer(&desk, host_of(site, "2a11:1:2::a3b:2"), &ask, &again));
    g_assert_true(adit_ask_site_equal(&reply.site, &again.site));
    desk.wall_s = NOW + HOUR - 7; /* whoever asks now comes back when it is over */
    adit_pcp_ask_answer(&desk, host_of(site, "2a11:1:3::a3b:2"), &ask, &reply);
    g_assert_cmpuint(reply.lifetime, ==, 7);
    ask.kind = ADIT_ASK_ROTATE;
    ask.key = key_of(9);
    g_assert_true(adit_pcp_ask_answer(&desk, host_of(site, "10.59.0.2"), &ask, &reply));
    g_assert_true(adit_key_equal(&reply.key, &ask.key));
    adit_settings_free(&adit_server_settings, rules);
}

/* Told once each, by IPv4; whoever has not asked is told again with the next change. */
static void
test_notice(void)
{
    g_autoptr(AditModel) model = make_model();
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autoptr(AditPcpSite) one = make_site(model, rules), two = NULL, three = NULL;
    g_autoptr(AditPcpNotice) notice = adit_pcp_notice_new();
    const guint8 nonce[ADIT_PCP_NONCE] = { 1 };
    AditPcpTarget targets[8];

    g_assert_false(adit_pcp_notice_compare(notice, one, one, 0));
    set_prefix(model, "2a11:1:3::/64");
    two = make_site(model, rules);
    g_assert_true(adit_pcp_notice_compare(notice, one, two, 0));
    g_assert_cmpuint(adit_pcp_notice_next(notice, 0, targets, 8), ==, 2);
    g_assert_cmpint(targets[0].peer.family, ==, AF_INET);
    adit_pcp_notice_asked(notice, &host_of(two, "10.59.0.2")->addr, nonce);
    ((AditDeviceEntry *)g_ptr_array_index(model->devices, 0))->rotate = TRUE;
    three = make_site(model, rules);
    g_assert_true(adit_pcp_notice_compare(notice, two, three, 10));
    g_assert_cmpuint(adit_pcp_notice_next(notice, 10, targets, 8), ==, 2);
    adit_settings_free(&adit_server_settings, rules);
}

/* Who may publish now hears of it, for he asks no more; who may not has heard it by his ports.
 */
static void
test_notice_may(void)
{
    g_autoptr(AditModel) model = make_model();
    AditDeviceEntry *device = g_ptr_array_index(model->devices, 0);
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autoptr(AditPcpSite) may = make_site(model, rules), may_not = NULL;
    g_autoptr(AditPcpNotice) notice = adit_pcp_notice_new();
    AditPcpTarget targets[8];

    device->may_publish = FALSE;
    may_not = make_site(model, rules);
    g_assert_false(adit_pcp_notice_compare(notice, may, may_not, 0));
    g_assert_true(adit_pcp_notice_compare(notice, may_not, may, 0));
    g_assert_cmpuint(adit_pcp_notice_next(notice, 0, targets, 8), ==, 2);
    g_assert_cmpint(targets[0].peer.family + targets[1].peer.family, ==, AF_INET + AF_INET6);
    adit_settings_free(&adit_server_settings, rules);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rotation/whole", test_whole);
    g_test_add_func("/rotation/offers", test_offers);
    g_test_add_func("/rotation/no-preshared-key", test_no_preshared_key);
    g_test_add_func("/rotation/invite", test_invite);
    g_test_add_func("/rotation/others-key", test_others_key);
    g_test_add_func("/rotation/renumber", test_renumber);
    g_test_add_func("/rotation/follow", test_follow);
    g_test_add_func("/rotation/answer", test_answer);
    g_test_add_func("/rotation/notice", test_notice);
    g_test_add_func("/rotation/notice-may", test_notice_may);
    return g_test_run();
}
