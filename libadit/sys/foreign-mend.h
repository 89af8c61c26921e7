/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/foreign.h"

/* What lets our traffic through somebody else's firewall, in the words of the program that made
 * it. */

/* Our zone of firewalld. Not `trusted`: with the policy that lets visitors through to the
 * tunnel they would get at all else that is trusted. */
#define ADIT_FOREIGN_ZONE "adit"

/* Whose chain drops. */
typedef struct {
    const char *family, *table, *chain;
    const char *link;    /* our tunnel */
    gboolean only_ports; /* we forward nothing */
    gboolean is_ufw, is_docker;
    gboolean has_zone; /* of firewalld's, with our link */
} AditForeignMend;

/* A command for what is forwarded, from or to our link. */
char *adit_foreign_mend_forward(const AditForeignMend *where);

/* A command for a port of this machine. */
char *adit_foreign_mend_port(const AditForeignMend *where, const AditForeignPort *port);
