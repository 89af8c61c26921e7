/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/ports.h"
#include "libadit/wire/diag.h"

/* Whether a visitor who comes to an address of ours finds somebody. Pure: what listens is an
 * array of AditListening. */

typedef enum {
    ADIT_LISTENER_HERE,     /* reachable at the address */
    ADIT_LISTENER_NOBODY,   /* nothing listens on the port at all */
    ADIT_LISTENER_LOOPBACK, /* only where nobody from outside comes */
    ADIT_LISTENER_OTHER,    /* only at other addresses or links */
} AditListener;

/* @link: of the gateway, whose index is @ifindex; @own: our address there. */
AditListener adit_listener_find(const GArray *listening, const AditPorts *ports,
                                const AditAddr *own, guint32 ifindex);
/* For any address there might be: LOOPBACK, if that is all there is. */
AditListener adit_listener_anywhere(const GArray *listening, const AditPorts *ports);
/* A sentence with the remedy for what is not HERE. */
const char *adit_listener_words(AditListener listener);
