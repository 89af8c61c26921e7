/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"
#include "libadit/core/state.h"

/* Who makes the links of gateways: NetworkManager, systemd-networkd, or aditd itself. One small
 * interface, so that aditd does not know which. All of it runs in the main loop and waits for
 * nobody: an operation answers by its callback, once, perhaps before it returns.
 *
 * Policy is none of a backend's business: rules, guard and the routes they read are there
 * before create and until after remove. */

/* A gateway as wanted. Borrowed for the call. */
typedef struct {
    const char *name;  /* the gateway's, and its link's */
    const char *title; /* what people call it */
    const char *id;    /* what the manager calls it; NULL: not made yet */
    guint slot;
    gboolean up;
    gboolean selected[2]; /* the default outbound of IPv4, IPv6 */
    gboolean everyone;    /* of adopt and update: for all users and at boot from now on */
    const AditProfile *profile;
    const AditSockAddr *endpoints; /* one for each peer; unset: none, or not resolved yet */
} AditBackendGateway;

/* @error NULL: done. @id: of a gateway that was created, else NULL. */
typedef void (*AditBackendDone)(const char *id, const GError *error, gpointer data);

/* What a manager has as a WireGuard link, whoever made it. */
typedef struct {
    const char *id, *link, *title;
    const char *owner; /* the one user it is for, so that it is not there at boot; NULL: all */
    const AditProfile *profile;
} AditBackendFound;

typedef void (*AditBackendRead)(const AditBackendFound *found, const GError *error,
                                gpointer data);

typedef struct {
    gboolean marked; /* as a profile of our server is */
    gboolean fresh;  /* added a moment ago, while we were looking */
} AditBackendSight;

/* What a manager says by itself. */
typedef struct {
    void (*ready)(gpointer data);                 /* it has come, or come back */
    void (*found)(const char *id, gpointer data); /* a tunnel server's, by its marker */
    void (*edited)(const char *id, gpointer data);
    void (*gone)(const char *id, gpointer data); /* removed by the manager's own means */
    /* Of no gateway: marked as a tunnel server's and just added by somebody, or unmarked and
     * up.
     */
    void (*seen)(const char *id, const AditBackendSight *sight, gpointer data);
    /* By a user's word. FALSE: not now, for a change of it is under way. */
    gboolean (*switched)(const char *id, gboolean up, gpointer data);
    gpointer data;
} AditBackendWatch;

typedef struct _AditBackend AditBackend;

typedef void (*AditBackendVerb)(AditBackend *self, const AditBackendGateway *gateway,
                                AditBackendDone done, gpointer data);

typedef struct {
    AditBackendVerb create; /* the manager knows it from here on; its link need not be there */
    AditBackendVerb
        update;            /* another profile or selection, in place: what both have lives on */
    AditBackendVerb adopt; /* what somebody else made becomes a gateway's, in place */
    AditBackendVerb release; /* as it was before adopt, byte for byte */
    AditBackendVerb remove;  /* link and keys too; one that is not there: done */
    AditBackendVerb activate;
    AditBackendVerb deactivate;
    /* By id, or by what people call it. NOT_FOUND. */
    void (*read)(AditBackend *self, const char *word, AditBackendRead done, gpointer data);
    GStrv (*list)(AditBackend *self); /* ids of all it has; NULL: it cannot say now */
    gboolean (*manages)(AditBackend *self, const char *link);
    /* Whether an update of @id can reach it now; FALSE: why not. NULL: it always can. */
    gboolean (*is_ready)(AditBackend *self, const char *id, GError **error);
    /* Whether it will have @id in a moment, or know that it has not. NULL: it always knows. */
    gboolean (*is_coming)(AditBackend *self, const char *id);
    /* Puts back what others changed of the kernel's side of a gateway that is up. */
    gboolean (*mend)(AditBackend *self, const AditBackendGateway *gateway, GError **error);
    /* Keeps the guard of @want as rules of the manager's own as well; NULL: none, or none any
     * more. Of those that can; looked at in every round. */
    void (*guard)(AditBackend *self, const AditState *want);
    void (*watch)(AditBackend *self, const AditBackendWatch *watch); /* copied */
    void (*free)(AditBackend *self); /* callbacks that wait are not called any more */
} AditBackendOps;

struct _AditBackend {
    const AditBackendOps *ops;
};

/* Deep; keys are wiped when it is freed. */
AditBackendGateway *adit_backend_gateway_copy(const AditBackendGateway *gateway);
void adit_backend_gateway_free(AditBackendGateway *gateway);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditBackendGateway, adit_backend_gateway_free)
