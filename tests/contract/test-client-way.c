/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/pcp-site.h"

#include <net/if.h>

/* The way to the server goes, comes back, or is another. */

/* The device comes back with another number before the grace is over: nothing was lost. */
static void
test_device(void)
{
    PcpSite site;
    const AditMapping *mapping = pcp_site_begin(&site, AF_INET6);
    const guint before = if_nametoindex("c0");

    pcp_site_pull();
    pcp_site_wait_way(&site, FALSE);
    g_assert_nonnull(adit_client_get_error(site.client));
    pcp_site_replug(&site);
    g_assert_cmpuint(if_nametoindex("c0"), !=, before);
    pcp_site_wait_way(&site, TRUE);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_LOST), ==, 0);
    adit_client_drop(site.client, mapping, pcp_site_now(&site));
    pcp_site_hear(&site, 2);
    pcp_site_tear_down(&site);
}

static void
test_grace(void)
{
    PcpSite site;
    const AditMapping *mapping = pcp_site_begin(&site, AF_INET);

    pcp_site_pull();
    pcp_site_wait_way(&site, FALSE);
    pcp_site_quiet(&site);
    site.leap += ADIT_CLIENT_GRACE_MS;
    pcp_site_turn(&site, 100);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_LOST), ==, 1);
    g_assert_cmpint(mapping->reason, ==, ADIT_MAPPING_MOVED);
    g_assert_cmpint(adit_client_deadline(site.client), ==, ADIT_NEVER);
    pcp_site_quiet(&site);

    pcp_site_replug(&site);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpmem(pcp_site_request(&site, 0)->body.nonce, 12,
                    pcp_site_request(&site, 1)->body.nonce, 12);
    pcp_site_tear_down(&site);
}

/* C13, with nobody to tell us of the change. */
static void
test_address(void)
{
    PcpSite site;
    const AditMapping *mapping = pcp_site_begin(&site, AF_INET);
    AditAddr own;

    pcp_site_do(FALSE, "addr add 10.59.0.3/24 dev c0");
    pcp_site_do(FALSE, "addr del 10.59.0.2/24 dev c0"); /* its secondaries go along */
    pcp_site_do(FALSE, "addr replace 10.59.0.3/24 dev c0");
    pcp_site_hear(&site, 2);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    own = adit_client_get_own(site.client);
    g_assert_cmpint(adit_addr_cmp(&pcp_site_request(&site, 1)->client, &own), ==, 0);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_LOST), ==, 1);
    pcp_site_tear_down(&site);
}

/* Told of it, before the address is there. */
static void
test_move(void)
{
    PcpSite site;
    const AditMapping *mapping = pcp_site_begin(&site, AF_INET6);
    AditAddr own;

    g_assert_true(adit_addr_parse("fd59::3", &own, NULL));
    adit_client_move(site.client, &own, pcp_site_now(&site));
    g_assert_false(pcp_site_has_way(&site));
    pcp_site_do(FALSE, "addr add fd59::3/64 dev c0 nodad");
    pcp_site_hear(&site, 2);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpint(adit_addr_cmp(&pcp_site_request(&site, 1)->client, &own), ==, 0);
    pcp_site_tear_down(&site);
}

static void
test_late_device(void)
{
    const AditMapping *mapping;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_pull();
    pcp_site_open(&site, "c0", "10.59.0.2");
    mapping = pcp_site_add(&site, 443);
    pcp_site_quiet(&site);
    pcp_site_replug(&site);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    pcp_site_tear_down(&site);
}

/* The way comes after device and address, as a network manager makes them. */
static void
test_late_way(void)
{
    const AditMapping *mapping;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET6);
    pcp_site_serve(&site);
    pcp_site_do(FALSE, "-6 route del fd59::/64 dev c0");
    pcp_site_open(&site, "c0", "fd59::2");
    mapping = pcp_site_add(&site, 443);
    pcp_site_quiet(&site);
    g_assert_false(pcp_site_has_way(&site));
    pcp_site_do(FALSE, "-6 route add fd59::1/128 dev c0");
    pcp_site_turn(&site, 1000);
    g_assert_true(pcp_site_has_way(&site)); /* at once, not when a timer is due */
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    pcp_site_tear_down(&site);
}

int
main(int argc, char **argv)
{
    static const PcpSiteTest tests[] = {
        { "/client/device", test_device },           { "/client/grace", test_grace },
        { "/client/late-device", test_late_device }, { "/client/late-way", test_late_way },
        { "/client/C13-address", test_address },     { "/client/C13-move", test_move },
    };

    return pcp_site_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
