/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/bus.h"

/* A long list, asked for page by page: between two of them the server answers others. */

typedef enum {
    ADIT_WEB_LIST_DEVICES,
    ADIT_WEB_LIST_MAPPINGS, /* of both families */
} AditWebList;

/* @then gets what the method without pages would answer, as of adit_web_bus_call(). */
void adit_web_bus_list(AditWebBus *bus, AditWebList which, AditWebBusReply then, gpointer data);
