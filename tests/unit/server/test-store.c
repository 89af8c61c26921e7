/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/config.h"
#include "tunnel-server/store.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *dir, *path;
    AditServerStore *store;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->dir = g_dir_make_tmp("adit-store-XXXXXX", &error);
    g_assert_no_error(error);
    f->path = g_build_filename(f->dir, "server.db", NULL);
    f->store = adit_server_store_open(f->path, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
    const char *name;

    g_clear_pointer(&f->store, adit_server_store_close);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(f->dir, name, NULL);

        g_unlink(path);
    }
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f->path);
}

static void
reopen(Fixture *f)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&f->store, adit_server_store_close);
    f->store = adit_server_store_open(f->path, &error);
    g_assert_no_error(error);
}

static void
save(Fixture *f, const AditModel *now, AditModel *next)
{
    g_autoptr(GError) error = NULL;

    adit_server_store_begin(f->store, now, next, &error);
    g_assert_no_error(error);
    adit_server_store_commit(f->store, &error);
    g_assert_no_error(error);
}

static AditModel *
load(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    AditModel *model = adit_server_store_load(f->store, &error);

    g_assert_no_error(error);
    return model;
}

static void
assert_kept(Fixture *f, const AditModel *model)
{
    g_autoptr(AditModel) kept = load(f);
    g_autofree char *want = adit_config_to_string(model);
    g_autofree char *have = adit_config_to_string(kept);

    g_assert_cmpstr(have, ==, want);
    for (guint i = 0; i < model->subnets->len; i++) {
        const AditSubnet *a = adit_model_subnet(model, i), *b = adit_model_subnet(kept, i);

        g_assert_cmpint(adit_prefix_cmp(&a->old6, &b->old6), ==, 0);
        g_assert_cmpint(a->old6_until, ==, b->old6_until);
        g_assert_cmpint(a->auto6, ==, b->auto6);
    }
    g_assert_cmpuint(kept->spent->len, ==, model->spent->len);
    for (guint i = 0; i < model->spent->len; i++) {
        const AditSpentKey *a = adit_model_spent(model, i), *b = adit_model_spent(kept, i);

        g_assert_cmpstr(a->name, ==, b->name);
        g_assert_true(adit_key_equal(&a->public_key, &b->public_key));
        g_assert_cmpint(a->since, ==, b->since);
        g_assert_cmpint(a->until, ==, b->until);
        g_assert_cmpint(a->taken, ==, b->taken);
    }
    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *a = adit_model_device(model, i), *b = adit_model_device(kept, i);

        g_assert_true(adit_key_equal(&a->next_key, &b->next_key));
        g_assert_cmpint(a->next_until, ==, b->next_until);
        g_assert_cmpint(a->invite_until, ==, b->invite_until);
    }
}

