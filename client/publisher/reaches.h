/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/publisher/offer.h"

#include <gio/gio.h>

/* Offers on the bus, each at a path of its own under ADIT_PUBLISHER_PATH "/reaches". They are
 * answered from the offers themselves: an object of GDBus each takes ten times an offer's
 * memory. */

typedef struct _AditReaches AditReaches;

AditReaches *adit_reaches_new(void);
void adit_reaches_free(AditReaches *reaches);
/* FALSE: the paths are taken. What is shown later is told to who listens. */
gboolean adit_reaches_connect(AditReaches *reaches, GDBusConnection *bus, GError **error);
/* A new one, or one that may have changed. It is to stay until it is hidden. */
void adit_reaches_show(AditReaches *reaches, const AditOffer *offer);
void adit_reaches_hide(AditReaches *reaches, const AditOffer *offer);
/* To a dictionary of an ObjectManager, a{oa{sa{sv}}}. */
void adit_reaches_add_to(AditReaches *reaches, GVariantBuilder *objects);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditReaches, adit_reaches_free)
