/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "pcp-client/publication.h"

#include <string.h>

static AditWanted *
parse(const char *text, GError **error)
{
    return adit_wanted_parse("in", text, strlen(text), FALSE, error);
}

/* What is printed is what was written, in the one order and without what goes without saying.
 */
static void
test_print(void)
{
    static const struct {
        const char *text, *printed; /* NULL: the same */
    } rows[] = {
        { "[Publish]\nPort = 443/tcp\n", NULL },
        { "[Publish]\nPort = 443\n", "[Publish]\nPort = 443/tcp\n" },
        { "[Publish]\nPort = 443\nExternal = 443\nRedirect = https\nWhen = always\n"
          "Family = both\n",
          "[Publish]\nPort = 443/tcp\n" },
        { "[Publish]\nPort = 27015/both\nLabel = game\n",
          "[Publish]\nPort = 27015/tcp\nLabel = game\n\n"
          "[Publish]\nPort = 27015/udp\nLabel = game\n" },
        { "[Publish]\nPort = 80-90/udp\nExternal = any\nGateway = home\nFamily = ipv6\n"
          "Redirect = no\nWhen = listening\nLabel = a b\n",
          NULL },
        { "[Publish]\nExternal = 8443\nPort = 443/tcp\n",
          "[Publish]\nPort = 443/tcp\nExternal = 8443\n" },
        { "[Publish]\nPort = 443/tcp\nTo = 192.168.1.9:8443, [fd00::9]:443\nKeepSource = yes\n"
          "Redirect = port\n",
          NULL },
        { "[Publish]\nPort = 443/tcp\nTo = fd00::9\n",
          "[Publish]\nPort = 443/tcp\nTo = [fd00::9]:443\n" },
        { "[Publish]\nPort = 1/tcp\n\n[Publish]\nPort = 1/udp\n\n"
          "[Share]\nNetwork = 192.168.1.0/24\n\n[Share]\nNetwork = fd00::/64\n"
          "KeepSource = yes\n",
          NULL },
        { "", NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(AditWanted) wanted = parse(rows[i].text, &error);
        g_autofree char *printed = NULL;
        g_autofree char *again = NULL;

        g_assert_no_error(error);
        printed = adit_wanted_print(wanted);
        g_assert_cmpstr(printed, ==, rows[i].printed ? rows[i].printed : rows[i].text);
        g_clear_pointer(&wanted, adit_wanted_free);
        wanted = parse(printed, &error);
        again = adit_wanted_print(wanted);
        g_assert_cmpstr(again, ==, printed);
    }
}

static void
test_refused(void)
{
#define P "[Publish]\nPort = 443/tcp\n"
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "[Publish]\nLabel = x\n", "in:1: Publish: Port is missing" },
        { "[Share]\n", "in:1: Share: Network is missing" },
        { "[Other]\n", "in:1: Other: neither Publish nor Share" },
        { P "Colour = red\n", "in:3: Colour: red: no such key" },
        { P "Network = 10.0.0.0/8\n", "in:3: Network: 10.0.0.0/8: no such key" },
        { P "Port = 80\n", "in:3: Port: 80: given twice" },
        { "[Publish]\nPort = 0\n", "in:2: Port: 0: 0: not a port (1 to 65535)" },
        { P "External = none\n", "in:3: External: none: neither a port (1 to 65535) nor any" },
        { P "Gateway = a/b\n", "in:3: Gateway: a/b: not the name of a gateway" },
        { P "To = nas\n", "in:3: To: nas: not ADDRESS or ADDRESS:PORT" },
        { P "To = 10.0.0.1, 10.0.0.2\n",
          "in:3: To: 10.0.0.1, 10.0.0.2: two addresses of one family" },
        { P "To = 127.0.0.1:80\n",
          "in:1: Publish: 443/tcp: this machine itself: publish its port without To" },
        { P "To = fe80::1\n", "in:1: Publish: 443/tcp: not the address of another machine" },
        { P "To = 10.0.0.1\nWhen = listening\n",
          "in:1: Publish: 443/tcp: When: what listens on another machine cannot be seen from "
          "here" },
        { P "To = 10.0.0.1\nFamily = ipv6\n",
          "in:1: Publish: 443/tcp: To: an IPv4 address, but only IPv6 is to be published" },
        { P "KeepSource = yes\n",
          "in:1: Publish: 443/tcp: KeepSource: there is no To whose visitors it could keep" },
        { P "KeepSource = maybe\n", "in:3: KeepSource: maybe: none of no, yes" },
        { P "Redirect = yes\n", "in:3: Redirect: yes: none of no, https, port" },
        { "[Publish]\nPort = 1-1025\n",
          "in:1: Publish: 1-1025/tcp: a range of more than 1024 ports" },
        { "[Publish]\nPort = 1-9\nExternal = 65530\n",
          "in:1: Publish: 1-9/tcp: External: the range ends beyond port 65535" },
        { "[Publish]\nPort = 1-9\nTo = 10.0.0.1:65530\n",
          "in:1: Publish: 1-9/tcp: To: the range ends beyond port 65535" },
        { P "\n[Publish]\nPort = 440-450\n",
          "in:4: Publish: 440-450/tcp: published already as 443/tcp" },
        { "[Share]\nNetwork = 10.0.0.1/8\n",
          "in:2: Network: 10.0.0.1/8: has bits beyond its length: not a network" },
        { "[Share]\nNetwork = 10.0.0.0/8\n[Share]\nNetwork = 10.1.0.0/16\n",
          "in:3: Share: 10.1.0.0/16: overlaps 10.0.0.0/8, shared already" },
    };
