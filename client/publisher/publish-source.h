/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/match.h"

#include <gio/gio.h>

/* What aditd says: which gateways there are, and what is to be published. While aditd is away
 * its last word holds. */

typedef struct _AditPublishSource AditPublishSource;

typedef struct {
    void (*gateways)(GPtrArray *gateways, gpointer data); /* AditPublishGateway; to be taken */
    void (*wanted)(GPtrArray *publications, gpointer data); /* AditPublication; to be taken */
    void (*handshake)(const char *gateway, gpointer data);
    gpointer data;
} AditPublishSourceWatch;

AditPublishSource *adit_publish_source_new(GDBusConnection *bus,
                                           const AditPublishSourceWatch *watch);
/* What this machine's own firewalls keep out of each; @answer gets a sentence or "" for each,
 * or NULL when aditd does not say. */
typedef struct {
    char *gateway;
    guint family;
    AditProto proto;
    guint16 port;
} AditDropQuestion;
typedef void (*AditDropAnswer)(const char *const *answers, gpointer data);
void adit_publish_source_find_drops(AditPublishSource *self, const AditDropQuestion *asked,
                                    guint n, AditDropAnswer answer, gpointer data);
void adit_publish_source_free(AditPublishSource *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPublishSource, adit_publish_source_free)
