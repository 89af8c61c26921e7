/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"
#include "libadit/core/state.h"

/* An enrolled tunnel server as the planner sees it. */

typedef enum {
    ADIT_GUARD_BLACKHOLE,   /* drops in silence */
    ADIT_GUARD_UNREACHABLE, /* applications get EHOSTUNREACH at once */
} AditGuardAction;

/* Packet marks of somebody else that may pass the belt (a second VPN). */
typedef struct {
    guint32 mark, mask;
} AditBypassMark;

typedef struct {
    char *name;
    guint slot; /* ADIT_SLOT_MIN..MAX, stable for its life */
    char link[ADIT_NAME_LEN];
    gboolean link_up;
    AditAddr *addresses; /* ours inside the tunnel */
    guint n_addresses;
    AditPrefix *subnets; /* the server and fellow devices, and networks behind them */
    guint n_subnets;
    AditAddr servers[2]; /* of each family, [0] IPv4, [1] IPv6; unset: none known */
    AditPrefix *routes;  /* unicast routes of its table */
    guint n_routes;
    gboolean selected[2]; /* the default outbound of [0] IPv4, [1] IPv6 */
    AditAddr *dns;
    guint n_dns;
    char **search;     /* its own domains; NULL-terminated, or NULL */
    gboolean dns_told; /* somebody here can be told whom to ask: resolved, or the manager */
} AditGateway;

/* What a profile says of its gateway. @link_up FALSE: only the guard is planned. */
AditGateway *adit_gateway_from_profile(const char *name, guint slot, const char *link,
                                       const AditProfile *profile);
guint32 adit_gateway_table(const AditGateway *gateway);
guint32 adit_gateway_mark(const AditGateway *gateway);
gboolean adit_gateway_slot_is_valid(guint slot);
void adit_gateway_free(AditGateway *gateway);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditGateway, adit_gateway_free)
