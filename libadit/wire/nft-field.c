/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-field.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

/* The numbers are those of nft(8)'s own type list, which the kernel only stores. */
static const AditNftTypeInfo types[] = {
    [ADIT_NFT_NO_TYPE] = { "", 0, 0, FALSE },
    [ADIT_NFT_IPV4_ADDR] = { "ipv4_addr", 7, 4, FALSE },
    [ADIT_NFT_IPV6_ADDR] = { "ipv6_addr", 8, 16, FALSE },
    [ADIT_NFT_INET_PROTO] = { "inet_proto", 12, 1, FALSE },
    [ADIT_NFT_INET_SERVICE] = { "inet_service", 13, 2, FALSE },
    [ADIT_NFT_IFNAME] = { "ifname", 41, 16, TRUE },
    [ADIT_NFT_MARK] = { "mark", 19, 4, TRUE },
};

#define META ADIT_NFT_LOAD_META
#define CT ADIT_NFT_LOAD_CT
#define ORIGINAL ADIT_NFT_LOAD_CT_ORIGINAL
#define NETWORK ADIT_NFT_LOAD_NETWORK
#define TRANSPORT ADIT_NFT_LOAD_TRANSPORT

static const AditNftFieldInfo fields[] = {
    [ADIT_NFT_NO_FIELD] = { "" },
    [ADIT_NFT_IIFNAME] = { "iifname", META, NFT_META_IIFNAME, 16, 0, 0, TRUE },
    [ADIT_NFT_OIFNAME] = { "oifname", META, NFT_META_OIFNAME, 16, 0, 0, TRUE },
    [ADIT_NFT_NFPROTO] = { "meta nfproto", META, NFT_META_NFPROTO, 1 },
    [ADIT_NFT_L4PROTO] = { "meta l4proto", META, NFT_META_L4PROTO, 1 },
    [ADIT_NFT_META_MARK] = { "meta mark", META, NFT_META_MARK, 4, 0, 0, TRUE },
    [ADIT_NFT_CT_STATE] = { "ct state", CT, NFT_CT_STATE, 4, 0, 0, TRUE },
    [ADIT_NFT_CT_STATUS] = { "ct status", CT, NFT_CT_STATUS, 4, 0, 0, TRUE },
    [ADIT_NFT_CT_DIRECTION] = { "ct direction", CT, NFT_CT_DIRECTION, 1 },
    [ADIT_NFT_CT_MARK] = { "ct mark", CT, NFT_CT_MARK, 4, 0, 0, TRUE },
    [ADIT_NFT_CT_IP_DADDR] = { "ct original ip daddr", ORIGINAL, NFT_CT_DST_IP, 4 },
    [ADIT_NFT_CT_IP6_DADDR] = { "ct original ip6 daddr", ORIGINAL, NFT_CT_DST_IP6, 16 },
    [ADIT_NFT_CT_DPORT] = { "ct original proto-dst", ORIGINAL, NFT_CT_PROTO_DST, 2 },
    [ADIT_NFT_IP_SADDR] = { "ip saddr", NETWORK, 12, 4, NFPROTO_IPV4 },
    [ADIT_NFT_IP_DADDR] = { "ip daddr", NETWORK, 16, 4, NFPROTO_IPV4 },
    [ADIT_NFT_IP6_SADDR] = { "ip6 saddr", NETWORK, 8, 16, NFPROTO_IPV6 },
    [ADIT_NFT_IP6_DADDR] = { "ip6 daddr", NETWORK, 24, 16, NFPROTO_IPV6 },
    [ADIT_NFT_SPORT] = { "th sport", TRANSPORT, 0, 2 },
    [ADIT_NFT_DPORT] = { "th dport", TRANSPORT, 2, 2 },
    [ADIT_NFT_TCP_FLAGS] = { "tcp flags", TRANSPORT, 13, 1, 0, IPPROTO_TCP },
    [ADIT_NFT_ICMPV6_TYPE] = { "icmpv6 type", TRANSPORT, 0, 1, NFPROTO_IPV6, IPPROTO_ICMPV6 },
    [ADIT_NFT_FIB_DADDR_TYPE] = { "fib daddr type", ADIT_NFT_LOAD_FIB, 0, 4, 0, 0, TRUE },
};

static const struct {
    AditNftField field;
    guint32 value;
    const char *word;
} words[] = {
    { ADIT_NFT_NFPROTO, NFPROTO_IPV4, "ipv4" },
    { ADIT_NFT_NFPROTO, NFPROTO_IPV6, "ipv6" },
    { ADIT_NFT_L4PROTO, IPPROTO_ICMP, "icmp" },
    { ADIT_NFT_L4PROTO, IPPROTO_IGMP, "igmp" },
    { ADIT_NFT_L4PROTO, IPPROTO_TCP, "tcp" },
    { ADIT_NFT_L4PROTO, IPPROTO_UDP, "udp" },
    { ADIT_NFT_L4PROTO, IPPROTO_ICMPV6, "icmpv6" }, /* "ipv6-icmp" needs /etc/protocols */
    { ADIT_NFT_CT_STATE, NF_CT_STATE_INVALID_BIT, "invalid" },
    { ADIT_NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED), "established" },
    { ADIT_NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED), "related" },
    { ADIT_NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW), "new" },
    { ADIT_NFT_CT_STATUS, IPS_DST_NAT, "dnat" },
    { ADIT_NFT_CT_DIRECTION, 0, "original" },
    { ADIT_NFT_CT_DIRECTION, 1, "reply" },
    { ADIT_NFT_TCP_FLAGS, 0x02, "syn" },
    { ADIT_NFT_FIB_DADDR_TYPE, RTN_LOCAL, "local" },
    { ADIT_NFT_FIB_DADDR_TYPE, RTN_BROADCAST, "broadcast" },
    { ADIT_NFT_FIB_DADDR_TYPE, RTN_MULTICAST, "multicast" },
};

const AditNftTypeInfo *
adit_nft_type_info(AditNftType type)
{
    return &types[type];
}

const AditNftFieldInfo *
adit_nft_field_info(AditNftField field)
{
    return &fields[field];
}

const char *
adit_nft_field_word(AditNftField field, guint32 value)
{
    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        if (words[i].field == field && words[i].value == value)
            return words[i].word;
    return NULL;
}
