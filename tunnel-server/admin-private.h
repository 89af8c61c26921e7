/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/admin.h"
#include "tunnel-server/responder.h"
#include "tunnel-server/store.h"

/* Between admin.c (what is in force, and changes of it), admin-peers.c (who is there) and
 * admin-store.c (what is kept). */

struct _AditAdmin {
    char *settings_path, *store_path;
    AditServerSettings *settings;
    AditServerStore *store;
    AditServer *server;
    AditPcpServer *pcp;
    AditResponder *responder;
    AditModel *model; /* what is kept; in force unless down or broken */
    AditServerFacts facts;
    AditWatch *watch; /* the caller's; NULL: nobody would tell us */
    AditWgDump *seen; /* who was there when last looked at */
    char *trouble;
    char *note;     /* what was wrong with the store, and mended */
    guint n_vacant; /* checks that are under way */
    gboolean started, down;
    gboolean moved;       /* facts are others than those that are in force */
    gboolean read_only;   /* the store's disk, and it was said */
    gboolean copy_wanted; /* the store's copy is older than the store */
};

/* Opens what self->store_path names and loads the model of it. */
gboolean adit_admin_open_store(AditAdmin *self, GError **error);
/* Where devices are, for peers of which the kernel does not know it: after a reboot by the
 * store, of a link that went away or down by what was last seen, so that the server can speak
 * first. What the kernel knows is newer. */
void adit_admin_recall_endpoints(AditAdmin *self);
/* They were for the kernel, which has them now. */
void adit_admin_forget_endpoints(AditModel *model);
