/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/settings.h"

#include <string.h>

#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/core/setting-value.h"

static gpointer
field_of(const AditSetting *row, gpointer settings)
{
    return (guint8 *)settings + row->offset;
}

static const AditSetting *
find(const AditSettingTable *table, const char *section, const char *key)
{
    for (guint i = 0; i < table->n_rows; i++) {
        if (g_str_equal(table->rows[i].section, section) &&
            (key == NULL || g_str_equal(table->rows[i].key, key)))
            return &table->rows[i];
    }
    return NULL;
}

void
adit_settings_free(const AditSettingTable *table, gpointer settings)
{
    if (settings == NULL)
        return;
    for (guint i = 0; i < table->n_rows; i++)
        adit_setting_value_clear(&table->rows[i], field_of(&table->rows[i], settings));
    g_free(settings);
}

gpointer
adit_settings_defaults(const AditSettingTable *table)
{
    gpointer settings = g_malloc0(table->size);

    for (guint i = 0; i < table->n_rows; i++) {
        const AditSetting *row = &table->rows[i];
        g_autoptr(GError) error = NULL;

        if (!adit_setting_value_parse(row, row->fallback, field_of(row, settings), &error))
            g_error("[%s] %s: default: %s", row->section, row->key, error->message);
    }
    return settings;
}

static gboolean
fail(GError **error, const char *name, const AditConfToken *token, const char *why)
{
    g_autofree char *section = adit_error_quote(token->section);
    g_autofree char *key = token->key != NULL ? adit_error_quote(token->key) : NULL;

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: [%s]%s%s: %s", name, token->line,
                section, key != NULL ? " " : "", key != NULL ? key : "", why);
    return FALSE;
}

/* @lines: where each row was given, 0: not yet. */
static gboolean
take(const AditSettingTable *table, const char *name, const AditConfToken *token, guint *lines,
     gpointer settings, GError **error)
{
    const AditSetting *row = find(table, token->section, token->key);
    g_autoptr(GError) local = NULL;
    guint *line;

    if (row == NULL)
        return fail(error, name, token, token->key == NULL ? "unknown section" : "unknown key");
    if (token->key == NULL)
        return TRUE;

    line = &lines[row - table->rows];
    if (*line != 0) {
        g_autofree char *why = g_strdup_printf("given before in line %u", *line);

        return fail(error, name, token, why);
    }
    *line = token->line;
    if (adit_setting_value_parse(row, token->value, field_of(row, settings), &local))
        return TRUE;
    return fail(error, name, token, local->message);
}

gpointer
adit_settings_parse(const AditSettingTable *table, const char *name, const char *bytes,
                    gsize len, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(name, bytes, len, error);
    g_autofree guint *lines = g_new0(guint, table->n_rows);
    gpointer settings;

    if (conf == NULL)
        return NULL;

    settings = adit_settings_defaults(table);
    for (guint i = 0; i < conf->n_tokens; i++) {
        if (!take(table, name, &conf->tokens[i], lines, settings, error)) {
            adit_settings_free(table, settings);
            return NULL;
        }
    }
    return settings;
}

gboolean
adit_settings_set(const AditSettingTable *table, gpointer settings, const char *assignment,
                  GError **error)
{
    g_auto(GStrv) sides = g_strsplit(assignment, "=", 2);
    g_autofree char *quoted = adit_error_quote(assignment);
    g_autoptr(GError) local = NULL;
    const AditSetting *row;
    char *dot;

    dot = sides[0] != NULL ? strchr(sides[0], '.') : NULL;
    if (dot == NULL || sides[1] == NULL) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not section.key=value", quoted);
        return FALSE;
    }
    *dot = '\0';
    row = find(table, sides[0], dot + 1);
    if (row == NULL) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: unknown key", quoted);
        return FALSE;
    }
    if (adit_setting_value_parse(row, sides[1], field_of(row, settings), &local))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "[%s] %s: %s", row->section, row->key,
                local->message);
    return FALSE;
}

char *
adit_settings_to_string(const AditSettingTable *table, gconstpointer settings)
{
    GString *out = g_string_new(NULL);
    const char *section = NULL;

    for (guint i = 0; i < table->n_rows; i++) {
        const AditSetting *row = &table->rows[i];
        g_autofree char *value =
            adit_setting_value_to_string(row, (const guint8 *)settings + row->offset);

        if (section == NULL || !g_str_equal(section, row->section))
            g_string_append_printf(out, "%s[%s]\n", section != NULL ? "\n" : "", row->section);
        section = row->section;
        g_string_append_printf(out, "%s = %s\n", row->key, value);
    }
    return g_string_free(out, FALSE);
}

gboolean
adit_port_list_contains(const AditPortList *list, guint16 port)
{
    for (guint i = 0; i < list->len; i++) {
        if (port >= list->ranges[i].first && port <= list->ranges[i].last)
            return TRUE;
    }
    return FALSE;
}

gboolean
adit_prefix_list_contains(const AditPrefixList *list, const AditAddr *addr)
{
    for (guint i = 0; i < list->len; i++) {
        if (adit_prefix_contains(&list->prefixes[i], addr))
            return TRUE;
    }
    return FALSE;
}
