/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/ctnl.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#define MESSAGE(type) (NFNL_SUBSYS_CTNETLINK << 8 | (type))

/* Which members of the tuple a dump is filtered by. The kernel has these numbers in
 * nf_conntrack_netlink.c only, though they are its interface. */
#define FILTER_IP_DST (1u << 1)
#define FILTER_PROTO_NUM (1u << 3)
#define FILTER_DST_PORT (1u << 5)

static void
begin(AditMsg *m, guint16 type, guint8 family)
{
    const struct nfgenmsg header = { family, NFNETLINK_V0, 0 };

    adit_msg_begin(m, MESSAGE(type), 0, &header, sizeof(header));
}

static void
put_addr(AditMsg *m, guint16 v4, guint16 v6, const AditAddr *addr)
{
    adit_msg_bytes(m, addr->family == AF_INET6 ? v6 : v4, addr->bytes, adit_addr_size(addr));
}

static void
put_proto(AditMsg *m, const AditFlowTuple *t)
{
    adit_msg_nest(m, CTA_TUPLE_PROTO);
    adit_msg_u8(m, CTA_PROTO_NUM, t->proto);
    if (t->proto == IPPROTO_ICMP) {
        adit_msg_be16(m, CTA_PROTO_ICMP_ID, t->icmp_id);
        adit_msg_u8(m, CTA_PROTO_ICMP_TYPE, t->icmp_type);
        adit_msg_u8(m, CTA_PROTO_ICMP_CODE, t->icmp_code);
    } else if (t->proto == IPPROTO_ICMPV6) {
        adit_msg_be16(m, CTA_PROTO_ICMPV6_ID, t->icmp_id);
        adit_msg_u8(m, CTA_PROTO_ICMPV6_TYPE, t->icmp_type);
        adit_msg_u8(m, CTA_PROTO_ICMPV6_CODE, t->icmp_code);
    } else {
        adit_msg_be16(m, CTA_PROTO_SRC_PORT, t->sport);
        adit_msg_be16(m, CTA_PROTO_DST_PORT, t->dport);
    }
    adit_msg_unnest(m);
}

static void
begin_about(AditMsg *m, guint16 type, const AditFlow *flow)
{
    const AditFlowTuple *t = &flow->original;

    begin(m, type, t->src.family);
    adit_msg_nest(m, CTA_TUPLE_ORIG);
    adit_msg_nest(m, CTA_TUPLE_IP);
    put_addr(m, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &t->src);
    put_addr(m, CTA_IP_V4_DST, CTA_IP_V6_DST, &t->dst);
    adit_msg_unnest(m);
    put_proto(m, t);
    adit_msg_unnest(m);
    if (flow->zone != 0)
        adit_msg_be16(m, CTA_ZONE, flow->zone);
    if (flow->id != 0)
        adit_msg_be32(m, CTA_ID, flow->id);
}

/* conntrack -D -p tcp --orig-src 198.51.100.9 --orig-dst 203.0.113.7 --sport 40000 ... A
 * request without a tuple would flush the whole table. */
void
adit_flow_put_delete(AditMsg *m, const AditFlow *flow)
{
    g_return_if_fail(adit_addr_is_set(&flow->original.src) &&
                     adit_addr_is_set(&flow->original.dst));
    begin_about(m, IPCTNL_MSG_CT_DELETE, flow);
}

/* Closed by both ends, for a SYN to make another of it. */
static void
put_closed(AditMsg *m)
{
    const struct nf_ct_tcp_flags closed = { IP_CT_TCP_FLAG_CLOSE_INIT,
                                            IP_CT_TCP_FLAG_CLOSE_INIT };

    adit_msg_nest(m, CTA_PROTOINFO);
    adit_msg_nest(m, CTA_PROTOINFO_TCP);
    adit_msg_u8(m, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_CLOSE);
    adit_msg_bytes(m, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &closed, sizeof(closed));
    adit_msg_bytes(m, CTA_PROTOINFO_TCP_FLAGS_REPLY, &closed, sizeof(closed));
    adit_msg_unnest(m);
    adit_msg_unnest(m);
}

/* conntrack -U ... --mark BITS/MASK */
static void
begin_mark(AditMsg *m, const AditFlow *flow, guint32 mask, guint32 bits)
{
    begin_about(m, IPCTNL_MSG_CT_NEW, flow);
    adit_msg_be32(m, CTA_MARK, bits);
    adit_msg_be32(m, CTA_MARK_MASK, mask);
}

void
adit_flow_put_end(AditMsg *m, const AditFlow *flow, guint32 bits)
{
    begin_mark(m, flow, bits, bits);
    if (flow->original.proto == IPPROTO_TCP)
        put_closed(m);
}

