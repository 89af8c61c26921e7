/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Is the link a bridge of this network namespace? One that is not there is none. */
gboolean adit_link_is_bridge(const char *link);
