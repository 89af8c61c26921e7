/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"
#include "tunnel-server/lease-store.h"

#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>

typedef struct {
    char *folder, *path;
    AditLeaseTable *table;
} Fixture;

static void
setup(Fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("adit-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "leases.db", NULL);
    f->table = adit_lease_table_new();
}

static void
teardown(Fixture *f, gconstpointer data)
{
    static const char *const parts[] = { "", "-wal", "-shm" };

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_strconcat(f->path, parts[i], NULL);

        g_unlink(part);
    }
    g_rmdir(f->folder);
    g_free(f->folder);
    g_free(f->path);
    adit_lease_table_free(f->table);
}

static AditLeaseStore *
open_store(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    AditLeaseStore *store = adit_lease_store_open(f->path, &error);

    g_assert_no_error(error);
    return store;
}

static GArray *
load(AditLeaseStore *store, const AditLeaseNow *now, AditLeaseEpoch *ret)
{
    g_autoptr(GError) error = NULL;
    GArray *leases = adit_lease_store_load(store, now, ret, &error);

    g_assert_no_error(error);
    return leases;
}

static void
write_changes(Fixture *f, AditLeaseStore *store, const AditLeaseNow *now)
{
    g_autoptr(GError) error = NULL;

    adit_lease_store_write(store, f->table, now, &error);
    g_assert_no_error(error);
    adit_lease_settle(f->table);
    adit_lease_store_commit(store, &error);
    g_assert_no_error(error);
}

static void
test_round(Fixture *f, gconstpointer data)
{
    g_autoptr(AditLeaseStore) store = open_store(f);
    AditPrefix nets[] = { sample_prefix("192.0.2.0/24"), sample_prefix("198.51.100.9/32") };
    const AditLeaseNow before = { 1000, 500000 }, later = { 77, 501000 };
    AditLease lease = { .ends = { .internal = sample_prefix("10.59.0.2").addr,
                                  .external = sample_prefix("203.0.113.7").addr,
                                  .internal_port = 8443,
                                  .external_port = 443,
                                  .proto = IPPROTO_TCP,
                                  .flags = ADIT_LEASE_SECOND },
                        .nonce = "elevenletter",
                        .device = 7,
                        .since_ms = 900,
                        .expires_ms = 61000,
                        .redirect = { 1, 3, 80 },
                        .n_filters = 2,
                        .filters = nets,
                        .description = (char *)"page" };
    const AditLease *back;
    AditLeaseEpoch epoch;
    g_autoptr(GArray) leases = NULL;

    adit_lease_add(f->table, &lease);
    write_changes(f, store, &before);
    leases = load(store, &later, &epoch);
    g_assert_false(epoch.known);
    g_assert_cmpuint(leases->len, ==, 1);
    back = &g_array_index(leases, AditLease, 0);
    g_assert_cmpmem(&back->ends, sizeof(back->ends), &lease.ends, sizeof(lease.ends));
    g_assert_cmpmem(back->nonce, ADIT_PCP_NONCE, lease.nonce, ADIT_PCP_NONCE);
    g_assert_cmpint(back->device, ==, 7);
    g_assert_cmpint(back->expires_ms, ==, 77 + 61000 - 1000 - 1000); /* a second has passed */
    g_assert_cmpuint(back->redirect.status, ==, 3);
    g_assert_cmpuint(back->n_filters, ==, 2);
    g_assert_cmpint(adit_prefix_cmp(&back->filters[1], &nets[1]), ==, 0);
    g_assert_cmpstr(back->description, ==, "page");
}

