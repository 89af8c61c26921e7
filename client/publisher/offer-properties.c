/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/offer-properties.h"

/* "10.59.0.2:80-90" */
static char *
range_text(const AditSockAddr *first, guint count)
{
    g_autofree char *text = adit_sockaddr_to_string(first);

    return count == 1 ? g_steal_pointer(&text)
                      : g_strdup_printf("%s-%u", text, first->port + count - 1);
}

static GVariant *
inside_of(const AditOffer *offer)
{
    const AditPublication *p = offer->publication;
    const AditSockAddr own = { offer->own, p->ports.first };
    const AditSockAddr *to = &p->to[offer->family];

    return g_variant_new_take_string(
        range_text(adit_addr_is_set(&to->addr) ? to : &own, adit_ports_count(&p->ports)));
}

/* A server that gives any port gives each of a range another one: only the first is told. */
static GVariant *
outside_of(const AditOffer *offer)
{
    const AditReachStatus status = adit_offer_status(offer);
    const AditPublication *p = offer->publication;

    if (status.outside.port == 0)
        return g_variant_new_string("");
    if (!adit_addr_is_set(&status.outside.addr))
        return g_variant_new_printf(":%u", status.outside.port);
    return g_variant_new_take_string(
        range_text(&status.outside, p->external == 0 ? 1 : adit_ports_count(&p->ports)));
}

static GVariant *
protocol_of(const AditOffer *offer)
{
    const AditReachStatus status = adit_offer_status(offer);

    return g_variant_new_string(status.outside.port == 0 ? ""
                                                         : adit_dialect_name(status.dialect));
}

static GVariant *
ports_of(const AditOffer *offer)
{
    return g_variant_new_take_string(adit_ports_to_string(&offer->publication->ports));
}

static GVariant *
gateway_of(const AditOffer *offer)
{
    return g_variant_new_string(offer->gateway);
}

static GVariant *
family_of(const AditOffer *offer)
{
    return g_variant_new_byte(offer->family == 0 ? 4 : 6);
}

static GVariant *
text_of(const char *text)
{
    return g_variant_new_string(text ? text : "");
}

static GVariant *
label_of(const AditOffer *offer)
{
    return text_of(offer->publication->label);
}

static GVariant *
source_of(const AditOffer *offer)
{
    return text_of(offer->publication->source);
}

static GVariant *
state_of(const AditOffer *offer)
{
    return g_variant_new_string(adit_reach_state_name(adit_offer_status(offer).state));
}

static GVariant *
reason_of(const AditOffer *offer)
{
    return g_variant_new_take_string(adit_offer_reason(offer));
}

static GVariant *
redirect_of(const AditOffer *offer)
{
    return g_variant_new_string(adit_redirect_state_name(offer->redirect));
}

static GVariant *
problem_of(const AditOffer *offer)
{
    return text_of(offer->problem);
}

static const struct {
    const char *name;
    GVariant *(*of)(const AditOffer *offer);
} properties[ADIT_OFFER_N_PROPERTIES] = {
    { "Ports", ports_of },       { "Gateway", gateway_of },   { "Family", family_of },
    { "Label", label_of },       { "Source", source_of },     { "Inside", inside_of },
    { "Outside", outside_of },   { "State", state_of },       { "Reason", reason_of },
    { "Protocol", protocol_of }, { "Redirect", redirect_of }, { "Problem", problem_of },
};

const char *
adit_offer_property_name(guint i)
{
    return properties[i].name;
}

GVariant *
adit_offer_property(const AditOffer *offer, guint i)
{
    return properties[i].of(offer);
}
