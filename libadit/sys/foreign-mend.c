/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign-mend.h"

#include <netinet/in.h>

static gboolean
is_firewalld(const AditForeignMend *where)
{
    return g_str_equal(where->table, "firewalld");
}

/* What comes from a zone whose target is ACCEPT may go anywhere; what goes to it may not,
 * unless a policy says so. firewall-cmd takes one of these at a time. */
static char *
mend_zone(const AditForeignMend *where, gboolean forward)
{
    GString *text = g_string_new(NULL);
    const char *cmd = "firewall-cmd --permanent";

    if (!where->has_zone)
        g_string_append_printf(
            text,
            "%s --new-zone=" ADIT_FOREIGN_ZONE " && %s --zone=" ADIT_FOREIGN_ZONE
            " --set-target=ACCEPT && %s --zone=" ADIT_FOREIGN_ZONE " --change-interface=%s && ",
            cmd, cmd, cmd, where->link);
    if (forward)
        g_string_append_printf(
            text,
            "%s --new-policy=to-%s && %s --policy=to-%s --set-target=ACCEPT && %s "
            "--policy=to-%s --add-ingress-zone=ANY && %s --policy=to-%s --add-egress-zone=%s "
            "&& ",
            cmd, ADIT_FOREIGN_ZONE, cmd, ADIT_FOREIGN_ZONE, cmd, ADIT_FOREIGN_ZONE, cmd,
            ADIT_FOREIGN_ZONE, ADIT_FOREIGN_ZONE);
    g_string_append(text, "firewall-cmd --reload");
    return g_string_free(text, FALSE);
}

char *
adit_foreign_mend_forward(const AditForeignMend *where)
{
    const char *program = g_str_equal(where->family, "ip6") ? "ip6tables" : "iptables";
    const char *link = where->link;

    if (where->is_ufw)
        return g_strdup_printf("ufw route allow in on %s && ufw route allow out on %s", link,
                               link);
    if (is_firewalld(where))
        return mend_zone(where, TRUE);
    if (where->is_docker)
        return g_strdup_printf(
            "%s -I DOCKER-USER -i %s -j ACCEPT && %s -I DOCKER-USER -o %s -j ACCEPT", program,
            link, program, link);
    return g_strdup_printf("nft insert rule %s %s %s iifname %s accept && "
                           "nft insert rule %s %s %s oifname %s accept",
                           where->family, where->table, where->chain, link, where->family,
                           where->table, where->chain, link);
}

char *
adit_foreign_mend_port(const AditForeignMend *where, const AditForeignPort *port)
{
    const char *proto = port->proto == IPPROTO_TCP ? "tcp" : "udp";
    g_autofree char *on = NULL;

    if (is_firewalld(where) && port->inside && !where->only_ports)
        return mend_zone(where, FALSE);
    if (is_firewalld(where))
        return g_strdup_printf(
            "firewall-cmd --permanent --add-port=%u/%s && firewall-cmd --reload", port->port,
            proto);
    if (where->is_ufw && port->inside)
        return g_strdup_printf("ufw allow in on %s to any port %u proto %s", where->link,
                               port->port, proto);
    if (where->is_ufw)
        return g_strdup_printf("ufw allow %u/%s", port->port, proto);
    on = port->inside ? g_strdup_printf("iifname %s ", where->link) : g_strdup("");
    return g_strdup_printf("nft insert rule %s %s %s %s%s dport %u accept", where->family,
                           where->table, where->chain, on, proto, port->port);
}
