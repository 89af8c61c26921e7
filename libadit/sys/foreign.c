/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign.h"

#include "libadit/sys/foreign-mend.h"
#include "libadit/sys/foreign-rule.h"
#include "libadit/sys/foreign-walk.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>

/* Whether a rule set lets a packet through cannot be told without running it. What can be told:
 * a chain that ends in a drop, in a table that nowhere names our link (or our port), has not
 * been told of us. That is the state after `ufw enable`, `policy drop` in nftables.conf, or an
 * installed docker. And a rule that drops each packet for a port, wherever it comes from, with
 * nothing before it that could have let one pass. That is all we claim. */

typedef struct {
    guint8 family;
    char *table, *name;
    guint32 hook;
    gboolean drops; /* by policy, or by a last rule without condition */
} Chain;

/* What is known of one table. */
typedef struct {
    gboolean knows_inside; /* where it judges what arrives from our link */
    gboolean knows_out;    /* elsewhere: what leaves by it */
    gboolean lets_dnat_in, lets_dnat_through;
    guint32 knows_port; /* a bit for each of the question's */
    gboolean is_ufw, is_docker, has_zone;
} Table;

typedef struct {
    const AditForeignQuestion *question;
    GPtrArray *chains;  /* Chain, base chains of the filter type only */
    GPtrArray *sets;    /* AditForeignSet */
    GHashTable *tables; /* "ip filter" -> Table */
    AditForeignWalk *walk;
    guint32 index; /* of the question's link; 0: it has none */
} Look;

static void
chain_free(gpointer data)
{
    Chain *chain = data;

    g_free(chain->table);
    g_free(chain->name);
    g_free(chain);
}

static const char *
family_name(guint8 family)
{
    switch (family) {
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    case NFPROTO_INET: return "inet";
    default: return NULL; /* no chain there sees what we forward */
    }
}

static Table *
table_of(Look *look, guint8 family, const char *name)
{
    g_autofree char *key = g_strdup_printf("%s %s", family_name(family), name);
    Table *table = g_hash_table_lookup(look->tables, key);

    if (!table) {
        table = g_new0(Table, 1);
        g_hash_table_insert(look->tables, g_steal_pointer(&key), table);
    }
    return table;
}

static guint8
family_of(const struct nlmsghdr *nlh)
{
    return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family;
}

static guint32
be32_of(const struct nlattr *attr)
{
    return GUINT32_FROM_BE(adit_attr_u32(attr));
}

static gboolean
on_chain(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_CHAIN_MAX + 1] = {
        [NFTA_CHAIN_TABLE] = { ADIT_ATTR_STRING }, [NFTA_CHAIN_NAME] = { ADIT_ATTR_STRING },
        [NFTA_CHAIN_HOOK] = { ADIT_ATTR_NESTED },  [NFTA_CHAIN_POLICY] = { ADIT_ATTR_U32 },
        [NFTA_CHAIN_TYPE] = { ADIT_ATTR_STRING },
    };
    static const AditAttrType hook_types[NFTA_HOOK_MAX + 1] = { [NFTA_HOOK_HOOKNUM] = {
                                                                    ADIT_ATTR_U32 } };
    const struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
    Look *look = data;
    const char *table, *name;
    Chain *chain;

    if (!family_name(family_of(nlh)) ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME])
        return TRUE;
    table = mnl_attr_get_str(tb[NFTA_CHAIN_TABLE]);
    name = mnl_attr_get_str(tb[NFTA_CHAIN_NAME]);
    if (g_str_has_prefix(name, "ufw"))
        table_of(look, family_of(nlh), table)->is_ufw = TRUE;
    if (g_str_equal(name, "DOCKER-USER"))
        table_of(look, family_of(nlh), table)->is_docker = TRUE;
    if (g_str_equal(name, "filter_IN_" ADIT_FOREIGN_ZONE))
        table_of(look, family_of(nlh), table)->has_zone = TRUE;
    if (!tb[NFTA_CHAIN_HOOK] || !tb[NFTA_CHAIN_TYPE] ||
        !g_str_equal(mnl_attr_get_str(tb[NFTA_CHAIN_TYPE]), "filter") ||
        g_str_equal(table, look->question->own) ||
        !adit_attrs_parse_nested(tb[NFTA_CHAIN_HOOK], hook_types, G_N_ELEMENTS(hook_types),
                                 hook))
        return TRUE;
    chain = g_new0(Chain, 1);
    chain->family = family_of(nlh);
    chain->table = g_strdup(table);
    chain->name = g_strdup(name);
    chain->hook = be32_of(hook[NFTA_HOOK_HOOKNUM]);
    chain->drops = tb[NFTA_CHAIN_POLICY] && be32_of(tb[NFTA_CHAIN_POLICY]) == NF_DROP;
    g_ptr_array_add(look->chains, chain);
    return TRUE;
}

