/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/reply-table.h"

#include "libadit/core/element.h"
#include "libadit/wire/nft-words.h"
#include "policy-routing/forward-table.h"
#include "policy-routing/numbers.h"

/* How an answer finds its way.
 *
 * Arrival. A new flow that comes in by a gateway gets the gateway's slot written on its
 * conntrack entry (chain `arrive`). Packets of its *reply* direction get the slot as their
 * mark, whether they come from a container (prerouting) or a local socket (output, type route:
 * routed anew), and the rule at 1740 sends them back through the tunnel. Packets of its
 * original direction get none: they are on their way to a container or the LAN and must find
 * it.
 *
 * Departure. A new flow that leaves by a gateway gets the slot and CT_OUT. Its *original*
 * direction is marked from then on, so that it stays with its gateway when another is selected.
 *
 * The slot lies in six bits of the mark, and every write touches only those. nftables before
 * kernel 6.13 cannot combine two registers, so a masked write takes its bits from the rule, not
 * from a map: there is a set of links and a rule for each bit, and a gateway is an element in
 * the sets of the bits its slot has.
 *
 * UDP without a connected socket. A service on 0.0.0.0 or :: answers from the address the
 * kernel prefers, which is not the one that was asked; conntrack then sees a new flow. So an
 * input chain learns who asked for which of our addresses, and an output chain before conntrack
 * puts that address back as the source. Conntrack then knows the flow, and what is written
 * above applies. Where conntrack has forgotten it the datagram still has the gateway's source
 * address, and leaves by the rule at 1750. Each answer renews what was learned, so that a
 * service which does all the talking goes on by the way it began.
 *
 * Who could not be learned, because the map is full or the kernel has no room for him at the
 * moment, must not be answered by an uplink, in the clear: the port that was asked is noted,
 * and a flow that would begin from there is held back (chain `output`). What answers a question
 * that came by the uplink is no beginning, and goes.
 *
 * Where main has no way such an answer gets one by lo (plan.c: 32768), for the moment until it
 * has its source. Then a bit that nobody reads has it routed anew, in case its source is what
 * it was; and what answers nobody is routed by a mark that is no gateway's, which fails with
 * the error that there would be without us.
 *
 * The belt. Rules and routes hold by themselves; the belt is for the moment when somebody
 * deleted them. It is a postrouting chain, because an output chain sees the link from before
 * re-routing, and it comes after source NAT, because then addresses are those that leave. */

#define MARK ADIT_MARK_MASK
#define OUTER ADIT_MARK_OUTER
#define CT_OUT ADIT_CT_OUT

#define SLOT_BIT(n) (1u << (ADIT_MARK_SHIFT + (n)))
#define N_SLOT_BITS 6
#define LEARN_S 180
#define LEARN_MAX 16384 /* a flood of false senders fills it; who is new then is lost */
#define LOST_MAX 4096   /* ports of services */

#define UDP4_KEY                                                                               \
    {                                                                                          \
        ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE, ADIT_NFT_INET_SERVICE                       \
    }
#define UDP6_KEY                                                                               \
    {                                                                                          \
        ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_SERVICE, ADIT_NFT_INET_SERVICE                       \
    }
#define LEARNED (ADIT_NFT_TIMEOUT | ADIT_NFT_DYNAMIC)

