/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "networkd-hooks/adopted.h"
#include "networkd-hooks/hand.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PSK "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define NETDEV                                                                                 \
    "[NetDev]\nName=wg0\nKind=wireguard\nMTUBytes=1400\n[WireGuard]\nPrivateKey=" PRIVATE      \
    "\nListenPort=auto\n"
#define PEER                                                                                   \
    "[WireGuardPeer]\nPublicKey=" PUBLIC "\nAllowedIPs=10.9.0.0/24 fd09::/64\n"                \
    "AllowedIPs=0.0.0.0/0\nEndpoint=vps.example:51820\nPersistentKeepalive=25\n"
#define NETWORK                                                                                \
    "; by hand\n[Match]\nName=wg0\n[Network]\nAddress=10.9.0.2/24\nDNS=10.9.0.1 10.9.0.9\n"    \
    "Domains=~. "                                                                              \
    "~corp.example\n[Address]\nAddress=fd09::2/64\n[Route]\nDestination=0.0.0.0/0\n"

typedef struct {
    const char *name, *netdev, *network;
    const char *profile; /* or the error */
} Case;

static const Case cases[] = {
    { "whole", NETDEV PEER, NETWORK,
      "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.9.0.2/24, fd09::2/64\nDNS = "
      "10.9.0.1, 10.9.0.9, corp.example\nMTU = 1400\n\n[Peer]\nPublicKey = " PUBLIC
      "\nAllowedIPs = 10.9.0.0/24, fd09::/64, 0.0.0.0/0\nEndpoint = "
      "vps.example:51820\nPersistentKeepalive = 25\n" },
    { "key-files",
      "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/key\nListenPort=4000\n"
      "[WireGuardPeer]\nPublicKey=" PUBLIC "\nPresharedKeyFile=/psk\nAllowedIPs=10.9.0.0/24\n",
      "[Match]\nName=wg0\n[Network]\nAddress=10.8.0.2/24\nAddress=\nAddress=10.9.0.2/24\n",
      "[Interface]\nPrivateKey = " PRIVATE
      "\nAddress = 10.9.0.2/24\nListenPort = 4000\n\n[Peer]\nPublicKey = " PUBLIC
      "\nPresharedKey = " PSK "\nAllowedIPs = 10.9.0.0/24\n" },
    { "routes-of-its-own", NETDEV "RouteTable=main\n" PEER, NETWORK,
      "25-wg.netdev:8: RouteTable: adit has a routing table for each gateway: take it out" },
    { "routes-of-a-peer", NETDEV PEER "RouteTable=main\n", NETWORK,
      "25-wg.netdev:14: RouteTable: adit has a routing table for each gateway: take it out" },
    { "no-peer", NETDEV "RouteTable=off\n", NETWORK,
      "25-wg.netdev: it has no [WireGuardPeer]" },
    { "credential", "[WireGuard]\nPrivateKey=@network.wireguard.private.25-wg\n", NETWORK,
      "25-wg.netdev:2: PrivateKey: a key of systemd's credentials, which adit cannot read" },
    { "no-key-file", "[WireGuard]\nPrivateKeyFile=/gone\n", NETWORK, "/gone: no such file" },
    { "no-address", NETDEV PEER, "[Match]\nName=wg0\n",
      "25-wg.netdev: its .network has no Address=" },
    { "not-a-file", "nonsense\n", NETWORK, NULL },
};

static char *
key_file(const char *path, gpointer data, GError **error)
{
    if (g_str_equal(path, "/key"))
        return g_strdup(PRIVATE "\n");
    if (g_str_equal(path, "/psk"))
        return g_strdup(PSK "\n");
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such file", path);
    return NULL;
}

