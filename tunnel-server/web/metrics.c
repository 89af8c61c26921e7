/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/metrics.h"

#include "tunnel-server/web/row.h"

static void
begin(GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and newline escaped. */
static char *
escape(const char *text)
{
    GString *out = g_string_new(NULL);

    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            g_string_append_c(out, '\\');
        if (*text == '\n')
            g_string_append(out, "\\n");
        else
            g_string_append_c(out, *text);
    }
    return g_string_free(out, FALSE);
}

static GVariant *
field(GVariant *row, const char *const *names, const char *name)
{
    return g_variant_get_child_value(row, adit_web_row_index(names, name));
}

static guint64
number(GVariant *row, const char *name)
{
    g_autoptr(GVariant) value = field(row, adit_web_device_names, name);

    return g_variant_get_uint64(value);
}

typedef struct {
    const char *metric, *type, *help, *field;
} Series;

static const Series device_series[] = {
    { "adit_device_received_bytes_total", "counter", "Bytes received from a device.",
      "rx-bytes" },
    { "adit_device_sent_bytes_total", "counter", "Bytes sent to a device.", "tx-bytes" },
    { "adit_device_handshake_age_seconds", "gauge",
      "Age of a device's last handshake; absent before the first.", "last-handshake" },
};

static void
add_device(GString *out, const Series *series, GVariant *row, gint64 now)
{
    g_autoptr(GVariant) name = field(row, adit_web_device_names, "name");
    g_autofree char *label = escape(g_variant_get_string(name, NULL));
    guint64 value = number(row, series->field);
    gboolean is_age = g_str_equal(series->field, "last-handshake");

    if (is_age && value == 0)
        return;
    if (is_age)
        value = (guint64)MAX(now - (gint64)value, 0);
    g_string_append_printf(out, "%s{device=\"%s\"} %" G_GUINT64_FORMAT "\n", series->metric,
                           label, value);
}

static void
add_devices(GString *out, GVariant *rows, gint64 now)
{
    begin(out, "adit_devices", "gauge", "Devices known.");
    g_string_append_printf(out, "adit_devices %zu\n", g_variant_n_children(rows));
    for (guint s = 0; s < G_N_ELEMENTS(device_series); s++) {
        begin(out, device_series[s].metric, device_series[s].type, device_series[s].help);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
            g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

            add_device(out, &device_series[s], row, now);
        }
    }
}

/* "family=\"4\",origin=\"manual\",enabled=\"true\"" -> count */
static char *
kind_of(GVariant *row)
{
    g_autoptr(GVariant) family = field(row, adit_web_mapping_names, "family");
    g_autoptr(GVariant) origin = field(row, adit_web_mapping_names, "origin");
    g_autoptr(GVariant) enabled = field(row, adit_web_mapping_names, "enabled");
    g_autofree char *label = escape(g_variant_get_string(origin, NULL));

    return g_strdup_printf("family=\"%u\",origin=\"%s\",enabled=\"%s\"",
                           g_variant_get_byte(family), label,
                           g_variant_get_boolean(enabled) ? "true" : "false");
}

static void
add_mappings(GString *out, GVariant *rows)
{
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GList) kinds = NULL;

    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        g_autofree char *kind = kind_of(row);
        guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, kind));

        g_hash_table_replace(counts, g_steal_pointer(&kind), GUINT_TO_POINTER(n + 1));
    }
    begin(out, "adit_mappings", "gauge", "Forwards and pinholes, by family and origin.");
    kinds = g_list_sort(g_hash_table_get_keys(counts), (GCompareFunc)g_strcmp0);
    for (GList *at = kinds; at; at = at->next)
        g_string_append_printf(out, "adit_mappings{%s} %u\n", (const char *)at->data,
                               GPOINTER_TO_UINT(g_hash_table_lookup(counts, at->data)));
}

static const Series mapping_series[] = {
    { "adit_mapping_received_bytes_total", "counter", "Bytes of visitors, by mapping.",
      "bytes-in" },
    { "adit_mapping_sent_bytes_total", "counter", "Bytes of the device's answers, by mapping.",
      "bytes-out" },
};

static void
add_mapping(GString *out, const Series *series, GVariant *row)
{
    g_autoptr(GVariant) family = field(row, adit_web_mapping_names, "family");
    g_autoptr(GVariant) key = field(row, adit_web_mapping_names, "key");
    g_autoptr(GVariant) device = field(row, adit_web_mapping_names, "device");
    g_autoptr(GVariant) value = field(row, adit_web_mapping_names, series->field);
    g_autofree char *key_label = escape(g_variant_get_string(key, NULL));
    g_autofree char *device_label = escape(g_variant_get_string(device, NULL));

    g_string_append_printf(out,
                           "%s{family=\"%u\",key=\"%s\",device=\"%s\"} %" G_GUINT64_FORMAT "\n",
                           series->metric, g_variant_get_byte(family), key_label, device_label,
                           g_variant_get_uint64(value));
}

static void
add_mapping_bytes(GString *out, GVariant *rows)
{
    for (guint s = 0; s < G_N_ELEMENTS(mapping_series); s++) {
        begin(out, mapping_series[s].metric, mapping_series[s].type, mapping_series[s].help);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
            g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

            add_mapping(out, &mapping_series[s], row);
        }
    }
}

static void
add_one(GString *out, const char *name, const char *type, const char *help, guint64 value)
{
    begin(out, name, type, help);
    g_string_append_printf(out, "%s %" G_GUINT64_FORMAT "\n", name, value);
}

static void
add_own(GString *out, const AditWebMetrics *metrics)
{
    const AditWebCounters *counters = metrics->counters;

    add_one(out, "adit_web_sessions", "gauge", "Sessions that are open.", metrics->sessions);
    add_one(out, "adit_web_connections", "gauge", "Connections that are open.",
            metrics->connections);
    add_one(out, "adit_web_requests_total", "counter", "Requests whose headers arrived.",
            counters->requests);
    add_one(out, "adit_web_logins_total", "counter", "Logins that succeeded.",
            counters->logins);
    add_one(out, "adit_web_changes_total", "counter", "Changes that were made.",
            counters->changes);
    begin(out, "adit_web_refused_total", "counter", "What was turned away, and why.");
    for (AditWebRefusal why = 0; why < ADIT_WEB_REFUSALS; why++)
        g_string_append_printf(out,
                               "adit_web_refused_total{reason=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               adit_web_refusal_name(why), counters->refused[why]);
}

char *
adit_web_metrics_text(const AditWebMetrics *metrics)
{
    GString *out = g_string_new(NULL);

    add_one(out, "adit_up", "gauge", "Whether the server's tunnel is up.", metrics->is_up);
    if (metrics->devices)
        add_devices(out, metrics->devices, metrics->now);
    if (metrics->mappings) {
        add_mappings(out, metrics->mappings);
        add_mapping_bytes(out, metrics->mappings);
    }
    add_own(out, metrics);
    return g_string_free(out, FALSE);
}
