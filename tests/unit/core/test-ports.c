/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/ports.h"

static void
test_parse(void)
{
    static const struct {
        const char *text, *message;
        AditPorts ports;
    } rows[] = {
        { "443", NULL, { 443, 443, ADIT_PROTO_TCP } },
        { "1-65535/both", NULL, { 1, 65535, ADIT_PROTO_BOTH } },
        { "53/udp", NULL, { 53, 53, ADIT_PROTO_UDP } },
        { "", ": not a port (1 to 65535)", { 0 } },
        { "0", "0: not a port (1 to 65535)", { 0 } },
        { "65536", "65536: not a port (1 to 65535)", { 0 } },
        { "9-8", "9-8: the range ends before it begins", { 0 } },
        { "9-", "9-: the range does not end in a port (1 to 65535)", { 0 } },
        { "9/sctp", "9/sctp: the protocol is neither tcp, udp nor both", { 0 } },
        { "9/", "9/: the protocol is neither tcp, udp nor both", { 0 } },
        { "+9", "+9: not a port (1 to 65535)", { 0 } },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        AditPorts ports = { 0 };

        g_assert_cmpint(adit_ports_parse(rows[i].text, &ports, &error), ==, !rows[i].message);
        g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].message);
        g_assert_cmpuint(ports.first, ==, rows[i].ports.first);
        g_assert_cmpuint(ports.last, ==, rows[i].ports.last);
        g_assert_cmpint(ports.proto, ==, rows[i].ports.proto);
        if (!error) {
            g_autofree char *printed = adit_ports_to_string(&ports);
            AditPorts again;

            g_assert_true(adit_ports_parse(printed, &again, NULL));
            g_assert_cmpmem(&again, sizeof(again), &ports, sizeof(ports));
        }
    }
}

static void
test_overlap(void)
{
    static const struct {
        const char *a, *b;
        gboolean overlap;
    } rows[] = {
        { "80", "80", TRUE },          { "80", "80/udp", FALSE },
        { "80/both", "80/udp", TRUE }, { "80-90", "90-99", TRUE },
        { "80-90", "91-99", FALSE },   { "85", "80-90/both", TRUE },
        { "1-65535", "443", TRUE },    { "1-65535/udp", "443", FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPorts a, b;

        g_assert_true(adit_ports_parse(rows[i].a, &a, NULL));
        g_assert_true(adit_ports_parse(rows[i].b, &b, NULL));
        g_assert_cmpint(adit_ports_overlap(&a, &b), ==, rows[i].overlap);
        g_assert_cmpint(adit_ports_overlap(&b, &a), ==, rows[i].overlap);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ports/parse", test_parse);
    g_test_add_func("/ports/overlap", test_overlap);
    return g_test_run();
}
