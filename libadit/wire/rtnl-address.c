/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/rtnl-address.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define FOREVER G_MAXUINT32
#define KERNEL_LAST 3 /* IFAPROT_KERNEL_LO, _RA and _LL are 1 to 3 */

static const AditAttrType address_types[] = {
    [IFA_ADDRESS] = { ADIT_ATTR_ADDR },
    [IFA_LOCAL] = { ADIT_ATTR_ADDR },
    [IFA_CACHEINFO] = { ADIT_ATTR_EXACT, sizeof(struct ifa_cacheinfo) },
    [IFA_FLAGS] = { ADIT_ATTR_U32 },
    [IFA_PROTO] = { ADIT_ATTR_U8 },
};

static void
begin(AditMsg *m, AditOpVerb verb, const struct ifaddrmsg *hdr)
{
    switch (verb) {
    case ADIT_OP_ADD:
        adit_msg_begin(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, hdr, sizeof(*hdr));
        break;
    case ADIT_OP_CHANGE:
        adit_msg_begin(m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, hdr, sizeof(*hdr));
        break;
    case ADIT_OP_DELETE: adit_msg_begin(m, RTM_DELADDR, 0, hdr, sizeof(*hdr)); break;
    }
}

/* A tunnel knows no duplicates, but the kernel still calls a new IPv6 address tentative until a
 * worker has run, and refuses it as the source of a route meanwhile: hence nodad. */
static guint32
flags_of(const AditAddress *address)
{
    return (address->no_prefix_route ? IFA_F_NOPREFIXROUTE : 0) |
           (address->prefix.addr.family == AF_INET6 ? IFA_F_NODAD : 0);
}

/* ip addr add 10.59.0.2/24 dev wg0 preferred_lft 0 noprefixroute nodad proto 173 */
void
adit_address_put(AditMsg *m, AditOpVerb verb, const AditAddress *address, guint32 ifindex)
{
    const struct ifaddrmsg hdr = {
        .ifa_family = address->prefix.addr.family,
        .ifa_prefixlen = address->prefix.len,
        .ifa_scope =
            adit_addr_is_link_local(&address->prefix.addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
        .ifa_index = ifindex,
    };
    const struct ifa_cacheinfo life = {
        .ifa_prefered = address->deprecated ? 0 : FOREVER,
        .ifa_valid = FOREVER,
    };

    begin(m, verb, &hdr);
    adit_msg_addr(m, IFA_LOCAL, &address->prefix.addr);
    adit_msg_addr(m, IFA_ADDRESS, &address->prefix.addr);
    if (verb == ADIT_OP_DELETE)
        return;
    adit_msg_bytes(m, IFA_CACHEINFO, &life, sizeof(life));
    adit_msg_u32(m, IFA_FLAGS, flags_of(address));
    adit_msg_u8(m, IFA_PROTO, ADIT_RTPROT); /* for the reader of ip addr */
}

void
adit_address_put_dump(AditMsg *m)
{
    const struct ifaddrmsg hdr = { .ifa_family = AF_UNSPEC };

    adit_msg_begin(m, RTM_GETADDR, NLM_F_DUMP, &hdr, sizeof(hdr));
}

static gboolean
is_deprecated(guint32 flags, const struct nlattr *cacheinfo)
{
    gsize len;
    const struct ifa_cacheinfo *life = adit_attr_data(cacheinfo, &len);

    return (flags & IFA_F_DEPRECATED) != 0 || (life != NULL && life->ifa_prefered == 0);
}

gboolean
adit_address_get(const struct nlmsghdr *nlh, AditAddress *ret, guint32 *ret_ifindex)
{
    const struct nlattr *tb[G_N_ELEMENTS(address_types)];
    const struct ifaddrmsg *hdr = mnl_nlmsg_get_payload(nlh);
    AditAddress address = { 0 };
    guint32 flags;
    guint8 maker;

    if ((nlh->nlmsg_type != RTM_NEWADDR && nlh->nlmsg_type != RTM_DELADDR) ||
        !adit_attrs_parse_msg(nlh, sizeof(*hdr), address_types, G_N_ELEMENTS(address_types),
                              tb))
        return FALSE;
    maker = adit_attr_u8(tb[IFA_PROTO]);
    if (maker >= 1 && maker <= KERNEL_LAST)
        return FALSE;
    /* On a point-to-point link IFA_ADDRESS is the other end. */
    if (!adit_attr_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], hdr->ifa_family,
                        &address.prefix.addr) ||
        hdr->ifa_prefixlen > adit_family_bits(hdr->ifa_family))
        return FALSE;

    flags = tb[IFA_FLAGS] ? adit_attr_u32(tb[IFA_FLAGS]) : hdr->ifa_flags;
    address.prefix.len = hdr->ifa_prefixlen;
    address.deprecated = is_deprecated(flags, tb[IFA_CACHEINFO]);
    address.no_prefix_route = (flags & IFA_F_NOPREFIXROUTE) != 0;
    *ret = address;
    *ret_ifindex = hdr->ifa_index;
    return TRUE;
}
