/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/publisher/asker.h"

/* What our own tunnel servers say of this device, gateway by gateway: asked when a gateway
 * comes, when its server says that something is other than it was, and now and then. */

typedef struct _AditTold AditTold;

typedef struct {
    const char *gateway;
    AditAskSite site;
} AditTelling;

/* @changed: the list is another one. */
AditTold *adit_told_new(void (*changed)(gpointer data), gpointer data);
void adit_told_free(AditTold *self);
/* AditPublishGateway; borrowed for the call. */
void adit_told_set_gateways(AditTold *self, const GPtrArray *gateways);
/* The server has something to say; @always: even if it has spoken. */
void adit_told_stir(AditTold *self, const char *gateway, gboolean always);
/* AditTelling, of those that have spoken. */
GArray *adit_told_list(const AditTold *self);
/* A question of aditd. NOT_FOUND at once: no such gateway. */
gboolean adit_told_ask(AditTold *self, const char *gateway, const AditAsk *ask,
                       AditAskerDone done, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditTold, adit_told_free)
