/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>
#include <string.h>

#include "libadit/core/element.h"

#define IDENTITY_FORMAT "adit 1 %.16s" /* count up when the same data compiles differently */

/* The blueprint in the language of nft(8). The boot guard loads it where no program of ours
 * runs; the tests load it beside the messages and compare what the kernel then lists. */

static const char *const hooks[] = {
    [NF_INET_PRE_ROUTING] = "prerouting",   [NF_INET_LOCAL_IN] = "input",
    [NF_INET_FORWARD] = "forward",          [NF_INET_LOCAL_OUT] = "output",
    [NF_INET_POST_ROUTING] = "postrouting",
};

static void
print_types(GString *out, const AditNftType *types)
{
    for (guint i = 0; types[i] != 0; i++)
        g_string_append_printf(out, "%s%s", i > 0 ? " . " : "",
                               adit_nft_type_info(types[i])->text);
}

/* add map inet adit fwd4 { type ipv4_addr . inet_service : ipv4_addr; flags timeout; } */
static void
print_set(GString *out, const char *table, const AditNftSet *set)
{
    g_autoptr(GPtrArray) flags = g_ptr_array_new();
    g_autofree char *list = NULL;

    g_string_append_printf(out, "add %s inet %s %s { type ", set->data[0] != 0 ? "map" : "set",
                           table, set->name);
    print_types(out, set->key);
    if (set->data[0] != 0) {
        g_string_append(out, " : ");
        print_types(out, set->data);
    }
    g_string_append(out, ";");
    if ((set->flags & ADIT_NFT_DYNAMIC) != 0)
        g_ptr_array_add(flags, (char *)"dynamic");
    if ((set->flags & ADIT_NFT_INTERVAL) != 0)
        g_ptr_array_add(flags, (char *)"interval");
    if ((set->flags & ADIT_NFT_TIMEOUT) != 0)
        g_ptr_array_add(flags, (char *)"timeout");
    g_ptr_array_add(flags, NULL);
    list = g_strjoinv(", ", (char **)flags->pdata);
    if (*list != 0)
        g_string_append_printf(out, " flags %s;", list);
    if (set->timeout_s != 0)
        g_string_append_printf(out, " timeout %us;", set->timeout_s);
    if (set->size != 0)
        g_string_append_printf(out, " size %u;", set->size);
    if ((set->flags & ADIT_NFT_COUNTER) != 0)
        g_string_append(out, " counter;");
    if ((set->flags & ADIT_NFT_CONNECTIONS) != 0)
        g_string_append_printf(out, " ct count over %u;", G_MAXUINT32);
    g_string_append(out, " }\n");
}

static void
print_chain(GString *out, const char *table, const AditNftChain *chain)
{
    g_string_append_printf(out, "add chain inet %s %s", table, chain->name);
    if (chain->type != NULL)
        g_string_append_printf(out, " { type %s hook %s priority %d; policy %s; }", chain->type,
                               hooks[chain->hook], chain->priority,
                               chain->drop ? "drop" : "accept");
    g_string_append(out, "\n");
}

static void
print_fields(GString *out, const AditNftStatement *s)
{
    for (guint i = 0; i < ADIT_NFT_FIELDS_MAX && s->field[i] != 0; i++)
        g_string_append_printf(out, "%s%s", i > 0 ? " . " : "",
                               adit_nft_field_info(s->field[i])->text);
}

static void
print_value(GString *out, AditNftField field, guint32 value)
{
    const char *word = adit_nft_field_word(field, value);

    if (word != NULL)
        g_string_append(out, word);
    else if (adit_nft_field_info(field)->host_order)
        g_string_append_printf(out, "0x%08x", value);
    else
        g_string_append_printf(out, "%u", value);
}

/* ct state established,related */
static void
print_flags(GString *out, const AditNftStatement *s)
{
    const char *comma = " ";

    print_fields(out, s);
    for (guint32 bit = 1; bit != 0; bit <<= 1) {
        if ((s->mask & bit) == 0)
            continue;
        g_string_append(out, comma);
        print_value(out, s->field[0], bit);
        comma = ",";
    }
}

static void
print_is(GString *out, const AditNftStatement *s, const char *op)
{
    const gboolean quote =
        s->name != NULL && adit_nft_field_info(s->field[0])->load == ADIT_NFT_LOAD_META;

    print_fields(out, s);
    g_string_append(out, op);
    if (quote)
        g_string_append_printf(out, "\"%s\"", s->name);
    else if (s->name != NULL)
        g_string_append(out, s->name);
    else
        print_value(out, s->field[0], s->value);
}

/* ct mark & 0x3f000000 != 0x00000000 */
static void
print_masked(GString *out, const AditNftStatement *s, const char *op)
{
    print_fields(out, s);
    g_string_append_printf(out, " & 0x%08x %s 0x%08x", s->mask, op, s->value);
}

