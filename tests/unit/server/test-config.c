/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/config.h"

#include <string.h>
#include <sys/socket.h>

#define HEAD "[Server]\nPrivateKey = " PRIVATE "\n"
#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC_1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define PUBLIC_2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define HOME "[Subnet]\nName = home\nNetwork = 10.59.0.0/24\nIPv6 = 2a11:1:2::/64\n"
#define NAS                                                                                    \
    "[Device]\nName = nas\nSubnet = home\nAddress = 10.59.0.2\nPublicKey = " PUBLIC_1 "\n"

static AditModel *
parse(const char *text, GError **error)
{
    return adit_config_parse("net.conf", text, strlen(text), error);
}

static void
assert_addr(const AditAddr *addr, const char *expected)
{
    g_autofree char *text = adit_addr_to_string(addr);

    g_assert_cmpstr(text, ==, expected);
}

static void
test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditModel) model =
        parse(HEAD HOME NAS "[Forward]\nExternal = 443-445\nProtocol = both\nDevice = nas\n"
                            "Port = 8443\nAllowFrom = 192.0.2.0/24, 198.51.100.7\n"
                            "[Pinhole]\nPort = 443\nDevice = nas\nEnabled = no\n",
              &error);

    g_assert_no_error(error);
    g_assert_cmpuint(model->listen_port, ==, 51820);
    assert_addr(&adit_model_subnet(model, 0)->server4, "10.59.0.1");
    assert_addr(&adit_model_subnet(model, 0)->server6, "2a11:1:2::a3b:1");
    assert_addr(&adit_model_device(model, 0)->addr6, "2a11:1:2::a3b:2");
    g_assert_cmpuint(adit_model_publish(model, 0)->first, ==, 443);
    g_assert_cmpuint(adit_model_publish(model, 0)->last, ==, 445);
    g_assert_cmpuint(adit_model_publish(model, 0)->internal, ==, 8443);
    g_assert_cmpint(adit_model_publish(model, 0)->proto, ==, ADIT_PROTO_BOTH);
    g_assert_cmpuint(adit_model_publish(model, 0)->n_allow_from, ==, 2);
    g_assert_cmpint(adit_model_publish(model, 1)->family, ==, AF_INET6);
    g_assert_cmpuint(adit_model_publish(model, 1)->internal, ==, 443);
    g_assert_false(adit_model_publish(model, 1)->enabled);
}

