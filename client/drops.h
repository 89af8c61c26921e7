/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon-publish.h"

/* Who of this machine's own firewalls drops what arrives by @gateway for the first of @ports,
 * or what is led on from there: a sentence with the remedy, or "". @family: 4 or 6. */
char *adit_drops_find(AditDaemon *daemon, const char *gateway, guint8 family,
                      const AditPorts *ports);
