/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/backend.h"
#include "client/health.h"

/* The gateways of this machine on disk: CONFIG/gateways/NAME.conf is the profile as the user
 * gave it, STATE/gateways/NAME what we decided about it. A profile without the second file is
 * one an admin dropped in by hand: it is enrolled at the next start. */

typedef struct {
    char *name;              /* also the interface name */
    char *title;             /* what people call it; NULL: its name */
    AditBackendKind backend; /* who makes its link; never AUTO */
    char *id;                /* what that one calls it; NULL: not made yet */
    guint slot;
    gboolean up;
    gboolean selected[2]; /* default outbound of IPv4, IPv6 */
    AditProfile *profile;
    char *owner;       /* the one user it is for; NULL: all; not on disk */
    gint64 since;      /* when it was last wanted up, in monotonic time; not on disk */
    gboolean edited;   /* by its manager's user, while busy; not on disk */
    gboolean gone;     /* perhaps: removed in its manager, while busy; not on disk */
    gboolean busy;     /* a change is under way; not on disk */
    AditHealth health; /* as it was told last; not on disk */
    guint tries;       /* how often in a row its handshake was overdue; not on disk */
    gint64 retry;      /* when it is time to try again, in monotonic time; not on disk */
} AditEntry;

/* Array of AditEntry, by name. A file that cannot be read is an error naming it: a gateway that
 * silently vanished would be an opened guard. */
GPtrArray *adit_catalog_load(const char *config_dir, const char *state_dir, GError **error);
/* Profile first, then the decision: a crash between the two leaves a hand-dropped profile. */
gboolean adit_catalog_save(const AditEntry *entry, const char *config_dir,
                           const char *state_dir, GError **error);
gboolean adit_catalog_save_decision(const AditEntry *entry, const char *state_dir,
                                    GError **error);
gboolean adit_catalog_remove(const AditEntry *entry, const char *config_dir,
                             const char *state_dir, GError **error);
/* Whether there is a profile of this name, enrolled or only just dropped in. */
gboolean adit_catalog_has_profile(const char *config_dir, const char *name);
AditEntry *adit_entry_new(const char *name, AditProfile *profile); /* takes @profile */
void adit_entry_free(AditEntry *entry);
/* The lowest slot no entry holds; 0: all are taken. */
guint adit_catalog_free_slot(const GPtrArray *entries);
AditEntry *adit_catalog_find(const GPtrArray *entries, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditEntry, adit_entry_free)
