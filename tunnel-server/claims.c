/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/claims.h"

#include "libadit/core/error.h"

#include <string.h>
#include <sys/socket.h>

/* A server of 10,000 devices holds 50,000 things, and all are claimed anew for each change. So
 * they lie in one array, and a table of places in it, open and at most half full, finds them.
 *
 * IPv4 addresses are few and have many ports each, which mostly follow one another: those are
 * claimed by rows of so many ports, of which each has its holder. */

#define FIRST_SLOTS 64
#define ROW 64

typedef struct {
    AditThing thing; /* of a row: .port counts rows */
    union {
        const char *who;
        const char **row; /* a holder each; NULL: free */
    };
    guint32 hash;
} Claim;

struct _AditClaims {
    GArray *claims;
    guint32 *slots; /* index + 1; 0: free */
    guint32 n_slots;
};

AditThing
adit_thing_name(AditThingKind kind, const char *name)
{
    const AditThing thing = { .kind = kind, .name = name };

    return thing;
}

AditThing
adit_thing_key(const AditKey *key)
{
    const AditThing thing = { .kind = ADIT_THING_KEY, .key = key };

    return thing;
}

AditThing
adit_thing_addr(const AditAddr *addr)
{
    const AditThing thing = { .kind = ADIT_THING_ADDR, .at.addr = *addr };

    return thing;
}

AditThing
adit_thing_route(const AditPrefix *route)
{
    const AditThing thing = { .kind = ADIT_THING_ROUTE, .at = *route };

    return thing;
}

AditThing
adit_thing_port(const AditAddr *addr, guint16 port, AditProto proto)
{
    const AditThing thing = {
        .kind = ADIT_THING_PORT, .at.addr = *addr, .port = port, .proto = proto
    };

    return thing;
}

static char *
words(const AditThing *thing)
{
    const char *proto = thing->proto == ADIT_PROTO_TCP ? "tcp" : "udp";
    const AditSockAddr at = { .addr = thing->at.addr, .port = thing->port };
    g_autofree char *text = NULL;

    switch (thing->kind) {
    case ADIT_THING_SUBNET: return g_strdup_printf("subnet %s", thing->name);
    case ADIT_THING_DEVICE: return g_strdup_printf("device %s", thing->name);
    case ADIT_THING_KEY: return adit_key_to_string(thing->key);
    case ADIT_THING_ADDR: return adit_addr_to_string(&thing->at.addr);
    case ADIT_THING_ROUTE:
        text = adit_prefix_to_string(&thing->at);
        return g_strdup_printf("route %s", text);
    case ADIT_THING_PORT:
        if (!adit_addr_is_set(&at.addr))
            return g_strdup_printf("port %u/%s", at.port, proto);
        text = adit_sockaddr_to_string(&at);
        return g_strdup_printf("port %s/%s", text, proto);
    }
    g_assert_not_reached();
}

static guint32
hash_key(const AditKey *key)
{
    guint64 parts[ADIT_KEY_LEN / 8];
    guint64 hash = 0;

    memcpy(parts, key->bytes, sizeof(parts));
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        hash = (hash ^ parts[i]) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return (guint32)(hash >> 32);
}

static guint32
hash_thing(const AditThing *thing)
{
    guint64 hash = 0;

    switch (thing->kind) {
    case ADIT_THING_SUBNET:
    case ADIT_THING_DEVICE: hash = g_str_hash(thing->name); break;
    case ADIT_THING_KEY: hash = hash_key(thing->key); break;
    case ADIT_THING_ADDR:
    case ADIT_THING_ROUTE:
    case ADIT_THING_PORT: hash = adit_addr_hash(&thing->at.addr); break;
    }
    hash ^= (guint64)thing->at.len << 56 | (guint64)thing->port << 40 |
            (guint64)thing->proto << 36 | (guint64)thing->kind << 32;
    hash *= G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return (guint32)(hash >> 32);
}

