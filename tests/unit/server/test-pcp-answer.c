/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"
#include "tunnel-server/lease-plan.h"
#include "tunnel-server/pcp-exchange.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* The server's items of the conformance list (S1 to S27) that need its state, each in both
 * families; those that the form of a message decides are in core/test-pcp-conformance.c, and
 * those that need a socket or a kernel in netns/test_pcp_server.py. */

typedef struct {
    guint8 family;
    AditModel *model;
    AditServerSettings *rules;
    AditPcpSite *site;
    AditLeaseTable *table;
    AditPrefix wan[2];
    AditServerFacts facts;
    AditPcpDesk desk;
    AditPcpReply reply;
    AditPcpRefusal refusal;
    AditPcpRequest request; /* of `nas`, to be changed before it is sent */
} Fixture;

static AditAddr
addr(const char *text)
{
    return sample_prefix(text).addr;
}

static const AditPcpHost *
host(Fixture *f, const char *name)
{
    for (guint i = 0; i < adit_pcp_site_n_hosts(f->site); i++) {
        const AditPcpHost *h = adit_pcp_site_nth_host(f->site, i);

        if (h->addr.family == f->family && g_str_equal(h->name, name))
            return h;
    }
    g_assert_not_reached();
}

static void
make_site(Fixture *f)
{
    g_autoptr(GError) error = NULL;

    adit_model_settle(f->model, &error);
    g_assert_no_error(error);
    g_clear_pointer(&f->site, adit_pcp_site_free);
    f->site = adit_pcp_site_new(f->model, &f->facts, f->rules);
    f->desk.site = f->site;
}

static void
ask_for(Fixture *f, guint16 port)
{
    memset(&f->request, 0, sizeof(f->request));
    f->request.opcode = ADIT_PCP_MAP;
    f->request.lifetime = 3600;
    f->request.body.protocol = IPPROTO_TCP;
    f->request.body.internal_port = f->request.body.external_port = port;
    memset(f->request.body.nonce, 7, ADIT_PCP_NONCE);
}

static void
setup(Fixture *f, gconstpointer data)
{
    static const char *const names[] = { "nas", "disk", "phone" };
    g_autoptr(GError) error = NULL;

    f->family = (guint8)GPOINTER_TO_UINT(data);
    f->model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        sample_add_device(f->model, names[i], "", i + 1, &error);
        g_assert_no_error(error);
        ((AditDeviceEntry *)g_ptr_array_index(f->model->devices, i))->id = i + 1;
    }
    f->wan[0] = sample_prefix("203.0.113.7/24");
    f->wan[1] = sample_prefix("2a11:1:2::1/64");
    f->facts = (AditServerFacts){ .wan = "eth0", .wan_prefixes = f->wan, .n_wan_prefixes = 2 };
    f->rules = adit_settings_defaults(&adit_server_settings);
    f->table = adit_lease_table_new();
    f->desk = (AditPcpDesk){
        .rules = f->rules, .table = f->table, .now_ms = 1000000, .epoch = 77, .dice = 5000
    };
    make_site(f);
    ask_for(f, 443);
}

static void
teardown(Fixture *f, gconstpointer data)
{
    adit_lease_table_free(f->table);
    adit_pcp_site_free(f->site);
    adit_settings_free(&adit_server_settings, f->rules);
    adit_model_free(f->model);
}

static AditPcpResult
send_as(Fixture *f, const char *name)
{
    f->request.client = host(f, name)->addr;
    adit_pcp_answer(&f->desk, host(f, name), &f->request, &f->reply, &f->refusal);
    g_assert_cmpuint(f->reply.epoch, ==, 77);
    return (AditPcpResult)f->reply.result;
}

#define send(f) send_as(f, "nas")

static void
other_nonce(Fixture *f)
{
    memset(f->request.body.nonce, 8, ADIT_PCP_NONCE);
}

static void
prefer_failure(Fixture *f)
{
    f->request.options.has |= ADIT_PCP_HAS_PREFER_FAILURE;
}

static void
test_s6_announce(Fixture *f, gconstpointer data)
{
    ask_for(f, 0);
    f->request.opcode = ADIT_PCP_ANNOUNCE;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.lifetime, ==, 0);
}