/* "input", "ufw-user-input", "filter_INPUT_ZONES": nobody calls it otherwise. */
static gboolean
is_about(const char *chain, const char *what)
{
    g_autofree char *name = g_ascii_strdown(chain, -1);

    return strstr(name, what) != NULL;
}

/* "forward", "DOCKER-USER", "filter_FORWARD_POLICIES_pre", and not "nat_POSTROUTING_ZONES". */
static gboolean
may_forward(const char *chain)
{
    static const char *const others[] = { "input", "output", "routing", "nat", "mangle" };

    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        if (is_about(chain, others[i]))
            return FALSE;
    return TRUE;
}

/* A visitor comes in by any link, and leaves by ours: a rule about the other way alone lets
 * nobody in. */
static void
note(const Look *look, Table *table, const char *chain, const struct nlattr *exprs)
{
    const gboolean ours = adit_foreign_rule_names_link(exprs, look->question->link);
    const gboolean input = is_about(chain, "input"), forward = may_forward(chain);

    table->knows_inside |= ours && input;
    table->knows_out |= forward && adit_foreign_rule_asks_way_out(exprs, look->question->link);
    if (adit_foreign_rule_lets_dnat(exprs)) {
        table->lets_dnat_in |= input;
        table->lets_dnat_through |= forward;
    }
}

static gboolean
on_rule(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_RULE_MAX + 1] = {
        [NFTA_RULE_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_RULE_CHAIN] = { ADIT_ATTR_STRING },
        [NFTA_RULE_EXPRESSIONS] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[NFTA_RULE_MAX + 1];
    Look *look = data;
    const char *name;
    Table *table;

    if (!family_name(family_of(nlh)) ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_RULE_TABLE] || !tb[NFTA_RULE_CHAIN] || !tb[NFTA_RULE_EXPRESSIONS])
        return TRUE;
    name = mnl_attr_get_str(tb[NFTA_RULE_TABLE]);
    if (look->question->ports[0].proto && !g_str_equal(name, look->question->own))
        adit_foreign_walk_add(look->walk, family_of(nlh), name,
                              mnl_attr_get_str(tb[NFTA_RULE_CHAIN]), tb[NFTA_RULE_EXPRESSIONS]);
    table = table_of(look, family_of(nlh), name);
    note(look, table, mnl_attr_get_str(tb[NFTA_RULE_CHAIN]), tb[NFTA_RULE_EXPRESSIONS]);
    for (guint i = 0; look->question->ports[i].proto; i++)
        if (adit_foreign_rule_names_port(tb[NFTA_RULE_EXPRESSIONS],
                                         look->question->ports[i].port))
            table->knows_port |= 1u << i;
    for (guint i = 0;
         adit_foreign_rule_refuses(tb[NFTA_RULE_EXPRESSIONS]) && i < look->chains->len; i++) {
        Chain *chain = g_ptr_array_index(look->chains, i);

        chain->drops |= chain->family == family_of(nlh) && g_str_equal(chain->table, name) &&
                        g_str_equal(chain->name, mnl_attr_get_str(tb[NFTA_RULE_CHAIN]));
    }
    return TRUE;
}

static gboolean
on_set(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Look *look = data;
    AditForeignSet *set = family_name(family_of(nlh)) ? adit_foreign_set_read(nlh) : NULL;

    if (set)
        g_ptr_array_add(look->sets, set);
    return TRUE;
}

