/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "libadit/core/redirect-http.h"
#include "tests/fuzz/target.h"

/* Whatever is asked, the answer is one header block of known lines, and a Location, if there is
 * one, is a whole URL of printable ASCII. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    g_autofree char *answer = adit_redirect_http_answer(bytes, size);
    g_auto(GStrv) lines = g_strsplit(answer, "\r\n", -1);
    gboolean redirect = g_str_has_prefix(answer, "HTTP/1.1 308 ");
    guint n = g_strv_length(lines);

    g_assert_true(redirect || g_str_has_prefix(answer, "HTTP/1.1 4") ||
                  g_str_has_prefix(answer, "HTTP/1.1 505 "));
    g_assert_cmpuint(n, ==, redirect ? 7 : strstr(answer, "Allow:") ? 6 : 5);
    g_assert_cmpstr(lines[n - 3], ==, "Connection: close");
    if (redirect) {
        const char *url = lines[1] + strlen("Location: https://");

        g_assert_true(g_str_has_prefix(lines[1], "Location: https://"));
        g_assert_nonnull(strchr(url, '/'));
        for (const char *c = url; *c; c++)
            g_assert_true(g_ascii_isgraph(*c));
        g_assert_cmpuint(strcspn(url, "@?#\\"), >=, strcspn(url, "/"));
    }
    return 0;
}
