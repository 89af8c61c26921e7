/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

/* Who makes a gateway's link, and what of that this version can do. */

typedef enum {
    ADIT_BACKEND_AUTO, /* what this version drives: direct */
    ADIT_BACKEND_DIRECT,
    ADIT_BACKEND_NETWORKMANAGER,
    ADIT_BACKEND_NETWORKD,
} AditBackend;

gboolean adit_backend_parse(const char *text, AditBackend *ret);
const char *adit_backend_to_string(AditBackend backend);
/* FALSE: CONFIG, in one sentence that names the backends that can be driven. */
gboolean adit_backend_can_drive(AditBackend backend, GError **error);
/* What an import would make, as text without a key: the plan of a direct gateway, or the files
 * for networkd. */
char *adit_backend_dry_run(AditBackend backend, const char *name, const AditProfile *profile,
                           GError **error);
