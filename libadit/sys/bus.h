/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* Lets ADIT_ERROR travel over D-Bus as org.adit.Error.* and come out as itself. */
void adit_bus_register_errors(void);
/* Cuts GDBus's "GDBus.Error:...:" off, and gives errors of the bus itself the code that our
 * exit codes know: nobody owns @service -> TIMEOUT, access denied -> DENIED. Takes and returns
 * @error. */
GError *adit_bus_take_error(GError *error, const char *service);