static void
test_s9_repeats(Fixture *f, gconstpointer data)
{
    ask_for(f, 8080);
    f->request.body.external_port = 443;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpmem(f->reply.body.nonce, ADIT_PCP_NONCE, f->request.body.nonce, ADIT_PCP_NONCE);
    g_assert_cmpuint(f->reply.body.protocol, ==, IPPROTO_TCP);
    g_assert_cmpuint(f->reply.body.internal_port, ==, 8080);
    g_assert_cmpuint(f->reply.body.external_port, ==, 443);
    g_assert_cmpint(adit_addr_cmp(&f->reply.body.external, &host(f, "nas")->reported), ==, 0);
}

static void
test_s10_lifetime(Fixture *f, gconstpointer data)
{
    static const guint32 rows[][2] = {
        { 1, 120 },       { 119, 120 },     { 120, 120 },           { 7200, 7200 },
        { 86400, 86400 }, { 86401, 86400 }, { G_MAXUINT32, 86400 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        f->request.lifetime = rows[i][0];
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.lifetime, ==, rows[i][1]);
    }
}

static void
test_s11_protocols(Fixture *f, gconstpointer data)
{
    f->request.body.protocol = IPPROTO_SCTP;
    g_assert_cmpint(send(f), ==, ADIT_PCP_UNSUPP_PROTOCOL);
    ask_for(f, 0);
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->request.body.protocol = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_UNSUPP_PROTOCOL);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    ask_for(f, 443);
    f->request.body.protocol = IPPROTO_UDP;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
}

static void
test_s12_refresh(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    f->request.body.external_port = 444;
    f->desk.now_ms += 1000000;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.body.external_port, ==, 443);
    g_assert_cmpuint(f->reply.lifetime, ==, 3600);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

static void
test_s12_foreign_nonce(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    other_nonce(f);
    f->desk.now_ms += 600000;
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint(f->reply.lifetime, ==, 3000);
    g_assert_cmpuint(adit_lease_left(adit_lease_first_to_end(f->table), f->desk.now_ms), ==,
                     3000);
}

static void
test_s13_retransmission(Fixture *f, gconstpointer data)
{
    guint8 once[ADIT_PCP_MAX], again[ADIT_PCP_MAX];
    gsize len;

    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    len = adit_pcp_reply_encode(&f->reply, once);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_pcp_reply_encode(&f->reply, again), ==, len);
    g_assert_cmpmem(once, len, again, len);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

/* In IPv6 each device has all ports of its own address: there the other one is one's own. */
static const char *
rival(Fixture *f)
{
    if (f->family == AF_INET)
        return "disk";
    f->request.body.internal_port++;
    return "nas";
}

static void
test_s14_two_owners(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpint(send_as(f, rival(f)), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.body.external_port, !=, 443);
    g_assert_cmpuint(f->reply.body.external_port, >=, 1024);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 2);
}

static void
test_s14_prefer_failure(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    prefer_failure(f);
    f->desk.now_ms += 3000000;
    g_assert_cmpint(send_as(f, rival(f)), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpuint(f->reply.lifetime, ==, 600); /* what is left to the holder */
    g_assert_cmpstr(f->refusal.holder, ==, "nas");
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

static void
test_s14_other_address(Fixture *f, gconstpointer data)
{
    f->request.body.external = addr(f->family == AF_INET ? "198.51.100.1" : "2001:db8::1");
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpint(adit_addr_cmp(&f->reply.body.external, &host(f, "nas")->reported), ==, 0);
    f->request.body.internal_port = f->request.body.external_port = 444;
    prefer_failure(f);
    g_assert_cmpint(send(f), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
test_s15_refresh_elsewhere(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    prefer_failure(f);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    f->request.body.external_port = 444;
    g_assert_cmpint(send(f), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
}

static void
test_s16_delete(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    f->request.lifetime = 0;
    f->request.body.external_port = 9;
    other_nonce(f);
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
    ask_for(f, 443);
    f->request.lifetime = 0;
    for (guint i = 0; i < 2; i++) { /* the second time it is absent */
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.lifetime, ==, 0);
        g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    }
}

static void
publish(Fixture *f, const char *ports, const char *device)
{
    g_autoptr(GError) error = NULL;

    sample_add_publish(f->model, f->family, ports, device, 0, &error);
    g_assert_no_error(error);
    make_site(f);
}

static void
test_s16_manual(Fixture *f, gconstpointer data)
{
    publish(f, "443", "nas");
    f->request.lifetime = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->request.lifetime = 3600;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS); /* it is open, and stays the operator's */
    g_assert_cmpuint(f->reply.body.external_port, ==, 443);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    if (f->family == AF_INET6)
        return;
    prefer_failure(f);
    g_assert_cmpint(send_as(f, "disk"), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpstr(f->refusal.holder, ==, "nas");
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_LONG);
}

static void
test_s16_manual_disabled(Fixture *f, gconstpointer data)
{
    publish(f, "443", "nas");
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 0))->enabled = FALSE;
    make_site(f);
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->request.body.external_port = 8443;
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
}

static void
test_s17_delete_all(Fixture *f, gconstpointer data)
{
    static const guint8 protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

    for (guint i = 0; i < 8; i++) {
        ask_for(f, (guint16)(2000 + i / 2));
        f->request.body.protocol = protocols[i % 2];
        if (i >= 6)
            other_nonce(f);
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    }
    ask_for(f, 0);
    f->request.lifetime = 0;
    g_assert_cmpint(send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 8);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 5);
    f->request.body.protocol = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 2); /* of the other nonce */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
}

