/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"
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
