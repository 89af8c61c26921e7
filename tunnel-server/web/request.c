/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/request.h"

#include "libadit/core/error.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/notify.h"

#include <string.h>
#include <syslog.h>

/* Everything comes from us, nothing runs inline, nobody frames us. */
#define POLICY                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "          \
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

AditWebRequest *
adit_web_request_new(AditWeb *web, SoupServerMessage *msg)
{
    AditWebRequest *self = g_new0(AditWebRequest, 1);

    self->refs = 1;
    self->web = web;
    self->msg = msg;
    self->bytes = g_byte_array_new();
    return self;
}

AditWebRequest *
adit_web_request_ref(AditWebRequest *self)
{
    self->refs++;
    return self;
}

/* The body may have held a password, and an answer a key. */
void
adit_web_request_unref(AditWebRequest *self)
{
    if (!self || --self->refs > 0)
        return;
    if (self->bytes->len)
        explicit_bzero(self->bytes->data, self->bytes->len);
    g_byte_array_unref(self->bytes);
    g_strfreev(self->path);
    g_clear_pointer(&self->body, json_object_unref);
    g_free(self->who);
    g_free(self->from);
    g_free(self->token);
    g_free(self->device);
    g_free(self->csrf);
    if (self->state)
        self->state_free(self->state);
    g_free(self);
}

const char *
adit_web_request_header(const AditWebRequest *self, const char *name)
{
    return soup_message_headers_get_one(soup_server_message_get_request_headers(self->msg),
                                        name);
}

/* -- answers -- */

void
adit_web_answer_headers(AditWebRequest *self, gboolean may_cache)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(self->msg);

    soup_message_headers_replace(headers, "Content-Security-Policy", POLICY);
    soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
    soup_message_headers_replace(headers, "X-Frame-Options", "DENY");
    soup_message_headers_replace(headers, "Referrer-Policy", "no-referrer");
    soup_message_headers_replace(headers, "Cross-Origin-Opener-Policy", "same-origin");
    soup_message_headers_replace(headers, "Cross-Origin-Resource-Policy", "same-origin");
    soup_message_headers_replace(headers, "Cache-Control", may_cache ? "no-cache" : "no-store");
    soup_message_headers_replace(headers, "Connection", "close"); /* connection.h */
}

void
adit_web_answer_empty(AditWebRequest *self)
{
    if (self->is_gone)
        return;
    adit_web_answer_headers(self, FALSE);
    soup_server_message_set_status(self->msg, SOUP_STATUS_NO_CONTENT, NULL);
}

void
adit_web_answer_text(AditWebRequest *self, const char *type, const char *text)
{
    if (self->is_gone)
        return;
    adit_web_answer_headers(self, FALSE);
    if (soup_server_message_get_status(self->msg) == 0)
        soup_server_message_set_status(self->msg, SOUP_STATUS_OK, NULL);
    soup_server_message_set_response(self->msg, type, SOUP_MEMORY_COPY, text, strlen(text));
}

void
adit_web_answer_json(AditWebRequest *self, guint status, JsonBuilder *json)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    gsize len;
    char *text;

    if (self->is_gone)
        return;
    json_generator_set_root(generator, root);
    text = json_generator_to_data(generator, &len);
    adit_web_answer_headers(self, FALSE);
    soup_server_message_set_status(self->msg, status, NULL);
    soup_server_message_set_response(self->msg, "application/json", SOUP_MEMORY_TAKE, text,
                                     len);
}

void
adit_web_answer_error(AditWebRequest *self, guint status, const char *code, const char *message)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    const char *field = self->route && self->route->members
                            ? adit_web_body_blame(self->body, self->route->members, message)
                            : NULL;

    json_builder_begin_object(json);
    json_builder_set_member_name(json, "error");
    json_builder_begin_object(json);
    json_builder_add_string_value(json_builder_set_member_name(json, "code"), code);
    json_builder_add_string_value(json_builder_set_member_name(json, "message"), message);
    json_builder_set_member_name(json, "field");
    if (field)
        json_builder_add_string_value(json, field);
    else
        json_builder_add_null_value(json);
    json_builder_end_object(json);
    json_builder_end_object(json);
    adit_web_answer_json(self, status, json);
}

void
adit_web_refuse(AditWebRequest *self, AditWebRefusal why, guint status, const char *message)
{
    self->web->counters.refused[why]++;
    adit_web_answer_error(self, status, adit_web_refusal_name(why), message);
}

typedef struct {
    guint status;
    const char *code;
} Words;

