/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/ifname.h"

#include <string.h>

char *
adit_ifname_title(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);

    if (g_str_has_suffix(base, ".conf") && strlen(base) > strlen(".conf"))
        base[strlen(base) - strlen(".conf")] = '\0';
    return g_steal_pointer(&base);
}

gboolean
adit_ifname_is_valid(const char *name)
{
    gsize len = strlen(name);

    if (len == 0 || len > ADIT_IFNAME_MAX || g_str_equal(name, ".") || g_str_equal(name, ".."))
        return FALSE;
    for (const char *c = name; *c; c++)
        if (!g_ascii_isgraph(*c) || *c == '/' || *c == ':')
            return FALSE;
    return TRUE;
}

static gboolean
is_taken(const char *name, const char *const *taken)
{
    return taken && g_strv_contains(taken, name);
}

/* Letters, digits and single dashes; the kernel would take more, people and scripts would not.
 */
static char *
sanitise(const char *wish)
{
    g_autofree char *base = adit_ifname_title(wish);
    GString *name = g_string_new(NULL);

    for (const char *c = base; *c; c++) {
        if (g_ascii_isalnum(*c) || *c == '_')
            g_string_append_c(name, g_ascii_tolower(*c));
        else if (name->len > 0 && name->str[name->len - 1] != '-')
            g_string_append_c(name, '-');
    }
    g_string_truncate(name, MIN(name->len, ADIT_IFNAME_MAX));
    while (name->len > 0 && name->str[name->len - 1] == '-')
        g_string_truncate(name, name->len - 1);
    if (name->len == 0)
        g_string_assign(name, "adit");
    return g_string_free(name, FALSE);
}

char *
adit_ifname_derive(const char *wish, const char *const *taken)
{
    g_autofree char *name = sanitise(wish);

    if (!is_taken(name, taken))
        return g_steal_pointer(&name);
    for (guint n = 2;; n++) {
        g_autofree char *suffix = g_strdup_printf("-%u", n);
        g_autofree char *candidate =
            g_strdup_printf("%.*s%s", (int)(ADIT_IFNAME_MAX - strlen(suffix)), name, suffix);

        if (!is_taken(candidate, taken))
            return g_steal_pointer(&candidate);
    }
}
