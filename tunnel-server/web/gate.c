/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/gate.h"

#include "tunnel-server/web/assets.h"
#include "tunnel-server/web/host.h"
#include "tunnel-server/web/routes.h"

#include <string.h>

#define KEY "adit-request"
#define BEARER "Bearer "

/* -- while it arrives -- */

static void
on_chunk(SoupServerMessage *msg, GBytes *chunk, AditWebRequest *self)
{
    gsize len;
    const void *bytes = g_bytes_get_data(chunk, &len);

    if (self->is_too_large)
        return;
    self->is_too_large = self->bytes->len + len > ADIT_WEB_BODY_MAX;
    if (!self->is_too_large)
        g_byte_array_append(self->bytes, bytes, (guint)len);
}

static void
on_finished(SoupServerMessage *msg, AditWebRequest *self)
{
    self->is_gone = TRUE;
    g_object_set_data(G_OBJECT(msg), KEY, NULL);
}

static char *
address_of(SoupServerMessage *msg)
{
    const char *host = soup_server_message_get_remote_host(msg);

    return g_strdup(host ? host : "nowhere");
}

/* Whether somebody else's page or a name of somebody else's brought it here. */
static gboolean
check_origin(AditWebRequest *self)
{
    const char *host = adit_web_request_header(self, "Host");
    const char *origin = adit_web_request_header(self, "Origin");
    const char *site = adit_web_request_header(self, "Sec-Fetch-Site");
    const char *mode = adit_web_request_header(self, "Sec-Fetch-Mode");

    if (!adit_web_host_is_ours(host, self->web->settings->names)) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_HOST, SOUP_STATUS_MISDIRECTED_REQUEST,
                        "host: not a name of this server: see Names= in web.conf");
        return FALSE;
    }
    if (origin && !adit_web_origin_is_host(origin, host)) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_ORIGIN, SOUP_STATUS_FORBIDDEN,
                        "origin: a page of another site asks");
        return FALSE;
    }
    /* A link from elsewhere may open the page; nothing else may be asked from elsewhere. */
    if (site && (g_str_equal(site, "cross-site") || g_str_equal(site, "same-site")) &&
        (g_strcmp0(mode, "navigate") != 0 ||
         !g_str_equal(soup_server_message_get_method(self->msg), "GET"))) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_ORIGIN, SOUP_STATUS_FORBIDDEN,
                        "origin: a page of another site asks");
        return FALSE;
    }
    return TRUE;
}

/* As soon as the headers are here. What is answered here has its body read and thrown away. */
static void
on_headers(SoupServer *soup, SoupServerMessage *msg, const char *path, GHashTable *query,
           gpointer data)
{
    AditWebRequest *self = adit_web_request_new(data, msg);
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(msg);

    self->from = address_of(msg);
    self->web->counters.requests++;
    soup_message_body_set_accumulate(soup_server_message_get_request_body(msg), FALSE);
    g_object_set_data_full(G_OBJECT(msg), KEY, self, (GDestroyNotify)adit_web_request_unref);
    g_signal_connect(msg, "got-chunk", G_CALLBACK(on_chunk), self);
    g_signal_connect(msg, "finished", G_CALLBACK(on_finished), self);
    if (!check_origin(self))
        return;
    if (soup_message_headers_get_content_length(headers) > ADIT_WEB_BODY_MAX)
        adit_web_refuse(self, ADIT_WEB_REFUSED_BODY, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                        "body: larger than anything this server takes");
}

static void
on_read(SoupServer *soup, SoupServerMessage *msg, gpointer data)
{
    AditWebConnection *connection = adit_web_connection_of(msg);

    if (connection)
        adit_web_connection_arrived(connection);
}

/* -- who -- */

static gboolean
take_token(AditWebRequest *self, const char *text)
{
    const AditWebToken *token = adit_web_access_find_token(self->web->access, text);

    if (!token)
        return FALSE;
    self->scope = token->scope;
    self->token = g_strdup(token->name);
    self->who = g_strdup_printf("token %s from %s", token->name, self->from);
    return TRUE;
}

static gboolean
take_cookie(AditWebRequest *self, const char *header)
{
    g_autofree char *id = adit_web_cookie_get(header, ADIT_WEB_COOKIE);

    self->session = id ? adit_web_sessions_find(self->web->sessions, id, adit_web_now()) : NULL;
    if (!self->session)
        return FALSE;
    self->scope = ADIT_WEB_READ | ADIT_WEB_WRITE | ADIT_WEB_METRICS;
    self->who = g_strdup_printf("admin from %s", self->from);
    return TRUE;
}

/* Cryptokey routing lets only the device itself come from its address. */
static gboolean
take_device(AditWebRequest *self)
{
    AditWebConnection *connection = adit_web_connection_of(self->msg);
    const char *name;

    if (!self->web->settings->device_access || !connection ||
        adit_web_connection_door(connection) != ADIT_WEB_DOOR_TUNNEL)
        return FALSE;
    name = adit_web_bus_device_at(self->web->bus, self->from);
    if (!name)
        return FALSE;
    self->scope = ADIT_WEB_OWN | (self->web->settings->device_manage ? ADIT_WEB_OWN_WRITE : 0);
    self->device = g_strdup(name);
    self->csrf = adit_web_device_csrf(self->web->secret, self->from);
    self->who = g_strdup_printf("device %s from %s", name, self->from);
    return TRUE;
}

