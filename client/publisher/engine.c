/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/engine.h"

#include <string.h>

#define N_PARTS 2
#define HTTP 80

struct _AditEngine {
    char *state_dir;
    AditEngineWatch watch;
    GPtrArray *wanted[N_PARTS]; /* NULL: not known yet */
    GPtrArray *gateways;
    GArray *listening;
    GPtrArray *ends;   /* AditEnd */
    GPtrArray *offers; /* AditOffer */
    char *leaving;     /* the gateway that is about to go; NULL */
    gint64 leaving_until;
};

AditEngine *
adit_engine_new(const char *state_dir, const AditEngineWatch *watch)
{
    AditEngine *self = g_new0(AditEngine, 1);

    self->state_dir = g_strdup(state_dir);
    self->watch = *watch;
    self->ends = g_ptr_array_new();
    self->offers = g_ptr_array_new_with_free_func((GDestroyNotify)adit_offer_free);
    return self;
}

void
adit_engine_free(AditEngine *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->offers);
    for (guint i = 0; i < self->ends->len; i++)
        adit_end_free(g_ptr_array_index(self->ends, i));
    g_ptr_array_unref(self->ends);
    for (guint i = 0; i < N_PARTS; i++)
        g_clear_pointer(&self->wanted[i], g_ptr_array_unref);
    g_clear_pointer(&self->gateways, g_ptr_array_unref);
    g_clear_pointer(&self->listening, g_array_unref);
    g_free(self->state_dir);
    g_free(self->leaving);
    g_free(self);
}

void
adit_engine_set_wanted(AditEngine *self, guint part, GPtrArray *publications)
{
    g_clear_pointer(&self->wanted[part], g_ptr_array_unref);
    self->wanted[part] = publications;
}

static void
leave_out(AditEngine *self, GPtrArray *gateways)
{
    gboolean found = FALSE;

    for (guint i = gateways->len; i-- > 0;) {
        const AditPublishGateway *gateway = g_ptr_array_index(gateways, i);

        if (g_strcmp0(gateway->name, self->leaving) != 0)
            continue;
        found = TRUE;
        if (g_get_monotonic_time() < self->leaving_until)
            g_ptr_array_remove_index(gateways, i);
    }
    if (!found)
        g_clear_pointer(&self->leaving, g_free);
}

void
adit_engine_set_gateways(AditEngine *self, GPtrArray *gateways)
{
    leave_out(self, gateways);
    g_clear_pointer(&self->gateways, g_ptr_array_unref);
    self->gateways = gateways;
}

gboolean
adit_engine_wants_listening(const AditEngine *self)
{
    for (guint part = 0; part < N_PARTS; part++)
        for (guint i = 0; self->wanted[part] && i < self->wanted[part]->len; i++) {
            const AditPublication *p = g_ptr_array_index(self->wanted[part], i);

            if (p->when == ADIT_WHEN_LISTENING)
                return TRUE;
        }
    return FALSE;
}

static gboolean
is_same(const GArray *a, const GArray *b)
{
    if (!a || !b || a->len != b->len)
        return a == b;
    for (guint i = 0; i < a->len; i++)
        if (adit_listening_cmp(&g_array_index(a, AditListening, i),
                               &g_array_index(b, AditListening, i)) != 0)
            return FALSE;
    return TRUE;
}

gboolean
adit_engine_set_listening(AditEngine *self, GArray *listening)
{
    const gboolean same = is_same(self->listening, listening);

    g_clear_pointer(&self->listening, g_array_unref);
    self->listening = listening;
    return !same;
}

const GPtrArray *
adit_engine_offers(const AditEngine *self)
{
    return self->offers;
}

static void
on_news(AditEnd *end, const AditPoolNews *news, gpointer data)
{
    AditEngine *self = data;

    for (guint i = 0; i < self->offers->len; i++) {
        AditOffer *offer = g_ptr_array_index(self->offers, i);

        if (offer->end != end || !adit_offer_hear(offer, news))
            continue;
        self->watch.changed(self, offer, self->watch.data);
        return;
    }
}

static void
on_stir(AditEnd *end, gpointer data)
{
    AditEngine *self = data;

    self->watch.stirred(self, adit_end_get_gateway(end), self->watch.data);
}

static AditEnd *
find_end(const AditEngine *self, const AditPublishGateway *gateway, guint family)
{
    for (guint i = 0; i < self->ends->len; i++)
        if (adit_end_is_of(g_ptr_array_index(self->ends, i), gateway, family))
            return g_ptr_array_index(self->ends, i);
    return NULL;
}

