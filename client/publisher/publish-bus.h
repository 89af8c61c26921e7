/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/publisher/offer.h"
#include "client/publisher/told.h"

#include <gio/gio.h>

/* The publisher on the bus: what others may ask of it, and its offers. */

typedef struct _AditPublishBus AditPublishBus;

/* What others may ask. */
typedef struct {
    void (*refresh)(gpointer data); /* somebody wants to know how it is now */
    void (*drain)(const char *gateway, AditEndDone done, gpointer done_data, gpointer data);
    /* FALSE: no such gateway. */
    gboolean (*ask)(const char *gateway, const AditAsk *ask, AditAskerDone done,
                    gpointer done_data, gpointer data);
    gpointer data;
} AditPublishBusCalls;

AditPublishBus *adit_publish_bus_new(const AditPublishBusCalls *calls);
gboolean adit_publish_bus_connect(AditPublishBus *self, GDBusConnection *bus, GError **error);
void adit_publish_bus_show(AditPublishBus *self, const AditOffer *offer);
/* AditTelling */
void adit_publish_bus_show_sites(AditPublishBus *self, const GArray *list);
void adit_publish_bus_hide(AditPublishBus *self, const AditOffer *offer);
void adit_publish_bus_free(AditPublishBus *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPublishBus, adit_publish_bus_free)
