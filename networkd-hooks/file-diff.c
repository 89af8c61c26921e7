/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/file-diff.h"

#include "libadit/core/key.h"

#include <string.h>

#define HIDDEN "(a key, not shown)"

/* Without the empty one behind the last newline. */
static GStrv
lines_of(const char *text)
{
    g_autofree char *body = g_strdup(text);

    if (g_str_has_suffix(body, "\n"))
        body[strlen(body) - 1] = '\0';
    return g_strsplit(body, "\n", -1);
}

/* The longest common subsequence of what is left from (i, j), for every i and j: files have
 * some dozens of lines. */
static guint *
common_lengths(const char *const *a, const char *const *b, guint n, guint m)
{
    guint *length = g_new0(guint, (gsize)(n + 1) * (m + 1));

    for (guint i = n; i-- > 0;)
        for (guint j = m; j-- > 0;) {
            guint *here = &length[i * (m + 1) + j];

            *here = g_str_equal(a[i], b[j]) ? here[m + 2] + 1 : MAX(here[m + 1], here[1]);
        }
    return length;
}

static void
append_lines(GString *out, const char *old, const char *new)
{
    g_auto(GStrv) a = lines_of(old);
    g_auto(GStrv) b = lines_of(new);
    const guint n = g_strv_length(a), m = g_strv_length(b);
    g_autofree guint *length =
        common_lengths((const char *const *)a, (const char *const *)b, n, m);

    for (guint i = 0, j = 0; i < n || j < m;) {
        const guint *here = &length[i * (m + 1) + j];

        if (i < n && j < m && g_str_equal(a[i], b[j])) {
            g_string_append_printf(out, " %s\n", a[i]);
            i++;
            j++;
        } else if (i < n && (j == m || here[m + 1] >= here[1])) {
            g_string_append_printf(out, "-%s\n", a[i++]);
        } else {
            g_string_append_printf(out, "+%s\n", b[j++]);
        }
    }
}

/* A key is another one or not; which, nobody is told. */
static void
append_change(GString *out, const AditNetworkdFile *file, const char *old)
{
    if (!file->secret)
        append_lines(out, old, file->text);
    else
        g_string_append(out, *old ? "-" HIDDEN "\n+" HIDDEN "\n" : "+" HIDDEN "\n");
}

char *
adit_networkd_files_to_diff(const GPtrArray *files, AditNetworkdPresent present, gpointer data)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < files->len; i++) {
        const AditNetworkdFile *file = g_ptr_array_index(files, i);
        char *old = present(file->name, data);

        if (old && g_str_equal(old, file->text)) {
            g_string_append_printf(out, "==> %s/%s: unchanged\n", ADIT_NETWORKD_FOLDER,
                                   file->name);
        } else {
            g_string_append_printf(out, "--- %s%s\n+++ %s/%s (0640, group %s)\n",
                                   old ? ADIT_NETWORKD_FOLDER "/" : "/dev/null",
                                   old ? file->name : "", ADIT_NETWORKD_FOLDER, file->name,
                                   ADIT_NETWORKD_GROUP);
            append_change(out, file, old ? old : "");
        }
        adit_key_string_free(old);
    }
    return g_string_free(out, FALSE);
}