static void
identify(AditWebRequest *self)
{
    const char *authorization = adit_web_request_header(self, "Authorization");
    const char *cookie = adit_web_request_header(self, "Cookie");

    adit_web_access_refresh(self->web);
    if (authorization && g_str_has_prefix(authorization, BEARER)) {
        if (take_token(self, authorization + strlen(BEARER)))
            return;
    } else if ((cookie && take_cookie(self, cookie)) || take_device(self)) {
        return;
    }
    self->who = g_strdup_printf("somebody from %s", self->from);
}

static gboolean
is_change(const AditWebRequest *self)
{
    return !g_str_equal(self->route->method, "GET");
}

/* What a browser sends by itself, a cookie or its address, says not that its user wanted it. */
static gboolean
is_meant(const AditWebRequest *self)
{
    const char *token = adit_web_request_header(self, "X-Adit-Csrf");

    if (self->session)
        return adit_web_csrf_matches(self->session->csrf, token);
    return !self->csrf || !self->route->scope || adit_web_csrf_matches(self->csrf, token);
}

static gboolean
check_permission(AditWebRequest *self)
{
    if (self->route->scope && !self->scope) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_LOGIN, SOUP_STATUS_UNAUTHORIZED,
                        "login: wanted, or a token");
        return FALSE;
    }
    if (self->route->scope && !(self->scope & self->route->scope)) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_SCOPE, SOUP_STATUS_FORBIDDEN,
                        "scope: this token or device may not do that");
        return FALSE;
    }
    if (!is_change(self) || is_meant(self))
        return TRUE;
    adit_web_refuse(self, ADIT_WEB_REFUSED_CSRF, SOUP_STATUS_FORBIDDEN,
                    "csrf: the X-Adit-Csrf header is missing or wrong: load the page again");
    return FALSE;
}

/* -- what -- */

static gboolean
take_body(AditWebRequest *self)
{
    g_autoptr(GError) error = NULL;
    const char *type = soup_message_headers_get_content_type(
        soup_server_message_get_request_headers(self->msg), NULL);

    if (self->is_too_large) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_BODY, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                        "body: larger than anything this server takes");
        return FALSE;
    }
    if (!self->route->members)
        return TRUE;
    if (g_strcmp0(type, "application/json") != 0) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_BODY, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
                        "body: application/json is wanted");
        return FALSE;
    }
    self->body = adit_web_body_parse((const char *)self->bytes->data, self->bytes->len,
                                     self->route->members, &error);
    if (self->body)
        return TRUE;
    adit_web_refuse(self, ADIT_WEB_REFUSED_BODY, SOUP_STATUS_UNPROCESSABLE_ENTITY,
                    error->message);
    return FALSE;
}

/* The public health door answers that one question. */
static gboolean
is_behind_door(AditWebRequest *self)
{
    AditWebConnection *connection = adit_web_connection_of(self->msg);

    return !connection || adit_web_connection_door(connection) != ADIT_WEB_DOOR_HEALTH ||
           (self->path[0] && g_str_equal(self->path[0], "healthz"));
}

static gboolean
find_route(AditWebRequest *self)
{
    const char *method = soup_server_message_get_method(self->msg);
    gboolean is_path = FALSE;

    self->route = adit_web_route_find(method, self->path, &is_path);
    if (self->route)
        return TRUE;
    if (is_path)
        adit_web_refuse(self, ADIT_WEB_REFUSED_METHOD, SOUP_STATUS_METHOD_NOT_ALLOWED,
                        "method: not on this path");
    else
        adit_web_refuse(self, ADIT_WEB_REFUSED_PATH, SOUP_STATUS_NOT_FOUND,
                        "path: nothing is here");
    return FALSE;
}

/* When all of it is here. */
static void
on_request(SoupServer *soup, SoupServerMessage *msg, const char *path, GHashTable *query,
           gpointer data)
{
    AditWebRequest *self = g_object_get_data(G_OBJECT(msg), KEY);

    g_assert(self);
    self->path = adit_web_path_split(path);
    if (!self->path || !is_behind_door(self)) {
        adit_web_refuse(self, ADIT_WEB_REFUSED_PATH, SOUP_STATUS_NOT_FOUND,
                        "path: nothing is here");
        return;
    }
    if (adit_web_asset_answer(self) || !find_route(self))
        return;
    identify(self);
    if (check_permission(self) && take_body(self))
        self->route->run(self);
}

void
adit_web_gate_install(AditWeb *web)
{
    soup_server_add_early_handler(web->soup, "/", on_headers, web, NULL);
    soup_server_add_handler(web->soup, "/", on_request, web, NULL);
    g_signal_connect(web->soup, "request-read", G_CALLBACK(on_read), web);
}
