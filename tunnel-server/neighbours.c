/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/neighbours.h"

#include "libadit/sys/foreign.h"
#include "tunnel-server/dataplane.h"

#include <netinet/in.h>

gboolean
adit_neighbours_is_silent(const AditModel *model, const AditWgDump *seen)
{
    for (guint i = 0; seen && i < seen->peers->len; i++)
        if (((const AditWgPeer *)g_ptr_array_index(seen->peers, i))->status.rx_bytes > 0)
            return FALSE;
    return model->devices->len > 0;
}

static gboolean
is_silent(const AditAdmin *admin)
{
    return adit_neighbours_is_silent(adit_admin_model(admin), adit_admin_seen(admin));
}

static gboolean
has_redirect(AditAdmin *admin)
{
    const AditModel *model = adit_admin_model(admin);

    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (publish->enabled && publish->redirect == ADIT_REDIRECT_HTTPS)
            return TRUE;
    }
    return FALSE;
}

/* Which ports of ours others may stand before. Packets that came tell more than rules that were
 * read: WireGuard's is asked for only until the first one. */
static void
look_for_foreign(AditAdmin *admin, gboolean silent, GPtrArray *problems)
{
    const gboolean redirects = has_redirect(admin);
    AditForeignPort ports[4] = { 0 };
    const AditForeignQuestion question = { .link = ADIT_SERVER_LINK,
                                           .own = ADIT_DATAPLANE_TABLE,
                                           .ports = ports };
    const guint16 port = adit_admin_model(admin)->listen_port;
    g_autofree char *harm = g_strdup_printf("so that no device reaches UDP port %u", port);
    guint n = 0;

    if (silent)
        ports[n++] = (AditForeignPort){ IPPROTO_UDP, port, FALSE, harm };
    if (adit_admin_settings(admin)->pcp)
        ports[n++] = (AditForeignPort){ IPPROTO_UDP, ADIT_DATAPLANE_PCP_PORT, TRUE,
                                        "so that no device opens a port by PCP" };
    if (redirects)
        ports[n++] =
            (AditForeignPort){ IPPROTO_TCP, ADIT_DATAPLANE_RESPONDER_PORT, FALSE,
                               "so that nobody is redirected from port 80 to https", TRUE };
    adit_foreign_look(&question, problems);
}

void
adit_neighbours_foreign(AditAdmin *admin, GPtrArray *problems)
{
    look_for_foreign(admin, is_silent(admin), problems);
}

GPtrArray *
adit_neighbours_look(AditAdmin *admin)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);
    guint16 port = adit_admin_model(admin)->listen_port;
    const gboolean redirects = has_redirect(admin);
    gboolean silent;

    if (!g_str_equal(adit_admin_state(admin), "up"))
        return problems;
    silent = is_silent(admin);
    look_for_foreign(admin, silent, problems);
    if (redirects && !adit_admin_has_responder(admin))
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