static void
print_between(GString *out, const AditNftStatement *s)
{
    print_fields(out, s);
    g_string_append_printf(out, " %u-%u", s->mask, s->value);
}

static void
print_in(GString *out, const AditNftStatement *s, const char *op)
{
    print_fields(out, s);
    g_string_append_printf(out, "%s@%s", op, s->name);
}

/* meta mark set meta mark & 0xc0ffffff | 0x01000000 */
static void
print_bits(GString *out, const AditNftStatement *s)
{
    const char *field = adit_nft_field_info(s->field[0])->text;

    g_string_append_printf(out, "%s set %s", field, field);
    if (s->mask != s->value) /* else nothing is cleared that is not set again */
        g_string_append_printf(out, " & 0x%08x", ~s->mask);
    if (s->value != 0)
        g_string_append_printf(out, " | 0x%08x", s->value);
}

static void
print_map(GString *out, const AditNftStatement *s)
{
    print_fields(out, s);
    g_string_append_printf(out, " map @%s", s->name);
}

static void
print_nat(GString *out, const AditNftBlueprint *bp, const AditNftStatement *s, const char *verb)
{
    const AditNftSet *map = adit_nft_blueprint_set(bp, s->name);

    if (s->mask != 0)
        g_string_append_printf(out, "ct mark set ct mark | 0x%08x ", s->value);
    g_string_append_printf(out, "%s %s to ", verb,
                           map->data[0] == ADIT_NFT_IPV6_ADDR ? "ip6" : "ip");
    print_map(out, s);
}

static void
print_dynset(GString *out, const AditNftStatement *s, const char *verb)
{
    g_string_append_printf(out, "%s @%s { ", verb, s->name);
    print_fields(out, s);
    if (s->data != 0)
        g_string_append_printf(out, " : %s", adit_nft_field_info(s->data)->text);
    g_string_append(out, " }");
}

static void
print_statement(GString *out, const AditNftBlueprint *bp, const AditNftStatement *s)
{
    switch (s->verb) {
    case ADIT_NFT_END: g_assert_not_reached();
    case ADIT_NFT_IS: print_is(out, s, " "); return;
    case ADIT_NFT_NOT: print_is(out, s, " != "); return;
    case ADIT_NFT_BETWEEN: print_between(out, s); return;
    case ADIT_NFT_HAS: print_flags(out, s); return;
    case ADIT_NFT_MASK_IS: print_masked(out, s, "=="); return;
    case ADIT_NFT_MASK_NOT: print_masked(out, s, "!="); return;
    case ADIT_NFT_IN: print_in(out, s, " "); return;
    case ADIT_NFT_NOT_IN: print_in(out, s, " != "); return;
    case ADIT_NFT_KNOWN: print_map(out, s); return;
    case ADIT_NFT_BITS: print_bits(out, s); return;
    case ADIT_NFT_WRITE:
        g_string_append_printf(out, "%s set ", adit_nft_field_info(s->data)->text);
        print_map(out, s);
        return;
    case ADIT_NFT_DNAT: print_nat(out, bp, s, "dnat"); return;
    case ADIT_NFT_SNAT: print_nat(out, bp, s, "snat"); return;
    case ADIT_NFT_MASQUERADE: g_string_append(out, "masquerade"); return;
    case ADIT_NFT_LEARN: print_dynset(out, s, "update"); return;
    case ADIT_NFT_FORGET: print_dynset(out, s, "delete"); return;
    case ADIT_NFT_CLAMP_MSS: g_string_append(out, "tcp option maxseg size set rt mtu"); return;
    case ADIT_NFT_COUNT: g_string_append(out, "counter"); return;
    case ADIT_NFT_ACCEPT: g_string_append(out, "accept"); return;
    case ADIT_NFT_DROP: g_string_append(out, "drop"); return;
    case ADIT_NFT_RESET: g_string_append(out, "reject with tcp reset"); return;
    case ADIT_NFT_RETURN: g_string_append(out, "return"); return;
    case ADIT_NFT_JUMP: g_string_append_printf(out, "jump %s", s->name); return;
    case ADIT_NFT_GOTO: g_string_append_printf(out, "goto %s", s->name); return;
    }
}

/* What nft(8) 1.0.6 cannot be told: it puts what a map learns into the registers of a key
 * longer than 16 bytes, or aborts; it does not know how long the flow's original port is, in a
 * concatenation; and it would mark before it has looked. (It lists all of them.) Such a rule is
 * a comment in the text. */
static gboolean
is_for_nft(const AditNftBlueprint *bp, const AditNftRule *rule)
{
    for (guint i = 0; i < ADIT_NFT_STATEMENTS_MAX && rule->statement[i].verb != 0; i++) {
        const AditNftStatement *s = &rule->statement[i];

        if ((s->verb == ADIT_NFT_LEARN || s->verb == ADIT_NFT_FORGET) &&
            adit_nft_set_key_len(adit_nft_blueprint_set(bp, s->name)) > 16)
            return FALSE;
        if (s->verb == ADIT_NFT_DNAT && s->mask != 0)
            return FALSE;
        for (guint f = 0; f < ADIT_NFT_FIELDS_MAX && s->field[f] != 0; f++)
            if (s->field[f] == ADIT_NFT_CT_DPORT)
                return FALSE;
    }
    return TRUE;
}

