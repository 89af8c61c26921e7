/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/publisher/end.h"
#include "pcp-client/reach.h"

/* A publication held at one server: the mappings of its ports, and port 80 led to https. */

typedef struct {
    char *key; /* "443/tcp home 4": of all that are offered now, the one */
    AditPublication *publication;
    char *gateway; /* interned: thousands have the same */
    guint family;
    AditAddr own;
    AditMatchVerdict verdict;
    const char *why;              /* constant */
    AditEnd *end;                 /* NULL: nothing is asked for */
    const AditMapping **mappings; /* of @end, one a port; NULL: none */
    guint n_mappings;
    AditRedirectState redirect;
    const AditMapping *extra; /* a mapping of port 80, of @end */
    struct _AditLocal *local; /* our own responder; NULL */
    gboolean http_is_taken;   /* port 80 itself is published at this server */
    char *problem;            /* what keeps visitors out; NULL: nothing known */
    gboolean unsure;          /* whether @problem is what it was, is to be asked */
} AditOffer;

char *adit_offer_key(const AditMatch *match);
AditOffer *adit_offer_new(const AditMatch *match);
void adit_offer_free(AditOffer *offer); /* does not give anything back */
/* FALSE: another publication, or at another address, so that it has to be stopped first. */
gboolean adit_offer_is_of(const AditOffer *offer, const AditMatch *match);
/* The same publication may be said in another line now. */
void adit_offer_take_source(AditOffer *offer, const AditMatch *match);
void adit_offer_start(AditOffer *offer, AditEnd *end);
void adit_offer_stop(AditOffer *offer); /* gives back what it holds */
/* Port 80 of its server is, or is not any more, published itself. */
void adit_offer_set_http_is_taken(AditOffer *offer, gboolean taken);
/* Was that about a mapping of this one? */
gboolean adit_offer_hear(AditOffer *offer, const AditPoolNews *news);
AditReachStatus adit_offer_status(const AditOffer *offer);
char *adit_offer_reason(const AditOffer *offer);
