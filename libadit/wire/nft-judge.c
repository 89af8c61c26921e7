/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-judge.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <net/if.h>
#include <string.h>

#include "libadit/wire/msg.h"

/* The kernel's little machine, run with what is known: registers of bytes that may be unknown,
 * expressions that load and compare. A rule is a conjunction, so one comparison that surely
 * fails ends it, whatever the others are. Whatever we do not know by name may have changed any
 * register. */

#define REGISTERS 80 /* bytes: those of the kernel, the verdict's first */
#define VALUE_MAX 16

typedef struct {
    const AditNftPacket *packet;
    AditNftHas has;
    gpointer data;
    guint8 byte[REGISTERS];
    gboolean known[REGISTERS];
    gboolean sure; /* nothing so far but what holds */
    const char *chain;
} Machine;

typedef enum {
    GOES_ON, /* the next expression */
    FAILS,
    ENDS, /* with the fate */
} Step;

/* Old numbers are of 16 bytes each, new ones of 4. */
static gsize
place_of(guint32 number)
{
    return number <= NFT_REG_4 ? number * (gsize)16
                               : ((gsize)number - NFT_REG32_00 + 4) * sizeof(guint32);
}

static gboolean
fits(guint32 number, gsize len)
{
    return len > 0 && len <= VALUE_MAX && number != NFT_REG_VERDICT &&
           (number <= NFT_REG_4 || number >= NFT_REG32_00) &&
           place_of(number) + len <= REGISTERS;
}

static void
forget_all(Machine *m)
{
    memset(m->known, 0, sizeof(m->known));
}

static void
load(Machine *m, guint32 number, gconstpointer bytes, gsize len)
{
    const gsize padded = (len + 3) & ~(gsize)3;

    if (!fits(number, padded)) {
        forget_all(m);
        return;
    }
    memset(m->byte + place_of(number), 0, padded);
    memcpy(m->byte + place_of(number), bytes, len);
    for (gsize i = 0; i < padded; i++)
        m->known[place_of(number) + i] = TRUE;
}

/* NULL: not all of it is known. */
static const guint8 *
value_of(const Machine *m, guint32 number, gsize len)
{
    if (!fits(number, len))
        return NULL;
    for (gsize i = 0; i < len; i++)
        if (!m->known[place_of(number) + i])
            return NULL;
    return m->byte + place_of(number);
}

static Step
take(Machine *m, AditNftAnswer answer)
{
    if (answer == ADIT_NFT_WHO_KNOWS)
        m->sure = FALSE;
    return answer == ADIT_NFT_NO ? FAILS : GOES_ON;
}

static guint32
be32(const struct nlattr *attr)
{
    return GUINT32_FROM_BE(adit_attr_u32(attr));
}

static gconstpointer
bytes_of(const struct nlattr *nest, gsize *ret_len)
{
    static const AditAttrType types[NFTA_DATA_MAX + 1] = { [NFTA_DATA_VALUE] = {
                                                               ADIT_ATTR_BYTES, 1 } };
    const struct nlattr *tb[NFTA_DATA_MAX + 1];

    *ret_len = 0;
    if (!nest || !adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_DATA_VALUE])
        return NULL;
    return adit_attr_data(tb[NFTA_DATA_VALUE], ret_len);
}

/* -- loads -- */

static Step
do_meta(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_META_MAX + 1] = {
        [NFTA_META_DREG] = { ADIT_ATTR_U32 }, [NFTA_META_KEY] = { ADIT_ATTR_U32 }
    };
    const struct nlattr *tb[NFTA_META_MAX + 1];
    char name[IFNAMSIZ] = "";

    if (!adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb))
        forget_all(m);
    else if (!tb[NFTA_META_DREG])
        return GOES_ON; /* it writes */
    else if (be32(tb[NFTA_META_KEY]) == NFT_META_L4PROTO)
        load(m, be32(tb[NFTA_META_DREG]), &m->packet->proto, 1);
    else if (be32(tb[NFTA_META_KEY]) == NFT_META_NFPROTO && m->packet->nfproto)
        load(m, be32(tb[NFTA_META_DREG]), &m->packet->nfproto, 1);
    else if (be32(tb[NFTA_META_KEY]) == NFT_META_IIFNAME && m->packet->link) {
        g_strlcpy(name, m->packet->link, sizeof(name));
        load(m, be32(tb[NFTA_META_DREG]), name, sizeof(name));
    } else if (be32(tb[NFTA_META_KEY]) == NFT_META_IIF && m->packet->index)
        load(m, be32(tb[NFTA_META_DREG]), &m->packet->index, sizeof(m->packet->index));
    else
        forget_all(m);
    return GOES_ON;
}

