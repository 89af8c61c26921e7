/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "nm-plugin/backend.h"

#include <NetworkManager.h>

/* What the files of the backend share. */

typedef struct {
    AditBackend parent;
    AditKernel *kernel;
    char *state_dir;
    NMClient *client; /* NULL: not made yet */
    gboolean failed;  /* nor will it be */
    GCancellable *cancel;
    AditBackendWatch watch;
    GHashTable *updates;  /* uuid -> id of the timer after which it is looked at */
    GHashTable *losses;   /* uuid -> AditLoss: whose addresses were gone while it was up */
    guint updated;        /* a subscription */
    gboolean settling;    /* it has been away and tells again of what it always had */
    GHashTable *owed;     /* uuid -> what of that our own questions cause */
    GHashTable *switches; /* uuid -> likewise, switched while busy */
    GHashTable *removals; /* uuid -> id of the timer that will believe it */
    GHashTable *fresh;    /* uuid -> when it was added, in seconds of monotonic time */
    GHashTable *busy;     /* uuid: an operation of ours is changing it */
} AditNm;

/* A running NetworkManager, or NULL and TIMEOUT. */
NMClient *adit_nm_client(const AditNm *nm, GError **error);
NMRemoteConnection *adit_nm_find(const AditNm *nm, const char *uuid, GError **error);
NMActiveConnection *adit_nm_find_active(const AditNm *nm, const char *uuid);
/* NetworkManager has done what there is to do for it. */
gboolean adit_nm_is_up(const AditNm *nm, const char *uuid);

/* Asks for the secrets of WireGuard, so that the watch knows who has asked. */
void adit_nm_get_secrets(AditNm *nm, NMRemoteConnection *remote, GAsyncReadyCallback done,
                         gpointer data);
/* In watch.c. What becomes of this activation is our own doing, not a user's word. */
void adit_nm_own(NMActiveConnection *active);
/* An address of its is gone although it is up: it is read again once that has settled, which
 * puts it back; less and less often where that does not help. */
void adit_nm_note_loss(AditNm *nm, const char *uuid);
/* Hears of everything from here on; @nm has its client. */
void adit_nm_watch_begin(AditNm *nm);
void adit_nm_watch(AditBackend *self, const AditBackendWatch *hears);
void adit_nm_watch_end(AditNm *nm);

/* The verbs; see policy-routing/backend.h. */
void adit_nm_create(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                    gpointer data);
void adit_nm_update(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                    gpointer data);
void adit_nm_adopt(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                   gpointer data);
void adit_nm_release(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                     gpointer data);
void adit_nm_remove(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                    gpointer data);
void adit_nm_activate(AditBackend *self, const AditBackendGateway *gateway,
                      AditBackendDone done, gpointer data);
void adit_nm_deactivate(AditBackend *self, const AditBackendGateway *gateway,
                        AditBackendDone done, gpointer data);
