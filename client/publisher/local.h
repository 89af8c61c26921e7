/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* The 308 responder on a free port of this machine, in the main loop. */

typedef struct _AditLocal AditLocal;

/* At @own, on a port of the kernel's choice. */
AditLocal *adit_local_new(const AditAddr *own, GError **error);
guint16 adit_local_get_port(const AditLocal *local);
void adit_local_free(AditLocal *local);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditLocal, adit_local_free)