static void
add_filter(Fixture *f, const char *net, guint16 port)
{
    AditPcpOptions *options = &f->request.options;

    options->has |= ADIT_PCP_HAS_FILTER;
    options->filters[options->n_filters].port = port;
    if (net)
        options->filters[options->n_filters].remote = sample_prefix(net);
    options->n_filters++;
}

static void
test_s18_filter(Fixture *f, gconstpointer data)
{
    const char *a = f->family == AF_INET ? "192.0.2.9/24" : "2001:db8:1::9/48";
    const char *b = f->family == AF_INET ? "198.51.100.0/24" : "2001:db8:2::/48";
    const AditLease *lease;

    add_filter(f, a, 0);
    add_filter(f, NULL, 0); /* forgets the first */
    add_filter(f, a, 0);
    add_filter(f, b, 0);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.n_filters, ==, 4);
    lease = adit_lease_first_to_end(f->table);
    g_assert_cmpuint(lease->n_filters, ==, 2);
    g_assert_cmpuint(lease->filters[0].len, ==, f->family == AF_INET ? 24 : 48);
    g_assert_cmpuint(lease->filters[0].addr.bytes[f->family == AF_INET ? 3 : 15], ==, 0);
    ask_for(f, 443); /* a renewal without it lets everybody in again */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(lease->n_filters, ==, 0);
    g_assert_cmpuint(f->reply.options.has & ADIT_PCP_HAS_FILTER, ==, 0);
}

static void
test_s18_refused(Fixture *f, gconstpointer data)
{
    const char *net = f->family == AF_INET ? "192.0.2.0/24" : "2001:db8::/32";

    add_filter(f, net, 80); /* the data path asks no visitor's port */
    g_assert_cmpint(send(f), ==, ADIT_PCP_UNSUPP_OPTION);
    ask_for(f, 443);
    for (guint i = 0; i < 17; i++)
        add_filter(f, net, 0);
    g_assert_cmpint(send(f), ==, ADIT_PCP_EXCESSIVE_REMOTE_PEERS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
    ask_for(f, 443);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    for (guint i = 0; i < 17; i++)
        add_filter(f, net, 0);
    g_assert_cmpint(send(f), ==, ADIT_PCP_EXCESSIVE_REMOTE_PEERS); /* and all stays as it was */
    g_assert_cmpuint(adit_lease_first_to_end(f->table)->n_filters, ==, 0);
}

/* THIRD_PARTY and PEER are not offered: the bytes of such a request, as they arrive. */
static AditPcpResult
send_bytes(Fixture *f)
{
    guint8 bytes[ADIT_PCP_MAX];
    gsize len;
    AditPcpExchange exchange;
    AditPcpReply reply;

    f->request.client = host(f, "nas")->addr;
    len = adit_pcp_request_encode(&f->request, bytes);
    g_assert_true(adit_pcp_exchange_begin(&f->desk, host(f, "nas"), bytes, len, &exchange));
    adit_pcp_exchange_end(&exchange);
    if (exchange.bytes[3] == ADIT_PCP_SUCCESS)
        g_assert_true(adit_pcp_reply_decode(exchange.bytes, exchange.len, &reply, NULL));
    g_assert_cmpuint(exchange.bytes[11], ==, 77); /* the epoch, whatever the result */
    return (AditPcpResult)exchange.bytes[3];
}

static void
test_s19_third_party(Fixture *f, gconstpointer data)
{
    f->request.options.has = ADIT_PCP_HAS_THIRD_PARTY;
    f->request.options.third_party = host(f, "disk")->addr;
    g_assert_cmpint(send_bytes(f), ==, ADIT_PCP_UNSUPP_OPTION);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 0);
}

