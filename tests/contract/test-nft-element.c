/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nftdev-private.h"

#include <netinet/in.h>
#include <string.h>

#include "libadit/core/element.h"
#include "tests/contract/netns-nft.h"
#include "tests/contract/netns.h"
#include "tunnel-server/dataplane.h"

/* The server's table with its elements, in the kernel of a namespace: read back by nft(8),
 * changed behind our back, run out, made anew. */

#define WAIT_US (5 * G_USEC_PER_SEC)

static const guint8 whose[] = { 1, 2, 3, 0, 255 };

static AditSockAddr
sockaddr(const char *text)
{
    AditSockAddr sa;
    g_autoptr(GError) error = NULL;

    adit_sockaddr_parse(text, &sa, &error);
    g_assert_no_error(error);
    return sa;
}

static AditPrefix
prefix(const char *text)
{
    AditPrefix p;
    g_autoptr(GError) error = NULL;

    adit_prefix_parse(text, &p, &error);
    g_assert_no_error(error);
    return p;
}

static void
add_mapping(AditState *state, const char *external, const char *internal, guint64 timeout_ms)
{
    const AditDataplaneMapping mapping = {
        IPPROTO_TCP,
        sockaddr(external),
        sockaddr(internal),
        timeout_ms,
        0,
        whose,
        sizeof(whose),
        99,
    };

    adit_dataplane_add_mapping(state, &mapping);
}

static void
add_site(AditState *state)
{
    const AditPrefix four = prefix("10.59.0.0/16"), six = prefix("2001:db8:59::/64");
    const AditPrefix friends[] = { prefix("198.51.100.0/24"), prefix("192.0.2.1"),
                                   prefix("198.51.100.7/32"), prefix("2001:db8:7::/48") };
    const AditSockAddr limited = sockaddr("203.0.113.7:22");
    const AditSockAddr limited6 = sockaddr("[2001:db8:59::2]:22");
    const AditSockAddr wan = sockaddr("203.0.113.7:0");
    const AditSockAddr device = sockaddr("10.59.0.2:0");
    const AditSockAddr device6 = sockaddr("[2001:db8:59::2]:0");

    adit_dataplane_add_tunnel(state, "adit0");
    adit_dataplane_add_networks(state, &four, 1);
    adit_dataplane_add_networks(state, &six, 1);
    adit_dataplane_add_snat(state, "adit0", &four, &wan.addr);
    adit_dataplane_add_responder(state, IPPROTO_TCP, 8308);
    adit_dataplane_add_device_limit(state, &device.addr, 7);
    adit_dataplane_add_device_limit(state, &device6.addr, 7);
    add_mapping(state, "203.0.113.7:443", "10.59.0.2:8443", 0);
    add_mapping(state, "203.0.113.7:22", "10.59.0.2:22", 7200 * 1000);
    add_mapping(state, "[2001:db8:59::2]:443", "[2001:db8:59::2]:443", 0);
    add_mapping(state, "[2001:db8:59::2]:80", "[2001:db8:59::2]:8080", 3600 * 1000);
    add_mapping(state, "[2001:db8:59::2]:22", "[2001:db8:59::2]:22", 0);
    adit_dataplane_add_allow(state, IPPROTO_TCP, &limited, friends, G_N_ELEMENTS(friends));
    adit_dataplane_add_allow(state, IPPROTO_TCP, &limited6, friends, G_N_ELEMENTS(friends));
}

static AditNftDev *
open_dev(void)
{
    g_autoptr(GError) error = NULL;
    AditNftDev *dev = adit_nftdev_open(adit_dataplane_blueprint(TRUE), &error);

    g_assert_no_error(error);
    return dev;
}

static AditNftResult
reconcile(AditNftDev *dev, const AditState *want)
{
    g_autoptr(GError) error = NULL;
    AditNftResult result;

    adit_nftdev_reconcile(dev, want, &result, &error);
    g_assert_no_error(error);
    return result;
}

static AditState *
dump(AditNftDev *dev, gboolean *ret_intact)
{
    AditState *have = adit_state_new();
    g_autoptr(GError) error = NULL;
    gboolean intact;

    adit_nftdev_dump(dev, have, &intact, &error);
    g_assert_no_error(error);
    if (ret_intact != NULL)
        *ret_intact = intact;
    return adit_state_seal(have);
}

