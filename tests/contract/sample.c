/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/sample.h"

#include <sys/socket.h>

#define MAIN 254

AditAddr
sample_addr(const char *text)
{
    AditAddr value = { 0 };

    if (text != NULL)
        g_assert_true(adit_addr_parse(text, &value, NULL));
    return value;
}

AditPrefix
sample_prefix(const char *text)
{
    AditPrefix value = { 0 };

    if (text != NULL)
        g_assert_true(adit_prefix_parse(text, &value, NULL));
    return value;
}

AditState *
sample_wanted(void)
{
    AditState *want = adit_state_new();

    adit_state_add_link(want, &(AditLink){ "adit0", 1500, TRUE });
    adit_state_add_link(want, &(AditLink){ "adit1", 1500, TRUE });
    return want;
}

void
sample_add_address(AditState *want, const char *link, const char *text, gboolean deprecated,
                   gboolean no_prefix_route)
{
    AditAddress address = { .prefix = sample_prefix(text),
                            .deprecated = deprecated,
                            .no_prefix_route = no_prefix_route };

    g_strlcpy(address.link, link, sizeof(address.link));
    adit_state_add_address(want, &address);
}

static void
add_random_rule(AditState *want, GRand *dice)
{
    static const guint32 tables[] = { MAIN, 100, 20101, 20102 };
    const gboolean v4 = g_rand_boolean(dice);
    AditRule rule = { .family = v4 ? AF_INET : AF_INET6,
                      .priority = 1740 + g_rand_int_range(dice, 0, 6),
                      .action = g_rand_int_range(dice, 0, 3) };

    if (rule.action == ADIT_RULE_LOOKUP) {
        rule.table = tables[g_rand_int_range(dice, 0, G_N_ELEMENTS(tables))];
        rule.suppress = g_rand_boolean(dice);
        rule.service = g_rand_boolean(dice);
    }
    if (g_rand_boolean(dice)) {
        rule.mark = (guint32)g_rand_int_range(dice, 0, 3) << 24;
        rule.mask = 0x3f000000;
    }
    if (g_rand_boolean(dice))
        rule.src = sample_prefix(v4 ? "10.59.0.2/32" : "2001:db8:59::2/128");
    if (g_rand_boolean(dice))
        rule.dst = sample_prefix(v4 ? "10.59.0.0/24" : "2001:db8:59::/64");
    if (g_rand_boolean(dice))
        g_strlcpy(rule.iif, "adit0", sizeof(rule.iif));
    adit_state_add_rule(want, &rule);
}

/* @metric is the identity beside the family and the table: no two routes of one. */
static void
add_random_route(AditState *want, GRand *dice, guint32 metric)
{
    const gboolean v4 = g_rand_boolean(dice);
    AditRoute route = { .dst = sample_prefix(v4 ? "0.0.0.0/0" : "::/0"),
                        .table = 20101 + g_rand_int_range(dice, 0, 2),
                        .metric = metric,
                        .type = g_rand_int_range(dice, 0, 3) };

    if (route.type == ADIT_ROUTE_UNICAST) {
        g_strlcpy(route.link, g_rand_boolean(dice) ? "adit0" : "adit1", sizeof(route.link));
        if (route.link[4] == '0' && g_rand_boolean(dice)) {
            route.gateway = sample_addr(v4 ? "10.59.0.1" : "2001:db8:59::1");
            if (g_rand_boolean(dice))
                route.prefsrc = sample_addr(v4 ? "10.59.0.2" : "2001:db8:59::2");
        }
    }
    adit_state_add_route(want, &route);
}

AditState *
sample_random(GRand *dice)
{
    AditState *want = sample_wanted();

    sample_add_address(want, "adit0", "10.59.0.2/24", FALSE, FALSE);
    sample_add_address(want, "adit0", "2001:db8:59::2/64", g_rand_boolean(dice), FALSE);
    for (gint32 i = g_rand_int_range(dice, 0, 30); i > 0; i--)
        add_random_rule(want, dice);
    for (gint32 i = g_rand_int_range(dice, 0, 12); i > 0; i--)
        if (g_rand_boolean(dice))
            add_random_route(want, dice, 50 + i);
    for (guint i = 0; i < 6; i++) {
        g_autofree char *four = g_strdup_printf("10.60.%u.2/24", i);
        g_autofree char *six = g_strdup_printf("2001:db8:60::%x", i + 2);
        AditNeighbour neighbour = { "out0", sample_addr(six) };

        if (g_rand_boolean(dice))
            sample_add_address(want, "adit1", four, FALSE, g_rand_boolean(dice));
        if (g_rand_boolean(dice))
            adit_state_add_neighbour(want, &neighbour);
    }
    return adit_state_seal(want);
}
