/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* A connection of its own to the bus at @address, of which a test may have several. */
GDBusConnection *private_bus_connect(const char *address);
