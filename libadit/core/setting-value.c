/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/setting-value.h"

#include <string.h>

#include "libadit/core/error.h"
#include "libadit/core/number.h"

static gboolean
fail(GError **error, const char *text, const char *why)
{
    g_autofree char *quoted = adit_error_quote(text);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted, why);
    return FALSE;
}

/* Only what the file could say: what we print must read back. */
static gboolean
parse_string(const char *text, char **ret, GError **error)
{
    if (strpbrk(text, "\r\n") != NULL)
        return fail(error, text, "more than a line");
    if (strchr(text, '#') != NULL)
        return fail(error, text, "'#' begins a comment");
    g_free(*ret);
    *ret = g_strdup(text);
    return TRUE;
}

static gboolean
parse_int(const AditSetting *row, const char *text, gint64 *ret, GError **error)
{
    gboolean negative = *text == '-';
    guint64 size;
    gint64 value;

    if (!adit_number_parse(text + negative, 10, 0, G_MAXINT32 * G_GUINT64_CONSTANT(1024),
                           &size))
        return fail(error, text, "not a number");
    value = negative ? -(gint64)size : (gint64)size;
    if (value < row->min || value > row->max) {
        g_autofree char *why = g_strdup_printf(
            "not between %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, row->min, row->max);

        return fail(error, text, why);
    }
    *ret = value;
    return TRUE;
}

static gboolean
parse_bool(const char *text, gboolean *ret, GError **error)
{
    static const struct {
        const char *word;
        gboolean value;
    } words[] = {
        { "yes", TRUE },    { "no", FALSE }, { "true", TRUE },
        { "false", FALSE }, { "on", TRUE },  { "off", FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(text, words[i].word)) {
            *ret = words[i].value;
            return TRUE;
        }
    }
    return fail(error, text, "not yes or no");
}

static gboolean
parse_enum(const AditSetting *row, const char *text, int *ret, GError **error)
{
    g_autofree char *all = NULL;
    g_autofree char *why = NULL;

    for (guint i = 0; row->words[i] != NULL; i++) {
        if (g_str_equal(text, row->words[i])) {
            *ret = i;
            return TRUE;
        }
    }
    all = g_strjoinv(", ", (char **)row->words);
    why = g_strdup_printf("not one of %s", all);
    return fail(error, text, why);
}

/* Longest first: the first that divides a duration is the one to print it with. */
static const struct {
    const char *name;
    gint64 seconds;
} units[] = {
    { "d", 86400 },
    { "h", 3600 },
    { "min", 60 },
    { "s", 1 },
};

static gboolean
parse_duration(const AditSetting *row, const char *text, gint64 *ret, GError **error)
{
    gsize digits = strspn(text, "0123456789");
    g_autofree char *number = g_strndup(text, digits);
    const char *unit = text[digits] == '\0' ? "s" : text + digits;

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        guint64 count;

        if (!g_str_equal(unit, units[i].name))
            continue;
        if (!adit_number_parse(number, 10, 0, G_MAXINT32, &count))
            break;
        if ((gint64)count * units[i].seconds < row->min ||
            (gint64)count * units[i].seconds > row->max) {
            g_autofree char *why =
                g_strdup_printf("not between %" G_GINT64_FORMAT "s and %" G_GINT64_FORMAT "s",
                                row->min, row->max);

            return fail(error, text, why);
        }
        *ret = count * units[i].seconds;
        return TRUE;
    }
    return fail(error, text, "not a duration: a number with s, min, h or d");
}

/* Each piece of a list between commas, without blanks; an empty text is an empty list. */
static char **
split(const char *text)
{
    char **pieces = g_strsplit(text, ",", -1);

    for (guint i = 0; pieces[i] != NULL; i++)
        g_strstrip(pieces[i]);
    return pieces;
}

static gboolean
parse_prefixes(const char *text, AditPrefixList *ret, GError **error)
{
    g_auto(GStrv) pieces = split(text);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint i = 0; pieces[i] != NULL; i++) {
        AditPrefix prefix;

        if (!adit_prefix_parse(pieces[i], &prefix, error))
            return FALSE;
        if (adit_prefix_has_host_bits(&prefix))
            return fail(error, pieces[i], "has host bits set");
        g_array_append_val(list, prefix);
    }
    ret->len = list->len;
    ret->prefixes = (gpointer)g_array_free(g_steal_pointer(&list), FALSE);
    return TRUE;
}