static void
start_over(void)
{
    g_free(test_nft("flush ruleset", NULL));
}

static AditState *
site(void)
{
    AditState *state = adit_state_new();

    add_site(state);
    return adit_state_seal(state);
}

/* Messages and text make the same elements; the dump is what was wanted. */
static void
test_listing(void)
{
    const AditNftBlueprint *bp = adit_dataplane_blueprint(TRUE);
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) want = site(), have = NULL;
    g_autoptr(GString) text = g_string_new("table inet adit_server {}\n");
    g_autofree char *ours = NULL, *theirs = NULL;

    start_over();
    reconcile(dev, want);
    have = dump(dev, NULL);
    g_assert_true(adit_state_equal(have, want));
    ours = test_nft_list(bp->table);

    for (guint i = 0; i < bp->n_sets; i++)
        g_string_append_printf(text, "flush %s inet %s %s\n",
                               bp->sets[i].data[0] != 0 ? "map" : "set", bp->table,
                               bp->sets[i].name);
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_ELEMENT); i++) {
        g_autofree char *line =
            adit_nft_element_to_text(bp, adit_state_get(want, ADIT_KIND_ELEMENT, i));

        g_string_append(text, line);
    }
    g_free(test_nft("-f -", text->str));
    theirs = test_nft_list(bp->table);
    g_assert_cmpstr(ours, ==, theirs);
}

static void
test_equal_sends_nothing(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) want = site();
    AditNftResult result;

    start_over();
    result = reconcile(dev, want);
    g_assert_true(result.rebuilt);
    g_assert_cmpuint(result.added, ==, adit_state_len(want, ADIT_KIND_ELEMENT));
    result = reconcile(dev, want);
    g_assert_false(result.rebuilt);
    g_assert_cmpuint(result.added + result.changed + result.deleted, ==, 0);
}

/* Data, time and user data change; what is not wanted goes. */
static void
test_change(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) before = site(), want = adit_state_new(), have = NULL;
    AditNftResult result;

    start_over();
    reconcile(dev, before);
    add_mapping(want, "203.0.113.7:443", "10.59.0.3:8443", 0);       /* other data */
    add_mapping(want, "203.0.113.7:22", "10.59.0.2:22", 600 * 1000); /* other time */
    add_mapping(want, "203.0.113.7:993", "10.59.0.2:993", 0);
    adit_state_seal(want);
    result = reconcile(dev, want);
    g_assert_false(result.rebuilt);
    g_assert_cmpuint(result.changed, ==, 3); /* open4 of both, back4 of the lease */
    g_assert_cmpuint(result.added, ==, 4);
    have = dump(dev, NULL);
    g_assert_true(adit_state_equal(have, want));
}

static gboolean
is_present(AditNftDev *dev, const char *set, const char *what)
{
    g_autofree char *words = g_strdup_printf(
        "list %s inet adit_server %s", g_str_has_prefix(set, "open") ? "map" : "set", set);
    g_autofree char *text = test_nft(words, NULL);

    return strstr(text, what) != NULL;
}

/* How long a lease lasts that was seen alive: the shortest, unless the machine is slow. */
static guint64
see_lease(AditNftDev *dev)
{
    static const guint64 lifetimes[] = { 300, 3000, 15000 };

    for (guint i = 0; i < G_N_ELEMENTS(lifetimes); i++) {
        g_autoptr(AditState) want = adit_state_new();

        start_over();
        add_mapping(want, "203.0.113.7:443", "10.59.0.2:443", lifetimes[i]);
        adit_state_seal(want);
        reconcile(dev, want);
        if (is_present(dev, "open4", "203.0.113.7 . tcp . 443"))
            return lifetimes[i];
    }
    return 0;
}

/* The kernel ends a lease by itself. */
static void
test_timeout(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    const guint64 lifetime = see_lease(dev);
    const gint64 deadline = g_get_monotonic_time() + (gint64)lifetime * 1000 + WAIT_US;

    g_assert_cmpuint(lifetime, >, 0);
    while (is_present(dev, "open4", "203.0.113.7 . tcp . 443"))
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    while (is_present(dev, "back4", "203.0.113.7 . tcp . 443"))
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
}

