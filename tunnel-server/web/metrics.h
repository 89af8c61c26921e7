/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

#include "tunnel-server/web/counters.h"

/* The text that Prometheus reads. Pure. */

typedef struct {
    gboolean is_up;     /* adit-server answers, and its kernel state is as configured */
    GVariant *devices;  /* rows of ListDevices; NULL: not known */
    GVariant *mappings; /* rows of ListMappings; NULL: not known */
    gint64 now;         /* seconds since 1970 */
    guint sessions, connections;
    const AditWebCounters *counters;
} AditWebMetrics;

char *adit_web_metrics_text(const AditWebMetrics *metrics);