static Words
words_of(const GError *error)
{
    if (error->domain != ADIT_ERROR)
        return (Words){ SOUP_STATUS_BAD_GATEWAY, "server" };
    switch ((AditError)error->code) {
    case ADIT_ERROR_CONFIG: return (Words){ SOUP_STATUS_UNPROCESSABLE_ENTITY, "invalid" };
    case ADIT_ERROR_NOT_FOUND: return (Words){ SOUP_STATUS_NOT_FOUND, "not-found" };
    case ADIT_ERROR_DENIED: return (Words){ SOUP_STATUS_CONFLICT, "refused" };
    case ADIT_ERROR_BUSY: return (Words){ SOUP_STATUS_CONFLICT, "busy" };
    case ADIT_ERROR_TIMEOUT: return (Words){ SOUP_STATUS_SERVICE_UNAVAILABLE, "unreachable" };
    case ADIT_ERROR_PROTOCOL: return (Words){ SOUP_STATUS_BAD_GATEWAY, "server" };
    case ADIT_ERROR_KERNEL: return (Words){ SOUP_STATUS_INTERNAL_SERVER_ERROR, "kernel" };
    }
    g_assert_not_reached();
}

void
adit_web_answer_bus_error(AditWebRequest *self, GError *error)
{
    g_autoptr(GError) ours = adit_bus_take_error(g_error_copy(error), "adit-server");
    Words words = words_of(ours);

    if (self->route->verb)
        adit_web_request_audit(self, ours->message);
    adit_web_answer_error(self, words.status, words.code, ours->message);
}

/* -- the audit log -- */

/* Names what was asked for; never a body, which may hold a password. */
static char *
object_of(const AditWebRequest *self)
{
    static const char *const telling[] = { "name", "device", "ports", "network" };
    GString *text = g_string_new(NULL);

    for (guint i = 3; self->path && g_strv_length(self->path) > i; i++)
        g_string_append_printf(text, " %s", self->path[i]);
    for (guint i = 0; self->body && i < G_N_ELEMENTS(telling); i++)
        if (json_object_has_member(self->body, telling[i]))
            g_string_append_printf(text, " %s=%s", telling[i],
                                   adit_web_body_string(self->body, telling[i]));
    return g_string_free(text, FALSE);
}

void
adit_web_request_audit(AditWebRequest *self, const char *result)
{
    g_autofree char *object = object_of(self);
    g_autofree char *said = g_strdup_printf("%s: %s%s: %s", self->who, self->route->verb,
                                            object, result ? result : "done");
    g_autofree char *quoted = adit_error_quote(said);

    if (!result)
        self->web->counters.changes++;
    adit_journal(LOG_NOTICE, quoted, "ADIT_WHO", self->who, "ADIT_VERB", self->route->verb,
                 "ADIT_OBJECT", object, "ADIT_RESULT", result ? result : "done", NULL);
}

/* -- waiting -- */

void
adit_web_request_hold(AditWebRequest *self)
{
    adit_web_request_ref(self);
    self->n_asked++;
    if (!self->is_paused && !self->is_gone)
        soup_server_message_pause(self->msg);
    self->is_paused = TRUE;
}

void
adit_web_request_release(AditWebRequest *self)
{
    if (--self->n_asked == 0 && !self->is_gone) {
        self->is_paused = FALSE;
        soup_server_message_unpause(self->msg);
    }
    adit_web_request_unref(self);
}

typedef struct {
    AditWebRequest *request;
    AditWebThen then;
} Asked;

static void
on_reply(GVariant *reply, GUnixFDList *fds, GError *error, gpointer data)
{
    g_autofree Asked *asked = data;

    if (error)
        adit_web_answer_bus_error(asked->request, error);
    else
        asked->then(asked->request, reply, fds);
    adit_web_request_release(asked->request);
}

static Asked *
begin_asking(AditWebRequest *self, AditWebThen then)
{
    Asked *asked = g_new0(Asked, 1);

    asked->request = self;
    asked->then = then;
    adit_web_request_hold(self);
    return asked;
}

void
adit_web_request_ask(AditWebRequest *self, const char *method, GVariant *params,
                     AditWebThen then)
{
    adit_web_bus_call(self->web->bus, method, params, on_reply, begin_asking(self, then));
}

void
adit_web_request_list(AditWebRequest *self, AditWebList which, AditWebThen then)
{
    adit_web_bus_list(self->web->bus, which, on_reply, begin_asking(self, then));
}
