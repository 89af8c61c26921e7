/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"
#include "libadit/core/state.h"
#include "tunnel-server/model.h"

#define ADIT_SERVER_LINK "adit0"

/* What the VPS looks like without us. */
typedef struct {
    char wan[ADIT_NAME_LEN]; /* the interface of the default route */
    AditPrefix
        *wan_prefixes; /* its addresses with their length: own addresses and on-link nets */
    guint n_wan_prefixes;
    guint n_deprecated; /* of them, at the end: of networks that are going away (IPv6) */
    AditAddr router6;   /* the next one, on the WAN; unset: none is known */
} AditServerFacts;

/* The first IPv4 address of the WAN; unset: none. */
AditAddr adit_server_facts_wan4(const AditServerFacts *facts);
gboolean adit_server_facts_is_on_link(const AditServerFacts *facts, const AditAddr *addr);
/* Who has @addr outside of the tunnel, in words; NULL: nobody that we know of. */
const char *adit_server_facts_holder(const AditServerFacts *facts, const AditAddr *addr);
/* The router does not count: nothing that is in the kernel depends on it. */
gboolean adit_server_facts_equal(const AditServerFacts *a, const AditServerFacts *b);
void adit_server_facts_clear(AditServerFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditServerFacts, adit_server_facts_clear)

/* The IPv4 address that @device has outside: its own, its subnet's, or the WAN's. */
AditAddr adit_server_outside(const AditModel *model, const AditDeviceEntry *device,
                             const AditServerFacts *facts);
/* Where adit-redirect listens for the devices of @subnet: its own address in the tunnel. */
AditSockAddr adit_server_responder(const AditSubnet *subnet, guint8 family);

/* Of a settled model, sealed: the elements of our nft table (plan-ports.c), */
/* UDP ports by which WireGuard is reached as well, added to @want. */
void adit_server_add_spare(AditState *want, const AditModel *model,
                           const AditServerFacts *facts, const AditPortList *spare);
AditState *adit_server_plan_ports(const AditModel *model, const AditServerFacts *facts);
/* the same, added to @want (unsealed), where leases of devices are already, */
void adit_server_add_ports(AditState *want, const AditModel *model,
                           const AditServerFacts *facts);
/* and the rest: link, peers, addresses, routes, proxy neighbours, sysctls. */
AditState *adit_server_plan_rest(const AditModel *model, const AditServerFacts *facts);
/* From one model to the next: both plans without what devices, or publications, at the begin
 * and the end of their lists have in common. The difference is that of the whole plans, and a
 * change of one costs as much as one. The rest, sealed: */
void adit_server_plan_step(const AditModel *had, const AditModel *want,
                           const AditServerFacts *facts, AditState **ret_had,
                           AditState **ret_want);
/* and the ports, added to what is there already: */
void adit_server_add_ports_step(AditState *ret_had, AditState *ret_want, const AditModel *had,
                                const AditModel *want, const AditServerFacts *facts);
