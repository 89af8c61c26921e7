/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/conf.h"
#include "tests/fuzz/target.h"

#include <string.h>

static char *
print(const AditConf *conf)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < conf->n_tokens; i++) {
        const AditConfToken *t = &conf->tokens[i];

        if (t->key)
            g_string_append_printf(out, "%s=%s\n", t->key, t->value);
        else
            g_string_append_printf(out, "[%s]\n", t->section);
    }
    return g_string_free(out, FALSE);
}

/* Tokens print to a file of the same tokens, a line each. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AditConf) conf = adit_conf_parse("x", (const char *)data, size, NULL),
                        again = NULL;
    g_autofree char *text = NULL;

    if (!conf)
        return 0;
    text = print(conf);
    again = adit_conf_parse("x", text, strlen(text), NULL);
    g_assert_nonnull(again);
    g_assert_cmpuint(again->n_tokens, ==, conf->n_tokens);
    for (guint i = 0; i < conf->n_tokens; i++) {
        const AditConfToken *a = &conf->tokens[i], *b = &again->tokens[i];

        g_assert_cmpuint(b->line, ==, i + 1);
        g_assert_cmpuint(a->line, >=, b->line);
        g_assert_cmpuint(a->section_no, ==, b->section_no);
        g_assert_cmpstr(a->section, ==, b->section);
        g_assert_cmpstr(a->key, ==, b->key);
        g_assert_cmpstr(a->value, ==, b->value);
    }
    return 0;
}
