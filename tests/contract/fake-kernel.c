/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "libadit/core/error.h"
#include "libadit/sys/nl.h"
#include "libadit/sys/sysctl.h"
#include "libadit/sys/syserror.h"
#include "libadit/wire/ack.h"
#include "libadit/wire/rtnl-address.h"
#include "libadit/wire/rtnl-link.h"
#include "libadit/wire/rtnl-neighbour.h"
#include "libadit/wire/rtnl-route.h"
#include "libadit/wire/rtnl-rule.h"
#include "tests/contract/kernel.h"

/* A kernel in one file: it takes the place of sys/nl.c and sys/sysctl.c, keeps the requests
 * that made its objects, reads them by our own _get, and gives them back as answers to a dump.
 */

typedef struct {
    AditKind kind;
    gboolean foreign;
    struct nlmsghdr *nlh; /* the request that made it */
} Thing;

typedef union {
    AditLink link;
    AditAddress address;
    AditRoute route;
    AditRule rule;
    AditNeighbour neighbour;
} Object;

struct _AditNl {
    int unused;
};

static GArray *things;
static GHashTable *settings;
static guint32 last_ifindex;
static guint sent;

static gboolean
kind_of(guint16 type, AditKind *ret)
{
    static const struct {
        guint16 base;
        AditKind kind;
    } rows[] = {
        { RTM_NEWLINK, ADIT_KIND_LINK },       { RTM_NEWADDR, ADIT_KIND_ADDRESS },
        { RTM_NEWROUTE, ADIT_KIND_ROUTE },     { RTM_NEWRULE, ADIT_KIND_RULE },
        { RTM_NEWNEIGH, ADIT_KIND_NEIGHBOUR },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        if (type >= rows[i].base && type < rows[i].base + 4) {
            *ret = rows[i].kind;
            return TRUE;
        }
    return FALSE;
}

/* The object of @nlh; in place of the link's name stands its index. */
static gboolean
read_object(AditKind kind, const struct nlmsghdr *nlh, Object *ret)
{
    guint32 ifindex = 0;
    char kind_name[ADIT_NAME_LEN];
    gboolean ok = FALSE;
    char *link = NULL;

    memset(ret, 0, sizeof(*ret));
    if (kind == ADIT_KIND_LINK)
        return adit_link_get(nlh, &ret->link, &ifindex, kind_name);
    if (kind == ADIT_KIND_RULE)
        return adit_rule_get(nlh, &ret->rule);
    if (kind == ADIT_KIND_ADDRESS) {
        ok = adit_address_get(nlh, &ret->address, &ifindex);
        link = ret->address.link;
    } else if (kind == ADIT_KIND_ROUTE) {
        ok = adit_route_get(nlh, &ret->route, &ifindex);
        link = ret->route.link;
    } else if (kind == ADIT_KIND_NEIGHBOUR) {
        gboolean ours;

        ok = adit_neighbour_get(nlh, &ret->neighbour, &ifindex, &ours);
        link = ret->neighbour.link;
    }
    if (ok && ifindex != 0)
        g_snprintf(link, ADIT_NAME_LEN, "%u", ifindex);
    return ok;
}

static guint32
ifindex_of(const Thing *thing)
{
    Object object;
    const char *link = "0";

    if (thing->kind == ADIT_KIND_LINK)
        return ((const struct ifinfomsg *)mnl_nlmsg_get_payload(thing->nlh))->ifi_index;
    if (!read_object(thing->kind, thing->nlh, &object))
        return 0;
    if (thing->kind == ADIT_KIND_ADDRESS)
        link = object.address.link;
    else if (thing->kind == ADIT_KIND_ROUTE)
        link = object.route.link;
    else if (thing->kind == ADIT_KIND_NEIGHBOUR)
        link = object.neighbour.link;
    return g_ascii_strtoull(link, NULL, 10);
}

static Thing *
get_thing(guint i)
{
    return &g_array_index(things, Thing, i);
}

static Thing *
find_object(AditKind kind, const Object *object)
{
    Object other;

    for (guint i = 0; i < things->len; i++)
        if (get_thing(i)->kind == kind && read_object(kind, get_thing(i)->nlh, &other) &&
            adit_object_cmp(kind, object, &other) == 0)
            return get_thing(i);
    return NULL;
}

static Thing *
find_link(guint32 ifindex)
{
    for (guint i = 0; i < things->len; i++)
        if (get_thing(i)->kind == ADIT_KIND_LINK && ifindex_of(get_thing(i)) == ifindex)
            return get_thing(i);
    return NULL;
}

static void
clear_thing(gpointer data)
{
    Thing *thing = data;

    g_free(thing->nlh);
}

static void
remove_thing(Thing *thing)
{
    g_array_remove_index(things, thing - get_thing(0));
}

/* A link takes along what hangs on it. */
static void
remove_link(guint32 ifindex)
{
    for (guint i = things->len; i-- > 0;)
        if (ifindex_of(get_thing(i)) == ifindex)
            remove_thing(get_thing(i));
}

static Thing *
keep(AditKind kind, const struct nlmsghdr *nlh)
{
    const Thing thing = { kind, FALSE, g_memdup2(nlh, nlh->nlmsg_len) };

    g_array_append_val(things, thing);
    return get_thing(things->len - 1);
}

static int
handle_link(const struct nlmsghdr *nlh)
{
    const struct ifinfomsg *hdr = mnl_nlmsg_get_payload(nlh);
    Thing *thing = find_link(hdr->ifi_index);
    struct ifinfomsg *kept;

    if (nlh->nlmsg_type == RTM_DELLINK) {
        if (thing == NULL)
            return ENODEV;
        remove_link(hdr->ifi_index);
        return 0;
    }
    if ((nlh->nlmsg_flags & NLM_F_CREATE) != 0) {
        kept = mnl_nlmsg_get_payload(keep(ADIT_KIND_LINK, nlh)->nlh);
        kept->ifi_index = ++last_ifindex;
        return 0;
    }
    if (thing == NULL)
        return ENODEV;
    kept = mnl_nlmsg_get_payload(thing->nlh);
    kept->ifi_flags = (kept->ifi_flags & ~hdr->ifi_change) | (hdr->ifi_flags & hdr->ifi_change);
    return 0;
}

static int
handle(const struct nlmsghdr *nlh)
{
    const gboolean deleting = (nlh->nlmsg_type & 3) == 1;
    AditKind kind;
    Object object;
    Thing *found;

    if (!kind_of(nlh->nlmsg_type, &kind))
        return EOPNOTSUPP;
    if (kind == ADIT_KIND_LINK)
        return handle_link(nlh);
    if (!read_object(kind, nlh, &object))
        return EINVAL;
    found = find_object(kind, &object);
    if (deleting && found == NULL)
        return ESRCH;
    if (!deleting && found != NULL && (nlh->nlmsg_flags & NLM_F_EXCL) != 0)
        return EEXIST;
    if (found != NULL)
        remove_thing(found);
    if (!deleting)
        keep(kind, nlh);
    return 0;
}

AditNl *
adit_nl_open(int protocol, GError **error)
{
    g_assert_cmpint(protocol, ==, NETLINK_ROUTE);
    return g_new0(AditNl, 1);
}

void
adit_nl_close(AditNl *nl)
{
    g_free(nl);
}

/* In the words and with the code of the real thing. */
static void
refuse(GError **error, int number)
{
    const struct nlmsgerr verdict = { .error = -number };
    g_autoptr(AditMsg) m = adit_msg_new();
    gsize len;

    adit_msg_begin(m, NLMSG_ERROR, NLM_F_CAPPED, &verdict, sizeof(verdict));
    adit_ack_get((const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len), NULL, error);
}

gboolean
adit_nl_call(AditNl *nl, AditMsg *m, AditNlFunc func, gpointer data, guint *ret_failed,
             GError **error)
{
    gsize len;
    const guint8 *bytes = adit_msg_data(m, &len);
    gboolean ok = TRUE;
    int left;
    guint n = 0;

    if (!adit_msg_check(m, error))
        return FALSE;
    bytes = adit_msg_data(m, &len);
    left = len;
    sent += adit_msg_count(m);
    for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)(gconstpointer)bytes;
         mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left), n++) {
        const int refusal = handle(nlh);

        if (refusal != 0 && ok) { /* what stands behind it is carried out all the same */
            ok = FALSE;
            refuse(error, refusal);
            if (ret_failed != NULL)
                *ret_failed = n;
        }
    }
    return ok;
}

