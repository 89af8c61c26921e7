/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"
#include "tunnel-server/pcp-server.h"

#include <stdlib.h>
#include <sys/socket.h>

/* pcp-serve NET4 DEVICE4 WAN4 NET6 FOLDER: the PCP server on a link named adit0 that
 * somebody else has made, without WireGuard behind it, so that a benchmark measures the server
 * and not a tunnel. In a network namespace of its own. Says "ready". */

static AditModel *
make_model(char **argv)
{
    AditModel *model = adit_model_new();
    AditSubnet *subnet = adit_model_add_subnet(model);
    AditDeviceEntry *device = adit_model_add_device(model);
    g_autoptr(GError) error = NULL;

    subnet->name = g_strdup("bench");
    device->name = g_strdup("device");
    device->id = 1;
    device->public_key.bytes[0] = 1;
    if (!adit_prefix_parse(argv[1], &subnet->net4, &error) ||
        !adit_addr_parse(argv[2], &device->addr4, &error) ||
        !adit_addr_parse(argv[3], &subnet->wan4, &error) ||
        !adit_prefix_parse(argv[4], &subnet->net6, &error) || !adit_model_settle(model, &error))
        g_error("%s", error->message);
    return model;
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    const AditServerFacts facts = { .wan = "eth0" };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditModel) model = NULL;
    g_autoptr(AditNftDev) nft = NULL;
    g_autoptr(AditPcpServer) server = NULL;
    g_autoptr(AditState) want = NULL;
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autofree char *path = NULL;
    AditPcpSite *site;

    if (argc < 6)
        return 2;
    path = g_build_filename(argv[5], "leases.db", NULL);
    rules->quota = 65535;
    rules->low_quota = 1023;
    rules->rate = rules->burst = 1000000;
    model = make_model(argv);
    site = adit_pcp_site_new(model, &facts, rules, NULL);
    nft = adit_nftdev_open(adit_dataplane_blueprint(FALSE), &error);
    if (!nft)
        g_error("%s", error->message);
    server = adit_pcp_server_new(nft, path);
    adit_pcp_server_set_rules(server, rules);
    want = adit_state_new();
    adit_server_add_ports(want, model, &facts);
    adit_state_seal(want);
    if (!adit_leases_restore(adit_pcp_server_leases(server), site, &error))
        g_error("%s", error->message);
    if (!adit_nftdev_reconcile(nft, want, NULL, &error))
        g_error("%s", error->message);
    adit_pcp_server_adopt(server, site);
    g_message("ready");
    g_main_loop_run(loop);
    return 0;
}
