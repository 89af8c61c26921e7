/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/profile.h"
#include "tests/golden.h"

#include <string.h>
#include <sys/socket.h>

/* tests/data/profile: NAME.conf with NAME.out, its canonical text, or with NAME.error, the
 * message. ADIT_TEST_REGENERATE=1 rewrites both: read the difference before you keep it. */

#define PRIVATE "CFUoeiJzugDG9bOuaG2ZyqZ6IJUV+rrTXGLNER+Jj0g="
#define PEER_1 "/rIOEdd2fvj14wGlv46mCUuO5TkH4XzOA87apq5cij0="
#define PEER_2 "mYKLdjKKRYgiaHNSiVwl4Lng7GzYHIJmuyYyOQBOsl8="
#define PSK "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static AditProfile *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditProfile *profile = adit_profile_parse("test.conf", text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_nonnull(profile);
    return profile;
}

static void
assert_text(const char *file, const char *suffix, const char *text)
{
    g_autofree char *stem = g_strndup(file, strlen(file) - strlen(".conf"));
    g_autofree char *golden = g_strconcat("profile/", stem, suffix, NULL);

    golden_check(golden, text);
}

static void
assert_prints_itself(const AditProfile *profile, const char *text)
{
    g_autoptr(AditProfile) again = parse(text), copy = adit_profile_copy(profile);
    char *text_again = adit_profile_to_string(again);

    g_assert_true(adit_profile_equal(profile, again));
    g_assert_true(adit_profile_equal(copy, again));
    g_assert_cmpstr(text_again, ==, text);
    adit_key_string_free(text_again);
}

/* Nothing that could be half of a key. */
static void
assert_no_secret(const char *message)
{
    guint run = 0;

    for (const char *c = message; *c != '\0'; c++) {
        run = g_ascii_isalnum(*c) || *c == '+' || *c == '/' ? run + 1 : 0;
        g_assert_cmpuint(run, <, 24);
    }
}

static void
test_file(gconstpointer data)
{
    const char *name = data;
    g_autofree char *path = g_build_filename(ADIT_TEST_DATA, "profile", name, NULL);
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
    profile = adit_profile_parse(name, bytes, len, &error);
    if (profile) {
        char *text = adit_profile_to_string(profile);

        g_assert_no_error(error);
        assert_text(name, ".out", text);
        assert_prints_itself(profile, text);
        adit_key_string_free(text);
    } else {
        g_autofree char *line = g_strconcat(error->message, "\n", NULL);

        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_true(g_str_has_prefix(line, name));
        assert_no_secret(line + strlen(name));
        assert_text(name, ".error", line);
        g_assert_null(adit_profile_parse(name, bytes, len, NULL));
    }
}

static guint
add_files(void)
{
    g_autoptr(GDir) dir = g_dir_open(ADIT_TEST_DATA "/profile", 0, NULL);
    guint n_bad = 0;
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *row = g_strconcat("/profile/file/", name, NULL);

        if (!g_str_has_suffix(name, ".conf"))
            continue;
        n_bad += g_str_has_prefix(name, "bad-");
        g_test_add_data_func_full(row, g_strdup(name), test_file, g_free);
    }
    return n_bad;
}

