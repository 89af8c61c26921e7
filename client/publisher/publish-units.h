/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/publication.h"

#include <gio/gio.h>

/* Units of systemd that say X-Adit-Publish, published while they are active. Without systemd
 * there are none. */

typedef struct _AditPublishUnits AditPublishUnits;

/* AditPublication, to be taken: all there are now. Called once in any case. */
typedef void (*AditPublishUnitsChanged)(GPtrArray *publications, gpointer data);

AditPublishUnits *adit_publish_units_new(GDBusConnection *bus, AditPublishUnitsChanged changed,
                                         gpointer data);
void adit_publish_units_free(AditPublishUnits *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPublishUnits, adit_publish_units_free)