static const AditNftSet sets[] = {
    /* Links of gateways; and those whose slot has the bit. */
    { "gateway", { ADIT_NFT_IFNAME } },
    { "slot0", { ADIT_NFT_IFNAME } },
    { "slot1", { ADIT_NFT_IFNAME } },
    { "slot2", { ADIT_NFT_IFNAME } },
    { "slot3", { ADIT_NFT_IFNAME } },
    { "slot4", { ADIT_NFT_IFNAME } },
    { "slot5", { ADIT_NFT_IFNAME } },
    /* Who asked (address, port) which port of ours: at which address. */
    { "udp4", UDP4_KEY, { ADIT_NFT_IPV4_ADDR }, LEARNED, LEARN_S, LEARN_MAX },
    { "udp6", UDP6_KEY, { ADIT_NFT_IPV6_ADDR }, LEARNED, LEARN_S, LEARN_MAX },
    /* Ports of ours that somebody asked who could not be learned. */
    { "lost", { ADIT_NFT_INET_SERVICE }, { 0 }, LEARNED, LEARN_S, LOST_MAX },
    /* Our addresses inside tunnels, and the links they may leave by. */
    { "own4", { ADIT_NFT_IPV4_ADDR } },
    { "own6", { ADIT_NFT_IPV6_ADDR } },
    { "home4", { ADIT_NFT_IPV4_ADDR, ADIT_NFT_IFNAME } },
    { "home6", { ADIT_NFT_IPV6_ADDR, ADIT_NFT_IFNAME } },
    /* Links with a default route in main, and those closed because a gateway is selected. */
    { "uplink", { ADIT_NFT_IFNAME } },
    { "closed4", { ADIT_NFT_IFNAME } },
    { "closed6", { ADIT_NFT_IFNAME } },
    /* What may leave by a closed one. */
    { "lan4", { ADIT_NFT_IFNAME, ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_INTERVAL },
    { "lan6", { ADIT_NFT_IFNAME, ADIT_NFT_IPV6_ADDR }, .flags = ADIT_NFT_INTERVAL },
    /* Ports of name servers, which are asked through the selected gateway and nowhere else. */
    { "names", { ADIT_NFT_IFNAME, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE } },
};

static const AditNftChain chains[] = {
    { "arrive" }, /* the slot of the link it came by, onto the flow */
    { "depart" }, /* the slot of the link it leaves by */
    { "restore" },
    { "misfit" },
    { "answered" },
    { "prerouting", "filter", NF_INET_PRE_ROUTING, ADIT_NFT_PRI_RESTORE },
    { "learn", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER },
    { "answer", "route", NF_INET_LOCAL_OUT, ADIT_NFT_PRI_ANSWER },
    { "output", "route", NF_INET_LOCAL_OUT, ADIT_NFT_PRI_RESTORE },
    { "postrouting", "filter", NF_INET_POST_ROUTING, ADIT_NFT_PRI_RESTORE },
    { "belt", "filter", NF_INET_POST_ROUTING, ADIT_NFT_PRI_BELT },
};

/* iifname @slot0 ct mark set ct mark | 0x01000000, and so on */
#define ARRIVE(n)                                                                              \
    {                                                                                          \
        "arrive", "slot bit " #n,                                                              \
        {                                                                                      \
            IN("slot" #n, IIFNAME), BITS(CT_MARK, SLOT_BIT(n), SLOT_BIT(n))                    \
        }                                                                                      \
    }
/* oifname @slot0 ct mark set ct mark | 0x01000000 */
#define DEPART(n)                                                                              \
    {                                                                                          \
        "depart", "slot bit " #n,                                                              \
        {                                                                                      \
            IN("slot" #n, OIFNAME), BITS(CT_MARK, SLOT_BIT(n), SLOT_BIT(n))                    \
        }                                                                                      \
    }
/* ct mark & 0x01000000 == 0x01000000 meta mark set meta mark | 0x01000000 : only ever adds
 * bits, so whoever jumps here has made sure that there are none */
#define RESTORE(n)                                                                             \
    {                                                                                          \
        "restore", "slot bit " #n,                                                             \
        {                                                                                      \
            MASK_IS(CT_MARK, SLOT_BIT(n), SLOT_BIT(n)),                                        \
                BITS(META_MARK, SLOT_BIT(n), SLOT_BIT(n))                                      \
        }                                                                                      \
    }
/* meta mark & 0x01000000 == 0x01000000 oifname != @slot0 counter drop, and the reverse: the
 * mark is not that of the link. An uplink is in none of the sets. */
#define MISFIT(n)                                                                              \
    { "misfit",                                                                                \
      "mark of another link",                                                                  \
      { MASK_IS(META_MARK, SLOT_BIT(n), SLOT_BIT(n)), NOT_IN("slot" #n, OIFNAME), COUNT,       \
        DROP } },                                                                              \
    {                                                                                          \
        "misfit", "mark of another link",                                                      \
        {                                                                                      \
            MASK_IS(META_MARK, SLOT_BIT(n), 0), IN("slot" #n, OIFNAME), COUNT, DROP            \
        }                                                                                      \
    }

static const AditNftRule reply_rules[] = {
    ARRIVE(0),
    ARRIVE(1),
    ARRIVE(2),
    ARRIVE(3),
    ARRIVE(4),
    ARRIVE(5),
    DEPART(0),
    DEPART(1),
    DEPART(2),
    DEPART(3),
    DEPART(4),
    DEPART(5),
    RESTORE(0),
    RESTORE(1),
    RESTORE(2),
    RESTORE(3),
    RESTORE(4),
    RESTORE(5),
    MISFIT(0),
    MISFIT(1),
    MISFIT(2),
    MISFIT(3),
    MISFIT(4),
    MISFIT(5),

    /* meta mark & 0x3f000000 != 0 meta mark set meta mark & 0xc0ffffff : NetworkManager >= 1.54
     * has put the conntrack mark on all incoming UDP. On a packet to a container that would
     * send it back where it came from. What the flow says is restored below. */
    { "prerouting",
      "decided here",
      { MASK_NOT(META_MARK, MARK, 0), BITS(META_MARK, MARK, 0) } },
    /* iifname @gateway ct state new ct mark & 0x3f000000 == 0 jump arrive */
    { "prerouting",
      "arrives by a gateway",
      { IN("gateway", IIFNAME), HAS(CT_STATE, NEW), MASK_IS(CT_MARK, MARK, 0),
        JUMP("arrive") } },
    /* ct direction reply ct mark & 0x3f000000 != 0 ct mark & 0x40000000 == 0 jump restore */
    { "prerouting",
      "answer of a container",
      { IS(CT_DIRECTION, REPLY), MASK_NOT(CT_MARK, MARK, 0), MASK_IS(CT_MARK, CT_OUT, 0),
        JUMP("restore") } },
    /* ct direction original ct mark & 0x40000000 == 0x40000000 jump restore */
    { "prerouting",
      "stays with its gateway",
      { IS(CT_DIRECTION, ORIGINAL), MASK_IS(CT_MARK, CT_OUT, CT_OUT), JUMP("restore") } },

    /* iifname != @gateway meta l4proto udp ct direction original
     * delete @udp4 { ip saddr . th sport . th dport : ip daddr }
     * : who asks by an uplink now is answered by that one */
    { "learn",
      "asked by another way",
      { NOT_IN("gateway", IIFNAME), UDP, IS(CT_DIRECTION, ORIGINAL),
        FORGET("udp4", IP_DADDR, IP_SADDR, SPORT, DPORT) } },
    { "learn",
      "asked by another way",
      { NOT_IN("gateway", IIFNAME), UDP, IS(CT_DIRECTION, ORIGINAL),
        FORGET("udp6", IP6_DADDR, IP6_SADDR, SPORT, DPORT) } },
    /* iifname @gateway meta l4proto udp ct status & confirmed == 0 delete @udp4 ...
     * : by another gateway, perhaps; the kernel does not change what an entry says. With the
     * first packet of a flow only: what is deleted keeps its place for a second more, and with
     * some 16 of the same key in one row, as a burst leaves them that nobody has answered yet
     * (ct state new), the kernel takes no other. */
    { "learn",
      "asked anew",
      { IN("gateway", IIFNAME), UDP, MASK_IS(CT_STATUS, IPS_CONFIRMED, 0),
        FORGET("udp4", IP_DADDR, IP_SADDR, SPORT, DPORT) } },
    { "learn",
      "asked anew",
      { IN("gateway", IIFNAME), UDP, MASK_IS(CT_STATUS, IPS_CONFIRMED, 0),
        FORGET("udp6", IP6_DADDR, IP6_SADDR, SPORT, DPORT) } },
    /* iifname @gateway ct direction reply return */
    { "learn",
      "answers our own question",
      { IN("gateway", IIFNAME), IS(CT_DIRECTION, REPLY), RETURN } },
    /* iifname @gateway meta l4proto udp fib daddr type local
     * update @udp4 { ip saddr . th sport . th dport : ip daddr } return : each packet renews
     * it; no multicast, which is nobody's source. What was not learned goes on. */
    { "learn",
      "who asked at which address",
      { IN("gateway", IIFNAME), UDP, IS(FIB_DADDR_TYPE, RTN_LOCAL),
        LEARN("udp4", IP_DADDR, IP_SADDR, SPORT, DPORT), RETURN } },
    { "learn",
      "who asked at which address",
      { IN("gateway", IIFNAME), UDP, IS(FIB_DADDR_TYPE, RTN_LOCAL),
        LEARN("udp6", IP6_DADDR, IP6_SADDR, SPORT, DPORT), RETURN } },
    /* iifname @gateway meta l4proto udp fib daddr type local update @lost { th dport } return
     * : a service that answers with the right source by itself loses nothing */
    { "learn",
      "could not be learned",
      { IN("gateway", IIFNAME), UDP, IS(FIB_DADDR_TYPE, RTN_LOCAL), NOTE("lost", DPORT),
        RETURN } },
    /* iifname @gateway meta l4proto udp fib daddr type local counter drop */
    { "learn",
      "could not even be noted",
      { IN("gateway", IIFNAME), UDP, IS(FIB_DADDR_TYPE, RTN_LOCAL), COUNT, DROP } },

    /* meta mark & 0x3f000000 == 0x3f000000 return */
    { "answer", "outer packets", { MASK_IS(META_MARK, MARK, OUTER), RETURN } },
    /* meta l4proto udp ip saddr set ip daddr . th dport . th sport map @udp4 goto answered */
    { "answer",
      "from the address that was asked",
      { UDP, WRITE(IP_SADDR, "udp4", IP_DADDR, DPORT, SPORT), GOTO("answered") } },
    { "answer",
      "from the address that was asked",
      { UDP, WRITE(IP6_SADDR, "udp6", IP6_DADDR, DPORT, SPORT), GOTO("answered") } },
    /* oifname lo meta l4proto udp fib daddr type unicast meta mark set 0x1e000000 */
    { "answer",
      "answers nobody",
      { IS_NAME(OIFNAME, "lo"), UDP, IS(FIB_DADDR_TYPE, RTN_UNICAST),
        BITS(META_MARK, MARK, ADIT_MARK_NOBODY) } },
    /* update @udp4 { ip daddr . th dport . th sport : ip saddr } */
    { "answered", "renewed", { LEARN("udp4", IP_SADDR, IP_DADDR, DPORT, SPORT) } },
    { "answered", "renewed", { LEARN("udp6", IP6_SADDR, IP6_DADDR, DPORT, SPORT) } },
    /* oifname lo meta mark set meta mark | 0x40000000 */
    { "answered",
      "by another link",
      { IS_NAME(OIFNAME, "lo"), BITS(META_MARK, ADIT_MARK_ANEW, ADIT_MARK_ANEW) } },

    /* oifname lo meta l4proto udp meta mark & 0x40000000 == 0x40000000 ... */
    { "output",
      "is routed anew",
      { IS_NAME(OIFNAME, "lo"), UDP, MASK_IS(META_MARK, ADIT_MARK_ANEW, ADIT_MARK_ANEW),
        BITS(META_MARK, ADIT_MARK_ANEW, 0) } },

    /* meta mark & 0x3f000000 != 0 return : outer packets, and sockets that chose (SO_MARK) */
    { "output", "chosen already", { MASK_NOT(META_MARK, MARK, 0), RETURN } },
    /* ct direction reply ct mark & 0x3f000000 != 0 ct mark & 0x40000000 == 0 jump restore */
    { "output",
      "answer of this machine",
      { IS(CT_DIRECTION, REPLY), MASK_NOT(CT_MARK, MARK, 0), MASK_IS(CT_MARK, CT_OUT, 0),
        JUMP("restore") } },
    /* ct direction original ct mark & 0x40000000 == 0x40000000 jump restore */
    { "output",
      "stays with its gateway",
      { IS(CT_DIRECTION, ORIGINAL), MASK_IS(CT_MARK, CT_OUT, CT_OUT), JUMP("restore") } },
    /* oifname @uplink meta l4proto udp ct state new th sport @lost counter drop : and by
     * another gateway, which is selected; by his own it is no new flow */
    { "output",
      "perhaps an answer to whom was not learned",
      { IN("uplink", OIFNAME), UDP, HAS(CT_STATE, NEW), IN("lost", SPORT), COUNT, DROP } },
    { "output",
      "perhaps an answer to whom was not learned",
      { IN("gateway", OIFNAME), UDP, HAS(CT_STATE, NEW), IN("lost", SPORT), COUNT, DROP } },

    /* oifname @gateway ct state new ct direction original ct mark & 0x3f000000 == 0
     * ct mark set ct mark | 0x40000000 jump depart */
    { "postrouting",
      "leaves by a gateway",
      { IN("gateway", OIFNAME), HAS(CT_STATE, NEW), IS(CT_DIRECTION, ORIGINAL),
        MASK_IS(CT_MARK, MARK, 0), BITS(CT_MARK, CT_OUT, CT_OUT), JUMP("depart") } },

    /* meta mark & 0x3f000000 == 0x3f000000 accept */
    { "belt", "outer packets", { MASK_IS(META_MARK, MARK, OUTER), ACCEPT } },
    /* oifname != @uplink oifname != @gateway accept : lo, bridges, containers */
    { "belt",
      "stays in the house",
      { NOT_IN("uplink", OIFNAME), NOT_IN("gateway", OIFNAME), ACCEPT } },
    /* ip saddr @own4 ip saddr . oifname != @home4 counter drop : selected or not */
    { "belt",
      "address of another link",
      { IN("own4", IP_SADDR), NOT_IN("home4", IP_SADDR, OIFNAME), COUNT, DROP } },
    { "belt",
      "address of another link",
      { IN("own6", IP6_SADDR), NOT_IN("home6", IP6_SADDR, OIFNAME), COUNT, DROP } },
    /* meta mark & 0x3f000000 != 0 jump misfit : selected or not */
    { "belt", "mark of another link", { MASK_NOT(META_MARK, MARK, 0), JUMP("misfit") } },
    /* meta nfproto ipv4 oifname != @closed4 accept : a tunnel, or no gateway is selected */
    { "belt", "not closed", { IPV4, NOT_IN("closed4", OIFNAME), ACCEPT } },
    { "belt", "not closed", { IPV6, NOT_IN("closed6", OIFNAME), ACCEPT } },
};

/* What passes a closed uplink; before these stand the marks that the admin lets pass. */
static const AditNftRule open_rules[] = {
    /* oifname . meta l4proto . th dport @names counter drop : though the resolver of the LAN is
     * near; when the tunnel's link goes it is whom a resolver here falls back to */
    { "belt", "a name for the LAN", { IN("names", OIFNAME, L4PROTO, DPORT), COUNT, DROP } },
    /* oifname . ip daddr @lan4 accept */
    { "belt", "the LAN", { IN("lan4", OIFNAME, IP_DADDR), ACCEPT } },
    { "belt", "the LAN", { IN("lan6", OIFNAME, IP6_DADDR), ACCEPT } },
    /* meta l4proto udp meta nfproto ipv4 th sport 68 th dport 67 accept : the lease of the
     * uplink itself, renewed by unicast to a server anywhere */
    { "belt", "DHCP", { IPV4, UDP, IS(SPORT, 68), IS(DPORT, 67), ACCEPT } },
    { "belt", "DHCPv6", { IPV6, UDP, IS(SPORT, 546), IS(DPORT, 547), ACCEPT } },
    /* icmpv6 type 133-137 accept; icmpv6 type 143 accept; meta l4proto igmp accept : without
     * neighbour discovery and group reports there is no uplink */
    { "belt", "neighbour discovery", { BETWEEN(ICMPV6_TYPE, 133, 137), ACCEPT } },
    { "belt", "MLD reports", { IS(ICMPV6_TYPE, 143), ACCEPT } },
    { "belt", "IGMP", { IPV4, IS(L4PROTO, IPPROTO_IGMP), ACCEPT } },
};

/* Never routed beyond the link; in strict mode the list says even this. */
static const AditNftRule lan_rules[] = {
    /* ip daddr 169.254.0.0/16 accept, and its fellows */
    { "belt", "link-local", { IS_NAME(IP_DADDR, "169.254.0.0/16"), ACCEPT } },
    { "belt", "link-local", { IS_NAME(IP6_DADDR, "fe80::/10"), ACCEPT } },
    { "belt", "multicast", { IS_NAME(IP_DADDR, "224.0.0.0/4"), ACCEPT } },
    { "belt", "multicast", { IS_NAME(IP6_DADDR, "ff00::/8"), ACCEPT } },
    /* fib daddr type broadcast accept : of the LAN, and 255.255.255.255 */
    { "belt", "broadcast", { IS(FIB_DADDR_TYPE, RTN_BROADCAST), ACCEPT } },
};

/* counter drop : everything else that would leave by a closed uplink */
static const AditNftRule last_rule = { "belt", "would leak", { COUNT, DROP } };

AditNftBlueprint *
adit_reply_table_new(const AditReplyOptions *options)
{
    AditNftBlueprint *bp = g_new0(AditNftBlueprint, 1);
    GArray *all_sets = g_array_new(FALSE, FALSE, sizeof(AditNftSet));
    GArray *all_chains = g_array_new(FALSE, FALSE, sizeof(AditNftChain));
    GArray *rules = g_array_new(FALSE, FALSE, sizeof(AditNftRule));

    g_array_append_vals(all_sets, sets, G_N_ELEMENTS(sets));
    g_array_append_vals(all_chains, chains, G_N_ELEMENTS(chains));
    g_array_append_vals(rules, reply_rules, G_N_ELEMENTS(reply_rules));
    adit_forward_table_append(all_sets, all_chains, rules);
    for (guint i = 0; i < options->n_bypass; i++) {
        const AditBypassMark *b = &options->bypass[i];
        const AditNftRule rule = { "belt",
                                   "bypass mark",
                                   { MASK_IS(META_MARK, b->mask, b->mark), ACCEPT } };

        g_array_append_val(rules, rule);
    }
    g_array_append_vals(rules, open_rules, G_N_ELEMENTS(open_rules));
    if (!options->strict)
        g_array_append_vals(rules, lan_rules, G_N_ELEMENTS(lan_rules));
    g_array_append_val(rules, last_rule);

    bp->table = ADIT_REPLY_TABLE;
    bp->n_chains = all_chains->len;
    bp->chains = (AditNftChain *)(gpointer)g_array_free(all_chains, FALSE);
    bp->n_sets = all_sets->len;
    bp->sets = (AditNftSet *)(gpointer)g_array_free(all_sets, FALSE);
    bp->n_rules = rules->len;
    bp->rules = (AditNftRule *)(gpointer)g_array_free(rules, FALSE);
    return bp;
}

void
adit_reply_table_free(AditNftBlueprint *bp)
{
    if (bp == NULL)
        return;
    g_free((gpointer)bp->chains);
    g_free((gpointer)bp->sets);
    g_free((gpointer)bp->rules);
    g_free(bp);
}

static void
add_name(AditState *state, const char *set, const char *ifname)
{
    AditElement e = adit_element_make(set);

    adit_element_key_ifname(&e, ifname);
    adit_state_add_element(state, &e);
}

static void
add_own_address(AditState *state, const char *ifname, const AditAddr *addr)
{
    const gboolean v6 = addr->family == AF_INET6;
    AditElement own = adit_element_make(v6 ? "own6" : "own4");
    AditElement home = adit_element_make(v6 ? "home6" : "home4");

    adit_element_key_addr(&own, addr);
    adit_element_key_addr(&home, addr);
    adit_element_key_ifname(&home, ifname);
    adit_state_add_element(state, &own);
    adit_state_add_element(state, &home);
}

void
adit_reply_table_add_gateway(AditState *state, const AditGateway *gateway)
{
    static const char *const bits[N_SLOT_BITS] = { "slot0", "slot1", "slot2",
                                                   "slot3", "slot4", "slot5" };

    add_name(state, "gateway", gateway->link);
    for (guint i = 0; i < N_SLOT_BITS; i++)
        if ((adit_gateway_mark(gateway) & SLOT_BIT(i)) != 0)
            add_name(state, bits[i], gateway->link);
    for (guint i = 0; i < gateway->n_addresses; i++)
        add_own_address(state, gateway->link, &gateway->addresses[i]);
}

void
adit_reply_table_add_uplink(AditState *state, const char *ifname, gboolean closed4,
                            gboolean closed6)
{
    add_name(state, "uplink", ifname);
    if (closed4)
        add_name(state, "closed4", ifname);
    if (closed6)
        add_name(state, "closed6", ifname);
}

void
adit_reply_table_add_names(AditState *state, const char *ifname)
{
    static const struct {
        guint8 protocol;
        guint16 port;
    } ways[] = { { IPPROTO_UDP, 53 }, { IPPROTO_TCP, 53 }, { IPPROTO_TCP, 853 } };

    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        AditElement e = adit_element_make("names");

        adit_element_key_ifname(&e, ifname);
        adit_element_key_proto(&e, ways[i].protocol);
        adit_element_key_port(&e, ways[i].port);
        adit_state_add_element(state, &e);
    }
}

void
adit_reply_table_add_lan(AditState *state, const char *ifname, const AditPrefix *prefix)
{
    AditElement e = adit_element_make(prefix->addr.family == AF_INET6 ? "lan6" : "lan4");
    AditElement last = e;

    adit_element_key_ifname(&e, ifname);
    adit_element_key_ifname(&last, ifname);
    adit_element_key_prefix(&e, &last, prefix);
    adit_element_join(&e, &last);
    adit_state_add_element(state, &e);
}
