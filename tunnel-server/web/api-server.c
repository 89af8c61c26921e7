/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/routes.h"

#include "tunnel-server/web/metrics.h"
#include "tunnel-server/web/row.h"
#include "tunnel-server/web/stream.h"

/* The server as a whole: health, metrics, status, events. */

static gboolean
is_healthy(const AditWeb *web)
{
    GVariant *state = adit_web_bus_property(web->bus, "State");

    return state && g_str_equal(g_variant_get_string(state, NULL), "up");
}

/* For load balancers and watchdogs: one word, and nothing about the server. */
static void
get_health(AditWebRequest *request)
{
    gboolean ok = is_healthy(request->web);

    soup_server_message_set_status(request->msg,
                                   ok ? SOUP_STATUS_OK : SOUP_STATUS_SERVICE_UNAVAILABLE, NULL);
    adit_web_answer_text(request, "text/plain; charset=utf-8", ok ? "ok\n" : "not up\n");
}

static void
answer_metrics(AditWebRequest *request, GVariant *devices, GVariant *mappings)
{
    const AditWeb *web = request->web;
    const AditWebMetrics metrics = {
        .is_up = is_healthy(web),
        .devices = devices,
        .mappings = mappings,
        .now = g_get_real_time() / G_USEC_PER_SEC,
        .sessions = adit_web_sessions_count(web->sessions),
        .connections = adit_web_connections_count(web->connections),
        .counters = &web->counters,
    };
    g_autofree char *text = adit_web_metrics_text(&metrics);

    adit_web_answer_text(request, "text/plain; version=0.0.4; charset=utf-8", text);
}

static void
on_metrics_mappings(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    g_autoptr(GVariant) devices = g_variant_get_child_value(request->state, 0);
    g_autoptr(GVariant) mappings = g_variant_get_child_value(reply, 0);

    answer_metrics(request, devices, mappings);
}

static void
on_metrics_devices(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    request->state = g_variant_ref(reply);
    request->state_free = (GDestroyNotify)g_variant_unref;
    adit_web_request_list(request, ADIT_WEB_LIST_MAPPINGS, on_metrics_mappings);
}

/* A server that is down is a figure, too: adit_up 0. */
static void
get_metrics(AditWebRequest *request)
{
    if (adit_web_bus_is_up(request->web->bus))
        adit_web_request_list(request, ADIT_WEB_LIST_DEVICES, on_metrics_devices);
    else
        answer_metrics(request, NULL, NULL);
}

static void
get_status(AditWebRequest *request)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    adit_web_status_add(json, request->web);
    adit_web_answer_json(request, SOUP_STATUS_OK, json);
}

static void
on_refreshed(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_answer_empty(request);
}

/* What it found comes as an event. */
static void
refresh(AditWebRequest *request)
{
    adit_web_request_ask(request, "Refresh", NULL, on_refreshed);
}

static void
get_description(AditWebRequest *request)
{
    g_autoptr(GBytes) bytes = g_resources_lookup_data("/org/adit/web/openapi.json",
                                                      G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

    adit_web_answer_text(request, "application/json", g_bytes_get_data(bytes, NULL));
}

const AditWebRoute adit_web_server_routes[] = {
    { "GET", "/healthz", 0, get_health, NULL, NULL },
    { "GET", "/metrics", ADIT_WEB_METRICS, get_metrics, NULL, NULL },
    { "GET", "/api/v1/openapi", 0, get_description, NULL, NULL },
    { "GET", "/api/v1/status", ADIT_WEB_READ | ADIT_WEB_OWN, get_status, NULL, NULL },
    { "POST", "/api/v1/refresh", ADIT_WEB_READ, refresh, NULL, NULL },
    { "GET", "/api/v1/events", ADIT_WEB_READ | ADIT_WEB_OWN, adit_web_stream_begin, NULL,
      NULL },
    { 0 },
};
