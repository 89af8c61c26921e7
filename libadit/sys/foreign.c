/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign.h"

#include "libadit/sys/nl.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
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
    gboolean knows_inside, knows_link; /* where it judges what arrives; elsewhere */
    guint32 knows_port;                /* a bit for each of the question's */
    gboolean is_ufw, is_docker;
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

/* A rule that asks nothing and refuses everything. */
static gboolean
is_refusal(const struct nlattr *exprs)
{
    static const AditAttrType types[NFTA_EXPR_MAX + 1] = { [NFTA_EXPR_NAME] = {
                                                               ADIT_ATTR_STRING } };
    const struct nlattr *tb[NFTA_EXPR_MAX + 1], *expr;
    gboolean refuses = FALSE;

    mnl_attr_for_each_nested(expr, exprs)
    {
        const char *name;

        if (!adit_attrs_parse_nested(expr, types, G_N_ELEMENTS(types), tb) ||
            !tb[NFTA_EXPR_NAME])
            return FALSE;
        name = mnl_attr_get_str(tb[NFTA_EXPR_NAME]);
        if (g_str_equal(name, "reject"))
            refuses = TRUE;
        else if (!g_str_equal(name, "counter") && !g_str_equal(name, "log"))
            return FALSE;
    }
    return refuses;
}

/* "input", "ufw-user-input", "filter_INPUT_ZONES": nobody calls it otherwise. */
static gboolean
is_about_input(const char *chain)
{
    g_autofree char *name = g_ascii_strdown(chain, -1);

    return strstr(name, "input") != NULL;
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
    if (contains(tb[NFTA_RULE_EXPRESSIONS], look->question->link,
                 strlen(look->question->link))) {
        if (is_about_input(mnl_attr_get_str(tb[NFTA_RULE_CHAIN])))
            table->knows_inside = TRUE;
        else
            table->knows_link = TRUE;
    }
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

static char *
mend_forward(const Chain *chain, const Table *table, const char *link)
{
    const char *program = chain->family == NFPROTO_IPV6 ? "ip6tables" : "iptables";
    const char *family = family_name(chain->family);

    if (table->is_ufw)
        return g_strdup_printf("ufw route allow in on %s && ufw route allow out on %s", link,
                               link);
    if (g_str_equal(chain->table, "firewalld"))
        return g_strdup_printf("firewall-cmd --permanent --zone=trusted --add-interface=%s && "
                               "firewall-cmd --reload",
                               link);
    if (table->is_docker)
        return g_strdup_printf(
            "%s -I DOCKER-USER -i %s -j ACCEPT && %s -I DOCKER-USER -o %s -j "
            "ACCEPT",
            program, link, program, link);
    return g_strdup_printf(
        "nft insert rule %s %s %s iifname %s accept && nft insert rule %s %s "
        "%s oifname %s accept",
        family, chain->table, chain->name, link, family, chain->table, chain->name, link);
}

static char *
mend_inside(const Chain *chain, const Table *table, const char *link,
            const AditForeignPort *port)
{
    const char *proto = port->proto == IPPROTO_TCP ? "tcp" : "udp";

    if (table->is_ufw)
        return g_strdup_printf("ufw allow in on %s to any port %u proto %s", link, port->port,
                               proto);
    if (g_str_equal(chain->table, "firewalld"))
        return mend_forward(chain, table, link); /* the zone serves both */
    return g_strdup_printf("nft insert rule %s %s %s iifname %s %s dport %u accept",
                           family_name(chain->family), chain->table, chain->name, link, proto,
                           port->port);
}

static char *
mend_input(const Chain *chain, const Table *table, const AditForeignPort *port)
{
    const char *proto = port->proto == IPPROTO_TCP ? "tcp" : "udp";

    if (table->is_ufw)
        return g_strdup_printf("ufw allow %u/%s", port->port, proto);
    if (g_str_equal(chain->table, "firewalld"))
        return g_strdup_printf("firewall-cmd --permanent --add-port=%u/%s && firewall-cmd "
                               "--reload",
                               port->port, proto);
    return g_strdup_printf("nft insert rule %s %s %s %s dport %u accept",
                           family_name(chain->family), chain->table, chain->name, proto,
                           port->port);
}

static void
judge_input(Look *look, const Chain *chain, const Table *table, GPtrArray *problems)
{
    for (guint i = 0; look->question->ports[i].proto; i++) {
        const AditForeignPort *port = &look->question->ports[i];
        g_autofree char *mend = NULL;

        if (table->knows_port & 1u << i || (port->inside && table->knows_inside))
            continue;
        mend = port->inside ? mend_inside(chain, table, look->question->link, port)
                            : mend_input(chain, table, port);
        g_ptr_array_add(problems,
                        g_strdup_printf("table %s %s, chain %s drops what arrives, %s; run: %s",
                                        family_name(chain->family), chain->table, chain->name,
                                        port->harm, mend));
    }
}

static gboolean
sees_family(const Chain *chain, guint8 family)
{
    return family == 0 || chain->family == NFPROTO_INET ||
           chain->family == (family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static void
judge(Look *look, const Chain *chain, GPtrArray *problems)
{
    const AditForeignQuestion *question = look->question;
    const Table *table = table_of(look, chain->family, chain->table);
    g_autofree char *mend = NULL;

    if (!chain->drops || !sees_family(chain, question->family))
        return;
    if (chain->hook == NF_INET_FORWARD && !question->only_ports && !table->knows_link) {
        mend = mend_forward(chain, table, question->link);
        g_ptr_array_add(
            problems,
            g_strdup_printf("table %s %s, chain %s drops what is forwarded, so that "
                            "nothing published is reached; run: %s",
                            family_name(chain->family), chain->table, chain->name, mend));
    } else if (chain->hook == NF_INET_LOCAL_IN) {
        judge_input(look, chain, table, problems);
    }
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
