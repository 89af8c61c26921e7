/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/ports.h"

/* What port 80 of the same address does for a publication of 443. */
typedef enum {
    ADIT_REDIRECT_NONE,
    ADIT_REDIRECT_HTTPS, /* the server itself answers 308 to https:// */
    ADIT_REDIRECT_PORT,  /* it leads to the same service, which knows plain HTTP when it sees it
                          */
} AditRedirectKind;

/* Whose word a publication is. The operator's beats the device's. */
typedef enum {
    ADIT_OWNER_OPERATOR,
    ADIT_OWNER_DEVICE, /* its device has made it, on the server's page */
    ADIT_OWNER_HELD,   /* likewise, and the operator has switched it off */
} AditOwner;

/* A forward (family IPv4: external address to the device) or a pinhole (IPv6: the device's own
 * address, no translation unless the ports differ). */
typedef struct {
    gint64 id;
    guint8 family;
    AditAddr external; /* unset in IPv4: the subnet's or the WAN's address */
    guint16 first, last;
    AditProto proto;
    guint device;     /* index into the model */
    guint16 internal; /* of the first port; ranges keep their offsets */
    gboolean enabled;
    AditOwner owner;
    AditRedirectKind redirect; /* only if 443/tcp is in it */
    gboolean
        yields; /* settled: another one has port 80 itself, to which the redirect gives way */
    char *label;
    AditPrefix *allow_from; /* none: everybody */
    guint n_allow_from;
} AditPublish;

/* All of them. They are many and most changes are of something else, so models share a list
 * until one of them changes it; shared, it is read only. */
typedef struct {
    GPtrArray *list; /* AditPublish */
    guint sharers;
} AditPublishes;

AditPublishes *adit_publishes_new(void);
AditPublishes *adit_publishes_ref(AditPublishes *self);
void adit_publishes_unref(AditPublishes *self);
/* Takes @self; nobody else has what is returned. */
AditPublishes *adit_publishes_own(AditPublishes *self);

gboolean adit_publish_has_port(const AditPublish *publish, AditProto proto, guint16 port);
