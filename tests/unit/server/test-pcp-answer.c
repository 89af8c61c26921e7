/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/pcp-fixture.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/lease-plan.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* The server's items of the conformance list (S1 to S27) that need its state, each in both
 * families; those that the form of a message decides are in core/test-pcp-conformance.c, and
 * those that need a socket or a kernel in netns/test_pcp_server.py. */

static void
test_s6_announce(PcpFixture *f, gconstpointer data)
{
    pcp_ask_for(f, 0);
    f->request.opcode = ADIT_PCP_ANNOUNCE;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.lifetime, ==, 0);
}

static void
test_s9_repeats(PcpFixture *f, gconstpointer data)
{
    pcp_ask_for(f, 8080);
    f->request.body.external_port = 443;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpmem(f->reply.body.nonce, ADIT_PCP_NONCE, f->request.body.nonce, ADIT_PCP_NONCE);
    g_assert_cmpuint(f->reply.body.protocol, ==, IPPROTO_TCP);
    g_assert_cmpuint(f->reply.body.internal_port, ==, 8080);
    g_assert_cmpuint(f->reply.body.external_port, ==, 443);
    g_assert_cmpint(adit_addr_cmp(&f->reply.body.external, &pcp_host(f, "nas")->reported), ==,
                    0);
}

static void
test_s10_lifetime(PcpFixture *f, gconstpointer data)
{
    static const guint32 rows[][2] = {
        { 1, 120 },       { 119, 120 },     { 120, 120 },           { 7200, 7200 },
        { 86400, 86400 }, { 86401, 86400 }, { G_MAXUINT32, 86400 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        f->request.lifetime = rows[i][0];
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.lifetime, ==, rows[i][1]);
    }
}

static void
test_s11_protocols(PcpFixture *f, gconstpointer data)
{
    f->request.body.protocol = IPPROTO_SCTP;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_UNSUPP_PROTOCOL);
    pcp_ask_for(f, 0);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->request.body.protocol = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_UNSUPP_PROTOCOL);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    pcp_ask_for(f, 443);
    f->request.body.protocol = IPPROTO_UDP;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
}

static void
test_s12_refresh(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    f->request.body.external_port = 444;
    f->desk.now_ms += 1000000;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.body.external_port, ==, 443);
    g_assert_cmpuint(f->reply.lifetime, ==, 3600);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

static void
test_s12_foreign_nonce(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_other_nonce(f);
    f->desk.now_ms += 600000;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint(f->reply.lifetime, ==, 3000);
    g_assert_cmpuint(adit_lease_left(adit_lease_first_to_end(f->table), f->desk.now_ms), ==,
                     3000);
}

static void
test_s13_retransmission(PcpFixture *f, gconstpointer data)
{
    guint8 once[ADIT_PCP_MAX], again[ADIT_PCP_MAX];
    gsize len;

    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    len = adit_pcp_reply_encode(&f->reply, once);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_pcp_reply_encode(&f->reply, again), ==, len);
    g_assert_cmpmem(once, len, again, len);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

/* In IPv6 each device has all ports of its own address: there the other one is one's own. */
static const char *
rival(PcpFixture *f)
{
    if (f->family == AF_INET)
        return "disk";
    f->request.body.internal_port++;
    return "nas";
}

static void
test_s14_two_owners(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpint(pcp_send_as(f, rival(f)), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.body.external_port, !=, 443);
    g_assert_cmpuint(f->reply.body.external_port, >=, 1024);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 2);
}

static void
test_s14_prefer_failure(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_prefer_failure(f);
    f->desk.now_ms += 3000000;
    g_assert_cmpint(pcp_send_as(f, rival(f)), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpuint(f->reply.lifetime, ==, 600); /* what is left to the holder */
    g_assert_cmpstr(f->refusal.holder, ==, "nas");
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

static void
test_s14_other_address(PcpFixture *f, gconstpointer data)
{
    f->request.body.external = pcp_addr(f->family == AF_INET ? "198.51.100.1" : "2001:db8::1");
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpint(adit_addr_cmp(&f->reply.body.external, &pcp_host(f, "nas")->reported), ==,
                    0);
    f->request.body.internal_port = f->request.body.external_port = 444;
    pcp_prefer_failure(f);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
test_s15_refresh_elsewhere(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_prefer_failure(f);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    f->request.body.external_port = 444;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

static void
test_s16_delete(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    f->request.lifetime = 0;
    f->request.body.external_port = 9;
    pcp_other_nonce(f);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
    pcp_ask_for(f, 443);
    f->request.lifetime = 0;
    for (guint i = 0; i < 2; i++) { /* the second time it is absent */
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.lifetime, ==, 0);
        g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    }
}

static void
test_s16_manual(PcpFixture *f, gconstpointer data)
{
    pcp_publish(f, "443", "nas");
    f->request.lifetime = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->request.lifetime = 3600;
    g_assert_cmpint(pcp_send(f), ==,
                    ADIT_PCP_SUCCESS); /* it is open, and stays the operator's */
    g_assert_cmpuint(f->reply.body.external_port, ==, 443);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    if (f->family == AF_INET6)
        return;
    pcp_prefer_failure(f);
    g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpstr(f->refusal.holder, ==, "nas");
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_LONG);
}

static void
test_s16_manual_disabled(PcpFixture *f, gconstpointer data)
{
    pcp_publish(f, "443", "nas");
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 0))->enabled = FALSE;
    pcp_make_site(f);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->request.body.external_port = 8443;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
}