/* Half the operations were overtaken: deleted, added, added with other data. The others are
 * carried out all the same. */
static void
test_stale(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) want = adit_state_new(), have = NULL, now = NULL;
    g_autoptr(AditOps) ops = NULL;
    g_autoptr(GError) error = NULL;
    gboolean lost[64];

    start_over();
    {
        g_autoptr(AditState) before = site();

        reconcile(dev, before);
    }
    have = dump(dev, NULL);
    add_mapping(want, "203.0.113.7:443", "10.59.0.3:8443", 0);
    add_mapping(want, "203.0.113.7:993", "10.59.0.2:993", 0);
    add_mapping(want, "203.0.113.7:994", "10.59.0.2:994", 0);
    adit_state_seal(want);
    ops = adit_diff(have, want);
    g_assert_cmpuint(ops->len, <, G_N_ELEMENTS(lost));

    g_free(test_nft("-f -",
                    "delete element inet adit_server back4 { 203.0.113.7 . tcp . 22 }\n"
                    "delete element inet adit_server open4 { 203.0.113.7 . tcp . 443 }\n"
                    "add element inet adit_server back4 { 203.0.113.7 . tcp . 993 }\n"
                    "add element inet adit_server open4 { 203.0.113.7 . tcp . 993 : "
                    "10.59.0.9 . 1 }\n"));
    adit_nftdev_apply(dev, ops->op, ops->len, lost, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < ops->len; i++)
        g_assert_false(lost[i]);
    now = dump(dev, NULL);
    g_assert_true(adit_state_equal(now, want));
}

/* One that the kernel will never take costs only itself. */
static void
test_lost(void)
{
    const AditPrefix all = prefix("10.0.0.0/8"), four = prefix("10.59.0.0/16");
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) none = adit_state_seal(adit_state_new());
    g_autoptr(AditState) want = adit_state_new();
    g_autoptr(AditOps) ops = NULL;
    g_autoptr(GError) error = NULL;
    gboolean lost[64];
    guint n_lost = 0;

    start_over();
    reconcile(dev, none);
    add_mapping(want, "203.0.113.7:443", "10.59.0.3:8443", 0);
    adit_dataplane_add_networks(want, &all, 1);
    adit_dataplane_add_networks(want, &four, 1); /* lies in the other: refused */
    adit_state_seal(want);
    ops = adit_diff(none, want);
    g_assert_false(adit_nftdev_apply(dev, ops->op, ops->len, lost, &error));
    g_assert_nonnull(error);
    for (guint i = 0; i < ops->len; i++)
        n_lost += lost[i];
    g_assert_cmpuint(n_lost, ==, 1);
    g_assert_true(is_present(dev, "open4", "203.0.113.7 . tcp . 443"));
}

static const AditElement *
find(const AditState *state, const char *set)
{
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ELEMENT); i++) {
        const AditElement *e = adit_state_get(state, ADIT_KIND_ELEMENT, i);

        if (g_str_equal(e->set, set))
            return e;
    }
    return NULL;
}

static const AditElement *
find_at(const AditState *state, const char *set, guint16 port)
{
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ELEMENT); i++) {
        const AditElement *e = adit_state_get(state, ADIT_KIND_ELEMENT, i);
        AditElementReader key = adit_element_read_key(e);

        adit_element_read_addr(&key, AF_INET);
        adit_element_read_proto(&key);
        if (g_str_equal(e->set, set) && adit_element_read_port(&key) == port)
            return e;
    }
    g_assert_not_reached();
}

/* Both elements of the mapping have seen packets: 4 and 5. */
static void
count_five(const char *until)
{
    g_autofree char *text = g_strdup_printf(
        "delete element inet adit_server open4 { 203.0.113.7 . tcp . 443 }\n"
        "delete element inet adit_server back4 { 203.0.113.7 . tcp . 443 }\n"
        "add element inet adit_server open4 { 203.0.113.7 . tcp . 443 counter packets 4 bytes "
        "200%s : 10.59.0.2 . 443 }\n"
        "add element inet adit_server back4 { 203.0.113.7 . tcp . 443 counter packets 5 bytes "
        "300%s }\n",
        until, until);

    g_free(test_nft("-f -", text));
}

