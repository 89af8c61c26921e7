/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nl.h"

/* Somebody else's set of ports: "tcp dport { 22, 80-90 } accept" asks one. */

typedef struct {
    guint8 family;
    char *table, *name;
} AditForeignSet;

/* NULL: it is not of ports, or incomplete. */
AditForeignSet *adit_foreign_set_read(const struct nlmsghdr *nlh);
/* A look into the kernel, which may be long. */
gboolean adit_foreign_set_has_port(AditNl *nl, const AditForeignSet *set, guint16 port);
void adit_foreign_set_free(AditForeignSet *set);
