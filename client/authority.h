/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* Who may have what done: root everything, others what polkit says of an action
 * (data/org.adit.Client1.policy). */

typedef struct {
    const char *method;
    const char *action; /* "org.adit.Client1.import" */
} AditAuthorityRow;

/* From now on the methods of @skeleton that @rows name (its last one is { 0 }; static) are
 * asked for first. Methods without a row change nothing. */
void adit_authority_guard(GDBusInterfaceSkeleton *skeleton, const AditAuthorityRow *rows);
