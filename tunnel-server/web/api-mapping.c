/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/api.h"
#include "tunnel-server/web/routes.h"
#include "tunnel-server/web/row.h"

/* What is published: forwards (family 4) and pinholes (family 6). */

static const AditWebMember add_members[] = {
    { "family", ADIT_WEB_INT, TRUE },          { "external", ADIT_WEB_STRING, FALSE },
    { "ports", ADIT_WEB_STRING, TRUE },        { "device", ADIT_WEB_STRING, TRUE },
    { "internal", ADIT_WEB_INT, FALSE },       { "label", ADIT_WEB_STRING, FALSE },
    { "allow-from", ADIT_WEB_STRINGS, FALSE }, { 0 }
};
static const AditWebMember publish_members[] = { { "ip-version", ADIT_WEB_STRING, TRUE },
                                                 { "ports", ADIT_WEB_STRING, TRUE },
                                                 { "device", ADIT_WEB_STRING, TRUE },
                                                 { "internal", ADIT_WEB_INT, FALSE },
                                                 { "label", ADIT_WEB_STRING, FALSE },
                                                 { "redirect", ADIT_WEB_STRING, FALSE },
                                                 { 0 } };
static const AditWebMember change_members[] = { { "enabled", ADIT_WEB_BOOL, FALSE },
                                                { "label", ADIT_WEB_STRING, FALSE },
                                                { 0 } };

/* A device asks by methods of its own, in which the server goes by its address: "RemoveMapping"
 * and (y4 s"443/tcp") become "OwnRemove" and (s"10.59.0.2" y4 s"443/tcp"). */
typedef struct {
    const char *method, *own;
} Verb;

static const Verb publish_verb = { "Publish", "OwnPublish" };
static const Verb enable_verb = { "SetMappingEnabled", "OwnSetEnabled" };
static const Verb label_verb = { "SetMappingLabel", "OwnSetLabel" };
static const Verb remove_verb = { "RemoveMapping", "OwnRemove" };

static void
ask_as(AditWebRequest *request, const Verb *verb, GVariant *params, AditWebThen then)
{
    g_autoptr(GVariant) given = g_variant_ref_sink(params);
    GVariantBuilder own;

    if (!request->device) {
        adit_web_request_ask(request, verb->method, given, then);
        return;
    }
    g_variant_builder_init(&own, G_VARIANT_TYPE_TUPLE);
    g_variant_builder_add(&own, "s", request->from);
    for (gsize i = 0; i < g_variant_n_children(given); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(given, i);

        g_variant_builder_add_value(&own, child);
    }
    adit_web_request_ask(request, verb->own, g_variant_builder_end(&own), then);
}

static void
on_list(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_api_rows(request, reply, adit_web_mapping_names, "device");
}

static void
list(AditWebRequest *request)
{
    adit_web_request_list(request, ADIT_WEB_LIST_MAPPINGS, on_list);
}

static void
refuse_body(AditWebRequest *request, const char *message)
{
    adit_web_refuse(request, ADIT_WEB_REFUSED_BODY, SOUP_STATUS_UNPROCESSABLE_ENTITY, message);
}

static void
on_added(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    static const char *const names[] = { "key", NULL };

    adit_web_api_done(request, SOUP_STATUS_CREATED, reply, names);
}

static void
add(AditWebRequest *request)
{
    JsonObject *body = request->body;
    guint16 family = adit_web_body_int(body, "family");

    if (family != 4 && family != 6) {
        refuse_body(request, "family: 4 or 6");
        return;
    }
    adit_web_request_ask(
        request, "AddMapping",
        g_variant_new("(ysssqs@as)", (guchar)family, adit_web_body_string(body, "external"),
                      adit_web_body_string(body, "ports"), adit_web_body_string(body, "device"),
                      adit_web_body_int(body, "internal"), adit_web_body_string(body, "label"),
                      adit_web_body_strings(body, "allow-from")),
        on_added);
}

static void
on_published(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    static const char *const names[] = { "keys", NULL };

    adit_web_api_done(request, SOUP_STATUS_CREATED, reply, names);
}

/* 4, 6, 0 for both; -1: none of them. */
static int
version_of(const char *text)
{
    if (g_str_equal(text, "4"))
        return 4;
    if (g_str_equal(text, "6"))
        return 6;
    return g_str_equal(text, "both") ? 0 : -1;
}

static void
publish(AditWebRequest *request)
{
    JsonObject *body = request->body;
    int version = version_of(adit_web_body_string(body, "ip-version"));
    const char *ports = adit_web_body_string(body, "ports");
    const char *device = adit_web_body_string(body, "device");
    const char *label = adit_web_body_string(body, "label");
    const char *redirect = adit_web_body_string(body, "redirect");
    guint16 internal = adit_web_body_int(body, "internal");

    if (version < 0) {
        refuse_body(request, "ip-version: 4, 6 or both");
        return;
    }
    if (request->device && !g_str_equal(request->device, device)) {
        adit_web_refuse(request, ADIT_WEB_REFUSED_SCOPE, SOUP_STATUS_FORBIDDEN,
                        "device: a device publishes for itself alone");
        return;
    }
    if (*redirect == '\0')
        redirect = "no";
    ask_as(request, &publish_verb,
           request->device
               ? g_variant_new("(ysqss)", (guchar)version, ports, internal, label, redirect)
               : g_variant_new("(yssqss)", (guchar)version, ports, device, internal, label,
                               redirect),
           on_published);
}

static void
on_changed(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_api_done(request, SOUP_STATUS_NO_CONTENT, NULL, NULL);
}

/* The {family} of the path; 0: it is answered. */
static guchar
family_of(AditWebRequest *request)
{
    int version = version_of(request->path[3]);

    if (version > 0)
        return (guchar)version;
    adit_web_refuse(request, ADIT_WEB_REFUSED_PATH, SOUP_STATUS_NOT_FOUND,
                    "path: a family is 4 or 6");
    return 0;
}

static void
change(AditWebRequest *request)
{
    const char *member = adit_web_api_only_member(request);
    guchar family = member ? family_of(request) : 0;

    if (!family)
        return;
    if (g_str_equal(member, "enabled"))
        ask_as(request, &enable_verb,
               g_variant_new("(ysb)", family, request->path[4],
                             adit_web_body_bool(request->body, "enabled")),
               on_changed);
    else
        ask_as(request, &label_verb,
               g_variant_new("(yss)", family, request->path[4],
                             adit_web_body_string(request->body, "label")),
               on_changed);
}

static void
drop(AditWebRequest *request)
{
    guchar family = family_of(request);

    if (family)
        ask_as(request, &remove_verb, g_variant_new("(ys)", family, request->path[4]),
               on_changed);
}

const AditWebRoute adit_web_mapping_routes[] = {
    { "GET", "/api/v1/mappings", ADIT_WEB_READ | ADIT_WEB_OWN, list, NULL, NULL },
    { "POST", "/api/v1/mappings", ADIT_WEB_WRITE, add, add_members, "mapping add" },
    { "POST", "/api/v1/publications", ADIT_WEB_WRITE | ADIT_WEB_OWN_WRITE, publish,
      publish_members, "publish" },
    { "PATCH", "/api/v1/mappings/{family}/{key}", ADIT_WEB_WRITE | ADIT_WEB_OWN_WRITE, change,
      change_members, "mapping change" },
    { "DELETE", "/api/v1/mappings/{family}/{key}", ADIT_WEB_WRITE | ADIT_WEB_OWN_WRITE, drop,
      NULL, "mapping remove" },
    { 0 },
};
