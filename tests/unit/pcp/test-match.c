/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/match.h"

#include <netinet/in.h>
#include <string.h>

/* Publications times gateways, as lines: "443/tcp home 4 ask". */

static AditPublishGateway *
gateway(const char *name, const char *own4, const char *own6, gboolean up)
{
    AditPublishGateway *g = g_new0(AditPublishGateway, 1);

    g->name = g_strdup(name);
    g->link = g_strdup(name);
    g->ifindex = 7;
    g->up = up;
    if (own4) {
        g_assert_true(adit_addr_parse(own4, &g->own[0], NULL));
        g_assert_true(adit_addr_parse("10.59.0.1", &g->server[0], NULL));
    }
    if (own6) {
        g_assert_true(adit_addr_parse(own6, &g->own[1], NULL));
        g_assert_true(adit_addr_parse("2001:db8::1", &g->server[1], NULL));
    }
    return g;
}

static GPtrArray *
sample_gateways(void)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publish_gateway_free);

    g_ptr_array_add(all, gateway("home", "10.59.0.2", "2001:db8::2", TRUE));
    g_ptr_array_add(all, gateway("four", "10.60.0.2", NULL, TRUE));
    g_ptr_array_add(all, gateway("down", "10.61.0.2", NULL, FALSE));
    return all;
}

static const char *
verdict_name(const AditMatch *m)
{
    switch (m->verdict) {
    case ADIT_MATCH_ASK: return "ask";
    case ADIT_MATCH_WAIT: return "wait";
    case ADIT_MATCH_REFUSE: return "refuse";
    }
    g_assert_not_reached();
}

static void
assert_lines(const char *text, const GArray *listening, const char *want)
{
    g_autoptr(AditWanted) wanted = adit_wanted_parse("in", text, strlen(text), FALSE, NULL);
    g_autoptr(GPtrArray) gateways = sample_gateways();
    g_autoptr(GArray) matches = adit_match(wanted->publications, gateways, listening);
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < matches->len; i++) {
        const AditMatch *m = &g_array_index(matches, AditMatch, i);
        g_autofree char *name = adit_publication_name(m->publication);

        g_assert_cmpint(m->verdict == ADIT_MATCH_ASK, ==, m->why == NULL || *m->why == 0);
        g_string_append_printf(out, "%s %s %u %s\n", name, m->gateway->name,
                               m->family == 0 ? 4 : 6, verdict_name(m));
    }
    g_assert_cmpstr(out->str, ==, want);
}

static void
test_gateways(void)
{
    assert_lines("[Publish]\nPort = 443\n", NULL,
                 "443/tcp home 4 ask\n443/tcp home 6 ask\n443/tcp four 4 ask\n"
                 "443/tcp down 4 wait\n");
    assert_lines("[Publish]\nPort = 443\nGateway = home\nFamily = ipv6\n", NULL,
                 "443/tcp@home home 6 ask\n");
    assert_lines("[Publish]\nPort = 443\nGateway = gone\n", NULL, "");
    assert_lines("[Publish]\nPort = 443\nTo = 192.168.1.9\nGateway = home\n", NULL,
                 "443/tcp@home home 4 ask\n");
}

/* Two files may want the same. */
static void
test_taken(void)
{
    AditPorts ports[2];
    g_autoptr(GPtrArray) all =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    g_autoptr(GPtrArray) gateways = sample_gateways();
    g_autoptr(GArray) matches = NULL;

    g_assert_true(adit_ports_parse("443", &ports[0], NULL));
    g_assert_true(adit_ports_parse("440-450", &ports[1], NULL));
    g_ptr_array_add(all, adit_publication_new(&ports[0]));
    g_ptr_array_add(all, adit_publication_new(&ports[1]));
    matches = adit_match(all, gateways, NULL);
    g_assert_cmpuint(matches->len, ==, 8);
    for (guint i = 4; i < 8; i++)
        g_assert_cmpint(g_array_index(matches, AditMatch, i).verdict, ==, ADIT_MATCH_REFUSE);
}