/* An element that is changed goes on counting from where it was: a renewed lease, and a mapping
 * that leads elsewhere now. So do the others of the batch if one has run out meanwhile. As this
 * kernel does it, and as one does that renews nothing in place. */
static void
check_counting_on(AditNftRenews renews)
{
    static const struct {
        const char *internal;
        guint64 timeout_ms;
        const char *gone;
    } rows[] = {
        { "10.59.0.2:443", 7200 * 1000, NULL },
        { "10.59.0.3:443", 3600 * 1000, NULL },
        { "10.59.0.3:443", 7200 * 1000, NULL },
        { "10.59.0.2:443", 7200 * 1000, "203.0.113.7 . tcp . 22" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditNftDev) dev = open_dev();
        g_autoptr(AditState) before = adit_state_new(), had = NULL, have = NULL;
        g_autoptr(AditState) want = adit_state_new();
        g_autoptr(AditOps) ops = NULL;
        g_autoptr(GError) error = NULL;

        start_over();
        dev->renews = renews;
        add_mapping(before, "203.0.113.7:443", "10.59.0.2:443", 3600 * 1000);
        add_mapping(before, "203.0.113.7:22", "10.59.0.2:22", 3600 * 1000);
        adit_state_seal(before);
        reconcile(dev, before);
        count_five(" timeout 1h");
        had = dump(dev, NULL);
        add_mapping(want, "203.0.113.7:443", rows[i].internal, rows[i].timeout_ms);
        add_mapping(want, "203.0.113.7:22", "10.59.0.2:22", 7200 * 1000);
        adit_state_seal(want);
        ops = adit_diff(had, want);
        if (rows[i].gone) {
            g_autofree char *text =
                g_strdup_printf("delete element inet adit_server back4 { %s }\n", rows[i].gone);

            g_free(test_nft("-f -", text));
        }
        adit_nftdev_apply(dev, ops->op, ops->len, NULL, &error);
        g_assert_no_error(error);
        have = dump(dev, NULL);
        g_assert_true(adit_state_equal(have, want));
        g_assert_cmpuint(find_at(have, "open4", 443)->packets, ==, 4);
        g_assert_cmpuint(find_at(have, "back4", 443)->packets, ==, 5);
        g_assert_cmpuint(find_at(have, "back4", 443)->bytes, ==, 300);
        g_assert_cmpuint(find_at(have, "back4", 22)->packets, ==, 0);
        g_assert_cmpuint(find_at(have, "open4", 22)->expires_ms, >, 7100 * 1000);
        g_assert_true(dev->renews != ADIT_NFT_RENEWS_PERHAPS);
    }
}

static void
test_counting_on(void)
{
    check_counting_on(ADIT_NFT_RENEWS_PERHAPS);
    check_counting_on(ADIT_NFT_RENEWS_NOT);
}

/* Whatever another hand does to the structure is seen and mended; counters and remaining times
 * live on. */
static void
test_tampered(void)
{
    static const char *const deeds[] = {
        "flush chain inet adit_server gate",
        "add rule inet adit_server gate accept",
        "insert rule inet adit_server forward drop",
        "add chain inet adit_server other",
        "add set inet adit_server other { type mark; }",
        "add chain inet adit_server forward { policy accept; }",
        "delete table inet adit_server",
    };

    for (guint i = 0; i < G_N_ELEMENTS(deeds); i++) {
        g_autoptr(AditNftDev) dev = open_dev();
        g_autoptr(AditState) want = adit_state_new(), have = NULL;
        const gboolean gone = g_str_has_prefix(deeds[i], "delete table");
        gboolean intact;

        start_over();
        add_mapping(want, "203.0.113.7:443", "10.59.0.2:443", 7200 * 1000);
        adit_state_seal(want);
        reconcile(dev, want);
        count_five(" timeout 2h expires 1h");
        g_free(test_nft(deeds[i], NULL));
        g_assert_true(reconcile(dev, want).rebuilt);
        have = dump(dev, &intact);
        g_assert_true(intact);
        g_assert_true(adit_state_equal(have, want));
        g_assert_cmpuint(find(have, "back4")->packets, ==, gone ? 0 : 5);
        g_assert_cmpuint(find(have, "back4")->bytes, ==, gone ? 0 : 300);
        g_assert_true((find(have, "back4")->expires_ms > 3600 * 1000) == gone);
        g_assert_false(reconcile(dev, want).rebuilt);
    }
}

