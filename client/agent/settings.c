/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/settings.h"

#include "libadit/sys/settings-file.h"

static const AditSetting rows[] = {
    { "ask", "services", ADIT_SETTING_BOOL, G_STRUCT_OFFSET(AditAgentSettings, services),
      "yes" },
    { "ask", "except", ADIT_SETTING_PORTS, G_STRUCT_OFFSET(AditAgentSettings, except), "" },
    { "tell", "news", ADIT_SETTING_BOOL, G_STRUCT_OFFSET(AditAgentSettings, news), "yes" },
};
static const AditSettingTable table = { rows, G_N_ELEMENTS(rows), sizeof(AditAgentSettings) };

AditAgentSettings *
adit_agent_settings_defaults(void)
{
    return adit_settings_defaults(&table);
}

AditAgentSettings *
adit_agent_settings_load(const char *path, GError **error)
{
    return adit_settings_file_load(&table, path, error);
}

gboolean
adit_agent_settings_check(const char *path, FILE *out, GError **error)
{
    return adit_settings_file_check(&table, path, out, error);
}

void
adit_agent_settings_free(AditAgentSettings *settings)
{
    if (settings)
        adit_settings_free(&table, settings);
}
