/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/diag.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static const AditAttrType diag_types[] = {
    [INET_DIAG_SKV6ONLY] = { ADIT_ATTR_U8 },
};

/* A UDP socket that is bound and not connected shows as TCP_CLOSE. */
static guint8
wanted_state(guint8 protocol)
{
    return protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE;
}

/* ss -4|-6 -l -t|-u */
void
adit_listening_get_put(AditMsg *m, guint8 family, guint8 protocol)
{
    const struct inet_diag_req_v2 request = {
        .sdiag_family = family,
        .sdiag_protocol = protocol,
        .idiag_states = 1u << wanted_state(protocol),
    };

    adit_msg_begin(m, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));
}

gboolean
adit_listening_get(const struct nlmsghdr *nlh, guint8 protocol, AditListening *ret)
{
    const struct nlattr *tb[G_N_ELEMENTS(diag_types)];
    const struct inet_diag_msg *diag = NLMSG_DATA(nlh);

    if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*diag)))
        return FALSE;
    if (!adit_attrs_parse_msg(nlh, sizeof(*diag), diag_types, G_N_ELEMENTS(tb), tb))
        return FALSE;
    if (diag->idiag_family != AF_INET && diag->idiag_family != AF_INET6)
        return FALSE;
    if (diag->idiag_state != wanted_state(protocol) || diag->id.idiag_sport == 0)
        return FALSE;

    *ret = (AditListening){
        .protocol = protocol,
        .addr = adit_addr_from_bytes(diag->idiag_family, diag->id.idiag_src),
        .port = ntohs(diag->id.idiag_sport),
        .ifindex = diag->id.idiag_if,
        .v6only =
            tb[INET_DIAG_SKV6ONLY] == NULL ? -1 : adit_attr_u8(tb[INET_DIAG_SKV6ONLY]) != 0,
        .inode = diag->idiag_inode,
    };
    return TRUE;
}

int
adit_listening_cmp(const AditListening *a, const AditListening *b)
{
    int c = adit_addr_cmp(&a->addr, &b->addr);

    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    if (a->protocol != b->protocol)
        return a->protocol < b->protocol ? -1 : 1;
    if (c != 0)
        return c;
    return (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}
