/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/rtnl-route.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

/* Not in the list of the kernel headers we build against, or of no interest: they say what we
 * do not compare (RTA_CACHEINFO, RTA_PREF). What would make it another route is NESTED or BYTES
 * here, so that get can refuse it. */
static const AditAttrType route_types[] = {
    [RTA_DST] = { ADIT_ATTR_ADDR },     [RTA_OIF] = { ADIT_ATTR_U32 },
    [RTA_GATEWAY] = { ADIT_ATTR_ADDR }, [RTA_PRIORITY] = { ADIT_ATTR_U32 },
    [RTA_PREFSRC] = { ADIT_ATTR_ADDR }, [RTA_MULTIPATH] = { ADIT_ATTR_BYTES },
    [RTA_TABLE] = { ADIT_ATTR_U32 },    [RTA_VIA] = { ADIT_ATTR_BYTES },
    [RTA_ENCAP] = { ADIT_ATTR_BYTES },  [RTA_NH_ID] = { ADIT_ATTR_U32 },
};

static guint8
type_to_kernel(AditRouteType type)
{
    switch (type) {
    case ADIT_ROUTE_UNICAST: return RTN_UNICAST;
    case ADIT_ROUTE_BLACKHOLE: return RTN_BLACKHOLE;
    case ADIT_ROUTE_UNREACHABLE: return RTN_UNREACHABLE;
    }
    g_assert_not_reached();
}

static gboolean
type_from_kernel(guint8 type, AditRouteType *ret)
{
    switch (type) {
    case RTN_UNICAST: *ret = ADIT_ROUTE_UNICAST; return TRUE;
    case RTN_BLACKHOLE: *ret = ADIT_ROUTE_BLACKHOLE; return TRUE;
    case RTN_UNREACHABLE: *ret = ADIT_ROUTE_UNREACHABLE; return TRUE;
    default: return FALSE;
    }
}

/* "nowhere" in a deletion is any scope. */
static guint8
scope_of(AditOpVerb verb, const AditRoute *route)
{
    if (verb == ADIT_OP_DELETE)
        return RT_SCOPE_NOWHERE;
    if (route->type != ADIT_ROUTE_UNICAST || adit_addr_is_set(&route->gateway))
        return RT_SCOPE_UNIVERSE;
    return RT_SCOPE_LINK;
}

static void
begin(AditMsg *m, AditOpVerb verb, const struct rtmsg *hdr)
{
    switch (verb) {
    case ADIT_OP_ADD:
        adit_msg_begin(m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, hdr, sizeof(*hdr));
        break;
    case ADIT_OP_CHANGE:
        adit_msg_begin(m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, hdr, sizeof(*hdr));
        break;
    case ADIT_OP_DELETE: adit_msg_begin(m, RTM_DELROUTE, 0, hdr, sizeof(*hdr)); break;
    }
}

/* ip route add 192.0.2.0/24 via 10.59.0.1 dev wg0 onlink src 10.59.0.2 metric 50 table 20101
 *   protocol 173
 * ip route add blackhole default metric 4294967295 table 20101 protocol 173 */
void
adit_route_put(AditMsg *m, AditOpVerb verb, const AditRoute *route, guint32 ifindex)
{
    const struct rtmsg hdr = {
        .rtm_family = route->dst.addr.family,
        .rtm_dst_len = route->dst.len,
        .rtm_table = route->table < 256 ? route->table : RT_TABLE_UNSPEC,
        .rtm_protocol = ADIT_RTPROT, /* in a deletion too: never anybody else's */
        .rtm_scope = scope_of(verb, route),
        .rtm_type = type_to_kernel(route->type),
        /* Our rules stand before our routes: looked up by them, the gateway may be nowhere. */
        .rtm_flags = adit_addr_is_set(&route->gateway) ? RTNH_F_ONLINK : 0,
    };

    begin(m, verb, &hdr);
    adit_msg_u32(m, RTA_TABLE, route->table);
    if (route->dst.len > 0)
        adit_msg_addr(m, RTA_DST, &route->dst.addr);
    if (route->metric != 0)
        adit_msg_u32(m, RTA_PRIORITY, route->metric);
    if (ifindex != 0)
        adit_msg_u32(m, RTA_OIF, ifindex);
    adit_msg_addr(m, RTA_GATEWAY, &route->gateway);
    adit_msg_addr(m, RTA_PREFSRC, &route->prefsrc);
}

void
adit_route_put_dump(AditMsg *m, guint8 family)
{
    const struct rtmsg hdr = { .rtm_family = family, .rtm_protocol = ADIT_RTPROT };

    adit_msg_begin(m, RTM_GETROUTE, NLM_F_DUMP, &hdr, sizeof(hdr));
}

/* An optional address: absent is unset, and one of the other family is a refusal. */
static gboolean
get_addr(const struct nlattr *attr, guint8 family, AditAddr *ret)
{
    return attr == NULL || adit_attr_addr(attr, family, ret);
}

gboolean
adit_route_get(const struct nlmsghdr *nlh, AditRoute *ret, guint32 *ret_ifindex)
{
    const struct nlattr *tb[G_N_ELEMENTS(route_types)];
    const struct rtmsg *hdr = mnl_nlmsg_get_payload(nlh);
    AditRoute route = { 0 };

    if ((nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), route_types, G_N_ELEMENTS(route_types), tb))
        return FALSE;
    if (hdr->rtm_protocol != ADIT_RTPROT || (hdr->rtm_flags & RTM_F_CLONED) != 0)
        return FALSE; /* somebody else's, or a cached answer */
    if ((hdr->rtm_family != AF_INET && hdr->rtm_family != AF_INET6) || hdr->rtm_src_len != 0 ||
        hdr->rtm_tos != 0 || !type_from_kernel(hdr->rtm_type, &route.type) ||
        hdr->rtm_dst_len > adit_family_bits(hdr->rtm_family) || tb[RTA_MULTIPATH] != NULL ||
        tb[RTA_VIA] != NULL || tb[RTA_ENCAP] != NULL || tb[RTA_NH_ID] != NULL)
        return FALSE;

    route.dst.addr.family = hdr->rtm_family;
    route.dst.len = hdr->rtm_dst_len;
    if (route.dst.len > 0 && !adit_attr_addr(tb[RTA_DST], hdr->rtm_family, &route.dst.addr))
        return FALSE; /* the default route has length 0, and as a rule no address */
    route.table = tb[RTA_TABLE] ? adit_attr_u32(tb[RTA_TABLE]) : hdr->rtm_table;
    route.metric = adit_attr_u32(tb[RTA_PRIORITY]);
    if (route.type == ADIT_ROUTE_UNICAST) { /* IPv6 shows "dev lo" on those that drop */
        if (!get_addr(tb[RTA_GATEWAY], hdr->rtm_family, &route.gateway) ||
            !get_addr(tb[RTA_PREFSRC], hdr->rtm_family, &route.prefsrc))
            return FALSE;
        *ret_ifindex = adit_attr_u32(tb[RTA_OIF]);
    } else {
        *ret_ifindex = 0;
    }
    *ret = route;
    return TRUE;
}
