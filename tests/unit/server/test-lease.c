/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"
#include "tunnel-server/lease.h"

#include <netinet/in.h>
#include <string.h>

static AditLease
draft(gint64 device, guint16 internal, guint16 external)
{
    AditLease lease = { .device = device, .expires_ms = 1000 + external };

    lease.ends.internal = sample_prefix("10.59.0.2").addr;
    lease.ends.internal.bytes[3] = (guint8)(1 + device);
    lease.ends.external = sample_prefix("203.0.113.7").addr;
    lease.ends.internal_port = internal;
    lease.ends.external_port = external;
    lease.ends.proto = IPPROTO_TCP;
    return lease;
}

static AditSockAddr
outside(guint16 port)
{
    const AditSockAddr at = { sample_prefix("203.0.113.7").addr, port };

    return at;
}

static const AditLease *
find(AditLeaseTable *table, guint16 port)
{
    const AditSockAddr at = outside(port);

    return adit_lease_find_external(table, IPPROTO_TCP, &at);
}

static void
test_ends(void)
{
    g_autoptr(AditLeaseTable) table = adit_lease_table_new();
    AditLease a = draft(1, 443, 443), b = draft(2, 443, 8443);
    const AditLease *lease = adit_lease_add(table, &a);

    adit_lease_add(table, &b);
    g_assert_true(find(table, 443) == lease);
    g_assert_true(adit_lease_find_internal(table, &a.ends) == lease);
    b.ends.flags = ADIT_LEASE_SECOND;
    g_assert_null(adit_lease_find_internal(table, &b.ends));
    g_assert_null(find(table, 444));
    a.ends.proto = IPPROTO_UDP;
    g_assert_null(adit_lease_find_internal(table, &a.ends));
    g_assert_cmpuint(adit_lease_table_count(table, 1), ==, 1);
    g_assert_cmpuint(adit_lease_table_count_low(table, 2), ==, 0);
    g_assert_cmpuint(adit_lease_table_count(table, 3), ==, 0);
}

/* The first to end is always the first. */
static void
test_order(void)
{
    g_autoptr(AditLeaseTable) table = adit_lease_table_new();
    gint64 last = 0;

    for (guint i = 0; i < 500; i++) {
        AditLease lease = draft(i % 7, (guint16)i, (guint16)i);

        lease.expires_ms = g_test_rand_int_range(0, 1000);
        adit_lease_add(table, &lease);
    }
    for (guint i = 0; i < 500; i += 3) {
        const AditLease *lease = find(table, (guint16)i);
        AditLease next = *lease;

        next.expires_ms = g_test_rand_int_range(0, 1000);
        adit_lease_update(table, lease, &next);
    }
    for (const AditLease *l; (l = adit_lease_first_to_end(table));) {
        g_assert_cmpint(l->expires_ms, >=, last);
        last = l->expires_ms;
        adit_lease_remove(table, l, 0, 0);
    }
    g_assert_cmpuint(adit_lease_table_len(table), ==, 0);
}

static void
test_changes(void)
{
    g_autoptr(AditLeaseTable) table = adit_lease_table_new();
    AditLease a = draft(1, 443, 443), next;
    const AditLease *lease = adit_lease_add(table, &a);
    const AditLeaseChange *changes;
    guint n;

    changes = adit_lease_changes(table, &n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_true(!changes[0].before && changes[0].lease == lease);
    adit_lease_settle(table);
    next = *lease;
    next.expires_ms = 5;
    adit_lease_update(table, lease, &next);
    adit_lease_update(table, lease, &next);
    changes = adit_lease_changes(table, &n);
    g_assert_cmpuint(n, ==, 1); /* of a turn there is one */
    g_assert_cmpint(changes[0].before->expires_ms, ==, 1443);
    adit_lease_remove(table, lease, 0, 0);
    changes = adit_lease_changes(table, &n);
    g_assert_true(n == 1 && changes[0].before && !changes[0].lease);
    adit_lease_add(table, &a); /* the same ends again, in the same turn */
    lease = find(table, 443);
    adit_lease_remove(table, lease, 0, 0);
    changes = adit_lease_changes(table, &n);
    g_assert_true(n == 2 && !changes[1].before && !changes[1].lease);
}

/* What the kernel refused never was. */
static void
test_undo(void)
{
    g_autoptr(AditLeaseTable) table = adit_lease_table_new();
    AditPrefix net = sample_prefix("192.0.2.0/24");
    AditLease a = draft(1, 443, 443), b = draft(1, 80, 80), next;
    const AditLease *lease = adit_lease_add(table, &a);
    const AditLeaseChange *changes;
    guint n;

    adit_lease_settle(table);
    next = *lease;
    next.expires_ms = 5;
    next.filters = &net;
    next.n_filters = 1;
    next.redirect =
        (AditPcpRedirect){ .status = ADIT_PCP_REDIRECT_ACTIVE, .external_port = 80 };
    adit_lease_update(table, lease, &next);
    adit_lease_add(table, &b);
    adit_lease_undo(table, 0);
    adit_lease_undo(table, 1);
    g_assert_cmpint(lease->expires_ms, ==, 1443);
    g_assert_cmpuint(lease->n_filters, ==, 0);
    g_assert_null(find(table, 80));
    g_assert_cmpuint(adit_lease_table_len(table), ==, 1);
    changes = adit_lease_changes(table, &n);
    g_assert_true(n == 2 && !changes[1].before && !changes[1].lease);
    adit_lease_settle(table);
}

static void
test_freed(void)
{
    g_autoptr(AditLeaseTable) table = adit_lease_table_new();
    const AditSockAddr at = outside(443);
    AditLease a = draft(1, 443, 443);

    adit_lease_remove(table, adit_lease_add(table, &a), 1000, 500);
    g_assert_cmpint(adit_lease_freed_by(table, IPPROTO_TCP, &at, 1400), ==, 1);
    g_assert_cmpint(adit_lease_freed_by(table, IPPROTO_UDP, &at, 1400), ==, 0);
    g_assert_cmpint(adit_lease_freed_by(table, IPPROTO_TCP, &at, 1500), ==, 0);
    for (guint i = 0; i < 70000; i++) { /* bounded, whatever happens */
        AditLease b = draft(2, (guint16)i, (guint16)i);

        b.ends.external.bytes[2] = (guint8)(i >> 16);
        adit_lease_remove(table, adit_lease_add(table, &b), 2000 + i, 100);
        adit_lease_settle(table);
    }
    g_assert_cmpint(adit_lease_freed_by(table, IPPROTO_TCP, &at, 2000), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lease/ends", test_ends);
    g_test_add_func("/lease/order", test_order);
    g_test_add_func("/lease/changes", test_changes);
    g_test_add_func("/lease/undo", test_undo);
    g_test_add_func("/lease/freed", test_freed);
    return g_test_run();
}
