/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/stream.h"

#include "tunnel-server/web/list.h"
#include "tunnel-server/web/row.h"

#include <string.h>

#define MAX_STREAMS 32
#define MAX_PENDING 32 /* chunks that a reader may lag behind */
#define TICK_MS 2000

typedef struct {
    AditWeb *web;
    SoupServerMessage *msg; /* owns nothing: "finished" frees us */
    AditWebConnection *connection;
    char *session, *token, *device; /* whose it is; one of them */
    guint n_pending;
    GHashTable *told; /* device -> row as last told */
} Stream;

/* -- what is said -- */

/* "WanAddress" -> "wan-address" */
static char *
kebab(const char *name)
{
    GString *out = g_string_new(NULL);

    for (const char *p = name; *p; p++) {
        if (g_ascii_isupper(*p) && p > name)
            g_string_append_c(out, '-');
        g_string_append_c(out, g_ascii_tolower(*p));
    }
    return g_string_free(out, FALSE);
}

void
adit_web_status_add(JsonBuilder *json, const AditWeb *web)
{
    g_autoptr(GList) names = adit_web_bus_properties(web->bus);

    json_builder_begin_object(json);
    if (!names) {
        json_builder_set_member_name(json, "state");
        json_builder_add_string_value(json, "gone");
    }
    for (GList *at = names; at; at = at->next) {
        g_autofree char *name = kebab(at->data);

        json_builder_set_member_name(json, name);
        adit_web_row_value(json, adit_web_bus_property(web->bus, at->data));
    }
    json_builder_set_member_name(json, "mappings-serial");
    json_builder_add_int_value(json, (gint64)adit_web_bus_mappings_serial(web->bus));
    json_builder_end_object(json);
}

static char *
event_text(const char *event, JsonBuilder *json)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    g_autofree char *data = NULL;

    json_generator_set_root(generator, root);
    data = json_generator_to_data(generator, NULL);
    return g_strdup_printf("event: %s\ndata: %s\n\n", event, data);
}

static void
tell(Stream *self, const char *text)
{
    SoupMessageBody *body = soup_server_message_get_response_body(self->msg);

    if (++self->n_pending > MAX_PENDING) {
        adit_web_connection_shut(self->connection);
        return;
    }
    soup_message_body_append(body, SOUP_MEMORY_COPY, text, strlen(text));
    soup_server_message_unpause(self->msg);
}

static void
tell_status(Stream *self)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autofree char *text = NULL;

    adit_web_status_add(json, self->web);
    text = event_text("status", json);
    tell(self, text);
}

/* -- traffic -- */

static const char *const moving[] = { "name", "endpoint", "last-handshake", "rx-bytes",
                                      "tx-bytes" };

static void
add_moved(JsonBuilder *json, GVariant *row)
{
    json_builder_begin_object(json);
    for (guint i = 0; i < G_N_ELEMENTS(moving); i++) {
        g_autoptr(GVariant) value = g_variant_get_child_value(
            row, adit_web_row_index(adit_web_device_names, moving[i]));

        json_builder_set_member_name(json, moving[i]);
        adit_web_row_value(json, value);
    }
    json_builder_end_object(json);
}

/* Whether @row says something that this reader has not heard. */
static gboolean
is_news(Stream *self, const char *name, GVariant *row)
{
    GVariant *before = g_hash_table_lookup(self->told, name);

    if (self->device && !g_str_equal(self->device, name))
        return FALSE;
    if (before && g_variant_equal(before, row))
        return FALSE;
    g_hash_table_replace(self->told, g_strdup(name), g_variant_ref(row));
    return TRUE;
}

static void
tell_traffic(Stream *self, GVariant *rows)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autofree char *text = NULL;

    json_builder_begin_object(json);
    json_builder_set_member_name(json, "now");
    json_builder_add_int_value(json, g_get_real_time() / G_USEC_PER_SEC);
    json_builder_set_member_name(json, "devices");
    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        g_autoptr(GVariant) name = g_variant_get_child_value(row, 0);

        if (is_news(self, g_variant_get_string(name, NULL), row))
            add_moved(json, row);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
    text = event_text("traffic", json);
    tell(self, text);
}

