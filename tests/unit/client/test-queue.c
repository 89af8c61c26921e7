/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/queue.h"

#include <string.h>

/* Gateways are letters; what has happened is a row of words. */

#define LONG_MS 60000
#define SHORT_MS 400 /* more than it takes to look by itself */

typedef struct {
    AditQueue *queue;
    char busy[8];
    const char *makes_busy; /* of who goes: his gateway is busy from then on */
    GString *log;
} Fixture;

/* Who waits: a number, for a gateway. */
typedef struct {
    Fixture *f;
    char who, gateway;
} Caller;

static gboolean
is_busy(const char *name, gpointer data)
{
    return strchr(((const Fixture *)data)->busy, *name) != NULL;
}

static void
go(gpointer data)
{
    const Caller *caller = data;
    Fixture *f = caller->f;

    g_string_append_printf(f->log, " %c", caller->who);
    if (f->makes_busy && strchr(f->makes_busy, caller->who) &&
        !strchr(f->busy, caller->gateway))
        f->busy[strlen(f->busy)] = caller->gateway;
}

static void
drop(gpointer data)
{
    g_string_append_printf(((const Caller *)data)->f->log, " -%c", ((const Caller *)data)->who);
}

static void
set_up(Fixture *f, gconstpointer patience)
{
    f->log = g_string_new(NULL);
    f->queue = adit_queue_new(GPOINTER_TO_UINT(patience), is_busy, f);
}

static void
tear_down(Fixture *f, gconstpointer patience)
{
    adit_queue_free(f->queue);
    g_string_free(f->log, TRUE);
}

static void
join(Fixture *f, Caller *caller, char who, char gateway)
{
    const char name[] = { gateway, '\0' };

    *caller = (Caller){ f, who, gateway };
    adit_queue_join(f->queue, name, go, drop, caller);
}

static void
set_busy(Fixture *f, const char *gateways)
{
    g_strlcpy(f->busy, gateways, sizeof(f->busy));
    memset(f->busy + strlen(gateways), 0, sizeof(f->busy) - strlen(gateways));
    adit_queue_look(f->queue);
}

static void
run_loop(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
test_order(Fixture *f, gconstpointer patience)
{
    Caller callers[5];

    set_busy(f, "a");
    join(f, &callers[0], '1', 'a');
    join(f, &callers[1], '2', 'b'); /* nobody is there */
    join(f, &callers[2], '3', 'a');
    g_assert_cmpstr(f->log->str, ==, " 2");
    adit_queue_look(f->queue);
    run_loop();
    g_assert_cmpstr(f->log->str, ==, " 2");

    f->makes_busy = "1";
    set_busy(f, "");
    g_assert_cmpstr(f->log->str, ==, " 2"); /* whoever has ended is not interrupted */
    join(f, &callers[3], '4', 'a');         /* free by now, but others were first */
    join(f, &callers[4], '5', 'c');
    run_loop();
    g_assert_cmpstr(f->log->str, ==, " 2 5 1"); /* who is at it now */
    set_busy(f, "");
    run_loop();
    g_assert_cmpstr(f->log->str, ==, " 2 5 1 3 4");
}

static gboolean
on_late(gpointer data)
{
    g_error("nobody went");
    return G_SOURCE_REMOVE;
}

static void
test_patience(Fixture *f, gconstpointer patience)
{
    Caller callers[2];
    guint late;

    set_busy(f, "a");
    join(f, &callers[0], '1', 'a');
    *f->busy = '\0'; /* and nobody tells */
    late = g_timeout_add(10000, on_late, NULL);
    while (f->log->len < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(f->log->str, ==, " 1");

    set_busy(f, "b");
    join(f, &callers[1], '2', 'b');
    while (f->log->len < 4)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(f->log->str, ==, " 1 2"); /* to be refused */
    set_busy(f, "");
    run_loop();
    g_assert_cmpstr(f->log->str, ==, " 1 2");
    g_source_remove(late);
}

static void
test_end(Fixture *f, gconstpointer patience)
{
    Caller callers[2];

    set_busy(f, "a");
    join(f, &callers[0], '1', 'a');
    join(f, &callers[1], '2', 'a');
    set_busy(f, "");
    adit_queue_free(g_steal_pointer(&f->queue));
    run_loop();
    g_assert_cmpstr(f->log->str, ==, " -1 -2");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/queue/order", Fixture, GUINT_TO_POINTER(LONG_MS), set_up, test_order,
               tear_down);
    g_test_add("/queue/patience", Fixture, GUINT_TO_POINTER(SHORT_MS), set_up, test_patience,
               tear_down);
    g_test_add("/queue/end", Fixture, GUINT_TO_POINTER(LONG_MS), set_up, test_end, tear_down);
    return g_test_run();
}
