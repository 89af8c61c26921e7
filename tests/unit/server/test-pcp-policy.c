/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/pcp-fixture.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/lease-plan.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* What the operator, old clients and companion documents (E1 to E9 of the conformance list)
 * have to say about a port. */

static void
test_reserved(PcpFixture *f, gconstpointer data)
{
    static const struct {
        guint16 port;
        guint8 proto;
    } rows[] = {
        { 22, IPPROTO_TCP },    { 53, IPPROTO_UDP },   { 5351, IPPROTO_UDP },
        { 51820, IPPROTO_UDP }, { 8000, IPPROTO_TCP },
    };
    const AditListening web = { .protocol = IPPROTO_TCP,
                                .addr = pcp_addr("0.0.0.0"),
                                .port = 8000 };

    adit_pcp_site_set_listening(f->site, &web, 1, 2);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        pcp_ask_for(f, rows[i].port);
        f->request.body.protocol = rows[i].proto;
        pcp_prefer_failure(f);
        g_assert_cmpint(pcp_send(f), ==,
                        f->family == AF_INET ? ADIT_PCP_CANNOT_PROVIDE_EXTERNAL
                                             : ADIT_PCP_SUCCESS); /* its own address */
        if (f->family == AF_INET)
            g_assert_nonnull(f->refusal.holder);
    }
}

static void
test_recycling(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    f->request.lifetime = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    f->request.lifetime = 3600;
    pcp_prefer_failure(f);
    if (f->family == AF_INET) {
        g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
        f->desk.now_ms += 61000;
        g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
    } else {
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    }
}

/* The file counts by the wall clock. Put forward it ends leases, put back it makes none longer
 * than it was granted for, and what the operator turned off stays off either way. */
static void
test_clock(PcpFixture *f, gconstpointer data)
{
    static const gint64 hour = 3600 * 1000,
                        jumps[] = { 24 * hour, -24 * hour, 400000 * hour, -400000 * hour };
    AditLease kept;

    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    kept = *adit_lease_first_to_end(f->table);
    for (guint i = 0; i < 2 * G_N_ELEMENTS(jumps); i++) {
        g_autoptr(AditLeaseTable) table = adit_lease_table_new();
        const gint64 now = f->desk.now_ms, jump = jumps[i / 2];
        AditLease read = kept;
        const AditLease *lease;

        if (i & 1) {
            read.ends.flags |= ADIT_LEASE_OFF;
            read.expires_ms = ADIT_LEASE_NEVER;
        }
        read.since_ms -= jump;
        read.expires_ms -= jump;
        adit_lease_merge(table, &read, f->site, now, FALSE);
        lease = adit_lease_first_to_end(table);
        g_assert_true((lease != NULL) == ((i & 1) || jump < 0));
        if (lease && !(i & 1))
            g_assert_cmpint(lease->expires_ms, <=, now + hour);
        if (lease)
            g_assert_true(adit_lease_is_on(lease) == !(i & 1));
    }
}

static void
test_off_stays_off(PcpFixture *f, gconstpointer data)
{
    const AditLease *lease;

    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    lease = pcp_turn_off(f, ADIT_LEASE_OFF);
    for (guint i = 0; i < 4; i++) {
        pcp_ask_for(f, 443);
        f->request.lifetime = i == 2 ? 0 : 3600;
        if (i == 3)
            pcp_other_nonce(f);
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    }
    pcp_ask_for(f, 0); /* delete all */
    f->request.lifetime = 0;
    f->request.body.protocol = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_true(adit_lease_first_to_end(f->table) == lease && !adit_lease_is_on(lease));
}

static void
ask_for_redirect(PcpFixture *f, guint8 mode, guint16 port)
{
    pcp_ask_for(f, 443);
    f->request.options.has = ADIT_PCP_HAS_REDIRECT;
    f->request.options.redirect.mode = mode;
    f->request.options.redirect.external_port = port;
}

static guint8
redirect_status(PcpFixture *f)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.has & ADIT_PCP_HAS_REDIRECT, !=, 0);
    return f->reply.options.redirect.status;
}

static void
test_redirect(PcpFixture *f, gconstpointer data)
{
    for (guint8 mode = 0; mode < 2; mode++) {
        ask_for_redirect(f, mode, 80);
        g_assert_cmpuint(redirect_status(f), ==, ADIT_PCP_REDIRECT_ACTIVE);
    }
    ask_for_redirect(f, 2, 80);
    g_assert_cmpuint(redirect_status(f), ==, ADIT_PCP_REDIRECT_REFUSED);
    ask_for_redirect(f, 1, 81);
    g_assert_cmpuint(redirect_status(f), ==, ADIT_PCP_REDIRECT_REFUSED);
    ask_for_redirect(f, 1, 80);
    g_assert_cmpuint(redirect_status(f), ==, ADIT_PCP_REDIRECT_ACTIVE);
    pcp_ask_for(f, 80); /* a mapping of its own */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.body.external_port, ==, 80);
    ask_for_redirect(f, 1, 80);
    g_assert_cmpuint(redirect_status(f), ==, ADIT_PCP_REDIRECT_YIELDED);
    pcp_ask_for(f, 443); /* a renewal without the option withdraws it */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.has & ADIT_PCP_HAS_REDIRECT, ==, 0);
}

