/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "nm-plugin/backend-private.h"

/* One operation of the backend on its way through NetworkManager's answers. */

typedef struct {
    AditNm *nm;
    AditBackendGateway *gateway;
    AditBackendDone done;
    gpointer data;
    NMConnection *wanted; /* of a rewrite: what the connection is to be */
    char *bytes;          /* of a release: what its file was */
    gboolean keep;        /* of an adoption: keep how it was */
    gboolean anew;        /* of a rewrite: more than Reapply can carry */
    guint64 version;      /* of a rewrite: of the connection as it was read; 0: not told */
    guint tries;          /* how often it was read once more */
    gulong signal;        /* of a deactivation */
    guint timer;
    NMActiveConnection *active;
    void (*then)(gpointer task); /* after a deactivation; to begin a rewrite anew */
} AditNmTask;

AditNmTask *adit_nm_task_new(AditBackend *backend, const AditBackendGateway *gateway,
                             AditBackendDone done, gpointer data);
/* Answers and frees. @id may be NULL. Takes @error; one of NetworkManager's comes out as ours.
 */
void adit_nm_task_end(AditNmTask *task, const char *id, GError *error);
/* TRUE: the backend is gone, and the task with it. Takes @error then. */
gboolean adit_nm_task_is_over(AditNmTask *task, GError *error);
