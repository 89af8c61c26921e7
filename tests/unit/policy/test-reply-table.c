/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/reply-table.h"

#include <string.h>
#include <sys/socket.h>

#include "policy-routing/numbers.h"
#include "tests/unit/wire/blueprint.h"

/* Which elements a gateway and an uplink are; what they do, tests/netns/test_reply.py asks. */

static void
assert_lines(AditState *state, const char *want)
{
    const AditReplyOptions options = { 0 };
    AditNftBlueprint *bp = adit_reply_table_new(&options);
    g_autoptr(GString) out = g_string_new(NULL);

    adit_state_seal(state);
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ELEMENT); i++) {
        g_autofree char *line =
            adit_nft_element_to_text(bp, adit_state_get(state, ADIT_KIND_ELEMENT, i));

        g_string_append(out, line + strlen("add element inet adit "));
    }
    g_assert_cmpstr(out->str, ==, want);
    adit_reply_table_free(bp);
}

static void
test_blueprint(void)
{
    static const AditBypassMark marks[] = { { 0x80000, 0xff0000 }, { 7, 7 } };
    const AditReplyOptions options[] = { { FALSE }, { TRUE }, { FALSE, marks, 2 } };
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        AditNftBlueprint *bp = adit_reply_table_new(&options[i]);

        assert_sound(bp);
        g_assert_true(g_hash_table_add(seen, adit_nft_identity(bp)));
        adit_reply_table_free(bp);
    }
}

/* Of an answer that goes by lo, which is no way but ours, until it is routed anew. */
static gboolean
is_passing(const AditNftRule *rule)
{
    return (g_str_equal(rule->chain, "answered") || g_str_equal(rule->chain, "output")) &&
           rule->statement[0].field[0] == ADIT_NFT_OIFNAME &&
           g_strcmp0(rule->statement[0].name, "lo") == 0;
}

/* Every write of a mark is masked: nothing of anybody else's bits is touched. */
static void
test_masked_writes(void)
{
    const AditReplyOptions options = { 0 };
    AditNftBlueprint *bp = adit_reply_table_new(&options);

    for (guint i = 0; i < bp->n_rules; i++)
        for (guint k = 0; k < ADIT_NFT_STATEMENTS_MAX; k++) {
            const AditNftStatement *s = &bp->rules[i].statement[k];
            const guint32 more = s->field[0] == ADIT_NFT_CT_MARK ? ADIT_CT_OUT
                                 : is_passing(&bp->rules[i])     ? ADIT_MARK_ANEW
                                                                 : 0;
            const guint32 ours = ADIT_MARK_MASK | more;

            if (s->verb != ADIT_NFT_BITS)
                continue;
            g_assert_cmphex(s->mask & ~ours, ==, 0);
            g_assert_cmphex(s->value & ~s->mask, ==, 0);
        }
    adit_reply_table_free(bp);
}

/* Slots of one bit, of all, of several. */
static void
test_slots(void)
{
    static const struct {
        guint slot;
        const char *lines;
    } rows[] = {
        { 1, "gateway { \"wg0\" }\nslot0 { \"wg0\" }\n" },
        { 32, "gateway { \"wg0\" }\nslot5 { \"wg0\" }\n" },
        { 0x2b, "gateway { \"wg0\" }\nslot0 { \"wg0\" }\nslot1 { \"wg0\" }\nslot3 { \"wg0\" }\n"
                "slot5 { \"wg0\" }\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditGateway gateway = { .slot = rows[i].slot, .link = "wg0" };
        g_autoptr(AditState) state = adit_state_new();

        adit_reply_table_add_gateway(state, &gateway);
        assert_lines(state, rows[i].lines);
    }
}

/* Two gateways may have given us the same address. */
static void
test_addresses(void)
{
    AditAddr addresses[] = { { AF_INET, { 10, 59, 0, 2 } },
                             { AF_INET6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } } };
    const AditGateway one = {
        .slot = 1, .link = "wg0", .addresses = addresses, .n_addresses = 2
    };
    const AditGateway two = {
        .slot = 2, .link = "wg1", .addresses = addresses, .n_addresses = 1
    };
    g_autoptr(AditState) state = adit_state_new();

    adit_reply_table_add_gateway(state, &one);
    adit_reply_table_add_gateway(state, &two);
    assert_lines(state, "gateway { \"wg0\" }\ngateway { \"wg1\" }\n"
                        "home4 { 10.59.0.2 . \"wg0\" }\nhome4 { 10.59.0.2 . \"wg1\" }\n"
                        "home6 { 2001:db8::2 . \"wg0\" }\n"
                        "own4 { 10.59.0.2 }\nown6 { 2001:db8::2 }\n"
                        "slot0 { \"wg0\" }\nslot1 { \"wg1\" }\n");
}

static void
test_uplinks(void)
{
    g_autoptr(AditState) state = adit_state_new();
    AditPrefix four, six;

    g_assert_true(adit_prefix_parse("192.168.1.0/24", &four, NULL));
    g_assert_true(adit_prefix_parse("fd00::/64", &six, NULL));
    adit_reply_table_add_uplink(state, "eth0", TRUE, FALSE);
    adit_reply_table_add_uplink(state, "wlan0", FALSE, FALSE);
    adit_reply_table_add_lan(state, "eth0", &four);
    adit_reply_table_add_lan(state, "eth0", &six);
    assert_lines(state, "closed4 { \"eth0\" }\n"
                        "lan4 { \"eth0\" . 192.168.1.0-192.168.1.255 }\n"
                        "lan6 { \"eth0\" . fd00::-fd00::ffff:ffff:ffff:ffff }\n"
                        "uplink { \"eth0\" }\nuplink { \"wlan0\" }\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reply-table/blueprint", test_blueprint);
    g_test_add_func("/reply-table/masked-writes", test_masked_writes);
    g_test_add_func("/reply-table/slots", test_slots);
    g_test_add_func("/reply-table/addresses", test_addresses);
    g_test_add_func("/reply-table/uplinks", test_uplinks);
    return g_test_run();
}
