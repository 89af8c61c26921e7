/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/endpoints.h"

#include <gio/gio.h>
#include <nss.h>
#include <string.h>
#include <sys/socket.h>

#define AGAIN_S 5
#define AGAIN_MAX_S 60

/* /etc/hosts has the first word, then the name servers of the uplinks. */

struct _AditEndpoints {
    GHashTable *known; /* name -> Name */
    GArray *inside;    /* name servers inside tunnels, which are not asked */
    GCancellable *cancel;
    AditEndpointsResolved resolved;
    gpointer data;
};

typedef struct {
    AditEndpoints *endpoints;
    char *name;
    GArray *addrs; /* AditAddr, the best first; empty: none known yet */
    guint at;      /* the one that is used */
    gboolean asking, next;
    AditLookup *lookup;
    GSourceFunc start;
    guint again, wait; /* a source, and its seconds */
} Name;

static const AditAddr none;

static void
free_name(gpointer data)
{
    Name *name = data;

    g_clear_handle_id(&name->again, g_source_remove);
    adit_lookup_free(name->lookup);
    g_array_unref(name->addrs);
    g_free(name->name);
    g_free(name);
}

AditEndpoints *
adit_endpoints_new(AditEndpointsResolved resolved, gpointer data)
{
    AditEndpoints *self = g_new0(AditEndpoints, 1);

    /* What this process asks of the C library is answered by files alone: a resolver would ask
     * through the guard. */
    __nss_configure_lookup("hosts", "files");
    self->known = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_name);
    self->inside = g_array_new(FALSE, TRUE, sizeof(AditAddr));
    self->cancel = g_cancellable_new();
    self->resolved = resolved;
    self->data = data;
    return self;
}

static const AditAddr *
addr_of(const Name *name)
{
    return name->addrs->len > 0 ? &g_array_index(name->addrs, AditAddr, name->at) : &none;
}

/* Who serves well is kept, though others come and go beside it. */
static guint
choose(const GArray *addrs, const AditAddr *before, gboolean next)
{
    for (guint i = 0; i < addrs->len; i++)
        if (adit_addr_cmp(&g_array_index(addrs, AditAddr, i), before) == 0)
            return next ? (i + 1) % addrs->len : i;
    return 0;
}

static void
settle(Name *name, const GArray *addrs)
{
    const AditAddr before = *addr_of(name);

    name->at = choose(addrs, &before, name->next);
    g_array_set_size(name->addrs, 0);
    g_array_append_vals(name->addrs, addrs->data, addrs->len);
    name->asking = FALSE;
    name->wait = 0;
    if (adit_addr_cmp(addr_of(name), &before) == 0)
        return;
    if (adit_addr_is_set(&before)) {
        g_autofree char *text = adit_addr_to_string(addr_of(name));

        g_message("endpoint %s: now %s", name->name, text);
    }
    name->endpoints->resolved(name->endpoints, name->endpoints->data);
}

static void
on_looked_up(const GArray *found, const GError *error, gpointer data)
{
    Name *name = data;

    if (found->len > 0) {
        settle(name, found);
        return;
    }
    name->asking = FALSE;
    if (name->wait == 0)
        g_warning("endpoint %s: %s", name->name, error->message);
    if (name->addrs->len > 0)
        return; /* an old answer is better than none; who watches over the tunnel asks again */
    name->wait = CLAMP(2 * name->wait, AGAIN_S, AGAIN_MAX_S);
    name->again = g_timeout_add_seconds(name->wait, name->start, name);
}

static gboolean
start(gpointer data)
{
    Name *name = data;
    g_autoptr(GArray) servers = adit_lookup_servers(name->endpoints->inside);

    name->again = 0;
    name->asking = TRUE;
    g_clear_pointer(&name->lookup, adit_lookup_free);
    name->lookup = adit_lookup_new(name->name, servers, on_looked_up, name);
    return G_SOURCE_REMOVE;
}

static AditAddr
from_inet(GInetAddress *inet)
{
    guint8 family =
        g_inet_address_get_family(inet) == G_SOCKET_FAMILY_IPV4 ? AF_INET : AF_INET6;

    return adit_addr_from_bytes(family, g_inet_address_to_bytes(inet));
}

