/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-element.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "libadit/core/element.h"
#include "tests/unit/core/hex.h"

/* Elements as bytes: by hand, round trips of random ones, cut and damaged. */

static const AditNftSet sets[] = {
    { "map",
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE },
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE },
      ADIT_NFT_TIMEOUT },
    { "range",
      { ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE, ADIT_NFT_IPV6_ADDR },
      .flags = ADIT_NFT_INTERVAL },
    { "count", { ADIT_NFT_IFNAME }, .flags = ADIT_NFT_COUNTER },
    { "most", { ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_CONNECTIONS },
};

static const AditNftBlueprint bp = { "adit", .sets = sets, .n_sets = G_N_ELEMENTS(sets) };

#define NEWSETELEM (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM)

static void
collect(const AditElement *element, gpointer data)
{
    g_array_append_vals(data, element, 1);
}

/* All elements of a run of messages; FALSE when one is refused. */
static gboolean
read_all(gconstpointer bytes, gsize len, GArray *ret)
{
    const struct nlmsghdr *nlh = bytes;

    for (int left = len; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        if (!adit_nft_elements_get(nlh, "adit", collect, ret))
            return FALSE;
    return TRUE;
}

static AditMsg *
write_all(const AditElement *elements, guint n, AditNftElementVerb verb)
{
    AditMsg *m = adit_msg_new();
    g_autofree const AditElement **all = g_new(const AditElement *, n);

    for (guint i = 0; i < n; i++)
        all[i] = &elements[i];
    adit_nft_elements_put(m, &bp, verb, all, n);
    g_assert_true(adit_msg_check(m, NULL));
    return m;
}

static AditElement
sample(void)
{
    const AditAddr wan = { AF_INET, { 203, 0, 113, 7 } },
                   device = { AF_INET, { 10, 59, 0, 2 } };
    AditElement e = adit_element_make("map");

    adit_element_key_addr(&e, &wan);
    adit_element_key_proto(&e, 6);
    adit_element_key_port(&e, 443);
    adit_element_data_addr(&e, &device);
    adit_element_data_port(&e, 8443);
    e.timeout_ms = 7200000;
    e.user_len = 3;
    memcpy(e.user, "\1\2\3", 3);
    return e;
}

#define HEAD " 01000000 09000100 61646974 00000000 08000200 6d617000 " /* family, adit, map */
#define KEY " 14000180 10000100 cb007107 06000000 01bb0000 "
#define DATA " 10000280 0c000100 0a3b0002 20fb0000 "
#define REST " 0c000400 00000000 006ddd00 09000600 ad030102 03000000" /* timeout, user data */

static void
test_bytes(void)
{
    static const struct {
        AditNftElementVerb verb;
        const char *hex;
    } rows[] = {
        { ADIT_NFT_ELEMENT_ADD,
          "6c000000 0c0a0106 00000000 00000000" HEAD "44000380 40000180" KEY DATA REST },
        { ADIT_NFT_ELEMENT_ENSURE,
          "6c000000 0c0a0104 00000000 00000000" HEAD "44000380 40000180" KEY DATA REST },
        { ADIT_NFT_ELEMENT_TOUCH,
          "54000000 0c0a0104 00000000 00000000" HEAD "2c000380 28000180" KEY DATA },
        { ADIT_NFT_ELEMENT_DELETE,
          "44000000 0e0a0100 00000000 00000000" HEAD "1c000380 18000180" KEY },
    };
    const AditElement e = sample();

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = write_all(&e, 1, rows[i].verb);
        gsize len;
        const guint8 *bytes = adit_msg_data(m, &len);

        assert_hex(bytes, len, rows[i].hex);
    }
}

static AditElement
random_element(GRand *rand)
{
    const AditNftSet *set = &sets[g_rand_int_range(rand, 0, G_N_ELEMENTS(sets))];
    AditElement e = adit_element_make(set->name);

    e.key_len = adit_nft_set_key_len(set) * ((set->flags & ADIT_NFT_INTERVAL) != 0 ? 2 : 1);
    e.data_len = adit_nft_set_data_len(set);
    e.user_len = g_rand_int_range(rand, 0, ADIT_ELEMENT_USER_MAX + 1);
    for (guint i = 0; i < e.key_len; i++)
        e.key[i] = g_rand_int(rand);
    for (guint i = 0; i < e.data_len; i++)
        e.data[i] = g_rand_int(rand);
    for (guint i = 0; i < e.user_len; i++)
        e.user[i] = g_rand_int(rand);
    if ((set->flags & ADIT_NFT_TIMEOUT) != 0)
        e.timeout_ms = (guint64)g_rand_int(rand) << 10;
    if (e.timeout_ms != 0 && g_rand_boolean(rand))
        e.expires_ms = g_rand_int(rand);
    if ((set->flags & ADIT_NFT_COUNTER) != 0) {
        e.packets = 1 + (guint64)g_rand_int(rand);
        e.bytes = (guint64)g_rand_int(rand) << 16;
    }
    if ((set->flags & ADIT_NFT_CONNECTIONS) != 0)
        e.limit = g_rand_int(rand);
    return e;
}

