/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/care.h"
#include "client/daemon.h"
#include "client/endpoints.h"
#include "client/newcomers.h"
#include "client/settings.h"
#include "client/wanted-store.h"
#include "libadit/core/settings.h"
#include "libadit/sys/wgdev-front.h"
#include "policy-routing/resolve1.h"
#include "policy-routing/router.h"

/* What the files of the daemon share. */

struct _AditDaemon {
    const AditPlaces *places;
    gboolean observes; /* changes nothing */
    AditKernel *kernel;
    AditWgdev *wgdev;
    AditRouter *router;
    AditEndpoints *endpoints;
    AditResolve1 *resolve1;
    AditCare *care;
    AditNewcomers *newcomers;
    AditQueue *queue;                       /* for the gateways, by name */
    AditBackend *backends[ADIT_N_BACKENDS]; /* NULL: not of this build, or of no kind */
    gpointer ears[ADIT_N_BACKENDS];         /* what their watches are given */
    GPtrArray *entries;                     /* AditEntry, by name */
    AditPolicy policy;
    AditWantedStore *wanted;
    AditPrefixList allowed_targets;
    AditAutoAdopt auto_adopt;
    AditDaemonChanged changed;
    gpointer changed_data;
};

/* An entry in the words of a backend; lives as long as the entry is not changed. */
typedef struct {
    AditBackendGateway gateway;
    AditSockAddr *endpoints;
} AditWish;

void adit_wish_init(AditWish *ret, AditDaemon *daemon, const AditEntry *entry);
void adit_wish_clear(AditWish *wish);
/* The policy of all entries into the kernel; then the links that are up are mended. */
gboolean adit_daemon_apply(AditDaemon *daemon, GError **error);
/* The policy alone: before a link is made and after it is gone. */
gboolean adit_daemon_apply_policy(AditDaemon *daemon, GError **error);
GPtrArray *adit_daemon_make_gateways(const GPtrArray *entries);
/* In daemon-publish.c: unsealed elements of forward-table.h. */
AditState *adit_daemon_plan_forwards(AditDaemon *daemon, const GPtrArray *gateways);
AditEntry *adit_daemon_find(AditDaemon *daemon, const char *name, GError **error);
/* The facts its health is judged by; returns the time of the last handshake, 0: none. */
gint64 adit_daemon_see(AditDaemon *daemon, const AditEntry *entry, AditHealthFacts *ret);
/* "10.59.0.0/24 is the network of eth0, too: ...", or NULL. */
char *adit_daemon_describe_clash(const AditDaemon *daemon, const AditEntry *entry);
/* What kernel and guard files have otherwise than planned: char *. */
gboolean adit_daemon_find_drift(AditDaemon *daemon, GPtrArray *ret, GError **error);
/* Who manages the link of the default route; nobody: direct. */
AditBackendKind adit_daemon_choose_backend(const AditDaemon *daemon);
void adit_daemon_tell(AditDaemon *daemon);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditWish, adit_wish_clear)
