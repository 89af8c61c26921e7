/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "server-dbus-generated.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/service.h"

/* Between service.c, which knows changes and properties, and the service-*.c files, which know
 * the methods. */

typedef struct _AditServerProbe AditServerProbe;

struct _AditServerService {
    AditAdmin *admin;
    AditSrvManager *manager;
    AditTrafficTable *traffic; /* as it was at traffic_at, for the pages of one list */
    AditWgDump *peers;         /* likewise, at peers_at */
    guint page_at;             /* where the last page of mappings ended */
    gint64 traffic_at, peers_at;
    GPtrArray *checks;      /* those under way */
    AditServerProbe *probe; /* likewise; NULL: none */
    guint news;             /* a timer: leases have changed */
};

/* One change for the caller. FALSE: it has its error. */
gboolean adit_service_change(AditServerService *self, GDBusMethodInvocation *call,
                             const char *verb, const char *object, AditEdit edit,
                             gpointer data);
/* TRUE: the caller has @error as its answer. NULL: FALSE. */
gboolean adit_service_fail(GDBusMethodInvocation *call, GError *error);
/* TRUE: the caller hears that what its last page ended with is gone. */
gboolean adit_service_no_page(GDBusMethodInvocation *call, const char *after);

void adit_service_connect_check(AditServerService *self);
void adit_service_connect_probe(AditServerService *self);
void adit_service_end_probe(AditServerService *self); /* if one is under way */
void adit_service_connect_server(AditServerService *self);
void adit_service_connect_subnets(AditServerService *self);
void adit_service_connect_rotate(AditServerService *self);
void adit_service_connect_devices(AditServerService *self);
void adit_server_service_count_mappings(AditServerService *self);
void adit_service_connect_list(AditServerService *self);
guint8 adit_service_family(guchar number); /* 4 or 6 as AF_INET or AF_INET6 */
/* Of Publish: CONFIG in words. */
gboolean adit_service_parse_publish(AditPublishWish *wish, const char *ports,
                                    const char *redirect, GError **error);
/* The keys of the @n mappings that were made last. */
char **adit_service_keys_of_last(AditServerService *self, guint n);
void adit_service_connect_mappings(AditServerService *self);
void adit_service_connect_own(AditServerService *self);
void adit_service_connect_files(AditServerService *self);
