/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/kernel.h"

#include <string.h>

#include "libadit/sys/nl.h"
#include "tests/contract/netns.h"

/* A network namespace of this process; it ends with it. Linked with --wrap=adit_nl_call. */

static guint sent;

gboolean __real_adit_nl_call(AditNl *nl, AditMsg *m, AditNlFunc func, gpointer data,
                             guint *ret_failed, GError **error);
gboolean __wrap_adit_nl_call(AditNl *nl, AditMsg *m, AditNlFunc func, gpointer data,
                             guint *ret_failed, GError **error);

gboolean
__wrap_adit_nl_call(AditNl *nl, AditMsg *m, AditNlFunc func, gpointer data, guint *ret_failed,
                    GError **error)
{
    sent += adit_msg_count(m);
    return __real_adit_nl_call(nl, m, func, data, ret_failed, error);
}

gboolean
test_kernel_open(char **ret_why)
{
    if (!test_netns_enter(ret_why))
        return FALSE;
    test_kernel_add_link("adit0");
    test_kernel_add_link("adit1");
    test_kernel_add_link("out0");
    return TRUE;
}

void
test_kernel_add_link(const char *name)
{
    g_autofree char *add = g_strdup_printf("link add %s type veth peer name p-%s", name, name);
    g_autofree char *up = g_strdup_printf("link set %s up", name);
    g_autofree char *peer_up = g_strdup_printf("link set p-%s up", name);

    test_netns_do(add);
    test_netns_do(up);
    test_netns_do(peer_up);
}

void
test_kernel_del_link(const char *name)
{
    g_autofree char *del = g_strdup_printf("link del %s", name);

    test_netns_do(del);
}

void
test_kernel_plant_foreign(void)
{
    test_netns_do("-4 rule add pref 500 from 198.51.100.0/24 lookup 77 protocol 99");
    test_netns_do("-6 rule add pref 1750 lookup 20101 protocol 99");
    test_netns_do("-4 route add 192.0.2.0/24 dev out0 table 20101 metric 7 protocol 99");
    test_netns_do("-6 route add blackhole default table 20101 metric 4000 protocol 99");
    test_netns_do("-4 addr add 192.0.2.200/24 dev out0");
    test_netns_do("-6 neigh add proxy 2001:db8:f::1 dev out0");
}

/* ip(8) takes "rule show protocol 99" and shows them all the same. */
static char *
foreign_rules(const char *words)
{
    g_autofree char *all = test_netns_ip(words);
    g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
    GString *text = g_string_new(NULL);

    for (guint i = 0; lines[i] != NULL; i++)
        if (strstr(lines[i], "proto 99") != NULL)
            g_string_append_printf(text, "%s\n", lines[i]);
    return g_string_free(text, FALSE);
}

char *
test_kernel_foreign(void)
{
    g_autofree char *rule4 = foreign_rules("-N -4 rule show");
    g_autofree char *rule6 = foreign_rules("-N -6 rule show");
    g_autofree char *route4 = test_netns_ip("-4 route show table all proto 99");
    g_autofree char *route6 = test_netns_ip("-6 route show table all proto 99");
    g_autofree char *addr = test_netns_ip("-4 addr show dev out0");
    g_autofree char *neigh = test_netns_ip("-6 neigh show proxy to 2001:db8:f::1");

    return g_strconcat(rule4, rule6, route4, route6, addr, neigh, NULL);
}

guint
test_kernel_sent(void)
{
    return sent;
}

void
test_kernel_close(void)
{
}
