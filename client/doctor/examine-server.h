/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/doctor/doctor.h"

#include <gio/gio.h>

/* What the servers say of ports that they have granted. adit-publisher asks: bytes of others
 * are its to read. */

typedef void (*AditExamineTold)(gpointer data);

/* Of @reaches (AditDoctorReach) each that is held, the first @most of them; @after: of those
 * that were dialled and did not answer, once more. @told comes once, within 600 ms, never
 * before it returns; not after @cancel. */
void adit_examine_ask(GDBusConnection *bus, const GPtrArray *reaches, gboolean after,
                      guint most, GCancellable *cancel, AditExamineTold told, gpointer data);
