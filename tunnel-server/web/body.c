/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/body.h"

#include "libadit/core/error.h"

#include <string.h>

#define MAX_STRING 512
#define MAX_LIST 64

/* json-glib descends once a bracket: what is deeper than our own requests never reaches it. */
static gboolean
is_flat(const char *bytes, gsize len)
{
    gboolean quoted = FALSE;
    guint depth = 0;

    for (gsize i = 0; i < len; i++) {
        if (bytes[i] == '\0')
            return FALSE;
        if (quoted && bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            quoted = !quoted;
        else if (!quoted && (bytes[i] == '{' || bytes[i] == '[') && ++depth > 2)
            return FALSE;
        else if (!quoted && (bytes[i] == '}' || bytes[i] == ']'))
            depth = depth ? depth - 1 : 0;
    }
    return TRUE;
}

static gboolean
is_string(JsonNode *node)
{
    const char *text;

    if (json_node_get_value_type(node) != G_TYPE_STRING)
        return FALSE;
    text = json_node_get_string(node);
    return strlen(text) <= MAX_STRING && g_utf8_validate(text, -1, NULL);
}

static gboolean
is_strings(JsonNode *node)
{
    JsonArray *list;

    if (!JSON_NODE_HOLDS_ARRAY(node))
        return FALSE;
    list = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(list); i++)
        if (!is_string(json_array_get_element(list, i)))
            return FALSE;
    return json_array_get_length(list) <= MAX_LIST;
}

static gboolean
is_of_type(JsonNode *node, AditWebMemberType type)
{
    gint64 number;

    switch (type) {
    case ADIT_WEB_STRING: return is_string(node);
    case ADIT_WEB_BOOL: return json_node_get_value_type(node) == G_TYPE_BOOLEAN;
    case ADIT_WEB_INT:
        if (json_node_get_value_type(node) != G_TYPE_INT64)
            return FALSE;
        number = json_node_get_int(node);
        return number >= 0 && number <= G_MAXUINT16;
    case ADIT_WEB_STRINGS: return is_strings(node);
    }
    g_assert_not_reached();
}

static const AditWebMember *
find(const AditWebMember *members, const char *name)
{
    for (; members->name; members++)
        if (g_str_equal(members->name, name))
            return members;
    return NULL;
}

static gboolean
check(JsonObject *body, const AditWebMember *members, GError **error)
{
    g_autoptr(GList) names = json_object_get_members(body);

    for (GList *at = names; at; at = at->next) {
        const AditWebMember *member = find(members, at->data);
        g_autofree char *quoted = adit_error_quote(at->data);

        if (member && is_of_type(json_object_get_member(body, at->data), member->type))
            continue;
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted,
                    member ? "not of the type, or longer than wanted" : "no such member");
        return FALSE;
    }
    for (; members->name; members++) {
        if (!members->is_needed || json_object_has_member(body, members->name))
            continue;
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: missing", members->name);
        return FALSE;
    }
    return TRUE;
}

JsonObject *
adit_web_body_parse(const char *bytes, gsize len, const AditWebMember *members, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    JsonNode *root;

    if (len == 0 || !is_flat(bytes, len) ||
        !json_parser_load_from_data(parser, bytes, (gssize)len, NULL)) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "body: one flat JSON object is wanted");
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "body: one flat JSON object is wanted");
        return NULL;
    }
    if (!check(json_node_get_object(root), members, error))
        return NULL;
    return json_object_ref(json_node_get_object(root));
}

const char *
adit_web_body_string(JsonObject *body, const char *name)
{
    return json_object_get_string_member_with_default(body, name, "");
}

gboolean
adit_web_body_bool(JsonObject *body, const char *name)
{
    return json_object_get_boolean_member_with_default(body, name, FALSE);
}

guint16
adit_web_body_int(JsonObject *body, const char *name)
{
    return (guint16)json_object_get_int_member_with_default(body, name, 0);
}

GVariant *
adit_web_body_strings(JsonObject *body, const char *name)
{
    JsonArray *list =
        json_object_has_member(body, name) ? json_object_get_array_member(body, name) : NULL;
    GVariantBuilder strings;

    g_variant_builder_init(&strings, G_VARIANT_TYPE("as"));
    for (guint i = 0; list && i < json_array_get_length(list); i++)
        g_variant_builder_add(&strings, "s", json_array_get_string_element(list, i));
    return g_variant_builder_end(&strings);
}

/* "443" and "443/tcp" are said by "443", "443/udp" and "port 443". */
static gboolean
is_said(char **words, const char *value)
{
    gsize len = strcspn(value, "/");

    for (guint i = 0; len > 0 && words[i]; i++)
        if (strncmp(words[i], value, len) == 0 &&
            (words[i][len] == '\0' || words[i][len] == '/'))
            return TRUE;
    return FALSE;
}

static gboolean
says(JsonObject *body, const AditWebMember *member, char **words)
{
    char number[8];

    if (g_strv_contains((const char *const *)words, member->name))
        return TRUE;
    if (!body || !json_object_has_member(body, member->name))
        return FALSE;
    switch (member->type) {
    case ADIT_WEB_STRING: return is_said(words, adit_web_body_string(body, member->name));
    case ADIT_WEB_INT:
        g_snprintf(number, sizeof(number), "%u", adit_web_body_int(body, member->name));
        return is_said(words, number);
    case ADIT_WEB_BOOL:
    case ADIT_WEB_STRINGS: return FALSE;
    }
    g_assert_not_reached();
}

const char *
adit_web_body_blame(JsonObject *body, const AditWebMember *members, const char *sentence)
{
    g_auto(GStrv) parts = g_strsplit(sentence, ": ", -1);
    const char *found = NULL;

    for (guint i = 0; parts[i]; i++) {
        g_auto(GStrv) words = g_strsplit(parts[i], " ", -1);

        for (const AditWebMember *member = members; member->name; member++)
            if (says(body, member, words))
                found = member->name;
    }
    return found;
}
