/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/facts.h"

#include "libadit/core/error.h"
#include "libadit/sys/addresses.h"
#include "libadit/sys/nl.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

typedef struct {
    guint32 index; /* of the link; 0: no way */
    AditAddr router;
} Way;

static gboolean
on_route(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[RTA_MAX + 1] = {
        [RTA_OIF] = { ADIT_ATTR_U32, 0 }, [RTA_GATEWAY] = { ADIT_ATTR_ADDR }
    };
    const struct nlattr *tb[RTA_MAX + 1];
    Way *way = data;

    if (nlh->nlmsg_type != RTM_NEWROUTE ||
        !adit_attrs_parse_msg(nlh, sizeof(struct rtmsg), types, G_N_ELEMENTS(types), tb))
        return TRUE;
    way->index = adit_attr_u32(tb[RTA_OIF]);
    if (tb[RTA_GATEWAY])
        way->router = adit_addr_from_bytes(
            mnl_attr_get_payload_len(tb[RTA_GATEWAY]) == 4 ? AF_INET : AF_INET6,
            mnl_attr_get_payload(tb[RTA_GATEWAY]));
    return TRUE;
}

/* ip route get ADDR: where to send what is for @addr. */
static Way
find_way(const AditAddr *addr)
{
    const struct rtmsg header = { .rtm_family = addr->family,
                                  .rtm_dst_len = (guint8)adit_family_bits(addr->family) };
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_ROUTE, NULL);
    g_autoptr(AditMsg) m = adit_msg_new();
    const Way none = { 0 };
    Way way = { 0 };

    adit_msg_begin(m, RTM_GETROUTE, NLM_F_REQUEST, &header, sizeof(header));
    adit_msg_bytes(m, RTA_DST, addr->bytes, adit_addr_size(addr));
    return nl && adit_nl_call(nl, m, on_route, &way, NULL, NULL) ? way : none;
}

/* Documentation addresses, so that nothing but a default route matches. */
static Way
find_way4(void)
{
    const guint8 anywhere[4] = { 198, 51, 100, 1 };
    AditAddr addr = adit_addr_from_bytes(AF_INET, anywhere);

    return find_way(&addr);
}

static Way
find_way6(void)
{
    const guint8 anywhere[16] = { 0x20, 0x01, 0x0d, 0xb8 };
    AditAddr addr = adit_addr_from_bytes(AF_INET6, anywhere);
    Way way = find_way(&addr);

    if (way.index == if_nametoindex("lo"))
        way.index = 0;
    return way;
}

static gboolean
find_wan(char ret[ADIT_NAME_LEN], GError **error)
{
    const Way way = find_way4();

    if (way.index == 0 || !if_indextoname(way.index, ret)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "WAN: no IPv4 default route on this machine: name the interface with "
                    "adit-server setup --wan IFACE");
        return FALSE;
    }
    return TRUE;
}

gboolean
adit_server_facts_has_ipv4(void)
{
    return find_way4().index != 0;
}

gboolean
adit_server_facts_has_ipv6(void)
{
    return find_way6().index != 0;
}

gboolean
adit_server_facts_find_router6(AditAddr *ret)
{
    const Way way = find_way6();

    *ret = way.router;
    return way.index != 0 && adit_addr_is_set(&way.router);
}

/* ip -6 addr show deprecated */
static gboolean
on_address(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[IFA_MAX + 1] = {
        [IFA_ADDRESS] = { ADIT_ATTR_ADDR }, [IFA_FLAGS] = { ADIT_ATTR_U32 }
    };
    const struct nlattr *tb[IFA_MAX + 1];
    AditAddr addr;

    if (nlh->nlmsg_type == RTM_NEWADDR &&
        adit_attrs_parse_msg(nlh, sizeof(struct ifaddrmsg), types, G_N_ELEMENTS(types), tb) &&
        (adit_attr_u32(tb[IFA_FLAGS]) & IFA_F_DEPRECATED) != 0 &&
        adit_attr_addr(tb[IFA_ADDRESS], AF_INET6, &addr))
        g_array_append_val((GArray *)data, addr);
    return TRUE;
}

static void
forget(gpointer data)
{
    g_array_set_size(data, 0);
}

/* Of a network that the router has given up, and the kernel keeps for what is still at it. */
static GArray *
read_deprecated(void)
{
    const struct ifaddrmsg header = { .ifa_family = AF_INET6 };
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_ROUTE, NULL);
    g_autoptr(AditMsg) m = adit_msg_new();
    GArray *list = g_array_new(FALSE, FALSE, sizeof(AditAddr));

    adit_msg_begin(m, RTM_GETADDR, NLM_F_REQUEST, &header, sizeof(header));
    if (nl)
        adit_nl_dump(nl, m, on_address, forget, list, NULL);
    return list;
}

static gboolean
is_among(const GArray *list, const AditAddr *addr)
{
    for (guint i = 0; i < list->len; i++)
        if (adit_addr_cmp(&g_array_index(list, AditAddr, i), addr) == 0)
            return TRUE;
    return FALSE;
}

gboolean
adit_server_facts_read(const char *wan, AditServerFacts *ret, GError **error)
{
    g_autoptr(GArray) prefixes = g_array_new(FALSE, TRUE, sizeof(AditPrefix));
    g_autoptr(GArray) addresses = NULL, deprecated = NULL;
    AditServerFacts facts = { 0 };

    if (wan && if_nametoindex(wan) == 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "WAN: %s: no such interface: name another by adit-server setup --wan IFACE",
                    wan);
        return FALSE;
    }
    if (wan)
        g_strlcpy(facts.wan, wan, sizeof(facts.wan));
    else if (!find_wan(facts.wan, error))
        return FALSE;
    addresses = adit_addresses_read(error);
    if (!addresses)
        return FALSE;
    deprecated = read_deprecated();
    for (guint i = 0; i < addresses->len; i++) {
        const AditAddress *own = &g_array_index(addresses, AditAddress, i);

        if (!g_str_equal(own->link, facts.wan))
            continue;
        facts.n_deprecated += is_among(deprecated, &own->prefix.addr);
        if (is_among(deprecated, &own->prefix.addr))
            g_array_append_val(prefixes, own->prefix);
        else
            g_array_insert_val(prefixes, prefixes->len - facts.n_deprecated, own->prefix);
    }
    adit_server_facts_find_router6(&facts.router6);
    facts.n_wan_prefixes = prefixes->len;
    facts.wan_prefixes = (AditPrefix *)g_array_free(g_steal_pointer(&prefixes), FALSE);
    *ret = facts;
    return TRUE;
}
