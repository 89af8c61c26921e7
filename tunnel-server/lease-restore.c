/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-user.h"

#include "libadit/core/bytes.h"
#include "libadit/core/element.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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
    return mapping->user_len == ADIT_LEASE_USER_LEN &&
           mapping->user[0] == ADIT_LEASE_USER_TYPE &&
           mapping->user[1] == ADIT_LEASE_USER_LEN - 2 &&
           ((mapping->user[2] & ADIT_LEASE_USER_REDIRECT) != 0) == redirect;
}

/* A pinhole belongs to the address it opens; a forward to the device of its id. */
static AditAddr
internal_of(const AditPcpSite *site, gint64 device, const AditAddr *external)
{
    const AditPcpHost *at = adit_pcp_site_host(site, external);
    const AditAddr none = { 0 };

    if (external->family == AF_INET6)
        return at && at->device == device ? at->addr : none;
    for (guint i = 0; i < adit_pcp_site_n_hosts(site); i++) {
        const AditPcpHost *host = adit_pcp_site_nth_host(site, i);

        if (host->device == device && host->addr.family == AF_INET)
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

    if (mapping->user[2] & ADIT_LEASE_USER_SECOND)
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
    next.redirect.mode = mapping->user[2] & ADIT_LEASE_USER_HTTPS ? ADIT_PCP_REDIRECT_HTTPS
                                                                  : ADIT_PCP_REDIRECT_PORT;
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
    if (lease->n_filters > 0)
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

/* The kernel's word counts for what is open and for how long; the disk's for the rest. */
static void
merge_into(AditLeaseTable *table, const AditLease *lease, const AditLease *kept)
{
    AditLease next = *lease;

    if (lease->device != kept->device || memcmp(lease->nonce, kept->nonce, ADIT_PCP_NONCE) != 0)
        return;
    next.description = kept->description;
    if (next.redirect.status != ADIT_PCP_REDIRECT_ACTIVE) {
        next.redirect = kept->redirect;
        if (next.redirect.status == ADIT_PCP_REDIRECT_ACTIVE)
            memset(&next.redirect, 0, sizeof(next.redirect));
    }
    adit_lease_update(table, lease, &next);
}

/* Granted in the future: the wall clock, by which the file counts, was put back in between.
 * What it was granted for at most it has still. */
static AditLease
by_this_clock(const AditLease *kept, gint64 now_ms)
{
    AditLease lease = *kept;

    if (lease.since_ms > now_ms) {
        lease.expires_ms -= lease.since_ms - now_ms;
        lease.since_ms = now_ms;
    }
    return lease;
}

void
adit_lease_merge(AditLeaseTable *table, const AditLease *kept, const AditPcpSite *site,
                 gint64 now_ms, gboolean kernel_holds)
{
    AditLease ours = by_this_clock(kept, now_ms), followed;
    const gboolean stays = adit_lease_fits(kept, site);
    const gboolean follows = !stays && adit_lease_follow(&ours, site, &followed);
    const AditLease *lease;
    AditSockAddr external;

    if (follows)
        ours = followed;
    external = adit_lease_external(&ours);
    lease = adit_lease_find_external(table, ours.ends.proto, &external);
    if (lease)
        merge_into(table, lease, kept);
    else if ((!kernel_holds || !adit_lease_is_on(kept)) && ours.expires_ms > now_ms &&
             (stays || follows) && !adit_lease_find_internal(table, &kept->ends))
        adit_lease_add(table, &ours);
    adit_lease_settle(table);
}
