/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/pcp-site.h"

#include <string.h>

/* What is no longer wanted: told to the server, or kept until it can be. */

static void
add_some(PcpSite *site, const AditMapping **ret, guint n)
{
    for (guint i = 0; i < n; i++)
        ret[i] = pcp_site_add(site, 1000 + i);
    for (guint i = 0; i < n; i++)
        pcp_site_reach(site, ret[i], ADIT_MAPPING_GRANTED);
}

static void
wait_drained(PcpSite *site)
{
    for (guint i = 0; i < 100 && !adit_client_is_drained(site->client); i++)
        pcp_site_turn(site, 100);
    g_assert_true(adit_client_is_drained(site->client));
    g_assert_false(g_file_test(site->state, G_FILE_TEST_EXISTS));
}

/* C12: an orderly removal leaves nothing at the server, and nothing on the disk; a dead server
 * holds it up for a bounded time only. */
static void
test_drain(void)
{
    const AditMapping *mappings[3];
    PcpSite site;

    for (guint dead = 0; dead < 2; dead++) {
        pcp_site_begin(&site, AF_INET);
        add_some(&site, mappings, G_N_ELEMENTS(mappings));
        g_assert_true(g_file_test(site.state, G_FILE_TEST_EXISTS));
        site.server.mute = dead;
        adit_client_drain(site.client, pcp_site_now(&site));
        pcp_site_hear(&site, 8);
        for (guint i = 4; i < 8; i++)
            g_assert_cmpuint(pcp_site_request(&site, i)->lifetime, ==, 0);
        site.leap += dead ? ADIT_MAPPING_DELETE_MS : 0;
        wait_drained(&site);
        g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_DELETED), ==, 4);
        pcp_site_tear_down(&site);
    }
}

/* More of them than the rate lets out at once: each is told all the same. */
static void
test_drain_many(void)
{
    const AditMapping *mappings[200];
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(mappings); i++)
        mappings[i] = pcp_site_add(&site, 1000 + i);
    while (site.server.requests->len < G_N_ELEMENTS(mappings)) {
        pcp_site_leap(&site);
        pcp_site_turn(&site, 10);
    }
    adit_client_drain(site.client, pcp_site_now(&site));
    for (guint i = 0; i < 5000 && !adit_client_is_drained(site.client); i++) {
        if (adit_client_get_counts(site.client).pool.answers == site.server.requests->len)
            pcp_site_leap(&site);
        pcp_site_turn(&site, 10);
    }
    wait_drained(&site);
    g_assert_cmpuint(site.server.requests->len, >=, 2 * G_N_ELEMENTS(mappings));
    pcp_site_tear_down(&site);
}

/* Dropped while there is no way: over at once for its owner, and told to the server later; what
 * is drained is not waited for. */
static void
test_drop_away(void)
{
    for (guint drain = 0; drain < 2; drain++) {
        PcpSite site;
        const AditMapping *mapping = pcp_site_begin(&site, AF_INET6);

        adit_client_sweep(site.client, pcp_site_now(&site));
        pcp_site_pull();
        pcp_site_wait_way(&site, FALSE);
        site.leap += ADIT_CLIENT_GRACE_MS;
        pcp_site_turn(&site, 100);
        if (drain)
            adit_client_drain(site.client, pcp_site_now(&site));
        else
            adit_client_drop(site.client, mapping, pcp_site_now(&site));
        adit_client_dispatch(site.client, pcp_site_now(&site));
        pcp_site_quiet(&site);
        g_assert_cmpint(g_file_test(site.state, G_FILE_TEST_EXISTS), ==, !drain);
        pcp_site_replug(&site);
        if (drain)
            wait_drained(&site);
        else
            pcp_site_hear(&site, 2);
        if (!drain)
            g_assert_cmpmem(pcp_site_request(&site, 0)->body.nonce, 12,
                            pcp_site_request(&site, 1)->body.nonce, 12);
        wait_drained(&site);
        pcp_site_tear_down(&site);
    }
}

/* A server that does not hear of it is told again, by the next process too, and with the nonce
 * that it knows; what is wanted again meanwhile is renewed. */