void
adit_flow_put_reopen(AditMsg *m, const AditFlow *flow, guint32 bits)
{
    begin_mark(m, flow, bits, 0);
}

static void
put_filter(AditMsg *m, guint32 flags)
{
    adit_msg_nest(m, CTA_FILTER);
    adit_msg_u32(m, CTA_FILTER_ORIG_FLAGS, flags);
    adit_msg_u32(m, CTA_FILTER_REPLY_FLAGS, 0);
    adit_msg_unnest(m);
}

/* conntrack -L -p tcp --orig-dst 203.0.113.7 --orig-port-dst 443. Not by an IPv6 address: up to
 * 6.18 at least the kernel has that comparison the wrong way round, and answers with all flows
 * to other addresses. */
static void
put_tuple_filter(AditMsg *m, const AditFlowFilter *f)
{
    const gboolean port = f->proto != 0 && f->dst.port != 0;
    const gboolean dst = f->dst.addr.family == AF_INET;

    adit_msg_nest(m, CTA_TUPLE_ORIG);
    if (dst) {
        adit_msg_nest(m, CTA_TUPLE_IP);
        put_addr(m, CTA_IP_V4_DST, CTA_IP_V6_DST, &f->dst.addr);
        adit_msg_unnest(m);
    }
    if (f->proto != 0) {
        adit_msg_nest(m, CTA_TUPLE_PROTO);
        adit_msg_u8(m, CTA_PROTO_NUM, f->proto);
        if (port)
            adit_msg_be16(m, CTA_PROTO_DST_PORT, f->dst.port);
        adit_msg_unnest(m);
    }
    adit_msg_unnest(m);
    put_filter(m, (dst ? FILTER_IP_DST : 0) | (f->proto != 0 ? FILTER_PROTO_NUM : 0) |
                      (port ? FILTER_DST_PORT : 0));
}

void
adit_flow_put_dump(AditMsg *m, const AditFlowFilter *filter)
{
    const guint8 family = filter->family != 0 ? filter->family : filter->dst.addr.family;

    begin(m, IPCTNL_MSG_CT_GET, family);
    if (filter->mask != 0) {
        adit_msg_be32(m, CTA_MARK, filter->mark);
        adit_msg_be32(m, CTA_MARK_MASK, filter->mask);
    }
    if (filter->by_zone)
        adit_msg_be16(m, CTA_ZONE, filter->zone);
    if (family != 0 && (filter->proto != 0 || filter->dst.addr.family == AF_INET))
        put_tuple_filter(m, filter); /* the kernel refuses it without a family */
}

static gboolean
get_addrs(const struct nlattr *nest, AditFlowTuple *ret)
{
    static const AditAttrType types[] = {
        [CTA_IP_V4_SRC] = { ADIT_ATTR_EXACT, 4 },
        [CTA_IP_V4_DST] = { ADIT_ATTR_EXACT, 4 },
        [CTA_IP_V6_SRC] = { ADIT_ATTR_EXACT, 16 },
        [CTA_IP_V6_DST] = { ADIT_ATTR_EXACT, 16 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    gboolean v6;
    gsize len;

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb))
        return FALSE;
    v6 = tb[CTA_IP_V6_SRC] != NULL;
    if (tb[v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC] == NULL ||
        tb[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST] == NULL)
        return FALSE;
    ret->src = adit_addr_from_bytes(
        v6 ? AF_INET6 : AF_INET, adit_attr_data(tb[v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC], &len));
    ret->dst = adit_addr_from_bytes(
        v6 ? AF_INET6 : AF_INET, adit_attr_data(tb[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST], &len));
    return TRUE;
}

static gboolean
get_proto(const struct nlattr *nest, AditFlowTuple *ret)
{
    static const AditAttrType types[] = {
        [CTA_PROTO_NUM] = { ADIT_ATTR_U8 },         [CTA_PROTO_SRC_PORT] = { ADIT_ATTR_U16 },
        [CTA_PROTO_DST_PORT] = { ADIT_ATTR_U16 },   [CTA_PROTO_ICMP_ID] = { ADIT_ATTR_U16 },
        [CTA_PROTO_ICMP_TYPE] = { ADIT_ATTR_U8 },   [CTA_PROTO_ICMP_CODE] = { ADIT_ATTR_U8 },
        [CTA_PROTO_ICMPV6_ID] = { ADIT_ATTR_U16 },  [CTA_PROTO_ICMPV6_TYPE] = { ADIT_ATTR_U8 },
        [CTA_PROTO_ICMPV6_CODE] = { ADIT_ATTR_U8 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    gboolean v6;

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb) ||
        tb[CTA_PROTO_NUM] == NULL)
        return FALSE;
    v6 = tb[CTA_PROTO_ICMPV6_ID] != NULL;
    ret->proto = adit_attr_u8(tb[CTA_PROTO_NUM]);
    ret->sport = GUINT16_FROM_BE(adit_attr_u16(tb[CTA_PROTO_SRC_PORT]));
    ret->dport = GUINT16_FROM_BE(adit_attr_u16(tb[CTA_PROTO_DST_PORT]));
    ret->icmp_id =
        GUINT16_FROM_BE(adit_attr_u16(tb[v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID]));
    ret->icmp_type = adit_attr_u8(tb[v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE]);
    ret->icmp_code = adit_attr_u8(tb[v6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE]);
    return TRUE;
}

