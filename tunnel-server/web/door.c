/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/door.h"

#include "libadit/core/error.h"
#include "libadit/core/inet.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* One listening socket. */
typedef struct {
    AditWebDoors *owner;
    GSocketService *service;
    AditWebDoorKind kind;
} Door;

struct _AditWebDoors {
    const AditWebSettings *settings;
    const AditWebBus *bus;
    AditWebConnections *connections;
    GHashTable *open;   /* "192.0.2.1 8420" -> Door */
    GHashTable *failed; /* likewise, as a set: said once */
};

static void
door_free(gpointer data)
{
    Door *door = data;

    g_socket_service_stop(door->service);
    g_socket_listener_close(G_SOCKET_LISTENER(door->service));
    g_object_unref(door->service);
    g_free(door);
}

AditWebDoors *
adit_web_doors_new(const AditWebSettings *settings, const AditWebBus *bus,
                   AditWebConnections *connections)
{
    AditWebDoors *self = g_new0(AditWebDoors, 1);

    self->settings = settings;
    self->bus = bus;
    self->connections = connections;
    self->open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, door_free);
    self->failed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void
adit_web_doors_free(AditWebDoors *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->open);
    g_hash_table_unref(self->failed);
    g_free(self);
}

/* A neighbour on the WAN's link can address a packet to the tunnel's address, too; a device's
 * own source address it cannot take, for the answer goes into the tunnel. */
static gboolean
is_stranger(const Door *door, GSocketConnection *stream)
{
    g_autoptr(GSocketAddress) remote = NULL;
    g_autofree char *text = NULL;

    if (door->kind != ADIT_WEB_DOOR_TUNNEL)
        return FALSE;
    remote = g_socket_connection_get_remote_address(stream, NULL);
    if (!remote)
        return TRUE;
    text = g_inet_address_to_string(
        g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)));
    return adit_web_bus_device_at(door->owner->bus, text) == NULL;
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *stream, GObject *source, gpointer data)
{
    Door *door = data;

    if (is_stranger(door, stream)) {
        adit_web_connections_count_stranger(door->owner->connections);
        g_io_stream_close(G_IO_STREAM(stream), NULL, NULL);
        return TRUE;
    }
    adit_web_connections_add(door->owner->connections, stream, door->kind);
    return TRUE;
}

/* The tunnel's address may come later than we do: FREEBIND waits for it. */
static GSocket *
listen_at(const char *address, guint16 port, GError **error)
{
    g_autoptr(GSocketAddress) where = g_inet_socket_address_new_from_string(address, port);
    g_autoptr(GSocket) socket = NULL;
    GSocketFamily family;

    if (!where) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not an address", address);
        return NULL;
    }
    family = g_socket_address_get_family(where);
    socket = g_socket_new(family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    if (!socket)
        return NULL;
    if (family == G_SOCKET_FAMILY_IPV6)
        g_socket_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, NULL);
    g_socket_set_option(socket, IPPROTO_IP, IP_FREEBIND, 1, NULL);
    g_socket_set_listen_backlog(socket, 64);
    if (!g_socket_bind(socket, where, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

static gboolean
open_door(AditWebDoors *self, const char *address, guint16 port, AditWebDoorKind kind,
          GError **error)
{
    g_autofree char *key = g_strdup_printf("%s %u", address, port);
    g_autoptr(GSocket) socket = NULL;
    Door *door;

    if (g_hash_table_contains(self->open, key))
        return TRUE;
    socket = listen_at(address, port, error);
    if (!socket) {
        g_prefix_error(error, "%s port %u: ", address, port);
        return FALSE;
    }
    door = g_new0(Door, 1);
    door->owner = self;
    door->kind = kind;
    door->service = g_socket_service_new();
    g_socket_listener_add_socket(G_SOCKET_LISTENER(door->service), socket, NULL, NULL);
    g_signal_connect(door->service, "incoming", G_CALLBACK(on_incoming), door);
    g_hash_table_insert(self->open, g_steal_pointer(&key), door);
    g_message("listening on %s port %u", address, port);
    return TRUE;
}

typedef struct {
    char *address;
    guint16 port;
    AditWebDoorKind kind;
} Wanted;

static void
wanted_clear(gpointer data)
{
    g_free(((Wanted *)data)->address);
}

static void
want(GArray *list, const char *address, gint64 port, AditWebDoorKind kind)
{
    const Wanted wanted = { g_strdup(address), (guint16)port, kind };

    g_array_append_val(list, wanted);
}

static void
want_word(AditWebDoors *self, GArray *list, const char *word)
{
    gint64 port = self->settings->port;
    const char *const *tunnel = adit_web_bus_tunnel(self->bus);

    if (g_str_equal(word, "loopback")) {
        want(list, "127.0.0.1", port, ADIT_WEB_DOOR_LOOPBACK);
        want(list, "::1", port, ADIT_WEB_DOOR_LOOPBACK);
    } else if (g_str_equal(word, "tunnel")) {
        for (guint i = 0; tunnel[i]; i++)
            want(list, tunnel[i], port, ADIT_WEB_DOOR_TUNNEL);
    } else if (g_str_equal(word, "public")) {
        want(list, "0.0.0.0", port, ADIT_WEB_DOOR_PUBLIC);
        want(list, "::", port, ADIT_WEB_DOOR_PUBLIC);
    } else if (*word) {
        want(list, word, port, ADIT_WEB_DOOR_PUBLIC);
    }
}

static GArray *
wanted_of(AditWebDoors *self)
{
    g_auto(GStrv) words = g_strsplit_set(self->settings->listen, ", ", -1);
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Wanted));

    g_array_set_clear_func(list, wanted_clear);
    for (guint i = 0; words[i]; i++)
        want_word(self, list, words[i]);
    if (self->settings->health_port) {
        want(list, "0.0.0.0", self->settings->health_port, ADIT_WEB_DOOR_HEALTH);
        want(list, "::", self->settings->health_port, ADIT_WEB_DOOR_HEALTH);
    }
    return list;
}

static gboolean
is_unwanted(gpointer key, gpointer value, gpointer data)
{
    const GArray *list = data;

    for (guint i = 0; i < list->len; i++) {
        const Wanted *wanted = &g_array_index(list, Wanted, i);
        g_autofree char *text = g_strdup_printf("%s %u", wanted->address, wanted->port);

        if (g_str_equal(text, key))
            return FALSE;
    }
    return TRUE;
}

/* A machine without IPv6 has no ::1: what fails is said once, and the rest serves. */
gboolean
adit_web_doors_settle(AditWebDoors *self, GError **error)
{
    g_autoptr(GArray) list = wanted_of(self);
    g_autoptr(GError) last = NULL;

    g_hash_table_foreach_remove(self->open, is_unwanted, list);
    for (guint i = 0; i < list->len; i++) {
        const Wanted *wanted = &g_array_index(list, Wanted, i);
        g_autoptr(GError) reason = NULL;

        if (open_door(self, wanted->address, wanted->port, wanted->kind, &reason))
            continue;
        if (g_hash_table_add(self->failed, g_strdup(reason->message)))
            g_warning("%s", reason->message);
        g_clear_error(&last);
        last = g_steal_pointer(&reason);
    }
    if (!last || g_hash_table_size(self->open) > 0)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&last));
    return FALSE;
}
