/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"
#include "policy-routing/plan.h"

/* CONFIG/adit.conf: what an admin may change about the client. */

/* Whether connections of a tunnel server become gateways by themselves. */
typedef enum {
    ADIT_AUTO_ADOPT_YES,
    ADIT_AUTO_ADOPT_ASK, /* they are offered */
    ADIT_AUTO_ADOPT_NO,
} AditAutoAdopt;

/* One that does not exist means the defaults. The marks of @ret and the prefixes are the
 * caller's to free. */
gboolean adit_client_settings_load(const char *config_dir, AditPolicy *ret,
                                   AditPrefixList *ret_allowed_targets,
                                   AditAutoAdopt *ret_auto_adopt, GError **error);

/* [hooks] of the same file. */
typedef struct {
    guint timeout; /* seconds */
    char *user;    /* whose rights they have when root starts adit-hooks */
} AditHookSettings;

gboolean adit_hook_settings_load(const char *config_dir, AditHookSettings *ret, GError **error);
void adit_hook_settings_clear(AditHookSettings *settings);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditHookSettings, adit_hook_settings_clear)