static gboolean
has_drop(const Look *look, const AditForeignSet *set)
{
    for (guint i = 0; i < look->chains->len; i++) {
        const Chain *chain = g_ptr_array_index(look->chains, i);

        if (chain->drops && chain->family == set->family &&
            g_str_equal(chain->table, set->table))
            return TRUE;
    }
    return FALSE;
}

/* Only for what would be blamed otherwise: a set may be long. */
static void
look_into_set(AditNl *nl, Look *look, const AditForeignSet *set)
{
    Table *table = table_of(look, set->family, set->table);

    if (!has_drop(look, set))
        return;
    for (guint i = 0; look->question->ports[i].proto; i++)
        if (!(table->knows_port & 1u << i) &&
            adit_foreign_set_has_port(nl, set, look->question->ports[i].port))
            table->knows_port |= 1u << i;
}

static gboolean
dump(AditNl *nl, guint16 what, AditNlFunc func, Look *look)
{
    const struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
    g_autoptr(AditMsg) request = adit_msg_new();

    adit_msg_begin(request, (guint16)(NFNL_SUBSYS_NFTABLES << 8 | what), NLM_F_REQUEST, &header,
                   sizeof(header));
    return adit_nl_dump(nl, request, func, NULL, look, NULL);
}

static AditForeignMend
mend_of(const Look *look, const Chain *chain, const Table *table)
{
    return (AditForeignMend){ .family = family_name(chain->family),
                              .table = chain->table,
                              .chain = chain->name,
                              .link = look->question->link,
                              .only_ports = look->question->only_ports,
                              .is_ufw = table->is_ufw,
                              .is_docker = table->is_docker,
                              .has_zone = table->has_zone };
}

static gboolean
sees_family(const Chain *chain, guint8 family)
{
    return family == 0 || chain->family == NFPROTO_INET ||
           chain->family == (family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static void
judge_input(Look *look, const Chain *chain, const Table *table, GPtrArray *problems)
{
    const AditForeignMend where = mend_of(look, chain, table);

    for (guint i = 0; look->question->ports[i].proto; i++) {
        const AditForeignPort *port = &look->question->ports[i];
        g_autofree char *mend = NULL;

        if (table->knows_port & 1u << i || (port->inside && table->knows_inside) ||
            (port->by_dnat && table->lets_dnat_in))
            continue;
        mend = adit_foreign_mend_port(&where, port);
        g_ptr_array_add(problems,
                        g_strdup_printf("table %s %s, chain %s drops what arrives, %s; run: %s",
                                        where.family, chain->table, chain->name, port->harm,
                                        mend));
    }
}

static void
judge_forward(Look *look, const Chain *chain, const Table *table, GPtrArray *problems)
{
    const AditForeignMend where = mend_of(look, chain, table);
    const gboolean ipv6 = table->lets_dnat_through;
    g_autofree char *mend = NULL;

    /* In IPv4 all that is published is NAT. */
    if (table->knows_out || (ipv6 && look->question->family == AF_INET))
        return;
    mend = adit_foreign_mend_forward(&where);
    g_ptr_array_add(
        problems,
        g_strdup_printf("table %s %s, chain %s drops what is forwarded, so that nothing "
                        "published is reached%s; run: %s",
                        where.family, chain->table, chain->name, ipv6 ? " by IPv6" : "", mend));
}

/* In any of the families that are asked about: one is enough. */
static gboolean
is_dropped(const Look *look, const Chain *chain, const AditForeignPort *port)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        const AditNftPacket packet = {
            .nfproto = families[f] == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
            .proto = port->proto,
            .port = port->port,
            .link = port->inside ? look->question->link : NULL,
            .index = port->inside ? look->index : 0,
        };

        if ((look->question->family == 0 || look->question->family == families[f]) &&
            sees_family(chain, families[f]) &&
            adit_foreign_walk_drops(look->walk, chain->family, chain->table, chain->name,
                                    &packet))
            return TRUE;
    }
    return FALSE;
}

