/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/admin.h"

/* Carries out what rotation.h finds due, and what devices offer. */

typedef struct _AditTender AditTender;

/* @changed: the model is another one. */
AditTender *adit_tender_new(AditAdmin *admin, void (*changed)(gpointer data), gpointer data);
/* To be called about once a second; while a key is on offer it looks by itself. */
void adit_tender_look(AditTender *self);
void adit_tender_free(AditTender *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditTender, adit_tender_free)
