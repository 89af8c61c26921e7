/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/guard-network.h"

#include "policy-routing/numbers.h"

#include <sys/socket.h>

/* A copy says the same of the same packets, so it does no harm where both are: the ladder below
 * 2000 moves before ours, the selection's behind it. Neither lies between 1755 and 20060, where
 * another's rule would beat a selection. */
#define BEFORE 50
#define BEHIND 20

static const char *
family_word(guint8 family)
{
    return family == AF_INET6 ? "ipv6" : "ipv4";
}

static void
append_prefix(GString *out, const char *key, const AditPrefix *prefix)
{
    g_autofree char *text = prefix->addr.family ? adit_prefix_to_string(prefix) : NULL;

    if (text)
        g_string_append_printf(out, "%s=%s\n", key, text);
}

static void
append_action(GString *out, const AditRule *rule)
{
    switch (rule->action) {
    case ADIT_RULE_LOOKUP: g_string_append_printf(out, "Table=%u\n", rule->table); break;
    case ADIT_RULE_BLACKHOLE: g_string_append(out, "Type=blackhole\n"); break;
    case ADIT_RULE_UNREACHABLE: g_string_append(out, "Type=unreachable\n"); break;
    }
    if (rule->suppress)
        g_string_append(out, "SuppressPrefixLength=0\n");
}

static void
append_rule(GString *out, const AditRule *rule)
{
    g_string_append_printf(
        out, "\n[RoutingPolicyRule]\nFamily=%s\nPriority=%u\n", family_word(rule->family),
        rule->priority < ADIT_PREF_LOCAL ? rule->priority - BEFORE : rule->priority + BEHIND);
    append_prefix(out, "From", &rule->src);
    append_prefix(out, "To", &rule->dst);
    if (rule->mask)
        g_string_append_printf(out, "FirewallMark=0x%x/0x%x\n", rule->mark, rule->mask);
    if (*rule->iif)
        g_string_append_printf(out, "IncomingInterface=%s\n", rule->iif);
    if (*rule->oif)
        g_string_append_printf(out, "OutgoingInterface=%s\n", rule->oif);
    append_action(out, rule);
}

static void
append_route(GString *out, const AditRoute *route)
{
    g_string_append_printf(out, "\n[Route]\nType=%s\n",
                           route->type == ADIT_ROUTE_UNREACHABLE ? "unreachable" : "blackhole");
    append_prefix(out, "Destination", &route->dst);
    g_string_append_printf(out, "Table=%u\nMetric=%u\n", route->table, route->metric - 1);
}

char *
adit_networkd_guard_sections(const AditState *want)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_ROUTE); i++) {
        const AditRoute *route = adit_state_get(want, ADIT_KIND_ROUTE, i);

        if (route->type != ADIT_ROUTE_UNICAST)
            append_route(out, route);
    }
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_RULE); i++) {
        const AditRule *rule = adit_state_get(want, ADIT_KIND_RULE, i);

        if (rule->priority != ADIT_PREF_LINK && rule->priority != ADIT_PREF_ANSWER)
            append_rule(out, rule); /* those two guard nothing */
    }
    return g_string_free(out, out->len == 0);
}

/* KeepConfiguration: what else is on lo stays as it is; and, told of a changed file, networkd
 * then takes back its own rules itself. Without it they count as a stranger's from then on,
 * which our networkd.conf.d leaves where they are. The word on the kernel's command line that
 * leaves out the guard at boot leaves out this one as well; a drop-in it would leave out with
 * the admin's file. */
char *
adit_networkd_guard_file(const char *sections, gboolean drop_in)
{
    GString *out = g_string_new("# Written by adit (networkd-guard in adit.conf), which writes "
                                "it anew at every change.\n");

    if (!drop_in)
        g_string_append(out, "[Match]\nName=lo\nKernelCommandLine=!adit.guard=off\n"
                             "\n[Link]\nRequiredForOnline=no\n\n");
    g_string_append(out, "[Network]\nKeepConfiguration=yes\n");
    if (!drop_in)
        g_string_append(out, "LinkLocalAddressing=no\nIPv6AcceptRA=no\n");
    g_string_append(out, sections ? sections : "");
    return g_string_free(out, FALSE);
}