static void
test_drop_unheard(void)
{
    for (guint i = 0; i < 3; i++) {
        PcpSite site;
        const AditMapping *mapping = pcp_site_begin(&site, AF_INET);
        guint heard;

        site.server.mute = TRUE;
        adit_client_drop(site.client, mapping, pcp_site_now(&site));
        pcp_site_hear(&site, 2);
        site.leap += ADIT_MAPPING_DELETE_MS;
        while (pcp_site_count(&site, ADIT_MAPPING_NEWS_DELETED) == 0)
            pcp_site_turn(&site, 100);
        pcp_site_quiet(&site);
        g_assert_true(g_file_test(site.state, G_FILE_TEST_EXISTS));
        heard = site.server.requests->len;
        site.server.mute = FALSE;
        if (i == 1) {
            adit_client_free(site.client);
            pcp_site_open(&site, "c0", NULL);
        }
        if (i == 2)
            pcp_site_reach(&site, pcp_site_add(&site, 443), ADIT_MAPPING_GRANTED);
        else
            pcp_site_leap(&site);
        pcp_site_hear(&site, heard + 1);
        g_assert_cmpmem(pcp_site_request(&site, 0)->body.nonce, 12,
                        pcp_site_request(&site, heard)->body.nonce, 12);
        g_assert_cmpint(pcp_site_request(&site, heard)->lifetime != 0, ==, i == 2);
        if (i != 2)
            wait_drained(&site);
        g_assert_cmpint(g_file_test(site.state, G_FILE_TEST_EXISTS), ==, i == 2);
        pcp_site_tear_down(&site);
    }
}

/* What is no longer wanted after a restart is deleted, with the nonce it was asked with. */
static void
test_sweep(void)
{
    const AditMapping *mappings[2];
    guint8 nonce[ADIT_PCP_NONCE];
    guint events;
    PcpSite site;

    pcp_site_begin(&site, AF_INET);
    add_some(&site, mappings, G_N_ELEMENTS(mappings));
    memcpy(nonce, mappings[0]->nonce, sizeof(nonce));
    adit_client_free(site.client);

    pcp_site_open(&site, "c0", NULL);
    pcp_site_reach(&site, pcp_site_add(&site, 443), ADIT_MAPPING_GRANTED);
    pcp_site_reach(&site, pcp_site_add(&site, 1001), ADIT_MAPPING_GRANTED);
    events = site.events->len;
    adit_client_sweep(site.client, pcp_site_now(&site));
    pcp_site_hear(&site, 6);
    g_assert_cmpuint(pcp_site_request(&site, 5)->lifetime, ==, 0);
    g_assert_cmpmem(pcp_site_request(&site, 5)->body.nonce, 12, nonce, 12);
    pcp_site_quiet(&site);
    g_assert_cmpuint(site.events->len, ==, events);
    pcp_site_tear_down(&site);
}

/* Dropped and added again before the server has confirmed: one mapping, with a fresh nonce. */
static void
test_again(void)
{
    PcpSite site;
    const AditMapping *mapping = pcp_site_begin(&site, AF_INET);

    site.server.mute = TRUE;
    adit_client_drop(site.client, mapping, pcp_site_now(&site));
    pcp_site_hear(&site, 2);
    g_assert_true(pcp_site_add(&site, 443) == mapping);
    site.server.mute = FALSE;
    pcp_site_leap(&site);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_DELETED), ==, 0);
    g_assert_cmpint(memcmp(mapping->nonce, pcp_site_request(&site, 0)->body.nonce, 12), !=, 0);
    pcp_site_tear_down(&site);
}

int
main(int argc, char **argv)
{
    static const PcpSiteTest tests[] = {
        { "/client/C12-drain", test_drain },
        { "/client/C12-drain-many", test_drain_many },
        { "/client/C12-drop-away", test_drop_away },
        { "/client/C12-drop-unheard", test_drop_unheard },
        { "/client/sweep", test_sweep },
        { "/client/again", test_again },
    };

    return pcp_site_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
