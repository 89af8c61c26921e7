/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/rtnl-neighbour.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static const AditAttrType neighbour_types[] = {
    [NDA_DST] = { ADIT_ATTR_ADDR },
    [NDA_PROTOCOL] = { ADIT_ATTR_U8 },
};

/* ip neigh add proxy 2001:db8::2 dev eth0 protocol 173
 *
 * The kernel knows no "exclusive" here: adding an entry of somebody else's makes it ours. */
void
adit_neighbour_put(AditMsg *m, AditOpVerb verb, const AditNeighbour *neighbour, guint32 ifindex)
{
    const struct ndmsg hdr = {
        .ndm_family = neighbour->addr.family,
        .ndm_ifindex = ifindex,
        .ndm_state = verb == ADIT_OP_DELETE ? 0 : NUD_PERMANENT,
        .ndm_flags = NTF_PROXY,
    };

    switch (verb) {
    case ADIT_OP_ADD:
    case ADIT_OP_CHANGE:
        adit_msg_begin(m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &hdr, sizeof(hdr));
        break;
    case ADIT_OP_DELETE: adit_msg_begin(m, RTM_DELNEIGH, 0, &hdr, sizeof(hdr)); break;
    }
    adit_msg_addr(m, NDA_DST, &neighbour->addr);
    adit_msg_u8(m, NDA_PROTOCOL, ADIT_RTPROT); /* how we know it is ours */
}

/* Without NTF_PROXY in the request the kernel lists everything but proxies. */
void
adit_neighbour_put_dump(AditMsg *m)
{
    const struct ndmsg hdr = { .ndm_family = AF_UNSPEC, .ndm_flags = NTF_PROXY };

    adit_msg_begin(m, RTM_GETNEIGH, NLM_F_DUMP, &hdr, sizeof(hdr));
}

gboolean
adit_neighbour_get(const struct nlmsghdr *nlh, AditNeighbour *ret, guint32 *ret_ifindex,
                   gboolean *ret_ours)
{
    const struct nlattr *tb[G_N_ELEMENTS(neighbour_types)];
    const struct ndmsg *hdr = mnl_nlmsg_get_payload(nlh);
    AditNeighbour neighbour = { 0 };

    if ((nlh->nlmsg_type != RTM_NEWNEIGH && nlh->nlmsg_type != RTM_DELNEIGH) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), neighbour_types, G_N_ELEMENTS(neighbour_types),
                              tb))
        return FALSE;
    if ((hdr->ndm_flags & NTF_PROXY) == 0 || hdr->ndm_ifindex <= 0)
        return FALSE;
    if ((hdr->ndm_family != AF_INET && hdr->ndm_family != AF_INET6) ||
        !adit_attr_addr(tb[NDA_DST], hdr->ndm_family, &neighbour.addr))
        return FALSE;
    *ret_ours = adit_attr_u8(tb[NDA_PROTOCOL]) == ADIT_RTPROT;
    *ret = neighbour;
    *ret_ifindex = hdr->ndm_ifindex;
    return TRUE;
}
