/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/settings.h"

#include "libadit/core/pcp.h"

#define FIELD(name) G_STRUCT_OFFSET(AditServerSettings, name)

static const AditSetting rows[] = {
    { "Ports", "Reserved", ADIT_SETTING_PORTS, FIELD(reserved), "22", 0, 0, NULL },
    { "Ports", "SpareUdp", ADIT_SETTING_PORTS, FIELD(spare), "", 0, 0, NULL },
    { "Limits", "Mapping", ADIT_SETTING_INT, FIELD(per_mapping), "0", 0, 10000000, NULL },
    { "Limits", "Device", ADIT_SETTING_INT, FIELD(per_device), "0", 0, 10000000, NULL },
    { "Daemon", "LookAgain", ADIT_SETTING_DURATION, FIELD(look_again), "30s", 1, 86400, NULL },
    { "Daemon", "SaveEndpoints", ADIT_SETTING_DURATION, FIELD(save_endpoints), "5min", 1, 86400,
      NULL },
    { "Daemon", "Overlap", ADIT_SETTING_DURATION, FIELD(overlap), "1h", 0, 7 * 86400, NULL },
    { "PCP", "Enabled", ADIT_SETTING_BOOL, FIELD(pcp), "yes", 0, 0, NULL },
    { "PCP", "NatPmp", ADIT_SETTING_BOOL, FIELD(natpmp), "yes", 0, 0, NULL },
    { "PCP", "MinLifetime", ADIT_SETTING_DURATION, FIELD(min_lifetime), "2min", 1, 86400,
      NULL },
    { "PCP", "MaxLifetime", ADIT_SETTING_DURATION, FIELD(max_lifetime), "24h", 1, 86400, NULL },
    { "PCP", "Quota", ADIT_SETTING_INT, FIELD(quota), "256", 0, 65535, NULL },
    { "PCP", "LowQuota", ADIT_SETTING_INT, FIELD(low_quota), "64", 0, 1023, NULL },
    { "PCP", "Filters", ADIT_SETTING_INT, FIELD(filters), "16", 0, ADIT_PCP_FILTERS_MAX, NULL },
    { "PCP", "Rate", ADIT_SETTING_INT, FIELD(rate), "50", 1, 1000000, NULL },
    { "PCP", "Burst", ADIT_SETTING_INT, FIELD(burst), "200", 1, 1000000, NULL },
    { "PCP", "Recycle", ADIT_SETTING_DURATION, FIELD(recycle), "1min", 0, 86400, NULL },
    { "PCP", "CompatSecondExternal", ADIT_SETTING_BOOL, FIELD(second), "no", 0, 0, NULL },
};

const AditSettingTable adit_server_settings = { rows, G_N_ELEMENTS(rows),
                                                sizeof(AditServerSettings) };
