/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/offer.h"

#include "client/publisher/local.h"

#include <netinet/in.h>

/* The ladder of port 80 (DESIGN.md section 5). First it is an option of the 443 mapping. A
 * server that does not know it is asked for a second mapping of 443; NAT-PMP, which knows a
 * mapping by its inner port alone, would move the first one, so there this step is left out.
 * Whatever became of it, 443 is renewed after it, for some servers know a mapping in that way
 * without saying so. At last this machine answers itself, on a free high port that 80 is mapped
 * to. */

#define HTTP 80
#define LIFETIME_S 3600

char *
adit_offer_key(const AditMatch *match)
{
    g_autofree char *ports = adit_ports_to_string(&match->publication->ports);

    return g_strdup_printf("%s %s %d", ports, match->gateway->name, match->family == 0 ? 4 : 6);
}

AditOffer *
adit_offer_new(const AditMatch *match)
{
    AditOffer *offer = g_new0(AditOffer, 1);

    offer->key = adit_offer_key(match);
    offer->publication = adit_publication_share(match->publication);
    offer->gateway = g_ref_string_new_intern(match->gateway->name);
    offer->family = match->family;
    offer->own = match->gateway->own[match->family];
    offer->verdict = ADIT_MATCH_WAIT;
    return offer;
}

void
adit_offer_free(AditOffer *offer)
{
    if (!offer)
        return;
    adit_local_free(offer->local);
    g_free(offer->mappings);
    adit_publication_free(offer->publication);
    g_ref_string_release(offer->gateway);
    g_free(offer->key);
    g_free(offer->problem);
    g_free(offer);
}

gboolean
adit_offer_is_of(const AditOffer *offer, const AditMatch *match)
{
    g_autofree char *old = adit_publication_print(offer->publication);
    g_autofree char *new = adit_publication_print(match->publication);

    return g_str_equal(old, new) &&
           adit_addr_cmp(&offer->own, &match->gateway->own[match->family]) == 0;
}

void
adit_offer_take_source(AditOffer *offer, const AditMatch *match)
{
    AditPublication *before = offer->publication;

    offer->publication = adit_publication_share(match->publication);
    adit_publication_free(before);
}

void
adit_offer_start(AditOffer *offer, AditEnd *end)
{
    const AditMatch match = { .publication = offer->publication, .family = offer->family };
    AditClient *client = adit_end_get_client(end);
    AditPcpOptions options;
    const gboolean any = adit_match_options(&match, &options);

    offer->end = end;
    offer->mappings = g_new(const AditMapping *, adit_ports_count(&offer->publication->ports));
    for (guint i = 0; i < adit_ports_count(&offer->publication->ports); i++) {
        const AditWish wish = adit_match_wish(&match, i);
        g_autoptr(GError) error = NULL;
        const AditMapping *mapping =
            adit_client_add(client, &wish, any ? &options : NULL, adit_client_now(), &error);

        if (mapping)
            offer->mappings[offer->n_mappings++] = mapping;
        else
            g_warning("%s: port %u: %s", offer->key, wish.internal_port, error->message);
    }
    if (adit_publication_wants_redirect(offer->publication))
        offer->redirect = ADIT_REDIRECT_PENDING;
}

static void
drop_extra(AditOffer *offer)
{
    const AditMapping *extra = g_steal_pointer(&offer->extra);

    if (extra)
        adit_client_drop(adit_end_get_client(offer->end), extra, adit_client_now());
    g_clear_pointer(&offer->local, adit_local_free);
}

void
adit_offer_stop(AditOffer *offer)
{
    if (!offer->end)
        return;
    drop_extra(offer);
    for (guint i = 0; i < offer->n_mappings; i++)
        adit_client_drop(adit_end_get_client(offer->end), offer->mappings[i],
                         adit_client_now());
    g_clear_pointer(&offer->mappings, g_free);
    offer->n_mappings = 0;
    offer->redirect = ADIT_REDIRECT_OFF;
    offer->end = NULL;
}

static void
enter_redirect(AditOffer *offer, AditRedirectState state)
{
    if (offer->redirect != state)
        g_debug("%s: port 80: %s", offer->key, adit_redirect_state_name(state));
    offer->redirect = state;
}

static void
add_extra(AditOffer *offer, const AditWish *wish)
{
    g_autoptr(GError) error = NULL;

    offer->extra =
        adit_client_add(adit_end_get_client(offer->end), wish, NULL, adit_client_now(), &error);
    if (!offer->extra) {
        g_debug("%s: port 80: %s", offer->key, error->message);
        enter_redirect(offer, ADIT_REDIRECT_REFUSED);
    }
}

/* Plain HTTP that is to reach the service itself cannot be answered here. */
static void
try_local(AditOffer *offer)
{
    AditWish wish = {
        .protocol = IPPROTO_TCP, .external_port = HTTP, .exact = TRUE, .lifetime = LIFETIME_S
    };
    g_autoptr(GError) error = NULL;

    if (offer->publication->redirect == ADIT_REDIRECT_PORT) {
        enter_redirect(offer, ADIT_REDIRECT_REFUSED);
        return;
    }
    offer->local = adit_local_new(&offer->own, &error);
    if (!offer->local) {
        g_debug("%s: port 80: %s", offer->key, error->message);
        enter_redirect(offer, ADIT_REDIRECT_REFUSED);
        return;
    }
    wish.internal_port = adit_local_get_port(offer->local);
    add_extra(offer, &wish);
}