static void
test_bad(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        { "", "net.conf: [Server]: missing" },
        { "[Router]\n", "net.conf:1: [Router]: unknown section" },
        { "[Server]\nPrivatKey = x\n", "net.conf:2: PrivatKey: unknown key in [Server]" },
        { "[Server]\nMTU = 1400\n", "net.conf:1: [Server]: PrivateKey is missing" },
        { HEAD "MTU = 1400\nMTU = 1400\n", "net.conf:4: MTU: given twice in [Server]" },
        { HEAD "Wan = eth0\n" HEAD "Wan = eth1\n", "net.conf:4: [Server]: given twice" },
        { HEAD "MTU = 100\n", "net.conf:3: MTU: not a number from 1280 to 65535" },
        { HEAD "[Subnet]\nName = home\nNetwork = 11.0.0.0/24\n",
          "net.conf:5: Network: not a private IPv4 network of /8 to /30" },
        { HEAD "[Subnet]\nName = -x\n",
          "net.conf:4: Name: not a name (letters, digits, '-', '_', "
          "'.'; at most 63)" },
        { HEAD "[Subnet]\nName = x\nNetwork = 10.0.0.0/24\nIPv6 = fd00::/64\n",
          "net.conf:6: IPv6: not a public IPv6 prefix of /16 to /124" },
        { HEAD NAS, "net.conf:5: Subnet: no such subnet above" },
        { HEAD HOME "IPv6Auto = maybe\n", "net.conf:7: IPv6Auto: neither yes nor no" },
        { HEAD HOME NAS "InvitedUntil = soon\n",
          "net.conf:12: InvitedUntil: not a number from 1 to 9223372036854775807" },
        { HEAD HOME NAS
          "[Device]\nName = two\nSubnet = home\nAddress = 10.59.0.2\nPublicKey = " PUBLIC_2
          "\n",
          "net.conf: two: 10.59.0.2: held by nas" },
        { HEAD HOME NAS
          "[Device]\nName = two\nSubnet = home\nAddress = 10.59.0.3\nPublicKey = " PUBLIC_1
          "\n",
          "net.conf: two: " PUBLIC_1 ": held by nas" },
        { HEAD HOME NAS
          "[Device]\nName = two\nSubnet = home\nAddress = 10.60.0.3\nPublicKey = " PUBLIC_2
          "\n",
          "net.conf: two: address 10.60.0.3: outside 10.59.0.0/24 of home" },
        { HEAD HOME NAS
          "[Device]\nName = two\nSubnet = home\nAddress = 10.59.0.1\nPublicKey = " PUBLIC_2
          "\n",
          "net.conf: two: 10.59.0.1: held by home" },
        { HEAD HOME NAS
          "[Forward]\nExternal = 443\nDevice = nas\n[Forward]\nExternal = 440-450\n"
          "Device = nas\n",
          "net.conf: nas: port 443/tcp: held by nas" },
        { HEAD HOME NAS "[Forward]\nExternal = 450-440\nDevice = nas\n",
          "net.conf:13: External: the range ends before it begins" },
        { HEAD HOME NAS "[Forward]\nExternal = 1-1000\nDevice = nas\nPort = 65000\n",
          "net.conf: port 1: the range passes 65535 on the device" },
        { HEAD HOME NAS "[Pinhole]\nPort = 0\nDevice = nas\n",
          "net.conf:13: Port: not a number from 1 to 65535" },
        { HEAD HOME NAS "[Pinhole]\nPort = 1\nDevice = nes\n",
          "net.conf:14: Device: no such device above" },
        { HEAD "[Subnet]\nName = v4\nNetwork = 10.1.0.0/24\n[Device]\nName = d\nSubnet = v4\n"
               "Address = 10.1.0.2\nPublicKey = " PUBLIC_1
               "\n[Pinhole]\nPort = 1\nDevice = d\n",
          "net.conf: d: pinhole 1: its subnet has no IPv6 prefix" },
        { HEAD HOME "[Subnet]\nName = b\nNetwork = 10.59.0.0/16\n",
          "net.conf: b: network overlaps that of home" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(rows[i].text, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

/* A small block: the GUA is clamped to the host bits, so two devices can want the same one. */
static void
test_small_block(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditModel) model = parse(
        HEAD "[Subnet]\nName = s\nNetwork = 10.59.0.0/24\nIPv6 = 2a11:1:2::40/124\n"
             "[Device]\nName = a\nSubnet = s\nAddress = 10.59.0.2\nPublicKey = " PUBLIC_1 "\n"
             "[Device]\nName = b\nSubnet = s\nAddress = 10.59.0.18\nPublicKey = " PUBLIC_2 "\n",
        &error);

    g_assert_null(model);
    g_assert_cmpstr(error->message, ==, "net.conf: b: 2a11:1:2::42: held by a");
}

/* What is printed reads back as the same, to the last byte; and differs in nothing. */
static void
test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditModel) model = parse(
        HEAD "Endpoint = vpn.example:443\nWan = eth0\nMTU = 1300\nListenPort = 51821\n" HOME
             "IPv6Auto = yes\nWan = 203.0.113.7\nDNS = 10.59.0.1, 2a11:1:2::53\n" NAS
             "PresharedKey = " PUBLIC_2
             "\nKind = client\nPublish = no\nInvitedUntil = 1900000000\n"
             "Routes = 10.7.0.0/16, 2001:db8::/32\n"
             "[Forward]\nExternal = 203.0.113.9:443-445\nProtocol = both\nDevice = nas\n"
             "Port = 8443\nLabel = a label = b\nAllowFrom = 192.0.2.0/24, 198.51.100.7\n"
             "[Pinhole]\nPort = 443\nDevice = nas\nInternal = 80\nEnabled = no\n",
        &error);
    g_autoptr(AditModel) again = NULL;
    g_autoptr(AditModel) copy = NULL;
    g_autofree char *text = NULL;
    g_autofree char *text_again = NULL;
    g_autofree char *difference = NULL;

    g_assert_no_error(error);
    text = adit_config_to_string(model);
    again = parse(text, &error);
    g_assert_no_error(error);
    g_assert_true(adit_model_subnet(again, 0)->auto6);
    g_assert_cmpint(adit_model_device(again, 0)->invite_until, ==, 1900000000);
    text_again = adit_config_to_string(again);
    g_assert_cmpstr(text_again, ==, text);
    copy = adit_model_copy(again);
    difference = adit_config_difference(model, copy);
    g_assert_cmpstr(difference, ==, "");
}

static void
test_difference(void)
{
    g_autoptr(AditModel) now = parse(HEAD HOME NAS, NULL);
    g_autoptr(AditModel) keyed = parse(HEAD HOME NAS "PresharedKey = " PUBLIC_2 "\n", NULL);
    g_autofree char *secret = adit_config_difference(now, keyed);
    g_autoptr(AditModel) next =
        parse(HEAD HOME NAS "[Forward]\nExternal = 80\nDevice = nas\n", NULL);
    g_autofree char *text = adit_config_difference(now, next);

    g_assert_cmpstr(text, ==,
                    "+ forward External 80 Protocol tcp Device nas Port 80 Enabled yes\n");
    g_assert_nonnull(strstr(secret, "PresharedKey (hidden, "));
    g_assert_null(strstr(secret, PUBLIC_2));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/good", test_good);
    g_test_add_func("/config/bad", test_bad);
    g_test_add_func("/config/small-block", test_small_block);
    g_test_add_func("/config/round-trip", test_round_trip);
    g_test_add_func("/config/difference", test_difference);
    return g_test_run();
}