static void
test_fields(void)
{
    g_autoptr(AditProfile) p =
        parse("[Interface]\nPrivateKey=" PRIVATE "\nAddress=10.0.0.2/8, fd00::2/64\n"
              "DNS=9.9.9.9, home.arpa, ~.\nMTU=1420\nListenPort=51820\nFwMark=0x10\n"
              "Table=20101\nSaveConfig=true\nPostUp=a b\nPreUp=c\n"
              "[Peer]\nPublicKey=" PEER_1 "\nPresharedKey=" PSK "\nEndpoint=[::1]:2\n"
              "AllowedIPs=10.1.2.3/8\nAllowedIPs=::/0\nPersistentKeepalive=25\n"
              "[Peer]\nPublicKey=" PEER_2 "\n");
    const AditProfilePeer *peer = &p->peers[0];
    AditKey psk;

    g_assert_cmpuint(p->n_addresses, ==, 2);
    g_assert_cmpuint(p->addresses[0].len, ==, 8);
    g_assert_cmpuint(p->addresses[1].addr.family, ==, AF_INET6);
    g_assert_cmpuint(p->n_dns, ==, 1);
    g_assert_cmpstr(p->search[0], ==, "home.arpa");
    g_assert_cmpstr(p->search[1], ==, "~.");
    g_assert_null(p->search[2]);
    g_assert_cmpuint(p->mtu, ==, 1420);
    g_assert_cmpuint(p->listen_port, ==, 51820);
    g_assert_cmpuint(p->fwmark, ==, 16);
    g_assert_cmpint(p->table_mode, ==, ADIT_TABLE_NUMBER);
    g_assert_cmpuint(p->table, ==, 20101);
    g_assert_true(p->save_config);
    g_assert_cmpuint(p->n_hooks, ==, 2);
    g_assert_cmpstr(p->hooks[0].key, ==, "PostUp");
    g_assert_cmpstr(p->hooks[0].command, ==, "a b");
    g_assert_cmpuint(p->hooks[0].line, ==, 10);
    g_assert_cmpstr(p->hooks[1].key, ==, "PreUp");
    g_assert_cmpuint(p->n_peers, ==, 2);
    g_assert_true(adit_key_parse(PSK, &psk, NULL));
    g_assert_true(adit_key_equal(&peer->preshared_key, &psk));
    g_assert_cmpstr(peer->endpoint.host, ==, "::1");
    g_assert_cmpuint(peer->endpoint.port, ==, 2);
    g_assert_cmpuint(peer->n_allowed, ==, 2);
    g_assert_true(adit_prefix_has_host_bits(&peer->allowed[0]));
    g_assert_cmpuint(peer->keepalive, ==, 25);
    g_assert_null(p->peers[1].endpoint.host);
    g_assert_cmpuint(p->peers[1].n_allowed, ==, 0);
}

static void
test_carries(void)
{
    g_autoptr(AditProfile) v4 =
        parse("[Interface]\nPrivateKey=" PRIVATE "\nAddress=10.0.0.2\n");
    g_autoptr(AditProfile) v6 = parse("[Interface]\nPrivateKey=" PRIVATE "\nAddress=fd00::2\n");
    g_autoptr(AditProfile) none = adit_profile_new();

    g_assert_true(adit_profile_carries(v4, AF_INET));
    g_assert_false(adit_profile_carries(v4, AF_INET6));
    g_assert_true(adit_profile_carries(v6, AF_INET6));
    g_assert_false(adit_profile_carries(v6, AF_INET));
    g_assert_false(adit_profile_carries(none, AF_INET));
    adit_profile_free(NULL);
}

/* Which files are of one device at one server. */
static void
test_same_device(void)
{
#define AT(own, peer, endpoint)                                                                \
    "[Interface]\nPrivateKey=" PRIVATE "\nAddress=" own "\n[Peer]\nPublicKey=" peer endpoint   \
    "\n"
#define ONE_PLACE "\nEndpoint=vps.example:1"
#define OTHER_PLACE "\nEndpoint=vps.example:2"
    static const char first[] = AT("10.0.0.2/24,fd00::2", PEER_1, ONE_PLACE);
    static const struct {
        const char *text;
        gboolean same;
    } rows[] = {
        { AT("10.0.0.2/24,fd00::2", PEER_1, ONE_PLACE), TRUE },
        { AT("10.0.0.2/32", PEER_1, ""), TRUE },           /* its key */
        { AT("10.0.0.2/32", PEER_1, OTHER_PLACE), TRUE },  /* it has moved */
        { AT("fd00::2", PEER_2, ONE_PLACE), TRUE },        /* it has another key */
        { AT("10.0.0.2/24", PEER_2, OTHER_PLACE), FALSE }, /* the same numbers elsewhere */
        { AT("10.0.0.2/24", PEER_2, ""), FALSE },
        { AT("10.0.0.3/24", PEER_1, ONE_PLACE), FALSE }, /* a fellow device */
        { "[Interface]\nPrivateKey=" PRIVATE "\nAddress=10.0.0.2\n", FALSE },
    };
    g_autoptr(AditProfile) a = parse(first);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditProfile) b = parse(rows[i].text);

        g_assert_cmpint(adit_profile_is_same_device(a, b), ==, rows[i].same);
        g_assert_cmpint(adit_profile_is_same_device(b, a), ==, rows[i].same);
    }
}

