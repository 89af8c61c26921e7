/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"
#include "tests/contract/pcp-site.h"

#include <string.h>

static const AditPcpRequest *
request(const PcpSite *site, guint i)
{
    return &g_array_index(site->server.requests, AditPcpRequest, i);
}

/* From the wish to its end, with a renewal in between, from the tunnel's address. */
static void
life(guint8 family)
{
    const AditAddr own = pcp_site_client_addr(family);
    const AditMapping *mapping;
    PcpSite site;

    pcp_site_set_up(&site, family);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    mapping = pcp_site_add(&site, 443);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_GRANTED), ==, 1);
    g_assert_cmpint(adit_addr_cmp(&request(&site, 0)->client, &own), ==, 0);
    site.leap += 5 * 7200 * 1000 / 8;
    pcp_site_hear(&site, 2);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_RENEWED), ==, 1);
    adit_client_drop(site.client, mapping, pcp_site_now(&site));
    pcp_site_reach(&site, mapping, ADIT_MAPPING_IDLE);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_DELETED), ==, 1);
    g_assert_cmpuint(request(&site, 2)->lifetime, ==, 0);
    pcp_site_tear_down(&site);
}

static void
test_life(void)
{
    life(AF_INET);
    life(AF_INET6);
}

/* C14: a restarted server says so, to everybody or to us alone. */
static void
notice(guint8 family, gboolean group)
{
    const AditMapping *mapping;
    PcpSite site;

    pcp_site_set_up(&site, family);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    mapping = pcp_site_add(&site, 443);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    pcp_site_announce(&site, 0, group);
    site.leap += 5000; /* the pause in which not all ask at once */
    pcp_site_hear(&site, 2);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_LOST), ==, 1);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_GRANTED), ==, 2);
    pcp_site_tear_down(&site);
}

static void
test_notice(void)
{
    notice(AF_INET, FALSE);
    notice(AF_INET, TRUE);
    notice(AF_INET6, FALSE);
    notice(AF_INET6, TRUE);
}

/* The nonce is on the disk before the server hears it, so that no crash can lose it. */
static void
test_crash(void)
{
    guint8 nonce[ADIT_PCP_NONCE];
    g_autofree char *kept = NULL;
    const AditMapping *mapping;
    PcpSite site;
    gsize len;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    site.server.mute = TRUE;
    mapping = pcp_site_add(&site, 443);
    pcp_site_hear(&site, 1);
    memcpy(nonce, mapping->nonce, sizeof(nonce));
    g_assert_true(g_file_get_contents(site.state, &kept, &len, NULL));
    adit_client_free(site.client);
    g_assert_true(g_file_set_contents(site.state, kept, len, NULL));

    site.server.mute = FALSE;
    pcp_site_open(&site, "c0", NULL);
    mapping = pcp_site_add(&site, 443);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpmem(request(&site, 1)->body.nonce, 12, nonce, 12);
    pcp_site_tear_down(&site);
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!pcp_site_build())
        return test_netns_skip("network namespace: not to be had");
    g_test_add_func("/client/life", test_life);
    g_test_add_func("/client/C14-notice", test_notice);
    g_test_add_func("/client/C1-crash", test_crash);
    status = g_test_run();
    pcp_site_demolish();
    return status;
}
