/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign.h"

#include "libadit/sys/foreign-mend.h"
#include "libadit/sys/nl.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Whether a rule set lets a packet through cannot be told without running it. What can be told:
 * a chain that ends in a drop, in a table that nowhere names our link (or our port), has not
 * been told of us. That is the state after `ufw enable`, `policy drop` in nftables.conf, or an
 * installed docker, and it is all we claim. */

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

/* Of ports: "tcp dport { 22, 80-90 } accept" asks one. */
typedef struct {
    guint8 family;
    char *table, *name;
} Set;

typedef struct {
    const AditForeignQuestion *question;
    GPtrArray *chains;  /* Chain, base chains of the filter type only */
    GPtrArray *sets;    /* Set */
    GHashTable *tables; /* "ip filter" -> Table */
} Look;

static void
chain_free(gpointer data)
{
    Chain *chain = data;

    g_free(chain->table);
    g_free(chain->name);
    g_free(chain);
}

static void
set_free(gpointer data)
{
    Set *set = data;

    g_free(set->table);
    g_free(set->name);
    g_free(set);
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

static gboolean
contains(const struct nlattr *attr, gconstpointer bytes, gsize len)
{
    return memmem(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), bytes, len) !=
           NULL;
}

/* As nft compares it: an attribute of two bytes in network order; and as iptables' udp match
 * has it: any source port, then the range of one in the machine's order. */
static gboolean
names_port(const struct nlattr *exprs, guint16 port)
{
    const guint16 native[3] = { 6, NFTA_DATA_VALUE, GUINT16_TO_BE(port) };
    const guint16 match[4] = { 0, 0xffff, port, port };

    return contains(exprs, native, sizeof(native)) || contains(exprs, match, sizeof(match));
}

/* Whether a rule consists of some of these and nothing else. */
static gboolean
is_made_of(const struct nlattr *exprs, const char *const *names)
{
    static const AditAttrType types[NFTA_EXPR_MAX + 1] = { [NFTA_EXPR_NAME] = {
                                                               ADIT_ATTR_STRING } };
    const struct nlattr *tb[NFTA_EXPR_MAX + 1], *expr;

    mnl_attr_for_each_nested(expr, exprs)
    {
        if (!adit_attrs_parse_nested(expr, types, G_N_ELEMENTS(types), tb) ||
            !tb[NFTA_EXPR_NAME] ||
            !g_strv_contains(names, mnl_attr_get_str(tb[NFTA_EXPR_NAME])))
            return FALSE;
    }
    return TRUE;
}

/* A rule that asks nothing and refuses everything. */
static gboolean
is_refusal(const struct nlattr *exprs)
{
    static const char *const parts[] = { "reject", "counter", "log", NULL };

    return contains(exprs, "reject", sizeof("reject")) && is_made_of(exprs, parts);
}

/* "ct status dnat accept", as firewalld has it: what we send on by NAT passes. */
static gboolean
lets_dnat(const struct nlattr *exprs)
{
    static const char *const parts[] = { "ct", "bitwise", "cmp", "immediate", "counter", NULL };
    const guint16 status[4] = { 8, NFTA_CT_KEY, 0, GUINT16_TO_BE(NFT_CT_STATUS) };
    const struct {
        guint16 len, type;
        guint32 mask;
    } dnat = { 8, NFTA_DATA_VALUE, IPS_DST_NAT },
      accept = { 8, NFTA_VERDICT_CODE, GUINT32_TO_BE(NF_ACCEPT) };

    return is_made_of(exprs, parts) && contains(exprs, status, sizeof(status)) &&
           contains(exprs, &dnat, sizeof(dnat)) && contains(exprs, &accept, sizeof(accept));
}

