/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/element.h"
#include "policy-routing/numbers.h"
#include "policy-routing/reply-plan.h"
#include "policy-routing/reply-table.h"
#include "tests/unit/policy/verdicts.h"

#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

/* The table written by hand against the plan, by an interpreter of rules and of the belt that
 * shares nothing with the planner; and mutants: each rule that is left out must be noticed. */

#define NO_PREF 0

typedef struct {
    const VerdictRow *row;
    const AditState *want;
    const AditFacts *facts;
    guint32 without; /* the priority of rules that a mutant lacks */
} Walk;

static gboolean
matches(const Walk *walk, const AditRule *rule)
{
    const VerdictRow *row = walk->row;

    return rule->family == row->dst.family && rule->priority != walk->without &&
           (rule->mask == 0 || (row->mark & rule->mask) == rule->mark) &&
           (rule->dst.len == 0 || adit_prefix_contains(&rule->dst, &row->dst)) &&
           (rule->src.len == 0 ||
            (adit_addr_is_set(&row->src) && adit_prefix_contains(&rule->src, &row->src))) &&
           (rule->oif[0] == '\0' || strcmp(rule->oif, row->link) == 0) &&
           (!rule->service || (row->sport >= 1 && row->sport < 32768));
}

/* NULL: no route; "" : dropped. */
static const char *
look_in_main(const Walk *walk, gboolean suppress)
{
    const AditAddress *best = NULL;

    for (guint i = 0; i < walk->facts->n_main; i++) {
        const AditAddress *route = &walk->facts->main[i];

        if (adit_prefix_contains(&route->prefix, &walk->row->dst) &&
            (!best || route->prefix.len > best->prefix.len))
            best = route;
    }
    return best && (best->prefix.len > 0 || !suppress) ? best->link : NULL;
}

static const char *
look_in_table(const Walk *walk, guint32 table)
{
    const AditRoute *best = NULL;

    if (walk->row->scenario->bare)
        return NULL;
    for (guint i = 0; i < adit_state_len(walk->want, ADIT_KIND_ROUTE); i++) {
        const AditRoute *route = adit_state_get(walk->want, ADIT_KIND_ROUTE, i);

        if (route->table != table || !adit_prefix_contains(&route->dst, &walk->row->dst) ||
            (route->link[0] && walk->row->link[0] && strcmp(route->link, walk->row->link)))
            continue;
        if (!best || route->dst.len > best->dst.len ||
            (route->dst.len == best->dst.len && route->metric < best->metric))
            best = route;
    }
    return best ? (best->type == ADIT_ROUTE_UNICAST ? best->link : "") : NULL;
}

/* The state is sorted by family and priority. */
static const char *
walk_rules(const Walk *walk)
{
    const char *found;
    gboolean passed_tailscale = !walk->row->scenario->tailscale;
    gboolean passed_main = FALSE;

    for (guint i = 0; i < adit_state_len(walk->want, ADIT_KIND_RULE); i++) {
        const AditRule *rule = adit_state_get(walk->want, ADIT_KIND_RULE, i);

        if (!matches(walk, rule))
            continue;
        if (!passed_tailscale && rule->priority > 5270)
            return "ts0";
        if (!passed_main && rule->priority > 32766) {
            passed_main = TRUE;
            found = look_in_main(walk, FALSE);
            if (found)
                return *found ? found : "drop";
        }
        if (rule->action != ADIT_RULE_LOOKUP)
            return "drop";
        found = rule->table == RT_TABLE_MAIN ? look_in_main(walk, rule->suppress)
                                             : look_in_table(walk, rule->table);
        if (found)
            return *found ? found : "drop";
    }
    if (!passed_tailscale)
        return "ts0";
    found = look_in_main(walk, FALSE);
    return found && *found ? found : "drop";
}

/* The belt, a packet at a time. */
typedef struct {
    const VerdictRow *row;
    const AditState *elements;
    const AditNftBlueprint *bp;
    guint without; /* the rule a mutant lacks; G_MAXUINT: none */
} Belt;

