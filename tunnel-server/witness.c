/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/witness.h"

#include "libadit/sys/foreign.h"
#include "tunnel-server/dataplane.h"

#include <string.h>
#include <sys/socket.h>

#define TRAFFIC_MS 25 /* what is older hides what a connection of just now has left */
#define FOREIGN_MS 1000

struct _AditWitness {
    AditAdmin *admin;
    AditTrafficTable *traffic; /* as of traffic_at */
    gint64 traffic_at, foreign_at;
    char *drop[2]; /* who drops what is forwarded in IPv4, IPv6; NULL: nobody known */
};

static gboolean
is_old(gint64 at, guint ms)
{
    return at == 0 || g_get_monotonic_time() - at > ms * (gint64)1000;
}

/* "table inet filter, chain forward" of "... drops what is forwarded, so that ..." */
static char *
find_drop(guint8 family)
{
    const AditForeignPort none[] = { { 0 } };
    const AditForeignQuestion question = {
        .link = ADIT_SERVER_LINK, .own = ADIT_DATAPLANE_TABLE, .ports = none, .family = family
    };
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    const char *text, *end;

    adit_foreign_look(&question, problems);
    text = problems->len > 0 ? g_ptr_array_index(problems, 0) : NULL;
    end = text ? strstr(text, " drops") : NULL;
    return end ? g_strndup(text, (gsize)(end - text)) : NULL;
}

static void
look(AditWitness *self)
{
    if (is_old(self->traffic_at, TRAFFIC_MS)) {
        adit_traffic_table_free(self->traffic);
        self->traffic = adit_admin_traffic(self->admin);
        self->traffic_at = g_get_monotonic_time();
    }
    if (!is_old(self->foreign_at, FOREIGN_MS))
        return;
    for (guint f = 0; f < 2; f++) {
        g_free(self->drop[f]);
        self->drop[f] = find_drop(f ? AF_INET6 : AF_INET);
    }
    self->foreign_at = g_get_monotonic_time();
}

static void
on_port(AditAskPort *port, gpointer data)
{
    AditWitness *self = data;
    AditTraffic traffic;

    look(self);
    if (port->external.port == 0)
        return;
    traffic = adit_traffic_table_get(self->traffic, port->proto, &port->external);
    port->packets_in = traffic.packets_in;
    port->packets_out = traffic.packets_out;
    if (self->drop[port->external.addr.family == AF_INET6])
        g_strlcpy(port->drop, self->drop[port->external.addr.family == AF_INET6],
                  sizeof(port->drop));
}

AditWitness *
adit_witness_new(AditAdmin *admin)
{
    AditWitness *self = g_new0(AditWitness, 1);

    self->admin = admin;
    adit_pcp_server_set_witness(adit_admin_pcp(admin), on_port, self);
    return self;
}

void
adit_witness_free(AditWitness *self)
{
    if (!self)
        return;
    adit_pcp_server_set_witness(adit_admin_pcp(self->admin), NULL, NULL);
    adit_traffic_table_free(self->traffic);
    g_free(self->drop[0]);
    g_free(self->drop[1]);
    g_free(self);
}
