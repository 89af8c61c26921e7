/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/resolve1.h"

#include "policy-routing/dns-plan.h"

#include <gio/gio.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#define SERVICE "org.freedesktop.resolve1"
#define PATH "/org/freedesktop/resolve1"
#define MANAGER "org.freedesktop.resolve1.Manager"
#define FOLDER "/run/systemd/resolve" /* stays when the service stops */
#define WAIT_MS 10000
#define AGAIN_MS 250 /* it may hear of a new link later than we do */
#define TRIES 20

struct _AditResolve1 {
    GDBusConnection *bus; /* NULL: it does not run */
    GCancellable *cancel;
    GHashTable *links; /* name -> Link */
    guint watch, again;
    GSourceFunc tell_all; /* a failure asks for another turn of it */
};

/* One link, and what was asked of it last. */
typedef struct {
    AditDnsPlan *plan;
    int index; /* as told; 0: not told yet */
    guint failed;
    gboolean wanted;
} Link;

typedef struct {
    AditResolve1 *self;
    char *link;
    const char *method;
} Call;

static void
free_link(gpointer data)
{
    Link *link = data;

    adit_dns_plan_free(link->plan);
    g_free(link);
}

gboolean
adit_resolve1_is_here(void)
{
    return access(FOLDER, F_OK) == 0;
}

/* A link that went away took its settings along; one just made may not be known there yet. */
static void
on_failure(AditResolve1 *self, const Call *call, const GError *error)
{
    Link *link = g_hash_table_lookup(self->links, call->link);

    if (!link || link->index == 0)
        return;
    link->index = 0;
    link->failed++;
    if (link->failed > TRIES)
        g_warning("systemd-resolved: %s: %s: %s", call->link, call->method, error->message);
    else if (self->again == 0)
        self->again = g_timeout_add(AGAIN_MS, self->tell_all, self);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (!reply && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        on_failure(call->self, call, error);
    g_free(call->link);
    g_free(call);
}

static void
ask(AditResolve1 *self, const char *link, const char *method, GVariant *words)
{
    Call *call = g_new0(Call, 1);

    call->self = self;
    call->link = g_strdup(link);
    call->method = method;
    g_debug("systemd-resolved: %s: %s", link, method);
    g_dbus_connection_call(self->bus, SERVICE, PATH, MANAGER, method, words, NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, WAIT_MS, self->cancel, on_done,
                           call);
}

static GVariant *
servers_of(const AditDnsPlan *plan)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(iay)"));
    for (guint i = 0; i < plan->n_servers; i++) {
        const AditAddr *server = &plan->servers[i];

        g_variant_builder_add(&list, "(i@ay)", server->family,
                              g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, server->bytes,
                                                        adit_family_bits(server->family) / 8,
                                                        1));
    }
    return g_variant_builder_end(&list);
}

/* "~." is the root, for routing only. */
static GVariant *
domains_of(const AditDnsPlan *plan)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sb)"));
    for (guint i = 0; plan->domains[i]; i++) {
        const gboolean route = plan->domains[i][0] == '~';

        g_variant_builder_add(&list, "(sb)", plan->domains[i] + (route ? 1 : 0), route);
    }
    return g_variant_builder_end(&list);
}

/* resolvectl dns gw1 10.59.0.1; resolvectl domain gw1 corp.example ~.;
 * resolvectl default-route gw1 yes */
static void
tell(AditResolve1 *self, const char *name, const Link *link)
{
    if (link->plan->n_servers == 0) {
        ask(self, name, "RevertLink", g_variant_new("(i)", link->index));
        return;
    }
    ask(self, name, "SetLinkDNS",
        g_variant_new("(i@a(iay))", link->index, servers_of(link->plan)));
    ask(self, name, "SetLinkDomains",
        g_variant_new("(i@a(sb))", link->index, domains_of(link->plan)));
    ask(self, name, "SetLinkDefaultRoute",
        g_variant_new("(ib)", link->index, link->plan->exclusive));
}

static gboolean
tell_all(gpointer data)
{
    AditResolve1 *self = data;
    GHashTableIter iter;
    gpointer name, value;

    g_clear_handle_id(&self->again, g_source_remove);
    g_hash_table_iter_init(&iter, self->links);
    while (self->bus && g_hash_table_iter_next(&iter, &name, &value)) {
        Link *link = value;
        const int index = (int)if_nametoindex(name);

        if (link->index != 0 && link->index == index)
            continue;
        link->index = index;
        if (index != 0)
            tell(self, name, link);
    }
    return G_SOURCE_REMOVE;
}

static void
on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
    AditResolve1 *self = data;
    GHashTableIter iter;
    gpointer link;

    self->bus = g_object_ref(bus);
    g_hash_table_iter_init(&iter, self->links);
    while (g_hash_table_iter_next(&iter, NULL, &link))
        ((Link *)link)->index = 0;
    tell_all(self);
}

static void
on_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    AditResolve1 *self = data;

    g_clear_object(&self->bus);
}

AditResolve1 *
adit_resolve1_new(void)
{
    AditResolve1 *self = g_new0(AditResolve1, 1);

    self->tell_all = tell_all;
    self->cancel = g_cancellable_new();
    self->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_link);
    self->watch = g_bus_watch_name(G_BUS_TYPE_SYSTEM, SERVICE, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                   on_appeared, on_vanished, self, NULL);
    return self;
}

static void
want(AditResolve1 *self, const AditGateway *gateway)
{
    g_autoptr(AditDnsPlan) plan = adit_dns_plan(gateway);
    Link *link = g_hash_table_lookup(self->links, gateway->link);

    if (!link) { /* told even when it is nothing: another aditd may have spoken before */
        link = g_new0(Link, 1);
        g_hash_table_insert(self->links, g_strdup(gateway->link), link);
    }
    link->wanted = TRUE;
    if (link->plan && adit_dns_plan_equal(link->plan, plan))
        return;
    adit_dns_plan_free(link->plan);
    link->plan = g_steal_pointer(&plan);
    link->index = 0;
    link->failed = 0;
}

static gboolean
forget(gpointer name, gpointer value, gpointer data)
{
    AditResolve1 *self = data;
    Link *link = value;

    if (link->wanted) {
        link->wanted = FALSE;
        return FALSE;
    }
    if (self->bus && link->index != 0 && (int)if_nametoindex(name) == link->index)
        ask(self, name, "RevertLink", g_variant_new("(i)", link->index));
    return TRUE;
}

void
adit_resolve1_apply(AditResolve1 *self, const AditGateway *const *gateways, guint n)
{
    for (guint i = 0; i < n; i++)
        want(self, gateways[i]);
    g_hash_table_foreach_remove(self->links, forget, self);
    tell_all(self);
}

void
adit_resolve1_free(AditResolve1 *self)
{
    if (!self)
        return;
    g_bus_unwatch_name(self->watch);
    g_clear_handle_id(&self->again, g_source_remove);
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_clear_object(&self->bus);
    g_hash_table_unref(self->links);
    g_free(self);
}