static void
try_second(AditOffer *offer)
{
    const AditMapping *main = offer->mappings[0];
    const AditWish wish = { .protocol = IPPROTO_TCP,
                            .internal_port = main->wish.internal_port,
                            .external_port = HTTP,
                            .exact = TRUE,
                            .shares = TRUE,
                            .lifetime = LIFETIME_S };

    if (main->grant.dialect == ADIT_DIALECT_NATPMP)
        try_local(offer);
    else
        add_extra(offer, &wish);
}

static void
renew_main(AditOffer *offer)
{
    adit_client_renew(adit_end_get_client(offer->end), offer->mappings[0], adit_client_now());
}

/* The server's word on its option, with every grant and renewal of 443. */
static void
hear_option(AditOffer *offer, const AditPcpRedirect *redirect)
{
    if (redirect->status == ADIT_PCP_REDIRECT_ASKED) {
        if (offer->http_is_taken)
            enter_redirect(offer, ADIT_REDIRECT_YIELDED);
        else if (offer->redirect == ADIT_REDIRECT_PENDING && !offer->extra)
            try_second(offer);
        return;
    }
    drop_extra(offer);
    if (redirect->status == ADIT_PCP_REDIRECT_ACTIVE)
        enter_redirect(offer, ADIT_REDIRECT_BY_SERVER);
    else
        enter_redirect(offer, redirect->status == ADIT_PCP_REDIRECT_YIELDED
                                  ? ADIT_REDIRECT_YIELDED
                                  : ADIT_REDIRECT_REFUSED);
}

static void
hear_main(AditOffer *offer, const AditPoolNews *news)
{
    if (!adit_publication_wants_redirect(offer->publication))
        return;
    switch (news->what) {
    case ADIT_MAPPING_NO_NEWS:
    case ADIT_MAPPING_NEWS_DELETED: return;
    case ADIT_MAPPING_NEWS_GRANTED:
    case ADIT_MAPPING_NEWS_RENEWED:
    case ADIT_MAPPING_NEWS_CHANGED: hear_option(offer, &news->grant.redirect); return;
    case ADIT_MAPPING_NEWS_LOST:
    case ADIT_MAPPING_NEWS_REFUSED:
        drop_extra(offer);
        enter_redirect(offer, ADIT_REDIRECT_PENDING);
        return;
    }
}

static void
hear_extra(AditOffer *offer, const AditPoolNews *news)
{
    const gboolean second = offer->extra->wish.shares;

    switch (news->what) {
    case ADIT_MAPPING_NO_NEWS:
    case ADIT_MAPPING_NEWS_RENEWED:
    case ADIT_MAPPING_NEWS_CHANGED:
    case ADIT_MAPPING_NEWS_DELETED: return;
    case ADIT_MAPPING_NEWS_GRANTED:
        enter_redirect(offer, second ? ADIT_REDIRECT_BY_SECOND : ADIT_REDIRECT_BY_LOCAL);
        break;
    case ADIT_MAPPING_NEWS_LOST: enter_redirect(offer, ADIT_REDIRECT_PENDING); break;
    case ADIT_MAPPING_NEWS_REFUSED:
        drop_extra(offer);
        if (second)
            try_local(offer);
        else
            enter_redirect(offer, ADIT_REDIRECT_REFUSED);
        break;
    }
    if (second)
        renew_main(offer);
}

static gboolean
is_main(const AditOffer *offer, const AditMapping *mapping)
{
    for (guint i = 0; i < offer->n_mappings; i++)
        if (offer->mappings[i] == mapping)
            return TRUE;
    return FALSE;
}

gboolean
adit_offer_hear(AditOffer *offer, const AditPoolNews *news)
{
    if (offer->extra && offer->extra == news->mapping) {
        hear_extra(offer, news);
        return TRUE;
    }
    if (!is_main(offer, news->mapping))
        return FALSE;
    hear_main(offer, news);
    return TRUE;
}

void
adit_offer_set_http_is_taken(AditOffer *offer, gboolean taken)
{
    if (offer->http_is_taken == taken)
        return;
    offer->http_is_taken = taken;
    if (!offer->end || offer->redirect == ADIT_REDIRECT_OFF ||
        offer->redirect == ADIT_REDIRECT_BY_SERVER)
        return;
    if (taken) {
        drop_extra(offer);
        enter_redirect(offer, ADIT_REDIRECT_YIELDED);
    } else {
        enter_redirect(offer, ADIT_REDIRECT_PENDING);
        renew_main(offer);
    }
}

AditReachStatus
adit_offer_status(const AditOffer *offer)
{
    const AditReachStatus idle = { .state = offer->verdict == ADIT_MATCH_REFUSE
                                                ? ADIT_REACH_REFUSED
                                                : ADIT_REACH_WAITING };

    if (offer->n_mappings == 0 || offer->verdict != ADIT_MATCH_ASK)
        return offer->verdict == ADIT_MATCH_ASK
                   ? (AditReachStatus){ .state = ADIT_REACH_ASKING }
                   : idle;
    return adit_reach_judge(offer->mappings, offer->n_mappings);
}

char *
adit_offer_reason(const AditOffer *offer)
{
    if (offer->n_mappings == 0 || offer->verdict != ADIT_MATCH_ASK)
        return g_strdup(offer->why ? offer->why : "");
    return adit_reach_reason(offer->mappings, offer->n_mappings);
}
