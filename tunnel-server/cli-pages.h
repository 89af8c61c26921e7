/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "server-dbus-generated.h"

/* All rows of the daemon's lists, as its interface has them; NULL: @error. */
GVariant *adit_cli_devices(AditSrvManager *manager, GError **error);
GVariant *adit_cli_published(AditSrvManager *manager, guchar family,
                             GError **error); /* 0: both */
