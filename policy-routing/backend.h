/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

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
    const AditProfile *profile;
    const AditSockAddr *endpoints; /* one for each peer; unset: none, or not resolved yet */
} AditBackendGateway;

/* @error NULL: done. @id: of a gateway that was created, else NULL. */
typedef void (*AditBackendDone)(const char *id, const GError *error, gpointer data);

/* What a gateway's manager says of it by itself. */
typedef struct {
    /* Somebody removed it by the manager's own means. */
    void (*gone)(const char *id, gpointer data);
    /* Its link came up or went down, or may want mending. */
    void (*changed)(const char *id, gboolean up, gpointer data);
    gpointer data;
} AditBackendWatch;

typedef struct _AditBackend AditBackend;

typedef struct {
    /* The manager knows it from here on; its link need not be there. */
    void (*create)(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                   gpointer data);
    /* Another profile or selection, in place: tunnel, keys and flows that both have live on. */
    void (*update)(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                   gpointer data);
    /* Nothing of it is left, link and keys included. One that is not there: done. */
    void (*remove)(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                   gpointer data);
    void (*activate)(AditBackend *self, const AditBackendGateway *gateway, AditBackendDone done,
                     gpointer data);
    void (*deactivate)(AditBackend *self, const AditBackendGateway *gateway,
                       AditBackendDone done, gpointer data);
    /* The ids of all it has, NULL-terminated; NULL: it cannot say now. */
    GStrv (*list)(AditBackend *self);
    /* Puts back what others changed of the kernel's side of a gateway that is up. */
    gboolean (*mend)(AditBackend *self, const AditBackendGateway *gateway, GError **error);
    /* From now on @watch hears. Copied. */
    void (*watch)(AditBackend *self, const AditBackendWatch *watch);
    void (*free)(AditBackend *self); /* callbacks that wait are not called any more */
} AditBackendOps;

struct _AditBackend {
    const AditBackendOps *ops;
};
