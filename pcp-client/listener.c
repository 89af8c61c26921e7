/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

static gboolean
is_of(const AditListening *l, const AditPorts *ports)
{
    const AditProto proto = l->protocol == IPPROTO_UDP ? ADIT_PROTO_UDP : ADIT_PROTO_TCP;

    return (ports->proto & proto) && l->port >= ports->first && l->port <= ports->last;
}

/* A wildcard of IPv6 takes IPv4 too, unless its program said otherwise. */
static gboolean
is_at(const AditListening *l, const AditAddr *own)
{
    if (!adit_addr_is_unspecified(&l->addr))
        return adit_addr_cmp(&l->addr, own) == 0;
    return l->addr.family == own->family || (l->addr.family == AF_INET6 && l->v6only != 1);
}

AditListener
adit_listener_find(const GArray *listening, const AditPorts *ports, const AditAddr *own,
                   guint32 ifindex)
{
    AditListener found = ADIT_LISTENER_NOBODY;

    for (guint i = 0; i < listening->len; i++) {
        const AditListening *l = &g_array_index(listening, AditListening, i);

        if (!is_of(l, ports))
            continue;
        if (is_at(l, own) && (l->ifindex == 0 || l->ifindex == ifindex))
            return ADIT_LISTENER_HERE;
        if (!adit_addr_is_loopback(&l->addr))
            found = ADIT_LISTENER_OTHER;
        else if (found == ADIT_LISTENER_NOBODY)
            found = ADIT_LISTENER_LOOPBACK;
    }
    return found;
}

AditListener
adit_listener_anywhere(const GArray *listening, const AditPorts *ports)
{
    AditListener found = ADIT_LISTENER_NOBODY;

    for (guint i = 0; i < listening->len; i++) {
        const AditListening *l = &g_array_index(listening, AditListening, i);

        if (!is_of(l, ports))
            continue;
        if (!adit_addr_is_loopback(&l->addr))
            return ADIT_LISTENER_HERE;
        found = ADIT_LISTENER_LOOPBACK;
    }
    return found;
}

const char *
adit_listener_words(AditListener listener)
{
    switch (listener) {
    case ADIT_LISTENER_HERE: return "";
    case ADIT_LISTENER_NOBODY: return "nothing listens on it";
    case ADIT_LISTENER_LOOPBACK:
        return "it listens on the loopback address only, where no visitor comes: let the "
               "service listen on 0.0.0.0 and ::";
    case ADIT_LISTENER_OTHER:
        return "it listens on other addresses of this machine only: let the service listen on "
               "0.0.0.0 and ::";
    }
    g_assert_not_reached();
}