static gboolean
parse_range(const char *text, AditPortRange *ret)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 2);
    guint64 first, last;

    if (ends[0] == NULL || !adit_number_parse(ends[0], 10, 0, G_MAXUINT16, &first))
        return FALSE;
    last = first;
    if (ends[1] != NULL && !adit_number_parse(ends[1], 10, 0, G_MAXUINT16, &last))
        return FALSE;
    if (first == 0 || last < first)
        return FALSE;
    *ret = (AditPortRange){ first, last };
    return TRUE;
}

static gboolean
parse_ports(const char *text, AditPortList *ret, GError **error)
{
    g_auto(GStrv) pieces = split(text);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditPortRange));

    for (guint i = 0; pieces[i] != NULL; i++) {
        AditPortRange range;

        if (!parse_range(pieces[i], &range))
            return fail(error, pieces[i], "not a port or a range of ports");
        g_array_append_val(list, range);
    }
    ret->len = list->len;
    ret->ranges = (gpointer)g_array_free(g_steal_pointer(&list), FALSE);
    return TRUE;
}

void
adit_setting_value_clear(const AditSetting *row, gpointer field)
{
    switch (row->type) {
    case ADIT_SETTING_STRING: g_clear_pointer((char **)field, g_free); return;
    case ADIT_SETTING_PREFIXES:
        g_clear_pointer(&((AditPrefixList *)field)->prefixes, g_free);
        ((AditPrefixList *)field)->len = 0;
        return;
    case ADIT_SETTING_PORTS:
        g_clear_pointer(&((AditPortList *)field)->ranges, g_free);
        ((AditPortList *)field)->len = 0;
        return;
    case ADIT_SETTING_INT:
    case ADIT_SETTING_BOOL:
    case ADIT_SETTING_ENUM:
    case ADIT_SETTING_DURATION: return;
    }
    g_assert_not_reached();
}

static gboolean
parse_list(const AditSetting *row, const char *text, gpointer field, GError **error)
{
    AditPrefixList prefixes;
    AditPortList ports;

    if (row->type == ADIT_SETTING_PREFIXES) {
        if (!parse_prefixes(text, &prefixes, error))
            return FALSE;
        adit_setting_value_clear(row, field);
        *(AditPrefixList *)field = prefixes;
        return TRUE;
    }
    if (!parse_ports(text, &ports, error))
        return FALSE;
    adit_setting_value_clear(row, field);
    *(AditPortList *)field = ports;
    return TRUE;
}

gboolean
adit_setting_value_parse(const AditSetting *row, const char *text, gpointer field,
                         GError **error)
{
    switch (row->type) {
    case ADIT_SETTING_INT: return parse_int(row, text, field, error);
    case ADIT_SETTING_BOOL: return parse_bool(text, field, error);
    case ADIT_SETTING_ENUM: return parse_enum(row, text, field, error);
    case ADIT_SETTING_DURATION: return parse_duration(row, text, field, error);
    case ADIT_SETTING_PREFIXES:
    case ADIT_SETTING_PORTS: return parse_list(row, text, field, error);
    case ADIT_SETTING_STRING: return parse_string(text, field, error);
    }
    g_assert_not_reached();
}

static char *
duration_to_string(gint64 seconds)
{
    guint i = 0;

    while (seconds % units[i].seconds != 0 || (seconds == 0 && units[i].seconds != 1))
        i++;
    return g_strdup_printf("%" G_GINT64_FORMAT "%s", seconds / units[i].seconds, units[i].name);
}

static char *
prefixes_to_string(const AditPrefixList *list)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        g_autofree char *text = adit_prefix_to_string(&list->prefixes[i]);

        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", text);
    }
    return g_string_free(out, FALSE);
}

static char *
ports_to_string(const AditPortList *list)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        const AditPortRange *r = &list->ranges[i];

        g_string_append_printf(out, "%s%u", i > 0 ? ", " : "", r->first);
        if (r->last != r->first)
            g_string_append_printf(out, "-%u", r->last);
    }
    return g_string_free(out, FALSE);
}

char *
adit_setting_value_to_string(const AditSetting *row, gconstpointer field)
{
    switch (row->type) {
    case ADIT_SETTING_INT: return g_strdup_printf("%" G_GINT64_FORMAT, *(const gint64 *)field);
    case ADIT_SETTING_BOOL: return g_strdup(*(const gboolean *)field ? "yes" : "no");
    case ADIT_SETTING_STRING: return g_strdup(*(char *const *)field);
    case ADIT_SETTING_ENUM: return g_strdup(row->words[*(const int *)field]);
    case ADIT_SETTING_DURATION: return duration_to_string(*(const gint64 *)field);
    case ADIT_SETTING_PREFIXES: return prefixes_to_string(field);
    case ADIT_SETTING_PORTS: return ports_to_string(field);
    }
    g_assert_not_reached();
}