static void
test_s17_delete_all(PcpFixture *f, gconstpointer data)
{
    static const guint8 protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

    for (guint i = 0; i < 8; i++) {
        pcp_ask_for(f, (guint16)(2000 + i / 2));
        f->request.body.protocol = protocols[i % 2];
        if (i >= 6)
            pcp_other_nonce(f);
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    }
    pcp_ask_for(f, 0);
    f->request.lifetime = 0;
    g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 8);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 5);
    f->request.body.protocol = 0;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 2); /* of the other nonce */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
}

static void
add_filter(PcpFixture *f, const char *net, guint16 port)
{
    AditPcpOptions *options = &f->request.options;

    options->has |= ADIT_PCP_HAS_FILTER;
    options->filters[options->n_filters].port = port;
    if (net)
        options->filters[options->n_filters].remote = sample_prefix(net);
    options->n_filters++;
}

static void
test_s18_filter(PcpFixture *f, gconstpointer data)
{
    const char *a = f->family == AF_INET ? "192.0.2.9/24" : "2001:db8:1::9/48";
    const char *b = f->family == AF_INET ? "198.51.100.0/24" : "2001:db8:2::/48";
    const AditLease *lease;

    add_filter(f, a, 0);
    add_filter(f, NULL, 0); /* forgets the first */
    add_filter(f, a, 0);
    add_filter(f, b, 0);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.n_filters, ==, 4);
    lease = adit_lease_first_to_end(f->table);
    g_assert_cmpuint(lease->n_filters, ==, 2);
    g_assert_cmpuint(lease->filters[0].len, ==, f->family == AF_INET ? 24 : 48);
    g_assert_cmpuint(lease->filters[0].addr.bytes[f->family == AF_INET ? 3 : 15], ==, 0);
    pcp_ask_for(f, 443); /* a renewal without it lets everybody in again */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(lease->n_filters, ==, 0);
    g_assert_cmpuint(f->reply.options.has & ADIT_PCP_HAS_FILTER, ==, 0);
}

static void
test_s18_refused(PcpFixture *f, gconstpointer data)
{
    const char *net = f->family == AF_INET ? "192.0.2.0/24" : "2001:db8::/32";

    add_filter(f, net, 80); /* the data path asks no visitor's port */
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_UNSUPP_OPTION);
    pcp_ask_for(f, 443);
    for (guint i = 0; i < 17; i++)
        add_filter(f, net, 0);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_EXCESSIVE_REMOTE_PEERS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    pcp_ask_for(f, 443);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    for (guint i = 0; i < 17; i++)
        add_filter(f, net, 0);
    g_assert_cmpint(pcp_send(f), ==,
                    ADIT_PCP_EXCESSIVE_REMOTE_PEERS); /* and all stays as it was */
    g_assert_cmpuint(adit_lease_first_to_end(f->table)->n_filters, ==, 0);
}

/* THIRD_PARTY and PEER are not offered: the bytes of such a request, as they arrive. */
static AditPcpResult
send_bytes(PcpFixture *f)
{
    guint8 bytes[ADIT_PCP_MAX];
    gsize len;
    AditPcpExchange exchange;
    AditPcpReply reply;

    f->request.client = pcp_host(f, "nas")->addr;
    len = adit_pcp_request_encode(&f->request, bytes);
    g_assert_true(adit_pcp_exchange_begin(&f->desk, pcp_host(f, "nas"), bytes, len, &exchange));
    adit_pcp_exchange_end(&exchange);
    if (exchange.bytes[3] == ADIT_PCP_SUCCESS)
        g_assert_true(adit_pcp_reply_decode(exchange.bytes, exchange.len, &reply, NULL));
    g_assert_cmpuint(exchange.bytes[11], ==, 77); /* the epoch, whatever the result */
    return (AditPcpResult)exchange.bytes[3];
}

static void
test_s19_third_party(PcpFixture *f, gconstpointer data)
{
    f->request.options.has = ADIT_PCP_HAS_THIRD_PARTY;
    f->request.options.third_party = pcp_host(f, "disk")->addr;
    g_assert_cmpint(send_bytes(f), ==, ADIT_PCP_UNSUPP_OPTION);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
}

