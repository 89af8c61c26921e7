/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/marker.h" /* ADIT_TABLE_BASE, ADIT_MARK_OUTER */
#include "libadit/core/state.h"  /* ADIT_RTPROT, the tag on every route and rule */

/* Every number of the client's data path, once (DESIGN.md section 3). All marks stay below
 * 2^31, because GNOME and NetworkManager read them as signed. */

#define ADIT_SLOT_MIN 1
#define ADIT_SLOT_MAX 62
#define ADIT_SLOT_MULLVAD 0x2d /* 0x6d6f6c65 through our mask */
#define ADIT_SLOT_APPMESH 0x1e /* 0x1e7700ce through our mask */

#define ADIT_MARK_SHIFT 24
#define ADIT_MARK_MASK 0x3f000000u
/* No gateway has it. */
#define ADIT_MARK_NOBODY ((guint32)ADIT_SLOT_APPMESH << ADIT_MARK_SHIFT)
#define ADIT_MARK_ANEW 0x40000000u /* between two chains: have the route looked up anew */
#define ADIT_CT_OUT 0x40000000u    /* on a conntrack entry: the flow left by the gateway */

/* Priorities of the nftables chains. */
#define ADIT_NFT_PRI_ANSWER (-250)  /* before conntrack at -200 */
#define ADIT_NFT_PRI_RESTORE (-145) /* behind NetworkManager >= 1.54 at -150 */
#define ADIT_NFT_PRI_BELT 150       /* behind source NAT at 100: addresses as they leave */

/* Rule priorities; each terminal rule stands right behind its lookup. */
#define ADIT_PREF_OUTER 1730
#define ADIT_PREF_MARK 1740
#define ADIT_PREF_CLASH 1745
#define ADIT_PREF_SOURCE_LOCAL 1748
#define ADIT_PREF_SOURCE 1750
#define ADIT_PREF_LINK 1753
#define ADIT_PREF_SUBNET 1755
#define ADIT_PREF_LOCAL 20060
#define ADIT_PREF_DEFAULT 20070
#define ADIT_PREF_ANSWER 32768 /* behind the kernel's own main and default */

#define ADIT_TABLE_ANSWER ADIT_TABLE_BASE /* as of slot 0, which no gateway has */

#define ADIT_METRIC_GUARD 0xffffffffu /* behind every unicast route of the table */
#define ADIT_METRIC_ROUTE 1024        /* the one value both families take as written */
#define ADIT_METRIC_MANAGER 512       /* of those that a network manager keeps there */
