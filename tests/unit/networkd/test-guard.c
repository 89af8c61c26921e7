/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/guard-network.h"
#include "networkd-hooks/hand.h"
#include "networkd-hooks/keeper.h"
#include "policy-routing/plan.h"
#include "tests/golden.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>

#define PROFILE                                                                                \
    "[Interface]\nPrivateKey = cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw=\n"                 \
    "Address = 10.59.0.2/32, 2001:db8:1::a3b:2/128\n"                                          \
    "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"                       \
    "AllowedIPs = 10.59.0.1/32, 2001:db8:1::a3b:1/128, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, " \
    "2000::/3\nEndpoint = 192.0.2.1:51820\n"

static AditState *
plan(gboolean selected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("x", PROFILE, strlen(PROFILE), &error);
    g_autoptr(AditGateway) gateway = adit_gateway_from_profile("home", 1, "home", profile);
    const AditGateway *gateways[] = { gateway };
    const AditFacts facts = { 0 };
    const AditPolicy policy = { 0 };
    AditState *want;

    g_assert_no_error(error);
    gateway->selected[0] = gateway->selected[1] = selected;
    want = adit_plan(gateways, 1, &facts, &policy, &error);
    g_assert_no_error(error);
    return adit_state_seal(want);
}

static guint
count(const char *text, const char *word)
{
    guint n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* Every rule and every blackhole of the guard, once, under a number that is not aditd's; but
 * not those of a socket that is bound to the link, which cannot leak. */
static void
test_sections(void)
{
    g_autoptr(AditState) want = plan(TRUE);
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autofree char *sections = adit_networkd_guard_sections(want);
    g_autofree char *file = adit_networkd_guard_file(sections, FALSE);
    g_autofree char *drop_in = adit_networkd_guard_file(NULL, TRUE);

    golden_check("networkd/guard.network", file);
    g_assert_cmpuint(count(sections, "[RoutingPolicyRule]"), ==,
                     adit_state_len(want, ADIT_KIND_RULE) - 2);
    g_assert_null(strstr(sections, "OutgoingInterface="));
    g_assert_cmpuint(count(sections, "Type=blackhole\nDestination="), ==, 2);
    g_assert_true(g_str_has_suffix(drop_in, "\n[Network]\nKeepConfiguration=yes\n"));
    g_assert_null(adit_networkd_guard_sections(nothing));
}

static void
test_is_of_lo(void)
{
    g_assert_true(adit_networkd_hand_is_of_lo("; mine\n[Match]\nName=eth0 lo\n"));
    g_assert_true(adit_networkd_hand_is_of_lo("[Match]\nName=l*\n"));
    g_assert_true(adit_networkd_hand_is_of_lo("[Match]\nType=loopback\n"));
    g_assert_false(adit_networkd_hand_is_of_lo("[Match]\nName=lo0\n[Network]\nName=lo\n"));
    g_assert_false(adit_networkd_hand_is_of_lo("nonsense"));
}

static gboolean
is_there(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Comes, moves beside the admin's file, goes; of the admin's nothing is touched. */
static void
test_keeper(void)
{
    g_autofree char *top = g_dir_make_tmp("adit-keeper-XXXXXX", NULL);
    const char *const folders[] = { top, NULL };
    AditNetworkdKeeper *keeper = adit_networkd_keeper_new(folders);
    g_autoptr(AditState) want = plan(TRUE);
    g_autoptr(AditState) other = plan(FALSE);
    g_autofree char *theirs = g_build_filename(top, "10-lo.network", NULL);
    g_autofree char *path = g_build_filename(top, ADIT_NETWORKD_LO, NULL);
    g_autofree char *text = NULL, *after = NULL;

    adit_networkd_keeper_set(keeper, NULL, NULL);
    g_assert_false(is_there(top, ADIT_NETWORKD_LO));
    adit_networkd_keeper_set(keeper, NULL, want);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "Priority=20091\n"));
    adit_networkd_keeper_set(keeper, NULL, other);
    g_assert_true(g_file_get_contents(path, &after, NULL, NULL));
    g_assert_null(strstr(after, "Priority=20091\n"));
    g_unlink(path); /* by a stranger */
    adit_networkd_keeper_set(keeper, NULL, other);
    g_assert_true(is_there(top, ADIT_NETWORKD_LO));

    g_assert_true(g_file_set_contents(theirs, "[Match]\nName=lo\n", -1, NULL));
    adit_networkd_keeper_set(keeper, NULL, want);
    g_assert_false(is_there(top, ADIT_NETWORKD_LO));
    g_assert_true(is_there(top, "10-lo.network.d/90-adit.conf"));
    adit_networkd_keeper_set(keeper, NULL, NULL);
    g_assert_false(is_there(top, "10-lo.network.d"));
    g_assert_true(is_there(top, "10-lo.network"));
    adit_networkd_keeper_free(keeper);
    g_unlink(theirs);
    g_assert_cmpint(g_rmdir(top), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/networkd/guard/sections", test_sections);
    g_test_add_func("/networkd/guard/is-of-lo", test_is_of_lo);
    g_test_add_func("/networkd/guard/keeper", test_keeper);
    return g_test_run();
}
