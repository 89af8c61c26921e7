/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/change.h"
#include "client/daemon-private.h"

/* A change on its way. Gateways go by name from step to step: an entry may be gone when a
 * manager answers. */
typedef struct {
    AditDaemon *daemon;
    AditBackendKind kind; /* of an adoption, or a move */
    const char *verb;     /* for the journal; NULL: not worth a line unless it fails */
    char *name;
    AditChangeDone done; /* NULL: nobody asked, a failure is logged */
    gpointer data;
    char *word;        /* adoption: to ask another manager with; NULL: nobody else is asked */
    gboolean everyone; /* of an adoption: for all users, at boot */
    gboolean before;   /* set-up: what to go back to */
    guint waiting;     /* set-default: answers to come */
    GError *error;     /* the first */
} AditChange;

AditChange *adit_change_new(AditDaemon *daemon, const char *verb, const char *name,
                            AditChangeDone done, gpointer data);
/* Answers and frees. Takes @error. */
void adit_change_finish(AditChange *change, GError *error);
/* The gateway, marked busy, and what its backend is told of it. NULL: answered. */
AditEntry *adit_change_begin(AditChange *change, AditWish *ret);
/* The gateway that a profile is of: its device at its server; NULL: of none yet. */
AditEntry *adit_change_find_device(const AditDaemon *daemon, const AditProfile *profile);
AditBackend *adit_change_backend(const AditDaemon *daemon, const AditEntry *entry);
/* On paper and on disk, and its guard in the kernel. Takes @entry if TRUE. */
gboolean adit_change_enrol(AditDaemon *daemon, AditEntry *entry, GError **error);
/* The kernel first, then the files: what a crash leaves behind is a gateway that is still
 * listed. None of that name: done. */
gboolean adit_change_forget(AditDaemon *daemon, const char *name, GError **error);
