/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/api.h"
#include "tunnel-server/web/routes.h"
#include "tunnel-server/web/row.h"

#include "libadit/core/error.h"
#include "tunnel-server/key-pair.h"
#include "tunnel-server/qr.h"

/* Machines at the other end of a tunnel. */

static const AditWebMember add_members[] = { { "name", ADIT_WEB_STRING, TRUE },
                                             { "subnet", ADIT_WEB_STRING, FALSE },
                                             { "ipv4", ADIT_WEB_STRING, FALSE },
                                             { "kind", ADIT_WEB_STRING, FALSE },
                                             { "public-key", ADIT_WEB_STRING, FALSE },
                                             { "routes", ADIT_WEB_STRINGS, FALSE },
                                             { "full", ADIT_WEB_BOOL, FALSE },
                                             { "networks", ADIT_WEB_STRINGS, FALSE },
                                             { 0 } };
static const AditWebMember rekey_members[] = { { "public-key", ADIT_WEB_STRING, FALSE },
                                               { "full", ADIT_WEB_BOOL, FALSE },
                                               { "networks", ADIT_WEB_STRINGS, FALSE },
                                               { 0 } };
static const AditWebMember change_members[] = { { "name", ADIT_WEB_STRING, FALSE },
                                                { "may-publish", ADIT_WEB_BOOL, FALSE },
                                                { "routes", ADIT_WEB_STRINGS, FALSE },
                                                { 0 } };

static void
on_list(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_api_rows(request, reply, adit_web_device_names, "name");
}

static void
list(AditWebRequest *request)
{
    adit_web_request_list(request, ADIT_WEB_LIST_DEVICES, on_list);
}

/* -- a profile, once -- */

static void
pair_free(gpointer data)
{
    adit_key_pair_clear(data);
    g_free(data);
}

/* The device's own key, or a new pair. FALSE: it is answered. */
static gboolean
make_pair(AditWebRequest *request)
{
    const char *given = adit_web_body_string(request->body, "public-key");
    AditKeyPair *pair = g_new0(AditKeyPair, 1);

    request->state = pair;
    request->state_free = pair_free;
    if (*given == '\0') {
        adit_key_pair_make(pair);
        return TRUE;
    }
    if (adit_key_parse(given, &pair->public_key, NULL))
        return TRUE;
    adit_web_answer_error(request, SOUP_STATUS_UNPROCESSABLE_ENTITY, "invalid",
                          "public-key: 44 characters of canonical base64 are wanted");
    return FALSE;
}

static const char *
name_of(const AditWebRequest *request)
{
    return request->path[3] ? request->path[3] : adit_web_body_string(request->body, "name");
}

static void
answer_profile(AditWebRequest *request, const char *profile)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    char *code = adit_qr_to_bits(profile, NULL);

    json_builder_begin_object(json);
    json_builder_set_member_name(json, "name");
    json_builder_add_string_value(json, name_of(request));
    json_builder_set_member_name(json, "profile");
    json_builder_add_string_value(json, profile);
    json_builder_set_member_name(json, "qr");
    if (code)
        json_builder_add_string_value(json, code);
    else
        json_builder_add_null_value(json);
    json_builder_end_object(json);
    adit_key_string_free(code);
    adit_web_answer_json(request, SOUP_STATUS_CREATED, json);
}

static void
on_profile(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    g_autoptr(GVariant) handle = g_variant_get_child_value(reply, 0);
    g_autoptr(GError) error = NULL;
    char *text = adit_handed_over_read(fds, handle, &error);
    char *profile = text ? adit_key_pair_fill(request->state, text) : NULL;

    adit_web_request_audit(request, NULL);
    if (profile)
        answer_profile(request, profile);
    else
        adit_web_answer_error(request, SOUP_STATUS_INTERNAL_SERVER_ERROR, "kernel",
                              error->message);
    adit_key_string_free(profile);
    adit_key_string_free(text);
}

static void
on_keyed(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_request_ask(request, "GetProfile",
                         g_variant_new("(sb@as)", name_of(request),
                                       adit_web_body_bool(request->body, "full"),
                                       adit_web_body_strings(request->body, "networks")),
                         on_profile);
}

static void
add(AditWebRequest *request)
{
    JsonObject *body = request->body;
    const AditKeyPair *pair;
    g_autofree char *key = NULL;

    if (!make_pair(request))
        return;
    pair = request->state;
    key = adit_key_to_string(&pair->public_key);
    adit_web_request_ask(request, "AddDevice",
                         g_variant_new("(sssss@as)", adit_web_body_string(body, "name"),
                                       adit_web_body_string(body, "subnet"),
                                       adit_web_body_string(body, "ipv4"),
                                       adit_web_body_string(body, "kind"), key,
                                       adit_web_body_strings(body, "routes")),
                         on_keyed);
}

static void
rekey(AditWebRequest *request)
{
    const AditKeyPair *pair;
    g_autofree char *key = NULL;

    if (!make_pair(request))
        return;
    pair = request->state;
    key = adit_key_to_string(&pair->public_key);
    adit_web_request_ask(request, "RekeyDevice", g_variant_new("(ss)", request->path[3], key),
                         on_keyed);
}

/* -- changes -- */

static void
on_changed(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_api_done(request, SOUP_STATUS_NO_CONTENT, NULL, NULL);
}

static void
change(AditWebRequest *request)
{
    const char *member = adit_web_api_only_member(request);
    const char *device = request->path[3];

    if (!member)
        return;
    if (g_str_equal(member, "name"))
        adit_web_request_ask(
            request, "RenameDevice",
            g_variant_new("(ss)", device, adit_web_body_string(request->body, "name")),
            on_changed);
    else if (g_str_equal(member, "may-publish"))
        adit_web_request_ask(
            request, "SetDevicePublish",
            g_variant_new("(sb)", device, adit_web_body_bool(request->body, "may-publish")),
            on_changed);
    else
        adit_web_request_ask(
            request, "SetDeviceRoutes",
            g_variant_new("(s@as)", device, adit_web_body_strings(request->body, "routes")),
            on_changed);
}

static void
on_removed(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    static const char *const names[] = { "mappings-closed", NULL };

    adit_web_api_done(request, SOUP_STATUS_OK, reply, names);
}

static void
drop(AditWebRequest *request)
{
    adit_web_request_ask(request, "RemoveDevice", g_variant_new("(s)", request->path[3]),
                         on_removed);
}

const AditWebRoute adit_web_device_routes[] = {
    { "GET", "/api/v1/devices", ADIT_WEB_READ | ADIT_WEB_OWN, list, NULL, NULL },
    { "POST", "/api/v1/devices", ADIT_WEB_WRITE, add, add_members, "device add" },
    { "PATCH", "/api/v1/devices/{name}", ADIT_WEB_WRITE, change, change_members,
      "device change" },
    { "DELETE", "/api/v1/devices/{name}", ADIT_WEB_WRITE, drop, NULL, "device remove" },
    { "POST", "/api/v1/devices/{name}/keys", ADIT_WEB_WRITE, rekey, rekey_members,
      "device rekey" },
    { 0 },
};
