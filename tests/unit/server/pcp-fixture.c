/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/pcp-fixture.h"

#include "tests/unit/server/sample.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

AditAddr
pcp_addr(const char *text)
{
    return sample_prefix(text).addr;
}

const AditPcpHost *
pcp_host(PcpFixture *f, const char *name)
{
    for (guint i = 0; i < adit_pcp_site_n_hosts(f->site); i++) {
        const AditPcpHost *h = adit_pcp_site_nth_host(f->site, i);

        if (h->addr.family == f->family && g_str_equal(h->name, name))
            return h;
    }
    g_assert_not_reached();
}

void
pcp_make_site(PcpFixture *f)
{
    g_autoptr(GError) error = NULL;

    adit_model_settle(f->model, &error);
    g_assert_no_error(error);
    g_clear_pointer(&f->site, adit_pcp_site_free);
    f->site = adit_pcp_site_new(f->model, &f->facts, f->rules, NULL);
    f->desk.site = f->site;
}

void
pcp_ask_for(PcpFixture *f, guint16 port)
{
    memset(&f->request, 0, sizeof(f->request));
    f->request.opcode = ADIT_PCP_MAP;
    f->request.lifetime = 3600;
    f->request.body.protocol = IPPROTO_TCP;
    f->request.body.internal_port = f->request.body.external_port = port;
    memset(f->request.body.nonce, 7, ADIT_PCP_NONCE);
}

static void
pcp_setup(PcpFixture *f, gconstpointer data)
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
    pcp_make_site(f);
    pcp_ask_for(f, 443);
}

static void
pcp_teardown(PcpFixture *f, gconstpointer data)
{
    adit_lease_table_free(f->table);
    adit_pcp_site_free(f->site);
    adit_settings_free(&adit_server_settings, f->rules);
    adit_model_free(f->model);
}

AditPcpResult
pcp_send_as(PcpFixture *f, const char *name)
{
    f->request.client = pcp_host(f, name)->addr;
    adit_pcp_answer(&f->desk, pcp_host(f, name), &f->request, &f->reply, &f->refusal);
    g_assert_cmpuint(f->reply.epoch, ==, 77);
    return (AditPcpResult)f->reply.result;
}

AditPcpResult
pcp_send(PcpFixture *f)
{
    return pcp_send_as(f, "nas");
}

void
pcp_other_nonce(PcpFixture *f)
{
    memset(f->request.body.nonce, 8, ADIT_PCP_NONCE);
}

void
pcp_prefer_failure(PcpFixture *f)
{
    f->request.options.has |= ADIT_PCP_HAS_PREFER_FAILURE;
}

void
pcp_publish(PcpFixture *f, const char *ports, const char *device)
{
    g_autoptr(GError) error = NULL;

    sample_add_publish(f->model, f->family, ports, device, 0, &error);
    g_assert_no_error(error);
    pcp_make_site(f);
}

const AditLease *
pcp_turn_off(PcpFixture *f, guint8 off)
{
    const AditLease *lease = adit_lease_first_to_end(f->table);
    AditLease next = *lease;

    next.ends.flags |= off;
    next.expires_ms = ADIT_LEASE_NEVER;
    adit_lease_update(f->table, lease, &next);
    return lease;
}

void
pcp_add_cases(const char *path, const PcpCase *cases, guint n)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };

    for (guint i = 0; i < n * 2; i++) {
        const guint8 family = families[i % 2];
        g_autofree char *name = g_strdup_printf(
            "/%s/v%c/%s", path, family == AF_INET ? '4' : '6', cases[i / 2].name);

        g_test_add(name, PcpFixture, GUINT_TO_POINTER(family), pcp_setup, cases[i / 2].func,
                   pcp_teardown);
    }
}