static void
test_blank(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) model = load(f);
    struct stat info;

    g_assert_true(adit_key_is_zero(&model->private_key));
    g_assert_cmpuint(model->subnets->len + model->devices->len, ==, 0);
    g_assert_cmpint(stat(f->path, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
}

/* Each change of a life, written as a difference, reads back as the whole. */
static void
test_life(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) now = load(f);
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    g_autoptr(AditModel) next = NULL;
    AditDeviceEntry *a, *b;
    AditSubnet *subnet;
    AditSpentKey *spent;
    AditPrefix prefix;
    AditAddr addr;

    g_assert_true(sample_add_device(model, "a", "", 1, NULL));
    g_assert_true(sample_add_device(model, "b", "", 2, NULL));
    g_assert_true(sample_add_publish(model, AF_INET, "80-90/both", "a", 8080, NULL));
    g_assert_true(sample_add_publish(model, AF_INET6, "443", "b", 0, NULL));
    save(f, now, model);
    assert_kept(f, model);

    next = adit_model_copy(model);
    ((AditPublish *)g_ptr_array_index(adit_model_own_publishes(next), 1))->redirect =
        ADIT_REDIRECT_HTTPS;
    g_assert_true(adit_edit_set_device_wan(next, "a", "203.0.113.9", NULL));
    a = g_ptr_array_index(next->devices, 0);
    memset(a->next_key.bytes, 5, ADIT_KEY_LEN);
    a->next_until = 1800000000;
    a->invite_until = 1700000000;
    subnet = g_ptr_array_index(next->subnets, 0);
    g_assert_true(adit_prefix_parse("2a11:1:9::/64", &subnet->old6, NULL));
    subnet->old6_until = 1900000000;
    subnet->auto6 = TRUE;
    spent = adit_model_add_spent(next);
    spent->name = g_strdup("c");
    memset(spent->public_key.bytes, 6, ADIT_KEY_LEN);
    spent->since = 1700000001;
    spent->until = 1700000002;
    spent->taken = TRUE;
    g_assert_true(adit_model_settle(next, NULL));
    save(f, model, next);
    assert_kept(f, next);
    adit_model_free(g_steal_pointer(&model));
    model = g_steal_pointer(&next);

    /* Names and addresses swapped at once: no row may stand in another's way. */
    next = adit_model_copy(model);
    a = g_ptr_array_index(next->devices, 0);
    b = g_ptr_array_index(next->devices, 1);
    addr = a->addr4, a->addr4 = b->addr4, b->addr4 = addr;
    g_free(a->name);
    g_free(b->name);
    a->name = g_strdup("b");
    b->name = g_strdup("a");
    g_assert_true(sample_add_device(next, "c", "", 3, NULL));
    g_assert_true(adit_edit_set_ipv6(next, "home", "2a11:1:3::/64", &prefix, NULL));
    g_assert_true(adit_model_settle(next, NULL));
    save(f, model, next);
    reopen(f);
    assert_kept(f, next);

    adit_model_free(g_steal_pointer(&model));
    model = adit_model_copy(next);
    adit_model_remove_device(model, 0);
    g_assert_true(adit_model_settle(model, NULL));
    save(f, next, model);
    reopen(f);
    assert_kept(f, model);
}

static void
test_rollback(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) now = load(f);
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");
    g_autoptr(AditModel) kept = NULL;

    g_assert_true(adit_server_store_begin(f->store, now, model, NULL));
    adit_server_store_rollback(f->store);
    kept = load(f);
    g_assert_cmpuint(kept->subnets->len, ==, 0);
}

static void
test_endpoints(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) now = load(f);
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");
    g_autoptr(AditModel) kept = NULL;
    AditSockAddr at;

    g_assert_true(sample_add_device(model, "a", "", 1, NULL));
    save(f, now, model);
    g_assert_true(adit_sockaddr_parse("[2001:db8::1]:4711", &at, NULL));
    ((AditDeviceEntry *)g_ptr_array_index(model->devices, 0))->endpoint = at;
    g_assert_true(adit_server_store_save_endpoints(f->store, model, NULL));
    reopen(f);
    kept = load(f);
    g_assert_cmpint(adit_sockaddr_cmp(&adit_model_device(kept, 0)->endpoint, &at), ==, 0);
}

