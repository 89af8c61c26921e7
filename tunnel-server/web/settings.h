/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"

/* web.conf: where the page is served, and to whom. */
typedef struct {
    char *listen;           /* [Web] Listen: tunnel, loopback, public or addresses */
    gint64 port;            /* [Web] Port */
    char *names;            /* [Web] Names: host names the page is asked for by */
    char *certificate;      /* [Web] Certificate: PEM file; "": none */
    char *key;              /* [Web] Key: PEM file */
    gboolean device_access; /* [Web] DeviceAccess: a device sees its own without a login */
    gboolean device_manage; /* [Web] DeviceManage: and changes what it has opened itself */
    gint64 health_port;     /* [Web] HealthPort: /healthz alone, on every address; 0: none */
    gint64 session_idle;    /* [Sessions] Idle: seconds */
    gint64 session_life;    /* [Sessions] Life: seconds */
    gint64 request_time;    /* [Limits] RequestTime: seconds for a whole request to arrive */
    gint64 connections;     /* [Limits] Connections */
    gint64 per_address;     /* [Limits] PerAddress: of those */
} AditWebSettings;

extern const AditSettingTable adit_web_settings;