static void
test_s25_peer(Fixture *f, gconstpointer data)
{
    f->request.opcode = ADIT_PCP_PEER;
    f->request.body.remote_port = 80;
    f->request.body.remote = addr(f->family == AF_INET ? "198.51.100.1" : "2001:db8::1");
    g_assert_cmpint(send_bytes(f), ==, ADIT_PCP_UNSUPP_OPCODE);
}

static void
test_s20_quota(Fixture *f, gconstpointer data)
{
    f->rules->quota = 3;
    for (guint16 port = 2000; port < 2003; port++) {
        ask_for(f, port);
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    }
    ask_for(f, 2003);
    g_assert_cmpint(send(f), ==, ADIT_PCP_USER_EX_QUOTA);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_SHORT);
    ask_for(f, 2002);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS); /* a renewal goes on */
    ask_for(f, 2003);
    g_assert_cmpint(send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
}

static void
test_s20_low_quota(Fixture *f, gconstpointer data)
{
    f->rules->low_quota = 1;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    ask_for(f, 80);
    g_assert_cmpint(send(f), ==,
                    f->family == AF_INET ? ADIT_PCP_USER_EX_QUOTA : ADIT_PCP_SUCCESS);
    ask_for(f, 8080);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
}

/* All ports of the pool are somebody's. */
static void
test_s20_no_resources(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    sample_add_publish(f->model, f->family, "443", "nas", 0, &error);
    sample_add_publish(f->model, f->family, "1024-65535", "nas", 0, &error);
    g_assert_no_error(error);
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 0))->internal = 9;
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 1))->internal = 10;
    ((AditPublish *)g_ptr_array_index(f->model->publishes, 1))->internal = 1024;
    f->model->listen_port = 1;
    make_site(f);
    g_assert_cmpint(send_as(f, f->family == AF_INET ? "disk" : "nas"), ==,
                    ADIT_PCP_NO_RESOURCES);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_SHORT);
}

static void
test_s21_error_lifetimes(Fixture *f, gconstpointer data)
{
    ((AditDeviceEntry *)g_ptr_array_index(f->model->devices, 0))->may_publish = FALSE;
    make_site(f);
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_LONG);
    f->request.body.external = addr("192.0.2.1");
    prefer_failure(f);
    g_assert_cmpint(send_as(f, "disk"), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_LONG); /* no such address of ours */
}

static void
test_s21_no_address(Fixture *f, gconstpointer data)
{
    if (f->family == AF_INET6)
        return; /* a device without a GUA cannot even ask */
    f->facts.n_wan_prefixes = 0;
    make_site(f);
    g_assert_cmpint(send(f), ==, ADIT_PCP_NETWORK_FAILURE);
    g_assert_cmpuint(f->reply.lifetime, ==, ADIT_PCP_ERROR_SHORT);
}

static void
test_s27_device_gone(Fixture *f, gconstpointer data)
{
    const AditLease *lease;

    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    lease = adit_lease_first_to_end(f->table);
    g_assert_true(adit_lease_fits(lease, f->site));
    adit_model_remove_device(f->model, 0);
    make_site(f);
    g_assert_false(adit_lease_fits(lease, f->site));
}

