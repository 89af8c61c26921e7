/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"

#include <stdio.h>

/* ~/.config/adit/agent.conf: what a user may change about notifications. */

typedef struct {
    gboolean services;   /* ask about services that could be published */
    AditPortList except; /* but not about these */
    gboolean news;       /* tell what went well, too */
} AditAgentSettings;

AditAgentSettings *adit_agent_settings_defaults(void);
AditAgentSettings *adit_agent_settings_load(const char *path, GError **error);
gboolean adit_agent_settings_check(const char *path, FILE *out, GError **error);
void adit_agent_settings_free(AditAgentSettings *settings);
