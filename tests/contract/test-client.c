/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tests/contract/pcp-site.h"

#include <grp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    g_assert_cmpint(adit_addr_cmp(&pcp_site_request(&site, 0)->client, &own), ==, 0);
    site.leap += 5 * 7200 * 1000 / 8;
    pcp_site_hear(&site, 2);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_RENEWED), ==, 1);
    adit_client_drop(site.client, mapping, pcp_site_now(&site));
    pcp_site_hear(&site, 3);
    for (guint i = 0; i < 100 && !pcp_site_count(&site, ADIT_MAPPING_NEWS_DELETED); i++)
        pcp_site_turn(&site, 100);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_DELETED), ==, 1);
    g_assert_cmpuint(pcp_site_request(&site, 2)->lifetime, ==, 0);
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
    g_assert_cmpmem(pcp_site_request(&site, 1)->body.nonce, 12, nonce, 12);
    pcp_site_tear_down(&site);
}

/* C2: from the tunnel's address, named so in the request, and from a port nobody can guess. */
static void
test_source(void)
{
    PcpSite site;
    AditSockAddr *sources;

    pcp_site_begin(&site, AF_INET6);
    adit_client_free(site.client);
    pcp_site_open(&site, "c0", "fd59::2");
    pcp_site_reach(&site, pcp_site_add(&site, 443), ADIT_MAPPING_GRANTED);
    sources = (AditSockAddr *)site.server.sources->data;
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(adit_addr_cmp(&sources[i].addr, &pcp_site_request(&site, i)->client),
                        ==, 0);
        g_assert_cmpuint(sources[i].port, >, 1024);
        g_assert_cmpuint(sources[i].port, !=, ADIT_PCP_CLIENT_PORT);
    }
    g_assert_cmpuint(sources[0].port, !=, sources[1].port);
    pcp_site_tear_down(&site);
}

/* C16: the first server never answers. */
static void
test_next_server(void)
{
    const AditAddr others[] = { pcp_site_server_addr(AF_INET) };
    AditClientConfig config = { .device = "c0", .others = others, .n_others = 1 };
    const AditMapping *mapping;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    g_assert_true(adit_addr_parse("10.59.0.77", &config.server, NULL));
    site.client = adit_client_new(&config, pcp_site_now(&site), NULL);
    mapping = pcp_site_add(&site, 443);
    for (guint i = 0; i < 3; i++) {
        pcp_site_quiet(&site);
        pcp_site_leap(&site);
    }
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(adit_client_get_counts(site.client).pool.sent, ==, 4);
    pcp_site_tear_down(&site);
}

/* The network woke after a silence: is the server still the one it was? */
static void
test_silence(void)
{
    PcpSite site;

    pcp_site_begin(&site, AF_INET6);
    adit_client_handshake(site.client, pcp_site_now(&site));
    pcp_site_quiet(&site);
    site.leap += ADIT_POOL_SILENCE_MS + 1;
    adit_client_handshake(site.client, pcp_site_now(&site));
    pcp_site_hear(&site, 2);
    g_assert_cmpuint(pcp_site_request(&site, 1)->opcode, ==, ADIT_PCP_ANNOUNCE);
    pcp_site_quiet(&site);
    pcp_site_tear_down(&site);
}

/* Another program has the port of notices for itself; when it has gone, we hear them again. */
static void
test_port_taken(void)
{
    const AditUdpConfig config = { .family = AF_INET, .port = ADIT_PCP_CLIENT_PORT };
    const AditMapping *mapping;
    AditUdp *other;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    other = pcp_site_open_udp(FALSE, &config);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    g_assert_error(adit_client_get_error(site.client), ADIT_ERROR, ADIT_ERROR_BUSY);
    mapping = pcp_site_add(&site, 443);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED);
    adit_udp_close(other);
    pcp_site_do(FALSE, "addr add 10.61.0.1/24 dev lo");
    for (guint i = 0; i < 100 && adit_client_get_error(site.client); i++)
        pcp_site_turn(&site, 100);
    g_assert_no_error(adit_client_get_error(site.client));
    pcp_site_announce(&site, 0, FALSE);
    pcp_site_do(FALSE, "addr del 10.61.0.1/24 dev lo");
    pcp_site_tear_down(&site);
}

