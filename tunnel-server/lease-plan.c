/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-plan.h"

#include "libadit/core/bytes.h"
#include "libadit/core/element.h"
#include "tunnel-server/dataplane.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* User data of an open port, so that a restarted server knows whose it is. nft(8) skips what it
 * does not know, if it comes as type, length, value. The last two octets are the inside port,
 * or, in a redirect, the outside port of the mapping it belongs to.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+---------------+---------------+
 *   |   Type 0x41   |  Length = 23  |     Flags     |               |
 *   +---------------+---------------+---------------+               |
 *   |                     Device's id (64 bits)     +---------------+
 *   |                                               |               |
 *   +-----------------------------------------------+               |
 *   |                     Nonce (96 bits)           +---------------+
 *   |                                               |     Port      :
 *   +-----------------------------------------------+---------------+
 */
#define USER_TYPE 0x41
#define USER_LEN 25
#define USER_SECOND 0x01
#define USER_REDIRECT 0x02
#define USER_HTTPS 0x04 /* of a redirect: its mode */

static void
put_user(const AditLease *lease, guint8 flags, guint16 port, guint8 ret[USER_LEN])
{
    ret[0] = USER_TYPE;
    ret[1] = USER_LEN - 2;
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
           !adit_pcp_site_manual(site, lease->ends.proto, &external) &&
           !adit_pcp_site_reserved(site, lease->ends.proto, &external);
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
    guint8 user[USER_LEN];

    if (adit_pcp_site_manual(site, IPPROTO_TCP, &at))
        return; /* the operator's: it has yielded */
    put_user(lease, USER_REDIRECT | (https ? USER_HTTPS : 0), lease->ends.external_port, user);
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
    guint8 user[USER_LEN];
    AditDataplaneMapping mapping = { .proto = lease->ends.proto,
                                     .external = adit_lease_external(lease),
                                     .internal = adit_lease_internal(lease),
                                     .user = user,
                                     .user_len = sizeof(user) };

    if (!adit_lease_is_on(lease))
        return;
    mapping.timeout_ms = (guint64)(clock == ADIT_LEASE_AS_LEFT ? left : whole);
    if (clock == ADIT_LEASE_AS_GRANTED && left < whole)
        mapping.expires_ms = (guint64)left;
    put_user(lease, lease->ends.flags & ADIT_LEASE_SECOND ? USER_SECOND : 0,
             lease->ends.internal_port, user);
    adit_dataplane_add_mapping(ret, &mapping);
    if (lease->n_filters > 0)
        adit_dataplane_add_allow(ret, mapping.proto, &mapping.external, lease->filters,
                                 lease->n_filters);
    if (lease->redirect.status == ADIT_PCP_REDIRECT_ACTIVE)
        plan_redirect(lease, site, &mapping, ret);
}

/* -- and back -- */

gboolean
adit_lease_element_external(const AditElement *element, guint8 *ret_proto, AditSockAddr *ret)
{
    const gsize n = strlen(element->set);
    const gboolean v6 = n > 0 && element->set[n - 1] == '6';
    AditElementReader key = adit_element_read_key(element);
    AditSockAddr at = { .addr = adit_element_read_addr(&key, v6 ? AF_INET6 : AF_INET) };
    guint8 proto = adit_element_read_proto(&key);

    at.port = adit_element_read_port(&key);
    if (key.bad)
        return FALSE;
    *ret_proto = proto;
    *ret = at;
    return TRUE;
}

static gint64
get_device(const AditDataplaneMapping *mapping)
{
    return (gint64)((guint64)adit_get_be32(mapping->user + 3) << 32 |
                    adit_get_be32(mapping->user + 7));
}

static gboolean
is_ours(const AditDataplaneMapping *mapping, gboolean redirect)
{
    return mapping->user_len == USER_LEN && mapping->user[0] == USER_TYPE &&
           mapping->user[1] == USER_LEN - 2 &&
           ((mapping->user[2] & USER_REDIRECT) != 0) == redirect;
}

/* A pinhole belongs to the address it opens; a forward to the device of its id. */
static AditAddr
internal_of(const AditPcpSite *site, gint64 device, const AditAddr *external)
{
    const AditAddr none = { 0 };

    for (guint i = 0; i < adit_pcp_site_n_hosts(site); i++) {
        const AditPcpHost *host = adit_pcp_site_nth_host(site, i);

        if (host->device == device && host->addr.family == external->family)
            return host->addr;
    }
    return none;
}