static void
on_rows(GVariant *reply, GUnixFDList *fds, GError *error, gpointer data)
{
    AditWeb *web = data;
    g_autoptr(GVariant) rows = NULL;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    web->is_asking_traffic = FALSE;
    rows = reply ? g_variant_get_child_value(reply, 0)
                 : g_variant_ref_sink(g_variant_new_array(G_VARIANT_TYPE("(s)"), NULL, 0));
    for (guint i = 0; i < web->streams->len; i++)
        tell_traffic(g_ptr_array_index(web->streams, i), rows);
}

/* A stream is not a use of its session: a page left open ends with it. */
static gboolean
is_allowed(const Stream *self)
{
    const AditWeb *web = self->web;

    if (self->session)
        return adit_web_sessions_is_alive(web->sessions, self->session, adit_web_now());
    if (self->token)
        return adit_web_access_has_token(web->access, self->token);
    return TRUE;
}

static gboolean
on_tick(gpointer data)
{
    AditWeb *web = data;

    if (web->streams->len == 0) {
        web->stream_timer = 0;
        return G_SOURCE_REMOVE;
    }
    adit_web_access_refresh(web);
    for (guint i = 0; i < web->streams->len; i++) {
        Stream *stream = g_ptr_array_index(web->streams, i);

        if (!is_allowed(stream))
            adit_web_connection_shut(stream->connection);
    }
    if (!web->is_asking_traffic) {
        web->is_asking_traffic = TRUE;
        adit_web_bus_list(web->bus, ADIT_WEB_LIST_DEVICES, on_rows, web);
    }
    return G_SOURCE_CONTINUE;
}

/* -- who listens -- */

static void
stream_free(gpointer data)
{
    Stream *self = data;

    g_free(self->session);
    g_free(self->token);
    g_free(self->device);
    g_hash_table_unref(self->told);
    g_free(self);
}

static void
on_wrote(SoupServerMessage *msg, Stream *self)
{
    self->n_pending = self->n_pending ? self->n_pending - 1 : 0;
}

static void
on_over(SoupServerMessage *msg, Stream *self)
{
    g_signal_handlers_disconnect_by_data(msg, self);
    g_ptr_array_remove_fast(self->web->streams, self);
}

static Stream *
stream_new(AditWebRequest *request)
{
    Stream *self = g_new0(Stream, 1);

    self->web = request->web;
    self->msg = request->msg;
    self->connection = adit_web_connection_of(request->msg);
    self->session = request->session ? g_strdup(request->session->id) : NULL;
    self->token = g_strdup(request->token);
    self->device = g_strdup(request->device);
    self->told =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
    return self;
}

void
adit_web_stream_begin(AditWebRequest *request)
{
    AditWeb *web = request->web;
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request->msg);
    Stream *self;

    if (web->streams->len >= MAX_STREAMS || !adit_web_connection_of(request->msg)) {
        adit_web_refuse(request, ADIT_WEB_REFUSED_CONNECTIONS, SOUP_STATUS_SERVICE_UNAVAILABLE,
                        "events: too many listen already");
        return;
    }
    self = stream_new(request);
    g_ptr_array_add(web->streams, self);
    adit_web_connection_stream(self->connection);
    adit_web_answer_headers(request, FALSE);
    soup_message_headers_replace(headers, "Content-Type", "text/event-stream");
    soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
    soup_message_body_set_accumulate(soup_server_message_get_response_body(request->msg),
                                     FALSE);
    soup_server_message_set_status(request->msg, SOUP_STATUS_OK, NULL);
    g_signal_connect(request->msg, "wrote-chunk", G_CALLBACK(on_wrote), self);
    g_signal_connect(request->msg, "finished", G_CALLBACK(on_over), self);
    tell_status(self);
    if (!web->stream_timer)
        web->stream_timer = g_timeout_add(TICK_MS, on_tick, web);
}

void
adit_web_streams_status(AditWeb *web)
{
    for (guint i = 0; i < web->streams->len; i++)
        tell_status(g_ptr_array_index(web->streams, i));
}

void
adit_web_streams_end(AditWeb *web, const char *session)
{
    for (guint i = 0; i < web->streams->len; i++) {
        Stream *stream = g_ptr_array_index(web->streams, i);

        if (!session || g_strcmp0(stream->session, session) == 0)
            adit_web_connection_shut(stream->connection);
    }
}

GPtrArray *
adit_web_streams_new(void)
{
    return g_ptr_array_new_with_free_func(stream_free);
}