#define BASE "[Interface]\nPrivateKey=" PRIVATE "\n"
#define ONE BASE "[Peer]\nPublicKey=" PEER_1 "\n"

/* Whatever differs, differs. */
static void
test_unequal(void)
{
    static const char *const rows[] = {
        BASE,
        "[Interface]\nPrivateKey=" PSK "\n",
        BASE "MTU=1420\n",
        BASE "ListenPort=1\n",
        BASE "FwMark=1\n",
        BASE "Table=off\n",
        BASE "Table=1\n",
        BASE "Table=2\n",
        BASE "SaveConfig=true\n",
        BASE "Address=10.0.0.1\n",
        BASE "Address=10.0.0.2\n",
        BASE "Address=10.0.0.1/24\n",
        BASE "Address=10.0.0.1,10.0.0.2\n",
        BASE "DNS=10.0.0.1\n",
        BASE "DNS=10.0.0.2\n",
        BASE "DNS=a\n",
        BASE "DNS=a,b\n",
        BASE "DNS=b,a\n",
        BASE "PreUp=a\n",
        BASE "PreUp=b\n",
        BASE "PostUp=a\n",
        BASE "PostUp=a\nPreUp=a\n",
        ONE,
        BASE "[Peer]\nPublicKey=" PEER_2 "\n",
        ONE "PresharedKey=" PSK "\n",
        ONE "Endpoint=a:1\n",
        ONE "Endpoint=a:2\n",
        ONE "PersistentKeepalive=1\n",
        ONE "AllowedIPs=10.0.0.0/8\n",
        ONE "AllowedIPs=10.0.0.0/8, 10.0.0.0/9\n",
        ONE "[Peer]\nPublicKey=" PEER_2 "\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditProfile) a = parse(rows[i]);

        for (guint j = 0; j < G_N_ELEMENTS(rows); j++) {
            g_autoptr(AditProfile) b = parse(rows[j]);

            g_assert_cmpint(adit_profile_equal(a, b), ==, i == j);
        }
    }
}

static void
test_line_of_hook_is_no_value(void)
{
    g_autoptr(AditProfile) a = parse(BASE "PreUp=a\n"), b = parse(BASE "\n\nPreUp=a\n");

    g_assert_true(adit_profile_equal(a, b));
    g_assert_cmpuint(b->hooks[0].line, ==, 5);
}

static void
test_long_hook(void)
{
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *command = g_strnfill(65536 + i, 'x');
        g_autofree char *text = g_strconcat(BASE, "PreUp=", command, NULL);
        g_autoptr(AditProfile) p = adit_profile_parse("x", text, strlen(text), &error);

        g_assert_cmpint(p != NULL, ==, i == 0);
        if (!p)
            g_assert_cmpstr(error->message, ==, "x:3: PreUp: command longer than 65536 bytes");
    }
}

/* 25,000 prefixes print on several lines, each within what a line may hold. */
static void
test_long_list(void)
{
    g_autoptr(GString) text = g_string_new(ONE "AllowedIPs=");
    g_autoptr(AditProfile) p = NULL;
    char *out;

    for (guint i = 0; i < 25000; i++)
        g_string_append_printf(text, "%s2001:db8:ffff:ffff:ffff:ffff:ffff:%x/128",
                               i % 1000 == 0 ? (i == 0 ? "" : "\nAllowedIPs=") : ",", i);
    p = parse(text->str);
    g_assert_cmpuint(p->peers[0].n_allowed, ==, 25000);
    out = adit_profile_to_string(p);
    assert_prints_itself(p, out);
    adit_key_string_free(out);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpuint(add_files(), >=, 40);
    g_test_add_func("/profile/fields", test_fields);
    g_test_add_func("/profile/carries", test_carries);
    g_test_add_func("/profile/same-device", test_same_device);
    g_test_add_func("/profile/unequal", test_unequal);
    g_test_add_func("/profile/line-of-hook-is-no-value", test_line_of_hook_is_no_value);
    g_test_add_func("/profile/long-hook", test_long_hook);
    g_test_add_func("/profile/long-list", test_long_list);
    return g_test_run();
}