static void
print_rule(GString *out, const AditNftBlueprint *bp, const AditNftRule *rule)
{
    g_string_append_printf(out, "%sadd rule inet %s %s", is_for_nft(bp, rule) ? "" : "# ",
                           bp->table, rule->chain);
    for (guint i = 0; i < ADIT_NFT_STATEMENTS_MAX && rule->statement[i].verb != 0; i++) {
        g_string_append(out, " ");
        print_statement(out, bp, &rule->statement[i]);
    }
    g_string_append_printf(out, " comment \"%s\"\n", rule->why);
}

/* What the identity is the hash of: all there is but the table's own line. */
static char *
print_body(const AditNftBlueprint *bp)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < bp->n_sets; i++)
        print_set(out, bp->table, &bp->sets[i]);
    for (guint i = 0; i < bp->n_chains; i++)
        print_chain(out, bp->table, &bp->chains[i]);
    for (guint i = 0; i < bp->n_chains; i++)
        g_string_append_printf(out, "flush chain inet %s %s\n", bp->table, bp->chains[i].name);
    for (guint i = 0; i < bp->n_rules; i++)
        print_rule(out, bp, &bp->rules[i]);
    return g_string_free(out, FALSE);
}

char *
adit_nft_identity(const AditNftBlueprint *bp)
{
    g_autofree char *body = print_body(bp);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, body, -1);

    return g_strdup_printf(IDENTITY_FORMAT, hash);
}

char *
adit_nft_to_text(const AditNftBlueprint *bp)
{
    g_autofree char *identity = adit_nft_identity(bp);
    g_autofree char *body = print_body(bp);

    return g_strdup_printf("add table inet %s { comment \"%s\"; }\n%s", bp->table, identity,
                           body);
}

static char *
field_to_text(AditNftType type, AditElementReader *r)
{
    char name[ADIT_NAME_LEN];
    AditAddr addr;

    switch (type) {
    case ADIT_NFT_NO_TYPE: break;
    case ADIT_NFT_IPV4_ADDR:
        addr = adit_element_read_addr(r, AF_INET);
        return adit_addr_to_string(&addr);
    case ADIT_NFT_IPV6_ADDR:
        addr = adit_element_read_addr(r, AF_INET6);
        return adit_addr_to_string(&addr);
    case ADIT_NFT_INET_PROTO: return g_strdup_printf("%u", adit_element_read_proto(r));
    case ADIT_NFT_INET_SERVICE: return g_strdup_printf("%u", adit_element_read_port(r));
    case ADIT_NFT_MARK: return g_strdup_printf("0x%08x", adit_element_read_mark(r));
    case ADIT_NFT_IFNAME:
        adit_element_read_ifname(r, name);
        return g_strdup_printf("\"%s\"", name);
    }
    g_assert_not_reached();
}

/* 203.0.113.7 . 6 . 443; of a range each field as first-last. */
static void
print_key(GString *out, const AditNftType *types, AditElementReader *first,
          AditElementReader *last)
{
    for (guint i = 0; types[i] != 0; i++) {
        g_autofree char *low = field_to_text(types[i], first);
        g_autofree char *high = last != NULL ? field_to_text(types[i], last) : NULL;

        g_string_append_printf(out, "%s%s", i > 0 ? " . " : "", low);
        if (high != NULL && !g_str_equal(low, high))
            g_string_append_printf(out, "-%s", high);
    }
}

char *
adit_nft_element_to_text(const AditNftBlueprint *bp, const AditElement *element)
{
    const AditNftSet *set = adit_nft_blueprint_set(bp, element->set);
    AditElementReader key = adit_element_read_key(element), last = key;
    AditElementReader data = adit_element_read_data(element);
    const gboolean range = (set->flags & ADIT_NFT_INTERVAL) != 0;
    GString *out = g_string_new(NULL);

    if (range) {
        key.left = key.left / 2;
        last.at += key.left;
        last.left -= key.left;
    }
    g_string_append_printf(out, "add element inet %s %s { ", bp->table, set->name);
    print_key(out, set->key, &key, range ? &last : NULL);
    if (element->timeout_ms != 0)
        g_string_append_printf(out, " timeout %" G_GUINT64_FORMAT "ms", element->timeout_ms);
    if (element->limit != 0)
        g_string_append_printf(out, " ct count over %u", element->limit);
    if (set->data[0] != 0) {
        g_string_append(out, " : ");
        print_key(out, set->data, &data, NULL);
    }
    g_string_append(out, " }\n");
    return g_string_free(out, FALSE);
}
