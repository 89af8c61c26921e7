/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/row.h"

/* In the order of org.adit.Server1.xml. */
const char *const adit_web_subnet_names[] = { "name",    "network", "ipv6",
                                              "server4", "server6", "wan-address",
                                              "dns",     "devices", NULL };
const char *const adit_web_device_names[] = {
    "name",   "subnet",   "ipv4",           "ipv6",     "kind",     "public-key", "may-publish",
    "routes", "endpoint", "last-handshake", "rx-bytes", "tx-bytes", NULL
};
const char *const adit_web_mapping_names[] = {
    "family",     "key",      "external",    "first",     "last",       "protocol", "device",
    "internal",   "enabled",  "origin",      "label",     "allow-from", "redirect", "expires",
    "packets-in", "bytes-in", "packets-out", "bytes-out", "fixed",      NULL
};

gsize
adit_web_row_index(const char *const *names, const char *name)
{
    gsize i = 0;

    while (!g_str_equal(names[i], name))
        i++;
    return i;
}

static void
add_text(JsonBuilder *json, const char *text)
{
    if (*text)
        json_builder_add_string_value(json, text);
    else
        json_builder_add_null_value(json);
}

static void
add_strings(JsonBuilder *json, GVariant *value)
{
    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(value); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

        json_builder_add_string_value(json, g_variant_get_string(child, NULL));
    }
    json_builder_end_array(json);
}

void
adit_web_row_value(JsonBuilder *json, GVariant *value)
{
    GVariantClass type = g_variant_classify(value);

    if (type == G_VARIANT_CLASS_STRING)
        add_text(json, g_variant_get_string(value, NULL));
    else if (type == G_VARIANT_CLASS_BOOLEAN)
        json_builder_add_boolean_value(json, g_variant_get_boolean(value));
    else if (type == G_VARIANT_CLASS_BYTE)
        json_builder_add_int_value(json, g_variant_get_byte(value));
    else if (type == G_VARIANT_CLASS_UINT16)
        json_builder_add_int_value(json, g_variant_get_uint16(value));
    else if (type == G_VARIANT_CLASS_UINT32)
        json_builder_add_int_value(json, g_variant_get_uint32(value));
    else if (type == G_VARIANT_CLASS_UINT64)
        json_builder_add_int_value(json, (gint64)g_variant_get_uint64(value));
    else if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
        add_strings(json, value);
    else
        json_builder_add_null_value(json);
}

void
adit_web_row_add(JsonBuilder *json, GVariant *tuple, const char *const *names)
{
    gsize n = g_variant_n_children(tuple);

    json_builder_begin_object(json);
    for (gsize i = 0; i < n && names[i]; i++) {
        g_autoptr(GVariant) value = g_variant_get_child_value(tuple, i);

        json_builder_set_member_name(json, names[i]);
        adit_web_row_value(json, value);
    }
    json_builder_end_object(json);
}

void
adit_web_rows_add(JsonBuilder *json, GVariant *rows, const char *const *names)
{
    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

        adit_web_row_add(json, row, names);
    }
    json_builder_end_array(json);
}
