/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/diff.h"
#include "libadit/sys/nl.h"

/* The kernel of this network namespace, as far as it is ours: read it into a state, carry
 * operations out. Rtnetlink and sysctls are spoken here; WireGuard and nftables by fronts. */

typedef struct _AditKernel AditKernel;

#define ADIT_KIND_BIT(kind) (1u << (kind))
#define ADIT_KINDS_ALL (ADIT_KIND_BIT(ADIT_N_KINDS) - 1)

/* What counts as ours, beyond the tag that routes, rules and neighbours carry. */
typedef struct {
    guint kinds; /* ADIT_KIND_BIT()s to look at; the others stay out of the state */
    const char *const *links; /* names, NULL-terminated; NULL: none. Their devices, peers and
                                 addresses are ours, all of them */
    /* A server and a client on one machine bear the same tag and must not tidy up after one
     * another: routes of this table alone, and of any but that. 0: all of them. */
    guint32 only_table, not_table;
    const AditAddress *own; /* ours on a link that is not; NULL: none */
} AditScope;

/* Speaks for kinds that rtnetlink does not know. Copied; @data outlives the kernel. */
typedef struct {
    guint kinds;
    /* Adds what is present of @kinds, those of the front that the scope asks for. */
    gboolean (*dump)(gpointer data, guint kinds, const AditScope *scope, AditState *ret,
                     GError **error);
    /* Carries out @n operations of one kind, in order: deletions, or anything else. On failure
     * @ret_failed is the first that was not. With LINK among the kinds, making and removing
     * links is the front's; their mtu and state are still set and read by rtnetlink. */
    gboolean (*apply)(gpointer data, const AditOp *op, guint n, guint *ret_failed,
                      GError **error);
    gpointer data;
} AditFront;

AditKernel *adit_kernel_open(GError **error);
/* A kind has one front; without any, its operations are refused and its dump is empty. */
void adit_kernel_add_front(AditKernel *kernel, const AditFront *front);
/* The present state, sealed. Of sysctls those that @want (may be NULL) names. */
AditState *adit_kernel_dump(AditKernel *kernel, const AditScope *scope, const AditState *want,
                            GError **error);
/* In order, neighbours of a kind in one batch. Stops at the first refusal; the error
 * begins with the operation's own words. @ret_done (may be NULL): how many were carried out, at
 * least. */
gboolean adit_kernel_apply(AditKernel *kernel, const AditOps *ops, guint *ret_done,
                           GError **error);
/* The socket it speaks by, for adit_watch_ignore_routes(). */
const AditNl *adit_kernel_socket(const AditKernel *kernel);
void adit_kernel_free(AditKernel *kernel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditKernel, adit_kernel_free)
