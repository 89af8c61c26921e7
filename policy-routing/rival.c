/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/rival.h"

#include "libadit/core/error.h"
#include "libadit/sys/routes.h"
#include "policy-routing/numbers.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define TABLE_TAILSCALE 52

/* Traffic with mark 0, from and to anywhere. */
static gboolean
takes_everything(const AditSeenRule *rule)
{
    const gboolean unmarked = (rule->mark & rule->mask) == 0;

    if (rule->selective || (rule->inverted && rule->mask == 0))
        return FALSE;
    return rule->inverted ? !unmarked : unmarked;
}

/* Where a rule of somebody else's does harm: behind @after and before @before. */
typedef struct {
    guint8 family;
    guint32 after, before;
} Band;

static gboolean
is_within(const AditSeenRule *rule, const Band *band)
{
    return rule->family == band->family && rule->protocol != ADIT_RTPROT &&
           rule->priority > band->after && rule->priority < band->before &&
           rule->table != RT_TABLE_MAIN && rule->table != RT_TABLE_LOCAL;
}

/* A default in whatever spelling: 0.0.0.0/0, its two halves, 2000::/3. */
static gboolean
is_wide(const AditPrefix *prefix)
{
    return prefix->len <= (prefix->addr.family == AF_INET ? 1 : 3);
}

static gboolean
find(AditNl *nl, const Band *band, AditRival *ret, gboolean *ret_found, GError **error)
{
    g_autoptr(GArray) rules = adit_rules_read(nl, error);

    for (guint i = 0; rules && i < rules->len; i++) {
        const AditSeenRule *rule = &g_array_index(rules, AditSeenRule, i);
        g_autoptr(GArray) routes = NULL;

        if (!is_within(rule, band) || !takes_everything(rule))
            continue;
        routes = adit_routes_read(nl, band->family, rule->table, error);
        if (!routes)
            return FALSE;
        for (guint r = 0; r < routes->len; r++) {
            const AditAddress *route = &g_array_index(routes, AditAddress, r);

            if (!is_wide(&route->prefix))
                continue;
            *ret = (AditRival){ band->family, rule->priority, rule->table, "" };
            memcpy(ret->link, route->link, sizeof(ret->link));
            *ret_found = TRUE;
            return TRUE;
        }
    }
    *ret_found = FALSE;
    return rules != NULL;
}

gboolean
adit_rival_find(AditNl *nl, guint8 family, AditRival *ret, gboolean *ret_found, GError **error)
{
    const Band band = { family, ADIT_PREF_SUBNET, ADIT_PREF_LOCAL };

    return find(nl, &band, ret, ret_found, error);
}

char *
adit_rival_describe(const gboolean selected[2])
{
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_ROUTE, NULL);

    for (guint f = 0; nl && f < 2; f++) {
        const Band band = { f ? AF_INET6 : AF_INET, 0,
                            selected[f] ? ADIT_PREF_LOCAL : ADIT_PREF_SUBNET };
        gboolean found = FALSE;
        AditRival rival;

        if (find(nl, &band, &rival, &found, NULL) && found)
            return g_strdup_printf("rule %u (table %u) sends everything of IPv%c to %s%s first",
                                   rival.priority, rival.table, f ? '6' : '4', rival.link,
                                   rival.table == TABLE_TAILSCALE ? ", a Tailscale exit node"
                                                                  : "");
    }
    return NULL;
}

gboolean
adit_rival_check(const char *gateway, const gboolean families[2], GError **error)
{
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_ROUTE, error);

    for (guint f = 0; nl && f < 2; f++) {
        AditRival rival;
        gboolean found = FALSE;

        if (!families[f])
            continue;
        if (!adit_rival_find(nl, f ? AF_INET6 : AF_INET, &rival, &found, error))
            return FALSE;
        if (found) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                        "%s: default of IPv%c: rule %u (table %u) sends everything to %s%s "
                        "first: turn that off, or leave out --ipv%c",
                        gateway, f ? '6' : '4', rival.priority, rival.table, rival.link,
                        rival.table == TABLE_TAILSCALE ? ", a Tailscale exit node" : "",
                        f ? '6' : '4');
            return FALSE;
        }
    }
    return nl != NULL;
}
