/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/endpoints.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>

struct _AditEndpoints {
    GHashTable *known; /* name -> AditAddr; unset while it is being looked up */
    GCancellable *cancel;
    AditEndpointsResolved resolved;
    gpointer data;
};

typedef struct {
    AditEndpoints *endpoints;
    char *name;
} Lookup;

AditEndpoints *
adit_endpoints_new(AditEndpointsResolved resolved, gpointer data)
{
    AditEndpoints *self = g_new0(AditEndpoints, 1);

    self->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->cancel = g_cancellable_new();
    self->resolved = resolved;
    self->data = data;
    return self;
}

static AditAddr
from_inet(GInetAddress *inet)
{
    guint8 family =
        g_inet_address_get_family(inet) == G_SOCKET_FAMILY_IPV4 ? AF_INET : AF_INET6;

    return adit_addr_from_bytes(family, g_inet_address_to_bytes(inet));
}

static void
on_lookup(GObject *source, GAsyncResult *result, gpointer data)
{
    Lookup *lookup = data;
    g_autoptr(GError) error = NULL;
    GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
    AditAddr *addr;

    if (found) {
        addr = g_new0(AditAddr, 1);
        *addr = from_inet(found->data);
        g_hash_table_insert(lookup->endpoints->known, g_strdup(lookup->name), addr);
        lookup->endpoints->resolved(lookup->endpoints, lookup->endpoints->data);
    } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_warning("endpoint %s: %s", lookup->name, error->message);
        /* Forgotten, so that the next reconciliation asks again. */
        g_hash_table_remove(lookup->endpoints->known, lookup->name);
    }
    g_resolver_free_addresses(found);
    g_free(lookup->name);
    g_free(lookup);
}

static AditAddr
look_up(AditEndpoints *self, const char *name)
{
    const AditAddr none = { 0 };
    const AditAddr *known = g_hash_table_lookup(self->known, name);
    g_autoptr(GResolver) resolver = NULL;
    Lookup *lookup;

    if (known)
        return *known;
    g_hash_table_insert(self->known, g_strdup(name), g_new0(AditAddr, 1));
    lookup = g_new0(Lookup, 1);
    lookup->endpoints = self;
    lookup->name = g_strdup(name);
    resolver = g_resolver_get_default();
    g_resolver_lookup_by_name_async(resolver, name, self->cancel, on_lookup, lookup);
    return none;
}

AditSockAddr *
adit_endpoints_of(AditEndpoints *self, const AditProfile *profile)
{
    AditSockAddr *list = g_new0(AditSockAddr, MAX(profile->n_peers, 1));

    for (guint i = 0; i < profile->n_peers; i++) {
        const AditEndpoint *endpoint = &profile->peers[i].endpoint;

        if (!endpoint->host || adit_endpoint_get_sockaddr(endpoint, &list[i]) || !self)
            continue;
        list[i].addr = look_up(self, endpoint->host);
        list[i].port = adit_addr_is_set(&list[i].addr) ? endpoint->port : 0;
    }
    return list;
}

void
adit_endpoints_free(AditEndpoints *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_hash_table_unref(self->known);
    g_free(self);
}
