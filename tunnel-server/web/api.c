/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/api.h"

#include "tunnel-server/web/row.h"

static gboolean
is_seen(const AditWebRequest *request, GVariant *row, gsize at)
{
    g_autoptr(GVariant) value = g_variant_get_child_value(row, at);

    return g_str_equal(g_variant_get_string(value, NULL), request->device);
}

void
adit_web_api_rows(AditWebRequest *request, GVariant *reply, const char *const *names,
                  const char *own)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(GVariant) rows = g_variant_get_child_value(reply, 0);
    gboolean is_filtered = request->device && own;
    gsize at = is_filtered ? adit_web_row_index(names, own) : 0;

    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

        if (!is_filtered || is_seen(request, row, at))
            adit_web_row_add(json, row, names);
    }
    json_builder_end_array(json);
    adit_web_answer_json(request, SOUP_STATUS_OK, json);
}

void
adit_web_api_done(AditWebRequest *request, guint status, GVariant *reply,
                  const char *const *names)
{
    g_autoptr(JsonBuilder) json = NULL;

    adit_web_request_audit(request, NULL);
    if (!names) {
        adit_web_answer_empty(request);
        return;
    }
    json = json_builder_new();
    adit_web_row_add(json, reply, names);
    adit_web_answer_json(request, status, json);
}

const char *
adit_web_api_only_member(AditWebRequest *request)
{
    if (json_object_get_size(request->body) == 1) {
        g_autoptr(GList) names = json_object_get_members(request->body);

        return names->data;
    }
    adit_web_refuse(request, ADIT_WEB_REFUSED_BODY, SOUP_STATUS_UNPROCESSABLE_ENTITY,
                    "body: one member at a time, so that a change happens or does not");
    return NULL;
}
