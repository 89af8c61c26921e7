/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/rtnl-seen.h"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static const AditAttrType route_types[] = {
    [RTA_DST] = { ADIT_ATTR_ADDR },
    [RTA_OIF] = { ADIT_ATTR_U32 },
    [RTA_TABLE] = { ADIT_ATTR_U32 },
    [RTA_MULTIPATH] = { ADIT_ATTR_BYTES },
};

static const AditAttrType rule_types[] = {
    [FRA_PRIORITY] = { ADIT_ATTR_U32 }, [FRA_FWMARK] = { ADIT_ATTR_U32 },
    [FRA_FWMASK] = { ADIT_ATTR_U32 },   [FRA_TABLE] = { ADIT_ATTR_U32 },
    [FRA_PROTOCOL] = { ADIT_ATTR_U8 },
};

static gboolean
is_inet(guint8 family)
{
    return family == AF_INET || family == AF_INET6;
}

/* ip route show table 254 */
void
adit_seen_route_put_dump(AditMsg *m, guint8 family, guint32 table)
{
    const struct rtmsg hdr = { .rtm_family = family,
                               .rtm_table = table < 256 ? table : RT_TABLE_UNSPEC };

    adit_msg_begin(m, RTM_GETROUTE, NLM_F_DUMP, &hdr, sizeof(hdr));
    adit_msg_u32(m, RTA_TABLE, table);
}

static void
add_hop(AditSeenRoute *route, guint32 ifindex)
{
    if (ifindex != 0 && route->n_hops < ADIT_SEEN_HOPS_MAX)
        route->ifindex[route->n_hops++] = ifindex;
}

/* A row of struct rtnexthop, each with attributes of its own behind it. */
static void
add_hops(AditSeenRoute *route, const struct nlattr *attr)
{
    gsize left;
    const guint8 *at = adit_attr_data(attr, &left);

    while (left >= sizeof(struct rtnexthop)) {
        const struct rtnexthop *hop = (const struct rtnexthop *)(gconstpointer)at;
        const gsize step = RTNH_ALIGN((gsize)hop->rtnh_len);

        if (hop->rtnh_len < sizeof(*hop))
            return;
        add_hop(route, (guint32)hop->rtnh_ifindex);
        if (step >= left)
            return;
        at += step;
        left -= step;
    }
}

gboolean
adit_seen_route_get(const struct nlmsghdr *nlh, AditSeenRoute *ret)
{
    const struct nlattr *tb[G_N_ELEMENTS(route_types)];
    const struct rtmsg *hdr = mnl_nlmsg_get_payload(nlh);
    AditSeenRoute route = { 0 };

    if ((nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), route_types, G_N_ELEMENTS(route_types), tb))
        return FALSE;
    if (!is_inet(hdr->rtm_family) || hdr->rtm_type != RTN_UNICAST ||
        (hdr->rtm_flags & RTM_F_CLONED) != 0 ||
        hdr->rtm_dst_len > adit_family_bits(hdr->rtm_family))
        return FALSE;
    route.dst.addr.family = hdr->rtm_family;
    route.dst.len = hdr->rtm_dst_len;
    if (route.dst.len > 0 && !adit_attr_addr(tb[RTA_DST], hdr->rtm_family, &route.dst.addr))
        return FALSE;
    route.table = tb[RTA_TABLE] ? adit_attr_u32(tb[RTA_TABLE]) : hdr->rtm_table;
    route.protocol = hdr->rtm_protocol;
    add_hop(&route, adit_attr_u32(tb[RTA_OIF]));
    if (tb[RTA_MULTIPATH])
        add_hops(&route, tb[RTA_MULTIPATH]);
    *ret = route;
    return TRUE;
}

/* What does not narrow the traffic a rule speaks of. */
static gboolean
is_selector(guint16 type)
{
    switch (type) {
    case FRA_PAD:
    case FRA_PRIORITY:
    case FRA_FWMARK:
    case FRA_FWMASK:
    case FRA_TABLE:
    case FRA_PROTOCOL:
    case FRA_SUPPRESS_PREFIXLEN:
    case FRA_SUPPRESS_IFGROUP: return FALSE;
    default: return TRUE;
    }
}

gboolean
adit_seen_rule_get(const struct nlmsghdr *nlh, AditSeenRule *ret)
{
    const struct nlattr *tb[G_N_ELEMENTS(rule_types)];
    const struct fib_rule_hdr *hdr = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *attr;
    AditSeenRule rule = { 0 };

    if ((nlh->nlmsg_type != RTM_NEWRULE && nlh->nlmsg_type != RTM_DELRULE) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), rule_types, G_N_ELEMENTS(rule_types), tb) ||
        !is_inet(hdr->family) || hdr->action != FR_ACT_TO_TBL)
        return FALSE;
    rule.family = hdr->family;
    rule.protocol = adit_attr_u8(tb[FRA_PROTOCOL]);
    rule.priority = adit_attr_u32(tb[FRA_PRIORITY]);
    rule.table = tb[FRA_TABLE] ? adit_attr_u32(tb[FRA_TABLE]) : hdr->table;
    rule.mark = adit_attr_u32(tb[FRA_FWMARK]);
    rule.mask = tb[FRA_FWMARK] && !tb[FRA_FWMASK] ? G_MAXUINT32 : adit_attr_u32(tb[FRA_FWMASK]);
    rule.inverted = (hdr->flags & FIB_RULE_INVERT) != 0;
    rule.selective = hdr->tos != 0;
    mnl_attr_for_each(attr, nlh, sizeof(*hdr)) rule.selective |=
        is_selector(mnl_attr_get_type(attr));
    *ret = rule;
    return TRUE;
}
