/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* What a rule can look at, and the types a set is keyed with. */

typedef enum {
    ADIT_NFT_NO_TYPE,
    ADIT_NFT_IPV4_ADDR,
    ADIT_NFT_IPV6_ADDR,
    ADIT_NFT_INET_PROTO,
    ADIT_NFT_INET_SERVICE,
    ADIT_NFT_IFNAME,
    ADIT_NFT_MARK,
} AditNftType;

typedef struct {
    const char *text;
    guint32 id; /* nft's own number, by which it knows how to print a set */
    guint len;  /* before padding to 4 */
    gboolean host_order;
} AditNftTypeInfo;

typedef enum {
    ADIT_NFT_NO_FIELD,
    ADIT_NFT_IIFNAME,
    ADIT_NFT_OIFNAME,
    ADIT_NFT_NFPROTO,
    ADIT_NFT_L4PROTO,
    ADIT_NFT_META_MARK,
    ADIT_NFT_CT_STATE,
    ADIT_NFT_CT_STATUS,
    ADIT_NFT_CT_DIRECTION,
    ADIT_NFT_CT_MARK,
    ADIT_NFT_CT_IP_DADDR,  /* of the original direction: as the flow's first packet had it */
    ADIT_NFT_CT_IP6_DADDR, /* likewise */
    ADIT_NFT_CT_DPORT,     /* likewise */
    ADIT_NFT_IP_SADDR,
    ADIT_NFT_IP_DADDR,
    ADIT_NFT_IP6_SADDR,
    ADIT_NFT_IP6_DADDR,
    ADIT_NFT_SPORT, /* of any transport that begins with ports */
    ADIT_NFT_DPORT,
    ADIT_NFT_TCP_FLAGS,
    ADIT_NFT_ICMPV6_TYPE,
    ADIT_NFT_FIB_DADDR_TYPE,
} AditNftField;

typedef enum {
    ADIT_NFT_LOAD_META,
    ADIT_NFT_LOAD_CT,
    ADIT_NFT_LOAD_CT_ORIGINAL,
    ADIT_NFT_LOAD_NETWORK,
    ADIT_NFT_LOAD_TRANSPORT,
    ADIT_NFT_LOAD_FIB,
} AditNftLoad;

typedef struct {
    const char *text;
    AditNftLoad load;
    guint32 at; /* the kernel's key, or the offset in the header */
    guint len;
    guint8 family; /* the rule first asks for NFPROTO_IPV4 or _IPV6; 0: any */
    guint8 proto;  /* and for this transport; 0: any */
    gboolean host_order;
} AditNftFieldInfo;

const AditNftTypeInfo *adit_nft_type_info(AditNftType type);
const AditNftFieldInfo *adit_nft_field_info(AditNftField field);
/* The word for a value where nft has one ("established", "reply"), else NULL. */
const char *adit_nft_field_word(AditNftField field, guint32 value);
