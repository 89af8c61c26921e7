/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/publisher/offer.h"

/* The publisher without its bus: what is wanted, where it may be had and who listens come in,
 * offers are the outcome, kept so by the servers' PCP. */

typedef struct _AditEngine AditEngine;

typedef struct {
    /* An offer is there or has changed. */
    void (*changed)(AditEngine *engine, AditOffer *offer, gpointer data);
    void (*gone)(AditEngine *engine, const AditOffer *offer, gpointer data);
    /* A server has something to tell beside ports. */
    void (*stirred)(AditEngine *engine, const char *gateway, gpointer data);
    gpointer data;
} AditEngineWatch;

/* Nonces and grants are kept in @state_dir. */
AditEngine *adit_engine_new(const char *state_dir, const AditEngineWatch *watch);
void adit_engine_free(AditEngine *engine); /* leases live on */
/* Each takes its array, and nothing happens before adit_engine_settle(). AditPublication: by
 * where they come from, @part: 0 aditd, 1 units. */
void adit_engine_set_wanted(AditEngine *engine, guint part, GPtrArray *publications);
void adit_engine_set_gateways(AditEngine *engine, GPtrArray *gateways); /* AditPublishGateway */
/* Does any publication depend on who listens? */
gboolean adit_engine_wants_listening(const AditEngine *engine);
/* AditListening; TRUE: another picture than before. */
gboolean adit_engine_set_listening(AditEngine *engine, GArray *listening);
void adit_engine_settle(AditEngine *engine);
/* The gateway goes: everything there is given back, and until it is gone (or stays after all,
 * for ADIT_ENGINE_LEAVE_S) nothing is asked for. @done is called once. */
#define ADIT_ENGINE_LEAVE_S 15
void adit_engine_leave(AditEngine *engine, const char *gateway, AditEndDone done,
                       gpointer data);
/* The tunnel of a gateway has shaken hands. */
void adit_engine_handshake(AditEngine *engine, const char *gateway);
const GPtrArray *adit_engine_offers(const AditEngine *engine); /* AditOffer */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditEngine, adit_engine_free)
