/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nl.h"
#include "libadit/wire/nft-judge.h"

/* Somebody else's set or map: "tcp dport { 22, 80-90 } accept" asks one. */

#define ADIT_FOREIGN_KEY_MAX 16

typedef struct {
    guint8 family;
    char *table, *name;
    guint32 key_len; /* at most ADIT_FOREIGN_KEY_MAX */
    gboolean is_range;
} AditForeignSet;

/* NULL: its keys are longer, or it is incomplete. */
AditForeignSet *adit_foreign_set_read(const struct nlmsghdr *nlh);
/* A look into the kernel, which may be long. @key: of key_len bytes, as they are compared. */
AditNftAnswer adit_foreign_set_has(AditNl *nl, const AditForeignSet *set, gconstpointer key);
/* FALSE: it is not of ports, too. */
gboolean adit_foreign_set_has_port(AditNl *nl, const AditForeignSet *set, guint16 port);
void adit_foreign_set_free(AditForeignSet *set);
