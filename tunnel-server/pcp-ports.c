/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-ports.h"

#include <netinet/in.h>

#define POOL_FIRST 1024 /* below, a device gets only what it names */
#define POOL_SIZE (65536 - POOL_FIRST)
#define REDIRECT_PORT 80

static const char *
name_of(const AditPcpDesk *desk, const AditLease *lease)
{
    const AditPcpHost *host = adit_pcp_site_host(desk->site, &lease->ends.internal);

    return host ? host->name : "another device";
}

AditPcpVerdict
adit_pcp_port_look(const AditPcpDesk *desk, const AditPcpPort *port)
{
    AditPcpVerdict v = { .port = port->external.port, .lifetime = ADIT_PCP_ERROR_LONG };
    const AditLease *lease =
        adit_lease_find_external(desk->table, port->proto, &port->external);
    const AditPcpManual *manual;
    gint64 before;

    if (lease) {
        v.state = ADIT_PCP_PORT_HELD;
        v.lifetime = MIN(adit_lease_left(lease, desk->now_ms), ADIT_PCP_ERROR_LONG);
        v.holder = name_of(desk, lease);
        return v;
    }
    manual =
        adit_pcp_manuals_at(adit_pcp_site_manuals(desk->site), port->proto, &port->external);
    if (manual) {
        v.state = ADIT_PCP_PORT_MANUAL;
        v.holder = manual->name;
        return v;
    }
    v.holder = adit_pcp_site_reserved(desk->site, port->proto, &port->external);
    if (!v.holder)
        v.holder = adit_pcp_site_listener(desk->site, port->proto, &port->external);
    if (v.holder) {
        v.state = ADIT_PCP_PORT_RESERVED;
        return v;
    }
    before = adit_lease_freed_by(desk->table, port->proto, &port->external, desk->now_ms);
    if (before != 0 && before != port->device) {
        v.state = ADIT_PCP_PORT_RECYCLING;
        v.lifetime = ADIT_PCP_ERROR_SHORT;
        v.holder = "another device until a moment ago";
    }
    return v;
}

/* All ports of the row that begins at @first, or the verdict about the one in the way. */
static AditPcpVerdict
look_at_row(const AditPcpDesk *desk, const AditPcpPort *port, guint first, guint size)
{
    AditPcpPort at = *port;
    AditPcpVerdict v = { .state = ADIT_PCP_PORT_RESERVED, .holder = "nobody: no such port" };

    for (guint i = 0; i < size && first + i <= G_MAXUINT16; i++) {
        at.external.port = (guint16)(first + i);
        v = adit_pcp_port_look(desk, &at);
        if (v.state != ADIT_PCP_PORT_FREE)
            return v;
    }
    if (first + size > G_MAXUINT16 + 1u)
        v.state = ADIT_PCP_PORT_RESERVED;
    v.port = (guint16)first;
    v.size = (guint16)size;
    return v;
}

/* From a random place on, once around the pool. Behind a port that is in the way the next row
 * begins, so that each port is looked at once. */
static gboolean
search(const AditPcpDesk *desk, const AditPcpPort *port, guint size, guint parity,
       AditPcpVerdict *ret)
{
    const guint begin = POOL_FIRST + desk->dice % POOL_SIZE;

    for (guint i = 0; i < POOL_SIZE;) {
        const guint first = POOL_FIRST + (begin - POOL_FIRST + i) % POOL_SIZE;
        AditPcpVerdict v;

        if (port->parity && (first & 1) != parity) {
            i++;
            continue;
        }
        v = look_at_row(desk, port, first, size);
        if (v.state == ADIT_PCP_PORT_FREE) {
            *ret = v;
            return TRUE;
        }
        i += v.port >= first ? v.port - first + 1u : 1u;
    }
    return FALSE;
}

AditPcpVerdict
adit_pcp_port_choose(const AditPcpDesk *desk, const AditPcpPort *port, guint16 internal,
                     gboolean exactly)
{
    const guint wanted = port->external.port != 0 ? port->external.port : internal;
    guint size = MAX(port->size, 1u);
    AditPcpVerdict first = look_at_row(desk, port, wanted, size), other;

    if (first.state == ADIT_PCP_PORT_FREE || exactly)
        return first;
    for (; size > 0; size /= 2)
        if (search(desk, port, size, internal & 1, &other))
            return other;
    return first;
}

/* Answering 308 means https:// without a port, so that only a mapping of 443 can have it. */
static gboolean
makes_sense(const AditLease *lease)
{
    const AditPcpRedirect *redirect = &lease->redirect;

    if (lease->ends.proto != IPPROTO_TCP || redirect->external_port != REDIRECT_PORT ||
        lease->ends.external_port == REDIRECT_PORT)
        return FALSE;
    return redirect->mode == ADIT_PCP_REDIRECT_PORT ||
           (redirect->mode == ADIT_PCP_REDIRECT_HTTPS && lease->ends.external_port == 443);
}

AditPcpRedirectStatus
adit_pcp_redirect_status(const AditPcpDesk *desk, const AditLease *lease)
{
    const AditPcpPort port = { .proto = IPPROTO_TCP,
                               .external = { lease->ends.external,
                                             lease->redirect.external_port },
                               .device = lease->device };
    const AditLease *other = adit_lease_find_redirect(desk->table, &port.external);

    if (!makes_sense(lease) || (other && other->node != lease->node))
        return ADIT_PCP_REDIRECT_REFUSED;
    switch (adit_pcp_port_look(desk, &port).state) {
    case ADIT_PCP_PORT_FREE: return ADIT_PCP_REDIRECT_ACTIVE;
    case ADIT_PCP_PORT_HELD:
    case ADIT_PCP_PORT_MANUAL: return ADIT_PCP_REDIRECT_YIELDED;
    case ADIT_PCP_PORT_RECYCLING:
    case ADIT_PCP_PORT_RESERVED: return ADIT_PCP_REDIRECT_REFUSED;
    }
    g_assert_not_reached();
}
