/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns-nft.h"

#include <gio/gio.h>

char *
test_nft_try(const char *words, const char *input, char **ret_why)
{
    g_autofree char *line = g_strconcat("nft ", words, NULL);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) nft = NULL;
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;

    nft = g_subprocess_newv((const char *const *)argv,
                            G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                G_SUBPROCESS_FLAGS_STDERR_PIPE,
                            &error);
    g_assert_no_error(error);
    g_subprocess_communicate_utf8(nft, input, NULL, &output, &errors, &error);
    g_assert_no_error(error);
    if (g_subprocess_get_successful(nft))
        return g_steal_pointer(&output);
    *ret_why = g_steal_pointer(&errors);
    return NULL;
}

char *
test_nft(const char *words, const char *input)
{
    g_autofree char *why = NULL;
    char *output = test_nft_try(words, input, &why);

    if (output == NULL)
        g_error("nft %s: %s", words, why);
    return output;
}

char *
test_nft_list(const char *table)
{
    g_autofree char *words = g_strdup_printf("list table inet %s", table);
    g_autofree char *text = test_nft(words, NULL);
    g_autoptr(GRegex) volatile_parts = g_regex_new(
        " expires [0-9dhms]+| packets [0-9]+ bytes [0-9]+| # handle [0-9]+", 0, 0, NULL);

    return g_regex_replace_literal(volatile_parts, text, -1, 0, "", 0, NULL);
}
