/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/rtnl-rule.h"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define NO_SUPPRESS G_MAXUINT32 /* the kernel shows -1 where nothing is suppressed */

static const AditAttrType rule_types[] = {
    [FRA_DST] = { ADIT_ATTR_ADDR },       [FRA_SRC] = { ADIT_ATTR_ADDR },
    [FRA_IIFNAME] = { ADIT_ATTR_STRING }, [FRA_PRIORITY] = { ADIT_ATTR_U32 },
    [FRA_FWMARK] = { ADIT_ATTR_U32 },     [FRA_SUPPRESS_PREFIXLEN] = { ADIT_ATTR_U32 },
    [FRA_TABLE] = { ADIT_ATTR_U32 },      [FRA_FWMASK] = { ADIT_ATTR_U32 },
    [FRA_OIFNAME] = { ADIT_ATTR_STRING }, [FRA_PROTOCOL] = { ADIT_ATTR_U8 },
    [FRA_IP_PROTO] = { ADIT_ATTR_U8 },    [FRA_SPORT_RANGE] = { ADIT_ATTR_U32 },
};

/* The kernel's struct fib_rule_port_range, as the four bytes it is. */
static guint32
service_ports(void)
{
    const struct fib_rule_port_range range = { 1, ADIT_SERVICE_PORTS };
    guint32 bytes;

    memcpy(&bytes, &range, sizeof(bytes));
    return bytes;
}

/* Both selectors of a service, or neither: any other is none of ours. */
static gboolean
get_service(const struct nlattr *const *tb, gboolean *ret)
{
    const guint8 protocol = adit_attr_u8(tb[FRA_IP_PROTO]);
    const guint32 ports = adit_attr_u32(tb[FRA_SPORT_RANGE]);

    *ret = protocol == IPPROTO_UDP && ports == service_ports();
    return *ret || (protocol == 0 && ports == 0);
}

static guint8
action_to_kernel(AditRuleAction action)
{
    switch (action) {
    case ADIT_RULE_LOOKUP: return FR_ACT_TO_TBL;
    case ADIT_RULE_BLACKHOLE: return FR_ACT_BLACKHOLE;
    case ADIT_RULE_UNREACHABLE: return FR_ACT_UNREACHABLE;
    }
    g_assert_not_reached();
}

static gboolean
action_from_kernel(guint8 action, AditRuleAction *ret)
{
    switch (action) {
    case FR_ACT_TO_TBL: *ret = ADIT_RULE_LOOKUP; return TRUE;
    case FR_ACT_BLACKHOLE: *ret = ADIT_RULE_BLACKHOLE; return TRUE;
    case FR_ACT_UNREACHABLE: *ret = ADIT_RULE_UNREACHABLE; return TRUE;
    default: return FALSE;
    }
}

static void
begin(AditMsg *m, AditOpVerb verb, const struct fib_rule_hdr *hdr)
{
    switch (verb) {
    case ADIT_OP_ADD:
        adit_msg_begin(m, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, hdr, sizeof(*hdr));
        break;
    case ADIT_OP_CHANGE: adit_msg_begin(m, RTM_NEWRULE, NLM_F_CREATE, hdr, sizeof(*hdr)); break;
    case ADIT_OP_DELETE: adit_msg_begin(m, RTM_DELRULE, 0, hdr, sizeof(*hdr)); break;
    }
}

/* ip rule add pref 1750 from 10.59.0.2 to any fwmark 0/0x3f000000 iif any oif any
 *   ipproto udp sport 1-32767 lookup 20101 suppress_prefixlength 0 protocol 173 */
void
adit_rule_put(AditMsg *m, AditOpVerb verb, const AditRule *rule)
{
    const struct fib_rule_hdr hdr = {
        .family = rule->family,
        .src_len = rule->src.len,
        .dst_len = rule->dst.len,
        .table = rule->table < 256 ? rule->table : RT_TABLE_UNSPEC,
        .action = action_to_kernel(rule->action),
    };

    begin(m, verb, &hdr);
    adit_msg_u32(m, FRA_PRIORITY, rule->priority);
    if (rule->action == ADIT_RULE_LOOKUP)
        adit_msg_u32(m, FRA_TABLE, rule->table);
    adit_msg_addr(m, FRA_SRC, &rule->src.addr);
    adit_msg_addr(m, FRA_DST, &rule->dst.addr);
    if (rule->mask != 0) {
        adit_msg_u32(m, FRA_FWMARK, rule->mark);
        adit_msg_u32(m, FRA_FWMASK, rule->mask);
    }
    if (rule->iif[0] != '\0')
        adit_msg_string(m, FRA_IIFNAME, rule->iif);
    if (rule->oif[0] != '\0')
        adit_msg_string(m, FRA_OIFNAME, rule->oif);
    if (rule->suppress)
        adit_msg_u32(m, FRA_SUPPRESS_PREFIXLEN, 0);
    if (rule->service) {
        adit_msg_u8(m, FRA_IP_PROTO, IPPROTO_UDP);
        adit_msg_u32(m, FRA_SPORT_RANGE, service_ports());
    }
    adit_msg_u8(m, FRA_PROTOCOL, ADIT_RTPROT); /* how we know it is ours */
}

