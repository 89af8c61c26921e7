/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"

#include <errno.h>
#include <gio/gio.h>
#include <sched.h>

#include "libadit/sys/sysctl.h"

gboolean
test_netns_enter(char **ret_why)
{
    if (unshare(CLONE_NEWNET) < 0) {
        *ret_why = g_strdup_printf("network namespace: %s", g_strerror(errno));
        return FALSE;
    }
    g_free(test_netns_ip("link set lo up"));
    return TRUE;
}

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

void
test_netns_write_setting(const char *pattern, const char *link, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(pattern, "%s", 2);
    g_autofree char *path = g_strconcat(parts[0], link, parts[1], NULL);
    g_autoptr(GError) error = NULL;

    adit_sysctl_write(path, value, &error);
    g_assert_no_error(error);
}