/* Were every check of ours to fail, the file itself would still refuse. */
static void
test_constraints(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {
        "INSERT INTO device SELECT NULL, 'x', subnet, x'0a3b0063', NULL, public_key, NULL, "
        "kind,"
        " 1, '', NULL, NULL, 0, 0 FROM device", /* the same key */
        "INSERT INTO device SELECT NULL, name, subnet, x'0a3b0063', NULL, zeroblob(32), NULL,"
        " kind, 1, '', NULL, NULL, 0, 0 FROM device", /* the same name */
        "INSERT INTO device SELECT NULL, 'x', subnet, addr4, NULL, zeroblob(32), NULL, kind, 1,"
        " '', NULL, NULL, 0, 0 FROM device", /* the same IPv4 address */
        "INSERT INTO device SELECT NULL, 'x', subnet, x'0a3b0063', addr6, zeroblob(32), NULL,"
        " kind, 1, '', NULL, NULL, 0, 0 FROM device", /* the same GUA */
        "INSERT INTO address SELECT addr, NULL, (SELECT id FROM device) FROM address"
        " WHERE subnet IS NOT NULL",                                    /* the server's own */
        "INSERT INTO port SELECT addr, port, proto, publish FROM port", /* the same port */
        "INSERT INTO subnet SELECT NULL, name, x'0a000000', 24, NULL, 0, NULL, '', 0, NULL, 0, "
        "0"
        " FROM subnet",
        "INSERT INTO server VALUES (2, zeroblob(32), NULL, NULL, 1, 1)",
        "DELETE FROM device", /* something hangs on it */
        "UPDATE publish SET device = 4711",
    };
    g_autoptr(AditModel) now = load(f);
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    sqlite3 *db;

    g_assert_true(sample_add_device(model, "a", "", 1, NULL));
    g_assert_true(sample_add_publish(model, AF_INET, "80", "a", 0, NULL));
    save(f, now, model);
    g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), ==,
                    SQLITE_OK);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_cmpint(sqlite3_exec(db, bad[i], NULL, NULL, NULL), ==, SQLITE_CONSTRAINT);
    }
    sqlite3_close(db);
}

static void
run_sql(const char *path, const char *sql)
{
    sqlite3 *db;

    g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
}

/* A file of the first release: what it lacks is as it was. */
static void
test_older(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) blank = load(f);
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");

    g_assert_true(sample_add_device(model, "a", "", 1, NULL));
    g_assert_true(sample_add_publish(model, AF_INET, "443", "a", 0, NULL));
    save(f, blank, model);
    g_clear_pointer(&f->store, adit_server_store_close);
    run_sql(f->path, "ALTER TABLE publish DROP COLUMN redirect;"
                     "ALTER TABLE publish DROP COLUMN owner;"
                     "DROP INDEX device_next_key; ALTER TABLE device DROP COLUMN next_key;"
                     "ALTER TABLE device DROP COLUMN next_until;"
                     "ALTER TABLE device DROP COLUMN invite_until;"
                     "ALTER TABLE subnet DROP COLUMN auto6;"
                     "ALTER TABLE subnet DROP COLUMN old6;"
                     "ALTER TABLE subnet DROP COLUMN old6_len;"
                     "ALTER TABLE subnet DROP COLUMN old6_until;"
                     "DROP TABLE spent;"
                     "ALTER TABLE device DROP COLUMN wan4; PRAGMA user_version = 1");
    reopen(f);
    assert_kept(f, model);
}

static void
test_newer(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *expected =
        g_strdup_printf("%s: schema 99: made by a newer adit, this one knows 6", f->path);

    g_clear_pointer(&f->store, adit_server_store_close);
    run_sql(f->path, "PRAGMA user_version = 99");
    g_assert_null(adit_server_store_open(f->path, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    g_assert_cmpstr(error->message, ==, expected);
}

static void
test_damaged(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&f->store, adit_server_store_close);
    g_assert_true(
        g_file_set_contents(f->path, "no database at all, but long enough", -1, NULL));
    g_assert_null(adit_server_store_open(f->path, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, f->path));
}

/* Overwrites what comes behind the header, as a dying disk does. */
static void
damage(const char *path)
{
    g_autofree char *bytes = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
    memset(bytes + 3000, 0xa5, len - 3000);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)len, NULL));
}

