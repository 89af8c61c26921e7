/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/msg.h"

/* A netlink socket. Every request is acknowledged; an error carries the kernel's extack text.
 */

typedef struct _AditNl AditNl;

/* Called for each answer; FALSE with @error set ends the call. */
typedef gboolean (*AditNlFunc)(const struct nlmsghdr *nlh, gpointer data, GError **error);

/* @protocol: NETLINK_ROUTE, NETLINK_GENERIC, NETLINK_NETFILTER, NETLINK_SOCK_DIAG. */
AditNl *adit_nl_open(int protocol, GError **error);
int adit_nl_get_fd(const AditNl *nl);
/* For a socket that only listens: on one that also calls, answers and events would mix. */
gboolean adit_nl_subscribe(AditNl *nl, guint group, GError **error);
void adit_nl_unsubscribe(AditNl *nl, guint group);
/* What @who caused by its own requests is not heard on @nl, not even counted. */
gboolean adit_nl_ignore(AditNl *nl, const AditNl *who, GError **error);
/* Sends all messages of @m in as few writes as fit and waits for each ack. Stops at the first
 * refusal and stores its number in @ret_failed (may be NULL); of the messages behind it, those
 * in the same write have been carried out all the same. @func may be NULL. */
gboolean adit_nl_call(AditNl *nl, AditMsg *m, AditNlFunc func, gpointer data, guint *ret_failed,
                      GError **error);
/* One dump request (NLM_F_DUMP is added here); an interrupted dump is begun again, at most 8
 * times. @restart (may be NULL) is called before each repetition, so that the caller forgets
 * what it collected. */
gboolean adit_nl_dump(AditNl *nl, AditMsg *request, AditNlFunc func,
                      void (*restart)(gpointer data), gpointer data, GError **error);
/* The messages of @batch between an nftables begin and end, which are added here, as one
 * transaction: all or nothing. @ret_failed: the first message refused, or the number of
 * messages when the transaction was refused as a whole. */
gboolean adit_nl_transaction(AditNl *nl, AditMsg *batch, guint *ret_failed, GError **error);
/* Reads what has arrived on an event socket without blocking. ADIT_ERROR_BUSY: overrun, dump
 * anew. */
gboolean adit_nl_dispatch(AditNl *nl, AditNlFunc func, gpointer data, GError **error);
void adit_nl_close(AditNl *nl);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNl, adit_nl_close)
