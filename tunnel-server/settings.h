/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"

/* server.conf: how the daemon behaves. What the operator's commands change is in the store. */
typedef struct {
    AditPortList reserved; /* [Ports] Reserved: no mapping takes these of the server's own */
    AditPortList spare;    /* [Ports] SpareUdp: WireGuard is reached by these, too */
    gint64 look_again;     /* [Daemon] LookAgain: seconds between looks at the kernel */
    gint64 save_endpoints; /* [Daemon] SaveEndpoints: seconds between */
    gint64 overlap;        /* [Daemon] Overlap: seconds that an old IPv6 network is served */
    gboolean pcp;          /* [PCP] Enabled: devices may open ports themselves */
    gboolean natpmp;       /* [PCP] NatPmp: version 0, for old clients */
    gint64 min_lifetime, max_lifetime; /* [PCP] MinLifetime, MaxLifetime: seconds */
    gint64 quota;                      /* [PCP] Quota: mappings of one device */
    gint64 low_quota;                  /* [PCP] LowQuota: of them below port 1024 */
    gint64 filters;                    /* [PCP] Filters: networks one mapping is limited to */
    gint64 rate, burst;                /* [PCP] Rate, Burst: requests a second of one device */
    gint64 per_mapping, per_device; /* [Limits] Mapping, Device: connections at once; 0: any */
    gint64 recycle;                 /* [PCP] Recycle: seconds until a freed port is another's */
    gboolean second; /* [PCP] CompatSecondExternal: port 80 beside 443, as StartOS asks */
} AditServerSettings;

extern const AditSettingTable adit_server_settings;
