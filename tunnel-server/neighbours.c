/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/neighbours.h"

/* Somebody ought to have come by now. */
static void
look_for_silence(AditAdmin *admin, GPtrArray *problems)
{
    const AditModel *model = adit_admin_model(admin);
    g_autoptr(AditWgDump) dump = adit_admin_peers(admin);

    if (!dump || dump->peers->len == 0)
        return;
    for (guint i = 0; i < dump->peers->len; i++)
        if (((const AditWgPeer *)g_ptr_array_index(dump->peers, i))->status.rx_bytes > 0)
            return;
    g_ptr_array_add(
        problems,
        g_strdup_printf("no packet ever arrived on UDP port %u: open it in your provider's "
                        "firewall (security group): inbound, UDP, port %u, from anywhere",
                        model->listen_port, model->listen_port));
}

GPtrArray *
adit_neighbours_look(AditAdmin *admin)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);

    look_for_silence(admin, problems);
    return problems;
}