static void
test_changes(Fixture *f, gconstpointer data)
{
    g_autoptr(AditLeaseStore) store = open_store(f);
    const AditLeaseNow now = { 1000, 1000 };
    AditLeaseEpoch epoch;

    for (guint16 port = 1; port <= 100; port++) {
        AditLease lease = { .ends = { .internal = sample_prefix("2001:db8::2").addr,
                                      .external = sample_prefix("2001:db8::2").addr,
                                      .internal_port = port,
                                      .external_port = port,
                                      .proto = IPPROTO_UDP },
                            .device = 1,
                            .expires_ms = port };

        adit_lease_add(f->table, &lease);
    }
    write_changes(f, store, &now);
    for (guint i = 0; i < 30; i++)
        adit_lease_remove(f->table, adit_lease_first_to_end(f->table), 0, 0);
    write_changes(f, store, &now);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GArray) leases = load(store, &now, &epoch);

        g_assert_cmpuint(leases->len, ==, 70);
        adit_lease_store_close(g_steal_pointer(&store)); /* and as the next server finds it */
        store = open_store(f);
    }
}

static void
test_damaged(Fixture *f, gconstpointer data)
{
    const AditLeaseNow now = { 1, 1 };
    g_autoptr(AditLeaseStore) store = NULL;
    g_autoptr(GArray) leases = NULL;
    AditLeaseEpoch epoch;

    g_assert_true(
        g_file_set_contents(f->path, "no database at all, but long enough", -1, NULL));
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*begun anew*");
    store = open_store(f);
    g_test_assert_expected_messages();
    leases = load(store, &now, &epoch);
    g_assert_cmpuint(leases->len, ==, 0);
}

/* The epoch goes on only where no lease can have been lost. */
static void
test_epoch(Fixture *f, gconstpointer data)
{
    static const struct {
        gboolean known, clean, same_boot, kernel_holds;
        gint64 zero;
    } rows[] = {
        { FALSE, TRUE, TRUE, TRUE, 9000 },   { TRUE, FALSE, TRUE, TRUE, 2000 },
        { TRUE, TRUE, TRUE, TRUE, 2000 },    { TRUE, TRUE, TRUE, FALSE, 2000 },
        { TRUE, FALSE, TRUE, FALSE, 9000 },  { TRUE, TRUE, FALSE, FALSE, 9000 - 5000 },
        { TRUE, FALSE, FALSE, FALSE, 9000 },
    };
    const AditLeaseNow now = { 9000, 105000 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditLeaseEpoch kept = { .known = rows[i].known,
                                      .clean = rows[i].clean,
                                      .boot_id = "this",
                                      .zero_boot_ms = 2000,
                                      .zero_wall_ms = 100000 };

        g_assert_cmpint(adit_lease_epoch_zero(&kept, rows[i].same_boot ? "this" : "next", &now,
                                              rows[i].kernel_holds),
                        ==, rows[i].zero);
    }
}

static void
test_epoch_kept(Fixture *f, gconstpointer data)
{
    g_autoptr(AditLeaseStore) store = open_store(f);
    const AditLeaseEpoch epoch = {
        .clean = TRUE, .boot_id = "b", .zero_boot_ms = 5, .zero_wall_ms = 6
    };
    const AditLeaseNow now = { 1, 1 };
    g_autoptr(GArray) leases = NULL;
    g_autoptr(GError) error = NULL;
    AditLeaseEpoch back;

    adit_lease_store_set_epoch(store, &epoch, &error);
    g_assert_no_error(error);
    leases = load(store, &now, &back);
    g_assert_true(back.known && back.clean);
    g_assert_cmpstr(back.boot_id, ==, "b");
    g_assert_cmpint(back.zero_boot_ms, ==, 5);
    g_assert_cmpint(back.zero_wall_ms, ==, 6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/lease-store/round", Fixture, NULL, setup, test_round, teardown);
    g_test_add("/lease-store/changes", Fixture, NULL, setup, test_changes, teardown);
    g_test_add("/lease-store/damaged", Fixture, NULL, setup, test_damaged, teardown);
    g_test_add("/lease-store/S22-epoch", Fixture, NULL, setup, test_epoch, teardown);
    g_test_add("/lease-store/S22-epoch-kept", Fixture, NULL, setup, test_epoch_kept, teardown);
    return g_test_run();
}