static void
test_reserved(Fixture *f, gconstpointer data)
{
    static const struct {
        guint16 port;
        guint8 proto;
    } rows[] = {
        { 22, IPPROTO_TCP },    { 53, IPPROTO_UDP },   { 5351, IPPROTO_UDP },
        { 51820, IPPROTO_UDP }, { 8000, IPPROTO_TCP },
    };
    const AditListening web = { .protocol = IPPROTO_TCP,
                                .addr = addr("0.0.0.0"),
                                .port = 8000 };

    adit_pcp_site_set_listening(f->site, &web, 1, 2);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        ask_for(f, rows[i].port);
        f->request.body.protocol = rows[i].proto;
        prefer_failure(f);
        g_assert_cmpint(send(f), ==,
                        f->family == AF_INET ? ADIT_PCP_CANNOT_PROVIDE_EXTERNAL
                                             : ADIT_PCP_SUCCESS); /* its own address */
        if (f->family == AF_INET)
            g_assert_nonnull(f->refusal.holder);
    }
}

static void
test_recycling(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    f->request.lifetime = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    f->request.lifetime = 3600;
    prefer_failure(f);
    if (f->family == AF_INET) {
        g_assert_cmpint(send_as(f, "disk"), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
        f->desk.now_ms += 61000;
        g_assert_cmpint(send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
    } else {
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    }
}

static const AditLease *
turn_off(Fixture *f)
{
    const AditLease *lease = adit_lease_first_to_end(f->table);
    AditLease next = *lease;

    next.ends.flags |= ADIT_LEASE_OFF;
    next.expires_ms = ADIT_LEASE_NEVER;
    adit_lease_update(f->table, lease, &next);
    return lease;
}

static void
test_off_stays_off(Fixture *f, gconstpointer data)
{
    const AditLease *lease;

    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    lease = turn_off(f);
    for (guint i = 0; i < 4; i++) {
        ask_for(f, 443);
        f->request.lifetime = i == 2 ? 0 : 3600;
        if (i == 3)
            other_nonce(f);
        g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    }
    ask_for(f, 0); /* delete all */
    f->request.lifetime = 0;
    f->request.body.protocol = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_true(adit_lease_first_to_end(f->table) == lease && !adit_lease_is_on(lease));
}

static void
ask_for_redirect(Fixture *f, guint8 mode, guint16 port)
{
    ask_for(f, 443);
    f->request.options.has = ADIT_PCP_HAS_REDIRECT;
    f->request.options.redirect.mode = mode;
    f->request.options.redirect.external_port = port;
}

static guint8
redirect_status(Fixture *f)
{
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.has & ADIT_PCP_HAS_REDIRECT, !=, 0);
    return f->reply.options.redirect.status;
}

static void
test_redirect(Fixture *f, gconstpointer data)
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
    ask_for(f, 80); /* a mapping of its own */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.body.external_port, ==, 80);
    ask_for_redirect(f, 1, 80);
    g_assert_cmpuint(redirect_status(f), ==, ADIT_PCP_REDIRECT_YIELDED);
    ask_for(f, 443); /* a renewal without the option withdraws it */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.has & ADIT_PCP_HAS_REDIRECT, ==, 0);
}

/* As StartOS asks: TCP, inside 443, outside exactly 80, 443 held by the same device. */
static void
test_compat_second(Fixture *f, gconstpointer data)
{
    const guint8 first_nonce = 7;

    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    other_nonce(f);
    f->request.body.external_port = 80;
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED);
    f->rules->second = TRUE;
    prefer_failure(f);
    for (guint i = 0; i < 2; i++) { /* made, renewed */
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.body.external_port, ==, 80);
        g_assert_cmpuint(adit_lease_table_len(f->table), ==, 2);
    }
    f->request.body.external_port = 81;
    g_assert_cmpint(send(f), ==, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL);
    f->request.options.has = 0;
    f->request.lifetime = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS); /* deletes the second, not the first */
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 1);
    g_assert_cmpuint(adit_lease_first_to_end(f->table)->nonce[0], ==, first_nonce);
    ask_for(f, 444);
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    other_nonce(f);
    f->request.body.external_port = 80;
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED); /* 443 only */
}

static void
ask_for_set(Fixture *f, guint16 port, guint16 size)
{
    ask_for(f, port);
    f->request.options.has = ADIT_PCP_HAS_PORT_SET;
    f->request.options.port_set.size = size;
    f->request.options.port_set.first_internal = port;
}

