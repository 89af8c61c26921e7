/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "libadit/sys/reconcile.h"
#include "tests/contract/netns.h"

/* Ten thousand rules into a kernel, out of it, and found to be there already; against ip(8) in
 * its fastest way, in the same run. A network namespace of its own for each measurement would
 * be fairer only to the kernel: its list of rules is walked from the start by each of us. */

#define RULES 10000
#define ROUNDS 2

static void
print(const char *name, gdouble value, const char *unit)
{
    printf("{\"name\": \"rtnl/%s\", \"value\": %.2f, \"unit\": \"%s\"}\n", name, value, unit);
    fflush(stdout);
}

static AditState *
wanted(guint n)
{
    AditState *want = adit_state_new();

    for (guint i = 0; i < n; i++)
        adit_state_add_rule(want, &(AditRule){ AF_INET, 1000 + i, ADIT_RULE_LOOKUP, 20101,
                                               0x1000000, 0x3f000000 });
    return adit_state_seal(want);
}

static char *
batch_lines(void)
{
    GString *lines = g_string_new(NULL);

    for (guint i = 0; i < RULES; i++)
        g_string_append_printf(lines,
                               "rule add pref %u fwmark 0x1000000/0x3f000000 lookup 20101 "
                               "protocol 173\n",
                               1000 + i);
    return g_string_free(lines, FALSE);
}

static void
note(gdouble *best, gint64 start)
{
    const gdouble ms = (g_get_monotonic_time() - start) / 1000.0;

    *best = MIN(*best, ms);
}

/* The best round counts: @best becomes the shorter one. */
static void
reconcile(AditKernel *kernel, const AditState *want, gdouble *best, AditReconcileResult *ret)
{
    const AditScope scope = { ADIT_KIND_BIT(ADIT_KIND_RULE), NULL };
    const gint64 start = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;

    if (!adit_reconcile(kernel, want, &scope, ret, &error))
        g_error("%s", error->message);
    note(best, start);
}

/* Wall-clock: the kernel's half of the work is not ours to leave out. */
int
main(int argc, char **argv)
{
    g_autofree char *why = NULL, *lines = batch_lines();
    g_autoptr(AditState) none = wanted(0), all = wanted(RULES);
    gdouble add = G_MAXDOUBLE, equal = G_MAXDOUBLE, del = G_MAXDOUBLE, ip = G_MAXDOUBLE;
    g_autoptr(AditKernel) kernel = NULL;
    AditReconcileResult result = { 0 };

    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    kernel = adit_kernel_open(NULL);
    for (guint i = 0; i < ROUNDS; i++) {
        gint64 start;

        reconcile(kernel, all, &add, &result);
        g_assert_cmpuint(result.added, ==, RULES);
        reconcile(kernel, all, &equal, &result);
        g_assert_cmpuint(result.rounds, ==, 0); /* nothing was sent */
        reconcile(kernel, none, &del, &result);
        start = g_get_monotonic_time();
        test_netns_ip_batch("-batch -", lines);
        note(&ip, start);
        reconcile(kernel, all, &equal, &result);
        g_assert_cmpuint(result.rounds, ==, 0); /* ip(8) made the same rules */
        reconcile(kernel, none, &del, &result);
    }
    print("add-10000-rules", add, "ms");
    print("ip-batch-10000-rules", ip, "ms");
    print("ip-batch-over-add", ip / add, "times");
    print("match-10000-rules", equal, "ms");
    print("delete-10000-rules", del, "ms");
    return 0;
}
