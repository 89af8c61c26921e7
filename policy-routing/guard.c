/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/guard.h"

#include <string.h>

#define HEAD "# Written by aditd whenever a gateway or the selection changes; do not edit.\n"

/* Batch lines cannot switch family: "ip -4 rule add ..." becomes "rule add ...". */
static void
add_line(GString *text, AditKind kind, const void *object)
{
    g_autofree char *words = adit_object_to_command(kind, ADIT_OP_ADD, object);

    g_assert(g_str_has_prefix(words, "ip -4 ") || g_str_has_prefix(words, "ip -6 "));
    g_string_append_printf(text, "%s\n", words + strlen("ip -4 "));
}

char *
adit_guard_ip(const AditState *want, guint8 family)
{
    GString *text = g_string_new(HEAD);

    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_ROUTE); i++) {
        const AditRoute *route = adit_state_get(want, ADIT_KIND_ROUTE, i);

        if (route->dst.addr.family == family && route->type != ADIT_ROUTE_UNICAST)
            add_line(text, ADIT_KIND_ROUTE, route);
    }
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_RULE); i++) {
        const AditRule *rule = adit_state_get(want, ADIT_KIND_RULE, i);

        if (rule->family == family)
            add_line(text, ADIT_KIND_RULE, rule);
    }
    return g_string_free(text, FALSE);
}

char *
adit_guard_nft(const AditNftBlueprint *bp, const AditState *elements)
{
    g_autofree char *table = adit_nft_to_text(bp);
    GString *text = g_string_new(HEAD);

    g_string_append(text, table);
    for (guint i = 0; i < adit_state_len(elements, ADIT_KIND_ELEMENT); i++) {
        g_autofree char *line =
            adit_nft_element_to_text(bp, adit_state_get(elements, ADIT_KIND_ELEMENT, i));

        g_string_append_printf(text, "%s\n", line);
    }
    return g_string_free(text, FALSE);
}
