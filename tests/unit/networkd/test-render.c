/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "networkd-hooks/file-diff.h"
#include "tests/golden.h"

#include <string.h>

#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PUBLIC2 "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
#define PSK "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define OURS                                                                                   \
    "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.59.0.2/24, 2001:db8:1::a3b:2/128\n"   \
    "DNS = 10.59.0.1, example.org\nMTU = 1420\nTable = 20101\nFwMark = 0x3f000000\n"           \
    "[Peer]\nPublicKey = " PUBLIC "\nPresharedKey = " PSK "\n"                                 \
    "AllowedIPs = 10.59.0.1/32, 2001:db8:1::a3b:1/128, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, " \
    "2000::/3\nEndpoint = vps.example:51820\nPersistentKeepalive = 25\n"
/* Somebody else's full tunnel, with host bits, one network twice and a DNS of all names. */
#define FOREIGN                                                                                \
    "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.8.0.2/32\nListenPort = 51820\n"       \
    "DNS = 9.9.9.9, ~.\n"                                                                      \
    "[Peer]\nPublicKey = " PUBLIC "\nAllowedIPs = 0.0.0.0/0, ::/0\n"                           \
    "Endpoint = [2001:db8::1]:51820\n"                                                         \
    "[Peer]\nPublicKey = " PUBLIC2 "\nAllowedIPs = 10.8.0.9/24, 0.0.0.0/0\n"

static GPtrArray *
render(const char *text, const char *link, guint slot, gboolean selected4, gboolean selected6)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("x.conf", text, strlen(text), &error);
    const AditNetworkdGateway gateway = {
        .link = link, .slot = slot, .selected = { selected4, selected6 }, .profile = profile
    };
    GPtrArray *files;

    g_assert_no_error(error);
    files = adit_networkd_render(&gateway, &error);
    g_assert_no_error(error);
    return files;
}

static const AditNetworkdFile *
find(const GPtrArray *files, const char *name)
{
    for (guint i = 0; i < files->len; i++) {
        const AditNetworkdFile *file = g_ptr_array_index(files, i);

        if (g_str_equal(file->name, name))
            return file;
    }
    g_test_message("%s: not rendered", name);
    g_assert_not_reached();
}

static const char *
text_of(const GPtrArray *files, const char *name)
{
    return find(files, name)->text;
}

/* What is there, as files of another rendering; of none: @data NULL. */
static char *
present(const char *name, gpointer data)
{
    return data ? g_strdup(text_of(data, name)) : NULL;
}

static void
test_files(void)
{
    static const struct {
        const char *golden, *profile, *link;
        guint slot;
        gboolean selected[2];
    } rows[] = {
        { "networkd/ours.files", OURS, "home", 1, { FALSE, FALSE } },
        { "networkd/selected.files", OURS, "home", 1, { TRUE, TRUE } },
        { "networkd/ipv6-only.files", OURS, "home", 1, { FALSE, TRUE } },
        { "networkd/foreign.files", FOREIGN, "my-vpn", 62, { FALSE, FALSE } },
        { "networkd/foreign-selected.files", FOREIGN, "my-vpn", 62, { TRUE, FALSE } },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) files = render(rows[i].profile, rows[i].link, rows[i].slot,
                                            rows[i].selected[0], rows[i].selected[1]);
        g_autofree char *text = adit_networkd_files_to_diff(files, present, NULL);

        golden_check(rows[i].golden, text);
    }
}

/* Keys are in their own files, and nowhere else. */
static void
test_keys(void)
{
    g_autoptr(GPtrArray) files = render(OURS, "home", 1, FALSE, FALSE);
    g_autofree char *shown = adit_networkd_files_to_diff(files, present, NULL);

    g_assert_cmpuint(files->len, ==, 4);
    g_assert_cmpstr(text_of(files, "60-adit-home.key"), ==, PRIVATE);
    g_assert_cmpstr(text_of(files, "60-adit-home-c53201039adba14b.psk"), ==, PSK);
    for (guint i = 0; i < files->len; i++) {
        const AditNetworkdFile *file = g_ptr_array_index(files, i);

        g_assert_cmpint(file->secret, ==, i < 2); /* before what names them */
        if (!file->secret)
            g_assert_null(strstr(file->text, PRIVATE));
        if (!file->secret)
            g_assert_null(strstr(file->text, PSK));
    }
    g_assert_null(strstr(shown, PRIVATE));
    g_assert_null(strstr(shown, PSK));
}