/* Tables of others do not move. */
static void
test_foreign(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) want = site();
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;

    start_over();
    g_free(test_nft("-f -", "table inet other { set open4 { type ipv4_addr; elements = { "
                            "192.0.2.1 } }; chain gate { type filter hook prerouting priority "
                            "0; accept; }; }\n"
                            "table ip adit_server { set open4 { type mark; elements = { 1 } "
                            "}; }\n"));
    before = test_nft("list ruleset", NULL);
    reconcile(dev, want);
    reconcile(dev, want);
    adit_nftdev_remove(dev, &error);
    g_assert_no_error(error);
    adit_nftdev_remove(dev, &error); /* twice is no error */
    g_assert_no_error(error);
    after = test_nft("list ruleset", NULL);
    g_assert_cmpstr(before, ==, after);
}

/* More than one message and more than one answer. */
static void
test_many(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) want = adit_state_new(), have = NULL;
    g_autoptr(AditState) none = adit_state_seal(adit_state_new());
    AditNftResult result;

    start_over();
    for (guint i = 1; i <= 3000; i++) {
        AditDataplaneMapping mapping = { IPPROTO_UDP, sockaddr("203.0.113.7:0"),
                                         sockaddr("10.59.0.2:0") };

        mapping.external.port = mapping.internal.port = i;
        adit_dataplane_add_mapping(want, &mapping);
    }
    adit_state_seal(want);
    reconcile(dev, none);
    result = reconcile(dev, want);
    g_assert_cmpuint(result.added, ==, 2 * 3000);
    have = dump(dev, NULL);
    g_assert_true(adit_state_equal(have, want));
    result = reconcile(dev, none);
    g_assert_cmpuint(result.deleted, ==, 2 * 3000);
}

/* The kernel makes the table of a set larger behind the back of a dump: elements come twice,
 * and others not at all. */
static void
test_growing(void)
{
    g_autoptr(AditNftDev) dev = open_dev();
    g_autoptr(AditState) none = adit_state_seal(adit_state_new());

    for (guint round = 0; round < 6; round++) {
        g_autoptr(AditState) want = adit_state_new();

        start_over();
        reconcile(dev, none);
        for (guint i = 1; i <= 4000 + 3000 * round; i++) {
            AditElement e = adit_element_make("back4");
            const AditSockAddr wan = { { AF_INET, { 203, 0, 113, round } }, i };

            adit_element_key_addr(&e, &wan.addr);
            adit_element_key_proto(&e, IPPROTO_TCP);
            adit_element_key_port(&e, wan.port);
            adit_state_add_element(want, &e);
        }
        adit_state_seal(want);
        reconcile(dev, want);
        for (guint i = 0; i < 4; i++) {
            g_autoptr(AditState) have = dump(dev, NULL);

            g_assert_true(adit_state_equal(have, want));
        }
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_func("/nft/element/listing", test_listing);
    g_test_add_func("/nft/element/equal-sends-nothing", test_equal_sends_nothing);
    g_test_add_func("/nft/element/change", test_change);
    g_test_add_func("/nft/element/timeout", test_timeout);
    g_test_add_func("/nft/element/stale", test_stale);
    g_test_add_func("/nft/element/lost", test_lost);
    g_test_add_func("/nft/element/counting-on", test_counting_on);
    g_test_add_func("/nft/element/tampered", test_tampered);
    g_test_add_func("/nft/element/foreign", test_foreign);
    g_test_add_func("/nft/element/many", test_many);
    g_test_add_func("/nft/element/growing", test_growing);
    return g_test_run();
}