static gboolean
is_same(const AditThing *a, const AditThing *b)
{
    if (a->kind != b->kind)
        return FALSE;
    switch (a->kind) {
    case ADIT_THING_SUBNET:
    case ADIT_THING_DEVICE: return g_str_equal(a->name, b->name);
    case ADIT_THING_KEY: return adit_key_cmp(a->key, b->key) == 0;
    case ADIT_THING_ADDR: return adit_addr_cmp(&a->at.addr, &b->at.addr) == 0;
    case ADIT_THING_ROUTE: return adit_prefix_cmp(&a->at, &b->at) == 0;
    case ADIT_THING_PORT:
        return a->port == b->port && a->proto == b->proto &&
               adit_addr_cmp(&a->at.addr, &b->at.addr) == 0;
    }
    g_assert_not_reached();
}

static const Claim *
claim_at(const AditClaims *self, guint32 slot)
{
    const guint32 at = self->slots[slot];

    return at ? &g_array_index(self->claims, Claim, at - 1) : NULL;
}

/* Where @thing is, or would be. */
static guint32
find_slot(const AditClaims *self, const AditThing *thing, guint32 hash)
{
    guint32 slot = hash & (self->n_slots - 1);
    const Claim *claim;

    while ((claim = claim_at(self, slot)) &&
           !(claim->hash == hash && is_same(&claim->thing, thing)))
        slot = (slot + 1) & (self->n_slots - 1);
    return slot;
}

static void
grow(AditClaims *self)
{
    g_free(self->slots);
    self->n_slots *= 2;
    self->slots = g_new0(guint32, self->n_slots);
    for (guint i = 0; i < self->claims->len; i++) {
        guint32 slot = g_array_index(self->claims, Claim, i).hash & (self->n_slots - 1);

        while (self->slots[slot])
            slot = (slot + 1) & (self->n_slots - 1);
        self->slots[slot] = i + 1;
    }
}

AditClaims *
adit_claims_new(guint expected)
{
    AditClaims *self = g_new0(AditClaims, 1);

    self->claims = g_array_sized_new(FALSE, FALSE, sizeof(Claim), expected);
    self->n_slots = FIRST_SLOTS;
    while (self->n_slots < 2 * expected)
        self->n_slots *= 2;
    self->slots = g_new0(guint32, self->n_slots);
    return self;
}

static gboolean
is_row(const AditThing *thing)
{
    return thing->kind == ADIT_THING_PORT && thing->at.addr.family != AF_INET6;
}

static gboolean
fail_held(const AditThing *thing, const char *who, const char *holder, GError **error)
{
    g_autofree char *text = words(thing);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s: held by %s", who, text, holder);
    return FALSE;
}

static void
append(AditClaims *self, guint32 slot, const Claim *claim)
{
    g_array_append_vals(self->claims, claim, 1);
    self->slots[slot] = self->claims->len;
    if (self->claims->len * 2 > self->n_slots)
        grow(self);
}

static gboolean
take_port(AditClaims *self, const AditThing *thing, const char *who, GError **error)
{
    Claim claim = { .thing = *thing };
    const Claim *present;
    guint32 slot;

    claim.thing.port = thing->port / ROW;
    claim.hash = hash_thing(&claim.thing);
    slot = find_slot(self, &claim.thing, claim.hash);
    present = claim_at(self, slot);
    claim.row = present ? present->row : g_new0(const char *, ROW);
    if (claim.row[thing->port % ROW])
        return fail_held(thing, who, claim.row[thing->port % ROW], error);
    claim.row[thing->port % ROW] = who;
    if (!present)
        append(self, slot, &claim);
    return TRUE;
}

gboolean
adit_claims_take(AditClaims *self, const AditThing *thing, const char *who, GError **error)
{
    Claim claim = { .thing = *thing, .who = who };
    guint32 slot;

    if (is_row(thing))
        return take_port(self, thing, who, error);
    claim.hash = hash_thing(thing);
    slot = find_slot(self, thing, claim.hash);
    if (self->slots[slot])
        return fail_held(thing, who, claim_at(self, slot)->who, error);
    append(self, slot, &claim);
    return TRUE;
}

void
adit_claims_free(AditClaims *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->claims->len; i++)
        if (is_row(&g_array_index(self->claims, Claim, i).thing))
            g_free(g_array_index(self->claims, Claim, i).row);
    g_array_unref(self->claims);
    g_free(self->slots);
    g_free(self);
}
