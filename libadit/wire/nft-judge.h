/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <libmnl/libmnl.h>

/* What a rule of somebody else's does with the first packet of a connection, as far as its
 * bytes and what we know of the packet tell. Where they do not tell, it says so: "drops" is a
 * claim about every such packet. */

typedef struct {
    guint8 nfproto;   /* NFPROTO_IPV4, NFPROTO_IPV6; 0: not known */
    guint8 proto;     /* IPPROTO_TCP, IPPROTO_UDP */
    guint16 port;     /* it is for */
    const char *link; /* it came in by; NULL: not known */
    guint32 index;    /* of that link; 0: not known */
} AditNftPacket;

typedef enum {
    ADIT_NFT_NO,
    ADIT_NFT_YES,
    ADIT_NFT_WHO_KNOWS,
} AditNftAnswer;

/* Whether a set or map of the rule's table has this key. */
typedef AditNftAnswer (*AditNftHas)(const char *set, gconstpointer key, gsize len,
                                    gpointer data);

typedef enum {
    ADIT_NFT_FATE_NEXT, /* the next rule is asked */
    ADIT_NFT_FATE_ACCEPT,
    ADIT_NFT_FATE_DROP, /* reject is one, too */
    ADIT_NFT_FATE_JUMP,
    ADIT_NFT_FATE_GOTO,
    ADIT_NFT_FATE_RETURN,
    ADIT_NFT_FATE_UNKNOWN, /* it may leave the chain here */
} AditNftFate;

/* @exprs: NFTA_RULE_EXPRESSIONS. @ret_chain: of a jump or goto, inside of @exprs. */
AditNftFate adit_nft_judge(const struct nlattr *exprs, const AditNftPacket *packet,
                           AditNftHas has, gpointer data, const char **ret_chain);