static gboolean
has_gateway(const AditEngine *self, AditEnd *end)
{
    for (guint g = 0; g < self->gateways->len; g++)
        for (guint f = 0; f < 2; f++) {
            const AditPublishGateway *gateway = g_ptr_array_index(self->gateways, g);

            if (adit_addr_is_set(&gateway->server[f]) && adit_end_is_of(end, gateway, f))
                return TRUE;
        }
    return FALSE;
}

static void
drop_offer(AditEngine *self, guint i)
{
    AditOffer *offer = g_ptr_array_index(self->offers, i);

    adit_offer_stop(offer);
    self->watch.gone(self, offer, self->watch.data);
    g_ptr_array_remove_index(self->offers, i);
}

/* Its server has another address now: what is open at the one of before runs on and out. */
static gboolean
is_renumbered(const AditEngine *self, AditEnd *end)
{
    for (guint g = 0; g < self->gateways->len; g++) {
        const AditPublishGateway *gateway = g_ptr_array_index(self->gateways, g);

        if (g_str_equal(gateway->name, adit_end_get_gateway(end)) && gateway->up &&
            adit_addr_is_set(&gateway->server[adit_end_get_family(end)]))
            return TRUE;
    }
    return FALSE;
}

static void
drop_ends(AditEngine *self)
{
    for (guint i = self->ends->len; i-- > 0;) {
        AditEnd *end = g_ptr_array_index(self->ends, i);

        if (has_gateway(self, end))
            continue;
        for (guint k = self->offers->len; k-- > 0;)
            if (((AditOffer *)g_ptr_array_index(self->offers, k))->end == end)
                drop_offer(self, k);
        g_ptr_array_remove_index(self->ends, i);
        if (is_renumbered(self, end))
            adit_end_free(end);
        else
            adit_end_retire(end, NULL, NULL);
    }
}

static void
make_end(AditEngine *self, const AditPublishGateway *gateway, guint family)
{
    g_autoptr(GError) error = NULL;
    AditEnd *end;

    if (!adit_addr_is_set(&gateway->own[family]) ||
        !adit_addr_is_set(&gateway->server[family]) || find_end(self, gateway, family))
        return;
    end = adit_end_new(gateway, family, self->state_dir, &error);
    if (!end) {
        g_warning("%s: %s", gateway->name, error->message);
        return;
    }
    adit_end_set_news(end, on_news, on_stir, self);
    g_ptr_array_add(self->ends, end);
}

/* By their keys. Of two with one key (a port wanted twice) the first has it. */
static GHashTable *
index_matches(const GArray *matches)
{
    GHashTable *by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < matches->len; i++) {
        AditMatch *match = &g_array_index(matches, AditMatch, i);
        g_autofree char *key = adit_offer_key(match);

        if (!g_hash_table_contains(by_key, key))
            g_hash_table_insert(by_key, g_steal_pointer(&key), match);
    }
    return by_key;
}

static void
drop_offers(AditEngine *self, GHashTable *matches)
{
    for (guint i = self->offers->len; i-- > 0;) {
        const AditOffer *offer = g_ptr_array_index(self->offers, i);
        const AditMatch *match = g_hash_table_lookup(matches, offer->key);

        if (!match || !adit_offer_is_of(offer, match))
            drop_offer(self, i);
    }
}

/* While the gateway is down nothing is given back: nobody would hear it. */
static void
follow_match(AditEngine *self, AditOffer *offer, const AditMatch *match)
{
    AditEnd *end = find_end(self, match->gateway, match->family);

    offer->verdict = match->verdict;
    offer->why = match->why;
    if (match->verdict == ADIT_MATCH_ASK && end && !offer->end)
        adit_offer_start(offer, end);
    else if (match->verdict != ADIT_MATCH_ASK && match->gateway->up)
        adit_offer_stop(offer);
    self->watch.changed(self, offer, self->watch.data);
}

static void
follow_matches(AditEngine *self, GHashTable *matches)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer key, match;

    for (guint i = 0; i < self->offers->len; i++) {
        AditOffer *offer = g_ptr_array_index(self->offers, i);

        g_hash_table_insert(known, offer->key, offer);
    }
    g_hash_table_iter_init(&iter, matches);
    while (g_hash_table_iter_next(&iter, &key, &match)) {
        AditOffer *offer = g_hash_table_lookup(known, key);

        if (offer) {
            adit_offer_take_source(offer, match);
        } else {
            offer = adit_offer_new(match);
            g_ptr_array_add(self->offers, offer);
        }
        follow_match(self, offer, match);
    }
}

