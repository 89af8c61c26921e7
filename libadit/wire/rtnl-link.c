/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/rtnl-link.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

static const AditAttrType link_types[] = {
    [IFLA_IFNAME] = { ADIT_ATTR_STRING },
    [IFLA_MTU] = { ADIT_ATTR_U32 },
    [IFLA_LINKINFO] = { ADIT_ATTR_NESTED },
};

static const AditAttrType info_types[] = {
    [IFLA_INFO_KIND] = { ADIT_ATTR_STRING },
};

/* ip link add wg0 mtu 1420 up type wireguard
 * ip link set wg0 mtu 1420 up
 * ip link del wg0 */
void
adit_link_put(AditMsg *m, AditOpVerb verb, const AditLink *link, guint32 ifindex)
{
    const struct ifinfomsg hdr = {
        .ifi_index = verb == ADIT_OP_ADD ? 0 : ifindex,
        .ifi_flags = link->up && verb != ADIT_OP_DELETE ? IFF_UP : 0,
        .ifi_change = verb != ADIT_OP_DELETE ? IFF_UP : 0,
    };

    switch (verb) {
    case ADIT_OP_ADD:
        adit_msg_begin(m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &hdr, sizeof(hdr));
        adit_msg_string(m, IFLA_IFNAME, link->name);
        break;
    case ADIT_OP_CHANGE: adit_msg_begin(m, RTM_NEWLINK, 0, &hdr, sizeof(hdr)); break;
    case ADIT_OP_DELETE: adit_msg_begin(m, RTM_DELLINK, 0, &hdr, sizeof(hdr)); return;
    }
    if (link->mtu != 0)
        adit_msg_u32(m, IFLA_MTU, link->mtu);
    if (verb != ADIT_OP_ADD)
        return;
    adit_msg_nest(m, IFLA_LINKINFO);
    adit_msg_string(m, IFLA_INFO_KIND, "wireguard");
    adit_msg_unnest(m);
}

void
adit_link_put_dump(AditMsg *m)
{
    const struct ifinfomsg hdr = { 0 };

    adit_msg_begin(m, RTM_GETLINK, NLM_F_DUMP, &hdr, sizeof(hdr));
    adit_msg_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

gboolean
adit_link_get(const struct nlmsghdr *nlh, AditLink *ret, guint32 *ret_ifindex,
              char ret_kind[ADIT_NAME_LEN])
{
    const struct nlattr *tb[G_N_ELEMENTS(link_types)];
    const struct nlattr *info[G_N_ELEMENTS(info_types)];
    const struct ifinfomsg *hdr = mnl_nlmsg_get_payload(nlh);
    AditLink link = { 0 };

    if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), link_types, G_N_ELEMENTS(link_types), tb) ||
        !adit_attrs_parse_nested(tb[IFLA_LINKINFO], info_types, G_N_ELEMENTS(info_types), info))
        return FALSE;
    if (hdr->ifi_index <= 0 || tb[IFLA_IFNAME] == NULL ||
        !adit_attr_name(tb[IFLA_IFNAME], link.name, sizeof(link.name)) ||
        !adit_attr_name(info[IFLA_INFO_KIND], ret_kind, ADIT_NAME_LEN))
        return FALSE;

    link.mtu = adit_attr_u32(tb[IFLA_MTU]);
    link.up = (hdr->ifi_flags & IFF_UP) != 0;
    *ret = link;
    *ret_ifindex = hdr->ifi_index;
    return TRUE;
}