/* "oifname adit0", or iptables' -o, which is made of the same. */
static gboolean
asks_way_out(const struct nlattr *exprs, const char *link)
{
    const guint16 key[4] = { 8, NFTA_META_KEY, 0, GUINT16_TO_BE(NFT_META_OIFNAME) };
    gboolean way_out = FALSE; /* was what the last expression has read */
    const struct nlattr *expr;

    mnl_attr_for_each_nested(expr, exprs)
    {
        if (way_out && contains(expr, link, strlen(link)))
            return TRUE;
        way_out = contains(expr, key, sizeof(key));
    }
    return FALSE;
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
    const gboolean ours = contains(exprs, look->question->link, strlen(look->question->link));
    const gboolean input = is_about(chain, "input"), forward = may_forward(chain);

    table->knows_inside |= ours && input;
    table->knows_out |= forward && asks_way_out(exprs, look->question->link);
    if (lets_dnat(exprs)) {
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
    table = table_of(look, family_of(nlh), name);
    note(look, table, mnl_attr_get_str(tb[NFTA_RULE_CHAIN]), tb[NFTA_RULE_EXPRESSIONS]);
    for (guint i = 0; look->question->ports[i].proto; i++)
        if (names_port(tb[NFTA_RULE_EXPRESSIONS], look->question->ports[i].port))
            table->knows_port |= 1u << i;
    for (guint i = 0; is_refusal(tb[NFTA_RULE_EXPRESSIONS]) && i < look->chains->len; i++) {
        Chain *chain = g_ptr_array_index(look->chains, i);

        chain->drops |= chain->family == family_of(nlh) && g_str_equal(chain->table, name) &&
                        g_str_equal(chain->name, mnl_attr_get_str(tb[NFTA_RULE_CHAIN]));
    }
    return TRUE;
}

static gboolean
on_set(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_SET_MAX + 1] = {
        [NFTA_SET_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_SET_NAME] = { ADIT_ATTR_STRING },
        [NFTA_SET_KEY_LEN] = { ADIT_ATTR_U32 },
    };
    const struct nlattr *tb[NFTA_SET_MAX + 1];
    Look *look = data;
    Set *set;

    if (!family_name(family_of(nlh)) ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_TABLE] || !tb[NFTA_SET_NAME] || !tb[NFTA_SET_KEY_LEN] ||
        be32_of(tb[NFTA_SET_KEY_LEN]) != sizeof(guint16))
        return TRUE;
    set = g_new0(Set, 1);
    set->family = family_of(nlh);
    set->table = g_strdup(mnl_attr_get_str(tb[NFTA_SET_TABLE]));
    set->name = g_strdup(mnl_attr_get_str(tb[NFTA_SET_NAME]));
    g_ptr_array_add(look->sets, set);
    return TRUE;
}

/* Of all elements at or below the port the highest: it has the port, unless it is the end of a
 * range. */
typedef struct {
    guint16 port;
    int best; /* -1: none */
    gboolean is_end, is_range;
} Elements;

static void
take_element(Elements *elements, const struct nlattr *element)
{
    static const AditAttrType types[NFTA_SET_ELEM_MAX + 1] = {
        [NFTA_SET_ELEM_KEY] = { ADIT_ATTR_NESTED }, [NFTA_SET_ELEM_FLAGS] = { ADIT_ATTR_U32 }
    };
    static const AditAttrType value_types[NFTA_DATA_MAX + 1] = { [NFTA_DATA_VALUE] = {
                                                                     ADIT_ATTR_EXACT, 2 } };
    const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *value[NFTA_DATA_MAX + 1];
    guint16 key;

    if (!adit_attrs_parse_nested(element, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_ELEM_KEY] ||
        !adit_attrs_parse_nested(tb[NFTA_SET_ELEM_KEY], value_types, G_N_ELEMENTS(value_types),
                                 value) ||
        !value[NFTA_DATA_VALUE])
        return;
    memcpy(&key, mnl_attr_get_payload(value[NFTA_DATA_VALUE]), sizeof(key));
    key = GUINT16_FROM_BE(key);
    elements->is_range |= tb[NFTA_SET_ELEM_FLAGS] != NULL;
    if (key > elements->port || key < elements->best)
        return;
    elements->best = key;
    elements->is_end = tb[NFTA_SET_ELEM_FLAGS] &&
                       (be32_of(tb[NFTA_SET_ELEM_FLAGS]) & NFT_SET_ELEM_INTERVAL_END);
}

