/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/target.h"
#include "tunnel-server/pcp-exchange.h"

#include <string.h>
#include <sys/socket.h>

/* Packets of a device, one behind the other: two octets of length, then as many of packet. The
 * server answers what it answers, with no more octets than it was asked (the padding of a cut
 * message and the shortest replies aside), and never has two owners for a port. */

#define NATPMP_MOST 16

static AditModel *
make_model(void)
{
    AditModel *model = adit_model_new();
    AditSubnet *subnet = adit_model_add_subnet(model);
    AditDeviceEntry *device = adit_model_add_device(model);

    subnet->name = g_strdup("home");
    device->name = g_strdup("nas");
    device->id = 1;
    device->public_key.bytes[0] = 1;
    g_assert_true(adit_prefix_parse("10.59.0.0/24", &subnet->net4, NULL));
    g_assert_true(adit_prefix_parse("2001:db8:59::/64", &subnet->net6, NULL));
    g_assert_true(adit_addr_parse("203.0.113.7", &subnet->wan4, NULL));
    g_assert_true(adit_addr_parse("10.59.0.2", &device->addr4, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    return model;
}

static void
check_lease(const AditLease *lease, gpointer data)
{
    const AditSockAddr at = adit_lease_external(lease);

    g_assert_true(adit_lease_find_external(data, lease->ends.proto, &at) == lease);
    g_assert_true(adit_lease_find_internal(data, &lease->ends) == lease);
}

static void
ask(const AditPcpDesk *desk, const AditPcpHost *host, const uint8_t *data, size_t size)
{
    static AditPcpExchange exchange;
    gsize most;

    if (!adit_pcp_exchange_begin(desk, host, data, size, &exchange))
        return;
    most = exchange.version == 0 ? NATPMP_MOST : MAX((size + 3) / 4 * 4, ADIT_PCP_HEADER);
    g_assert_cmpuint(adit_pcp_exchange_end(&exchange), <=, MIN(most, ADIT_PCP_MAX));
    g_assert_cmpuint(exchange.bytes[1] & 0x80, ==, 0x80);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const AditServerFacts facts = { .wan = "eth0" };
    g_autoptr(AditModel) model = make_model();
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autoptr(AditPcpSite) site = adit_pcp_site_new(model, &facts, rules, NULL);
    g_autoptr(AditLeaseTable) table = adit_lease_table_new();
    AditPcpDesk desk = { rules, site, table, 1000, 7, 99 };

    rules->second = TRUE;
    for (guint i = 0; size >= 2; i++) {
        const size_t len = MIN((size_t)data[0] << 8 | data[1], size - 2);

        ask(&desk, adit_pcp_site_nth_host(site, i & 1), data + 2, len);
        data += 2 + len;
        size -= 2 + len;
        desk.now_ms += 1000;
    }
    adit_lease_foreach(table, check_lease, table);
    adit_settings_free(&adit_server_settings, rules);
    return 0;
}