typedef struct {
    guint32 base, offset, len;
} Where;

static gboolean
is_at(const Where *where, guint32 base, guint32 offset, guint32 len)
{
    return where->base == base && where->offset == offset && where->len == len;
}

/* The port it is for, in any family; and, as iptables asks, the protocol of IPv4's header. */
static Step
do_payload(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_PAYLOAD_MAX + 1] = {
        [NFTA_PAYLOAD_DREG] = { ADIT_ATTR_U32 },
        [NFTA_PAYLOAD_BASE] = { ADIT_ATTR_U32 },
        [NFTA_PAYLOAD_OFFSET] = { ADIT_ATTR_U32 },
        [NFTA_PAYLOAD_LEN] = { ADIT_ATTR_U32 },
    };
    const struct nlattr *tb[NFTA_PAYLOAD_MAX + 1];
    const guint16 port = GUINT16_TO_BE(m->packet->port);
    Where where;

    if (!adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_PAYLOAD_DREG]) {
        forget_all(m);
        return GOES_ON;
    }
    where = (Where){ be32(tb[NFTA_PAYLOAD_BASE]), be32(tb[NFTA_PAYLOAD_OFFSET]),
                     be32(tb[NFTA_PAYLOAD_LEN]) };
    if (is_at(&where, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(port)))
        load(m, be32(tb[NFTA_PAYLOAD_DREG]), &port, sizeof(port));
    else if (is_at(&where, NFT_PAYLOAD_NETWORK_HEADER, 9, 1) &&
             m->packet->nfproto == NFPROTO_IPV4)
        load(m, be32(tb[NFTA_PAYLOAD_DREG]), &m->packet->proto, 1);
    else
        forget_all(m);
    return GOES_ON;
}

static Step
do_ct(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_CT_MAX + 1] = {
        [NFTA_CT_DREG] = { ADIT_ATTR_U32 }, [NFTA_CT_KEY] = { ADIT_ATTR_U32 }
    };
    const struct nlattr *tb[NFTA_CT_MAX + 1];
    const guint32 state = NF_CT_STATE_BIT(IP_CT_NEW);

    if (!adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb) || !tb[NFTA_CT_KEY])
        forget_all(m);
    else if (tb[NFTA_CT_DREG] && be32(tb[NFTA_CT_KEY]) == NFT_CT_STATE)
        load(m, be32(tb[NFTA_CT_DREG]), &state, sizeof(state));
    else if (tb[NFTA_CT_DREG])
        forget_all(m);
    return GOES_ON;
}

/* Of the old form alone: a mask, and what is flipped. */
static Step
do_bitwise(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_BITWISE_MAX + 1] = {
        [NFTA_BITWISE_SREG] = { ADIT_ATTR_U32 },    [NFTA_BITWISE_DREG] = { ADIT_ATTR_U32 },
        [NFTA_BITWISE_LEN] = { ADIT_ATTR_U32 },     [NFTA_BITWISE_OP] = { ADIT_ATTR_U32 },
        [NFTA_BITWISE_MASK] = { ADIT_ATTR_NESTED }, [NFTA_BITWISE_XOR] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[NFTA_BITWISE_MAX + 1];
    const gboolean good = adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb);
    const gsize len = good ? be32(tb[NFTA_BITWISE_LEN]) : 0;
    gsize mask_len, xor_len;
    const guint8 *mask = bytes_of(good ? tb[NFTA_BITWISE_MASK] : NULL, &mask_len),
                 *flip = bytes_of(good ? tb[NFTA_BITWISE_XOR] : NULL, &xor_len),
                 *from = good ? value_of(m, be32(tb[NFTA_BITWISE_SREG]), len) : NULL;
    guint8 value[VALUE_MAX];

    if (!from || be32(tb[NFTA_BITWISE_OP]) != NFT_BITWISE_BOOL || mask_len != len ||
        xor_len != len) {
        forget_all(m);
        return GOES_ON;
    }
    for (gsize i = 0; i < len; i++)
        value[i] = (from[i] & mask[i]) ^ flip[i];
    load(m, be32(tb[NFTA_BITWISE_DREG]), value, len);
    return GOES_ON;
}

