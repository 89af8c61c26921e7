/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/reach.h"

#include <string.h>

/* The worst of several mappings is what the user is told. */

static void
test_states(void)
{
    static const struct {
        AditMappingState state;
        AditMappingReason reason;
        AditReachState seen;
    } rows[] = {
        { ADIT_MAPPING_WAITING, ADIT_MAPPING_NO_REASON, ADIT_REACH_ASKING },
        { ADIT_MAPPING_ASKING, ADIT_MAPPING_NO_REASON, ADIT_REACH_ASKING },
        { ADIT_MAPPING_ASKING, ADIT_MAPPING_RESTARTED, ADIT_REACH_LOST },
        { ADIT_MAPPING_WAITING, ADIT_MAPPING_EXPIRED, ADIT_REACH_LOST },
        { ADIT_MAPPING_GRANTED, ADIT_MAPPING_NO_REASON, ADIT_REACH_PUBLISHED },
        { ADIT_MAPPING_RENEWING, ADIT_MAPPING_NO_REASON, ADIT_REACH_RENEWING },
        { ADIT_MAPPING_REFUSED, ADIT_MAPPING_ERROR, ADIT_REACH_REFUSED },
        { ADIT_MAPPING_ASKING, ADIT_MAPPING_ERROR, ADIT_REACH_REFUSED },
        { ADIT_MAPPING_STOPPED, ADIT_MAPPING_ERROR, ADIT_REACH_REFUSED },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditMapping held = { .state = ADIT_MAPPING_GRANTED };
        const AditMapping m = { .state = rows[i].state, .reason = rows[i].reason };
        const AditMapping *both[] = { &held, &m };

        g_assert_cmpint(adit_reach_judge(both + 1, 1).state, ==, rows[i].seen);
        g_assert_cmpint(adit_reach_judge(both, 2).state, ==, rows[i].seen);
        g_assert_nonnull(adit_reach_state_name(rows[i].seen));
    }
}

static void
test_times(void)
{
    AditMapping a = { .state = ADIT_MAPPING_GRANTED,
                      .grant = { .external = { .port = 443 }, .since = 10, .until = 90 } };
    const AditMapping b = { .state = ADIT_MAPPING_GRANTED,
                            .grant = {
                                .external = { .port = 444 }, .since = 20, .until = 80 } };
    const AditMapping *both[] = { &a, &b };
    AditReachStatus status = adit_reach_judge(both, 2);

    g_assert_cmpint(status.since, ==, 20);
    g_assert_cmpint(status.until, ==, 80);
    g_assert_cmpuint(status.outside.port, ==, 443);
    a.state = ADIT_MAPPING_WAITING;
    status = adit_reach_judge(both, 2);
    g_assert_cmpuint(status.outside.port, ==, 0);
}

static void
test_reasons(void)
{
    static const struct {
        AditMappingState state;
        AditMappingReason reason;
        guint error;
        const char *words;
    } rows[] = {
        { ADIT_MAPPING_GRANTED, ADIT_MAPPING_NO_REASON, 0, "" },
        { ADIT_MAPPING_ASKING, ADIT_MAPPING_NO_REASON, 0, "" },
        { ADIT_MAPPING_REFUSED, ADIT_MAPPING_ERROR, ADIT_PCP_NOT_AUTHORIZED,
          "the server does not let this device publish it: its port is reserved or taken, or "
          "`adit-server device set-publish` is off" },
        { ADIT_MAPPING_REFUSED, ADIT_MAPPING_ERROR, ADIT_PCP_MALFORMED_OPTION,
          "the server answers MALFORMED_OPTION" },
        { ADIT_MAPPING_REFUSED, ADIT_MAPPING_ERROR, 99, "the server answers UNKNOWN" },
        { ADIT_MAPPING_WAITING, ADIT_MAPPING_RESTARTED, 0, "the server lost its state" },
        { ADIT_MAPPING_REFUSED, ADIT_MAPPING_OTHER, 0, "the server offers another port only" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditMapping held = { .state = ADIT_MAPPING_GRANTED };
        const AditMapping m = { .wish = { .internal_port = 81 },
                                .state = rows[i].state,
                                .reason = rows[i].reason,
                                .error = rows[i].error };
        const AditMapping *both[] = { &held, &m };
        g_autofree char *alone = adit_reach_reason(both + 1, 1);
        g_autofree char *among = adit_reach_reason(both, 2);
        g_autofree char *want =
            *rows[i].words ? g_strdup_printf("port 81: %s", rows[i].words) : g_strdup("");

        g_assert_cmpstr(alone, ==, rows[i].words);
        g_assert_cmpstr(among, ==, want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reach/states", test_states);
    g_test_add_func("/reach/times", test_times);
    g_test_add_func("/reach/reasons", test_reasons);
    return g_test_run();
}