/* Where there are two hooks before a socket, both have their say. */
static void
judge_rules(Look *look, const Chain *chain, const Table *table, GPtrArray *problems)
{
    const AditForeignMend where = mend_of(look, chain, table);

    if (chain->hook != NF_INET_LOCAL_IN && chain->hook != NF_INET_PRE_ROUTING)
        return;
    for (guint i = 0; look->question->ports[i].proto; i++) {
        const AditForeignPort *port = &look->question->ports[i];
        g_autofree char *mend = NULL;

        if (port->by_dnat || !is_dropped(look, chain, port))
            continue;
        mend = adit_foreign_mend_port(&where, port);
        g_ptr_array_add(problems, g_strdup_printf("table %s %s, chain %s has a rule that drops "
                                                  "it, %s; run: %s",
                                                  where.family, chain->table, chain->name,
                                                  port->harm, mend));
    }
}

static void
judge(Look *look, const Chain *chain, GPtrArray *problems)
{
    const AditForeignQuestion *question = look->question;
    const Table *table = table_of(look, chain->family, chain->table);

    judge_rules(look, chain, table, problems);
    if (!chain->drops || !sees_family(chain, question->family))
        return;
    if (chain->hook == NF_INET_FORWARD && !question->only_ports)
        judge_forward(look, chain, table, problems);
    else if (chain->hook == NF_INET_LOCAL_IN)
        judge_input(look, chain, table, problems);
}

void
adit_foreign_look(const AditForeignQuestion *question, GPtrArray *problems)
{
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_NETFILTER, NULL);
    g_autoptr(GPtrArray) chains = g_ptr_array_new_with_free_func(chain_free);
    g_autoptr(GHashTable) tables =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) sets =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_foreign_set_free);
    g_autoptr(AditForeignWalk) walk = adit_foreign_walk_new(nl, sets);
    Look look = { question, chains, sets, tables, walk, if_nametoindex(question->link) };

    if (!nl || !dump(nl, NFT_MSG_GETCHAIN, on_chain, &look) ||
        !dump(nl, NFT_MSG_GETRULE, on_rule, &look) || !dump(nl, NFT_MSG_GETSET, on_set, &look))
        return;
    for (guint i = 0; i < sets->len; i++)
        look_into_set(nl, &look, g_ptr_array_index(sets, i));
    for (guint i = 0; i < chains->len; i++)
        judge(&look, g_ptr_array_index(chains, i), problems);
}

/* -- senders -- */

typedef struct {
    const char *own;
    char *found;
} Senders;

static gboolean
on_sender_rule(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_RULE_MAX + 1] = {
        [NFTA_RULE_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_RULE_CHAIN] = { ADIT_ATTR_STRING },
        [NFTA_RULE_EXPRESSIONS] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[NFTA_RULE_MAX + 1];
    Senders *senders = data;

    if (senders->found || !family_name(family_of(nlh)) || family_of(nlh) == NFPROTO_IPV4 ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_RULE_TABLE] || !tb[NFTA_RULE_CHAIN] || !tb[NFTA_RULE_EXPRESSIONS] ||
        g_str_equal(mnl_attr_get_str(tb[NFTA_RULE_TABLE]), senders->own) ||
        !adit_foreign_rule_checks_sender(tb[NFTA_RULE_EXPRESSIONS]))
        return TRUE;
    senders->found = g_strdup_printf("table %s %s, chain %s", family_name(family_of(nlh)),
                                     mnl_attr_get_str(tb[NFTA_RULE_TABLE]),
                                     mnl_attr_get_str(tb[NFTA_RULE_CHAIN]));
    return TRUE;
}

char *
adit_foreign_checks_senders(const char *own)
{
    const struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_NETFILTER, NULL);
    g_autoptr(AditMsg) request = adit_msg_new();
    Senders senders = { own, NULL };

    adit_msg_begin(request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_REQUEST, &header,
                   sizeof(header));
    if (nl)
        adit_nl_dump(nl, request, on_sender_rule, NULL, &senders, NULL);
    return senders.found;
}