static void
test_s25_peer(PcpFixture *f, gconstpointer data)
{
    f->request.opcode = ADIT_PCP_PEER;
    f->request.body.remote_port = 80;
    f->request.body.remote = pcp_addr(f->family == AF_INET ? "198.51.100.1" : "2001:db8::1");
    g_assert_cmpint(send_bytes(f), ==, ADIT_PCP_UNSUPP_OPCODE);
}

static void
test_s20_quota(PcpFixture *f, gconstpointer data)
{
    f->rules->quota = 3;
    for (guint16 port = 2000; port < 2003; port++) {
        pcp_ask_for(f, port);
        g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    }
    pcp_ask_for(f, 2003);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_USER_EX_QUOTA);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_SHORT);
    pcp_ask_for(f, 2002);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS); /* a renewal goes on */
    pcp_ask_for(f, 2003);
    g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
}

static void
test_s20_low_quota(PcpFixture *f, gconstpointer data)
{
    f->rules->low_quota = 1;
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_ask_for(f, 80);
    g_assert_cmpint(pcp_send(f), ==,
                    f->family == AF_INET ? ADIT_PCP_USER_EX_QUOTA : ADIT_PCP_SUCCESS);
    pcp_ask_for(f, 8080);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
}

/* All ports of the pool are somebody's. */
static void
test_s20_no_resources(PcpFixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    sample_add_publish(f->model, f->family, "443", "nas", 0, &error);
    sample_add_publish(f->model, f->family, "1024-65535", "nas", 0, &error);
    g_assert_no_error(error);
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 0))->internal = 9;
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 1))->internal = 10;
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 1))->internal = 1024;
    f->model->listen_port = 1;
    pcp_make_site(f);
    g_assert_cmpint(pcp_send_as(f, f->family == AF_INET ? "disk" : "nas"), ==,
                    ADIT_PCP_NO_RESOURCES);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_SHORT);
}

static void
test_s21_error_lifetimes(PcpFixture *f, gconstpointer data)
{
    ((AditDeviceEntry *)g_ptr_array_index(f->model->devices, 0))->may_publish = FALSE;
    pcp_make_site(f);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_LONG);
    f->request.body.external = pcp_addr("192.0.2.1");
    pcp_prefer_failure(f);
    g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_LONG); /* no such address of ours */
}

static void
test_s21_no_address(PcpFixture *f, gconstpointer data)
{
    if (f->family == AF_INET6)
        return; /* a device without a GUA cannot even ask */
    f->facts.n_wan_prefixes = 0;
    pcp_make_site(f);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_NETWORK_FAILURE);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_SHORT);
}

static void
test_s27_device_gone(PcpFixture *f, gconstpointer data)
{
    const AditLease *lease;

    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    lease = adit_lease_first_to_end(f->table);
    g_assert_true(adit_lease_fits(lease, f->site));
    adit_model_remove_device(f->model, 0);
    pcp_make_site(f);
    g_assert_false(adit_lease_fits(lease, f->site));
}

int
main(int argc, char **argv)
{
    static const PcpCase cases[] = {
        { "S6-announce", test_s6_announce },
        { "S9-repeats", test_s9_repeats },
        { "S10-lifetime", test_s10_lifetime },
        { "S11-protocols", test_s11_protocols },
        { "S12-refresh", test_s12_refresh },
        { "S12-foreign-nonce", test_s12_foreign_nonce },
        { "S13-retransmission", test_s13_retransmission },
        { "S14-two-owners", test_s14_two_owners },
        { "S14-prefer-failure", test_s14_prefer_failure },
        { "S14-other-address", test_s14_other_address },
        { "S15-refresh-elsewhere", test_s15_refresh_elsewhere },
        { "S16-delete", test_s16_delete },
        { "S16-manual", test_s16_manual },
        { "S16-manual-disabled", test_s16_manual_disabled },
        { "S17-delete-all", test_s17_delete_all },
        { "S18-filter", test_s18_filter },
        { "S18-refused", test_s18_refused },
        { "S19-third-party", test_s19_third_party },
        { "S20-quota", test_s20_quota },
        { "S20-low-quota", test_s20_low_quota },
        { "S20-no-resources", test_s20_no_resources },
        { "S21-error-lifetimes", test_s21_error_lifetimes },
        { "S21-no-address", test_s21_no_address },
        { "S25-peer", test_s25_peer },
        { "S27-device-gone", test_s27_device_gone },
    };

    g_test_init(&argc, &argv, NULL);
    pcp_add_cases("pcp-answer", cases, G_N_ELEMENTS(cases));
    return g_test_run();
}
