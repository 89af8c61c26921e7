/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"
#include "tunnel-server/plan.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Some networks let out nothing but UDP 443 or 53. A spare port is a mapping like any other, of
 * each address of the WAN to WireGuard's own port there. */

static gboolean
is_published(const AditModel *model, guint16 port)
{
    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (publish->family == AF_INET && publish->enabled &&
            adit_publish_has_port(publish, ADIT_PROTO_UDP, port))
            return TRUE;
    }
    return FALSE;
}

static void
add_port(AditState *want, const AditModel *model, const AditAddr *addr, guint16 port)
{
    const AditDataplaneMapping mapping = { .proto = IPPROTO_UDP,
                                           .external = { *addr, port },
                                           .internal = { *addr, model->listen_port } };

    if (port != model->listen_port && !adit_addr_is_link_local(addr) &&
        (addr->family == AF_INET6 || !is_published(model, port)))
        adit_dataplane_add_mapping(want, &mapping);
}

void
adit_server_add_spare(AditState *want, const AditModel *model, const AditServerFacts *facts,
                      const AditPortList *spare)
{
    for (guint i = 0; i < facts->n_wan_prefixes; i++)
        for (guint k = 0; k < spare->len; k++)
            for (guint port = spare->ranges[k].first; port <= spare->ranges[k].last; port++)
                add_port(want, model, &facts->wan_prefixes[i].addr, (guint16)port);
}
