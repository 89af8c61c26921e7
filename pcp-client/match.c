/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/match.h"

#include <netinet/in.h>
#include <string.h>

#define LIFETIME_S 3600
#define HTTP 80

void
adit_publish_gateway_free(AditPublishGateway *gateway)
{
    if (!gateway)
        return;
    g_free(gateway->name);
    g_free(gateway->link);
    g_free(gateway);
}

/* Two publications of one gateway may want the same port there: the first of them has it. */
static gboolean
is_taken(const GArray *matches, const AditMatch *match)
{
    for (guint i = 0; i < matches->len; i++) {
        const AditMatch *m = &g_array_index(matches, AditMatch, i);

        if (m->gateway == match->gateway && m->family == match->family &&
            adit_ports_overlap(&m->publication->ports, &match->publication->ports))
            return TRUE;
    }
    return FALSE;
}

static void
follow(AditMatch *match, const GArray *listening)
{
    const AditPublication *p = match->publication;
    AditListener listener;

    if (p->when == ADIT_WHEN_ALWAYS)
        return;
    match->verdict = ADIT_MATCH_WAIT;
    match->why = adit_listener_words(ADIT_LISTENER_NOBODY);
    if (!listening)
        return;
    listener = adit_listener_find(listening, &p->ports, &match->gateway->own[match->family],
                                  match->gateway->ifindex);
    match->why = adit_listener_words(listener);
    switch (listener) {
    case ADIT_LISTENER_HERE: match->verdict = ADIT_MATCH_ASK; return;
    case ADIT_LISTENER_NOBODY: return;
    case ADIT_LISTENER_LOOPBACK:
    case ADIT_LISTENER_OTHER: match->verdict = ADIT_MATCH_REFUSE; return;
    }
}

static void
judge(AditMatch *match, const GArray *matches, const GArray *listening)
{
    if (is_taken(matches, match)) {
        match->verdict = ADIT_MATCH_REFUSE;
        match->why = "another publication has this port of the gateway";
    } else if (!match->gateway->up) {
        match->verdict = ADIT_MATCH_WAIT;
        match->why = "the gateway is down";
    } else {
        follow(match, listening);
    }
}

GArray *
adit_match(const GPtrArray *wanted, const GPtrArray *gateways, const GArray *listening)
{
    GArray *matches = g_array_new(FALSE, TRUE, sizeof(AditMatch));

    for (guint i = 0; i < wanted->len; i++)
        for (guint g = 0; g < gateways->len; g++)
            for (guint f = 0; f < 2; f++) {
                AditMatch match = { .publication = g_ptr_array_index(wanted, i),
                                    .gateway = g_ptr_array_index(gateways, g),
                                    .family = f };
                const char *only = match.publication->gateway;

                if ((only && !g_str_equal(only, match.gateway->name)) ||
                    !match.publication->families[f] ||
                    !adit_addr_is_set(&match.gateway->own[f]) ||
                    !adit_addr_is_set(&match.gateway->server[f]))
                    continue;
                judge(&match, matches, listening);
                g_array_append_val(matches, match);
            }
    return matches;
}

AditWish
adit_match_wish(const AditMatch *match, guint i)
{
    const AditPublication *p = match->publication;
    AditWish wish = { .protocol = p->ports.proto == ADIT_PROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP,
                      .internal_port = (guint16)(p->ports.first + i),
                      .lifetime = LIFETIME_S };

    if (p->external != 0) {
        wish.external_port = (guint16)(p->external + i);
        wish.exact = TRUE;
    }
    return wish;
}

gboolean
adit_match_options(const AditMatch *match, AditPcpOptions *ret)
{
    const AditPublication *p = match->publication;

    memset(ret, 0, sizeof(*ret));
    if (p->label) {
        ret->has |= ADIT_PCP_HAS_DESCRIPTION;
        g_strlcpy(ret->description, p->label, sizeof(ret->description));
    }
    if (adit_publication_wants_redirect(p)) {
        ret->has |= ADIT_PCP_HAS_REDIRECT;
        ret->redirect.mode = p->redirect == ADIT_REDIRECT_PORT ? ADIT_PCP_REDIRECT_PORT
                                                               : ADIT_PCP_REDIRECT_HTTPS;
        ret->redirect.external_port = HTTP;
    }
    return ret->has != 0;
}
