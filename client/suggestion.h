/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/listener.h"

/* What listens on this machine and could be published. */

typedef struct {
    AditPorts ports;     /* one port, one protocol */
    const char *program; /* of @owners; NULL: not known to us */
    AditListener where;  /* HERE, or LOOPBACK */
    gboolean wildcard;   /* at every address of this machine */
} AditSuggestion;

/* Inode of a socket -> the name of the process that has it, for those whose processes we may
 * see. */
GHashTable *adit_socket_owners(void);
/* @listening: of AditListening. AditSuggestion by port; @owners must stay. */
GArray *adit_suggestions(const GArray *listening, GHashTable *owners);
/* What to think of before it is published; "": nothing. */
const char *adit_suggestion_note(const AditSuggestion *suggestion);
/* Worth asking a user about: reachable, harmless as far as its port tells, and at a port that
 * somebody chose. */
gboolean adit_suggestion_is_service(const AditSuggestion *suggestion);
