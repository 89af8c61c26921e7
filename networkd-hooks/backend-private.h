/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "networkd-hooks/backend.h"
#include "networkd-hooks/keeper.h"
#include "networkd-hooks/network1.h"

#include <gio/gio.h>

/* What the files of the backend share. */

#define ADIT_NETWORKD_PREFIX "60-adit-"
#define ADIT_NETWORKD_SUFFIX ".netdev"
#define ADIT_NETWORKD_N_FOLDERS 5

typedef struct {
    AditBackend parent;
    AditKernel *kernel;
    char *folder;
    AditNetwork1 *network1; /* NULL: no bus yet */
    GFileMonitor *monitor;
    AditBackendWatch watch;
    guint writing;        /* operations that change the folder themselves */
    GHashTable *seen;     /* links that were there: networkd has made them */
    GHashTable *bringing; /* links that are being made anew */
    GHashTable *missing;  /* link -> Missing: whose addresses were gone */
    const char *folders[ADIT_NETWORKD_N_FOLDERS];
    AditNetworkdKeeper *keeper;
} AditNetworkd;

/* An operation, which answers once. */
typedef struct {
    AditNetworkd *networkd;
    AditBackendGateway *gateway;
    AditBackendDone done;
    gpointer data;
} AditNetworkdTask;

AditNetworkdTask *adit_networkd_task_new(AditBackend *backend,
                                         const AditBackendGateway *gateway,
                                         AditBackendDone done, gpointer data);
void adit_networkd_task_end(AditNetworkdTask *task, const char *id, const GError *error);
/* The end of one whose files are written: networkd is to read them. Takes @why, of one that has
 * failed. */
void adit_networkd_task_finish(AditNetworkdTask *task, gboolean good, GError *why);

gboolean adit_networkd_connect(AditNetworkd *self, GError **error);
/* Whether networkd's own file says so of a link: "configured", "configuring", ... */
gboolean adit_networkd_is(const char *link, const char *state);
/* An admin wrote its files. */
gboolean adit_networkd_is_adopted(const AditBackendGateway *gateway);
/* The files of a gateway that is up, or those beside an admin's. */
gboolean adit_networkd_put(AditNetworkd *self, const AditBackendGateway *gateway,
                           GError **error);

/* In lost.c. Between these two. */
void adit_networkd_lost_begin(AditNetworkd *self);
void adit_networkd_lost_end(AditNetworkd *self);
/* See mend in policy-routing/backend.h. */
gboolean adit_networkd_mend(AditBackend *backend, const AditBackendGateway *gateway,
                            GError **error);
/* An operation of ours is about to change it: it is looked at after that. */
void adit_networkd_wait_no_more(AditNetworkd *self, const char *link);
/* Taken away by our own hand: it is not missed, and not made anew. */
void adit_networkd_let_go(AditNetworkd *self, const char *link);

/* The verbs; see policy-routing/backend.h. */
void adit_networkd_create(AditBackend *backend, const AditBackendGateway *gateway,
                          AditBackendDone done, gpointer data);
void adit_networkd_update(AditBackend *backend, const AditBackendGateway *gateway,
                          AditBackendDone done, gpointer data);
void adit_networkd_adopt(AditBackend *backend, const AditBackendGateway *gateway,
                         AditBackendDone done, gpointer data);
void adit_networkd_release(AditBackend *backend, const AditBackendGateway *gateway,
                           AditBackendDone done, gpointer data);
void adit_networkd_delete(AditBackend *backend, const AditBackendGateway *gateway,
                          AditBackendDone done, gpointer data);
void adit_networkd_activate(AditBackend *backend, const AditBackendGateway *gateway,
                            AditBackendDone done, gpointer data);
void adit_networkd_deactivate(AditBackend *backend, const AditBackendGateway *gateway,
                              AditBackendDone done, gpointer data);
void adit_networkd_read(AditBackend *backend, const char *word, AditBackendRead done,
                        gpointer data);
