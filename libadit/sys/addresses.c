/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/addresses.h"

#include "libadit/sys/syserror.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>

static AditAddr
addr_of(const struct sockaddr *sa)
{
    const AditAddr none = { 0 };

    if (sa && sa->sa_family == AF_INET)
        return adit_addr_from_bytes(AF_INET,
                                    &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
    if (sa && sa->sa_family == AF_INET6)
        return adit_addr_from_bytes(
            AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
    return none;
}

static guint8
length_of(const AditAddr *mask)
{
    guint8 len = 0;

    for (guint i = 0; i < adit_addr_size(mask); i++)
        len += (guint8)__builtin_popcount(mask->bytes[i]);
    return len;
}

GArray *
adit_addresses_read(GError **error)
{
    GArray *addresses;
    struct ifaddrs *list;

    if (getifaddrs(&list) != 0) {
        adit_syserror_set(error, errno, "addresses of this machine");
        return NULL;
    }
    addresses = g_array_new(FALSE, TRUE, sizeof(AditAddress));
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        AditAddress own = { .prefix.addr = addr_of(i->ifa_addr) };
        AditAddr mask = addr_of(i->ifa_netmask);

        if (!adit_addr_is_set(&own.prefix.addr) || adit_addr_is_loopback(&own.prefix.addr) ||
            adit_addr_is_link_local(&own.prefix.addr))
            continue;
        own.prefix.len = length_of(&mask);
        g_strlcpy(own.link, i->ifa_name, sizeof(own.link));
        g_array_append_val(addresses, own);
    }
    freeifaddrs(list);
    return addresses;
}
