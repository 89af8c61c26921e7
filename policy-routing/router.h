/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/reconcile.h"
#include "libadit/sys/watch.h"
#include "policy-routing/facts.h"

/* The edge of the policy: makes rules, routes, the nftables table, settings and the boot guard
 * of this machine what the planner says, and keeps them so. */

typedef struct _AditRouter AditRouter;

typedef struct {
    const AditGateway *const *gateways;
    guint n_gateways;
    const AditPolicy *policy;
    const AditState *forwards; /* elements of forward-table.h, sysctls; NULL: none */
} AditRouterWish;

/* @kernel is borrowed. Guard files go into @config_dir, memories that a reboot may wipe into
 * @runtime_dir. @look is called when somebody else may have changed what is ours: the owner
 * calls adit_router_apply() again with the wish of the day. */
AditRouter *adit_router_open(AditKernel *kernel, const char *config_dir,
                             const char *runtime_dir, AditWatchFunc look, gpointer data,
                             GError **error);
/* Closes what is to be closed, changes what is to be changed, and opens last what may be open.
 * Without gateways nothing of ours is left. @ret may be NULL. */
gboolean adit_router_apply(AditRouter *router, const AditRouterWish *wish,
                           AditReconcileResult *ret, GError **error);
/* Changes nothing: adds a sentence (char *) for each thing that is otherwise than planned, in
 * the kernel and in the boot guard's files. */
gboolean adit_router_check(AditRouter *router, const AditRouterWish *wish, GPtrArray *ret,
                           GError **error);
/* Rules and routes as of the last apply; NULL before it, and without gateways. */
const AditState *adit_router_guard(const AditRouter *router);
/* Has @look called once more in a second. */
void adit_router_again(AditRouter *router);
/* As of the last apply; for status and doctor. */
const AditFacts *adit_router_facts(const AditRouter *router);
void adit_router_free(AditRouter *router); /* the kernel stays as it is */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditRouter, adit_router_free)
