/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-rule.h"

#include <netinet/in.h> /* before the kernel's own */

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* From statements to the kernel's register machine.
 *
 * Sixteen registers of 4 bytes. A concatenation takes as many as its padded fields need,
 * beginning at the first; what a map answers is written over its key. A field of one family or
 * transport is only there in packets of that kind: the guard for it (nft calls it a dependency)
 * is emitted once, before the first statement that needs it. */

#define REG_0 NFT_REG32_00
#define REG_BITS NFT_REG32_08 /* for a mark, beside what a map has answered */
#define PAD(len) (((len) + 3) & ~3u)

typedef struct {
    const AditNftBlueprint *bp;
    struct nftnl_rule *rule;
    guint8 family, proto;           /* what the guards so far have made certain */
    const AditNftStatement *loaded; /* whose key is in the registers; NULL: nobody's */
} Compiler;

static struct nftnl_expr *
expr(Compiler *c, const char *name)
{
    struct nftnl_expr *e = nftnl_expr_alloc(name);

    g_assert(e != NULL);
    nftnl_rule_add_expr(c->rule, e);
    return e;
}

static void
compare(Compiler *c, guint32 op, gconstpointer data, gsize len)
{
    struct nftnl_expr *e = expr(c, "cmp");

    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, REG_0);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
    nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

/* reg = reg & mask ^ bits */
static void
bitwise(Compiler *c, guint32 reg, gconstpointer mask, gconstpointer bits, guint32 len)
{
    struct nftnl_expr *e = expr(c, "bitwise");

    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, reg);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, reg);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, bits, len);
}

static void
load_payload(Compiler *c, guint32 base, guint32 at, guint32 len, guint32 reg)
{
    struct nftnl_expr *e = expr(c, "payload");

    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, at);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void
load_ct(Compiler *c, const AditNftFieldInfo *info, guint32 reg)
{
    struct nftnl_expr *e = expr(c, "ct");

    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, info->at);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
    if (info->load == ADIT_NFT_LOAD_CT_ORIGINAL)
        nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
}

static void
load(Compiler *c, const AditNftFieldInfo *info, guint32 reg)
{
    struct nftnl_expr *e;

    switch (info->load) {
    case ADIT_NFT_LOAD_META:
        e = expr(c, "meta");
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, info->at);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
        return;
    case ADIT_NFT_LOAD_CT:
    case ADIT_NFT_LOAD_CT_ORIGINAL: load_ct(c, info, reg); return;
    case ADIT_NFT_LOAD_NETWORK:
        load_payload(c, NFT_PAYLOAD_NETWORK_HEADER, info->at, info->len, reg);
        return;
    case ADIT_NFT_LOAD_TRANSPORT:
        load_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, info->at, info->len, reg);
        return;
    case ADIT_NFT_LOAD_FIB:
        e = expr(c, "fib");
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, reg);
        return;
    }
}

/* @value as the register holds it: in host order, or in the order of the wire. */
static void
encode(const AditNftFieldInfo *info, guint32 value, guint8 ret[4])
{
    const guint16 be16 = GUINT16_TO_BE((guint16)value);

    memset(ret, 0, 4);
    if (info->len == 1)
        ret[0] = value;
    else if (info->host_order)
        memcpy(ret, &value, 4);
    else if (info->len == 2)
        memcpy(ret, &be16, 2);
    else
        g_assert_not_reached(); /* an address is written as text */
}

static void
compare_value(Compiler *c, const AditNftFieldInfo *info, guint32 op, guint32 value)
{
    guint8 bytes[4];

    encode(info, value, bytes);
    compare(c, op, bytes, info->len);
}

/* meta nfproto ipv4; meta l4proto tcp */
static void
guard(Compiler *c, AditNftField field, guint8 value)
{
    const AditNftFieldInfo *info = adit_nft_field_info(field);

    c->loaded = NULL;
    load(c, info, REG_0);
    compare_value(c, info, NFT_CMP_EQ, value);
}

static void
guards(Compiler *c, guint8 family, guint8 proto)
{
    if (family != 0 && c->family != family) {
        guard(c, ADIT_NFT_NFPROTO, family);
        c->family = family;
    }
    if (proto != 0 && c->proto != proto) {
        guard(c, ADIT_NFT_L4PROTO, proto);
        c->proto = proto;
    }
}