/* Who offers port 80 itself wants no redirect there. */
static gboolean
offers_http(const AditEngine *self, const AditOffer *beside)
{
    for (guint i = 0; i < self->offers->len; i++) {
        const AditOffer *offer = g_ptr_array_index(self->offers, i);
        const AditPublication *p = offer->publication;

        if (offer->end == beside->end && p->ports.proto == ADIT_PROTO_TCP && p->external != 0 &&
            p->external <= HTTP && HTTP < p->external + adit_ports_count(&p->ports))
            return TRUE;
    }
    return FALSE;
}

static GPtrArray *
all_wanted(const AditEngine *self)
{
    GPtrArray *all = g_ptr_array_new();

    for (guint part = 0; part < N_PARTS; part++)
        for (guint i = 0; self->wanted[part] && i < self->wanted[part]->len; i++)
            g_ptr_array_add(all, g_ptr_array_index(self->wanted[part], i));
    return all;
}

static gboolean
is_up(const AditEngine *self, AditEnd *end)
{
    for (guint g = 0; g < self->gateways->len; g++) {
        const AditPublishGateway *gateway = g_ptr_array_index(self->gateways, g);

        if (gateway->up && g_str_equal(gateway->name, adit_end_get_gateway(end)))
            return TRUE;
    }
    return FALSE;
}

/* What an earlier process left at the servers and nobody wants now. Only when all is known, and
 * of a gateway that is up: what waits for that is wanted. */
static void
sweep(AditEngine *self)
{
    if (!self->wanted[0] || !self->wanted[1] ||
        (adit_engine_wants_listening(self) && !self->listening))
        return;
    for (guint i = 0; i < self->ends->len; i++)
        if (is_up(self, g_ptr_array_index(self->ends, i)))
            adit_end_sweep(g_ptr_array_index(self->ends, i));
}

void
adit_engine_settle(AditEngine *self)
{
    g_autoptr(GPtrArray) wanted = all_wanted(self);
    g_autoptr(GArray) matches = NULL;
    g_autoptr(GHashTable) by_key = NULL;

    if (!self->gateways || !self->wanted[0])
        return;
    drop_ends(self);
    for (guint g = 0; g < self->gateways->len; g++)
        for (guint f = 0; f < 2; f++)
            make_end(self, g_ptr_array_index(self->gateways, g), f);
    matches = adit_match(wanted, self->gateways, self->listening);
    by_key = index_matches(matches);
    drop_offers(self, by_key);
    follow_matches(self, by_key);
    for (guint i = 0; i < self->offers->len; i++) {
        AditOffer *offer = g_ptr_array_index(self->offers, i);

        if (offer->end)
            adit_offer_set_http_is_taken(offer, offers_http(self, offer));
    }
    sweep(self);
}

void
adit_engine_handshake(AditEngine *self, const char *name)
{
    for (guint g = 0; self->gateways && g < self->gateways->len; g++)
        for (guint f = 0; f < 2; f++) {
            const AditPublishGateway *gateway = g_ptr_array_index(self->gateways, g);
            AditEnd *end =
                g_str_equal(gateway->name, name) && adit_addr_is_set(&gateway->server[f])
                    ? find_end(self, gateway, f)
                    : NULL;

            if (end)
                adit_client_handshake(adit_end_get_client(end), adit_client_now());
        }
}

typedef struct {
    guint left; /* ends, and one for the count itself */
    AditEndDone done;
    gpointer data;
} Leaving;

static void
on_left(gpointer data)
{
    Leaving *leaving = data;

    if (--leaving->left > 0)
        return;
    leaving->done(leaving->data);
    g_free(leaving);
}

void
adit_engine_leave(AditEngine *self, const char *name, AditEndDone done, gpointer data)
{
    Leaving *leaving = g_new0(Leaving, 1);

    *leaving = (Leaving){ 1, done, data };
    g_free(self->leaving);
    self->leaving = g_strdup(name);
    self->leaving_until =
        g_get_monotonic_time() + ADIT_ENGINE_LEAVE_S * G_GINT64_CONSTANT(1000000);
    for (guint i = self->offers->len; i-- > 0;)
        if (g_str_equal(((AditOffer *)g_ptr_array_index(self->offers, i))->gateway, name))
            drop_offer(self, i);
    for (guint i = self->ends->len; i-- > 0;) {
        AditEnd *end = g_ptr_array_index(self->ends, i);

        if (!g_str_equal(adit_end_get_gateway(end), name))
            continue;
        g_ptr_array_remove_index(self->ends, i);
        leaving->left++;
        adit_end_retire(end, on_left, leaving);
    }
    if (self->gateways)
        leave_out(self, self->gateways);
    on_left(leaving);
}