/* To what is there already: what differs, line by line, and that a key does. */
static void
test_difference(void)
{
    g_autoptr(GPtrArray) before = render(OURS, "home", 1, FALSE, FALSE);
    g_autoptr(GPtrArray) files = render(OURS, "home", 1, TRUE, TRUE);
    AditNetworkdFile *key = g_ptr_array_index(before, 0);
    g_autofree char *text = NULL;

    key->text[0] = 'x';
    text = adit_networkd_files_to_diff(files, present, before);
    golden_check("networkd/selected.diff", text);
    g_assert_null(strstr(text, &PRIVATE[1]));
}

/* Every route says our table, so none is in main; and while nobody selected the gateway no
 * name but its own is asked there. */
static void
test_captures_nothing(void)
{
    static const char *const profiles[] = { OURS, FOREIGN };

    for (guint i = 0; i < G_N_ELEMENTS(profiles); i++) {
        g_autoptr(GPtrArray) files = render(profiles[i], "gw", 7, FALSE, FALSE);
        const char *network = text_of(files, "60-adit-gw.network");
        g_auto(GStrv) sections = g_strsplit(network, "\n[", -1);

        for (guint s = 1; sections[s]; s++)
            if (g_str_has_prefix(sections[s], "Route]"))
                g_assert_nonnull(strstr(sections[s], "\nTable=20107\n"));
            else if (g_str_has_prefix(sections[s], "Address]"))
                g_assert_nonnull(strstr(sections[s], "\nAddPrefixRoute=no\n"));
        g_assert_null(strstr(network, "Gateway="));
        g_assert_null(strstr(network, "Domains=~."));
        g_assert_nonnull(strstr(network, "\nDNSDefaultRoute=no\n"));
        g_assert_nonnull(strstr(network, "\nRequiredForOnline=no\n"));
    }
}

/* The files of two gateways differ in nothing but name and table. */
static void
test_slot(void)
{
    g_autoptr(GPtrArray) one = render(OURS, "home", 1, FALSE, FALSE);
    g_autoptr(GPtrArray) two = render(OURS, "home", 2, FALSE, FALSE);
    GString *moved = g_string_new(text_of(one, "60-adit-home.network"));

    g_string_replace(moved, "Table=20101", "Table=20102", 0);
    g_assert_cmpstr(moved->str, ==, text_of(two, "60-adit-home.network"));
    g_assert_cmpstr(text_of(one, "60-adit-home.netdev"), ==,
                    text_of(two, "60-adit-home.netdev"));
    g_string_free(moved, TRUE);
}

static void
test_refused(void)
{
    static const struct {
        const char *link;
        guint slot;
        const char *message;
    } rows[] = {
        { "a*", 1,
          "a*: not a name systemd-networkd can be given: only letters, digits, '-', '_' and "
          "'.'" },
        { "!eth0", 1,
          "!eth0: not a name systemd-networkd can be given: only letters, digits, '-', '_' and "
          "'.'" },
        { "../x", 1,
          "../x: not a name systemd-networkd can be given: only letters, digits, '-', '_' and "
          "'.'" },
        { "home", 0, "home: slot 0: not a gateway's" },
        { "home", 63, "home: slot 63: not a gateway's" },
        { "home", 0x1e, "home: slot 30: not a gateway's" },
    };
    g_autoptr(AditProfile) profile = adit_profile_parse("x.conf", OURS, strlen(OURS), NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        const AditNetworkdGateway gateway = { .link = rows[i].link,
                                              .slot = rows[i].slot,
                                              .profile = profile };

        g_assert_null(adit_networkd_render(&gateway, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/networkd/render/files", test_files);
    g_test_add_func("/networkd/render/keys", test_keys);
    g_test_add_func("/networkd/render/difference", test_difference);
    g_test_add_func("/networkd/render/captures-nothing", test_captures_nothing);
    g_test_add_func("/networkd/render/slot", test_slot);
    g_test_add_func("/networkd/render/refused", test_refused);
    return g_test_run();
}
