/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/neighbours.h"

#include "tunnel-server/dataplane.h"
#include "tunnel-server/foreign.h"

/* Whether WireGuard is silent: there are devices, and none was ever heard. */
static gboolean
is_silent(AditAdmin *admin)
{
    g_autoptr(AditWgDump) dump = adit_admin_peers(admin);

    if (!dump || dump->peers->len == 0)
        return FALSE;
    for (guint i = 0; i < dump->peers->len; i++)
        if (((const AditWgPeer *)g_ptr_array_index(dump->peers, i))->status.rx_bytes > 0)
            return FALSE;
    return TRUE;
}

/* Port 80 that leads to a responder which is not there refuses its visitors. */
static gboolean
is_redirect_dead(AditAdmin *admin)
{
    const AditModel *model = adit_admin_model(admin);

    for (guint i = 0; i < model->publishes->len && !adit_admin_has_responder(admin); i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (publish->enabled && publish->redirect == ADIT_REDIRECT_HTTPS)
            return TRUE;
    }
    return FALSE;
}

/* Packets that came tell more than rules that were read: the port is asked for only until the
 * first one. */
GPtrArray *
adit_neighbours_look(AditAdmin *admin)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);
    guint16 port = adit_admin_model(admin)->listen_port;
    gboolean silent = is_silent(admin);
    const AditForeignQuestion question = { ADIT_SERVER_LINK, silent ? port : 0,
                                           ADIT_DATAPLANE_TABLE };

    if (!g_str_equal(adit_admin_state(admin), "up"))
        return problems;
    adit_foreign_look(&question, problems);
    if (is_redirect_dead(admin))
        g_ptr_array_add(problems,
                        g_strdup("port 80 redirects to https, but adit-redirect is not "
                                 "running: systemctl start adit-redirect"));
    if (silent)
        g_ptr_array_add(
            problems, g_strdup_printf("no packet ever arrived on UDP port %u: open it in your "
                                      "provider's firewall (security group): inbound, UDP, "
                                      "port %u, from anywhere",
                                      port, port));
    return problems;
}
