/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft-field.h"

/* The blueprint of an nftables table: chains, sets and rules as constant data.
 *
 * A rule is a row of statements, each one small value; libadit/wire/nft-words.h has the words
 * to write them, so that a rule reads like its nft(8) sentence. The same data has three
 * interpretations: netlink messages (nft-table.c, nft-rule.c), the text of `nft -f`
 * (nft-text.c), and the shape by which a table in the kernel is recognised (nft-shape.c).
 *
 * Rules never change while the program runs; what changes are the elements of the sets. */

typedef enum {
    ADIT_NFT_END,      /* ends a row */
    ADIT_NFT_IS,       /* field == value, or the address, prefix or name in .name */
    ADIT_NFT_NOT,      /* field != ... */
    ADIT_NFT_BETWEEN,  /* .mask <= field <= .value */
    ADIT_NFT_HAS,      /* field & mask != 0: one of these flags */
    ADIT_NFT_MASK_IS,  /* field & mask == value */
    ADIT_NFT_MASK_NOT, /* field & mask != value */
    ADIT_NFT_IN,       /* the fields together are a key of the set */
    ADIT_NFT_NOT_IN,
    ADIT_NFT_KNOWN, /* the fields together are a key of the map, whatever it has for them */
    ADIT_NFT_BITS,  /* field = field & ~mask | value: a masked write */
    ADIT_NFT_WRITE, /* .data = what the map has for the fields */
    /* To what the map has: address, or address and port. With a .mask, what is found is first
     * marked: ct mark = ct mark & ~mask | value. */
    ADIT_NFT_DNAT,
    ADIT_NFT_SNAT,
    ADIT_NFT_MASQUERADE,
    ADIT_NFT_LEARN, /* the map gets fields : .data (a set the fields), or its timeout anew */
    ADIT_NFT_FORGET,
    ADIT_NFT_CLAMP_MSS, /* to the path MTU of the route */
    ADIT_NFT_COUNT,
    ADIT_NFT_ACCEPT,
    ADIT_NFT_DROP,
    ADIT_NFT_RESET, /* a TCP packet: its sender hears that the connection is over */
    ADIT_NFT_RETURN,
    ADIT_NFT_JUMP, /* to the chain .name */
    ADIT_NFT_GOTO,
} AditNftVerb;

#define ADIT_NFT_FIELDS_MAX 4
#define ADIT_NFT_STATEMENTS_MAX 8

typedef struct {
    AditNftVerb verb;
    AditNftField field[ADIT_NFT_FIELDS_MAX]; /* several: a concatenation; 0 ends it */
    AditNftField data;
    guint32 mask, value; /* in host order */
    const char *name;
} AditNftStatement;

typedef struct {
    const char *chain;
    const char *why; /* the rule's comment in the kernel, for who lists it */
    AditNftStatement statement[ADIT_NFT_STATEMENTS_MAX];
} AditNftRule;

typedef struct {
    const char *name;
    const char *type; /* "filter", "nat", "route"; NULL: reached by jump only */
    guint32 hook;     /* NF_INET_... */
    gint32 priority;
    gboolean drop; /* the policy */
} AditNftChain;

typedef enum {
    ADIT_NFT_TIMEOUT = 1,  /* elements may carry one */
    ADIT_NFT_INTERVAL = 2, /* keys are ranges */
    ADIT_NFT_DYNAMIC = 4,  /* filled by rules: not part of any wanted state */
    ADIT_NFT_COUNTER = 8,  /* each element counts what matched it */
    /* Each element has a limit, and matches while more connections than that are alive. */
    ADIT_NFT_CONNECTIONS = 16,
} AditNftSetFlags;

typedef struct {
    const char *name;
    AditNftType key[ADIT_NFT_FIELDS_MAX + 1]; /* 0 ends it */
    AditNftType data[3];                      /* none: a set; else a map */
    AditNftSetFlags flags;
    guint32 timeout_s; /* of an element without one of its own */
    guint32 size;      /* 0: no bound */
} AditNftSet;

/* Borrows its arrays. The family is always inet. */
typedef struct {
    const char *table;
    const AditNftChain *chains;
    guint n_chains;
    const AditNftSet *sets;
    guint n_sets;
    const AditNftRule *rules;
    guint n_rules;
} AditNftBlueprint;

const AditNftSet *adit_nft_blueprint_set(const AditNftBlueprint *bp, const char *name);
guint adit_nft_set_key_len(const AditNftSet *set); /* without the end of a range */
guint adit_nft_set_data_len(const AditNftSet *set);

/* The table's comment: "adit 1 <hash of the description>". */
char *adit_nft_identity(const AditNftBlueprint *bp);

/* Everything but elements, replacing a table of that name. For one transaction. */
void adit_nft_table_put(AditMsg *m, const AditNftBlueprint *bp);
void adit_nft_table_put_delete(AditMsg *m, const char *table); /* whether it is there or not */

/* For `nft -f`, and idempotent: rules are made anew, sets and maps of a running system keep
 * their elements, nothing is ever deleted. What nft(8) gets wrong is left out as a comment, so
 * that a table made by it may be replaced once by ours. */
char *adit_nft_to_text(const AditNftBlueprint *bp);
/* "add element inet adit fwd4 { 203.0.113.7 . 6 . 443 : 10.59.0.2 . 443 }" */
char *adit_nft_element_to_text(const AditNftBlueprint *bp, const AditElement *element);
