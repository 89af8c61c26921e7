/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"
#include "policy-routing/plan.h"

/* CONFIG/adit.conf: what an admin may change about the client. */

/* One that does not exist means the defaults. The marks of @ret and the prefixes are the
 * caller's to free. */
gboolean adit_client_settings_load(const char *config_dir, AditPolicy *ret,
                                   AditPrefixList *ret_allowed_targets, GError **error);