static gboolean
get_tuple(const struct nlattr *nest, AditFlowTuple *ret)
{
    static const AditAttrType types[] = {
        [CTA_TUPLE_IP] = { ADIT_ATTR_NESTED },
        [CTA_TUPLE_PROTO] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];

    return nest != NULL && adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb) &&
           get_addrs(tb[CTA_TUPLE_IP], ret) && get_proto(tb[CTA_TUPLE_PROTO], ret);
}

gboolean
adit_flow_get(const struct nlmsghdr *nlh, AditFlow *ret)
{
    static const AditAttrType types[] = {
        [CTA_TUPLE_ORIG] = { ADIT_ATTR_NESTED },
        [CTA_TUPLE_REPLY] = { ADIT_ATTR_NESTED },
        [CTA_STATUS] = { ADIT_ATTR_U32 },
        [CTA_MARK] = { ADIT_ATTR_U32 },
        [CTA_ID] = { ADIT_ATTR_U32 },
        [CTA_ZONE] = { ADIT_ATTR_U16 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    AditFlow flow = { 0 };

    if (nlh->nlmsg_type != MESSAGE(IPCTNL_MSG_CT_NEW) ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !get_tuple(tb[CTA_TUPLE_ORIG], &flow.original) ||
        !get_tuple(tb[CTA_TUPLE_REPLY], &flow.reply) ||
        flow.original.src.family != flow.reply.src.family)
        return FALSE;
    flow.status = GUINT32_FROM_BE(adit_attr_u32(tb[CTA_STATUS]));
    flow.mark = GUINT32_FROM_BE(adit_attr_u32(tb[CTA_MARK]));
    flow.id = GUINT32_FROM_BE(adit_attr_u32(tb[CTA_ID]));
    flow.zone = GUINT16_FROM_BE(adit_attr_u16(tb[CTA_ZONE]));
    *ret = flow;
    return TRUE;
}

gboolean
adit_flow_matches(const AditFlow *flow, const AditFlowFilter *f)
{
    const AditFlowTuple *t = &flow->original;

    return (f->family == 0 || f->family == t->src.family) &&
           ((flow->mark ^ f->mark) & f->mask) == 0 && (!f->by_zone || f->zone == flow->zone) &&
           (f->proto == 0 || f->proto == t->proto) &&
           (!adit_addr_is_set(&f->dst.addr) || adit_addr_cmp(&f->dst.addr, &t->dst) == 0) &&
           (f->dst.port == 0 || f->dst.port == t->dport);
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

int
adit_flow_tuple_cmp(const AditFlowTuple *a, const AditFlowTuple *b)
{
    const int c[] = {
        COMPARE(a->proto, b->proto),         adit_addr_cmp(&a->src, &b->src),
        adit_addr_cmp(&a->dst, &b->dst),     COMPARE(a->sport, b->sport),
        COMPARE(a->dport, b->dport),         COMPARE(a->icmp_type, b->icmp_type),
        COMPARE(a->icmp_code, b->icmp_code), COMPARE(a->icmp_id, b->icmp_id),
    };

    for (guint i = 0; i < G_N_ELEMENTS(c); i++)
        if (c[i] != 0)
            return c[i];
    return 0;
}

static char *
proto_name(guint8 proto)
{
    switch (proto) {
    case IPPROTO_TCP: return g_strdup("tcp");
    case IPPROTO_UDP: return g_strdup("udp");
    case IPPROTO_ICMP: return g_strdup("icmp");
    case IPPROTO_ICMPV6: return g_strdup("icmpv6");
    }
    return g_strdup_printf("proto %u", proto);
}

char *
adit_flow_to_string(const AditFlow *flow)
{
    const AditFlowTuple *t = &flow->original;
    const AditSockAddr from = { t->src, t->sport }, to = { t->dst, t->dport };
    g_autofree char *proto = proto_name(t->proto);
    g_autofree char *src = adit_sockaddr_to_string(&from);
    g_autofree char *dst = adit_sockaddr_to_string(&to);

    return g_strdup_printf("%s %s > %s", proto, src, dst);
}
