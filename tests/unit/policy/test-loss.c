/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/loss.h"

#define S ((gint64)1000000)

static void
test_pace(void)
{
    static const struct {
        gint64 at; /* seconds */
        guint ms;
    } rows[] = {
        { 1, 300 },    { 2, 600 },     { 3, 1200 },    { 5, 2400 },
        { 8, 4800 },   { 13, 9600 },   { 23, 19200 },  { 43, 38400 },
        { 82, 60000 }, { 142, 60000 }, { 262, 60000 }, /* two minutes later: the same one still
                                                        */
        { 383, 300 },  { 384, 600 },
    };
    AditLoss loss = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpuint(adit_loss_note(&loss, rows[i].at * S), ==, rows[i].ms);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loss/pace", test_pace);
    return g_test_run();
}
