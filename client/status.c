/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/daemon-private.h"

#include <sys/socket.h>

char *
adit_daemon_describe_clash(const AditDaemon *self, const AditEntry *entry)
{
    g_autoptr(AditGateway) gateway =
        adit_gateway_from_profile(entry->name, entry->slot, entry->name, entry->profile);
    const AditAddress *clash = adit_plan_find_clash(gateway, adit_router_facts(self->router));
    g_autofree char *network = NULL, *server = NULL;
    const AditAddr *reached;
    AditPrefix prefix;

    if (!clash)
        return NULL;
    prefix = adit_prefix_network(&clash->prefix);
    network = adit_prefix_to_string(&prefix);
    reached = &gateway->servers[prefix.addr.family == AF_INET6];
    server = adit_addr_is_set(reached) ? adit_addr_to_string(reached) : g_strdup("nobody");
    return g_strdup_printf("%s is the network of %s, too: in the tunnel only %s is reached; "
                           "give one of them other numbers",
                           network, clash->link, server);
}

static void
add_problem(AditGatewayStatus *status, char *text)
{
    g_autofree char *more = text, *before = g_steal_pointer(&status->problem);

    if (before && more)
        status->problem = g_strdup_printf("%s; %s", before, more);
    else
        status->problem = before ? g_steal_pointer(&before) : g_steal_pointer(&more);
}

static gint64
last_handshake(const AditWgDump *dump)
{
    gint64 last = 0;

    for (guint i = 0; dump && i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        last = MAX(last, peer->status.handshake_sec);
    }
    return last;
}

/* Whether a name among the endpoints has no address yet, and whether somebody sends by himself.
 */
static void
see_peers(AditDaemon *self, const AditProfile *profile, AditHealthFacts *ret)
{
    g_autofree AditSockAddr *endpoints = adit_endpoints_of(self->endpoints, profile);

    for (guint i = 0; i < profile->n_peers; i++) {
        ret->keeps |= profile->peers[i].keepalive > 0;
        ret->unresolved |= profile->peers[i].endpoint.host && endpoints[i].port == 0;
    }
}

gint64
adit_daemon_see(AditDaemon *self, const AditEntry *entry, AditHealthFacts *ret)
{
    g_autoptr(AditWgDump) dump =
        entry->up ? adit_wgdev_get(self->wgdev, entry->name, NULL) : NULL;
    const gint64 last = last_handshake(dump);
    AditHealthFacts facts = { .wanted = entry->up, .has_link = dump != NULL };

    facts.up_for = (g_get_monotonic_time() - entry->since) / G_USEC_PER_SEC;
    facts.silence = last ? g_get_real_time() / G_USEC_PER_SEC - last : -1;
    see_peers(self, entry->profile, &facts);
    *ret = facts;
    return last;
}

/* When the server was last heard, and what is wrong in one sentence. */
gboolean
adit_daemon_status(AditDaemon *self, const char *name, AditGatewayStatus *ret, GError **error)
{
    AditEntry *entry = adit_daemon_find(self, name, error);
    AditGatewayStatus status = { 0 };
    AditHealthFacts facts;
    const char *problem;

    if (!entry)
        return FALSE;
    status.last_handshake = adit_daemon_see(self, entry, &facts);
    status.health = adit_health_judge(&facts, &problem);
    status.problem = g_strdup(problem);
    add_problem(&status, adit_daemon_describe_clash(self, entry));
    if (entry->owner)
        add_problem(&status, g_strdup_printf("only for %s, and not there at boot: adit adopt "
                                             "--everyone %s",
                                             entry->owner, entry->name));
    *ret = status;
    return TRUE;
}

void
adit_gateway_status_clear(AditGatewayStatus *status)
{
    g_clear_pointer(&status->problem, g_free);
}