static void
guard_field(Compiler *c, AditNftField field)
{
    const AditNftFieldInfo *info = adit_nft_field_info(field);

    guards(c, info->family, info->proto);
}

/* Loads the concatenation, but for the fields that a lookup before has left in their registers,
 * and returns the next free register. */
static guint32
load_key(Compiler *c, const AditNftStatement *s)
{
    gboolean there = TRUE;
    guint32 reg = REG_0;

    for (guint i = 0; i < ADIT_NFT_FIELDS_MAX && s->field[i] != 0; i++)
        guard_field(c, s->field[i]);
    for (guint i = 0; i < ADIT_NFT_FIELDS_MAX && s->field[i] != 0; i++) {
        const AditNftFieldInfo *info = adit_nft_field_info(s->field[i]);

        there = there && c->loaded && c->loaded->field[i] == s->field[i];
        if (!there)
            load(c, info, reg);
        reg += PAD(info->len) / 4;
    }
    c->loaded = s;
    return reg;
}

/* ip6 daddr ff00::/8 : only as many bytes are loaded as the prefix has, so that a packet's
 * address is compared in one step; a mask only where it ends within a byte. */
static void
compare_prefix(Compiler *c, const AditNftFieldInfo *info, guint32 op, const char *text)
{
    AditPrefix prefix;
    guint8 mask[16] = { 0 };
    const guint8 zero[16] = { 0 };
    gsize len;

    if (!adit_prefix_parse(text, &prefix, NULL))
        g_error("blueprint: %s is no prefix", text); /* our own constant */
    len = prefix.len % 8 == 0 ? prefix.len / 8 : info->len;
    load_payload(c, NFT_PAYLOAD_NETWORK_HEADER, info->at, len, REG_0);
    if (prefix.len % 8 != 0) {
        for (guint bit = 0; bit < prefix.len; bit++)
            mask[bit / 8] |= 0x80 >> bit % 8;
        bitwise(c, REG_0, mask, zero, len);
    }
    compare(c, op, prefix.addr.bytes, len);
}

static void
put_is(Compiler *c, const AditNftStatement *s, guint32 op)
{
    const AditNftFieldInfo *info = adit_nft_field_info(s->field[0]);
    char name[ADIT_NAME_LEN] = { 0 };

    if (s->name != NULL && info->load == ADIT_NFT_LOAD_NETWORK) {
        guard_field(c, s->field[0]);
        compare_prefix(c, info, op, s->name);
        return;
    }
    load_key(c, s);
    if (s->name != NULL) { /* the whole name, with its padding: an exact match */
        g_strlcpy(name, s->name, sizeof(name));
        compare(c, op, name, sizeof(name));
        return;
    }
    compare_value(c, info, op, s->value);
    if (s->field[0] == ADIT_NFT_NFPROTO && op == NFT_CMP_EQ)
        c->family = s->value;
    if (s->field[0] == ADIT_NFT_L4PROTO && op == NFT_CMP_EQ)
        c->proto = s->value;
}

static void
put_masked(Compiler *c, const AditNftStatement *s, guint32 op)
{
    const AditNftFieldInfo *info = adit_nft_field_info(s->field[0]);
    const guint8 zero[4] = { 0 };
    guint8 mask[4];

    load_key(c, s);
    encode(info, s->mask, mask);
    bitwise(c, REG_0, mask, zero, info->len);
    compare_value(c, info, op, s->value);
}

static void
put_between(Compiler *c, const AditNftStatement *s)
{
    const AditNftFieldInfo *info = adit_nft_field_info(s->field[0]);

    load_key(c, s);
    compare_value(c, info, NFT_CMP_GTE, s->mask);
    compare_value(c, info, NFT_CMP_LTE, s->value);
}

/* @map: what it answers goes over the key. */
static void
put_lookup(Compiler *c, const AditNftStatement *s, gboolean invert, gboolean map)
{
    struct nftnl_expr *e;

    load_key(c, s);
    e = expr(c, "lookup");
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, REG_0);
    nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, s->name);
    if (invert)
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    if (map)
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, REG_0);
}

