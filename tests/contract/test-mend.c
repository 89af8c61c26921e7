/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/reconcile.h"
#include "libadit/sys/sysctl.h"
#include "libadit/sys/wgdev-front.h"
#include "policy-routing/mend.h"
#include "policy-routing/tunnel.h"
#include "tests/contract/netns.h"
#include "tests/contract/wgdev-fixture.h"

#include <string.h>

/* A tunnel's link that somebody else has made, and that others take addresses from. */

#define LINK "home"
#define OFF "net/ipv6/conf/" LINK "/disable_ipv6"
#define OWN4 "10.59.0.2/24"
#define OWN6 "2001:db8::2/128"
#define PROFILE                                                                                \
    "[Interface]\n"                                                                            \
    "PrivateKey = AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"                              \
    "Address = " OWN4 ", " OWN6 "\n"                                                           \
    "[Peer]\n"                                                                                 \
    "PublicKey = AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n"                               \
    "PresharedKey = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n"                            \
    "AllowedIPs = 10.59.0.0/24\n"

static const AditSockAddr nowhere[1];

typedef struct {
    AditWgdev *wg;
    AditKernel *kernel;
    AditProfile *profile;
    AditBackendGateway gateway;
} Site;

static void
set_up(Site *site, const WgdevKind *kind)
{
    const char *const links[] = { LINK, NULL };
    const AditScope scope = { .kinds = ADIT_KINDS_ALL, .links = links };
    g_autoptr(AditState) want = adit_state_new();
    g_autoptr(GError) error = NULL;

    site->wg = wgdev_open(kind);
    site->kernel = adit_kernel_open(&error);
    adit_wgdev_join(site->wg, site->kernel);
    site->profile = adit_profile_parse("in", PROFILE, strlen(PROFILE), &error);
    g_assert_no_error(error);
    site->gateway = (AditBackendGateway){
        .name = LINK, .slot = 1, .up = TRUE, .profile = site->profile, .endpoints = nowhere
    };
    adit_tunnel_plan(want, LINK, site->profile, nowhere, site->gateway.selected);
    want = adit_state_seal(g_steal_pointer(&want));
    adit_reconcile(site->kernel, want, &scope, NULL, &error);
    g_assert_no_error(error);
}

static void
tear_down(Site *site)
{
    wgdev_destroy(site->wg, LINK);
    adit_profile_free(site->profile);
    adit_kernel_free(site->kernel);
    adit_wgdev_free(site->wg);
}

/* Its global addresses, and what else the kernel says of them. */
static char *
addresses(void)
{
    return test_netns_ip("-o address show scope global dev " LINK);
}

static void
assert_has(const char *wanted, gboolean has)
{
    g_autofree char *text = addresses();

    g_assert_cmpint(strstr(text, wanted) != NULL, ==, has);
}

static void
mended(gboolean (*mend)(AditKernel *, const AditBackendGateway *, GError **), const Site *site)
{
    g_autoptr(GError) error = NULL;

    mend(site->kernel, &site->gateway, &error);
    g_assert_no_error(error);
}

static void
test_lost(const WgdevKind *kind)
{
    static const struct {
        const char *taken, *left;
        const char *words;
    } rows[] = {
        { OWN4, OWN6, "-4 address flush dev " LINK },
        { OWN6, OWN4, "-6 address flush dev " LINK },
    };
    Site site;

    set_up(&site, kind);
    g_assert_false(adit_mend_is_lost(site.kernel, &site.gateway));
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        test_netns_do(rows[i].words);
        g_assert_true(adit_mend_is_lost(site.kernel, &site.gateway));
        mended(adit_mend, &site); /* which addresses there are is its manager's word */
        assert_has(rows[i].taken, FALSE);
        mended(adit_mend_whole, &site);
        g_assert_false(adit_mend_is_lost(site.kernel, &site.gateway));
        assert_has(rows[i].taken, TRUE);
        assert_has(rows[i].left, TRUE);
    }
    assert_has("deprecated", TRUE);
    site.gateway.selected[1] = TRUE;
    test_netns_do(rows[1].words);
    mended(adit_mend_whole, &site);
    assert_has(OWN6, TRUE);
    assert_has("deprecated", FALSE);
    tear_down(&site);
}

/* Nobody can put back what the kernel does not take. */
static void
test_off(const WgdevKind *kind)
{
    g_autoptr(GError) error = NULL;
    Site site;

    set_up(&site, kind);
    adit_sysctl_write(OFF, "1", &error);
    g_assert_no_error(error);
    g_assert_false(adit_mend_is_lost(site.kernel, &site.gateway));
    mended(adit_mend_whole, &site);
    assert_has(OWN6, FALSE);
    assert_has(OWN4, TRUE);
    adit_sysctl_write(OFF, "0", &error);
    g_assert_no_error(error);
    g_assert_true(adit_mend_is_lost(site.kernel, &site.gateway));
    mended(adit_mend_whole, &site);
    assert_has(OWN6, TRUE);
    tear_down(&site);
}

static gboolean
is_up(void)
{
    g_autofree char *text = test_netns_ip("-o link show up dev " LINK);

    return *text != '\0';
}

/* Set down by hand: all of it is back, and nothing else is touched before its manager was
 * asked. */
static void
test_down(const WgdevKind *kind)
{
    Site site;

    set_up(&site, kind);
    test_netns_do("link set " LINK " mtu 1400");
    test_netns_do("link set " LINK " down");
    g_assert_true(adit_mend_is_lost(site.kernel, &site.gateway));
    mended(adit_mend, &site);
    g_assert_false(is_up());
    mended(adit_mend_whole, &site);
    g_assert_true(is_up());
    g_assert_false(adit_mend_is_lost(site.kernel, &site.gateway));
    assert_has(OWN4, TRUE);
    assert_has(OWN6, TRUE);
    {
        g_autofree char *text = test_netns_ip("-o link show dev " LINK);

        g_assert_nonnull(strstr(text, "mtu 1400")); /* a manager's word */
    }
    tear_down(&site);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!wgdev_enter(&why))
        return test_netns_skip(why);
    wgdev_add_test("lost", test_lost);
    wgdev_add_test("off", test_off);
    wgdev_add_test("down", test_down);
    return g_test_run();
}