static gboolean
is_asked_for(const struct nlmsghdr *request, const Thing *thing)
{
    const struct rtgenmsg *asked = mnl_nlmsg_get_payload(request);
    const struct rtgenmsg *there = mnl_nlmsg_get_payload(thing->nlh);
    AditKind kind = ADIT_N_KINDS;

    g_assert_true(kind_of(request->nlmsg_type, &kind));
    if (kind != thing->kind ||
        (asked->rtgen_family != AF_UNSPEC && asked->rtgen_family != there->rtgen_family))
        return FALSE;
    if (kind == ADIT_KIND_ROUTE)
        return ((const struct rtmsg *)asked)->rtm_protocol ==
               ((const struct rtmsg *)there)->rtm_protocol;
    if (kind == ADIT_KIND_NEIGHBOUR)
        return (((const struct ndmsg *)(gconstpointer)asked)->ndm_flags & NTF_PROXY) != 0;
    return TRUE;
}

gboolean
adit_nl_dump(AditNl *nl, AditMsg *request, AditNlFunc func, void (*restart)(gpointer data),
             gpointer data, GError **error)
{
    gsize len;
    const struct nlmsghdr *nlh;

    if (!adit_msg_check(request, error))
        return FALSE;
    nlh = (const struct nlmsghdr *)(gconstpointer)adit_msg_data(request, &len);
    for (guint i = 0; i < things->len; i++)
        if (is_asked_for(nlh, get_thing(i)) && !func(get_thing(i)->nlh, data, error))
            return FALSE;
    return TRUE;
}

