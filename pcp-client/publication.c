/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/publication.h"

#include "libadit/core/error.h"

#include <string.h>

#define HTTPS 443

AditPublication *
adit_publication_new(const AditPorts *ports)
{
    AditPublication *p = g_new0(AditPublication, 1);

    p->ports = *ports;
    p->external = ports->first;
    p->families[0] = p->families[1] = TRUE;
    p->redirect = ADIT_REDIRECT_HTTPS;
    return p;
}

AditPublication *
adit_publication_copy(const AditPublication *publication)
{
    AditPublication *p = g_memdup2(publication, sizeof(*publication));

    p->sharers = 0;
    p->gateway = g_strdup(publication->gateway);
    p->label = g_strdup(publication->label);
    p->source = g_strdup(publication->source);
    return p;
}

AditPublication *
adit_publication_share(AditPublication *publication)
{
    publication->sharers++;
    return publication;
}

void
adit_publication_free(AditPublication *p)
{
    if (!p || p->sharers-- > 0)
        return;
    g_free(p->gateway);
    g_free(p->label);
    g_free(p->source);
    g_free(p);
}

gboolean
adit_publication_leads_on(const AditPublication *p)
{
    return adit_addr_is_set(&p->to[0].addr) || adit_addr_is_set(&p->to[1].addr);
}

static const char *
why_no_target(const AditAddr *addr)
{
    if (adit_addr_is_loopback(addr))
        return "this machine itself: publish its port without To";
    if (adit_addr_is_unspecified(addr) || adit_addr_is_multicast(addr) ||
        adit_addr_is_link_local(addr))
        return "not the address of another machine";
    return NULL;
}

static const char *
settle_targets(AditPublication *p)
{
    const guint count = adit_ports_count(&p->ports);

    if (!adit_publication_leads_on(p))
        return p->keep_source ? "KeepSource: there is no To whose visitors it could keep"
                              : NULL;
    if (p->when == ADIT_WHEN_LISTENING)
        return "When: what listens on another machine cannot be seen from here";
    for (guint f = 0; f < 2; f++) {
        if (!adit_addr_is_set(&p->to[f].addr)) {
            p->families[f] = FALSE;
            continue;
        }
        if (!p->families[f])
            return f == 0 ? "To: an IPv4 address, but only IPv6 is to be published"
                          : "To: an IPv6 address, but only IPv4 is to be published";
        if (why_no_target(&p->to[f].addr))
            return why_no_target(&p->to[f].addr);
        if (p->to[f].port == 0)
            p->to[f].port = p->ports.first;
        if (p->to[f].port + count - 1 > 65535)
            return "To: the range ends beyond port 65535";
    }
    return NULL;
}

gboolean
adit_publication_settle(AditPublication *p, GError **error)
{
    const guint count = adit_ports_count(&p->ports);
    const char *why = settle_targets(p);
    g_autofree char *ports = NULL;

    if (!why && count > ADIT_PUBLICATION_RANGE_MAX)
        why = "a range of more than 1024 ports";
    if (!why && p->external != 0 && p->external + count - 1 > 65535)
        why = "External: the range ends beyond port 65535";
    if (!why && !p->families[0] && !p->families[1])
        why = "Family: neither IPv4 nor IPv6";
    if (!why)
        return TRUE;
    ports = adit_ports_to_string(&p->ports);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", ports, why);
    return FALSE;
}

gboolean
adit_publication_wants_redirect(const AditPublication *p)
{
    return p->redirect != ADIT_REDIRECT_NO && p->ports.proto == ADIT_PROTO_TCP &&
           p->external == HTTPS && p->ports.first == p->ports.last;
}

gboolean
adit_publication_clashes(const AditPublication *a, const AditPublication *b)
{
    const gboolean gateway = !a->gateway || !b->gateway || g_str_equal(a->gateway, b->gateway);
    const gboolean family =
        (a->families[0] && b->families[0]) || (a->families[1] && b->families[1]);

    return gateway && family && adit_ports_overlap(&a->ports, &b->ports);
}

char *
adit_publication_name(const AditPublication *p)
{
    g_autofree char *ports = adit_ports_to_string(&p->ports);

    return p->gateway ? g_strconcat(ports, "@", p->gateway, NULL) : g_steal_pointer(&ports);
}

AditShare *
adit_share_new(const AditPrefix *network, gboolean keep_source)
{
    AditShare *share = g_new0(AditShare, 1);

    share->network = *network;
    share->keep_source = keep_source;
    return share;
}

void
adit_share_free(AditShare *share)
{
    if (!share)
        return;
    g_free(share->source);
    g_free(share);
}