static void
add_listener(GArray *all, guint8 protocol, const char *addr, guint16 port, gint8 v6only,
             guint32 ifindex)
{
    AditListening l = {
        .protocol = protocol, .port = port, .v6only = v6only, .ifindex = ifindex
    };

    g_assert_true(adit_addr_parse(addr, &l.addr, NULL));
    g_array_append_val(all, l);
}

static void
test_listening(void)
{
    static const struct {
        const char *addr;
        gint8 v6only;
        guint32 ifindex;
        guint8 protocol;
        const char *lines;
    } rows[] = {
        { "0.0.0.0", 0, 0, IPPROTO_TCP, "ask refuse" },
        { "::", 0, 0, IPPROTO_TCP, "ask ask" },
        { "::", -1, 0, IPPROTO_TCP, "ask ask" },
        { "::", 1, 0, IPPROTO_TCP, "refuse ask" },
        { "::", 0, 7, IPPROTO_TCP, "ask ask" },
        { "::", 0, 8, IPPROTO_TCP, "refuse refuse" },
        { "10.59.0.2", 0, 0, IPPROTO_TCP, "ask refuse" },
        { "192.168.1.2", 0, 0, IPPROTO_TCP, "refuse refuse" },
        { "127.0.0.1", 0, 0, IPPROTO_TCP, "refuse refuse" },
        { "::1", 0, 0, IPPROTO_TCP, "refuse refuse" },
        { "0.0.0.0", 0, 0, IPPROTO_UDP, "wait wait" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GArray) all = g_array_new(FALSE, TRUE, sizeof(AditListening));
        g_auto(GStrv) words = g_strsplit(rows[i].lines, " ", 2);
        g_autofree char *want = g_strdup_printf(
            "443/tcp@home home 4 %s\n443/tcp@home home 6 %s\n", words[0], words[1]);

        add_listener(all, rows[i].protocol, rows[i].addr, 443, rows[i].v6only, rows[i].ifindex);
        assert_lines("[Publish]\nPort = 443\nGateway = home\nWhen = listening\n", all, want);
    }
}

/* Before the loopback listener comes one for everybody. */
static void
test_anywhere(void)
{
    g_autoptr(GArray) all = g_array_new(FALSE, TRUE, sizeof(AditListening));
    AditPorts ports;

    g_assert_true(adit_ports_parse("443", &ports, NULL));
    g_assert_cmpint(adit_listener_anywhere(all, &ports), ==, ADIT_LISTENER_NOBODY);
    add_listener(all, IPPROTO_TCP, "127.0.0.1", 443, 0, 0);
    add_listener(all, IPPROTO_UDP, "0.0.0.0", 443, 0, 0);
    g_assert_cmpint(adit_listener_anywhere(all, &ports), ==, ADIT_LISTENER_LOOPBACK);
    add_listener(all, IPPROTO_TCP, "10.0.0.1", 443, 0, 0);
    g_assert_cmpint(adit_listener_anywhere(all, &ports), ==, ADIT_LISTENER_HERE);
}

static void
test_wish(void)
{
    const char *text = "[Publish]\nPort = 80-90/udp\nExternal = 8080\nLabel = x\n";
    g_autoptr(AditWanted) wanted = adit_wanted_parse("in", text, strlen(text), FALSE, NULL);
    const AditMatch match = { .publication = g_ptr_array_index(wanted->publications, 0) };
    const AditWish wish = adit_match_wish(&match, 3);
    AditPcpOptions options;

    g_assert_cmpuint(wish.protocol, ==, IPPROTO_UDP);
    g_assert_cmpuint(wish.internal_port, ==, 83);
    g_assert_cmpuint(wish.external_port, ==, 8083);
    g_assert_true(wish.exact);
    g_assert_true(adit_match_options(&match, &options));
    g_assert_cmpuint(options.has, ==, ADIT_PCP_HAS_DESCRIPTION);
    g_assert_cmpstr(options.description, ==, "x");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/match/gateways", test_gateways);
    g_test_add_func("/match/taken", test_taken);
    g_test_add_func("/match/listening", test_listening);
    g_test_add_func("/match/anywhere", test_anywhere);
    g_test_add_func("/match/wish", test_wish);
    return g_test_run();
}
