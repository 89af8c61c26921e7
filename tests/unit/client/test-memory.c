/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/memory.h"

#include <string.h>

static void
test_there_and_back(void)
{
    g_autoptr(AditMemory) memory = adit_memory_new();
    g_autoptr(AditMemory) again = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_autofree char *twice = NULL;

    memory->knows_gateways = TRUE;
    adit_memory_set_quiet(memory, TRUE);
    adit_memory_tell(memory, "reach:443/tcp@caf\xc3\xa9; [x]",
                     "203.0.113.7:443\n[2001:db8::2]:443");
    adit_memory_tell(memory, "gateway:home", "here");
    adit_memory_answer(memory, "8080/tcp a;b=c\\d");
    g_assert_true(memory->changed);
    text = adit_memory_print(memory);
    again = adit_memory_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_false(again->changed);
    g_assert_true(again->quiet && again->knows_gateways && !again->knows_reaches);
    g_assert_cmpstr(g_hash_table_lookup(again->told, "reach:443/tcp@caf\xc3\xa9; [x]"), ==,
                    "203.0.113.7:443\n[2001:db8::2]:443");
    g_assert_true(g_hash_table_contains(again->answered, "8080/tcp a;b=c\\d"));
    twice = adit_memory_print(again);
    g_assert_cmpstr(twice, ==, text);
}

static void
test_changes(void)
{
    g_autoptr(AditMemory) memory = adit_memory_new();

    adit_memory_forget(memory, "nothing");
    adit_memory_set_quiet(memory, FALSE);
    g_assert_false(memory->changed);
    adit_memory_tell(memory, "a", "1");
    memory->changed = FALSE;
    adit_memory_tell(memory, "a", "1");
    g_assert_false(memory->changed);
    adit_memory_tell(memory, "a", "2");
    g_assert_true(memory->changed);
    memory->changed = FALSE;
    adit_memory_forget(memory, "a");
    g_assert_true(memory->changed);
}

/* A half of a list, or none, is no reason to fail; what is no key file is. */
static void
test_foreign(void)
{
    static const char uneven[] = "[told]\nkeys=a;b;c\nwords=1;2\n[asked]\nquiet=perhaps\n";
    g_autoptr(AditMemory) memory = adit_memory_parse(uneven, strlen(uneven), NULL);
    g_autoptr(AditMemory) empty = adit_memory_parse("", 0, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint(g_hash_table_size(memory->told), ==, 2);
    g_assert_false(memory->quiet);
    g_assert_cmpuint(g_hash_table_size(empty->told), ==, 0);
    g_assert_null(adit_memory_parse("nonsense", 8, &error));
    g_assert_nonnull(error);
}

/* Nobody has as many ports; the file does not grow for ever. */
static void
test_bounded(void)
{
    g_autoptr(AditMemory) memory = adit_memory_new();

    for (guint i = 0; i < 5000; i++) {
        g_autofree char *key = g_strdup_printf("%u", i);

        adit_memory_tell(memory, key, "x");
        adit_memory_answer(memory, key);
    }
    g_assert_cmpuint(g_hash_table_size(memory->told), ==, 1024);
    g_assert_cmpuint(g_hash_table_size(memory->answered), ==, 1024);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent/memory/there-and-back", test_there_and_back);
    g_test_add_func("/agent/memory/changes", test_changes);
    g_test_add_func("/agent/memory/foreign", test_foreign);
    g_test_add_func("/agent/memory/bounded", test_bounded);
    return g_test_run();
}
