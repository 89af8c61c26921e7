/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/sentences.h"

#include <stddef.h>

/* The daemons speak English on the bus, as in their logs; what they say to a user stands here
 * once more, for the translators. A test compares. */
#define N_(text) text

const char *const adit_sentences[] = {
    /* client/health.c */
    N_("no link: its network manager has not made it; adit up tries again"),
    N_("no address for the server's name: is a name server reachable?"),
    N_("no handshake: key, PSK, endpoint or blocked UDP"),
    N_("no handshake any more: server down, changed key or blocked UDP"),
    /* pcp-client/reach.c */
    N_("the server does not let this device publish it: its port is reserved or taken, or "
       "`adit-server device set-publish` is off"),
    N_("the server cannot give this port: somebody else has it, or it has no address to "
       "publish "
       "at"),
    N_("this device has as many ports as the server allows"),
    N_("the server has no room for it at present"),
    N_("the server has lost its own network"),
    N_("another NAT stands between this machine and the server"),
    N_("the server does not map this protocol"),
    N_("the server speaks neither PCP nor NAT-PMP"),
    N_("the server offers another port only"),
    /* pcp-client/mapping.c */
    N_("the server lost its state"),
    N_("this machine's address changed"),
    N_("no answer before the lease ended"),
    N_("revoked by the server"),
    /* pcp-client/listener.c */
    N_("nothing listens on it"),
    N_("it listens on the loopback address only, where no visitor comes: let the service "
       "listen "
       "on 0.0.0.0 and ::"),
    N_("it listens on other addresses of this machine only: let the service listen on 0.0.0.0 "
       "and ::"),
    /* pcp-client/match.c */
    N_("another publication has this port of the gateway"),
    N_("the gateway is down"),
    NULL,
};
