/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "policy-routing/backend.h"

/* Which backends there are, and which of them this build and this machine can drive. */

typedef enum {
    ADIT_BACKEND_AUTO, /* who manages the link of the default route; nobody: direct */
    ADIT_BACKEND_DIRECT,
    ADIT_BACKEND_NETWORKMANAGER,
    ADIT_BACKEND_NETWORKD,
} AditBackendKind;
#define ADIT_N_BACKENDS (ADIT_BACKEND_NETWORKD + 1)

gboolean adit_backend_parse(const char *text, AditBackendKind *ret);
const char *adit_backend_to_string(AditBackendKind kind);
/* FALSE: CONFIG: this build has it not. */
gboolean adit_backend_can_drive(AditBackendKind kind, GError **error);
/* Fills in by kind what this build has; @kernel is borrowed, @state_dir theirs to keep things
 * in. */
void adit_backends_open(AditBackend *ret[ADIT_N_BACKENDS], AditKernel *kernel,
                        const char *state_dir);
/* What an import would make, as text without a key: the plan of a direct gateway, or the files
 * for networkd. */
char *adit_backend_dry_run(AditBackendKind kind, const char *name, const AditProfile *profile,
                           GError **error);