static void
restore_lease(AditLeaseTable *table, const AditDataplaneMapping *mapping,
              const AditPcpSite *site, gint64 now_ms)
{
    const AditAddr internal = internal_of(site, get_device(mapping), &mapping->external.addr);
    const gint64 left = (gint64)mapping->expires_ms - ADIT_LEASE_KERNEL_GRACE_MS;
    AditLease lease = { .ends = { .internal = internal,
                                  .external = mapping->external.addr,
                                  .internal_port = adit_get_be16(mapping->user + 23),
                                  .external_port = mapping->external.port,
                                  .proto = mapping->proto },
                        .device = get_device(mapping),
                        .expires_ms = now_ms + left };

    if (mapping->user[2] & USER_SECOND)
        lease.ends.flags = ADIT_LEASE_SECOND;
    lease.since_ms =
        lease.expires_ms + ADIT_LEASE_KERNEL_GRACE_MS - (gint64)mapping->timeout_ms;
    memcpy(lease.nonce, mapping->user + 11, ADIT_PCP_NONCE);
    if (mapping->timeout_ms > 0 && adit_lease_fits(&lease, site) &&
        !adit_lease_find_internal(table, &lease.ends))
        adit_lease_add(table, &lease);
}

static void
restore_redirect(AditLeaseTable *table, const AditDataplaneMapping *mapping)
{
    const AditSockAddr of = { mapping->external.addr, adit_get_be16(mapping->user + 23) };
    const AditLease *lease = adit_lease_find_external(table, IPPROTO_TCP, &of);
    AditLease next;

    if (!lease || lease->device != get_device(mapping))
        return;
    next = *lease;
    next.redirect.mode =
        mapping->user[2] & USER_HTTPS ? ADIT_PCP_REDIRECT_HTTPS : ADIT_PCP_REDIRECT_PORT;
    next.redirect.status = ADIT_PCP_REDIRECT_ACTIVE;
    next.redirect.external_port = mapping->external.port;
    adit_lease_update(table, lease, &next);
}

/* From the first address of a range and its last one: ours are all prefixes. */
static AditPrefix
prefix_between(const AditAddr *first, const AditAddr *last)
{
    guint8 len = 0;

    while (len < adit_family_bits(first->family) &&
           ((first->bytes[len / 8] ^ last->bytes[len / 8]) >> (7 - len % 8) & 1) == 0)
        len++;
    return adit_prefix_make(first, len);
}

static void
restore_filter(AditLeaseTable *table, const AditElement *element)
{
    AditElementReader key = adit_element_read_key(element);
    AditAddr first, last;
    AditSockAddr at;
    AditLease next;
    const AditLease *lease;
    guint8 proto;

    if (!adit_lease_element_external(element, &proto, &at))
        return;
    lease = adit_lease_find_external(table, proto, &at);
    if (!lease)
        return;
    for (guint i = 0; i < 2; i++) {
        adit_element_read_addr(&key, at.addr.family);
        adit_element_read_proto(&key);
        adit_element_read_port(&key);
        last = adit_element_read_addr(&key, at.addr.family);
        if (i == 0)
            first = last;
    }
    if (!adit_element_read_done(&key))
        return;
    next = *lease;
    next.filters = g_new0(AditPrefix, lease->n_filters + 1u);
    memcpy(next.filters, lease->filters, lease->n_filters * sizeof(AditPrefix));
    next.filters[next.n_filters++] = prefix_between(&first, &last);
    adit_lease_update(table, lease, &next);
    g_free(next.filters);
}

/* Mappings before what belongs to them. */
void
adit_lease_restore(AditLeaseTable *table, const AditState *have, const AditPcpSite *site,
                   gint64 now_ms)
{
    const guint n = adit_state_len(have, ADIT_KIND_ELEMENT);

    for (guint pass = 0; pass < 2; pass++)
        for (guint i = 0; i < n; i++) {
            const AditElement *e = adit_state_get(have, ADIT_KIND_ELEMENT, i);
            AditDataplaneMapping mapping;

            if (pass == 1 && g_str_has_prefix(e->set, "allow"))
                restore_filter(table, e);
            if (!adit_dataplane_mapping_from_element(e, &mapping))
                continue;
            if (pass == 0 && is_ours(&mapping, FALSE))
                restore_lease(table, &mapping, site, now_ms);
            else if (pass == 1 && is_ours(&mapping, TRUE))
                restore_redirect(table, &mapping);
        }
    adit_lease_settle(table);
}