/* What cannot be sent to from here comes last: it may be a moment's trouble. */
static GArray *
from_list(const GList *list)
{
    GArray *addrs = g_array_new(FALSE, TRUE, sizeof(AditAddr));
    guint n_reachable = 0;

    for (const GList *l = list; l; l = l->next) {
        const AditAddr addr = from_inet(l->data);

        if (adit_lookup_is_reachable(&addr))
            g_array_insert_val(addrs, n_reachable++, addr);
        else
            g_array_append_val(addrs, addr);
    }
    return addrs;
}

static void
on_files(GObject *source, GAsyncResult *result, gpointer data)
{
    Name *name = data;
    g_autoptr(GError) error = NULL;
    GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);

    if (found) {
        g_autoptr(GArray) addrs = from_list(found);

        settle(name, addrs);
    } else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        start(name);
    }
    g_resolver_free_addresses(found);
}

static void
ask(Name *name)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();

    name->asking = TRUE;
    g_clear_handle_id(&name->again, g_source_remove);
    g_resolver_lookup_by_name_async(resolver, name->name, name->endpoints->cancel, on_files,
                                    name);
}

static AditAddr
look_up(AditEndpoints *self, const char *host)
{
    Name *name = g_hash_table_lookup(self->known, host);

    if (name)
        return *addr_of(name);
    name = g_new0(Name, 1);
    name->endpoints = self;
    name->name = g_strdup(host);
    name->addrs = g_array_new(FALSE, TRUE, sizeof(AditAddr));
    name->start = start;
    g_hash_table_insert(self->known, name->name, name);
    ask(name);
    return none;
}

/* Only private ones: a public server may well be the uplink's, too. */
static void
note_servers(AditEndpoints *self, const AditProfile *profile)
{
    for (guint i = 0; i < profile->n_dns; i++) {
        gboolean known = !adit_addr_is_private(&profile->dns[i]);

        for (guint k = 0; !known && k < self->inside->len; k++)
            known =
                adit_addr_cmp(&g_array_index(self->inside, AditAddr, k), &profile->dns[i]) == 0;
        if (!known)
            g_array_append_val(self->inside, profile->dns[i]);
    }
}

AditSockAddr *
adit_endpoints_of(AditEndpoints *self, const AditProfile *profile)
{
    AditSockAddr *list = g_new0(AditSockAddr, MAX(profile->n_peers, 1));

    if (self)
        note_servers(self, profile);
    for (guint i = 0; i < profile->n_peers; i++) {
        const AditEndpoint *endpoint = &profile->peers[i].endpoint;

        if (!endpoint->host || adit_endpoint_get_sockaddr(endpoint, &list[i]) || !self)
            continue;
        list[i].addr = look_up(self, endpoint->host);
        list[i].port = adit_addr_is_set(&list[i].addr) ? endpoint->port : 0;
    }
    return list;
}

AditLookup *
adit_endpoints_ask(AditEndpoints *self, const char *host, AditLookupDone done, gpointer data)
{
    g_autoptr(GArray) servers = adit_lookup_servers(self->inside);
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    GList *found = g_resolver_lookup_by_name(resolver, host, NULL, NULL); /* files only */
    const gboolean is_name = found == NULL;

    g_resolver_free_addresses(found);
    return is_name ? adit_lookup_new(host, servers, done, data) : NULL;
}

void
adit_endpoints_retry(AditEndpoints *self, const AditProfile *profile, gboolean next)
{
    for (guint i = 0; i < profile->n_peers; i++) {
        const AditEndpoint *endpoint = &profile->peers[i].endpoint;
        Name *name = endpoint->host ? g_hash_table_lookup(self->known, endpoint->host) : NULL;

        if (!name || name->asking)
            continue;
        name->next = next;
        ask(name);
    }
}

void
adit_endpoints_free(AditEndpoints *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_hash_table_unref(self->known);
    g_array_unref(self->inside);
    g_free(self);
}