char *
adit_sysctl_read(const char *path, GError **error)
{
    const char *value = g_hash_table_lookup(settings, path);

    if (value == NULL)
        adit_syserror_set(error, ENOENT, "%s", path);
    return g_strdup(value);
}

gboolean
adit_sysctl_write(const char *path, const char *value, GError **error)
{
    if (!g_hash_table_contains(settings, path)) {
        adit_syserror_set(error, ENOENT, "%s", path);
        return FALSE;
    }
    sent++;
    g_hash_table_replace(settings, g_strdup(path), g_strdup(value));
    return TRUE;
}

gboolean
test_kernel_open(char **ret_why)
{
    things = g_array_new(FALSE, FALSE, sizeof(Thing));
    g_array_set_clear_func(things, clear_thing);
    settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    test_kernel_add_link("adit0");
    test_kernel_add_link("adit1");
    test_kernel_add_link("out0");
    return TRUE;
}

void
test_kernel_add_link(const char *name)
{
    AditLink link = { .mtu = 1500, .up = TRUE };
    g_autoptr(AditMsg) m = adit_msg_new();
    gsize len;

    g_strlcpy(link.name, name, sizeof(link.name));
    adit_link_put(m, ADIT_OP_ADD, &link, 0);
    g_assert_cmpint(handle((const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len)), ==,
                    0);
    g_hash_table_replace(settings, g_strdup_printf("net/ipv4/conf/%s/rp_filter", name),
                         g_strdup("0"));
}

static guint32
index_of(const char *name)
{
    Object object;

    for (guint i = 0; i < things->len; i++)
        if (get_thing(i)->kind == ADIT_KIND_LINK &&
            read_object(ADIT_KIND_LINK, get_thing(i)->nlh, &object) &&
            g_str_equal(object.link.name, name))
            return ifindex_of(get_thing(i));
    g_assert_not_reached();
}

void
test_kernel_del_link(const char *name)
{
    remove_link(index_of(name));
}

/* One of ours with another protocol: no longer ours, and alike in everything else. */
static void
keep_foreign(AditKind kind, AditMsg *m, gsize header, guint16 protocol_attr, guint8 protocol)
{
    gsize len;
    Thing *thing = keep(kind, (const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len));
    struct nlattr *attr;

    thing->foreign = TRUE;
    if (kind == ADIT_KIND_ROUTE)
        ((struct rtmsg *)mnl_nlmsg_get_payload(thing->nlh))->rtm_protocol = protocol;
    mnl_attr_for_each(attr, thing->nlh, header)
    {
        if (protocol_attr != 0 && mnl_attr_get_type(attr) == protocol_attr)
            *(guint8 *)mnl_attr_get_payload(attr) = protocol;
    }
    adit_msg_free(m);
}

void
test_kernel_plant_foreign(void)
{
    const guint32 out0 = index_of("out0");
    AditRule rule = { AF_INET6, 1750, ADIT_RULE_LOOKUP, 20101 };
    AditRoute route = { .table = 20101, .metric = 4000, .type = ADIT_ROUTE_BLACKHOLE };
    AditAddress address = { 0 };
    AditNeighbour neighbour = { 0 };
    AditMsg *m = adit_msg_new();

    adit_rule_put(m, ADIT_OP_ADD, &rule);
    keep_foreign(ADIT_KIND_RULE, m, sizeof(struct fib_rule_hdr), FRA_PROTOCOL, 99);
    g_assert_true(adit_prefix_parse("::/0", &route.dst, NULL));
    m = adit_msg_new();
    adit_route_put(m, ADIT_OP_ADD, &route, 0);
    keep_foreign(ADIT_KIND_ROUTE, m, sizeof(struct rtmsg), 0, 99);
    g_assert_true(adit_prefix_parse("192.0.2.200/24", &address.prefix, NULL));
    m = adit_msg_new();
    adit_address_put(m, ADIT_OP_ADD, &address, out0);
    keep_foreign(ADIT_KIND_ADDRESS, m, sizeof(struct ifaddrmsg), 0, 0);
    g_assert_true(adit_addr_parse("2001:db8:f::1", &neighbour.addr, NULL));
    m = adit_msg_new();
    adit_neighbour_put(m, ADIT_OP_ADD, &neighbour, out0);
    keep_foreign(ADIT_KIND_NEIGHBOUR, m, sizeof(struct ndmsg), NDA_PROTOCOL, 0);
}

char *
test_kernel_foreign(void)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < things->len; i++) {
        const Thing *thing = get_thing(i);

        for (guint32 j = 0; thing->foreign && j < thing->nlh->nlmsg_len; j++)
            g_string_append_printf(text, "%02x", ((const guint8 *)thing->nlh)[j]);
    }
    return g_string_free(text, FALSE);
}

guint
test_kernel_sent(void)
{
    return sent;
}

void
test_kernel_close(void)
{
    g_array_unref(things);
    g_hash_table_unref(settings);
}
