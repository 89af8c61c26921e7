/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/settings.h"

#define FIELD(name) G_STRUCT_OFFSET(AditWebSettings, name)

static const AditSetting rows[] = {
    { "Web", "Listen", ADIT_SETTING_STRING, FIELD(listen), "tunnel, loopback", 0, 0, NULL },
    { "Web", "Port", ADIT_SETTING_INT, FIELD(port), "8420", 1, 65535, NULL },
    { "Web", "Names", ADIT_SETTING_STRING, FIELD(names), "", 0, 0, NULL },
    { "Web", "Certificate", ADIT_SETTING_STRING, FIELD(certificate), "", 0, 0, NULL },
    { "Web", "Key", ADIT_SETTING_STRING, FIELD(key), "", 0, 0, NULL },
    { "Web", "DeviceAccess", ADIT_SETTING_BOOL, FIELD(device_access), "no", 0, 0, NULL },
    { "Web", "DeviceManage", ADIT_SETTING_BOOL, FIELD(device_manage), "no", 0, 0, NULL },
    { "Web", "HealthPort", ADIT_SETTING_INT, FIELD(health_port), "0", 0, 65535, NULL },
    { "Sessions", "Idle", ADIT_SETTING_DURATION, FIELD(session_idle), "30min", 60, 604800,
      NULL },
    { "Sessions", "Life", ADIT_SETTING_DURATION, FIELD(session_life), "12h", 60, 2592000,
      NULL },
    { "Limits", "RequestTime", ADIT_SETTING_DURATION, FIELD(request_time), "10s", 1, 300,
      NULL },
    { "Limits", "Connections", ADIT_SETTING_INT, FIELD(connections), "256", 8, 65536, NULL },
    { "Limits", "PerAddress", ADIT_SETTING_INT, FIELD(per_address), "64", 4, 65536, NULL },
};

const AditSettingTable adit_web_settings = { rows, G_N_ELEMENTS(rows),
                                             sizeof(AditWebSettings) };