#undef P

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(AditWanted) wanted = parse(rows[i].text, &error);

        g_assert_null(wanted);
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

static AditPublication *
publication(const char *ports, const char *gateway)
{
    AditPublication *p;
    AditPorts parsed;

    g_assert_true(adit_ports_parse(ports, &parsed, NULL));
    p = adit_publication_new(&parsed);
    p->gateway = g_strdup(gateway);
    return p;
}

/* The same again replaces, what would hold the same port is refused. */
static void
test_edit(void)
{
    static const struct {
        const char *ports, *gateway, *message;
        guint after;
    } rows[] = {
        { "443", NULL, NULL, 1 },
        { "443", NULL, NULL, 1 },
        { "443/udp", NULL, NULL, 2 },
        { "440-450", NULL, "440-450/tcp: published already as 443/tcp", 2 },
        { "443", "home", "443/tcp@home: published already as 443/tcp", 2 },
        { "80", "home", NULL, 3 },
        { "80", "away", NULL, 4 },
    };
    g_autoptr(AditWanted) wanted = adit_wanted_new();
    AditPorts ports;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        adit_wanted_put(wanted, publication(rows[i].ports, rows[i].gateway), &error);
        g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].message);
        g_assert_cmpuint(wanted->publications->len, ==, rows[i].after);
    }
    g_assert_true(adit_ports_parse("443/both", &ports, NULL));
    g_assert_true(adit_wanted_drop(wanted, &ports, NULL));
    g_assert_cmpuint(wanted->publications->len, ==, 2);
    g_assert_false(adit_wanted_drop(wanted, &ports, NULL));
    g_assert_true(adit_ports_parse("80", &ports, NULL));
    g_assert_true(adit_wanted_drop(wanted, &ports, NULL));
    g_assert_cmpuint(wanted->publications->len, ==, 0);
}

static void
test_redirect(void)
{
    static const struct {
        const char *ports;
        guint16 external;
        AditRedirectWish wish;
        gboolean wants;
    } rows[] = {
        { "443", 443, ADIT_REDIRECT_HTTPS, TRUE },
        { "443", 443, ADIT_REDIRECT_NO, FALSE },
        { "443", 8443, ADIT_REDIRECT_HTTPS, FALSE },
        { "8443", 443, ADIT_REDIRECT_PORT, TRUE },
        { "443/udp", 443, ADIT_REDIRECT_HTTPS, FALSE },
        { "443", 0, ADIT_REDIRECT_HTTPS, FALSE },
        { "443-445", 443, ADIT_REDIRECT_HTTPS, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditPublication) p = publication(rows[i].ports, NULL);

        p->external = rows[i].external;
        p->redirect = rows[i].wish;
        g_assert_cmpint(adit_publication_wants_redirect(p), ==, rows[i].wants);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/publication/print", test_print);
    g_test_add_func("/publication/refused", test_refused);
    g_test_add_func("/publication/edit", test_edit);
    g_test_add_func("/publication/redirect", test_redirect);
    return g_test_run();
}