/* One that shares it does not take our notices away: ours is bound to the device. */
static void
test_port_shared(void)
{
    const AditUdpConfig config = {
        .family = AF_INET,
        .port = ADIT_PCP_CLIENT_PORT,
        .share = TRUE,
    };
    AditUdp *other;
    PcpSite site;

    pcp_site_begin(&site, AF_INET);
    other = pcp_site_open_udp(FALSE, &config);
    pcp_site_announce(&site, 0, FALSE);
    adit_udp_close(other);
    pcp_site_tear_down(&site);
}

/* An ordinary user can do all of it. */
static void
test_unprivileged(void)
{
    int status;
    pid_t pid;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    pid = fork();
    if (pid == 0) {
        g_assert_cmpint(setgroups(0, NULL) | setresgid(65534, 65534, 65534) |
                            setresuid(65534, 65534, 65534),
                        ==, 0);
        g_clear_pointer(&site.state, g_free);
        pcp_site_open(&site, "c0", NULL);
        pcp_site_reach(&site, pcp_site_add(&site, 443), ADIT_MAPPING_GRANTED);
        pcp_site_announce(&site, 0, FALSE);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    pcp_site_tear_down(&site);
}

/* A file that is none, or of another server, is not in the way. */
static void
test_bad_state(void)
{
    static const char *const texts[] = {
        "hello\n",
        "[Server]\nAddress=10.59.0.77\n[Mapping]\nProtocol=6\nPort=443\n"
        "Nonce=000102030405060708090a0b\n",
    };
    static const guint8 saved[ADIT_PCP_NONCE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
    PcpSite site;

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        pcp_site_set_up(&site, AF_INET);
        pcp_site_serve(&site);
        g_assert_true(g_file_set_contents(site.state, texts[i], -1, NULL));
        if (i == 0)
            g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*begun anew*");
        pcp_site_open(&site, "c0", NULL);
        g_test_assert_expected_messages();
        pcp_site_reach(&site, pcp_site_add(&site, 443), ADIT_MAPPING_GRANTED);
        g_assert_cmpint(memcmp(pcp_site_request(&site, 0)->body.nonce, saved, sizeof(saved)),
                        !=, 0);
        pcp_site_tear_down(&site);
    }
}

/* A disk that refuses: said once, and published all the same. */
static void
test_bad_disk(void)
{
    PcpSite site;
    char *good;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    good = site.state;
    site.state = g_strdup("/proc/nowhere/state");
    pcp_site_open(&site, "c0", NULL);
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*a restart would lose mappings*");
    pcp_site_reach(&site, pcp_site_add(&site, 443), ADIT_MAPPING_GRANTED);
    g_test_assert_expected_messages();
    g_free(site.state);
    site.state = good;
    pcp_site_tear_down(&site);
}

static void
test_refuses(void)
{
    const AditWish bad[] = {
        { 0, 443, 443, FALSE, FALSE, 7200 },
        { IPPROTO_TCP, 0, 443, FALSE, FALSE, 7200 },
        { IPPROTO_TCP, 443, 443, FALSE, FALSE, 0 },
    };
    const AditWish twice = { IPPROTO_TCP, 443, 443, FALSE, FALSE, 7200 };
    g_autoptr(GError) error = NULL;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_open(&site, "c0", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(adit_client_add(site.client, &bad[i], NULL, 0, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_clear_error(&error);
    }
    pcp_site_add(&site, 443);
    g_assert_null(adit_client_add(site.client, &twice, NULL, 0, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    pcp_site_tear_down(&site);
}

int
main(int argc, char **argv)
{
    static const PcpSiteTest tests[] = {
        { "/client/life", test_life },
        { "/client/C2-source", test_source },
        { "/client/C14-notice", test_notice },
        { "/client/C14-port-taken", test_port_taken },
        { "/client/C14-port-shared", test_port_shared },
        { "/client/C1-crash", test_crash },
        { "/client/C16-next-server", test_next_server },
        { "/client/silence", test_silence },
        { "/client/unprivileged", test_unprivileged },
        { "/client/bad-state", test_bad_state },
        { "/client/bad-disk", test_bad_disk },
        { "/client/refuses", test_refuses },
    };

    return pcp_site_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
