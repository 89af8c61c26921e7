/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"
#include "publisher-dbus-generated.h"

/* What adit-publisher shows of each publication, for people and programs. */

/* AditPubReach as they are now, by ports, gateway and family. @fresh: adit-publisher looks
 * again first. */
GPtrArray *adit_reaches_read(gboolean fresh, GError **error);
/* The colour of its state. */
AditPaint adit_reaches_paint(AditPubReach *reach);
AditTable *adit_reaches_table_new(void);
void adit_reaches_add_row(AditTable *table, AditPubReach *reach);
void adit_reaches_add_json(JsonBuilder *json, AditPubReach *reach);
