/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/drops.h"

#include "libadit/sys/foreign.h"
#include "libadit/sys/sysctl.h"
#include "policy-routing/reply-table.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define NO_FORWARDING                                                                          \
    "this machine does not forward IPv6; run: sysctl -w net.ipv6.conf.all.forwarding=1 (and "  \
    "accept_ra=2 for a link whose router advertises itself)"

static gboolean
is_led_on(AditDaemon *daemon, const AditPorts *ports)
{
    const AditWanted *wanted = adit_wanted_store_get(adit_daemon_wanted(daemon));

    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);

        if (adit_publication_leads_on(p) && adit_ports_overlap(&p->ports, ports))
            return TRUE;
    }
    return FALSE;
}

static gboolean
forwards_ipv6(void)
{
    g_autofree char *value = adit_sysctl_read("net/ipv6/conf/all/forwarding", NULL);

    return g_strcmp0(value, "0") != 0;
}

char *
adit_drops_find(AditDaemon *daemon, const char *gateway, guint8 family, const AditPorts *ports)
{
    const gboolean udp = ports->proto == ADIT_PROTO_UDP;
    const gboolean led_on = is_led_on(daemon, ports);
    g_autofree char *harm = g_strdup_printf("so that no visitor reaches %s port %u",
                                            udp ? "UDP" : "TCP", ports->first);
    const AditForeignPort port[] = { { led_on ? 0
                                       : udp  ? IPPROTO_UDP
                                              : IPPROTO_TCP,
                                       ports->first, TRUE, harm },
                                     { 0 } };
    const AditForeignQuestion question = { .link = gateway,
                                           .own = ADIT_REPLY_TABLE,
                                           .ports = port,
                                           .only_ports = !led_on,
                                           .family = family == 6 ? AF_INET6 : AF_INET };
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

    if (led_on && family == 6 && !forwards_ipv6())
        return g_strdup(NO_FORWARDING);
    adit_foreign_look(&question, problems);
    return g_strdup(problems->len > 0 ? g_ptr_array_index(problems, 0) : "");
}
