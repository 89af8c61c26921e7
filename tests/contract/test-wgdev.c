/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/wgdev.h"

#include <glib/gstdio.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/sys/uapi.h"
#include "tests/contract/netns.h"
#include "tests/contract/wgdev-fixture.h"

#define LINK "adit0"

static void
assert_nothing_left(const char *link, GPid pid)
{
    g_autofree char *socket = adit_uapi_path(ADIT_UAPI_RUNDIR, link);

    g_assert_cmpuint(if_nametoindex(link), ==, 0);
    g_assert_false(g_file_test(socket, G_FILE_TEST_EXISTS));
    g_assert_true(pid == 0 || !wgdev_runs(pid));
}

/* Made once, kept when asked for again, and gone without a trace. */
static void
test_life(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);
    g_autoptr(GError) error = NULL;
    guint ifindex;
    GPid pid;

    for (guint round = 0; round < 3; round++) {
        wgdev_create(wg, LINK);
        ifindex = if_nametoindex(LINK);
        pid = wgdev_pid(LINK);
        g_assert_cmpuint(ifindex, !=, 0);
        g_assert_cmpint(adit_wgdev_kind(wg, LINK), ==,
                        kind->options.no_kernel ? ADIT_WGDEV_USERSPACE : ADIT_WGDEV_KERNEL);
        g_assert_cmpint(pid != 0, ==, kind->options.no_kernel);

        g_assert_true(adit_wgdev_create(wg, LINK, &error));
        g_assert_cmpuint(if_nametoindex(LINK), ==, ifindex);
        g_assert_cmpint(wgdev_pid(LINK), ==, pid);

        wgdev_destroy(wg, LINK);
        assert_nothing_left(LINK, pid);
        wgdev_destroy(wg, LINK); /* again: nothing to do */
    }
    g_assert_null(adit_wgdev_get(wg, LINK, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "adit0: no WireGuard link of that name");
}

/* A link of somebody else is neither taken over nor removed. */
static void
test_foreign_link(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);
    g_autoptr(GError) error = NULL;

    g_free(test_netns_ip("link add adit0 type veth peer name adit1"));
    g_assert_false(adit_wgdev_create(wg, LINK, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    g_assert_cmpstr(error->message, ==,
                    "adit0: there is a link of that name that is not WireGuard");
    wgdev_destroy(wg, LINK);
    g_assert_cmpuint(if_nametoindex(LINK), !=, 0);
    g_free(test_netns_ip("link del adit0"));
}

/* The daemon that made the device is gone; the next one finds it as it was. */
static void
test_reuse(const WgdevKind *kind)
{
    const AditDevice device = { LINK, .private_key = { { 0x48, [31] = 0x40 } }, 0, 0x3f000000 };
    const AditWgSet set = { .link = LINK, .device = &device };
    g_autoptr(AditWgdev) wg = NULL;
    g_autoptr(AditWgDump) dump = NULL;
    const pid_t first = fork();
    int status;
    guint ifindex;
    GPid pid;

    g_assert_cmpint(first, >=, 0);
    if (first == 0) {
        AditWgdev *theirs = wgdev_open(kind);

        wgdev_create(theirs, LINK);
        wgdev_set(theirs, &set);
        adit_wgdev_free(theirs);
        _exit(0);
    }
    g_assert_cmpint(waitpid(first, &status, 0), ==, first);
    g_assert_cmpint(status, ==, 0);
    ifindex = if_nametoindex(LINK);
    pid = wgdev_pid(LINK);
    g_assert_cmpuint(ifindex, !=, 0);

    wg = wgdev_open(kind);
    g_assert_true(adit_wgdev_create(wg, LINK, NULL));
    g_assert_cmpuint(if_nametoindex(LINK), ==, ifindex);
    g_assert_cmpint(wgdev_pid(LINK), ==, pid);
    dump = wgdev_get(wg, LINK);
    g_assert_cmpuint(dump->device.fwmark, ==, 0x3f000000);
    g_assert_true(adit_key_equal(&dump->device.private_key, &device.private_key));
    wgdev_destroy(wg, LINK);
    assert_nothing_left(LINK, pid);
}

/* A killed process leaves its socket: no obstacle, and not left behind. */
static void
test_killed(const WgdevKind *kind)
{
    g_autofree char *socket = adit_uapi_path(ADIT_UAPI_RUNDIR, LINK);
    g_autoptr(AditWgdev) wg = wgdev_open(kind);

    for (guint again = 0; again < 2; again++) {
        GPid pid;
        int status;

        g_assert_true(adit_wgdev_create(wg, LINK, NULL));
        pid = wgdev_pid(LINK);
        g_assert_cmpint(pid, >, 1);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid); /* our child */
        g_assert_true(g_file_test(socket, G_FILE_TEST_EXISTS));
        g_assert_cmpint(adit_wgdev_kind(wg, LINK), ==, ADIT_WGDEV_NONE);
    }
    wgdev_destroy(wg, LINK);
    assert_nothing_left(LINK, 0);
}

