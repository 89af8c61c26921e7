/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/render.h"
#include "networkd-hooks/write.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PSK "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define HEAD                                                                                   \
    "[Interface]\nPrivateKey = " PRIVATE                                                       \
    "\nAddress = 10.59.0.2/24\n[Peer]\nPublicKey = " PUBLIC "\n"
#define PSK_FILE "60-adit-home-c53201039adba14b.psk"

typedef struct {
    char *folder;
} Fixture;

static void
begin(Fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("adit-networkd-XXXXXX", NULL);
    g_assert_nonnull(f->folder);
}

static void
end(Fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->folder, name, NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(f->folder), ==, 0);
    g_free(f->folder);
}

static void
write_link(Fixture *f, const char *link, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("x.conf", text, strlen(text), &error);
    const AditNetworkdGateway gateway = { .link = link, .slot = 1, .profile = profile };
    g_autoptr(GPtrArray) files = NULL;

    g_assert_no_error(error);
    files = adit_networkd_render(&gateway, &error);
    g_assert_no_error(error);
    adit_networkd_write(f->folder, link, files, getgid(), &error);
    g_assert_no_error(error);
}

static void
touch(Fixture *f, const char *name)
{
    g_autofree char *path = g_build_filename(f->folder, name, NULL);

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static gboolean
exists(Fixture *f, const char *name)
{
    g_autofree char *path = g_build_filename(f->folder, name, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void
test_modes(Fixture *f, gconstpointer data)
{
    static const char *const names[] = { "60-adit-home.key", PSK_FILE, "60-adit-home.netdev",
                                         "60-adit-home.network" };

    write_link(f, "home", HEAD "PresharedKey = " PSK "\n");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(f->folder, names[i], NULL);
        struct stat st;

        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmphex(st.st_mode & 07777, ==, 0640);
        g_assert_cmpuint(st.st_gid, ==, getgid());
    }
}

/* A preshared key that the profile has no more does not stay on disk. */
static void
test_stale_key(Fixture *f, gconstpointer data)
{
    write_link(f, "home", HEAD "PresharedKey = " PSK "\n");
    g_assert_true(exists(f, PSK_FILE));
    write_link(f, "home", HEAD);
    g_assert_false(exists(f, PSK_FILE));
    g_assert_true(exists(f, "60-adit-home.key"));
}

/* Neither another link's files nor an admin's go with it. */
static void
test_remove(Fixture *f, gconstpointer data)
{
    static const char *const others[] = { "60-adit-home.network.bak", "60-adit-home-2.conf",
                                          "60-adit-homes.key", "50-home.network",
                                          "60-adit-home-c53201039adba14.psk" };
    g_autoptr(GError) error = NULL;

    write_link(f, "home-2", HEAD "PresharedKey = " PSK "\n");
    write_link(f, "home", HEAD "PresharedKey = " PSK "\n");
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        touch(f, others[i]);
    g_assert_true(adit_networkd_remove(f->folder, "home", &error));
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_true(exists(f, others[i]));
    g_assert_true(exists(f, "60-adit-home-2.network"));
    g_assert_true(exists(f, "60-adit-home-2-c53201039adba14b.psk"));
    g_assert_false(exists(f, "60-adit-home.key"));
    g_assert_false(exists(f, "60-adit-home.netdev"));
    g_assert_false(exists(f, "60-adit-home.network"));
    g_assert_false(exists(f, PSK_FILE));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/networkd/write/modes", Fixture, NULL, begin, test_modes, end);
    g_test_add("/networkd/write/stale-key", Fixture, NULL, begin, test_stale_key, end);
    g_test_add("/networkd/write/remove", Fixture, NULL, begin, test_remove, end);
    return g_test_run();
}