static gboolean
on_elements(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_SET_ELEM_LIST_MAX + 1] = {
        [NFTA_SET_ELEM_LIST_ELEMENTS] = { ADIT_ATTR_NESTED }
    };
    const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *element;

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_ELEM_LIST_ELEMENTS])
        return TRUE;
    mnl_attr_for_each_nested(element, tb[NFTA_SET_ELEM_LIST_ELEMENTS])
        take_element(data, element);
    return TRUE;
}

static gboolean
has_port(AditNl *nl, const Set *set, guint16 port)
{
    const struct nfgenmsg header = { .nfgen_family = set->family, .version = NFNETLINK_V0 };
    g_autoptr(AditMsg) request = adit_msg_new();
    Elements elements = { .port = port, .best = -1 };

    adit_msg_begin(request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_REQUEST,
                   &header, sizeof(header));
    adit_msg_string(request, NFTA_SET_ELEM_LIST_TABLE, set->table);
    adit_msg_string(request, NFTA_SET_ELEM_LIST_SET, set->name);
    return adit_nl_dump(nl, request, on_elements, NULL, &elements, NULL) &&
           elements.best >= 0 && !elements.is_end &&
           (elements.is_range || elements.best == port);
}

static gboolean
has_drop(const Look *look, const Set *set)
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
look_into_set(AditNl *nl, Look *look, const Set *set)
{
    Table *table = table_of(look, set->family, set->table);

    if (!has_drop(look, set))
        return;
    for (guint i = 0; look->question->ports[i].proto; i++)
        if (!(table->knows_port & 1u << i) && has_port(nl, set, look->question->ports[i].port))
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

static gboolean
sees_family(const Chain *chain, guint8 family)
{
    return family == 0 || chain->family == NFPROTO_INET ||
           chain->family == (family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
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

static void
judge(Look *look, const Chain *chain, GPtrArray *problems)
{
    const AditForeignQuestion *question = look->question;
    const Table *table = table_of(look, chain->family, chain->table);

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
    g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func(set_free);
    Look look = { question, chains, sets, tables };

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

/* "fib saddr . mark . iif oif missing drop" */
static gboolean
on_sender_rule(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_RULE_MAX + 1] = {
        [NFTA_RULE_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_RULE_CHAIN] = { ADIT_ATTR_STRING },
        [NFTA_RULE_EXPRESSIONS] = { ADIT_ATTR_NESTED },
    };
    const struct {
        guint16 len, type;
        guint32 code;
    } drop = { 8, NFTA_VERDICT_CODE, GUINT32_TO_BE(NF_DROP) };
    const guint16 way[4] = { 8, NFTA_FIB_RESULT, 0, GUINT16_TO_BE(NFT_FIB_RESULT_OIF) };
    const struct nlattr *tb[NFTA_RULE_MAX + 1];
    Senders *senders = data;

    if (senders->found || !family_name(family_of(nlh)) || family_of(nlh) == NFPROTO_IPV4 ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_RULE_TABLE] || !tb[NFTA_RULE_CHAIN] || !tb[NFTA_RULE_EXPRESSIONS] ||
        g_str_equal(mnl_attr_get_str(tb[NFTA_RULE_TABLE]), senders->own) ||
        !contains(tb[NFTA_RULE_EXPRESSIONS], "fib", sizeof("fib")) ||
        !contains(tb[NFTA_RULE_EXPRESSIONS], way, sizeof(way)) ||
        !contains(tb[NFTA_RULE_EXPRESSIONS], &drop, sizeof(drop)))
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