/* One that somebody started by hand: it forked after it listened, and its number is unknown. */
static void
test_by_hand(const WgdevKind *kind)
{
    g_autoptr(AditWgdev) wg = wgdev_open(kind);

    g_free(wgdev_run("wireguard-go " LINK));
    g_assert_cmpint(adit_wgdev_kind(wg, LINK), ==, ADIT_WGDEV_USERSPACE);
    g_assert_cmpint(wgdev_pid(LINK), ==, 0);
    wgdev_destroy(wg, LINK);
    assert_nothing_left(LINK, 0);
}

/* Two machines that share a /run: a socket leads to one of them only. */
static void
test_elsewhere(const WgdevKind *kind)
{
    const int other = wgdev_netns_new();
    g_autoptr(AditWgdev) wg = wgdev_open(kind);

    wgdev_create(wg, LINK);
    wgdev_netns_switch(other);
    {
        g_autoptr(AditWgdev) theirs = wgdev_open(kind);

        g_assert_cmpint(adit_wgdev_kind(theirs, LINK), ==, ADIT_WGDEV_NONE);
        g_free(test_netns_ip("link add adit0 type veth peer name adit1"));
        g_assert_cmpint(adit_wgdev_kind(theirs, LINK), ==, ADIT_WGDEV_NONE);
        wgdev_destroy(theirs, LINK);
    }
    wgdev_netns_switch(-1);
    g_assert_cmpint(adit_wgdev_kind(wg, LINK), !=, ADIT_WGDEV_NONE);
    wgdev_destroy(wg, LINK);
    close(other);
}

/* What the program says when it fails is in our error. */
static void
test_bad_program(const WgdevKind *kind)
{
    static const struct {
        const char *script, *want;
    } rows[] = {
        { "#!/bin/sh\necho \"no tunnel for $1\"\nexit 3\n",
          "adit0: /run/bad-program: ended at once: no tunnel for adit0" },
        { "#!/bin/sh\nexit 0\n", "adit0: /run/bad-program: ended at once" },
        { "not a program", "adit0: /run/bad-program: Exec format error" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditWgdevOptions options = { .program = "/run/bad-program", .no_kernel = TRUE };
        g_autoptr(AditWgdev) wg = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(g_file_set_contents_full("/run/bad-program", rows[i].script, -1,
                                               G_FILE_SET_CONTENTS_NONE, 0755, NULL));
        wg = adit_wgdev_open(&options, &error);
        g_assert_no_error(error);
        g_assert_false(adit_wgdev_create(wg, LINK, &error));
        g_assert_cmpstr(error->message, ==, rows[i].want);
    }
    assert_nothing_left(LINK, 0);
}

static void
test_no_program(const WgdevKind *kind)
{
    const AditWgdevOptions options = { .program = "/run/no-program", .no_kernel = TRUE };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditWgdev) wg = adit_wgdev_open(&options, &error);

    g_assert_no_error(error);
    g_assert_cmpint(adit_wgdev_probe(wg), ==, ADIT_WGDEV_NONE);
    g_assert_false(adit_wgdev_create(wg, LINK, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
}

static void
test_refused(const WgdevKind *kind)
{
    const AditDevice device = { LINK };
    const AditWgSet set = { .link = LINK, .device = &device };
    g_autoptr(AditWgdev) wg = wgdev_open(kind);
    g_autoptr(GError) error = NULL;

    g_assert_false(adit_wgdev_set(wg, &set, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!wgdev_enter(&why))
        return test_netns_skip(why);
    wgdev_add_test("life", test_life);
    wgdev_add_test("foreign-link", test_foreign_link);
    wgdev_add_test("reuse", test_reuse);
    wgdev_add_test("elsewhere", test_elsewhere);
    wgdev_add_test("refused", test_refused);
    wgdev_add_user_test("killed", test_killed);
    wgdev_add_user_test("by-hand", test_by_hand);
    wgdev_add_user_test("bad-program", test_bad_program);
    wgdev_add_user_test("no-program", test_no_program);
    return g_test_run();
}
