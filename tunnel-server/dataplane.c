/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"

#include "libadit/wire/nft-words.h"

/* The rules, in the order a packet meets them. They never change; the sets do.
 *
 * The open maps say what is open and where to, by the key a visitor sees: external address,
 * transport, port. What leads to a device unchanged (most of IPv6) is led to itself. Each
 * element counts visitors' packets; its twin in a back set counts the answers. A mapping is
 * these two, put and taken away in one transaction.
 *
 * Who opens a flow decides once, in dnat_in, where the kernel asks for each flow's first packet
 * only: what the map knows is translated, and its conntrack entry gets CT_MAPPED; only such
 * flows may go from outside to a device. From then on each packet of it, in both directions, is
 * looked up in the gate by the key of the flow's first packet, which conntrack remembers
 * whatever NAT did (`ct original`): one look, which counts it too. So taking an element away,
 * or its lease running out, ends the flow with the next packet, even if no daemon of ours is
 * alive. A while later the daemon marks what has ended with CT_ENDED: that is for good, also if
 * the port is opened again, and of TCP whoever sends hears so. The entry stays in conntrack as
 * long as somebody sends. Flows that do not live by a mapping pay two comparisons.
 *
 * The key alone decides, not the interface: a device reaches another one, or itself, through
 * the public address (hairpin) by the same rules as a visitor.
 *
 * ICMP belongs to no mapping, but errors about a mapped flow carry its mark: they are let
 * through before they count as a flow that is no longer open, for they have no key. */

#define MAPPED ADIT_DATAPLANE_CT_MAPPED
#define ENDED ADIT_DATAPLANE_CT_ENDED
#define SYN 0x02

#define IPV4_KEY                                                                               \
    {                                                                                          \
        ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE                         \
    }
#define IPV6_KEY                                                                               \
    {                                                                                          \
        ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE                         \
    }
#define IPV4_KEY_FROM                                                                          \
    {                                                                                          \
        ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE, ADIT_NFT_IPV4_ADDR     \
    }
#define IPV6_KEY_FROM                                                                          \
    {                                                                                          \
        ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE, ADIT_NFT_IPV6_ADDR     \
    }
#define IPV4_TO                                                                                \
    {                                                                                          \
        ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE                                              \
    }
#define IPV6_TO                                                                                \
    {                                                                                          \
        ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_SERVICE                                              \
    }

