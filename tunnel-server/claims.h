/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/key.h"
#include "libadit/core/ports.h"

/* Who holds what, so that nothing is held twice. Things are compared as values; their words are
 * made for the one sentence about a collision. */

typedef enum {
    ADIT_THING_SUBNET,
    ADIT_THING_DEVICE,
    ADIT_THING_KEY,
    ADIT_THING_ADDR,
    ADIT_THING_ROUTE,
    ADIT_THING_PORT,
} AditThingKind;

/* Names and keys are borrowed. */
typedef struct {
    AditThingKind kind;
    const char *name;
    const AditKey *key;
    AditPrefix at; /* an address: len 0 */
    guint16 port;
    AditProto proto;
} AditThing;

AditThing adit_thing_name(AditThingKind kind, const char *name);
AditThing adit_thing_key(const AditKey *key);
AditThing adit_thing_addr(const AditAddr *addr);
AditThing adit_thing_route(const AditPrefix *route);
AditThing adit_thing_port(const AditAddr *addr, guint16 port, AditProto proto); /* unset: the
                                                                                   WAN's */

typedef struct _AditClaims AditClaims;

/* @expected: about so many things will be taken. */
AditClaims *adit_claims_new(guint expected);
/* Keeps a copy of @thing; borrows @who. FALSE: somebody else has it, or @who had it before. */
gboolean adit_claims_take(AditClaims *claims, const AditThing *thing, const char *who,
                          GError **error);
void adit_claims_free(AditClaims *claims);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditClaims, adit_claims_free)
