/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/connection.h"

#define KEY "adit-connection"
#define ANSWER_SECONDS 60
#define STALL_SECONDS 30 /* without a byte read or written */

struct _AditWebConnections {
    SoupServer *soup;
    GTlsCertificate *certificate;
    AditWebCounters *counters;
    guint max, per_address, request_time;
    GHashTable *all;        /* set of AditWebConnection */
    GHashTable *by_address; /* text -> count */
};

/* Lives as long as its stream, which libsoup drops when it is done with it. */
struct _AditWebConnection {
    AditWebConnections *owner;
    GSocketConnection *stream; /* weak */
    GSocketAddress *remote, *local;
    char *from;
    AditWebDoorKind door;
    guint timer;
};

AditWebConnections *
adit_web_connections_new(SoupServer *soup, const AditWebSettings *settings,
                         GTlsCertificate *certificate, AditWebCounters *counters)
{
    AditWebConnections *self = g_new0(AditWebConnections, 1);

    self->soup = soup;
    self->certificate = certificate ? g_object_ref(certificate) : NULL;
    self->counters = counters;
    self->max = (guint)settings->connections;
    self->per_address = (guint)settings->per_address;
    self->request_time = (guint)settings->request_time;
    self->all = g_hash_table_new(NULL, NULL);
    self->by_address = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

guint
adit_web_connections_count(const AditWebConnections *self)
{
    return g_hash_table_size(self->all);
}

void
adit_web_connections_count_stranger(AditWebConnections *self)
{
    self->counters->refused[ADIT_WEB_REFUSED_STRANGER]++;
}

void
adit_web_connection_shut(AditWebConnection *self)
{
    g_socket_shutdown(g_socket_connection_get_socket(self->stream), TRUE, TRUE, NULL);
}

static gboolean
on_deadline(gpointer data)
{
    AditWebConnection *self = data;

    self->timer = 0;
    self->owner->counters->refused[ADIT_WEB_REFUSED_DEADLINE]++;
    adit_web_connection_shut(self);
    return G_SOURCE_REMOVE;
}

static void
set_deadline(AditWebConnection *self, guint seconds)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    if (seconds)
        self->timer = g_timeout_add_seconds(seconds, on_deadline, self);
}

static guint
count_of(AditWebConnections *self, const char *from)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(self->by_address, from));
}

static void
forget(AditWebConnection *self)
{
    AditWebConnections *owner = self->owner;
    guint left = count_of(owner, self->from) - 1;

    if (left)
        g_hash_table_replace(owner->by_address, g_strdup(self->from), GUINT_TO_POINTER(left));
    else
        g_hash_table_remove(owner->by_address, self->from);
    g_hash_table_remove(owner->all, self);
    g_clear_handle_id(&self->timer, g_source_remove);
    g_object_set_data(G_OBJECT(self->remote), KEY, NULL);
    g_object_unref(self->remote);
    g_object_unref(self->local);
    g_free(self->from);
    g_free(self);
}

static void
on_stream_gone(gpointer data, GObject *stream)
{
    forget(data);
}

void
adit_web_connections_free(AditWebConnections *self)
{
    GHashTableIter iter;
    gpointer key;

    if (!self)
        return;
    g_hash_table_iter_init(&iter, self->all);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        AditWebConnection *connection = key;

        g_object_weak_unref(G_OBJECT(connection->stream), on_stream_gone, connection);
        adit_web_connection_shut(connection);
        forget(connection);
        g_hash_table_iter_init(&iter, self->all);
    }
    g_hash_table_unref(self->all);
    g_hash_table_unref(self->by_address);
    g_clear_object(&self->certificate);
    g_free(self);
}

static void
hand_over(AditWebConnection *self, GIOStream *stream)
{
    g_autoptr(GError) error = NULL;

    if (!soup_server_accept_iostream(self->owner->soup, stream, self->local, self->remote,
                                     &error))
        g_debug("connection from %s: %s", self->from, error->message);
}

/* Whoever cannot shake hands is dropped with the last reference to its stream. */
static void
on_handshake(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GIOStream) stream = G_IO_STREAM(source);
    g_autoptr(GSocketConnection) base = data; /* keeps the connection's record alive */
    AditWebConnection *self = g_object_get_data(G_OBJECT(base), KEY);

    if (self && g_tls_connection_handshake_finish(G_TLS_CONNECTION(source), result, NULL))
        hand_over(self, stream);
}

static void
begin_tls(AditWebConnection *self)
{
    GIOStream *tls;

    tls =
        g_tls_server_connection_new(G_IO_STREAM(self->stream), self->owner->certificate, NULL);
    g_tls_connection_handshake_async(G_TLS_CONNECTION(tls), G_PRIORITY_DEFAULT, NULL,
                                     on_handshake, g_object_ref(self->stream));
}

static char *
address_text(GSocketAddress *address)
{
    return g_inet_address_to_string(
        g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

static AditWebConnection *
connection_new(AditWebConnections *owner, GSocketConnection *stream, AditWebDoorKind door)
{
    g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(stream, NULL);
    g_autoptr(GSocketAddress) local = g_socket_connection_get_local_address(stream, NULL);
    AditWebConnection *self;

    if (!remote || !local)
        return NULL; /* gone before it was looked at */
    self = g_new0(AditWebConnection, 1);
    self->owner = owner;
    self->stream = stream;
    self->door = door;
    self->from = address_text(remote);
    self->remote = g_steal_pointer(&remote);
    self->local = g_steal_pointer(&local);
    /* libsoup hands the same address object back with each message. */
    g_object_set_data(G_OBJECT(self->remote), KEY, self);
    g_object_set_data(G_OBJECT(stream), KEY, self);
    g_object_weak_ref(G_OBJECT(stream), on_stream_gone, self);
    g_hash_table_add(owner->all, self);
    g_hash_table_replace(owner->by_address, g_strdup(self->from),
                         GUINT_TO_POINTER(count_of(owner, self->from) + 1));
    return self;
}

void
adit_web_connections_add(AditWebConnections *self, GSocketConnection *stream,
                         AditWebDoorKind door)
{
    AditWebConnection *connection = connection_new(self, stream, door);

    if (!connection)
        return;
    if (g_hash_table_size(self->all) > self->max ||
        count_of(self, connection->from) > self->per_address) {
        self->counters->refused[ADIT_WEB_REFUSED_CONNECTIONS]++;
        g_io_stream_close(G_IO_STREAM(stream), NULL, NULL);
        return;
    }
    g_socket_set_timeout(g_socket_connection_get_socket(stream), STALL_SECONDS);
    set_deadline(connection, self->request_time);
    if (door == ADIT_WEB_DOOR_PUBLIC)
        begin_tls(connection);
    else
        hand_over(connection, G_IO_STREAM(stream));
}

AditWebConnection *
adit_web_connection_of(SoupServerMessage *msg)
{
    GSocketAddress *remote = soup_server_message_get_remote_address(msg);

    return remote ? g_object_get_data(G_OBJECT(remote), KEY) : NULL;
}

AditWebDoorKind
adit_web_connection_door(const AditWebConnection *self)
{
    return self->door;
}

void
adit_web_connection_arrived(AditWebConnection *self)
{
    set_deadline(self, ANSWER_SECONDS);
}

void
adit_web_connection_stream(AditWebConnection *self)
{
    set_deadline(self, 0);
}