/* As StartOS asks: TCP, inside 443, outside exactly 80, 443 held by the same device. */
static void
test_compat_second(PcpFixture *f, gconstpointer data)
{
    const guint8 first_nonce = 7;

    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_other_nonce(f);
    f->request.body.external_port = 80;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->rules->second = TRUE;
    pcp_prefer_failure(f);
    for (guint i = 0; i < 2; i++) { /* made, renewed */
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.body.external_port, ==, 80);
        g_assert_cmpuint(adit_lease_table_len(f->table), ==, 2);
    }
    f->request.body.external_port = 81;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    f->request.options.has = 0;
    f->request.lifetime = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS); /* deletes the second, not the first */
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
    g_assert_cmpuint(adit_lease_first_to_end(f->table)->nonce[0], ==, first_nonce);
    pcp_ask_for(f, 444);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_other_nonce(f);
    f->request.body.external_port = 80;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED); /* 443 only */
}

static void
ask_for_set(PcpFixture *f, guint16 port, guint16 size)
{
    pcp_ask_for(f, port);
    f->request.options.has = ADIT_PCP_HAS_PORT_SET;
    f->request.options.port_set.size = size;
    f->request.options.port_set.first_internal = port;
}

static void
test_e8_port_set(PcpFixture *f, gconstpointer data)
{
    ask_for_set(f, 3000, 100);
    for (guint i = 0; i < 2; i++) { /* made, renewed */
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.options.port_set.size, ==, 100);
        g_assert_cmpuint(f->reply.body.external_port, ==, 3000);
        g_assert_cmpuint(adit_lease_table_len(f->table), ==, 100);
    }
    ask_for_set(f, 5000, 1000); /* what is left of the quota */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.port_set.size, ==, 156);
    ask_for_set(f, 3000, 100);
    f->request.lifetime = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 156);
    ask_for_set(f, 7001, 4);
    f->request.body.external_port = 8000;
    f->request.options.port_set.parity = TRUE;
    pcp_publish(f, "8002", "nas"); /* the row that was asked for is broken */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.port_set.size, ==, 4);
    g_assert_true(f->reply.options.port_set.parity);
    g_assert_cmpuint(f->reply.body.external_port & 1, ==, 1);
}

static void
test_e3_description(PcpFixture *f, gconstpointer data)
{
    static const char umlaut[] = "\303\274";
    char *text = f->request.options.description;

    f->request.options.has = ADIT_PCP_HAS_DESCRIPTION;
    for (guint i = 0; i < 63; i++)
        text[i] = 'a';
    memcpy(text + 63, umlaut, sizeof(umlaut)); /* the cut would fall into it */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(strlen(f->reply.options.description), ==, 63);
    g_assert_cmpstr(adit_lease_first_to_end(f->table)->description, ==,
                    f->reply.options.description);
}

static void
test_e1_natpmp(PcpFixture *f, gconstpointer data)
{
    static const guint8 address[] = { 0, 0 },
                        map[] = { 0, 2, 0, 0, 1, 187, 1, 187, 0, 0, 28, 32 };
    AditPcpExchange exchange;
    AditNatpmpReply reply;
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_pcp_exchange_begin(&f->desk, pcp_host(f, "nas"), address, 2, &exchange));
    adit_pcp_exchange_end(&exchange);
    if (f->family == AF_INET6) { /* there is none: the offer of version 2 */
        g_assert_cmpuint(exchange.bytes[0], ==, 2);
        g_assert_cmpuint(exchange.bytes[3], ==, ADIT_PCP_UNSUPP_VERSION);
        return;
    }
    adit_natpmp_reply_decode(exchange.bytes, exchange.len, &reply, &error);
    g_assert_no_error(error);
    g_assert_cmpint(adit_addr_cmp(&reply.external, &pcp_host(f, "nas")->reported), ==, 0);
    g_assert_true(
        adit_pcp_exchange_begin(&f->desk, pcp_host(f, "nas"), map, sizeof(map), &exchange));
    adit_pcp_exchange_end(&exchange);
    adit_natpmp_reply_decode(exchange.bytes, exchange.len, &reply, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(reply.result, ==, ADIT_NATPMP_SUCCESS);
    g_assert_cmpuint(reply.external_port, ==, 443);
    g_assert_cmpuint(reply.lifetime, ==, 7200);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED); /* it is of who made it */
    f->rules->natpmp = FALSE;
    g_assert_true(adit_pcp_exchange_begin(&f->desk, pcp_host(f, "nas"), address, 2, &exchange));
    g_assert_cmpuint(exchange.bytes[3], ==, ADIT_PCP_UNSUPP_VERSION);
}

int
main(int argc, char **argv)
{
    static const PcpCase cases[] = {
        { "reserved", test_reserved },
        { "recycling", test_recycling },
        { "clock", test_clock },
        { "off-stays-off", test_off_stays_off },
        { "redirect", test_redirect },
        { "compat-second", test_compat_second },
        { "E1-natpmp", test_e1_natpmp },
        { "E3-description", test_e3_description },
        { "E8-port-set", test_e8_port_set },
    };

    g_test_init(&argc, &argv, NULL);
    pcp_add_cases("pcp-policy", cases, G_N_ELEMENTS(cases));
    return g_test_run();
}
