/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* For how long this machine has been asleep since it booted, in milliseconds: one clock goes on
 * in a sleep, another does not. */
gint64 adit_nap_total(void);