/* -- conditions -- */

static gboolean
holds(int order, guint32 op)
{
    switch (op) {
    case NFT_CMP_EQ: return order == 0;
    case NFT_CMP_NEQ: return order != 0;
    case NFT_CMP_LT: return order < 0;
    case NFT_CMP_LTE: return order <= 0;
    case NFT_CMP_GT: return order > 0;
    case NFT_CMP_GTE: return order >= 0;
    default: return FALSE;
    }
}

static Step
do_cmp(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_CMP_MAX + 1] = {
        [NFTA_CMP_SREG] = { ADIT_ATTR_U32 },
        [NFTA_CMP_OP] = { ADIT_ATTR_U32 },
        [NFTA_CMP_DATA] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[NFTA_CMP_MAX + 1];
    const gboolean good = adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb);
    gsize len;
    const guint8 *with = bytes_of(good ? tb[NFTA_CMP_DATA] : NULL, &len),
                 *value = with ? value_of(m, be32(tb[NFTA_CMP_SREG]), len) : NULL;

    if (!value || be32(tb[NFTA_CMP_OP]) > NFT_CMP_GTE)
        return take(m, ADIT_NFT_WHO_KNOWS);
    return take(m, holds(memcmp(value, with, len), be32(tb[NFTA_CMP_OP])) ? ADIT_NFT_YES
                                                                          : ADIT_NFT_NO);
}

static Step
do_range(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_RANGE_MAX + 1] = {
        [NFTA_RANGE_SREG] = { ADIT_ATTR_U32 },
        [NFTA_RANGE_OP] = { ADIT_ATTR_U32 },
        [NFTA_RANGE_FROM_DATA] = { ADIT_ATTR_NESTED },
        [NFTA_RANGE_TO_DATA] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[NFTA_RANGE_MAX + 1];
    const gboolean good = adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb);
    gsize from_len, to_len;
    const guint8 *from = bytes_of(good ? tb[NFTA_RANGE_FROM_DATA] : NULL, &from_len),
                 *to = bytes_of(good ? tb[NFTA_RANGE_TO_DATA] : NULL, &to_len),
                 *value = from && to && from_len == to_len
                              ? value_of(m, be32(tb[NFTA_RANGE_SREG]), to_len)
                              : NULL;
    gboolean inside;

    if (!value)
        return take(m, ADIT_NFT_WHO_KNOWS);
    inside = memcmp(value, from, to_len) >= 0 && memcmp(value, to, to_len) <= 0;
    return take(m, inside == (be32(tb[NFTA_RANGE_OP]) == NFT_RANGE_EQ) ? ADIT_NFT_YES
                                                                       : ADIT_NFT_NO);
}