/* <key> map @name != 0 : so it can be listed, where a look without a use would not show. */
static void
put_known(Compiler *c, const AditNftStatement *s)
{
    const AditNftSet *map = adit_nft_blueprint_set(c->bp, s->name);
    const guint8 zero[16] = { 0 };

    put_lookup(c, s, FALSE, TRUE);
    compare(c, NFT_CMP_NEQ, zero, adit_nft_type_info(map->data[0])->len);
}

/* mark = mark & ~mask | value */
static void
write_bits(Compiler *c, guint32 reg, AditNftField mark, guint32 mask, guint32 value)
{
    const gboolean ct = mark == ADIT_NFT_CT_MARK;
    const guint32 keep = ~mask;
    struct nftnl_expr *e;

    g_assert(ct || mark == ADIT_NFT_META_MARK);
    load(c, adit_nft_field_info(mark), reg);
    bitwise(c, reg, &keep, &value, sizeof(keep));
    e = expr(c, ct ? "ct" : "meta");
    nftnl_expr_set_u32(e, ct ? NFTNL_EXPR_CT_KEY : NFTNL_EXPR_META_KEY,
                       ct ? NFT_CT_MARK : NFT_META_MARK);
    nftnl_expr_set_u32(e, ct ? NFTNL_EXPR_CT_SREG : NFTNL_EXPR_META_SREG, reg);
}

/* ip saddr set <key> map @name. The checksum of the transport covers the address too. */
static void
put_write(Compiler *c, const AditNftStatement *s)
{
    const AditNftFieldInfo *info = adit_nft_field_info(s->data);
    const gboolean v4 = info->family == NFPROTO_IPV4;
    struct nftnl_expr *e;

    g_assert(info->load == ADIT_NFT_LOAD_NETWORK);
    guard_field(c, s->data);
    put_lookup(c, s, FALSE, TRUE);
    e = expr(c, "payload");
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_SREG, REG_0);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, info->at);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, info->len);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_TYPE,
                       v4 ? NFT_PAYLOAD_CSUM_INET : NFT_PAYLOAD_CSUM_NONE);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, v4 ? 10 : 0);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
}

/* ct mark set ct mark | <bits> dnat ip to <key> map @name. An address without a port: the port
 * stays. */
static void
put_nat(Compiler *c, const AditNftStatement *s, guint32 type)
{
    const AditNftSet *map = adit_nft_blueprint_set(c->bp, s->name);
    const gboolean v6 = map->data[0] == ADIT_NFT_IPV6_ADDR;
    struct nftnl_expr *e;

    put_lookup(c, s, FALSE, TRUE);
    guards(c, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4, 0);
    if (s->mask != 0)
        write_bits(c, REG_BITS, ADIT_NFT_CT_MARK, s->mask, s->value);
    e = expr(c, "nat");
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, type);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, REG_0);
    if (map->data[1] == 0)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, REG_0 + (v6 ? 4 : 1));
    nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

static void
put_dynset(Compiler *c, const AditNftStatement *s, guint32 op)
{
    struct nftnl_expr *e;
    guint32 reg;

    guard_field(c, s->data);
    reg = load_key(c, s);
    if (s->data != 0)
        load(c, adit_nft_field_info(s->data), reg);
    e = expr(c, "dynset");
    nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, s->name);
    nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, op);
    nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, REG_0);
    if (s->data != 0)
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_DATA, reg);
}

/* tcp option maxseg size set rt mtu. The kernel takes the smaller of both directions' path,
 * and never raises a size. */
static void
put_clamp(Compiler *c)
{
    struct nftnl_expr *e;

    guards(c, 0, IPPROTO_TCP);
    e = expr(c, "rt");
    nftnl_expr_set_u32(e, NFTNL_EXPR_RT_KEY, NFT_RT_TCPMSS);
    nftnl_expr_set_u32(e, NFTNL_EXPR_RT_DREG, REG_0);
    e = expr(c, "byteorder");
    nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SREG, REG_0);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_DREG, REG_0);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_LEN, 2);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, 2);
    e = expr(c, "exthdr");
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
    nftnl_expr_set_u8(e, NFTNL_EXPR_EXTHDR_TYPE, 2); /* maximum segment size */
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OFFSET, 2);
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_LEN, 2);
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_SREG, REG_0);
}

