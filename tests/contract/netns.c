/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"

#include <errno.h>
#include <gio/gio.h>
#include <sched.h>

static char *
run(const char *words, const char *input)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
        G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autofree char *line = g_strconcat("ip ", words, NULL);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) ip = NULL;
    g_autofree char *errors = NULL;
    char *output = NULL;

    ip = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, &error);
    g_assert_no_error(error);
    g_subprocess_communicate_utf8(ip, input, NULL, &output, &errors, &error);
    g_assert_no_error(error);
    if (!g_subprocess_get_successful(ip))
        g_error("%s: %s", line, errors);
    return output;
}

void
test_netns_do(const char *words)
{
    g_free(run(words, NULL));
}

char *
test_netns_ip(const char *words)
{
    return run(words, NULL);
}

void
test_netns_ip_batch(const char *words, const char *lines)
{
    g_free(run(words, lines));
}

gboolean
test_netns_enter(char **ret_why)
{
    if (unshare(CLONE_NEWNET) < 0) {
        *ret_why = g_strdup_printf("network namespace: %s", g_strerror(errno));
        return FALSE;
    }
    test_netns_do("link set lo up");
    return TRUE;
}
