/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/settings.h"
#include "tests/fuzz/target.h"

#include <string.h>

/* A table with every type there is. */
typedef struct {
    gint64 number, seconds;
    gboolean yes;
    char *text;
    int word;
    AditPrefixList nets;
    AditPortList ports;
} Settings;

#define FIELD(name) G_STRUCT_OFFSET(Settings, name)
static const char *const words[] = { "auto", "direct", NULL };
static const AditSetting rows[] = {
    { "a", "number", ADIT_SETTING_INT, FIELD(number), "64", -5, 4096 },
    { "a", "seconds", ADIT_SETTING_DURATION, FIELD(seconds), "2h", 0, 86400 },
    { "a", "yes", ADIT_SETTING_BOOL, FIELD(yes), "yes" },
    { "a", "text", ADIT_SETTING_STRING, FIELD(text), "" },
    { "b", "word", ADIT_SETTING_ENUM, FIELD(word), "auto", .words = words },
    { "b", "nets", ADIT_SETTING_PREFIXES, FIELD(nets), "10.0.0.0/8" },
    { "b", "ports", ADIT_SETTING_PORTS, FIELD(ports), "22, 8000-8100" },
};
static const AditSettingTable table = { rows, G_N_ELEMENTS(rows), sizeof(Settings) };

/* What is read prints to a file that says the same; what is not has an error that says where.
 */
static void
try_file(const char *bytes, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL, *text_again = NULL;
    gpointer settings = adit_settings_parse(&table, "x", bytes, len, &error), again;

    g_assert_true((settings != NULL) == (error == NULL));
    if (!settings) {
        g_assert_true(g_str_has_prefix(error->message, "x:"));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return;
    }
    text = adit_settings_to_string(&table, settings);
    again = adit_settings_parse(&table, "x", text, strlen(text), NULL);
    g_assert_nonnull(again);
    text_again = adit_settings_to_string(&table, again);
    g_assert_cmpstr(text, ==, text_again);
    adit_settings_free(&table, settings);
    adit_settings_free(&table, again);
}

/* The same bytes as an assignment of the command line: what it refuses it leaves as it was. */
static void
try_assignment(const char *bytes, gsize len)
{
    g_autofree char *assignment = g_strndup(bytes, len);
    gpointer settings = adit_settings_defaults(&table);
    g_autofree char *before = adit_settings_to_string(&table, settings);
    g_autofree char *after = NULL;
    g_autoptr(GError) error = NULL;
    gboolean set = adit_settings_set(&table, settings, assignment, &error);

    g_assert_true(set == (error == NULL));
    after = adit_settings_to_string(&table, settings);
    if (!set)
        g_assert_cmpstr(before, ==, after);
    adit_settings_free(&table, settings);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_file((const char *)data, size);
    try_assignment((const char *)data, size);
    return 0;
}
