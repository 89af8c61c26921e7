/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/bus.h"
#include "tunnel-server/web/connection.h"

/* Where the page listens. The tunnel's addresses come and go with the server's subnets. */

typedef struct _AditWebDoors AditWebDoors;

AditWebDoors *adit_web_doors_new(const AditWebSettings *settings, const AditWebBus *bus,
                                 AditWebConnections *connections);
void adit_web_doors_free(AditWebDoors *self);
/* Opens what is wanted and not open, closes what is open and not wanted. FALSE: nothing at all
 * could be opened; @error has the last reason. */
gboolean adit_web_doors_settle(AditWebDoors *self, GError **error);