void
adit_rule_put_dump(AditMsg *m)
{
    const struct fib_rule_hdr hdr = { .family = AF_UNSPEC };

    adit_msg_begin(m, RTM_GETRULE, NLM_F_DUMP, &hdr, sizeof(hdr));
}

/* A selector we do not know (ports, user ids, a kernel of tomorrow's) makes it another rule
 * than the one we would read. */
static gboolean
has_unknown(const struct nlmsghdr *nlh)
{
    const struct nlattr *attr;

    mnl_attr_for_each(attr, nlh, sizeof(struct fib_rule_hdr))
    {
        const guint16 type = mnl_attr_get_type(attr);

        if (type == FRA_PAD)
            continue;
        if (type >= G_N_ELEMENTS(rule_types) || rule_types[type].kind == ADIT_ATTR_IGNORE)
            return TRUE;
    }
    return FALSE;
}

static gboolean
get_prefix(const struct nlattr *attr, guint8 family, guint8 len, AditPrefix *ret)
{
    const AditPrefix any = { 0 };

    *ret = any;
    if (len == 0)
        return TRUE;
    ret->len = len;
    return len <= adit_family_bits(family) && adit_attr_addr(attr, family, &ret->addr);
}

gboolean
adit_rule_get(const struct nlmsghdr *nlh, AditRule *ret)
{
    const struct nlattr *tb[G_N_ELEMENTS(rule_types)];
    const struct fib_rule_hdr *hdr = mnl_nlmsg_get_payload(nlh);
    AditRule rule = { 0 };
    guint32 suppress;

    if ((nlh->nlmsg_type != RTM_NEWRULE && nlh->nlmsg_type != RTM_DELRULE) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), rule_types, G_N_ELEMENTS(rule_types), tb))
        return FALSE;
    if (adit_attr_u8(tb[FRA_PROTOCOL]) != ADIT_RTPROT)
        return FALSE; /* somebody else's: leave it alone */
    if ((hdr->family != AF_INET && hdr->family != AF_INET6) || hdr->tos != 0 ||
        (hdr->flags & FIB_RULE_INVERT) != 0 || has_unknown(nlh) ||
        !action_from_kernel(hdr->action, &rule.action))
        return FALSE;

    suppress =
        tb[FRA_SUPPRESS_PREFIXLEN] ? adit_attr_u32(tb[FRA_SUPPRESS_PREFIXLEN]) : NO_SUPPRESS;
    if (suppress != 0 && suppress != NO_SUPPRESS)
        return FALSE;
    rule.suppress = suppress == 0;
    rule.family = hdr->family;
    rule.priority = adit_attr_u32(tb[FRA_PRIORITY]);
    if (rule.action == ADIT_RULE_LOOKUP)
        rule.table = tb[FRA_TABLE] ? adit_attr_u32(tb[FRA_TABLE]) : hdr->table;
    rule.mask = tb[FRA_FWMARK] && !tb[FRA_FWMASK] ? G_MAXUINT32 : adit_attr_u32(tb[FRA_FWMASK]);
    rule.mark = rule.mask != 0 ? adit_attr_u32(tb[FRA_FWMARK]) : 0; /* compared with nothing */
    if (!get_prefix(tb[FRA_SRC], hdr->family, hdr->src_len, &rule.src) ||
        !get_prefix(tb[FRA_DST], hdr->family, hdr->dst_len, &rule.dst) ||
        !adit_attr_name(tb[FRA_IIFNAME], rule.iif, sizeof(rule.iif)) ||
        !adit_attr_name(tb[FRA_OIFNAME], rule.oif, sizeof(rule.oif)) ||
        !get_service(tb, &rule.service))
        return FALSE;
    *ret = rule;
    return TRUE;
}

static gboolean
prefix_hits(const AditPrefix *asked, const AditPrefix *there)
{
    return asked->len == 0 || adit_prefix_cmp(asked, there) == 0;
}

static gboolean
name_hits(const char *asked, const char *there)
{
    return asked[0] == '\0' || strncmp(asked, there, ADIT_NAME_LEN) == 0;
}

gboolean
adit_rule_delete_hits(const AditRule *rule, const AditRule *other)
{
    return rule->family == other->family && rule->action == other->action &&
           (rule->priority == 0 || rule->priority == other->priority) &&
           (rule->table == 0 || rule->table == other->table) &&
           (rule->mark == 0 || rule->mark == other->mark) &&
           (rule->mask == 0 || rule->mask == other->mask) &&
           (!rule->suppress || other->suppress) && (!rule->service || other->service) &&
           prefix_hits(&rule->src, &other->src) && prefix_hits(&rule->dst, &other->dst) &&
           name_hits(rule->iif, other->iif) && name_hits(rule->oif, other->oif);
}
