/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/forward-table.h"

#include "policy-routing/reply-table.h"

#include <netinet/in.h>
#include <string.h>

/* Which elements a forward and a shared network are; what they do, tests/netns asks. */

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

static AditForward
forward(const char *own, const char *to, guint16 port, gboolean hide)
{
    AditForward f = { .link = "home", .protocol = IPPROTO_TCP, .port = port, .hide = hide };

    g_assert_true(adit_addr_parse(own, &f.own, NULL));
    g_assert_true(adit_sockaddr_parse(to, &f.to, NULL));
    return f;
}

static void
test_forwards(void)
{
    const AditForward rows[] = {
        forward("10.59.0.2", "192.168.1.9:8443", 443, TRUE),
        forward("10.59.0.2", "172.17.0.2:80", 80, FALSE),
        forward("2001:db8::2", "[fd00::9]:8443", 443, TRUE),
    };
    g_autoptr(AditState) state = adit_state_new();

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        adit_forward_table_add(state, &rows[i]);
    assert_lines(state, "hide4 { 192.168.1.9 . 6 . 8443 }\n"
                        "hide6 { fd00::9 . 6 . 8443 }\n"
                        "to4 { \"home\" . 10.59.0.2 . 6 . 80 : 172.17.0.2 . 80 }\n"
                        "to4 { \"home\" . 10.59.0.2 . 6 . 443 : 192.168.1.9 . 8443 }\n"
                        "to6 { \"home\" . 2001:db8::2 . 6 . 443 : fd00::9 . 8443 }\n");
}

static void
test_shares(void)
{
    static const char *const rows[][2] = { { "10.59.0.0/24", "192.168.1.0/24" },
                                           { "2001:db8::/64", "fd00:1::/64" } };
    g_autoptr(AditState) state = adit_state_new();

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix from, to;

        g_assert_true(adit_prefix_parse(rows[i][0], &from, NULL));
        g_assert_true(adit_prefix_parse(rows[i][1], &to, NULL));
        adit_forward_table_add_share(state, &from, &to);
    }
    assert_lines(state, "share4 { 10.59.0.0-10.59.0.255 . 192.168.1.0-192.168.1.255 }\n"
                        "share6 { 2001:db8::-2001:db8::ffff:ffff:ffff:ffff . "
                        "fd00:1::-fd00:1::ffff:ffff:ffff:ffff }\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/forward-table/forwards", test_forwards);
    g_test_add_func("/forward-table/shares", test_shares);
    return g_test_run();
}