static void
test_e8_port_set(Fixture *f, gconstpointer data)
{
    ask_for_set(f, 3000, 100);
    for (guint i = 0; i < 2; i++) { /* made, renewed */
        g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
        g_assert_cmpuint(f->reply.options.port_set.size, ==, 100);
        g_assert_cmpuint(f->reply.body.external_port, ==, 3000);
        g_assert_cmpuint(adit_lease_table_len(f->table), ==, 100);
    }
    ask_for_set(f, 5000, 1000); /* what is left of the quota */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.port_set.size, ==, 156);
    ask_for_set(f, 3000, 100);
    f->request.lifetime = 0;
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_lease_table_len(f->table), ==, 156);
    ask_for_set(f, 7001, 4);
    f->request.body.external_port = 8000;
    f->request.options.port_set.parity = TRUE;
    publish(f, "8002", "nas"); /* the row that was asked for is broken */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(f->reply.options.port_set.size, ==, 4);
    g_assert_true(f->reply.options.port_set.parity);
    g_assert_cmpuint(f->reply.body.external_port & 1, ==, 1);
}

static void
test_e3_description(Fixture *f, gconstpointer data)
{
    static const char umlaut[] = "\303\274";
    char *text = f->request.options.description;

    f->request.options.has = ADIT_PCP_HAS_DESCRIPTION;
    for (guint i = 0; i < 63; i++)
        text[i] = 'a';
    memcpy(text + 63, umlaut, sizeof(umlaut)); /* the cut would fall into it */
    g_assert_cmpint(send(f), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(strlen(f->reply.options.description), ==, 63);
    g_assert_cmpstr(adit_lease_first_to_end(f->table)->description, ==,
                    f->reply.options.description);
}

static void
test_e1_natpmp(Fixture *f, gconstpointer data)
{
    static const guint8 address[] = { 0, 0 },
                        map[] = { 0, 2, 0, 0, 1, 187, 1, 187, 0, 0, 28, 32 };
    AditPcpExchange exchange;
    AditNatpmpReply reply;
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_pcp_exchange_begin(&f->desk, host(f, "nas"), address, 2, &exchange));
    adit_pcp_exchange_end(&exchange);
    if (f->family == AF_INET6) { /* there is none: the offer of version 2 */
        g_assert_cmpuint(exchange.bytes[0], ==, 2);
        g_assert_cmpuint(exchange.bytes[3], ==, ADIT_PCP_UNSUPP_VERSION);
        return;
    }
    adit_natpmp_reply_decode(exchange.bytes, exchange.len, &reply, &error);
    g_assert_no_error(error);
    g_assert_cmpint(adit_addr_cmp(&reply.external, &host(f, "nas")->reported), ==, 0);
    g_assert_true(
        adit_pcp_exchange_begin(&f->desk, host(f, "nas"), map, sizeof(map), &exchange));
    adit_pcp_exchange_end(&exchange);
    adit_natpmp_reply_decode(exchange.bytes, exchange.len, &reply, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(reply.result, ==, ADIT_NATPMP_SUCCESS);
    g_assert_cmpuint(reply.external_port, ==, 443);
    g_assert_cmpuint(reply.lifetime, ==, 7200);
    g_assert_cmpint(send(f), ==, ADIT_PCP_NOT_AUTHORIZED); /* it is of who made it */
    f->rules->natpmp = FALSE;
    g_assert_true(adit_pcp_exchange_begin(&f->desk, host(f, "nas"), address, 2, &exchange));
    g_assert_cmpuint(exchange.bytes[3], ==, ADIT_PCP_UNSUPP_VERSION);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(Fixture *f, gconstpointer data);
    } tests[] = {
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
        { "reserved", test_reserved },
        { "recycling", test_recycling },
        { "off-stays-off", test_off_stays_off },
        { "redirect", test_redirect },
        { "compat-second", test_compat_second },
        { "E1-natpmp", test_e1_natpmp },
        { "E3-description", test_e3_description },
        { "E8-port-set", test_e8_port_set },
    };
    static const guint8 families[] = { AF_INET, AF_INET6 };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests) * 2; i++) {
        const guint8 family = families[i % 2];
        g_autofree char *path = g_strdup_printf(
            "/pcp-answer/v%c/%s", family == AF_INET ? '4' : '6', tests[i / 2].name);

        g_test_add(path, Fixture, GUINT_TO_POINTER(family), setup, tests[i / 2].func, teardown);
    }
    return g_test_run();
}
