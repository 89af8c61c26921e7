/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/assets.h"

#include <gio/gio.h>
#include <string.h>

#define PREFIX "/org/adit/web/"

static const struct {
    const char *suffix, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".svg", "image/svg+xml" },
};

static const char *
type_of(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(name, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

/* "/" and what lies beside it: one segment, no folders, so nothing to climb out of. */
static GBytes *
find(char **path, const char **ret_name)
{
    g_autofree char *resource = NULL;

    *ret_name = path[0] ? path[0] : "index.html";
    if (path[0] && (path[1] || g_str_equal(path[0], "index.html")))
        return NULL;
    resource = g_strconcat(PREFIX, *ret_name, NULL);
    return g_resources_lookup_data(resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

static gboolean
is_get(SoupServerMessage *msg)
{
    const char *method = soup_server_message_get_method(msg);

    return g_str_equal(method, "GET") || g_str_equal(method, "HEAD");
}

gboolean
adit_web_asset_answer(AditWebRequest *request)
{
    const char *name;
    g_autoptr(GBytes) bytes = find(request->path, &name);
    g_autofree char *sum = NULL;
    g_autofree char *tag = NULL;
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(request->msg);

    if (!bytes || !is_get(request->msg))
        return FALSE;
    sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
    tag = g_strdup_printf("\"%.32s\"", sum);
    adit_web_answer_headers(request, TRUE);
    soup_message_headers_replace(headers, "ETag", tag);
    if (g_strcmp0(adit_web_request_header(request, "If-None-Match"), tag) == 0) {
        soup_server_message_set_status(request->msg, SOUP_STATUS_NOT_MODIFIED, NULL);
        return TRUE;
    }
    soup_server_message_set_status(request->msg, SOUP_STATUS_OK, NULL);
    soup_message_headers_replace(headers, "Content-Type", type_of(name));
    soup_message_body_append_bytes(soup_server_message_get_response_body(request->msg), bytes);
    return TRUE;
}