static const AditNftSet sets[] = {
    /* What is open, and where to. The user data says whose it is. In IPv6 only the port
     * changes, if anything, or the redirect's responder is meant. */
    { "open4", IPV4_KEY, IPV4_TO, ADIT_NFT_TIMEOUT | ADIT_NFT_COUNTER },
    { "open6", IPV6_KEY, IPV6_TO, ADIT_NFT_TIMEOUT | ADIT_NFT_COUNTER },
    /* The way back, as long as it is open. */
    { "back4", IPV4_KEY, .flags = ADIT_NFT_TIMEOUT | ADIT_NFT_COUNTER },
    { "back6", IPV6_KEY, .flags = ADIT_NFT_TIMEOUT | ADIT_NFT_COUNTER },
    /* Mappings with a condition, one of those that follow: one look tells most that there is
     * none. */
    { "checked4", IPV4_KEY },
    { "checked6", IPV6_KEY },
    /* Mappings that not everybody may use, and who may. Ranges cost more than hashes to change
     * (44 s for 50,000), so only these few are ranges. */
    { "limited4", IPV4_KEY },
    { "limited6", IPV6_KEY },
    { "allow4", IPV4_KEY_FROM, .flags = ADIT_NFT_INTERVAL },
    { "allow6", IPV6_KEY_FROM, .flags = ADIT_NFT_INTERVAL },
    /* How many connections at once a mapping has, and all mappings of a device. The kernel
     * counts them; without timeouts, since it collects the ended ones itself. */
    { "most4", IPV4_KEY, .flags = ADIT_NFT_CONNECTIONS },
    { "most6", IPV6_KEY, .flags = ADIT_NFT_CONNECTIONS },
    { "most_device4", { ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_CONNECTIONS },
    { "most_device6", { ADIT_NFT_IPV6_ADDR }, .flags = ADIT_NFT_CONNECTIONS },
    /* Our WireGuard links. */
    { "tunnel", { ADIT_NFT_IFNAME } },
    /* Networks of one subnet, by twos. */
    { "same4", { ADIT_NFT_IPV4_ADDR, ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_INTERVAL },
    { "same6", { ADIT_NFT_IPV6_ADDR, ADIT_NFT_IPV6_ADDR }, .flags = ADIT_NFT_INTERVAL },
    /* Which public address a device leaves by, and which one a subnet. */
    { "snat4_host", { ADIT_NFT_IFNAME, ADIT_NFT_IPV4_ADDR }, { ADIT_NFT_IPV4_ADDR } },
    { "snat4",
      { ADIT_NFT_IFNAME, ADIT_NFT_IPV4_ADDR },
      { ADIT_NFT_IPV4_ADDR },
      ADIT_NFT_INTERVAL },
    /* Ports of this machine that only a mapping leads to. */
    { "responder", { ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE } },
};

static const AditNftChain chains[] = {
    { "gate", "filter", NF_INET_PRE_ROUTING, -110 }, /* after conntrack, before DNAT */
    { "unmapped" },
    { "dnat_in", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
    { "checks" },
    { "dnat_local", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST },
    { "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER },
    { "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER, .drop = TRUE },
    { "mss" },
    { "snat_out", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
    /* Of the limited table alone; of a type that sees the first packet of a flow only. */
    { "device_limits", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1 },
};

#define LIMITED_CHAINS 1
#define LIMITED_RULES 2

/* The flow's key as its first packet had it. */
#define FLOW4 CT_IP_DADDR, L4PROTO, CT_DPORT
#define FLOW6 CT_IP6_DADDR, L4PROTO, CT_DPORT
/* The same in a packet that no NAT has touched yet. */
#define PACKET4 IP_DADDR, L4PROTO, DPORT
#define PACKET6 IP6_DADDR, L4PROTO, DPORT

static const AditNftRule rules[] = {
    /* ct mark & 0x80800000 != 0x80000000 goto unmapped : one question for both, so that the
     * open flows pay for one */
    { "gate",
      "no open mapping's flow",
      { MASK_NOT(CT_MARK, MAPPED | ENDED, MAPPED), GOTO("unmapped") } },
    /* ct direction original <flow> map @open4 accept : finding it is what counts */
    { "gate", "still open", { IS(CT_DIRECTION, ORIGINAL), KNOWN("open4", FLOW4), ACCEPT } },
    { "gate", "still open", { IS(CT_DIRECTION, ORIGINAL), KNOWN("open6", FLOW6), ACCEPT } },
    /* ct direction reply <flow> @back4 accept */
    { "gate", "still open", { IS(CT_DIRECTION, REPLY), IN("back4", FLOW4), ACCEPT } },
    { "gate", "still open", { IS(CT_DIRECTION, REPLY), IN("back6", FLOW6), ACCEPT } },
    /* meta l4proto icmp accept : errors about mapped flows; it has no ports to look up */
    { "gate", "no ports: errors about flows", { IS(L4PROTO, IPPROTO_ICMP), ACCEPT } },
    /* meta l4proto ipv6-icmp accept */
    { "gate", "no ports: errors about flows", { IS(L4PROTO, IPPROTO_ICMPV6), ACCEPT } },
    /* ct mark & 0x80000000 == 0x80000000 counter drop : revoked or run out, at once and in both
     * directions. Silently, because it may be there again in a moment. Asked once more, because
     * a packet without a flow (invalid, or not tracked at somebody's wish) has no mark to
     * compare and comes down to here. */
    { "gate", "no longer open", { MASK_IS(CT_MARK, MAPPED, MAPPED), COUNT, DROP } },

    /* ct mark & 0x80800000 != 0x80800000 accept : devices' own flows, the host's own,
     * strangers'; and what is new, which dnat_in decides */
    { "unmapped",
      "no mapping's flow",
      { MASK_NOT(CT_MARK, MAPPED | ENDED, MAPPED | ENDED), ACCEPT } },
    /* meta l4proto icmp accept */
    { "unmapped", "no ports: errors about flows", { IS(L4PROTO, IPPROTO_ICMP), ACCEPT } },
    /* meta l4proto ipv6-icmp accept */
    { "unmapped", "no ports: errors about flows", { IS(L4PROTO, IPPROTO_ICMPV6), ACCEPT } },
    /* meta l4proto tcp counter reject with tcp reset */
    { "unmapped", "a connection that was closed", { TCP, COUNT, RESET } },
    /* counter drop */
    { "unmapped", "closed", { COUNT, DROP } },

    /* <key> != @checked4 ct mark set ct mark | 0x80000000 dnat ip to <key> map @open4 : the key
     * is ip daddr . meta l4proto . th dport, without an interface, for hairpin */
    { "dnat_in",
      "open",
      { NOT_IN("checked4", PACKET4), MARK_AND_DNAT_BY(MAPPED, "open4", PACKET4) } },
    /* <key> @checked4 goto checks */
    { "dnat_in", "has conditions", { IN("checked4", PACKET4), GOTO("checks") } },
    /* the same for IPv6 */
    { "dnat_in",
      "open",
      { NOT_IN("checked6", PACKET6), MARK_AND_DNAT_BY(MAPPED, "open6", PACKET6) } },
    { "dnat_in", "has conditions", { IN("checked6", PACKET6), GOTO("checks") } },

    /* <key> @limited4 <key> . ip saddr != @allow4 counter drop : --allow-from. Asked once a
     * flow; a narrowed list is enforced on old flows by ending them. */
    { "checks",
      "allow-from",
      { IN("limited4", PACKET4), NOT_IN("allow4", PACKET4, IP_SADDR), COUNT, DROP } },
    /* the same for IPv6 */
    { "checks",
      "allow-from",
      { IN("limited6", PACKET6), NOT_IN("allow6", PACKET6, IP6_SADDR), COUNT, DROP } },
    /* <key> @most4 counter drop : an element matches from its limit on. What is there already
     * goes on. */
    { "checks", "too many connections", { IN("most4", PACKET4), COUNT, DROP } },
    { "checks", "too many connections", { IN("most6", PACKET6), COUNT, DROP } },
    { "checks", "open", { MARK_AND_DNAT_BY(MAPPED, "open4", PACKET4) } },
    { "checks", "open", { MARK_AND_DNAT_BY(MAPPED, "open6", PACKET6) } },

    /* likewise, for programs on this machine that use its public address */
    { "dnat_local", "forwards", { DNAT_BY("open4", PACKET4) } },
    { "dnat_local", "forwards", { DNAT_BY("open6", PACKET6) } },

    /* meta l4proto . th dport @responder ct status & dnat == 0 counter drop : without this the
     * responder's own port would be one more open port of the VPS */
    { "input",
      "only through a mapping",
      { IN("responder", L4PROTO, DPORT), MASK_IS(CT_STATUS, IPS_DST_NAT, 0), COUNT, DROP } },
    /* meta l4proto udp th dport 5351 iifname != @tunnel iifname != "lo" counter drop : the PCP
     * server is bound to the tunnel; a port mapper that answers the Internet was VU#184540 */
    { "input",
      "PCP is for devices",
      { UDP, IS(DPORT, ADIT_DATAPLANE_PCP_PORT), NOT_IN("tunnel", IIFNAME),
        NOT_NAME(IIFNAME, "lo"), COUNT, DROP } },

    /* tcp flags syn jump mss : SYN and SYN-ACK. In this chain, for one of its own costs every
     * packet more than the question does */
    { "forward", "opens a connection", { HAS(TCP_FLAGS, SYN), JUMP("mss") } },
    /* ct state established,related accept : the gate has asked already. Nearly every packet is
     * one; nobody else's is refused by that */
    { "forward", "known flows", { HAS(CT_STATE, ESTABLISHED | RELATED), ACCEPT } },
    /* oifname @tunnel ct mark & 0x80000000 == 0x80000000 accept : not `ct status dnat`,
     * which would bless translations of other tables */
    { "forward",
      "mappings",
      { MASK_IS(CT_MARK, MAPPED, MAPPED), IN("tunnel", OIFNAME), ACCEPT } },
    /* iifname != @tunnel oifname != @tunnel accept : what else this host forwards is not ours
     */
    { "forward", "not ours", { NOT_IN("tunnel", IIFNAME), NOT_IN("tunnel", OIFNAME), ACCEPT } },
    /* ct state invalid counter drop */
    { "forward", "no flow", { HAS(CT_STATE, INVALID), COUNT, DROP } },
    /* iifname @tunnel oifname @tunnel ip saddr . ip daddr @same4 accept */
    { "forward",
      "fellow devices",
      { IN("tunnel", IIFNAME), IN("tunnel", OIFNAME), IN("same4", IP_SADDR, IP_DADDR),
        ACCEPT } },
    /* iifname @tunnel oifname @tunnel ip6 saddr . ip6 daddr @same6 accept */
    { "forward",
      "fellow devices",
      { IN("tunnel", IIFNAME), IN("tunnel", OIFNAME), IN("same6", IP6_SADDR, IP6_DADDR),
        ACCEPT } },
    /* iifname @tunnel ip daddr 169.254.0.0/16 counter drop : routers never forward link-local
     * (RFC 3927 section 7), and at a cloud provider it is where the VPS's credentials are */
    { "forward",
      "link-local stays local",
      { IN("tunnel", IIFNAME), IS_NAME(IP_DADDR, "169.254.0.0/16"), COUNT, DROP } },
    /* iifname @tunnel oifname != @tunnel accept : the devices' way out */
    { "forward", "outbound", { IN("tunnel", IIFNAME), NOT_IN("tunnel", OIFNAME), ACCEPT } },
    /* counter : the policy drops: other subnets, and what is not open */
    { "forward", "refused", { COUNT } },

    /* meta l4proto tcp iifname @tunnel tcp option maxseg size set rt mtu : 1420 meets 1500, and
     * routers that drop "fragmentation needed" would make it a black hole */
    { "mss", "fit the tunnel", { TCP, IN("tunnel", IIFNAME), CLAMP_MSS } },
    /* meta l4proto tcp oifname @tunnel tcp option maxseg size set rt mtu */
    { "mss", "fit the tunnel", { TCP, IN("tunnel", OIFNAME), CLAMP_MSS } },

    /* iifname != @tunnel accept : what came in has its source */
    { "snat_out", "not from a device", { NOT_IN("tunnel", IIFNAME), ACCEPT } },
    /* iifname @tunnel oifname @tunnel meta nfproto ipv4 ct status dnat masquerade : a device
     * that reaches itself would get a packet from its own address, and refuse it. In IPv6 its
     * own address never leaves the device. */
    { "snat_out",
      "hairpin",
      { IN("tunnel", IIFNAME), IN("tunnel", OIFNAME), IPV4, HAS(CT_STATUS, IPS_DST_NAT),
        MASQUERADE } },
    /* iifname @tunnel oifname != @tunnel snat ip to iifname . ip saddr map @snat4_host */
    { "snat_out",
      "the device's own address",
      { IN("tunnel", IIFNAME), NOT_IN("tunnel", OIFNAME),
        SNAT_BY("snat4_host", IIFNAME, IP_SADDR) } },
    /* iifname @tunnel oifname != @tunnel snat ip to iifname . ip saddr map @snat4 */
    { "snat_out",
      "the subnet's own address",
      { IN("tunnel", IIFNAME), NOT_IN("tunnel", OIFNAME),
        SNAT_BY("snat4", IIFNAME, IP_SADDR) } },
    /* iifname @tunnel oifname != @tunnel meta nfproto ipv4 masquerade */
    { "snat_out",
      "the VPS's address",
      { IN("tunnel", IIFNAME), NOT_IN("tunnel", OIFNAME), IPV4, MASQUERADE } },

    /* ct mark & 0x80000000 == 0x80000000 ip daddr @most_device4 counter drop : after DNAT, so
     * that the address is the device's */
    { "device_limits",
      "too many connections",
      { MASK_IS(CT_MARK, MAPPED, MAPPED), IN("most_device4", IP_DADDR), COUNT, DROP } },
    { "device_limits",
      "too many connections",
      { MASK_IS(CT_MARK, MAPPED, MAPPED), IN("most_device6", IP6_DADDR), COUNT, DROP } },
};

static const AditNftBlueprint limited = {
    ADIT_DATAPLANE_TABLE, chains, G_N_ELEMENTS(chains), sets,
    G_N_ELEMENTS(sets),   rules,  G_N_ELEMENTS(rules),
};

/* A look at who has a limit costs a new flow two parts of a hundred, also if nobody has one. */
static const AditNftBlueprint unlimited = {
    ADIT_DATAPLANE_TABLE, chains, G_N_ELEMENTS(chains) - LIMITED_CHAINS, sets,
    G_N_ELEMENTS(sets),   rules,  G_N_ELEMENTS(rules) - LIMITED_RULES,
};

const AditNftBlueprint *
adit_dataplane_blueprint(gboolean device_limits)
{
    return device_limits ? &limited : &unlimited;
}
