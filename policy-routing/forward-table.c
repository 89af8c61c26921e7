/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/forward-table.h"

#include "libadit/core/element.h"
#include "libadit/wire/nft-words.h"
#include "policy-routing/numbers.h"

/* Only what arrives by a gateway is led on, and only what is asked at this machine's address
 * there, so that nothing changes for the LAN and for programs here. The answer's way back is
 * reply-table.c's business: to it this is one more flow that arrived by a gateway. */

static const AditNftSet sets[] = {
    { "to4",
      { ADIT_NFT_IFNAME, ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE },
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE } },
    { "to6",
      { ADIT_NFT_IFNAME, ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE },
      { ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_SERVICE } },
    /* Targets that are to see this machine, not the visitor. */
    { "hide4", { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE } },
    { "hide6", { ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE } },
    /* Who may come to which network here without its knowing the way back. */
    { "share4", { ADIT_NFT_IPV4_ADDR, ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_INTERVAL },
    { "share6", { ADIT_NFT_IPV6_ADDR, ADIT_NFT_IPV6_ADDR }, .flags = ADIT_NFT_INTERVAL },
};

static const AditNftChain chains[] = {
    { "lead", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
    { "hide", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
};

/* ct mark & 0x3f000000 != 0 ct mark & 0x40000000 == 0 */
#define ARRIVED MASK_NOT(CT_MARK, ADIT_MARK_MASK, 0), MASK_IS(CT_MARK, ADIT_CT_OUT, 0)

static const AditNftRule rules[] = {
    /* dnat ip to iifname . ip daddr . meta l4proto . th dport map @to4 */
    { "lead", "published for another", { DNAT_BY("to4", IIFNAME, IP_DADDR, L4PROTO, DPORT) } },
    { "lead", "published for another", { DNAT_BY("to6", IIFNAME, IP6_DADDR, L4PROTO, DPORT) } },
    /* <arrived by a gateway> ip daddr . meta l4proto . th dport @hide4 masquerade */
    { "hide",
      "the target answers us",
      { ARRIVED, IN("hide4", IP_DADDR, L4PROTO, DPORT), MASQUERADE } },
    { "hide",
      "the target answers us",
      { ARRIVED, IN("hide6", IP6_DADDR, L4PROTO, DPORT), MASQUERADE } },
    /* <arrived by a gateway> ip saddr . ip daddr @share4 masquerade */
    { "hide",
      "a shared network answers us",
      { ARRIVED, IN("share4", IP_SADDR, IP_DADDR), MASQUERADE } },
    { "hide",
      "a shared network answers us",
      { ARRIVED, IN("share6", IP6_SADDR, IP6_DADDR), MASQUERADE } },
};

void
adit_forward_table_append(GArray *all_sets, GArray *all_chains, GArray *all_rules)
{
    g_array_append_vals(all_sets, sets, G_N_ELEMENTS(sets));
    g_array_append_vals(all_chains, chains, G_N_ELEMENTS(chains));
    g_array_append_vals(all_rules, rules, G_N_ELEMENTS(rules));
}

void
adit_forward_table_add(AditState *state, const AditForward *forward)
{
    const gboolean v6 = forward->own.family == AF_INET6;
    AditElement to = adit_element_make(v6 ? "to6" : "to4");
    AditElement hide = adit_element_make(v6 ? "hide6" : "hide4");

    adit_element_key_ifname(&to, forward->link);
    adit_element_key_addr(&to, &forward->own);
    adit_element_key_proto(&to, forward->protocol);
    adit_element_key_port(&to, forward->port);
    adit_element_data_addr(&to, &forward->to.addr);
    adit_element_data_port(&to, forward->to.port);
    adit_state_add_element(state, &to);
    if (!forward->hide)
        return;
    adit_element_key_addr(&hide, &forward->to.addr);
    adit_element_key_proto(&hide, forward->protocol);
    adit_element_key_port(&hide, forward->to.port);
    adit_state_add_element(state, &hide);
}

void
adit_forward_table_add_share(AditState *state, const AditPrefix *from, const AditPrefix *to)
{
    AditElement e = adit_element_make(to->addr.family == AF_INET6 ? "share6" : "share4");
    AditElement last = e;

    adit_element_key_prefix(&e, &last, from);
    adit_element_key_prefix(&e, &last, to);
    adit_element_join(&e, &last);
    adit_state_add_element(state, &e);
}
