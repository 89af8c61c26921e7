/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/settings.h"

#define FIELD(name) G_STRUCT_OFFSET(AditServerSettings, name)

static const AditSetting rows[] = {
    { "Ports", "Reserved", ADIT_SETTING_PORTS, FIELD(reserved), "22", 0, 0, NULL },
    { "Daemon", "LookAgain", ADIT_SETTING_DURATION, FIELD(look_again), "30s", 1, 86400, NULL },
    { "Daemon", "SaveEndpoints", ADIT_SETTING_DURATION, FIELD(save_endpoints), "5min", 1, 86400,
      NULL },
};

const AditSettingTable adit_server_settings = { rows, G_N_ELEMENTS(rows),
                                                sizeof(AditServerSettings) };