/* Without a table of its own and a mark, which only aditd's word gives it. */
static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile =
        adit_networkd_hand_read("25-wg.netdev", c->netdev, c->network, key_file, NULL, &error);
    g_autofree char *text = profile ? adit_profile_to_string(profile) : NULL;

    g_assert_true((profile == NULL) == (error != NULL));
    if (c->profile)
        g_assert_cmpstr(text ? text : error->message, ==, c->profile);
    else
        g_assert_nonnull(error);
}

static void
write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *
read_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

/* Ours beside them come and go; the files themselves stay as they were. */
static void
test_files(void)
{
    g_autofree char *top = g_dir_make_tmp("adit-hand-XXXXXX", NULL);
    g_autofree char *etc = g_build_filename(top, "etc", NULL);
    g_autofree char *lib = g_build_filename(top, "lib", NULL);
    const char *const folders[] = { etc, lib, NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetworkdHand) hand = NULL;
    g_autofree char *drop_in = NULL, *again = NULL;
    g_autofree char *netdev_d = g_build_filename(etc, "25-wg.netdev.d", NULL);
    g_autofree char *network = g_build_filename(etc, "00-adit-wg0.network", NULL);
    AditNetworkdGateway gateway = { .link = "wg0", .slot = 3 };

    g_assert_cmpint(g_mkdir(etc, 0755), ==, 0);
    g_assert_cmpint(g_mkdir(lib, 0755), ==, 0);
    write_file(lib, "25-wg.netdev", NETDEV PEER);
    g_assert_null(adit_networkd_hand_find(folders, "wg0", &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_clear_error(&error);
    write_file(etc, "30-wg.network", NETWORK);
    write_file(etc, "60-adit-home.netdev", "[NetDev]\nName=home\nKind=wireguard\n");
    g_assert_null(adit_networkd_hand_find(folders, "home", &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_clear_error(&error);

    hand = adit_networkd_hand_find(folders, "25-wg.netdev", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hand->link, ==, "wg0");
    g_assert_cmpstr(hand->network, ==, "30-wg.network");
    g_assert_true(g_str_has_suffix(hand->path, "/lib/25-wg.netdev"));
    gateway.profile = hand->profile;
    g_assert_true(adit_networkd_adopted_write(etc, hand, &gateway, FALSE, getgid(), &error));
    g_assert_no_error(error);
    drop_in = read_file(etc, "00-adit-wg0.network");
    g_assert_nonnull(strstr(drop_in, "\nRequiredForOnline=no\nActivationPolicy=always-down\n"));
    g_assert_nonnull(strstr(drop_in, "\n[Match]\nName=wg0\n"));
    g_assert_nonnull(strstr(drop_in, "\nTable=20103\n"));
    g_assert_null(strstr(drop_in, PRIVATE));
    g_clear_pointer(&drop_in, g_free);
    drop_in = read_file(netdev_d, ADIT_NETWORKD_DROP_IN);
    g_assert_nonnull(strstr(drop_in, "[WireGuard]\nFirewallMark=0x3f000000\n"));

    g_assert_true(adit_networkd_adopted_remove(etc, "wg1", &error));
    g_assert_true(g_file_test(network, G_FILE_TEST_EXISTS));
    write_file(netdev_d, "50-mine.conf", "[NetDev]\nMTUBytes=1300\n");
    g_assert_true(adit_networkd_adopted_remove(etc, "wg0", &error));
    g_assert_false(g_file_test(network, G_FILE_TEST_EXISTS));
    g_clear_pointer(&hand, adit_networkd_hand_free);
    hand = adit_networkd_hand_find(folders, "wg0", &error);
    g_assert_cmpuint(hand->profile->mtu, ==, 1300); /* an admin's drop-in counts, and stays */
    again = read_file(lib, "25-wg.netdev");
    g_assert_cmpstr(again, ==, NETDEV PEER);
    adit_networkd_adopted_remove(etc, "wg0", NULL);
    {
        const char *argv[] = { "rm", "-rf", top, NULL };

        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                     NULL, NULL);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/networkd/hand/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/networkd/hand/files", test_files);
    return g_test_run();
}
