/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"

/* server.conf: how the daemon behaves. What the operator's commands change is in the store. */
typedef struct {
    AditPortList reserved; /* [Ports] Reserved: no mapping takes these of the server's own */
    gint64 look_again;     /* [Daemon] LookAgain: seconds between looks at the kernel */
    gint64 save_endpoints; /* [Daemon] SaveEndpoints: seconds between */
} AditServerSettings;

extern const AditSettingTable adit_server_settings;