static gboolean
has_field(const VerdictRow *row, AditNftField field, guint32 *ret)
{
    const gboolean v6 = row->dst.family == AF_INET6;

    *ret = 0;
    switch ((int)field) {
    case ADIT_NFT_META_MARK: *ret = row->mark; return TRUE;
    case ADIT_NFT_NFPROTO: *ret = v6 ? 10 : 2; return TRUE;
    case ADIT_NFT_L4PROTO: *ret = row->sport ? IPPROTO_UDP : IPPROTO_TCP; return TRUE;
    case ADIT_NFT_SPORT: *ret = row->sport; return TRUE;
    case ADIT_NFT_DPORT: *ret = row->dport; return TRUE;
    case ADIT_NFT_ICMPV6_TYPE: return FALSE; /* none of our packets is one */
    case ADIT_NFT_FIB_DADDR_TYPE:
        *ret = adit_addr_is_multicast(&row->dst) ? RTN_MULTICAST : RTN_UNICAST;
        return TRUE;
    default: g_assert_not_reached();
    }
}

static const AditAddr *
address_field(const VerdictRow *row, AditNftField field)
{
    const gboolean v6 = field == ADIT_NFT_IP6_DADDR || field == ADIT_NFT_IP6_SADDR;
    const gboolean dst = field == ADIT_NFT_IP6_DADDR || field == ADIT_NFT_IP_DADDR;

    if (row->dst.family != (v6 ? AF_INET6 : AF_INET))
        return NULL;
    return dst ? &row->dst : &row->src;
}