static void
put_verdict(Compiler *c, gint32 verdict, const char *chain)
{
    struct nftnl_expr *e = expr(c, "immediate");

    nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict);
    if (chain != NULL)
        nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

/* reject with tcp reset */
static void
put_reset(Compiler *c)
{
    guards(c, 0, IPPROTO_TCP);
    nftnl_expr_set_u32(expr(c, "reject"), NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
}

static void
put_statement(Compiler *c, const AditNftStatement *s)
{
    switch (s->verb) {
    case ADIT_NFT_END: g_assert_not_reached();
    case ADIT_NFT_IS: put_is(c, s, NFT_CMP_EQ); return;
    case ADIT_NFT_NOT: put_is(c, s, NFT_CMP_NEQ); return;
    case ADIT_NFT_BETWEEN: put_between(c, s); return;
    case ADIT_NFT_HAS: put_masked(c, s, NFT_CMP_NEQ); return; /* value is 0 */
    case ADIT_NFT_MASK_IS: put_masked(c, s, NFT_CMP_EQ); return;
    case ADIT_NFT_MASK_NOT: put_masked(c, s, NFT_CMP_NEQ); return;
    case ADIT_NFT_IN: put_lookup(c, s, FALSE, FALSE); return;
    case ADIT_NFT_NOT_IN: put_lookup(c, s, TRUE, FALSE); return;
    case ADIT_NFT_KNOWN: put_known(c, s); return;
    case ADIT_NFT_BITS: write_bits(c, REG_0, s->field[0], s->mask, s->value); return;
    case ADIT_NFT_WRITE: put_write(c, s); return;
    case ADIT_NFT_DNAT: put_nat(c, s, NFT_NAT_DNAT); return;
    case ADIT_NFT_SNAT: put_nat(c, s, NFT_NAT_SNAT); return;
    case ADIT_NFT_MASQUERADE: expr(c, "masq"); return;
    case ADIT_NFT_LEARN: put_dynset(c, s, NFT_DYNSET_OP_UPDATE); return;
    case ADIT_NFT_FORGET: put_dynset(c, s, NFT_DYNSET_OP_DELETE); return;
    case ADIT_NFT_CLAMP_MSS: put_clamp(c); return;
    case ADIT_NFT_COUNT: expr(c, "counter"); return;
    case ADIT_NFT_ACCEPT: put_verdict(c, NF_ACCEPT, NULL); return;
    case ADIT_NFT_DROP: put_verdict(c, NF_DROP, NULL); return;
    case ADIT_NFT_RESET: put_reset(c); return;
    case ADIT_NFT_RETURN: put_verdict(c, NFT_RETURN, NULL); return;
    case ADIT_NFT_JUMP: put_verdict(c, NFT_JUMP, s->name); return;
    case ADIT_NFT_GOTO: put_verdict(c, NFT_GOTO, s->name); return;
    }
}

/* Does it leave the key of the lookup before it, or its own, in the registers? */
static gboolean
leaves_key(const AditNftStatement *s)
{
    return s->verb == ADIT_NFT_IN || s->verb == ADIT_NFT_NOT_IN || s->verb == ADIT_NFT_COUNT;
}

static void
put_comment(struct nftnl_rule *rule, const char *why)
{
    struct nftnl_udata_buf *user = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

    nftnl_udata_put_strz(user, NFTNL_UDATA_RULE_COMMENT, why);
    nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(user),
                        nftnl_udata_buf_len(user));
    nftnl_udata_buf_free(user);
}

struct nftnl_rule *
adit_nft_rule_build(const AditNftBlueprint *bp, const AditNftRule *rule)
{
    Compiler c = { bp, nftnl_rule_alloc(), 0, 0, NULL };

    nftnl_rule_set_str(c.rule, NFTNL_RULE_TABLE, bp->table);
    nftnl_rule_set_str(c.rule, NFTNL_RULE_CHAIN, rule->chain);
    put_comment(c.rule, rule->why);
    for (guint i = 0; i < ADIT_NFT_STATEMENTS_MAX && rule->statement[i].verb != 0; i++) {
        put_statement(&c, &rule->statement[i]);
        if (!leaves_key(&rule->statement[i]))
            c.loaded = NULL;
    }
    return c.rule;
}
