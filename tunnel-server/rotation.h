/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/wgmodel.h"
#include "tunnel-server/plan.h"

/* What changes by itself, once its time or its proof has come: a device's new key takes over,
 * an offer or an old network ends, a network follows the WAN's. Pure.
 *
 * WireGuard knows one peer for each public key, and one owner for each address. So a new key is
 * at first a peer without addresses: it may shake hands and nothing else. Its first handshake
 * proves that the device has the private half and uses it; then, and not before, the addresses
 * go over to it and the old key is forgotten. Whatever dies on the way, a key works: the old
 * one until that handshake, the new one from there on. */

#define ADIT_ROTATION_STANDS_S 600 /* an offer */
#define ADIT_ROTATION_GAP_S 3      /* from one offer to another */
#define ADIT_SPENT_STANDS_S 86400  /* for so long a spent invitation is looked out for */
#define ADIT_SPENT_MAX 256         /* the newest ones */

typedef enum {
    ADIT_DUE_NOTHING,
    ADIT_DUE_ROTATE, /* the new key of @device has shaken hands */
    ADIT_DUE_VOID,   /* the offer of @device has run out */
    ADIT_DUE_PREFIX, /* the old network of @subnet is no longer served */
    ADIT_DUE_FOLLOW, /* the WAN has another network than @subnet */
    ADIT_DUE_INVITE, /* the invitation of @device has run out */
    ADIT_DUE_REUSED, /* somebody has tried the spent key @at */
    ADIT_DUE_FORGET, /* the spent key @at is old */
} AditDueKind;

typedef struct {
    AditDueKind kind;
    guint at;          /* device, subnet or spent key */
    AditPrefix prefix; /* FOLLOW */
} AditDue;

/* @device offers @key; its present one: what it has offered is taken back. BUSY: it has just
 * offered another. DENIED: it has no preshared key. */
gboolean adit_rotation_offer(AditModel *model, guint device, const AditKey *key, gint64 now_s,
                             GError **error);
/* Whether handshakes have to be looked at often; or now and then. */
gboolean adit_rotation_is_on(const AditModel *model);
gboolean adit_rotation_looks_out(const AditModel *model);
/* The first thing that is due. @dump NULL: no handshake is known. */
AditDue adit_rotation_due(const AditModel *model, const AditWgDump *dump,
                          const AditServerFacts *facts, gint64 now_s);
/* Does it. @until_s: how long a network that is followed by another is served. */
gboolean adit_rotation_do(AditModel *model, const AditDue *due, gint64 now_s, gint64 until_s,
                          GError **error);
/* For the journal: "device rotate", and what it is about. */
const char *adit_rotation_verb(AditDueKind kind);
const char *adit_rotation_object(const AditModel *model, const AditDue *due);
