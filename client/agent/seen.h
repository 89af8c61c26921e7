/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/publication.h"

/* What adit-agent sees of this machine at one moment, as values. */

typedef struct {
    char *name, *state, *problem; /* as org.adit.Client1.Gateway says them */
    gboolean selected[2];         /* everything of IPv4, IPv6 goes through it */
    char **addresses;
} AditSeenGateway;

typedef struct {
    char *ports, *gateway, *label, *source, *outside, *state, *reason, *problem;
    guint8 family;
} AditSeenReach;

/* Something that listens where others could reach it. */
typedef struct {
    AditPorts ports;
    char *program; /* its name, or that of its user; "": not known */
} AditSeenService;

typedef struct {
    gboolean has_daemon, has_publisher; /* on the bus: without them we know nothing new */
    GPtrArray *gateways;                /* AditSeenGateway */
    GPtrArray *reaches;                 /* AditSeenReach */
    GPtrArray *services;                /* AditSeenService, by port */
    GPtrArray *wanted;                  /* AditPublication */
    char **offered;                     /* connections that could become gateways, by name */
} AditSeen;

AditSeen *adit_seen_new(void);
void adit_seen_free(AditSeen *seen);
void adit_seen_gateway_free(AditSeenGateway *gateway);
void adit_seen_reach_free(AditSeenReach *reach);
AditSeenService *adit_seen_service_new(const AditPorts *ports, const char *program);
void adit_seen_service_free(AditSeenService *service);
/* "443/tcp nginx": what an answer is remembered by. */
char *adit_seen_service_key(const AditSeenService *service);
gboolean adit_seen_is_published(const AditSeenReach *reach); /* visitors can come */
gboolean adit_seen_is_wanted(const AditSeen *seen, const AditPorts *ports);
const AditSeenGateway *adit_seen_gateway(const AditSeen *seen, const char *name);
gboolean adit_seen_has_up(const AditSeen *seen); /* a gateway that works */

/* All reaches of one publication at one gateway, IPv4 first: what a user takes for one thing.
 * Borrowed from the seen. */
typedef struct {
    const AditSeenReach *first;
    GPtrArray *reaches;
} AditSeenGroup;

GPtrArray *adit_seen_groups(const AditSeen *seen);     /* AditSeenGroup, by port and gateway */
char *adit_seen_group_key(const AditSeenGroup *group); /* "443/tcp@home" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditSeen, adit_seen_free)
