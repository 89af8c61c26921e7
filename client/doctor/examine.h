/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon.h"
#include "client/doctor/doctor.h"

#include <gio/gio.h>

/* Gathers what `adit doctor` judges: of the kernel at once, of others by asking them, for
 * ADIT_EXAMINE_MS at most. Changes nothing. */

#define ADIT_EXAMINE_MS 3500

typedef struct _AditExamination AditExamination;

/* @findings: AditFinding. The examination is over then, and may be freed. */
typedef void (*AditExamineDone)(AditExamination *self, const GPtrArray *findings,
                                gpointer data);

/* @word: a gateway, a port, or "" for all. @quiet: nobody outside is dialled, and no packets of
 * the link's size are sent. NOT_FOUND: it is neither. @bus NULL: adit-publisher
 * is not asked. Never calls @done before it returns. */
AditExamination *adit_examine(AditDaemon *daemon, GDBusConnection *bus, const char *word,
                              gboolean quiet, AditExamineDone done, gpointer data,
                              GError **error);
void adit_examination_free(AditExamination *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditExamination, adit_examination_free)
