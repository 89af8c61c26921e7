/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/plan.h"

/* A working server out of nothing; on one that is set up, only what is named and differs. */

typedef struct {
    const char *endpoint; /* HOST[:PORT]; "": none given, likewise below */
    const char *wan;
    const char *network;
    const char *ipv6;  /* a prefix, "auto" or "none" */
    AditKey fresh_key; /* the server's, if it has none yet */
    guint32 dice;
    const AditServerFacts *facts;
    gboolean has_ipv6;
    gint64 until_s;   /* how long a network that another one replaces is served */
    GPtrArray *notes; /* out: sentences (char *) */
} AditSetup;

/* An AditEdit with an AditSetup. */
gboolean adit_setup_edit(AditModel *model, gpointer data, GError **error);
/* The public IPv6 network the WAN is in, if devices can have addresses of it. */
gboolean adit_setup_find_prefix(const AditServerFacts *facts, AditPrefix *ret);
/* Says what may keep @prefix from working; nothing when it is on the WAN's own link. */
void adit_setup_doubt_prefix(const AditPrefix *prefix, const AditServerFacts *facts,
                             GPtrArray *notes);