/* -1: the packet has no such field, and the rule ends; else whether the key is in the set. */
static int
in_set(const Belt *belt, const AditNftStatement *s)
{
    AditElement key = adit_element_make(s->name);
    const gsize end = adit_nft_set_key_len(adit_nft_blueprint_set(belt->bp, s->name));

    for (guint f = 0; f < ADIT_NFT_FIELDS_MAX && s->field[f]; f++) {
        const AditAddr *addr;

        if (s->field[f] == ADIT_NFT_OIFNAME) {
            adit_element_key_ifname(&key, belt->row->link);
            continue;
        }
        if (s->field[f] == ADIT_NFT_L4PROTO || s->field[f] == ADIT_NFT_DPORT) {
            guint32 value;

            has_field(belt->row, s->field[f], &value);
            if (s->field[f] == ADIT_NFT_DPORT)
                adit_element_key_port(&key, (guint16)value);
            else
                adit_element_key_proto(&key, (guint8)value);
            continue;
        }
        addr = address_field(belt->row, s->field[f]);
        if (!addr || !adit_addr_is_set(addr))
            return -1;
        adit_element_key_addr(&key, addr);
    }
    for (guint i = 0; i < adit_state_len(belt->elements, ADIT_KIND_ELEMENT); i++) {
        const AditElement *e = adit_state_get(belt->elements, ADIT_KIND_ELEMENT, i);
        const guint8 *last = e->key_len > end ? e->key + end : e->key;

        if (strcmp(e->set, s->name) == 0 && memcmp(key.key, e->key, end) >= 0 &&
            memcmp(key.key, last, end) <= 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
statement_holds(const Belt *belt, const AditNftStatement *s)
{
    guint32 value;
    AditPrefix prefix;

    switch ((int)s->verb) {
    case ADIT_NFT_IN: return in_set(belt, s) == TRUE;
    case ADIT_NFT_NOT_IN: return in_set(belt, s) == FALSE;
    case ADIT_NFT_COUNT: return TRUE;
    default: break;
    }
    if (s->verb == ADIT_NFT_IS && s->name) {
        const AditAddr *addr = address_field(belt->row, s->field[0]);

        prefix = verdicts_prefix(s->name);
        return addr && adit_prefix_contains(&prefix, addr);
    }
    if (!has_field(belt->row, s->field[0], &value))
        return FALSE;
    switch ((int)s->verb) {
    case ADIT_NFT_IS: return value == s->value;
    case ADIT_NFT_BETWEEN: return value >= s->mask && value <= s->value;
    case ADIT_NFT_MASK_IS: return (value & s->mask) == s->value;
    case ADIT_NFT_MASK_NOT: return (value & s->mask) != s->value;
    default: g_assert_not_reached();
    }
}

/* "pass", "drop", or NULL at the chain's end. */
static const char *
walk_chain(const Belt *belt, const char *chain)
{
    for (guint r = 0; r < belt->bp->n_rules; r++) {
        const AditNftRule *rule = &belt->bp->rules[r];
        const char *verdict = NULL;

        if (strcmp(rule->chain, chain) != 0 || r == belt->without)
            continue;
        for (guint i = 0; i < ADIT_NFT_STATEMENTS_MAX && rule->statement[i].verb; i++) {
            const AditNftStatement *s = &rule->statement[i];

            if (s->verb == ADIT_NFT_ACCEPT || s->verb == ADIT_NFT_DROP)
                verdict = s->verb == ADIT_NFT_ACCEPT ? "pass" : "drop";
            else if (s->verb == ADIT_NFT_JUMP)
                verdict = walk_chain(belt, s->name);
            else if (!statement_holds(belt, s))
                break;
        }
        if (verdict)
            return verdict;
    }
    return NULL;
}

/* How many rows come out otherwise than written; each is told unless it is a mutant's. */
static guint
count_wrong(const Verdicts *v, guint32 without_pref, guint without_rule)
{
    guint wrong = 0;

    for (guint i = 0; i < v->rows->len; i++) {
        const VerdictRow *row = &g_array_index(v->rows, VerdictRow, i);
        const AditPolicy policy = { .strict = row->scenario->strict };
        const AditReplyOptions options = { .strict = row->scenario->strict };
        AditNftBlueprint *bp = adit_reply_table_new(&options);
        g_autoptr(GPtrArray) gateways = verdicts_gateways(row->scenario);
        const AditGateway *const *all = (const AditGateway *const *)gateways->pdata;
        g_autoptr(GError) error = NULL;
        AditFacts facts = { .lo6 = TRUE };
        g_autoptr(AditState) want = NULL, elements = adit_state_new();
        const char *verdict;

        verdicts_facts(row->scenario, &facts);
        want = adit_plan(all, gateways->len, &facts, &policy, &error);
        g_assert_no_error(error);
        adit_state_seal(want);
        adit_reply_plan(elements, all, gateways->len, &facts, &policy);
        adit_state_seal(elements);
        if (row->belt) {
            verdict = walk_chain(
                &(Belt){ row, elements, bp, policy.strict ? G_MAXUINT : without_rule }, "belt");
            verdict = verdict ? verdict : "pass";
        } else {
            verdict = walk_rules(&(Walk){ row, want, &facts, without_pref });
        }
        if (strcmp(verdict, row->verdict) != 0) {
            wrong++;
            if (without_pref == NO_PREF && without_rule == G_MAXUINT)
                g_test_message("verdicts.txt:%u: [%s]: %s, not %s", row->line,
                               row->scenario->words, verdict, row->verdict);
        }
        g_free(facts.on_link);
        g_free((gpointer)facts.main);
        adit_reply_table_free(bp);
    }
    return wrong;
}

static void
test_table(void)
{
    g_autoptr(Verdicts) v = verdicts_load();

    g_assert_cmpuint(count_wrong(v, NO_PREF, G_MAXUINT), ==, 0);
}

/* A ladder without one of its rungs. */
static void
test_mutant_rules(void)
{
    static const guint32 prefs[] = { 1730, 1731, 1740, 1741,  1745,  1746,  1748, 1750,
                                     1751, 1755, 1756, 20060, 20070, 20071, 32768 };
    g_autoptr(Verdicts) v = verdicts_load();

    for (guint i = 0; i < G_N_ELEMENTS(prefs); i++) {
        const guint wrong = count_wrong(v, prefs[i], G_MAXUINT);

        g_test_message("without %u: %u rows differ", prefs[i], wrong);
        g_assert_cmpuint(wrong, >, 0);
    }
}

/* A belt without one of its rules. Passed over: what is for other packets than the table's. */
static void
test_mutant_belt(void)
{
    static const char *const elsewhere[] = { "neighbour discovery", "MLD reports", "IGMP",
                                             "broadcast", NULL };
    const AditReplyOptions options = { 0 };
    AditNftBlueprint *bp = adit_reply_table_new(&options);
    g_autoptr(Verdicts) v = verdicts_load();
    guint tried = 0;

    for (guint r = 0; r < bp->n_rules; r++) {
        if (strcmp(bp->rules[r].chain, "belt") != 0 ||
            g_strv_contains(elsewhere, bp->rules[r].why))
            continue;
        tried++;
        if (count_wrong(v, NO_PREF, r) == 0)
            g_error("rule %u of the belt, \"%s\": nobody misses it", r, bp->rules[r].why);
    }
    g_assert_cmpuint(tried, >, 12);
    adit_reply_table_free(bp);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/verdicts/table", test_table);
    g_test_add_func("/verdicts/mutant-rules", test_mutant_rules);
    g_test_add_func("/verdicts/mutant-belt", test_mutant_belt);
    return g_test_run();
}