/* What is written is what is read; over the end of messages, too. */
static void
test_round_trip(void)
{
    const guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(GArray) elements = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(GArray) back = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(AditMsg) m = NULL;
    const guint8 *bytes;
    gsize len;

    g_test_message("seed %u", seed);
    for (guint i = 0; i < 3000; i++) {
        const AditElement e = random_element(rand);

        g_array_append_val(elements, e);
    }
    m = write_all((AditElement *)(gpointer)elements->data, elements->len, ADIT_NFT_ELEMENT_ADD);
    g_assert_cmpuint(adit_msg_count(m), >, 10);
    bytes = adit_msg_data(m, &len);
    g_assert_true(read_all(bytes, len, back));
    g_assert_cmpmem(back->data, back->len * sizeof(AditElement), elements->data,
                    elements->len * sizeof(AditElement));
}

/* Many of one set go in few messages, none of them too long for a list. */
static void
test_packing(void)
{
    g_autoptr(GArray) elements = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(AditMsg) m = NULL;
    const struct nlmsghdr *nlh;
    gsize len;
    int left;

    for (guint i = 0; i < 10000; i++) {
        AditElement e = sample();

        e.key[10] = i >> 8;
        e.key[11] = i;
        g_array_append_val(elements, e);
    }
    m = write_all((AditElement *)(gpointer)elements->data, elements->len, ADIT_NFT_ELEMENT_ADD);
    g_assert_cmpuint(adit_msg_count(m), <, 40);
    nlh = (gconstpointer)adit_msg_data(m, &len);
    for (left = len; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        g_assert_cmpuint(nlh->nlmsg_len, <, 65000);
    g_assert_cmpint(left, ==, 0);
}

static void
check_fixpoint(const struct nlmsghdr *nlh)
{
    g_autoptr(GArray) once = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(GArray) twice = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(AditMsg) m = NULL;
    const guint8 *bytes;
    gsize len;

    if (!adit_nft_elements_get(nlh, "adit", collect, once))
        return;
    for (guint i = once->len; i-- > 0;) {
        AditElement *e = &g_array_index(once, AditElement, i);
        const AditNftSet *set = adit_nft_blueprint_set(&bp, e->set);
        const guint ends = set != NULL && (set->flags & ADIT_NFT_INTERVAL) != 0 ? 2 : 1;

        if (set == NULL || e->key_len != ends * adit_nft_set_key_len(set) ||
            e->data_len != adit_nft_set_data_len(set)) {
            g_array_remove_index(once, i); /* not of our sets: the front drops it */
            continue;
        }
        if ((set->flags & ADIT_NFT_CONNECTIONS) == 0)
            e->limit = 0;
        if ((set->flags & ADIT_NFT_COUNTER) == 0 || e->packets == 0)
            e->packets = e->bytes = 0; /* not written */
    }
    if (once->len == 0)
        return;
    m = write_all((AditElement *)(gpointer)once->data, once->len, ADIT_NFT_ELEMENT_ADD);
    bytes = adit_msg_data(m, &len);
    g_assert_true(read_all(bytes, len, twice));
    g_assert_cmpmem(once->data, once->len * sizeof(AditElement), twice->data,
                    twice->len * sizeof(AditElement));
}

static void
test_damage(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (guint round = 0; round < 12; round++) {
        const AditElement e[2] = { random_element(rand), random_element(rand) };
        g_autoptr(AditMsg) m = write_all(e, 1, ADIT_NFT_ELEMENT_ADD);
        gsize len;
        const struct nlmsghdr *nlh = (gconstpointer)adit_msg_data(m, &len);

        g_assert_cmpuint(len, ==, nlh->nlmsg_len);
        for (gsize cut = NLMSG_HDRLEN; cut < len; cut++) {
            g_autofree struct nlmsghdr *copy = g_memdup2(nlh, cut);
            g_autoptr(GArray) read = g_array_new(FALSE, TRUE, sizeof(AditElement));

            copy->nlmsg_len = cut;
            if (adit_nft_elements_get(copy, "adit", collect, read))
                g_assert_cmpuint(read->len, ==, 0); /* cut before the list */
        }
        for (gsize at = NLMSG_HDRLEN; at < len; at++)
            for (guint bit = 0; bit < 8; bit++) {
                g_autofree struct nlmsghdr *copy = g_memdup2(nlh, len);

                ((guint8 *)copy)[at] ^= 1 << bit;
                check_fixpoint(copy);
            }
    }
}

static void
test_strangers(void)
{
    const AditElement e = sample();
    g_autoptr(AditMsg) m = write_all(&e, 1, ADIT_NFT_ELEMENT_ADD);
    g_autoptr(GArray) read = g_array_new(FALSE, TRUE, sizeof(AditElement));
    gsize len;
    struct nlmsghdr *nlh = (gpointer)adit_msg_data(m, &len);

    g_assert_cmpstr(adit_nft_event_table(nlh), ==, "adit");
    g_assert_true(adit_nft_elements_get(nlh, "other", collect, read));
    g_assert_cmpuint(read->len, ==, 0);
    nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;
    g_assert_null(adit_nft_event_table(nlh));
    g_assert_false(adit_nft_elements_get(nlh, "adit", collect, read));
    nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8;
    g_assert_null(adit_nft_event_table(nlh));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nft-element/bytes", test_bytes);
    g_test_add_func("/nft-element/round-trip", test_round_trip);
    g_test_add_func("/nft-element/packing", test_packing);
    g_test_add_func("/nft-element/damage", test_damage);
    g_test_add_func("/nft-element/strangers", test_strangers);
    return g_test_run();
}