static void
test_rescue(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) blank = load(f);
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    g_autoptr(GError) error = NULL, why = NULL;
    g_autofree char *copy = g_strconcat(f->path, ".good", NULL);
    g_autofree char *note = NULL;
    g_autofree char *aside = NULL;
    GStatBuf info;

    g_assert_true(sample_add_device(model, "a", "", 1, NULL));
    g_assert_true(sample_add_publish(model, AF_INET6, "443", "a", 0, NULL));
    save(f, blank, model);
    g_assert_true(adit_server_store_check(f->store, NULL));
    g_assert_true(adit_server_store_copy(f->store, NULL));
    g_assert_cmpint(g_stat(copy, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);
    g_clear_pointer(&f->store, adit_server_store_close);
    damage(f->path);

    f->store = adit_server_store_open(f->path, &why);
    g_assert_false(f->store && adit_server_store_check(f->store, &why));
    g_assert_error(why, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_clear_pointer(&f->store, adit_server_store_close);
    f->store = adit_server_store_rescue(f->path, why, &note, &error);
    g_assert_no_error(error);
    assert_kept(f, model);
    aside = g_strdup(strstr(note, "aside as ") + strlen("aside as "));
    *strchr(aside, ';') = '\0';
    g_assert_cmpint(g_stat(aside, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);

    /* Without a copy nothing is touched: a blank server would close every port. */
    g_clear_pointer(&f->store, adit_server_store_close);
    g_unlink(copy);
    damage(f->path);
    g_clear_pointer(&note, g_free);
    g_assert_null(adit_server_store_rescue(f->path, why, &note, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "adit-server import"));
    g_assert_cmpint(g_stat(f->path, &info), ==, 0);
}

/* A child adds device after device and tells each one that is done; killed at any moment, what
 * it told is there, and at most the one it was at besides. */
static void
add_for_ever(const char *path, int tell)
{
    AditServerStore *store = adit_server_store_open(path, NULL);
    AditModel *now = adit_server_store_load(store, NULL);

    for (guint n = now->devices->len;; n++) {
        AditModel *next = adit_model_copy(now);
        g_autofree char *name = g_strdup_printf("d%u", n);

        if (!sample_add_device(next, name, "", n, NULL) ||
            !sample_add_publish(next, AF_INET, name + 1, name, 0, NULL) ||
            !adit_server_store_begin(store, now, next, NULL) ||
            !adit_server_store_commit(store, NULL) || write(tell, "+", 1) != 1)
            _exit(1);
        adit_model_free(now);
        now = next;
    }
}

static guint
kill_within(const char *path, gint64 usec)
{
    gint64 end = g_get_monotonic_time() + usec;
    guint told = 0;
    char buffer[256];
    int tell[2];
    ssize_t got;
    pid_t child;

    g_assert_cmpint(pipe(tell), ==, 0);
    child = fork();
    if (child == 0) {
        close(tell[0]);
        add_for_ever(path, tell[1]);
    }
    close(tell[1]);
    while (g_get_monotonic_time() < end)
        g_thread_yield();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while ((got = read(tell[0], buffer, sizeof(buffer))) > 0)
        told += (guint)got;
    close(tell[0]);
    return told;
}

static void
test_killed(Fixture *f, gconstpointer data)
{
    g_autoptr(AditModel) blank = load(f);
    g_autoptr(AditModel) model = sample_server("10.0.0.0/16", "2a11:1:2::/64");
    guint before = 1;

    /* The first one has no port 0. */
    g_assert_true(sample_add_device(model, "first", "", 4711, NULL));
    save(f, blank, model);
    g_clear_pointer(&f->store, adit_server_store_close);
    for (guint round = 0; round < 25; round++) {
        guint told = kill_within(f->path, g_test_rand_int_range(2000, 30000));
        g_autoptr(AditModel) kept = NULL;

        reopen(f);
        kept = load(f); /* and it settles: no half of a change */
        g_assert_cmpuint(kept->devices->len, >=, before + told);
        g_assert_cmpuint(kept->devices->len, <=, before + told + 1);
        g_assert_cmpuint(kept->publishes->len, ==, kept->devices->len - 1);
        before = kept->devices->len;
        g_clear_pointer(&f->store, adit_server_store_close);
    }
    g_test_message("%u devices", before);
}

#define ADD(name, test) g_test_add("/store/" name, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("blank", test_blank);
    ADD("life", test_life);
    ADD("rollback", test_rollback);
    ADD("endpoints", test_endpoints);
    ADD("constraints", test_constraints);
    ADD("older", test_older);
    ADD("newer", test_newer);
    ADD("damaged", test_damaged);
    ADD("rescue", test_rescue);
    ADD("killed", test_killed);
    return g_test_run();
}