/* What a map says for a key is not looked up: whether it has the key is. */
static Step
do_lookup(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_LOOKUP_MAX + 1] = {
        [NFTA_LOOKUP_SET] = { ADIT_ATTR_STRING },
        [NFTA_LOOKUP_SREG] = { ADIT_ATTR_U32 },
        [NFTA_LOOKUP_DREG] = { ADIT_ATTR_U32 },
        [NFTA_LOOKUP_FLAGS] = { ADIT_ATTR_U32 },
    };
    const struct nlattr *tb[NFTA_LOOKUP_MAX + 1];
    AditNftAnswer answer = ADIT_NFT_WHO_KNOWS;
    gboolean is_map;

    if (!adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb) || !tb[NFTA_LOOKUP_SET])
        return ENDS;
    is_map = tb[NFTA_LOOKUP_DREG] != NULL;
    /* How long the key is only the set knows. */
    if (fits(be32(tb[NFTA_LOOKUP_SREG]), 1)) {
        const gsize at = place_of(be32(tb[NFTA_LOOKUP_SREG]));
        gsize len = 0;

        while (len < VALUE_MAX && at + len < REGISTERS && m->known[at + len])
            len++;
        if (len > 0)
            answer = m->has(mnl_attr_get_str(tb[NFTA_LOOKUP_SET]), m->byte + at, len, m->data);
    }
    if (answer != ADIT_NFT_WHO_KNOWS && be32(tb[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV)
        answer = answer == ADIT_NFT_YES ? ADIT_NFT_NO : ADIT_NFT_YES;
    if (is_map && answer != ADIT_NFT_NO && be32(tb[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT)
        return ENDS;
    if (is_map)
        forget_all(m);
    return take(m, answer);
}

/* iptables' own matches of ports, in the machine's order. */
static AditNftAnswer
match_ports(const AditNftPacket *packet, const char *name, const struct nlattr *info)
{
    const gboolean tcp = g_str_equal(name, "tcp");
    const gsize len = mnl_attr_get_payload_len(info);
    struct xt_tcp t = { 0 };
    struct xt_udp u = { 0 };
    const guint16 *source = t.spts, *port = t.dpts;

    if ((!tcp && !g_str_equal(name, "udp")) || len < (tcp ? sizeof(t) : sizeof(u)))
        return ADIT_NFT_WHO_KNOWS;
    if (packet->proto != (tcp ? IPPROTO_TCP : IPPROTO_UDP))
        return ADIT_NFT_NO;
    if (tcp) {
        memcpy(&t, mnl_attr_get_payload(info), sizeof(t));
    } else {
        memcpy(&u, mnl_attr_get_payload(info), sizeof(u));
        source = u.spts;
        port = u.dpts;
    }
    if (t.invflags || u.invflags || t.option || t.flg_mask || source[0] != 0 ||
        source[1] != G_MAXUINT16)
        return ADIT_NFT_WHO_KNOWS;
    return packet->port >= port[0] && packet->port <= port[1] ? ADIT_NFT_YES : ADIT_NFT_NO;
}

static Step
do_match(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_MATCH_MAX + 1] = {
        [NFTA_MATCH_NAME] = { ADIT_ATTR_STRING },
        [NFTA_MATCH_INFO] = { ADIT_ATTR_BYTES, 1 },
    };
    const struct nlattr *tb[NFTA_MATCH_MAX + 1];

    if (!adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_MATCH_NAME] || !tb[NFTA_MATCH_INFO])
        return take(m, ADIT_NFT_WHO_KNOWS);
    return take(
        m, match_ports(m->packet, mnl_attr_get_str(tb[NFTA_MATCH_NAME]), tb[NFTA_MATCH_INFO]));
}

/* -- verdicts -- */

static AditNftFate
fate_of(Machine *m, const struct nlattr *verdict)
{
    static const AditAttrType types[NFTA_VERDICT_MAX + 1] = {
        [NFTA_VERDICT_CODE] = { ADIT_ATTR_U32 }, [NFTA_VERDICT_CHAIN] = { ADIT_ATTR_STRING }
    };
    const struct nlattr *tb[NFTA_VERDICT_MAX + 1];

    if (!adit_attrs_parse_nested(verdict, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_VERDICT_CODE])
        return ADIT_NFT_FATE_UNKNOWN;
    m->chain = tb[NFTA_VERDICT_CHAIN] ? mnl_attr_get_str(tb[NFTA_VERDICT_CHAIN]) : NULL;
    switch ((gint32)be32(tb[NFTA_VERDICT_CODE])) {
    case NF_DROP: return ADIT_NFT_FATE_DROP;
    case NF_ACCEPT: return ADIT_NFT_FATE_ACCEPT;
    case NFT_CONTINUE: return ADIT_NFT_FATE_NEXT;
    case NFT_JUMP: return m->chain ? ADIT_NFT_FATE_JUMP : ADIT_NFT_FATE_UNKNOWN;
    case NFT_GOTO: return m->chain ? ADIT_NFT_FATE_GOTO : ADIT_NFT_FATE_UNKNOWN;
    case NFT_RETURN: return ADIT_NFT_FATE_RETURN;
    default: return ADIT_NFT_FATE_UNKNOWN;
    }
}

static Step
do_immediate(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_IMMEDIATE_MAX + 1] = {
        [NFTA_IMMEDIATE_DREG] = { ADIT_ATTR_U32 },
        [NFTA_IMMEDIATE_DATA] = { ADIT_ATTR_NESTED },
    };
    static const AditAttrType data_types[NFTA_DATA_MAX + 1] = { [NFTA_DATA_VERDICT] = {
                                                                    ADIT_ATTR_NESTED } };
    const struct nlattr *tb[NFTA_IMMEDIATE_MAX + 1], *verdict[NFTA_DATA_MAX + 1];

    if (!adit_attrs_parse_nested(data, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_IMMEDIATE_DREG] || !tb[NFTA_IMMEDIATE_DATA])
        return ENDS;
    if (be32(tb[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT) {
        forget_all(m); /* for what is written, not compared */
        return GOES_ON;
    }
    if (adit_attrs_parse_nested(tb[NFTA_IMMEDIATE_DATA], data_types, G_N_ELEMENTS(data_types),
                                verdict) &&
        verdict[NFTA_DATA_VERDICT])
        *fate = fate_of(m, verdict[NFTA_DATA_VERDICT]);
    return ENDS;
}

static Step
do_reject(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    *fate = ADIT_NFT_FATE_DROP;
    return ENDS;
}

static Step
do_nothing(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    return GOES_ON;
}

static Step
do_ask(Machine *m, const struct nlattr *data, AditNftFate *fate)
{
    forget_all(m);
    return take(m, ADIT_NFT_WHO_KNOWS);
}

static const struct {
    const char *name;
    Step (*run)(Machine *m, const struct nlattr *data, AditNftFate *fate);
} expressions[] = {
    { "meta", do_meta },       { "payload", do_payload }, { "ct", do_ct },
    { "bitwise", do_bitwise }, { "cmp", do_cmp },         { "range", do_range },
    { "lookup", do_lookup },   { "match", do_match },     { "immediate", do_immediate },
    { "reject", do_reject },   { "counter", do_nothing }, { "log", do_nothing },
    { "last", do_nothing },    { "limit", do_ask },       { "connlimit", do_ask },
    { "quota", do_ask },       { "fib", do_ask },         { "socket", do_ask },
    { "rt", do_ask },          { "exthdr", do_ask },      { "hash", do_ask },
    { "numgen", do_ask },      { "osf", do_ask },         { "dynset", do_ask },
    { "byteorder", do_ask },   { "objref", do_ask },      { "xfrm", do_ask },
};

static Step
run(Machine *m, const struct nlattr *expr, AditNftFate *fate)
{
    static const AditAttrType types[NFTA_EXPR_MAX + 1] = {
        [NFTA_EXPR_NAME] = { ADIT_ATTR_STRING }, [NFTA_EXPR_DATA] = { ADIT_ATTR_NESTED }
    };
    static const struct nlattr nothing = { .nla_len = sizeof(nothing) };
    const struct nlattr *tb[NFTA_EXPR_MAX + 1];

    if (!adit_attrs_parse_nested(expr, types, G_N_ELEMENTS(types), tb) || !tb[NFTA_EXPR_NAME])
        return ENDS;
    for (guint i = 0; i < G_N_ELEMENTS(expressions); i++)
        if (g_str_equal(mnl_attr_get_str(tb[NFTA_EXPR_NAME]), expressions[i].name))
            return expressions[i].run(m, tb[NFTA_EXPR_DATA] ? tb[NFTA_EXPR_DATA] : &nothing,
                                      fate);
    return ENDS; /* a queue, a target of iptables, ... */
}

AditNftFate
adit_nft_judge(const struct nlattr *exprs, const AditNftPacket *packet, AditNftHas has,
               gpointer data, const char **ret_chain)
{
    Machine m = { .packet = packet, .has = has, .data = data, .sure = TRUE };
    const struct nlattr *expr;

    mnl_attr_for_each_nested(expr, exprs)
    {
        AditNftFate fate = ADIT_NFT_FATE_UNKNOWN;

        switch (run(&m, expr, &fate)) {
        case GOES_ON: break;
        case FAILS: return ADIT_NFT_FATE_NEXT;
        case ENDS:
            *ret_chain = m.chain;
            if (m.sure || fate == ADIT_NFT_FATE_NEXT)
                return fate;
            /* perhaps dropped: not for sure */
            return fate == ADIT_NFT_FATE_DROP ? ADIT_NFT_FATE_NEXT : ADIT_NFT_FATE_UNKNOWN;
        }
    }
    return ADIT_NFT_FATE_NEXT;
}
