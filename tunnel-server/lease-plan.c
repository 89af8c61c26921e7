/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-user.h"

#include "libadit/core/bytes.h"

#include <netinet/in.h>
#include <string.h>

static void
put_user(const AditLease *lease, guint8 flags, guint16 port, guint8 ret[ADIT_LEASE_USER_LEN])
{
    ret[0] = ADIT_LEASE_USER_TYPE;
    ret[1] = ADIT_LEASE_USER_LEN - 2;
    ret[2] = flags;
    adit_put_be32(ret + 3, (guint32)(lease->device >> 32));
    adit_put_be32(ret + 7, (guint32)lease->device);
    memcpy(ret + 11, lease->nonce, ADIT_PCP_NONCE);
    adit_put_be16(ret + 23, port);
}

gboolean
adit_lease_fits(const AditLease *lease, const AditPcpSite *site)
{
    const AditPcpHost *host = adit_pcp_site_host(site, &lease->ends.internal);
    const AditSockAddr external = adit_lease_external(lease);

    return host && host->device == lease->device && host->may_publish &&
           adit_addr_cmp(&host->external, &lease->ends.external) == 0 &&
           !adit_pcp_manuals_at(adit_pcp_site_manuals(site), lease->ends.proto, &external) &&
           !adit_pcp_site_reserved(site, lease->ends.proto, &external);
}

gboolean
adit_lease_follow(const AditLease *lease, const AditPcpSite *site, AditLease *ret)
{
    const AditPcpHost *host = adit_pcp_site_host(site, &lease->ends.internal);

    *ret = *lease;
    if (adit_lease_is_on(lease) || !host || host->device != lease->device || !host->may_publish)
        return FALSE;
    if (!adit_addr_is_set(&host->external))
        return TRUE;
    ret->ends.external = host->external;
    return adit_lease_fits(ret, site);
}

static void
plan_redirect(const AditLease *lease, const AditPcpSite *site, const AditDataplaneMapping *of,
              AditState *ret)
{
    const gboolean https = lease->redirect.mode == ADIT_PCP_REDIRECT_HTTPS;
    const AditPcpHost *host = adit_pcp_site_host(site, &lease->ends.internal);
    const AditSockAddr at = { lease->ends.external, lease->redirect.external_port };
    const AditSockAddr responder = { host->server, ADIT_DATAPLANE_RESPONDER_PORT };
    AditDataplaneMapping redirect =
        adit_dataplane_redirect(of, at.port, https ? &responder : NULL);
    guint8 user[ADIT_LEASE_USER_LEN];

    if (adit_pcp_manuals_at(adit_pcp_site_manuals(site), IPPROTO_TCP, &at))
        return; /* the operator's: it has yielded */
    put_user(lease, ADIT_LEASE_USER_REDIRECT | (https ? ADIT_LEASE_USER_HTTPS : 0),
             lease->ends.external_port, user);
    redirect.user = user;
    adit_dataplane_add_mapping(ret, &redirect);
    if (lease->n_filters > 0)
        adit_dataplane_add_allow(ret, IPPROTO_TCP, &at, lease->filters, lease->n_filters);
}

void
adit_lease_plan(const AditLease *lease, const AditPcpSite *site, gint64 now_ms,
                AditLeaseClock clock, AditState *ret)
{
    const gint64 whole = lease->expires_ms - lease->since_ms + ADIT_LEASE_KERNEL_GRACE_MS;
    const gint64 left = MAX(lease->expires_ms - now_ms + ADIT_LEASE_KERNEL_GRACE_MS, 1);
    guint8 user[ADIT_LEASE_USER_LEN];
    AditDataplaneMapping mapping = { .proto = lease->ends.proto,
                                     .external = adit_lease_external(lease),
                                     .internal = adit_lease_internal(lease),
                                     .user = user,
                                     .user_len = sizeof(user),
                                     .connections = adit_pcp_site_connections(site) };

    if (!adit_lease_is_on(lease))
        return;
    mapping.timeout_ms = (guint64)(clock == ADIT_LEASE_AS_LEFT ? left : whole);
    if (clock == ADIT_LEASE_AS_GRANTED && left < whole)
        mapping.expires_ms = (guint64)left;
    put_user(lease, lease->ends.flags & ADIT_LEASE_SECOND ? ADIT_LEASE_USER_SECOND : 0,
             lease->ends.internal_port, user);
    adit_dataplane_add_mapping(ret, &mapping);
    if (lease->n_filters > 0)
        adit_dataplane_add_allow(ret, mapping.proto, &mapping.external, lease->filters,
                                 lease->n_filters);
    if (lease->redirect.status == ADIT_PCP_REDIRECT_ACTIVE)
        plan_redirect(lease, site, &mapping, ret);
}

/* Beside whether it fits, a site says how many connections it may have, what answers for its
 * redirect, and whether that gives way. */
gboolean
adit_lease_is_alike(const AditLease *lease, const AditPcpSite *a, const AditPcpSite *b)
{
    const AditSockAddr at = { lease->ends.external, lease->redirect.external_port };
    const gboolean fits = adit_lease_fits(lease, a);

    if (fits != adit_lease_fits(lease, b))
        return FALSE;
    if (!fits)
        return TRUE;
    if (adit_pcp_site_connections(a) != adit_pcp_site_connections(b))
        return FALSE;
    return lease->redirect.status != ADIT_PCP_REDIRECT_ACTIVE ||
           (adit_addr_cmp(&adit_pcp_site_host(a, &lease->ends.internal)->server,
                          &adit_pcp_site_host(b, &lease->ends.internal)->server) == 0 &&
            !adit_pcp_manuals_at(adit_pcp_site_manuals(a), IPPROTO_TCP, &at) ==
                !adit_pcp_manuals_at(adit_pcp_site_manuals(b), IPPROTO_TCP, &at));
}
